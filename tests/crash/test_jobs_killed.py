"""Real workers, killed and frozen in the middle: another takes over, the fence grows, nothing is lost or done twice."""

import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from ledger import events
from ledger.clock import now
from ledger.db import Database
from ledger.jobs import LEASE, SqlJobs
from ledger.jobs_sql import JOBS

ROOT = Path(__file__).parents[2]
LANE = "checkout@production"
LIMIT = 120.0  # seconds, for what takes a few
TAKE_OVER = LEASE + timedelta(seconds=60)  # alone it takes 1 s more than the lease at most


class Worker:
    """A process of its own, and the lines it says."""

    def __init__(self, url: str, name: str) -> None:
        command = [sys.executable, "-m", "tests.crash.killed_worker", url, name]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        self.said("ready")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line.strip())

    def said(self, beginning: str, seconds: float = LIMIT) -> list[str]:
        """Wait for a line that begins so; return its words."""
        until = time.monotonic() + seconds
        while (line := self.lines.get(timeout=max(0.01, until - time.monotonic()))).partition(" ")[0] != beginning:
            pass
        return line.split()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        self.process.kill()  # ends a frozen one too
        self.process.wait(LIMIT)
        self.reader.join(LIMIT)
        assert self.process.stdout is not None
        self.process.stdout.close()


def leases(database: Database) -> list[str]:
    """Return who holds a job."""
    with database.read() as session:
        return list(session.scalars(select(JOBS.c.leased_by).where(JOBS.c.leased_by.is_not(None))))


Hire = Callable[[Database, str], Worker]


@pytest.fixture
def hire() -> Iterator[Hire]:
    workers: list[Worker] = []

    def start(database: Database, name: str) -> Worker:
        workers.append(Worker(database.url.render_as_string(hide_password=False), name))
        return workers[-1]

    yield start
    for worker in workers:
        worker.end()


def ask(database: Database, key: str, *, slow: bool) -> None:
    jobs = SqlJobs(database)
    with jobs.transaction() as tx:
        jobs.enqueue(tx, "advance", key, now(), lane=LANE, payload={"slow": slow})


def steps(database: Database) -> list[tuple[str, str, int]]:
    with database.read() as session:
        return [(fact.subject, fact.actor, fact.data["fence"]) for fact in reversed(events.latest(session))]


def test_another_takes_over_from_a_killed_worker_and_the_queue_goes_on(each_database: Database, hire: Hire) -> None:
    anna = hire(each_database, "anna")
    ask(each_database, "1", slow=True)
    ask(each_database, "2", slow=False)
    _, _, first_fence = anna.said("claimed")
    bert = hire(each_database, "bert")

    anna.signal(signal.SIGKILL)
    begun = time.monotonic()
    _, key, fence = bert.said("claimed")
    took = timedelta(seconds=time.monotonic() - begun)
    bert.said("finished")
    bert.said("finished")

    assert key == "1"
    assert took < TAKE_OVER
    assert int(fence) > int(first_fence)
    assert [(subject, actor) for subject, actor, _ in steps(each_database)] == [("1", "bert"), ("2", "bert")]


def test_a_frozen_worker_that_wakes_up_later_changes_nothing(each_database: Database, hire: Hire) -> None:
    anna = hire(each_database, "anna")
    ask(each_database, "1", slow=True)
    _, _, first_fence = anna.said("claimed")
    bert = hire(each_database, "bert")

    anna.signal(signal.SIGSTOP)
    begun = time.monotonic()
    _, _, fence = bert.said("claimed")
    took = timedelta(seconds=time.monotonic() - begun)
    bert.said("finished")
    anna.signal(signal.SIGCONT)

    anna.said("lost")  # it knows before it touches the world
    assert anna.said("refused")[2] == "Lost"  # and where it does not ask, the database knows
    assert took < TAKE_OVER
    assert int(fence) > int(first_fence)
    assert steps(each_database) == [("1", "bert", int(fence))]


def test_a_frozen_worker_loses_its_job_while_the_successor_is_still_at_it(database: Database, hire: Hire) -> None:
    anna = hire(database, "anna")
    jobs = SqlJobs(database)
    ask(database, "1", slow=True)
    anna.said("claimed")

    anna.signal(signal.SIGSTOP)
    until = time.monotonic() + LIMIT
    while (claim := jobs.claim("bert", ["advance"], now())) is None:
        assert time.monotonic() < until
        time.sleep(0.01)
    anna.signal(signal.SIGCONT)
    anna.said("refused")

    assert jobs.holds(claim)
    with jobs.transaction() as tx:
        jobs.finish(tx, claim, now())
    assert steps(database) == []


def test_a_worker_killed_between_jobs_leaves_nothing_behind(database: Database, hire: Hire) -> None:
    anna = hire(database, "anna")
    ask(database, "1", slow=False)
    anna.said("finished")
    anna.signal(signal.SIGKILL)
    anna.process.wait(LIMIT)

    assert leases(database) == []  # so there is none to wait for
    bert = hire(database, "bert")
    ask(database, "2", slow=False)
    bert.said("finished")

    assert [subject for subject, _, _ in steps(database)] == ["1", "2"]


def test_a_worker_told_to_stop_gives_back_what_it_cannot_end(database: Database, hire: Hire) -> None:
    anna = hire(database, "anna")
    ask(database, "1", slow=True)
    anna.said("claimed")
    assert leases(database) == ["anna"]

    anna.signal(signal.SIGTERM)

    assert anna.process.wait(LIMIT) == 0
    assert leases(database) == []  # the grace of 0.5 s, and no lease to wait for
    hire(database, "bert").said("finished")
    assert [(subject, actor) for subject, actor, _ in steps(database)] == [("1", "bert")]
