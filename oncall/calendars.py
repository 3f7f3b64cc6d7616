"""Secret addresses at which calendar programs read shifts. Only the hash of an address is kept; it is shown once."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.orm import Session

from ledger import events
from ledger.errors import Code, Error
from oncall.plantables import CalendarRow

PERSON, TEAM, SCHEDULE = "person", "team", "schedule"
KINDS = (PERSON, TEAM, SCHEDULE)
MOST = 20  # of one person
READ_NOTED = timedelta(minutes=10)  # how exactly it is known when one was last read


@dataclass(frozen=True)
class Calendar:
    """An address that works, without its secret."""

    id: int
    kind: str
    of: str  # user:default/ada, group:default/payments, or a schedule's name
    by: str
    created_at: datetime
    read_at: datetime | None


def make(session: Session, kind: str, of: str, by: str, at: datetime) -> str:
    """Make an address; return its secret part, which nobody can be told again."""
    if kind not in KINDS:
        raise Error(Code.INVALID, "A calendar is that of a person, a team or a schedule.")
    mine = select(func.count()).where(CalendarRow.by == by, CalendarRow.revoked_at.is_(None))
    if int(session.scalar(mine) or 0) >= MOST:
        raise Error(Code.CONFLICT, f"{MOST} addresses are enough; take one back first.")
    secret = secrets.token_urlsafe(24)
    session.execute(insert(CalendarRow).values(sha256=_hash(secret), kind=kind, of=of, by=by, created_at=at))
    events.record(session, "oncall.calendar_made", f"calendar:{of}", by, at, {"kind": kind})
    return secret


def find(session: Session, secret: str) -> Calendar | None:
    """Return what an address is for; None where it never was one, or was taken back."""
    query = select(CalendarRow).where(CalendarRow.sha256 == _hash(secret), CalendarRow.revoked_at.is_(None))
    row = session.scalar(query)
    return _calendar(row) if row else None


def was_read(session: Session, number: int, at: datetime) -> None:
    """Note that one was read, when that was not noted a moment ago."""
    stale = or_(CalendarRow.read_at.is_(None), CalendarRow.read_at < at - READ_NOTED)
    session.execute(update(CalendarRow).where(CalendarRow.id == number, stale).values(read_at=at))


def standing(session: Session, by: str | None = None, of: Collection[str] | None = None) -> Sequence[Calendar]:
    """Return the addresses that work, of whoever made them, or of what they are for; oldest first."""
    query = select(CalendarRow).where(CalendarRow.revoked_at.is_(None)).order_by(CalendarRow.id)
    if by is not None:
        query = query.where(CalendarRow.by == by)
    rows = session.scalars(query if of is None else query.where(CalendarRow.of.in_(of)))
    return [_calendar(row) for row in rows]


def one(session: Session, number: int) -> Calendar | None:
    row = session.get(CalendarRow, number)
    return None if row is None or row.revoked_at else _calendar(row)


def revoke(session: Session, row: Calendar, by: str, at: datetime) -> None:
    """Take an address back; whoever reads it from now on gets nothing."""
    session.execute(update(CalendarRow).where(CalendarRow.id == row.id).values(revoked_at=at))
    events.record(session, "oncall.calendar_revoked", f"calendar:{row.of}", by, at, {"kind": row.kind})


def _calendar(row: CalendarRow) -> Calendar:
    return Calendar(row.id, row.kind, row.of, row.by, row.created_at, row.read_at)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
