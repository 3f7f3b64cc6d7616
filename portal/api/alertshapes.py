"""What goes into and comes out of the API's doors for silences, integrations and one's own channels. Values only."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from portal.api.asked import Id, In, Note, Word
from portal.api.oncallshapes import Aliased, Moment
from portal.api.shapes import Out


class SilenceIn(Aliased):
    matchers: Annotated[list[Word], Field(min_length=1, max_length=20)] = Field(
        description="all must hold: `service=component:default/checkout`, `label:env=staging`, `host=~db-.*`"
    )
    reason: Note = Field(min_length=1)
    since: Moment | None = Field(None, alias="from", description="nothing: now")
    until: Moment | None = None
    lasts: Word | None = Field(None, alias="for", description="from its begin: `2h`")
    kind: Literal["silence", "maintenance"] = "silence"
    incident: Id | None = Field(None, description="it ends with this incident, and at `until` at the latest")


class Silence(Out):
    id: int
    kind: str
    matchers: list[str]
    reason: str
    by: str
    team: str
    start: datetime
    end: datetime
    incident: int | None
    active: bool = Field(description="it holds now")


class Silences(Out):
    silences: list[Silence]


class IntegrationIn(In):
    service: Word = Field(min_length=1)
    kind: Literal["events", "alertmanager", "generic", "mail", "heartbeat"]
    name: Word = ""
    settings: dict[Word, Note] = Field(
        default_factory=dict, description="what the kind needs, as in the page's form: every, grace, mapping, senders …"
    )


class IntegrationsQuery(In):
    service: Word | None = None


class Integration(Out):
    id: int
    kind: str
    name: str
    service: str
    hint: str = Field(description="the last signs of its key")
    by: str
    created_at: datetime
    last_at: datetime | None = Field(description="when it was last heard of")
    settings: dict[str, str] = Field(description="what it was told, as the page's form says it, without what is secret")


class IntegrationChange(In):
    """What is left out stays as it is."""

    name: Word | None = None
    service: Word | None = None
    settings: dict[Word, Note] | None = Field(None, description="those that are given; an empty one takes it away")


class RenewIn(Aliased):
    lasts: Word = Field("7d", alias="for", description="how long the old key holds: `1d`, `12h`; `0s`: not at all")


class Integrations(Out):
    integrations: list[Integration]


class Paste(Out):
    what: str
    text: str


class IntegrationMade(Out):
    id: int
    kind: str
    name: str
    key: str = Field(description="shown this once")
    pastes: list[Paste]


class ChannelIn(In):
    kind: Word = "apprise"
    label: Word = ""
    address: Note = Field("", description="ada@example.org, +4917…, ntfys://ntfy.sh/topic …")
    high_after_seconds: int | None = Field(0, ge=0, le=3600, description="for what is urgent; null: never")
    low_after_seconds: int | None = Field(0, ge=0, le=3600, description="for what can wait; null: never")


class CodeIn(In):
    code: Word = Field(min_length=1)


class Channel(Out):
    id: int
    kind: str
    label: str
    address: str = Field(description="masked")
    verified: bool
    high_after_seconds: float | None
    low_after_seconds: float | None
    trouble: str = Field(description="what the provider said last, when it refused")


class Channels(Out):
    channels: list[Channel]
    zone: str
    quiet_from: str
    quiet_until: str


class QuietIn(In):
    zone: Word = Field(min_length=1)
    quiet_from: Word = Field("", description="22:00; empty: never quiet")
    quiet_until: Word = ""


class PagerIn(In):
    pagerduty: Word = Field(description="the name of the team's secret with the routing key; empty: none")


class TeamPager(Out):
    team: str
    pagerduty: str
