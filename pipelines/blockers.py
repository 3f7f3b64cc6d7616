"""What this room asks of others before a deploy: open incidents, who answers now, what is left of a budget. Pure.

Whoever knows fills these Protocols in the wiring. None always means *not connected*, which is never a yes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Incident:
    """An incident that is open, in the service itself or in one that it needs."""

    number: int
    title: str
    service: str  # component:default/checkout
    since: datetime


@dataclass(frozen=True)
class Answering:
    """Who answers for a service at a moment; an empty name: nobody. `why` says how that is known."""

    name: str = ""
    reachable: bool = False
    why: str = ""


@dataclass(frozen=True)
class Budget:
    """What is left of an error budget, in percent, and of which objective."""

    left: float
    objective: str = ""


class Incidents(Protocol):
    def open(self, service: str, dependencies: Sequence[str]) -> Sequence[Incident] | None:
        """Return what is open in a service and in what it needs; None: nobody knows."""


class OnCall(Protocol):
    def now(self, service: str, at: datetime) -> Answering | None:
        """Return who answers for a service at that moment; None: nobody knows."""


class Budgets(Protocol):
    def left(self, service: str, at: datetime) -> Budget | None:
        """Return the smallest error budget of a service; None: it has no objective, or nobody knows."""


class NotConnected:
    """All three, until somebody who knows is there."""

    def open(self, service: str, dependencies: Sequence[str]) -> Sequence[Incident] | None:
        return None

    def now(self, service: str, at: datetime) -> Answering | None:
        return None

    def left(self, service: str, at: datetime) -> Budget | None:
        return None


@dataclass(frozen=True)
class Told:
    """All three, from what they were told, by service: for trying out and for tests."""

    incidents: Sequence[Incident] = ()
    answering: Mapping[str, Answering] = field(default_factory=dict)
    budgets: Mapping[str, Budget] = field(default_factory=dict)

    def open(self, service: str, dependencies: Sequence[str]) -> Sequence[Incident] | None:
        return [incident for incident in self.incidents if incident.service in (service, *dependencies)]

    def now(self, service: str, at: datetime) -> Answering | None:
        return self.answering.get(service, Answering())

    def left(self, service: str, at: datetime) -> Budget | None:
        return self.budgets.get(service)


NOT_CONNECTED = NotConnected()


@dataclass(frozen=True)
class Others:
    """Whom the gates ask."""

    incidents: Incidents = NOT_CONNECTED
    oncall: OnCall = NOT_CONNECTED
    budgets: Budgets = NOT_CONNECTED


NOBODY = Others()
