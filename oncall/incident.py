"""An incident as a value: its states, the facts that move it, and what its escalation must remember. Pure.

All of it can be written as JSON and read back, so that whoever takes over knows exactly where it stands. Its history
is in the facts, not here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from oncall.policy import Policy, Target
from oncall.terms import Severity, Urgency
from oncall.terms import urgency as urgency_of


class State(StrEnum):
    OPEN = "open"  # nobody has it yet; it escalates
    ACKNOWLEDGED = "acknowledged"  # somebody has it, and is reminded now and then
    SNOOZED = "snoozed"  # wanted quiet until a moment; then from level 1
    MUTED = "muted"  # a silence or a maintenance covers it; nobody is paged
    RESOLVED = "resolved"  # it is over
    MERGED = "merged"  # it goes on as part of another


ENDED = frozenset({State.RESOLVED, State.MERGED})
LIVE = tuple(state for state in State if state not in ENDED)


class Kind(StrEnum):
    OPENED = "opened"
    JOINED = "joined"  # one more signal of the same
    PAGED = "paged"  # a level begins: its people are paged
    LEVEL_SKIPPED = "level_skipped"  # nobody there, or nobody who can be reached
    EXHAUSTED = "exhausted"  # no level is left; the team and the portal's own alarm are told
    RESTARTED = "restarted"  # from level 1 again, by itself
    CALLED = "called"  # an added responder is paged, beside the escalation
    DELIVERED = "delivered"
    REFUSED = "refused"  # a channel did not take it
    ONE_ACKNOWLEDGED = "one_acknowledged"  # of several who must
    ACKNOWLEDGED = "acknowledged"
    REMINDED = "reminded"
    SNOOZED = "snoozed"
    UNSNOOZED = "unsnoozed"
    MUTED = "muted"
    UNMUTED = "unmuted"
    REASSIGNED = "reassigned"
    RESPONDER_ADDED = "responder_added"
    SEVERITY_CHANGED = "severity_changed"
    ROLE_GIVEN = "role_given"
    NOTED = "noted"
    MERGED = "merged"
    RESOLVED = "resolved"
    REOPENED = "reopened"


@dataclass(frozen=True)
class Page:
    """One person to be paged in one step. `at`: her first notification, later than now only where it may wait.

    `kind` is the fact that it came with: paged, called or reminded. `step` counts all steps of the incident from 1.
    `level` is 0 where a person named her.
    """

    kind: Kind
    step: int
    loop: int
    level: int
    person: str
    target: Target
    at: datetime


@dataclass(frozen=True)
class Opening:
    """What an incident begins with."""

    number: int
    title: str
    service: str  # component:default/checkout
    severity: Severity
    policy: Policy
    turn: int | None = None  # whose turn it is in a round robin; the incident's number when nobody counts
    signal: str = ""


@dataclass(frozen=True)
class Fact:
    """What happened, who did it (empty: the portal itself) and what it brought."""

    kind: Kind
    by: str = ""
    reason: str = ""
    opening: Opening | None = None
    step: int = 0
    loop: int = 0
    level: int = 0
    pages: tuple[Page, ...] = ()
    person: str = ""  # who is paged, reassigned to, added, given a role
    channel: str = ""
    last: bool = False  # of REFUSED: she has no channel left to try
    until: datetime | None = None
    severity: Severity | None = None
    role: str = ""
    into: int = 0
    signal: str = ""


@dataclass(frozen=True)
class Step:
    """The newest step of the escalation, and who of its people no channel could reach."""

    number: int
    loop: int
    level: int
    at: datetime
    people: tuple[str, ...]
    unreached: tuple[str, ...] = ()


@dataclass(frozen=True)
class Incident:
    """One incident. `loop` (from 0) and `level` (from 1; 0 is `named`) are the next step, which begins at `due_at`."""

    number: int
    title: str
    service: str
    severity: Severity
    policy: Policy
    turn: int
    opened_at: datetime
    state: State = State.OPEN
    run: int = 0  # how often it began again at level 1
    loop: int = 0
    level: int = 1
    due_at: datetime | None = None
    empty: int = 0  # levels skipped one after the other
    step: Step | None = None
    steps: int = 0  # begun so far, with reminders and calls
    before: int = 0  # of them, those of earlier runs
    exhausted_at: datetime | None = None
    named: str = ""  # reassigned to her, and not paged yet
    called: tuple[str, ...] = ()  # added, and not paged yet
    responders: tuple[str, ...] = ()
    acked: tuple[str, ...] = ()
    assigned: tuple[str, ...] = ()  # who has it, and is reminded
    reminded: int = 0  # times without an answer
    reminder_at: datetime | None = None  # the next one, or when it escalates again
    until: datetime | None = None  # of a snooze or a silence
    roles: tuple[tuple[str, str], ...] = ()  # role, person
    signals: int = 1
    merged_into: int = 0
    ended_at: datetime | None = None
    reason: str = ""  # why it is in its state
    version: int = 0

    @property
    def urgency(self) -> Urgency:
        return urgency_of(self.severity)

    @property
    def is_past_the_end(self) -> bool:
        """Has every level had all its rounds?"""
        return self.loop >= self.policy.rounds


_INCIDENT = TypeAdapter(Incident)
_FACT = TypeAdapter(Fact)


def to_json(incident: Incident) -> dict[str, Any]:
    written: dict[str, Any] = _INCIDENT.dump_python(incident, mode="json")
    return written


def from_json(written: Mapping[str, Any]) -> Incident:
    return _INCIDENT.validate_python(written)


def fact_to_json(fact: Fact) -> dict[str, Any]:
    written: dict[str, Any] = _FACT.dump_python(fact, mode="json", exclude_defaults=True)
    return written


def fact_from_json(written: Mapping[str, Any]) -> Fact:
    return _FACT.validate_python(written)
