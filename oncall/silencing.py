"""Silences and maintenances at work: which hold now, who is warned, and what opens again when one ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from oncall import intakestore
from oncall.intaketables import SilenceRow
from oncall.signal import Signal
from oncall.silences import Kind, Mute, Silence, matcher, muted

log = structlog.get_logger()


@dataclass(frozen=True)
class Standing:
    """The silences that hold at a moment."""

    silences: tuple[Silence, ...]
    now: datetime

    def muted(self, said: Signal, service: str) -> Mute | None:
        return muted(said, service, self.silences, self.now)


def standing(session: Session, now: datetime) -> Standing:
    return Standing(tuple(readable(intakestore.silences(session, now))), now)


def readable(rows: Sequence[SilenceRow]) -> Sequence[Silence]:
    """Return the silences as they are written. One that can be read no more mutes nothing, and stops nobody's page."""
    found = []
    for row in rows:
        try:
            found.append(silence(row))
        except (ValueError, TypeError, LookupError):
            log.error("a silence cannot be read any more", silence=row.id)
    return found


def silence(row: SilenceRow) -> Silence:
    """Return a silence as it is written."""
    matchers = tuple(matcher(said) for said in row.matchers)
    about = (row.id, matchers, row.by, row.reason, row.start, row.end, Kind(row.kind), row.until_resolved, row.ended_at)
    return Silence(*about)
