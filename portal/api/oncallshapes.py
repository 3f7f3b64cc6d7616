"""What goes into and comes out of the API's on-call doors. Values only; moments are UTC, durations are seconds."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from portal.api.asked import In, Note, Word
from portal.api.shapes import Out

YEARS = range(2000, 2200)


def _sensible(at: datetime) -> datetime:
    if at.year not in YEARS:
        raise ValueError(f"a moment between {YEARS[0]} and {YEARS[-1]} is needed")
    return at.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_sensible)]
Text = Annotated[str, Field(min_length=1, max_length=200_000)]
FROM = Field(alias="from", description="with its offset, like 2026-03-02T09:00:00+01:00")


class Aliased(In):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


# --- looking ----------------------------------------------------------------------------------------------------------


class WhoQuery(In):
    service: Word | None = Field(None, description="who answers for this service")
    team: Word | None = Field(None, description="who answers of this team")
    schedule: Word | None = Field(None, description="only this schedule")
    at: Moment | None = Field(None, description="then; nothing: now")


class SpanQuery(Aliased):
    since: Moment | None = Field(None, alias="from", description="nothing: now")
    until: Moment | None = Field(None, description="nothing: two weeks after `from`; a year at most")
    role: Word | None = None


class GapsQuery(In):
    schedule: Word | None = None
    days: int = Field(28, ge=1, le=366, description="how far ahead")


class DryQuery(In):
    dry_run: bool = Field(False, description="only say what it would do")


class Holder(Out):
    """Who holds a role, from when to when, and why."""

    role: str
    person: str
    name: str
    start: datetime
    end: datetime
    source: str = Field(description="rotation main, override 3, swap 4")
    by: str
    reason: str


class Duty(Out):
    """Who is on call by one schedule."""

    schedule: str
    team: str
    zone: str
    roles: list[Holder]


class Asked(Out):
    """Somebody at a level of an escalation, and whether a page would reach her."""

    person: str
    name: str
    through: str = Field(description="as what: payments/primary")
    reached_at: datetime | None = Field(description="her first notification of something urgent; nothing: none")
    why: str = Field(description="why she cannot be reached")


class Rung(Out):
    level: int
    delay_seconds: float = Field(description="until the next level")
    people: list[Asked]


class Answer(Out):
    """Who answers for a service or a team, level by level."""

    about: str
    team: str
    escalation: str
    why: str
    levels: list[Rung]


class OnCall(Out):
    at: datetime
    schedules: list[Duty]
    answer: Answer | None = Field(description="only where a service or a team was asked for")


class Shifts(Out):
    schedule: str
    zone: str
    since: datetime
    until: datetime
    shifts: list[Holder]


class Finding(Out):
    kind: str = Field(description="gap, double, alone, unreachable, away or left")
    schedule: str
    role: str
    start: datetime
    end: datetime
    people: list[str]
    sentence: str


class Findings(Out):
    findings: list[Finding]


# --- writing ----------------------------------------------------------------------------------------------------------


class DocumentIn(In):
    text: Text = Field(description="the file: YAML")
    team: Word = Field("", description="whose it is, like group:payments; empty: whose it was")
    why: Note = ""


class ReasonQuery(In):
    why: Note = Field("", description="for the history")


class Document(Out):
    name: str
    team: str
    version: int
    since: datetime
    by: str
    why: str
    text: str


class Documents(Out):
    documents: list[Document]


class Moved(Out):
    """What one person gains and loses."""

    person: str
    role: str
    gained_seconds: float
    lost_seconds: float
    nights_gained: int
    nights_lost: int
    weekend_gained_seconds: float
    weekend_lost_seconds: float


class Proposal(Out):
    """What a change does, person by person."""

    schedule: str
    saved: bool
    empty: bool = Field(description="nobody would notice")
    changes_now: bool = Field(description="somebody else is on call at once")
    sentences: list[str]
    changes: list[Moved]
    opened: list[str] = Field(description="gaps that were none before")
    closed: list[str] = Field(description="gaps that will be none")
    doubles: list[str] = Field(description="double bookings that are new")
    absent: list[str] = Field(description="who gains time and cannot be reached, or has left")
    findings: list[str] = Field(description="all that is wrong afterwards")


class EscalationSaved(Out):
    name: str
    saved: bool
    levels: int
    rounds: int


class OverrideIn(Aliased):
    role: Word = "primary"
    person: Word = Field("me", description="ada, user:ada, or me")
    since: Moment = FROM
    until: Moment
    reason: Note = ""


class CoverIn(Aliased):
    role: Word = "primary"
    at: Moment = Field(description="a moment in the shift that is meant")
    person: Word = Field("me", description="who takes it")
    since: Moment | None = Field(None, alias="from", description="a part of it only")
    until: Moment | None = None
    reason: Note = ""


class SwapIn(Aliased):
    role: Word = "primary"
    mine: Moment = Field(description="a moment in the one shift")
    with_: Moment = Field(alias="with", description="a moment in the other")
    reason: Note = ""


class Override(Out):
    id: int
    schedule: str
    role: str
    person: str
    start: datetime
    end: datetime
    kind: str
    by: str
    reason: str
    pair: int | None = Field(description="the other half of a swap")


class Overrides(Out):
    overrides: list[Override]
