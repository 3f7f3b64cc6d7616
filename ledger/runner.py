"""The worker's calm loop: it claims what is due, hands it to a handler in a thread, and keeps the leases alive.

A handler does one piece of work and ends its claim itself, by `jobs.finish` in the transaction in which it writes what
came of it. Nothing here knows what a job means; an exception never ends the loop.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from typing import TypeVar

import structlog

from ledger.clock import Clock, stopwatch
from ledger.db import Changes
from ledger.jobs import HEARTBEAT, LEASE, Claim, Jobs, Lost

IDLE = timedelta(seconds=1)  # the longest time between two looks when nothing stirs
SOON = timedelta(milliseconds=20)  # the shortest, when something is due that cannot be claimed this moment
WATCH = 0.25  # seconds; how soon the watcher notices that it shall stop
LULL = timedelta(milliseconds=30)  # after a commit that was heard of, for more of them: one look is enough for all
BREATH = timedelta(milliseconds=10)  # from one look to the next, at least
MOST = timedelta(milliseconds=100)  # for either, where looking is slow
GRACE = timedelta(seconds=10)  # for what is in hand when the worker is told to stop
RETRY, RETRY_MOST = timedelta(seconds=1), timedelta(seconds=60)
NOW = timedelta(0)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PERIODIC = "periodic"  # the key of a periodic job

T = TypeVar("T")
log = structlog.get_logger()


class Work:
    """One claim in the hands of a handler."""

    def __init__(self, claim: Claim, clock: Clock, now: datetime) -> None:
        self.claim = claim
        self.clock = clock
        self._sure_until = now + LEASE
        self._lost = False

    def lost(self) -> bool:
        """True when somebody else may have the job: touch nothing any more. Ask right before each act.

        True also when no heartbeat got through for a whole lease, as in a process that was frozen.
        """
        return self._lost or self.clock() >= self._sure_until

    def prolonged(self, now: datetime) -> None:
        self._sure_until = now + LEASE

    def lose(self) -> None:
        self._lost = True


Handler = Callable[[Work], None]
"""Does the work and ends the claim by `jobs.finish`. Returning without that, or raising, means: again, a bit later.
A handler of a periodic kind just returns."""


@dataclass(frozen=True)
class Periodic:
    """A kind that is done again and again at round times (each 5 min: 12:00, 12:05 …), by one worker among many."""

    kind: str
    every: timedelta


def round_time(after: datetime, every: timedelta) -> datetime:
    """Return the first multiple of `every` since 1970, in UTC, that lies after that moment.

    >>> round_time(datetime(2026, 3, 2, 12, 1, tzinfo=UTC), timedelta(minutes=5)).isoformat()
    '2026-03-02T12:05:00+00:00'
    """
    return after + every - (after - EPOCH) % every


def backoff(attempt: int) -> timedelta:
    """Return how long to wait after that many attempts: 1 s, 2 s, 4 s … 60 s."""
    return min(RETRY * (1 << min(attempt - 1, 10)), RETRY_MOST)


def breather(least: timedelta, took: timedelta) -> timedelta:
    """Return how long not to look again after a look that took so long: it must not take what the work itself needs.

    >>> [breather(BREATH, timedelta(milliseconds=took)) // timedelta(milliseconds=1) for took in (2, 20, 200)]
    [10, 60, 100]
    """
    return min(max(least, 3 * took), MOST)


class Runner:
    """A worker. `run()` blocks until `stop()`, which may be called from a signal handler or another thread.

    `worker` names this process, uniquely. `changes` makes a watcher of commits (`Database.changes`); `on_change` is
    called once at the start and after each change, in a thread of its own.
    """

    def __init__(
        self,
        jobs: Jobs,
        handlers: Mapping[str, Handler],
        worker: str,
        clock: Clock,
        changes: Callable[[], Changes],
        *,
        threads: int = 8,
        periodic: Sequence[Periodic] = (),
        on_change: Callable[[], object] = lambda: None,
        grace: timedelta = GRACE,
    ) -> None:
        self._jobs, self._handlers, self._worker, self._clock = jobs, handlers, worker, clock
        self._changes, self._on_change, self._grace = changes, on_change, grace
        self._kinds = sorted(handlers)
        self._every = {one.kind: one.every for one in periodic}
        self._free = threads
        self._threads = threads
        self._lock = threading.Lock()  # over _free and _in_hand
        self._in_hand: set[Work] = set()
        self._to_do: SimpleQueue[Work | None] = SimpleQueue()
        self._stirred: SimpleQueue[None] = SimpleQueue()  # its put is safe in a signal handler, an Event's set is not
        self._stopping = False
        self._over = threading.Event()

    def run(self) -> None:
        helpers = [_thread(self._watch, "watch"), _thread(self._beat, "beat")]
        doers = [_thread(self._do_all, f"do-{number}") for number in range(self._threads)]
        for thread in (*helpers, *doers):
            thread.start()
        try:
            self._calmly("periodic jobs", self._ensure_periodic)
            while not self._stopping:
                looked = stopwatch()
                until = self._calmly("claim", self._claim_all) or IDLE
                took = looked()
                self._rest(until)
                self._over.wait(max(breather(BREATH, took) - (looked() - took), NOW).total_seconds())
        finally:
            self._stopping = True
            self._wind_up()
            self._over.set()
            for thread in helpers:
                thread.join(self._grace.total_seconds())

    def stop(self) -> None:
        """Claim nothing more, let what is in hand end within the grace, give the rest back, and return from `run`."""
        self._stopping = True
        self._stirred.put(None)

    def _claim_all(self) -> timedelta:
        """Claim for every free thread; return how long to rest, unless something stirs."""
        while self._free > 0 and not self._stopping:
            now = self._clock()
            claim = self._jobs.claim(self._worker, self._kinds, now)
            if claim is None:
                due = self._jobs.due(self._kinds, now)
                return IDLE if due is None else min(max(due - self._clock(), SOON), IDLE)
            work = Work(claim, self._clock, now)
            with self._lock:
                self._free -= 1
                self._in_hand.add(work)
            self._to_do.put(work)
        return IDLE  # a thread that becomes free stirs us

    def _rest(self, span: timedelta) -> None:
        try:
            self._stirred.get(timeout=span.total_seconds())
            while True:  # one look is enough for all that has stirred meanwhile
                self._stirred.get_nowait()
        except Empty:
            pass

    def _do_all(self) -> None:
        while (work := self._to_do.get()) is not None:
            try:
                self._do(work)
            finally:
                with self._lock:
                    self._free += 1
                    self._in_hand.discard(work)
                self._stirred.put(None)

    def _do(self, work: Work) -> None:
        claim = work.claim
        done = self._calmly(f"{claim.kind} {claim.key}", partial(self._handle, work))
        self._calmly(f"the end of {claim.kind} {claim.key}", partial(self._end, work, failed=done is None))

    def _handle(self, work: Work) -> bool:
        self._handlers[work.claim.kind](work)
        return True

    def _end(self, work: Work, *, failed: bool) -> None:
        """End the claim where the handler has not: a periodic job until its next time, any other for another try."""
        claim = work.claim
        if work.lost() or not self._jobs.holds(claim):
            return
        now = self._clock()
        every = self._every.get(claim.kind) if claim.key == PERIODIC else None
        with self._jobs.transaction() as tx:
            if every is not None and not failed:
                self._jobs.finish(tx, claim, now, again_at=round_time(now, every))
            else:
                self._jobs.give_back(tx, claim, now, again_at=now + backoff(claim.attempt))

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT.total_seconds()):
            for work in self._held():
                self._calmly("heartbeat", partial(self._prolong, work))

    def _prolong(self, work: Work) -> None:
        now = self._clock()
        if self._jobs.heartbeat(work.claim, now):
            work.prolonged(now)
        else:
            work.lose()  # or it has just finished, and nobody asks any more

    def _watch(self) -> None:
        """Stir the loop at every commit. The hook runs beside the claims, so that neither waits for the other."""
        while not self._over.is_set():
            if self._calmly("watch", self._watch_one) is None:
                self._over.wait(IDLE.total_seconds())  # the database is away; look again from anew

    def _watch_one(self) -> bool:
        watcher = self._changes()
        try:
            self._stirred.put(None)
            self._on_change()
            while not self._over.is_set():
                if watcher.wait(WATCH):
                    self._stirred.put(None)
                    looked = stopwatch()
                    self._on_change()
                    self._over.wait(breather(LULL, looked()).total_seconds())
        finally:
            watcher.close()
        return True

    def _ensure_periodic(self) -> None:
        now = self._clock()
        with self._jobs.transaction() as tx:
            for kind, every in self._every.items():
                self._jobs.enqueue(tx, kind, PERIODIC, round_time(now, every))

    def _wind_up(self) -> None:
        waited = stopwatch()
        while self._held() and waited() < self._grace:
            self._rest(min(SOON * 5, self._grace))
        for work in self._held():
            work.lose()
            self._calmly(f"giving back {work.claim.kind} {work.claim.key}", partial(self._return, work))
        for _ in range(self._threads):
            self._to_do.put(None)

    def _return(self, work: Work) -> None:
        now = self._clock()
        with self._jobs.transaction() as tx:
            self._jobs.give_back(tx, work.claim, now, again_at=now)

    def _held(self) -> list[Work]:
        with self._lock:
            return list(self._in_hand)

    def _calmly(self, what: str, act: Callable[[], T]) -> T | None:
        """Do it; a lost claim is dropped quietly, anything else that goes wrong is logged and survived."""
        try:
            return act()
        except Lost:
            log.debug("claim lost", what=what)
        except Exception:  # one of the two places that may: nothing may end the worker's loop
            log.exception("failed, will be tried again", what=what, worker=self._worker)
        return None


def _thread(act: Callable[[], None], name: str) -> threading.Thread:
    return threading.Thread(target=act, name=name, daemon=True)  # what hangs must not keep the process from ending
