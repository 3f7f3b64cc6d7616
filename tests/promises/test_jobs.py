"""What durable jobs promise: the same in memory, on SQLite and on PostgreSQL."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from ledger.jobs import LEASE, QUEUES, Claim, Hold, Jobs, Lost, SqlJobs, Waiting
from ledger.jobs_memory import MemoryJobs
from tests.conftest import BOTH, NOON

SECOND = timedelta(seconds=1)
LANE = "checkout@production"
KINDS = ["advance", "poll"]


@pytest.fixture(params=["memory", *BOTH])
def jobs(request: Any) -> Jobs:
    if request.param == "memory":
        return MemoryJobs()
    return SqlJobs(request.getfixturevalue("postgres_database" if request.param == "postgres" else "database"))


def ask(jobs: Jobs, key: str, at: Any = NOON, **more: Any) -> bool:
    with jobs.transaction() as tx:
        return jobs.enqueue(tx, "advance", key, at, **more)


def claim(jobs: Jobs, at: Any = NOON, worker: str = "anna") -> Claim | None:
    return jobs.claim(worker, KINDS, at)


def claimed(jobs: Jobs, at: Any = NOON, worker: str = "anna") -> Claim:
    got = claim(jobs, at, worker)
    assert got is not None
    return got


def finish(jobs: Jobs, claim: Claim, at: Any = NOON, again_at: Any = None) -> None:
    with jobs.transaction() as tx:
        jobs.finish(tx, claim, at, again_at=again_at)


def wake(jobs: Jobs, key: str, at: Any = NOON) -> None:
    with jobs.transaction() as tx:
        jobs.wake(tx, "advance", key, at)


def keys(jobs: Jobs, lane: str = LANE) -> list[str]:
    with jobs.transaction() as tx:
        return [waiting.key for waiting in jobs.queue(tx, lane)]


def fail_after(jobs: Jobs, act: Callable[[Any], object]) -> None:
    with suppress(ZeroDivisionError), jobs.transaction() as tx:
        act(tx)
        raise ZeroDivisionError


def run_all(jobs: Jobs, at: Any = NOON) -> list[str]:
    ran = []
    while got := claim(jobs, at):
        ran.append(got.key)
        finish(jobs, got, at)
    return ran


def test_a_job_comes_with_all_that_was_said_of_it(jobs: Jobs) -> None:
    ask(jobs, "12", lane=LANE, payload={"wave": 2})

    got = claimed(jobs)

    assert (got.kind, got.key, got.lane, got.attempt) == ("advance", "12", LANE, 1)
    assert got.payload == {"wave": 2}
    assert got.fence > 0


def test_many_that_are_asked_for_together_come_each_at_its_moment_or_are_moved_up(
    jobs: Jobs,
) -> None:
    ask(jobs, "old", NOON + 9 * SECOND)
    asked = {"a": NOON + SECOND, "old": NOON, "b": NOON + 2 * SECOND}

    with jobs.transaction() as tx:
        jobs.enqueue_all(tx, "advance", asked)
        jobs.enqueue_all(tx, "advance", {})

    assert run_all(jobs) == ["old"]
    assert run_all(jobs, NOON + SECOND) == ["a"]
    assert run_all(jobs, NOON + 9 * SECOND) == ["b"]


def test_jobs_that_nobody_needs_any_more_are_dropped_but_not_the_one_in_hand(jobs: Jobs) -> None:
    for key in ("in hand", "needed", "over"):
        ask(jobs, key)
    ask(jobs, "in a lane", lane=LANE)
    held = claimed(jobs)

    with jobs.transaction() as tx:
        jobs.drop_all(tx, "advance", [held.key, "over", "in a lane", "never asked for"], NOON)
        jobs.drop_all(tx, "advance", [], NOON)

    assert (held.key, jobs.holds(held)) == ("in hand", True)
    finish(jobs, held)
    assert run_all(jobs) == ["needed", "in a lane"]
    assert ask(jobs, "over")  # and then it is a new one


def test_a_transaction_that_fails_leaves_no_job(jobs: Jobs) -> None:
    fail_after(jobs, lambda tx: jobs.enqueue(tx, "advance", "12", NOON, lane=LANE))

    assert claim(jobs) is None
    assert keys(jobs) == []


def test_a_finish_that_is_rolled_back_did_not_happen(jobs: Jobs) -> None:
    ask(jobs, "12")
    got = claimed(jobs)

    fail_after(jobs, lambda tx: jobs.finish(tx, got, NOON))

    assert claimed(jobs, NOON + LEASE).attempt == 2


def test_a_job_is_claimed_once(jobs: Jobs) -> None:
    ask(jobs, "12")

    assert claim(jobs) is not None
    assert claim(jobs) is None


def test_only_the_kinds_that_were_asked_for_are_claimed(jobs: Jobs) -> None:
    ask(jobs, "12")

    assert jobs.claim("anna", ["poll"], NOON) is None
    assert jobs.claim("anna", [], NOON) is None


def test_a_job_that_is_open_is_not_asked_for_twice(jobs: Jobs) -> None:
    assert ask(jobs, "12")
    assert not ask(jobs, "12")

    assert run_all(jobs) == ["12"]
    assert ask(jobs, "12")  # it is done, so this is another


def test_a_job_that_is_open_is_moved_up_but_never_back(jobs: Jobs) -> None:
    ask(jobs, "12", NOON + 10 * SECOND)
    ask(jobs, "12", NOON + 5 * SECOND)
    ask(jobs, "12", NOON + 20 * SECOND)

    assert claim(jobs, NOON + 4 * SECOND) is None
    assert claim(jobs, NOON + 5 * SECOND) is not None


def test_a_lane_runs_one_after_another_in_order_of_arrival(jobs: Jobs) -> None:
    for key in ("1", "2", "3"):
        ask(jobs, key, lane=LANE)

    first = claimed(jobs)

    assert claim(jobs) is None  # 2 and 3 wait behind 1
    finish(jobs, first)
    assert [first.key, *run_all(jobs)] == ["1", "2", "3"]


def test_lanes_do_not_wait_for_one_another(jobs: Jobs) -> None:
    ask(jobs, "1", lane=LANE)
    ask(jobs, "2", lane="basket@production")
    ask(jobs, "3")

    assert {claimed(jobs).key for _ in range(3)} == {"1", "2", "3"}


def test_a_head_that_waits_for_its_timer_blocks_its_lane(jobs: Jobs) -> None:
    ask(jobs, "1", NOON + SECOND, lane=LANE)
    ask(jobs, "2", NOON, lane=LANE)

    assert claim(jobs) is None
    assert run_all(jobs, NOON + SECOND) == ["1", "2"]


def test_what_has_begun_stays_the_head_between_its_steps(jobs: Jobs) -> None:
    ask(jobs, "1", lane=LANE)
    ask(jobs, "2", lane=LANE)
    finish(jobs, claimed(jobs), again_at=NOON + 60 * SECOND)
    ask(jobs, "rollback", lane=LANE, jumps=True)

    assert claim(jobs, NOON + 59 * SECOND) is None
    assert run_all(jobs, NOON + 60 * SECOND) == ["1", "rollback", "2"]


def test_who_jumps_goes_before_what_waits_and_after_earlier_jumpers(jobs: Jobs) -> None:
    ask(jobs, "1", lane=LANE)
    ask(jobs, "2", lane=LANE, jumps=True)
    ask(jobs, "3", lane=LANE, jumps=True)

    assert keys(jobs) == ["2", "3", "1"]
    assert run_all(jobs) == ["2", "3", "1"]


def test_a_held_lane_starts_only_what_jumps(jobs: Jobs) -> None:
    ask(jobs, "1", lane=LANE)
    with jobs.transaction() as tx:
        jobs.hold(tx, LANE, "user:default/alice", "1 rolled back", NOON)

    assert claim(jobs) is None
    ask(jobs, "rollback", lane=LANE, jumps=True)
    assert run_all(jobs) == ["rollback"]

    with jobs.transaction() as tx:
        assert jobs.held(tx, [LANE, "other"]) == {LANE: Hold("user:default/alice", "1 rolled back", NOON)}
        assert jobs.queue(tx, LANE) == [Waiting("advance", "1", QUEUES, begun=False, held=True)]
        jobs.release(tx, LANE)
    assert run_all(jobs) == ["1"]


def test_a_hold_lets_go_on_what_has_begun(jobs: Jobs) -> None:
    ask(jobs, "1", lane=LANE)
    finish(jobs, claimed(jobs), again_at=NOON)
    with jobs.transaction() as tx:
        jobs.hold(tx, LANE, "user:default/alice", "look at this first", NOON)

    assert claimed(jobs).key == "1"


def test_a_job_may_be_asked_for_in_a_lane_that_is_already_held(jobs: Jobs) -> None:
    with jobs.transaction() as tx:
        jobs.hold(tx, LANE, "user:default/alice", "freeze", NOON)
    ask(jobs, "1", lane=LANE)

    assert claim(jobs) is None


def test_a_timer_is_not_early(jobs: Jobs) -> None:
    ask(jobs, "12", NOON + SECOND)

    assert claim(jobs, NOON + SECOND - timedelta(milliseconds=1)) is None
    assert claim(jobs, NOON + SECOND) is not None


def test_the_longest_waiting_goes_first(jobs: Jobs) -> None:
    ask(jobs, "late", NOON)
    ask(jobs, "early", NOON - SECOND)

    assert run_all(jobs) == ["early", "late"]


def test_a_wake_ends_the_wait(jobs: Jobs) -> None:
    ask(jobs, "12", NOON + 60 * SECOND)

    wake(jobs, "12")

    assert claim(jobs) is not None


def test_a_wake_while_it_is_being_done_makes_it_due_again_at_once(jobs: Jobs) -> None:
    ask(jobs, "12")
    got = claimed(jobs)

    wake(jobs, "12")

    assert claim(jobs) is None  # not by two at the same time
    finish(jobs, got, again_at=NOON + 60 * SECOND)
    finish(jobs, claimed(jobs), again_at=NOON + 60 * SECOND)
    assert claim(jobs) is None  # one wake, one time


def test_what_is_asked_for_while_it_is_being_done_is_done_again(jobs: Jobs) -> None:
    ask(jobs, "12")
    got = claimed(jobs)

    assert not ask(jobs, "12", NOON + SECOND)  # by somebody who saw more than the one who does it
    finish(jobs, got)

    assert claim(jobs) is None
    finish(jobs, claimed(jobs, NOON + SECOND), NOON + SECOND)
    assert claim(jobs, NOON + 60 * SECOND) is None


def test_a_wake_of_nothing_does_nothing(jobs: Jobs) -> None:
    wake(jobs, "12")

    assert claim(jobs) is None


def test_a_lease_that_runs_out_is_taken_over_with_a_grown_fence(jobs: Jobs) -> None:
    ask(jobs, "12", lane=LANE)
    first = claimed(jobs, worker="anna")

    assert claim(jobs, NOON + LEASE - timedelta(milliseconds=1), "bert") is None
    second = claimed(jobs, NOON + LEASE, "bert")

    assert (second.key, second.attempt) == ("12", 2)
    assert second.fence > first.fence


def test_a_job_without_a_lane_has_a_growing_fence_too(jobs: Jobs) -> None:
    ask(jobs, "12")
    first = claimed(jobs)

    assert claimed(jobs, NOON + LEASE).fence > first.fence


def test_the_fence_of_a_lane_grows_from_job_to_job(jobs: Jobs) -> None:
    fences = []
    for key in ("1", "2", "3"):
        ask(jobs, key, lane=LANE)
        got = claimed(jobs)
        fences.append(got.fence)
        finish(jobs, got)

    assert fences == sorted(set(fences))


def test_a_heartbeat_keeps_the_lease(jobs: Jobs) -> None:
    ask(jobs, "12")
    got = claimed(jobs)

    assert jobs.heartbeat(got, NOON + 4 * SECOND)

    assert claim(jobs, NOON + LEASE) is None
    assert claim(jobs, NOON + 4 * SECOND + LEASE) is not None


def test_who_was_taken_over_can_do_nothing_any_more(jobs: Jobs) -> None:
    ask(jobs, "12", lane=LANE)
    old = claimed(jobs, worker="anna")
    new = claimed(jobs, NOON + LEASE, "bert")

    assert not jobs.heartbeat(old, NOON + LEASE)
    for act in (
        lambda tx: jobs.finish(tx, old, NOON + LEASE),
        lambda tx: jobs.finish(tx, old, NOON + LEASE, again_at=NOON),
        lambda tx: jobs.give_back(tx, old, NOON + LEASE, again_at=NOON),
        lambda tx: jobs.guard(tx, old),
    ):
        with pytest.raises(Lost), jobs.transaction() as tx:
            act(tx)
    assert not jobs.holds(old)
    assert jobs.holds(new)  # unharmed by all that
    with jobs.transaction() as tx:
        jobs.guard(tx, new)
    finish(jobs, new, NOON + LEASE)


def test_what_a_lost_worker_writes_with_its_finish_is_not_written(jobs: Jobs) -> None:
    ask(jobs, "12")
    old = claimed(jobs)
    claimed(jobs, NOON + LEASE, "bert")

    def record_and_finish() -> None:
        with jobs.transaction() as tx:
            jobs.enqueue(tx, "poll", "next", NOON)
            jobs.finish(tx, old, NOON)

    with pytest.raises(Lost):
        record_and_finish()
    assert claim(jobs, NOON) is None


def test_a_claim_ends_only_once(jobs: Jobs) -> None:
    ask(jobs, "12")
    got = claimed(jobs)
    finish(jobs, got, again_at=NOON)

    with pytest.raises(Lost):
        finish(jobs, got)
    assert not jobs.holds(got)
    assert not jobs.heartbeat(got, NOON)
    assert claim(jobs) is not None


def test_a_late_finish_counts_as_long_as_nobody_took_over(jobs: Jobs) -> None:
    ask(jobs, "12")
    got = claimed(jobs)

    finish(jobs, got, NOON + 10 * LEASE)

    assert claim(jobs, NOON + 10 * LEASE) is None


def test_a_claim_given_back_is_due_when_said_and_its_attempts_count_on(jobs: Jobs) -> None:
    ask(jobs, "12")
    for attempt in (1, 2, 3):
        at = NOON + attempt * SECOND
        got = claimed(jobs, at)
        assert got.attempt == attempt
        with jobs.transaction() as tx:
            jobs.give_back(tx, got, at, again_at=at + SECOND)
        assert claim(jobs, at) is None

    at = NOON + 4 * SECOND
    finish(jobs, claimed(jobs, at), again_at=at)
    assert claimed(jobs, at).attempt == 1  # it got somewhere, so counting begins anew


def test_due_says_when_to_look_again(jobs: Jobs) -> None:
    assert jobs.due(KINDS, NOON) is None

    ask(jobs, "1", NOON + 10 * SECOND)
    assert jobs.due(KINDS, NOON) == NOON + 10 * SECOND
    assert jobs.due(["poll"], NOON) is None

    ask(jobs, "2", NOON - SECOND)
    assert jobs.due(KINDS, NOON) == NOON

    claimed(jobs)
    assert jobs.due(KINDS, NOON) == NOON + LEASE


def test_due_leaves_out_what_waits_behind_another_or_a_hold(jobs: Jobs) -> None:
    ask(jobs, "1", NOON + 60 * SECOND, lane=LANE)
    ask(jobs, "2", NOON, lane=LANE)
    assert jobs.due(KINDS, NOON) == NOON + 60 * SECOND

    with jobs.transaction() as tx:
        jobs.hold(tx, LANE, "user:default/alice", "freeze", NOON)
    assert jobs.due(KINDS, NOON) is None


def test_prune_forgets_only_what_was_done_before(jobs: Jobs) -> None:
    for key in ("1", "2"):
        ask(jobs, key)
        finish(jobs, claimed(jobs), NOON + int(key) * SECOND)
    ask(jobs, "3")

    with jobs.transaction() as tx:
        assert jobs.prune(tx, NOON + 2 * SECOND) == 1
    with jobs.transaction() as tx:
        assert jobs.prune(tx, NOON + 60 * SECOND) == 1
    assert run_all(jobs) == ["3"]


def test_in_memory_a_transaction_inside_a_transaction_is_refused_where_a_database_would_hang() -> None:
    jobs = MemoryJobs()
    ask(jobs, "12")
    got = claimed(jobs)

    def inside(act: Callable[[], object]) -> None:
        with jobs.transaction():
            act()

    for act in (lambda: ask(jobs, "13"), lambda: jobs.heartbeat(got, NOON)):
        with pytest.raises(RuntimeError, match="inside a transaction"):
            inside(act)
    assert run_all(jobs, NOON + LEASE) == ["12"]
