"""The words that the whole room shares: roles, shifts and where a shift came from, urgency, severity. Pure.

Moments are aware and in UTC; a person is a reference like `user:default/ada`, and an empty one is nobody.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

PRIMARY = "primary"


class Kind(StrEnum):
    """What put a person into a shift."""

    ROTATION = "rotation"
    OVERRIDE = "override"  # somebody takes it, or is put there
    SWAP = "swap"  # one half of an exchange


@dataclass(frozen=True)
class Source:
    """Where a computed shift came from: the rotation's name, or the override's number and who asked for it and why."""

    kind: Kind
    name: str  # `main`, or the number of an override
    by: str = ""
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Shift:
    """Who holds a role, from when to when (the end does not belong to it), and why that is so."""

    start: datetime
    end: datetime
    role: str
    person: str
    source: Source

    @property
    def length(self) -> timedelta:
        return self.end - self.start


class Severity(StrEnum):
    """How much it hurts, in the words of the Events API."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


def is_worse(one: Severity, other: Severity) -> bool:
    """Does one hurt more than the other? They are named from the worst to the least."""
    order = list(Severity)
    return order.index(one) < order.index(other)


class Urgency(StrEnum):
    """Whether somebody is woken for it. Low waits for the end of a person's quiet hours."""

    HIGH = "high"
    LOW = "low"


def urgency(severity: Severity) -> Urgency:
    """Return whether something of this severity wakes somebody: critical and error do."""
    return Urgency.HIGH if severity in (Severity.CRITICAL, Severity.ERROR) else Urgency.LOW
