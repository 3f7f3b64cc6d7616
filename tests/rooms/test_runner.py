"""The worker's loop: how soon it begins, what it survives, and how it ends."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ledger.clock import now
from ledger.db import Database
from ledger.jobs import LEASE, Jobs, Lost, SqlJobs
from ledger.jobs_memory import MemoryJobs
from ledger.runner import PERIODIC, Handler, Periodic, Runner, Work, backoff, round_time
from tests.conftest import NOON

SECOND = timedelta(seconds=1)


def eventually(true: Callable[[], Any], seconds: float = 60.0) -> Any:
    until = time.monotonic() + seconds
    while not (answer := true()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.002)
    return answer


@contextmanager
def running(jobs: Jobs, changes: Any, handlers: dict[str, Handler], **more: Any) -> Iterator[Runner]:
    runner = Runner(jobs, handlers, "anna", more.pop("clock", now), changes, **more)
    thread = threading.Thread(target=runner.run)
    thread.start()
    try:
        yield runner
    finally:
        runner.stop()
        thread.join(120)
        assert not thread.is_alive()


def ask(jobs: Jobs, key: str, **more: Any) -> None:
    with jobs.transaction() as tx:
        jobs.enqueue(tx, "advance", key, more.pop("at", now()), **more)


class Diary:
    """A handler that writes down what it was given and finishes it."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.entries: list[tuple[str, float]] = []

    def __call__(self, work: Work) -> None:
        self.entries.append((work.claim.key, time.monotonic()))
        with self.jobs.transaction() as tx:
            self.jobs.finish(tx, work.claim, now())

    def keys(self) -> list[str]:
        return [key for key, _ in self.entries]


@pytest.fixture
def memory() -> MemoryJobs:
    return MemoryJobs()


def test_what_is_asked_for_is_done_at_once(each_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.runner.IDLE", timedelta(hours=1))  # whoever only looks now and then would be too late
    jobs = SqlJobs(each_database)
    diary = Diary(jobs)
    with running(jobs, each_database.changes, {"advance": diary}):
        eventually(lambda: jobs.due(["advance"], now()) is None)
        for number in range(20):
            ask(jobs, str(number))
            eventually(lambda number=number: len(diary.entries) > number)  # type: ignore[misc]

    assert diary.keys() == [str(number) for number in range(20)]


def test_a_lane_is_done_in_order_by_many_threads(memory: MemoryJobs) -> None:
    diary = Diary(memory)
    for number in range(50):
        ask(memory, str(number), lane="checkout@production", at=NOON)
    with running(memory, memory.changes, {"advance": diary}):
        eventually(lambda: len(diary.entries) == 50)

    assert diary.keys() == [str(number) for number in range(50)]


def test_a_timer_is_kept_to_the_moment(memory: MemoryJobs) -> None:
    diary = Diary(memory)
    with running(memory, memory.changes, {"advance": diary}):
        begun = time.monotonic()
        ask(memory, "12", at=now() + timedelta(milliseconds=300))
        eventually(diary.keys)

    assert 0.29 < diary.entries[0][1] - begun < 60


def test_a_handler_that_raises_is_called_again_a_bit_later(memory: MemoryJobs) -> None:
    attempts = []

    def fails_once(work: Work) -> None:
        attempts.append((work.claim.attempt, time.monotonic()))
        if len(attempts) == 1:
            raise ZeroDivisionError
        with memory.transaction() as tx:
            memory.finish(tx, work.claim, now())

    with running(memory, memory.changes, {"advance": fails_once}):
        ask(memory, "12")
        eventually(lambda: len(attempts) == 2)

    assert [attempt for attempt, _ in attempts] == [1, 2]
    assert 0.9 < attempts[1][1] - attempts[0][1] < 60  # the backoff of 1 s


def test_a_handler_that_returns_without_finishing_is_called_again_too(memory: MemoryJobs) -> None:
    seen: list[int] = []
    with running(memory, memory.changes, {"advance": lambda work: seen.append(work.claim.attempt)}):
        ask(memory, "12")
        eventually(lambda: len(seen) == 2)

    assert seen == [1, 2]


def test_the_backoff_doubles_up_to_a_minute() -> None:
    waits = [backoff(attempt).total_seconds() for attempt in (1, 2, 3, 4, 7, 1000)]

    assert waits == [1, 2, 4, 8, 60, 60]


def test_a_long_job_keeps_its_lease(database: Database) -> None:
    jobs = SqlJobs(database)
    over, seen = threading.Event(), []

    def long(work: Work) -> None:
        over.wait(60)
        seen.append(work.lost())
        with jobs.transaction() as tx:
            jobs.finish(tx, work.claim, now())

    with running(jobs, database.changes, {"advance": long}):
        ask(jobs, "12")
        taken_until = eventually(lambda: (due := jobs.due(["advance"], now())) and due > now() + SECOND and due)
        eventually(lambda: (jobs.due(["advance"], now()) or taken_until) > taken_until)
        assert jobs.claim("bert", ["advance"], now()) is None
        over.set()
        eventually(lambda: seen)

    assert seen == [False]
    assert jobs.due(["advance"], now()) is None


def test_a_handler_hears_that_its_claim_was_lost(memory: MemoryJobs) -> None:
    begun, heard = threading.Event(), []

    def slow(work: Work) -> None:
        begun.set()
        eventually(work.lost)
        heard.append(work.claim.key)
        with memory.transaction() as tx:
            memory.finish(tx, work.claim, now())

    with running(memory, memory.changes, {"advance": slow}):
        ask(memory, "12")
        begun.wait(60)
        taken = memory.claim("bert", ["advance"], now() + 10 * LEASE)  # as if the worker had been away that long
        assert taken is not None
        eventually(lambda: heard)

    assert memory.holds(taken)  # the loser neither finished it nor gave it back


def test_work_is_lost_when_no_heartbeat_got_through() -> None:
    time_now = [NOON]
    memory = MemoryJobs()
    ask(memory, "12", at=NOON)
    claim = memory.claim("anna", ["advance"], NOON)
    assert claim is not None
    work = Work(claim, lambda: time_now[0], NOON)

    assert not work.lost()
    time_now[0] += LEASE
    assert work.lost()


def test_the_runner_stops_after_what_is_in_hand(memory: MemoryJobs) -> None:
    begun, over, ended = threading.Event(), threading.Event(), []

    def long(work: Work) -> None:
        begun.set()
        over.wait(60)
        with memory.transaction() as tx:
            memory.finish(tx, work.claim, now())
        ended.append(work.claim.key)

    ask(memory, "1")
    with running(memory, memory.changes, {"advance": long}, threads=1) as runner:
        begun.wait(60)
        ask(memory, "2")
        runner.stop()
        over.set()

    assert ended == ["1"]
    assert memory.due(["advance"], NOON + timedelta(days=36500)) is not None  # 2 is still to do


def test_what_does_not_end_in_time_is_given_back_at_once(memory: MemoryJobs) -> None:
    begun, over, lost = threading.Event(), threading.Event(), []

    def stuck(work: Work) -> None:
        begun.set()
        over.wait(60)
        with pytest.raises(Lost), memory.transaction() as tx:
            memory.finish(tx, work.claim, now())
        lost.append(work.lost())

    ask(memory, "12")
    with running(memory, memory.changes, {"advance": stuck}, grace=timedelta(milliseconds=100)):
        begun.wait(60)
    successor = memory.claim("bert", ["advance"], now())

    assert successor is not None  # without waiting for the lease to run out
    over.set()
    assert eventually(lambda: lost) == [True]


def test_a_periodic_job_is_done_at_round_times_by_one_of_many(each_database: Database) -> None:
    jobs = SqlJobs(each_database)
    seen: list[str] = []
    every = [Periodic("seal", timedelta(milliseconds=200))]

    def seal(work: Work) -> None:
        seen.append(work.claim.key)

    begun = time.monotonic()
    with (
        running(jobs, each_database.changes, {"seal": seal}, periodic=every),
        running(jobs, each_database.changes, {"seal": seal}, periodic=every),
    ):
        eventually(lambda: len(seen) >= 4)
        took = time.monotonic() - begun

    assert set(seen) == {PERIODIC}
    assert took > 0.55  # four round times of one job, not of two
    due = jobs.due(["seal"], datetime(2000, 1, 1, tzinfo=UTC))
    assert due is not None
    assert due.microsecond % 200_000 == 0


def test_a_periodic_job_that_fails_does_not_wait_for_its_next_time(memory: MemoryJobs) -> None:
    seen = []

    def fails_once(work: Work) -> None:
        seen.append(time.monotonic())
        if len(seen) == 1:
            raise ZeroDivisionError

    with memory.transaction() as tx:
        memory.enqueue(tx, "poll", PERIODIC, now())  # its time has come already
    year = timedelta(days=365)
    with running(memory, memory.changes, {"poll": fails_once}, periodic=[Periodic("poll", year)]):
        eventually(lambda: len(seen) == 2)

    assert memory.due(["poll"], NOON) == round_time(now(), year)


@pytest.mark.parametrize(
    ("after", "every", "expected"),
    [
        (NOON, timedelta(minutes=5), NOON + timedelta(minutes=5)),
        (NOON + SECOND, timedelta(minutes=5), NOON + timedelta(minutes=5)),
        (NOON - timedelta(microseconds=1), timedelta(hours=1), NOON),
        (NOON, timedelta(days=1), NOON + timedelta(hours=12)),  # midnight in UTC
    ],
)
def test_round_times(after: datetime, every: timedelta, expected: datetime) -> None:
    assert round_time(after, every) == expected


def test_the_hook_is_called_after_each_change_and_may_fail(memory: MemoryJobs) -> None:
    calls = []

    def hook() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError

    diary = Diary(memory)
    with running(memory, memory.changes, {"advance": diary}, on_change=hook):
        eventually(lambda: len(calls) >= 2)
        before = len(calls)
        ask(memory, "12")
        eventually(lambda: len(calls) > before)
        eventually(diary.keys)


class Flaky(MemoryJobs):
    """Jobs whose database is away for the first three claims."""

    missing = 3

    def claim(self, *args: Any) -> Any:
        if self.missing:
            self.missing -= 1
            raise ConnectionError("the database is away")
        return super().claim(*args)


def test_the_loop_survives_a_database_that_is_away_for_a_while() -> None:
    jobs = Flaky()
    diary = Diary(jobs)
    with running(jobs, jobs.changes, {"advance": diary}):
        ask(jobs, "12")
        eventually(diary.keys)

    assert jobs.missing == 0


def test_an_idle_runner_never_takes_the_write_lock(database: Database, tmp_path: Path) -> None:
    jobs = SqlJobs(database)
    ask(jobs, "later", at=now() + timedelta(hours=1))
    with running(jobs, database.changes, {"advance": Diary(jobs)}), database.write() as held:
        begun = time.monotonic()
        assert jobs.claim("bert", ["advance"], now()) is None  # it would wait here for `held` to end
        assert time.monotonic() - begun < 25  # of the 30 s that it would wait
        assert held.is_active


@pytest.mark.postgres
def test_the_loop_survives_a_postgres_that_drops_all_connections(postgres_database: Database) -> None:
    jobs = SqlJobs(postgres_database)
    diary = Diary(jobs)
    others = "pid <> pg_backend_pid() AND datname = current_database()"
    drop = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"

    def done() -> list[str]:
        """Whatever lost its connection before its end was written is done again."""
        return list(dict.fromkeys(diary.keys()))

    with running(jobs, postgres_database.changes, {"advance": diary}):
        ask(jobs, "1")
        eventually(lambda: done() == ["1"])
        with postgres_database.engine.connect() as connection:
            connection.execute(text(drop))
        ask(jobs, "2")
        eventually(lambda: done() == ["1", "2"])
        ask(jobs, "3")
        eventually(lambda: done() == ["1", "2", "3"])
