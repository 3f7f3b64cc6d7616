"""What is still to do: durable work in our own tables, claimed by one worker at a time.

A job is known by its kind and key; it is done again and again until its handler says that it is finished. Jobs of one
lane run strictly one after another: first the one that has begun, then those that jump the queue, then by order of
arrival. A claim is a lease: a worker that dies loses it, and another takes over. Nothing here knows what a job means.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

LEASE = timedelta(seconds=5)
HEARTBEAT = timedelta(seconds=1)  # five chances to prolong a lease before it is lost

BEGUN, JUMPS, QUEUES = 0, 1, 2  # a job's rank in its lane; the lowest goes first


@dataclass(frozen=True)
class Claim:
    """The right to do one job until its lease ends. `fence` only grows within a lane (or a lane-less job)."""

    job: int
    kind: str
    key: str
    lane: str | None
    fence: int
    attempt: int  # how often this job has been claimed, this time included
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Waiting:
    """A job in a lane, in the order in which they will run. `held`: it waits until the lane is let go."""

    kind: str
    key: str
    rank: int
    begun: bool
    held: bool


@dataclass(frozen=True)
class Hold:
    """Why a lane does not start what queues in it."""

    by: str
    reason: str
    at: datetime


class Lost(Exception):
    """The lease ran out and somebody else may have the job; stop at once and write nothing."""


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

    def wake(self, tx: Any, kind: str, key: str, at: datetime) -> None:
        """Make an open job due now. If it is being done, it is due again as soon as its claim ends."""

    def claim(self, worker: str, kinds: Sequence[str], now: datetime) -> Claim | None:
        """Take the next due job, in a transaction of its own; None when there is none."""

    def heartbeat(self, claim: Claim, now: datetime) -> bool:
        """Prolong the lease; False when it has been lost."""

    def finish(self, tx: Any, claim: Claim, now: datetime, *, again_at: datetime | None = None) -> None:
        """End the claim in the caller's transaction: done for good, or due again. Raises Lost."""

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

    def due(self, now: datetime) -> datetime | None:
        """Return when the next job may become due (a lease that may run out counts too), None when nothing is open."""

    def prune(self, tx: Any, before: datetime) -> int:
        """Forget jobs that were done before that moment; return how many."""
