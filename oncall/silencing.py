"""Silences and maintenances at work: which hold now, who is warned, and what opens again when one ends."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from oncall import intakestore
from oncall.intaketables import SilenceRow
from oncall.signal import Signal
from oncall.silences import Kind, Mute, Silence, matcher, muted


@dataclass(frozen=True)
class Standing:
    """The silences that hold at a moment."""

    silences: tuple[Silence, ...]
    now: datetime

    def muted(self, said: Signal, service: str) -> Mute | None:
        return muted(said, service, self.silences, self.now)


def standing(session: Session, now: datetime) -> Standing:
    return Standing(tuple(silence(row) for row in intakestore.silences(session, now)), now)


def silence(row: SilenceRow) -> Silence:
    """Return a silence as it is written."""
    matchers = tuple(matcher(said) for said in row.matchers)
    about = (row.id, matchers, row.by, row.reason, row.start, row.end, Kind(row.kind), row.until_resolved, row.ended_at)
    return Silence(*about)
