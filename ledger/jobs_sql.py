"""The tables behind durable jobs, and the conditions by which a job may be claimed. Only ledger/jobs.py opens them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, cast

from sqlalchemy import (
    JSON,
    ColumnElement,
    Index,
    Integer,
    String,
    Table,
    and_,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from ledger.db import Base, BigId, UTCDateTime
from ledger.once import insert_once

BEGUN, JUMPS, QUEUES = 0, 1, 2  # a job's rank in its lane; the lowest goes first


class JobRow(Base):
    __tablename__ = "jobs"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(80))
    key: Mapped[str] = mapped_column(String(300))
    lane: Mapped[str | None] = mapped_column(String(300))
    seq: Mapped[int | None] = mapped_column(BigId)  # order of arrival in the lane
    rank: Mapped[int] = mapped_column(Integer)
    run_at: Mapped[datetime] = mapped_column(UTCDateTime)
    asked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # asked for again, for then, while being done
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    fence: Mapped[int] = mapped_column(BigId, default=0)
    leased_by: Mapped[str | None] = mapped_column(String(200))
    lease_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    __table_args__ = tuple(
        Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))
        for name, columns, unique, where in (
            ("uq_jobs_open", ("kind", "key"), True, "done_at IS NULL"),
            ("ix_jobs_open_run_at", ("run_at",), False, "done_at IS NULL"),
            ("ix_jobs_open_lane", ("lane", "rank", "seq"), False, "done_at IS NULL"),
            ("ix_jobs_done_at", ("done_at",), False, "done_at IS NOT NULL"),
        )
    )


class LaneRow(Base):
    """A lane's row is its lock: whoever adds to the lane or takes from it holds the row until the transaction ends."""

    __tablename__ = "lanes"
    name: Mapped[str] = mapped_column(String(300), primary_key=True)
    last_seq: Mapped[int] = mapped_column(BigId, default=0)
    fence: Mapped[int] = mapped_column(BigId, default=0)
    held_by: Mapped[str | None] = mapped_column(String(300))
    held_reason: Mapped[str | None] = mapped_column(String(1000))
    held_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


JOBS = cast(Table, JobRow.__table__)
LANES = cast(Table, LaneRow.__table__)
IS_OPEN = JOBS.c.done_at.is_(None)
NEW: Mapping[str, Any] = MappingProxyType({"lane": None, "seq": None, "rank": QUEUES, "payload": {}})


def startable(kinds: Sequence[str]) -> ColumnElement[bool]:
    """Open, of those kinds, and either without a lane or at the head of one that lets it start."""
    other = JOBS.alias()
    before_it = select(other.c.id).where(
        other.c.lane == JOBS.c.lane,
        other.c.done_at.is_(None),
        or_(other.c.rank < JOBS.c.rank, and_(other.c.rank == JOBS.c.rank, other.c.seq < JOBS.c.seq)),
    )
    held = select(LANES.c.name).where(LANES.c.name == JOBS.c.lane, LANES.c.held_at.is_not(None))
    may_start = or_(JOBS.c.rank < QUEUES, ~held.exists())
    kind = func.coalesce(JOBS.c.kind, "")  # or SQLite goes through all that wait, by kind, instead of by time
    return and_(IS_OPEN, kind.in_(kinds), or_(JOBS.c.lane.is_(None), and_(~before_it.exists(), may_start)))


def claimable(kinds: Sequence[str], now: Any) -> ColumnElement[bool]:
    """Startable, due, and in nobody's hands (or its lease has run out)."""
    return and_(
        startable(kinds),
        JOBS.c.run_at <= now,
        or_(JOBS.c.lease_until.is_(None), JOBS.c.lease_until <= now),
    )


@lru_cache(maxsize=100)
def next_due(kinds: tuple[str, ...]) -> Any:
    """The earliest moment at which a startable job becomes due that is in nobody's hands: the index's first."""
    idle = (startable(kinds), JOBS.c.lease_until.is_(None))
    return select(JOBS.c.run_at).where(*idle).order_by(JOBS.c.run_at).limit(1)


@lru_cache(maxsize=100)
def next_end(kinds: tuple[str, ...]) -> Any:
    """The earliest moment at which the lease of one that was due at `now` runs out; nobody has what is not due."""
    leased = (startable(kinds), JOBS.c.run_at <= bindparam("now", type_=UTCDateTime), JOBS.c.lease_until.is_not(None))
    return select(func.min(JOBS.c.lease_until)).where(*leased)


@lru_cache(maxsize=100)
def likely(kinds: tuple[str, ...], most: int) -> Any:
    """What may be claimed at `now`, whoever waits longest first."""
    found = select(JOBS.c.id, JOBS.c.lane).where(claimable(kinds, bindparam("now", type_=UTCDateTime)))
    return found.order_by(JOBS.c.run_at, JOBS.c.id).limit(most)


def earlier(column: Any, at: datetime) -> ColumnElement[datetime]:
    """The earlier of a moment in the row, which may be missing, and `at`."""
    return case((column < at, column), else_=moment(at))


def moment(at: datetime) -> ColumnElement[datetime]:
    return literal(at, UTCDateTime)


def is_held_by(job: int, fence: int) -> ColumnElement[bool]:
    """This very claim still holds. Nobody took over, nobody finished, and it was not given back."""
    return and_(JOBS.c.id == job, JOBS.c.fence == fence, JOBS.c.leased_by.is_not(None), IS_OPEN)


# Asked for with each incident and each batch of what comes in, so they are made once.
_AT = bindparam("at", type_=UTCDateTime)
_IDLE = JOBS.c.leased_by.is_(None)
_ASKED = (JOBS.c.kind == bindparam("asked_kind"), JOBS.c.key == bindparam("asked_key"), IS_OPEN)
OPEN = select(JOBS.c.lane).where(*_ASKED)
MOVE_UP = (
    update(JOBS)
    .where(*_ASKED)
    .values(
        run_at=case((and_(_IDLE, JOBS.c.run_at >= _AT), _AT), else_=JOBS.c.run_at),
        asked_at=case((_IDLE, null()), (JOBS.c.asked_at < _AT, JOBS.c.asked_at), else_=_AT),
    )
    .returning(JOBS.c.id)
)


DROP = (
    update(JOBS)
    .where(JOBS.c.kind == bindparam("asked_kind"), JOBS.c.key.in_(bindparam("asked_keys", expanding=True)))
    .where(IS_OPEN, _IDLE, JOBS.c.lane.is_(None))
    .values(done_at=bindparam("now", type_=UTCDateTime), asked_at=null())
)


def lock(tx: Session, lane: str | None, *, skip: bool = False) -> bool:
    """Lock a lane's row until the transaction ends (SQLite's whole database is ours already); True when it is ours."""
    if lane is None:
        return True
    row = select(LANES.c.name).where(LANES.c.name == lane).with_for_update(skip_locked=skip)
    return tx.scalar(row) is not None


def next_seq(tx: Session, lane: str) -> int:
    """Return the next number of arrival in a lane, whose row is ours from now on."""
    take = update(LANES).where(LANES.c.name == lane).values(last_seq=LANES.c.last_seq + 1)
    seq = tx.scalar(take.returning(LANES.c.last_seq))
    if seq is None:
        insert_once(tx, LANES, {"name": lane})
        seq = tx.scalar(take.returning(LANES.c.last_seq))
    return int(seq)


def next_fence(tx: Session, lane: str) -> int:
    grow = update(LANES).where(LANES.c.name == lane).values(fence=LANES.c.fence + 1)
    return int(tx.scalar(grow.returning(LANES.c.fence)) or 0)
