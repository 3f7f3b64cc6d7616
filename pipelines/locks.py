"""Locks: who has said that nothing may go out, why, and until when. Only this module opens their table.

A lock is of one service, of one environment of all services, of both, or of everything. One that has lapsed no longer
counts, without anybody doing anything. Who may set and lift one is the door's question.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from catalog import refs
from ledger import events
from ledger.errors import Code, Error
from pipelines.ruletables import LockRow

LONGEST_REASON = 300  # characters
LISTED = 100  # of those that are over


@dataclass(frozen=True)
class Lock:
    """A lock as set. `hard` blocks, otherwise it only warns."""

    id: int
    service: str | None
    environment: str | None
    hard: bool
    reason: str
    owner: str
    at: datetime
    expires_at: datetime | None = None
    lifted_at: datetime | None = None
    lifted_by: str | None = None

    @property
    def scope(self) -> str:
        """Return what it is a lock of, for people."""
        name = refs.short(self.service) if self.service else ""
        if name and self.environment:
            return f"{name} in {self.environment}"
        return name or (f"all of {self.environment}" if self.environment else "everything")

    def counts(self, now: datetime) -> bool:
        """Is it neither lifted nor lapsed?"""
        return self.lifted_at is None and (self.expires_at is None or self.expires_at > now)


def lock(
    session: Session,
    service: str | None,
    environment: str | None,
    reason: str,
    owner: str,
    at: datetime,
    *,
    expires_at: datetime | None = None,
    hard: bool = True,
) -> Lock:
    """Set a lock. Raises Error(INVALID) without a reason, or when it would be over already."""
    said = reason.strip()
    if not said:
        raise Error(Code.INVALID, "A lock needs a reason: say why nothing may go out, for those whom it stops.")
    if len(said) > LONGEST_REASON:
        raise Error(
            Code.INVALID, f"The reason of a lock has at most {LONGEST_REASON} characters; this has {len(said)}."
        )
    if expires_at is not None and expires_at <= at:
        raise Error(Code.INVALID, f"A lock that ends at {expires_at:%Y-%m-%d %H:%M} UTC would be over already.")
    row = LockRow(
        service=service, environment=environment, hard=hard, reason=said, owner=owner, at=at, expires_at=expires_at
    )
    session.add(row)
    session.flush()
    made = _lock(row)
    _record(session, "lock.set", made, owner, at)
    return made


def lift(session: Session, lock_id: int, actor: str, at: datetime) -> Lock:
    """Lift a lock. Raises Error(NOT_FOUND) and, when it no longer counts, Error(CONFLICT)."""
    row = session.scalars(
        select(LockRow).where(LockRow.id == lock_id).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise Error(Code.NOT_FOUND, f"There is no lock {lock_id}.")
    if row.lifted_at is not None:
        raise Error(Code.CONFLICT, f"Lock {lock_id} has been lifted already, at {row.lifted_at:%Y-%m-%d %H:%M} UTC.")
    if row.expires_at is not None and row.expires_at <= at:
        raise Error(Code.CONFLICT, f"Lock {lock_id} has lapsed already, at {row.expires_at:%Y-%m-%d %H:%M} UTC.")
    row.lifted_at, row.lifted_by = at, actor
    session.flush()
    _record(session, "lock.lifted", _lock(row), actor, at)
    return _lock(row)


def one(session: Session, lock_id: int) -> Lock:
    """Return a lock. Raises Error(NOT_FOUND)."""
    row = session.get(LockRow, lock_id)
    if row is None:
        raise Error(Code.NOT_FOUND, f"There is no lock {lock_id}; all there are stand at /locks.")
    return _lock(row)


def active(session: Session, service: str, environment: str, now: datetime) -> Sequence[Lock]:
    """Return every lock that counts for that service in that environment, the oldest first."""
    return [
        found
        for found in standing(session, now)
        if found.service in (None, service) and found.environment in (None, environment)
    ]


def standing(session: Session, now: datetime) -> Sequence[Lock]:
    """Return every lock that counts, the oldest first."""
    lasting = or_(LockRow.expires_at.is_(None), LockRow.expires_at > now)
    rows = session.scalars(select(LockRow).where(LockRow.lifted_at.is_(None), lasting).order_by(LockRow.id))
    return [_lock(row) for row in rows]


def over(session: Session, now: datetime, limit: int = LISTED) -> Sequence[Lock]:
    """Return those that were lifted or have lapsed, the newest first."""
    done = or_(LockRow.lifted_at.is_not(None), LockRow.expires_at <= now)
    return [_lock(row) for row in session.scalars(select(LockRow).where(done).order_by(LockRow.id.desc()).limit(limit))]


def _record(session: Session, kind: str, about: Lock, actor: str, at: datetime) -> None:
    data = {
        "environment": about.environment,
        "scope": about.scope,
        "hard": about.hard,
        "reason": about.reason,
        "owner": about.owner,
        "until": about.expires_at.isoformat() if about.expires_at else None,
    }
    events.record(session, kind, f"lock:{about.id}", actor, at, data, service=about.service)


def _lock(row: LockRow) -> Lock:
    return Lock(
        row.id,
        row.service,
        row.environment,
        row.hard,
        row.reason,
        row.owner,
        row.at,
        row.expires_at,
        row.lifted_at,
        row.lifted_by,
    )
