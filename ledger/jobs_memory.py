"""The memory twin of durable jobs: the same promises within one process, for tests, for talks and for trying out.

Nothing here reads a clock or outlives the process. A transaction works on a draft that replaces everything at its end.
"""

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ledger.db import Changes
from ledger.jobs import BEGUN, JUMPS, LEASE, QUEUES, Claim, Hold, Lost, Waiting


@dataclass(frozen=True)
class Job:
    id: int
    kind: str
    key: str
    lane: str | None
    order: tuple[int, int]  # rank, number of arrival
    run_at: datetime
    payload: Mapping[str, Any]
    asked_at: datetime | None = None  # asked for again, for then, while being done
    attempts: int = 0
    fence: int = 0
    lease_until: datetime | None = None  # None: in nobody's hands
    done_at: datetime | None = None


@dataclass
class Tables:
    """What `transaction()` yields: a draft of everything."""

    jobs: dict[int, Job] = field(default_factory=dict)
    fences: dict[str, int] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    last_id: int = 0

    def open(self) -> Iterator[Job]:
        return (job for job in self.jobs.values() if job.done_at is None)

    def find(self, kind: str, key: str) -> Job | None:
        return next((job for job in self.open() if (job.kind, job.key) == (kind, key)), None)

    def lane(self, lane: str) -> list[Job]:
        return sorted((job for job in self.open() if job.lane == lane), key=lambda job: job.order)

    def startable(self, kinds: Sequence[str]) -> Iterator[Job]:
        for job in self.open():
            if job.kind in kinds and (job.lane is None or (self.lane(job.lane)[0] is job and not self.waits(job))):
                yield job

    def waits(self, job: Job) -> bool:
        return job.lane in self.holds and job.order[0] == QUEUES

    def claimed(self, claim: Claim) -> Job:
        job = self.jobs.get(claim.job)
        if job is None or job.fence != claim.fence or job.lease_until is None or job.done_at is not None:
            raise Lost(claim)
        return job


class MemoryJobs:
    def __init__(self) -> None:
        self._tables = Tables()
        self._lock = threading.RLock()
        self._inside = False
        self._changed = threading.Condition()
        self._commits = 0

    @contextmanager
    def transaction(self) -> Iterator[Tables]:
        with self._lock:
            if self._inside:
                raise RuntimeError("a transaction inside a transaction; a database would wait for itself here")
            self._inside = True
            try:
                now = self._tables
                draft = Tables(dict(now.jobs), dict(now.fences), dict(now.holds), now.last_id)
                yield draft
                self._tables = draft
            finally:
                self._inside = False
        with self._changed:
            self._commits += 1
            self._changed.notify_all()

    def changes(self) -> Changes:
        """A watcher as `Database.changes`, of this object's transactions."""
        return _MemoryChanges(self)

    def enqueue(
        self,
        tx: Tables,
        kind: str,
        key: str,
        at: datetime,
        *,
        lane: str | None = None,
        jumps: bool = False,
        payload: Mapping[str, Any] | None = None,
    ) -> bool:
        if tx.find(kind, key):
            self.wake(tx, kind, key, at)
            return False
        tx.last_id += 1
        order = (JUMPS if jumps else QUEUES, tx.last_id)
        tx.jobs[tx.last_id] = Job(tx.last_id, kind, key, lane, order, at, dict(payload or {}))
        return True

    def enqueue_all(self, tx: Tables, kind: str, keys: Mapping[str, datetime]) -> None:
        for key, at in keys.items():
            self.enqueue(tx, kind, key, at)

    def drop_all(self, tx: Tables, kind: str, keys: Collection[str], now: datetime) -> None:
        for job in [job for key in keys if (job := tx.find(kind, key)) and not job.lane and job.lease_until is None]:
            tx.jobs[job.id] = replace(job, done_at=now)

    def wake(self, tx: Tables, kind: str, key: str, at: datetime) -> None:
        job = tx.find(kind, key)
        if job is None:
            return
        if job.lease_until is None:
            tx.jobs[job.id] = replace(job, run_at=min(job.run_at, at))
        else:
            tx.jobs[job.id] = replace(job, asked_at=min(job.asked_at or at, at))

    def claim(self, worker: str, kinds: Sequence[str], now: datetime) -> Claim | None:
        with self._lock:
            if not any(_due_at(job) <= now for job in self._tables.startable(kinds)):
                return None
        with self.transaction() as tx:
            due = [job for job in tx.startable(kinds) if _due_at(job) <= now]
            return self._take(tx, min(due, key=lambda job: (job.run_at, job.id)), now) if due else None

    def _take(self, tx: Tables, job: Job, now: datetime) -> Claim:
        fence = 1 + (job.fence if job.lane is None else tx.fences.get(job.lane, 0))
        if job.lane is not None:
            tx.fences[job.lane] = fence
        order, attempts = (BEGUN, job.order[1]), job.attempts + 1
        asked_at = job.asked_at if job.asked_at and job.asked_at > now else None
        tx.jobs[job.id] = replace(
            job, order=order, attempts=attempts, fence=fence, lease_until=now + LEASE, asked_at=asked_at
        )
        return Claim(job.id, job.kind, job.key, job.lane, fence, attempts, job.payload)

    def heartbeat(self, claim: Claim, now: datetime) -> bool:
        with self._lock:  # not a transaction: nobody need hear of a heartbeat
            if self._inside:
                raise RuntimeError("a heartbeat inside a transaction; a database would wait for itself here")
            if not self.holds(claim):
                return False
            self._tables.jobs[claim.job] = replace(self._tables.jobs[claim.job], lease_until=now + LEASE)
            return True

    def holds(self, claim: Claim) -> bool:
        with self._lock, suppress(Lost):
            return bool(self._tables.claimed(claim))
        return False

    def finish(self, tx: Tables, claim: Claim, now: datetime, *, again_at: datetime | None = None) -> None:
        self._end(tx, claim, now, again_at, attempts=0)

    def give_back(self, tx: Tables, claim: Claim, now: datetime, *, again_at: datetime) -> None:
        self._end(tx, claim, now, again_at, attempts=claim.attempt)

    def _end(self, tx: Tables, claim: Claim, now: datetime, again_at: datetime | None, attempts: int) -> None:
        job = tx.claimed(claim)
        moments = [moment for moment in (again_at, job.asked_at) if moment is not None]
        ended = replace(job, lease_until=None, asked_at=None, attempts=attempts)
        tx.jobs[job.id] = replace(ended, run_at=min(moments)) if moments else replace(ended, done_at=now)

    def guard(self, tx: Tables, claim: Claim) -> None:
        tx.claimed(claim)

    def queue(self, tx: Tables, lane: str) -> Sequence[Waiting]:
        return [Waiting(job.kind, job.key, job.order[0], job.order[0] == BEGUN, tx.waits(job)) for job in tx.lane(lane)]

    def hold(self, tx: Tables, lane: str, by: str, reason: str, at: datetime) -> None:
        tx.holds[lane] = Hold(by, reason, at)

    def release(self, tx: Tables, lane: str) -> None:
        tx.holds.pop(lane, None)

    def held(self, tx: Tables, lanes: Sequence[str]) -> Mapping[str, Hold]:
        return {lane: tx.holds[lane] for lane in lanes if lane in tx.holds}

    def due(self, kinds: Sequence[str], now: datetime) -> datetime | None:
        with self._lock:
            return max(now, min(moments)) if (moments := list(map(_due_at, self._tables.startable(kinds)))) else None

    def prune(self, tx: Tables, before: datetime) -> int:
        old = [job.id for job in tx.jobs.values() if job.done_at is not None and job.done_at < before]
        for job in old:
            del tx.jobs[job]
        return len(old)


def _due_at(job: Job) -> datetime:
    return job.run_at if job.lease_until is None else max(job.run_at, job.lease_until)


class _MemoryChanges(Changes):
    def __init__(self, jobs: MemoryJobs) -> None:
        self._jobs, self._seen = jobs, jobs._commits

    def wait(self, seconds: float) -> bool:
        with self._jobs._changed:
            told = self._jobs._changed.wait_for(lambda: self._jobs._commits != self._seen, seconds)
            self._seen = self._jobs._commits
        return told

    def close(self) -> None:
        pass
