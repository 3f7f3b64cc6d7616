"""How the checks of the scorecard came out, as rows; the only module that opens them.

A row is written when an outcome changes and never again, so the newest row of a check says what is so and since when,
and the older ones are its history.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Select, Table, func, insert, select
from sqlalchemy.orm import Session

from catalog.scorecard import Mark
from catalog.tables import ScoreRow

SAID = 500  # signs of a sentence that are kept

Outcomes = Mapping[str, Mapping[str, bool | None]]  # ref -> check -> passed, None where it does not apply


@dataclass(frozen=True)
class Change:
    """That a check came out differently than before. `said` is its sentence of that moment."""

    ref: str
    check: str
    passed: bool | None
    said: str
    at: datetime


_TABLE = cast(Table, ScoreRow.__table__)
_CHANGE = (ScoreRow.ref, ScoreRow.check, ScoreRow.passed, ScoreRow.said, ScoreRow.at)  # as the fields of Change


def write(session: Session, cards: Mapping[str, Sequence[Mark]], at: datetime) -> int:
    """Keep what has changed on these cards; return how many outcomes that are. Two statements.

    A check that comes out for the first time is a change; one that is no longer on a card is left as it was.
    """
    rows = [
        {"ref": ref, "check": mark.check.id, "passed": mark.passed, "said": mark.outcome.said[:SAID], "at": at}
        for ref, mark in changed(session, cards)
    ]
    if rows:
        session.connection().execute(insert(_TABLE), rows)  # the mapper would write a statement per run of None
    return len(rows)


def changed(session: Session, cards: Mapping[str, Sequence[Mark]]) -> list[tuple[str, Mark]]:
    """Return the marks that are not as they were kept. One statement."""
    known = outcomes(session)
    return [
        (ref, mark)
        for ref, marks in cards.items()
        for mark in marks
        if mark.check.id not in known.get(ref, {}) or known[ref][mark.check.id] is not mark.passed
    ]


def outcomes(session: Session) -> Outcomes:
    """Return how every check of every component is. One statement."""
    found: dict[str, dict[str, bool | None]] = {}
    row = _TABLE.c
    newest = select(func.max(row.id)).group_by(row.ref, row.check)
    # Not through the mapper: these are ten rows for each component, and each is only looked at.
    for ref, check, passed in session.connection().execute(
        select(row.ref, row.check, row.passed).where(row.id.in_(newest))
    ):
        found.setdefault(ref, {})[check] = passed
    return found


def passing(session: Session, at: datetime) -> Mapping[str, int]:
    """Return how many components passed each check at that moment."""
    newest = select(func.max(ScoreRow.id)).where(ScoreRow.at <= at).group_by(ScoreRow.ref, ScoreRow.check)
    query = select(ScoreRow.check, func.count()).where(ScoreRow.id.in_(newest), ScoreRow.passed.is_(True))
    return {row[0]: row[1] for row in session.execute(query.group_by(ScoreRow.check))}


def latest(session: Session, refs: Sequence[str]) -> Mapping[str, Mapping[str, Change]]:
    """Return the newest change of each check of those components: how it is, and since when."""
    newest = select(func.max(ScoreRow.id)).where(ScoreRow.ref.in_(refs)).group_by(ScoreRow.ref, ScoreRow.check)
    found: dict[str, dict[str, Change]] = {}
    for change in _changes(session, select(*_CHANGE).where(ScoreRow.id.in_(newest))):
        found.setdefault(change.ref, {})[change.check] = change
    return found


def history(session: Session, ref: str | None = None, limit: int = 20) -> Sequence[Change]:
    """Return what changed for one component, or in the whole catalog, newest first.

    The first outcome of a check is where its history begins and no change of it, so it is left out.
    """
    first = select(func.min(ScoreRow.id)).group_by(ScoreRow.ref, ScoreRow.check)
    query = select(*_CHANGE).order_by(ScoreRow.id.desc()).limit(limit)
    if ref is not None:
        first, query = first.where(ScoreRow.ref == ref), query.where(ScoreRow.ref == ref)
    return _changes(session, query.where(ScoreRow.id.not_in(first)))


def _changes(session: Session, query: Select[*tuple[Any, ...]]) -> list[Change]:
    return [Change(*row) for row in session.execute(query)]
