"""Which act comes next for an incident. Pure.

`decide` names one act and, asked twice, names it twice: that is what lets another worker take over at any point. Facts
are recorded together with the pages that they bring, in one transaction; pages are sent from there.
"""

from dataclasses import dataclass
from datetime import datetime

from oncall.escalation import OnCall, due
from oncall.incident import ENDED, Fact, Incident


@dataclass(frozen=True)
class Record:
    """Record these in this order, queue their pages, and look again at `again_at`."""

    facts: tuple[Fact, ...]
    again_at: datetime | None


@dataclass(frozen=True)
class Wait:
    """Nothing is due until then; None: until a person or a provider does something."""

    until: datetime | None


@dataclass(frozen=True)
class Nothing:
    """It has ended."""


Act = Record | Wait | Nothing


def decide(incident: Incident, on_call: OnCall, now: datetime) -> Act:
    """Name the one next act."""
    if incident.state in ENDED:
        return Nothing()
    found = due(incident, on_call, now)
    return Record(found.facts, found.again_at) if found.facts else Wait(found.again_at)
