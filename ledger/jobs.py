"""What is still to do: durable work in our own tables, claimed by one worker at a time.

A job is known by its kind and key; it is done again and again until its handler says that it is finished. Jobs of one
lane run strictly one after another: first the one that has begun, then those that jump the queue, then by order of
arrival. A claim is a lease: a worker that dies loses it, and another takes over. Nothing here knows what a job means.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, case, delete, select, update
from sqlalchemy.orm import Session

from ledger.claims import Claim as Claim
from ledger.claims import Hold as Hold
from ledger.claims import Lost as Lost
from ledger.claims import Waiting as Waiting
from ledger.db import Database
from ledger.jobs_sql import BEGUN as BEGUN
from ledger.jobs_sql import (
    DROP,
    IS_OPEN,
    JOBS,
    LANES,
    MOVE_UP,
    NEW,
    OPEN,
    claimable,
    earlier,
    is_held_by,
    likely,
    lock,
    moment,
    next_due,
    next_end,
    next_fence,
    next_seq,
)
from ledger.jobs_sql import JUMPS as JUMPS
from ledger.jobs_sql import QUEUES as QUEUES
from ledger.once import insert_many_once, insert_once

LEASE = timedelta(seconds=5)
HEARTBEAT = timedelta(seconds=1)  # five chances to prolong a lease before it is lost
CANDIDATES = 16  # looked at in one try; others may take some of them meanwhile


class Jobs(Protocol):
    """The port. `tx` is whatever `transaction()` yields: a SQLAlchemy session, or the memory twin's own."""

    def transaction(self) -> AbstractContextManager[Any]:
        """All that is done with the yielded `tx` happens together, or, on an exception, not at all."""

    def enqueue(
        self,
        tx: Any,
        kind: str,
        key: str,
        at: datetime,
        *,
        lane: str | None = None,
        jumps: bool = False,
        payload: Mapping[str, Any] | None = None,
    ) -> bool:
        """Ask for a job at `at`; False when one of that kind and key is already open (its time is then moved up)."""

    def enqueue_all(self, tx: Any, kind: str, keys: Mapping[str, datetime]) -> None:
        """Ask for many jobs without a lane, as `enqueue` does: together, since most of them are not open yet."""

    def wake(self, tx: Any, kind: str, key: str, at: datetime) -> None:
        """Make an open job due now. If it is being done, it is due again as soon as its claim ends.

        Asking again by `enqueue` does the same for `at`: who asks after a claim began is answered by a later one.
        """

    def drop_all(self, tx: Any, kind: str, keys: Collection[str], now: datetime) -> None:
        """Have jobs without a lane be done, since nobody needs them any more; but not those that are being done."""

    def claim(self, worker: str, kinds: Sequence[str], now: datetime) -> Claim | None:
        """Take the next due job, in a transaction of its own; None when there is none."""

    def heartbeat(self, claim: Claim, now: datetime) -> bool:
        """Prolong the lease; False when it has been lost."""

    def finish(self, tx: Any, claim: Claim, now: datetime, *, again_at: datetime | None = None) -> None:
        """End the claim in the caller's transaction: done for good, or due again. Raises Lost."""

    def give_back(self, tx: Any, claim: Claim, now: datetime, *, again_at: datetime) -> None:
        """End the claim without having got anywhere: as `finish`, but its attempts are counted on. Raises Lost."""

    def holds(self, claim: Claim) -> bool:
        """True while the claim has neither ended nor been taken over: a glance, which locks nothing."""

    def guard(self, tx: Any, claim: Claim) -> None:
        """Raise Lost unless the claim still holds; locks the job until the transaction ends."""

    def queue(self, tx: Any, lane: str) -> Sequence[Waiting]:
        """Return what is open in a lane, in order."""

    def hold(self, tx: Any, lane: str, by: str, reason: str, at: datetime) -> None:
        """From now on start only what jumps the queue in this lane; what has begun goes on."""

    def release(self, tx: Any, lane: str) -> None:
        """Let the lane go on."""

    def held(self, tx: Any, lanes: Sequence[str]) -> Mapping[str, Hold]:
        """Return the holds of those lanes that are held."""

    def due(self, kinds: Sequence[str], now: datetime) -> datetime | None:
        """Return when a job of those kinds may next be claimed, `now` at the earliest; None when none is open.

        A lease that may run out counts too; what waits behind another job or a hold does not.
        """

    def prune(self, tx: Any, before: datetime) -> int:
        """Forget jobs that were done before that moment; return how many."""


class SqlJobs:
    """The port on SQLite and PostgreSQL.

    Every call locks the lane's row before the job's, so two of them never wait for one another. The lane's row also
    makes the order of arrival the order of commits: a number drawn first and committed late would give it two heads.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractContextManager[Session]:
        return self._database.write()

    def enqueue(
        self,
        tx: Session,
        kind: str,
        key: str,
        at: datetime,
        *,
        lane: str | None = None,
        jumps: bool = False,
        payload: Mapping[str, Any] | None = None,
    ) -> bool:
        while not self._ask(tx, kind, key, at):
            row: dict[str, Any] = {"kind": kind, "key": key, "lane": lane, "run_at": at, "payload": dict(payload or {})}
            row |= {"rank": JUMPS if jumps else QUEUES, "seq": None if lane is None else next_seq(tx, lane)}
            if insert_once(tx, JOBS, row) is not None:
                return True  # else another was first in this very moment: ask that one
        return False

    def enqueue_all(self, tx: Session, kind: str, keys: Mapping[str, datetime]) -> None:
        new = [{**NEW, "kind": kind, "key": key, "run_at": at} for key, at in keys.items()]
        made = {key for (key,) in insert_many_once(tx, JOBS, new, JOBS.c.key)}
        for key in keys.keys() - made:
            self.enqueue(tx, kind, key, keys[key])

    def wake(self, tx: Session, kind: str, key: str, at: datetime) -> None:
        self._ask(tx, kind, key, at)

    def drop_all(self, tx: Session, kind: str, keys: Collection[str], now: datetime) -> None:
        if keys:
            tx.execute(DROP, {"asked_kind": kind, "asked_keys": list(keys), "now": now})

    def claim(self, worker: str, kinds: Sequence[str], now: datetime) -> Claim | None:
        with self._database.read() as session:
            candidates = session.execute(likely(tuple(kinds), CANDIDATES), {"now": now}).all()
        if not candidates:
            return None  # An idle worker never takes SQLite's write lock.
        with suppress(_NoneLeft), self._database.write() as session:
            for job, lane in candidates:
                if taken := self._take(session, job, lane, worker, claimable(kinds, now), now):
                    return taken
            raise _NoneLeft  # rolled back, or PostgreSQL would tell everybody of a change that was none
        return None

    def heartbeat(self, claim: Claim, now: datetime) -> bool:
        prolong = update(JOBS).where(is_held_by(claim.job, claim.fence)).values(lease_until=now + LEASE)
        with self._database.turn(), self._database.engine.begin() as connection:  # nobody need hear of a heartbeat
            return connection.execute(prolong).rowcount == 1

    def finish(self, tx: Session, claim: Claim, now: datetime, *, again_at: datetime | None = None) -> None:
        self._end(tx, claim, now, again_at, attempts=0)

    def give_back(self, tx: Session, claim: Claim, now: datetime, *, again_at: datetime) -> None:
        self._end(tx, claim, now, again_at, attempts=claim.attempt)

    def holds(self, claim: Claim) -> bool:
        with self._database.read() as session:
            return session.scalar(select(JOBS.c.id).where(is_held_by(claim.job, claim.fence))) is not None

    def guard(self, tx: Session, claim: Claim) -> None:
        lock(tx, claim.lane)
        held = select(JOBS.c.id).where(is_held_by(claim.job, claim.fence)).with_for_update()
        if tx.scalar(held) is None:
            raise Lost(claim)

    def queue(self, tx: Session, lane: str) -> Sequence[Waiting]:
        rows = tx.execute(
            select(JOBS.c.kind, JOBS.c.key, JOBS.c.rank, LANES.c.held_at)
            .join(LANES, LANES.c.name == JOBS.c.lane)
            .where(JOBS.c.lane == lane, IS_OPEN)
            .order_by(JOBS.c.rank, JOBS.c.seq)
        )
        return [
            Waiting(kind, key, rank, rank == BEGUN, rank == QUEUES and held_at is not None)
            for kind, key, rank, held_at in rows
        ]

    def hold(self, tx: Session, lane: str, by: str, reason: str, at: datetime) -> None:
        insert_once(tx, LANES, {"name": lane})
        tx.execute(update(LANES).where(LANES.c.name == lane).values(held_by=by, held_reason=reason, held_at=at))

    def release(self, tx: Session, lane: str) -> None:
        tx.execute(update(LANES).where(LANES.c.name == lane).values(held_by=None, held_reason=None, held_at=None))

    def held(self, tx: Session, lanes: Sequence[str]) -> Mapping[str, Hold]:
        columns = (LANES.c.name, LANES.c.held_by, LANES.c.held_reason, LANES.c.held_at)
        rows = tx.execute(select(*columns).where(LANES.c.name.in_(lanes), LANES.c.held_at.is_not(None)))
        return {name: Hold(by, reason, at) for name, by, reason, at in rows}

    def due(self, kinds: Sequence[str], now: datetime) -> datetime | None:
        with self._database.read() as session:
            idle: datetime | None = session.scalar(next_due(tuple(kinds)))
            ends: datetime | None = session.scalar(next_end(tuple(kinds)), {"now": now})
        first = min((one for one in (idle, ends) if one is not None), default=None)
        return None if first is None else max(first, now)

    def prune(self, tx: Session, before: datetime) -> int:
        return len(tx.scalars(delete(JOBS).where(JOBS.c.done_at < before).returning(JOBS.c.id)).all())

    def _ask(self, tx: Session, kind: str, key: str, at: datetime) -> bool:
        """Move an open job up to `at`, or note it for later while the job is being done; False when none is open."""
        known = tx.execute(OPEN, {"asked_kind": kind, "asked_key": key}).one_or_none()
        if known is None:
            return False
        lock(tx, known.lane)
        return tx.scalar(MOVE_UP, {"asked_kind": kind, "asked_key": key, "at": at}) is not None

    def _take(
        self, tx: Session, job: int, lane: str | None, worker: str, still: ColumnElement[bool], now: datetime
    ) -> Claim | None:
        # 1. The lane. Whoever has it locked is about to commit, and the commit wakes the workers again.
        if lane is not None and not lock(tx, lane, skip=True):
            return None
        # 2. Behind its lock, is the job still what it seemed to be?
        row = tx.execute(select(JOBS).where(JOBS.c.id == job, still).with_for_update(skip_locked=True)).one_or_none()
        if row is None:
            return None
        # 3. Both are ours.
        fence = row.fence + 1 if lane is None else next_fence(tx, lane)
        asked_at = row.asked_at if row.asked_at is not None and row.asked_at > now else None
        lease = {"leased_by": worker, "lease_until": now + LEASE, "fence": fence, "asked_at": asked_at}
        tx.execute(update(JOBS).where(JOBS.c.id == job).values(rank=BEGUN, attempts=row.attempts + 1, **lease))
        return Claim(job, row.kind, row.key, lane, fence, row.attempts + 1, row.payload)

    def _end(self, tx: Session, claim: Claim, now: datetime, again_at: datetime | None, attempts: int) -> None:
        lock(tx, claim.lane)
        asked = JOBS.c.asked_at
        ended: dict[str, Any] = {"leased_by": None, "lease_until": None, "asked_at": None, "attempts": attempts}
        if again_at is not None:
            ended |= {"run_at": earlier(asked, again_at)}
        else:  # done for good, unless somebody has asked for it meanwhile
            ended |= {"run_at": case((asked.is_not(None), asked), else_=JOBS.c.run_at)}
            ended |= {"done_at": case((asked.is_(None), moment(now)))}
        end = update(JOBS).where(is_held_by(claim.job, claim.fence)).values(ended).returning(JOBS.c.id)
        if tx.scalar(end) is None:
            raise Lost(claim)


class _NoneLeft(Exception):
    """All candidates were taken by others between the look and the lock."""
