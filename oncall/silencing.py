"""Silences and maintenances at work: which hold now, which open incidents they cover, what happens instead of pages.

An incident is covered when each of its open alerts is. Whoever has acknowledged it keeps it, and is asked as before.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from oncall import intakestore, store
from oncall.incident import Fact, Incident, Kind, State
from oncall.intaketables import SilenceRow
from oncall.signal import Signal
from oncall.silences import Kind as SilenceKind
from oncall.silences import Mute, Silence, all_muted, ended, ended_by, matcher, muted

log = structlog.get_logger()

Burning = Collection[tuple[Signal, str]]  # the open alerts of an incident, each with its service


@dataclass(frozen=True)
class Standing:
    """The silences that hold at a moment."""

    silences: tuple[Silence, ...]
    now: datetime

    def muted(self, said: Signal, service: str) -> Mute | None:
        return muted(said, service, self.silences, self.now)

    def covers(self, incident: int, burning: Burning) -> Mute | None:
        """Return why nobody is paged for an incident. What lasts as long as it does would keep it quiet for ever."""
        others = [one for one in self.silences if one.incident != incident]
        return all_muted(burning, others, self.now) if others else None


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
    kind = SilenceKind(row.kind)
    about = (row.id, matchers, row.by, row.reason, row.start, row.end, kind, row.until_resolved, row.ended_at)
    return Silence(*about)


def end_with(session: Session, incident: int, at: datetime) -> None:
    """End the silences that were to last as long as an incident."""
    over = [one.number for one in ended_by(readable(intakestore.silences(session)), incident, at)]
    if over:
        intakestore.end_silences(session, over, at)


# --- incidents that are open ------------------------------------------------------------------------------------------


def covered(session: Session, incident: int, now: datetime) -> Mute | None:
    """Return why nobody is paged for an incident now; None when somebody is."""
    holding = standing(session, now)
    return holding.covers(incident, store.burning(session, [incident]).get(incident, ())) if holding.silences else None


def instead(session: Session, incident: Incident, due: Sequence[Fact], now: datetime) -> Sequence[Fact]:
    """Return what happens of what is due: where a level would begin that is silenced, the incident is muted instead.

    Whom a person named is paged all the same.
    """
    first = next((at for at, fact in enumerate(due) if _begins(fact)), None)
    mute = covered(session, incident.number, now) if first is not None else None
    return [*due[:first], _muted(mute)] if mute is not None else due


def _begins(fact: Fact) -> bool:
    return fact.kind is Kind.EXHAUSTED or (fact.kind in (Kind.PAGED, Kind.LEVEL_SKIPPED) and fact.level > 0)


def _muted(mute: Mute) -> Fact:
    return Fact(Kind.MUTED, reason=mute.reason, until=mute.until)


def changed(session: Session, now: datetime, among: Collection[int] | None = None) -> Mapping[int, Mute | None]:
    """Return which incidents a silence covers that are not muted, or no more, or until another moment."""
    holding = standing(session, now)
    open_ones = store.escalating(session, (State.OPEN, State.MUTED) if holding.silences else (State.MUTED,), among)
    burning = store.burning(session, [one.number for one in open_ones]) if open_ones else {}
    found = {one.number: holding.covers(one.number, burning.get(one.number, ())) for one in open_ones}
    return {one.number: found[one.number] for one in open_ones if follows(one, found[one.number]) is not None}


def would_mute(session: Session, more: Silence, now: datetime) -> Sequence[int]:
    """Return which open incidents would be muted if one more silence held now."""
    holding = Standing((*standing(session, now).silences, more), now)
    open_ones = [one.number for one in store.escalating(session, [State.OPEN])]
    burning = store.burning(session, open_ones) if open_ones else {}
    return [number for number in open_ones if holding.covers(number, burning.get(number, ()))]


def follows(incident: Incident, mute: Mute | None) -> Fact | None:
    """Return what happens to an incident that is covered like that; None: nothing does."""
    if incident.state is State.OPEN:
        return _muted(mute) if mute is not None else None
    if incident.state is not State.MUTED:
        return None
    if mute is None:
        return Fact(Kind.UNMUTED, reason=f"{ended(incident.reason)}; it goes on at level 1")
    return _muted(mute) if incident.until != mute.until else None
