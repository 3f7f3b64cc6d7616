"""Durable jobs on a real database: many threads at once, and the same random play as in memory."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import delete

from ledger.db import Database
from ledger.jobs import LEASE, Claim, Jobs, SqlJobs
from ledger.jobs_sql import JOBS, LANES
from tests.bench.interleavings import play
from tests.conftest import NOON

LANE = "checkout@production"
ROUNDS = 6  # of each who does something at once with the others
LONGEST = 120.0  # seconds, for what takes three alone


def ask(jobs: Jobs, key: str, **more: Any) -> bool:
    with jobs.transaction() as tx:
        return jobs.enqueue(tx, "advance", key, NOON, **more)


def test_random_interleavings_agree_with_the_model(each_database: Database) -> None:
    def empty() -> Jobs:
        with each_database.write() as session:
            session.execute(delete(JOBS))
            session.execute(delete(LANES))
        return SqlJobs(each_database)

    count = play(0, 4, empty)

    assert count["taken over"] > 5
    assert count["lost"] > 5


def test_many_at_once_ask_for_the_same_job_and_one_gets_it(each_database: Database) -> None:
    jobs = SqlJobs(each_database)
    start = threading.Barrier(8)

    def together(_: int) -> bool:
        start.wait()
        return ask(jobs, "12", lane=LANE)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(together, range(8)))

    assert sorted(answers) == [False] * 7 + [True]


def test_many_at_once_never_give_a_lane_two_heads(each_database: Database) -> None:
    """Eight add to one lane, some jump, while four claim: at no moment do two hold claims of that lane."""
    jobs = SqlJobs(each_database)
    in_hand, most, order, lock = [0], [0], [], threading.Lock()
    asked, until = threading.Event(), time.monotonic() + LONGEST

    def add(writer: int) -> None:
        for number in range(10):
            ask(jobs, f"{writer}-{number}", lane=LANE, jumps=number % 3 == 0)

    def work(worker: int) -> None:
        while not asked.is_set() or jobs.due(["advance"], NOON) is not None:
            assert time.monotonic() < until, "something of the lane was never to be had"
            claim = jobs.claim(f"worker-{worker}", ["advance"], NOON)
            if claim is None:
                time.sleep(0.001)
                continue
            with lock:
                in_hand[0] += 1
                most[0] = max(most[0], in_hand[0])
                order.append(claim)
            time.sleep(0.002)
            with lock:
                in_hand[0] -= 1
            with jobs.transaction() as tx:
                jobs.finish(tx, claim, NOON)

    with ThreadPoolExecutor(12) as pool:
        workers = [pool.submit(work, worker) for worker in range(4)]
        for writer in [pool.submit(add, writer) for writer in range(8)]:
            writer.result()
        asked.set()
        for worker in workers:
            worker.result(2 * LONGEST)

    assert most == [1]
    assert len({claim.key for claim in order}) == len(order) == 80
    assert [claim.fence for claim in order] == list(range(1, 81))
    for number in range(8):
        queued = [claim.key for claim in order if claim.key[0] == str(number) and int(claim.key[2:]) % 3]
        assert queued == sorted(queued)  # each writer's own, in the order in which it asked


@pytest.mark.postgres
def test_who_draws_a_number_first_and_commits_late_is_still_first(postgres_database: Database) -> None:
    """Ids that commit late once gave a lane two heads; the second now waits for the first to commit."""
    jobs = SqlJobs(postgres_database)
    ask(jobs, "0", lane=LANE)
    drawn, asking, second_done = threading.Event(), threading.Event(), threading.Event()

    def second() -> None:
        drawn.wait(LONGEST)
        asking.set()
        ask(jobs, "2", lane=LANE)
        second_done.set()

    thread = threading.Thread(target=second)
    thread.start()
    with jobs.transaction() as tx:
        jobs.enqueue(tx, "advance", "1", NOON, lane=LANE)
        drawn.set()
        asking.wait(LONGEST)
        assert jobs.claim("anna", ["advance"], NOON) is None  # the lane is about to change; look again at the commit
        assert not second_done.wait(0.2)
    thread.join(LONGEST)

    with jobs.transaction() as tx:
        assert [waiting.key for waiting in jobs.queue(tx, LANE)] == ["0", "1", "2"]


def test_claims_of_many_threads_are_each_of_another_job(each_database: Database) -> None:
    jobs = SqlJobs(each_database)
    with jobs.transaction() as tx:
        for number in range(40):
            jobs.enqueue(tx, "advance", str(number), NOON)

    def take_all(worker: int) -> list[str]:
        taken = []
        while jobs.due(["advance"], NOON) == NOON:
            if claim := jobs.claim(f"worker-{worker}", ["advance"], NOON):
                taken.append(claim.key)
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [key for keys in pool.map(take_all, range(4)) for key in keys]

    assert sorted(taken, key=int) == [str(number) for number in range(40)]


def test_doors_and_workers_do_not_wait_for_one_another_for_ever(each_database: Database) -> None:
    """Wakes, holds, requests and finishes of one lane at once, in different order: no deadlock, and nobody fails.

    All go on until each has done its part, however slow the machine is.
    """
    jobs, rounds, lock = SqlJobs(each_database), Counter[str](), threading.Lock()
    ask(jobs, "1", lane=LANE)
    until = time.monotonic() + LONGEST
    doors, names = ("door 0", "door 1", "door 2"), ("door 0", "door 1", "door 2", "worker 0", "worker 1")

    def goes_on(name: str) -> bool:
        """Has somebody not done her part yet? A door leaves the lane alone for a moment, or no worker would get it."""
        time.sleep(0.01 if name in doors else 0.001)
        assert time.monotonic() < until, f"they waited for one another: {rounds}, and {name} still does"
        return any(rounds[one] < ROUNDS for one in names)

    def done(name: str) -> None:
        with lock:
            rounds[name] += 1

    def door(name: str) -> None:
        while goes_on(name):
            with jobs.transaction() as tx:
                if name == "door 1":
                    jobs.wake(tx, "advance", "1", NOON)
                    jobs.hold(tx, LANE, "alice", "look first", NOON)
                else:
                    jobs.hold(tx, LANE, "bob", "look first", NOON)
                    jobs.enqueue(tx, "advance", "1", NOON, lane=LANE)
                    jobs.release(tx, LANE)
            done(name)

    def worker(name: str) -> None:
        while goes_on(name):
            claim: Claim | None = jobs.claim(name, ["advance"], NOON)
            if claim is None:
                continue
            with jobs.transaction() as tx:
                jobs.guard(tx, claim)
                jobs.hold(tx, LANE, "worker", "step", NOON)
                jobs.finish(tx, claim, NOON, again_at=NOON)
                jobs.release(tx, LANE)
            done(name)

    with ThreadPoolExecutor(len(names)) as pool:
        for future in [pool.submit(door if name in doors else worker, name) for name in names]:
            future.result(2 * LONGEST)


@pytest.mark.postgres
def test_a_heartbeat_tells_nobody_of_a_change(postgres_database: Database) -> None:
    jobs = SqlJobs(postgres_database)
    ask(jobs, "12")
    claim = jobs.claim("anna", ["advance"], NOON)
    assert claim is not None
    watcher = postgres_database.changes()

    assert jobs.heartbeat(claim, NOON + LEASE)
    assert not watcher.wait(0.1)
    watcher.close()


def test_a_claim_that_finds_all_taken_tells_nobody_of_a_change(each_database: Database) -> None:
    jobs = SqlJobs(each_database)
    ask(jobs, "12", lane=LANE)
    watcher = each_database.changes()
    with jobs.transaction() as tx:
        jobs.hold(tx, "another lane", "alice", "", NOON)
    assert watcher.wait(LONGEST)
    assert jobs.claim("anna", ["poll"], NOON) is None
    assert not watcher.wait(0.1)
    watcher.close()
