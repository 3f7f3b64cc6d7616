"""The worker's loop over the memory target, a real repository and real jobs; only the clock is ours."""

from datetime import timedelta
from typing import Any

import pytest

from ledger import events
from ledger.errors import Code, Error
from ledger.jobs import Claim, Lost
from pipelines.jobs import BIND_TRIES
from production.ports import Failed
from tests.conftest import NOON
from tests.rooms.deploying import (
    ALICE,
    BOB,
    CANARY,
    CHECKOUT,
    LANE,
    PRODUCTION,
    SECOND,
    House,
    Repository,
    described,
    house,
    repository,
    served_by,
)

__all__ = ["house", "repository"]


def test_a_first_release_becomes_healthy_and_serves(house: House, repository: Repository) -> None:
    first = served_by(house, repository)

    assert house.live() == 1
    assert (house.serving(), house.running()) == ({1: 100.0}, {1: 4})
    assert house.page(first).row.reason == ""


def test_a_canary_goes_out_wave_by_wave_and_the_old_release_stops_last(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described(CANARY))
    second = house.deploy()
    seen: list[Any] = []

    def look() -> bool:
        if not seen or seen[-1] != (house.serving(), house.running()):
            seen.append((house.serving(), house.running()))
        return False

    house.go(look)

    assert house.word(second) == "healthy"
    assert seen[0] == ({1: 100.0}, {1: 4})
    assert ({1: 90.0, 2: 10.0}, {1: 4, 2: 1}) in seen
    assert ({1: 50.0, 2: 50.0}, {1: 4, 2: 2}) in seen
    assert seen[-1] == ({2: 100.0}, {2: 4})
    assert house.live() == 2


def test_a_release_that_fails_its_check_is_put_back_by_itself_and_says_why(
    house: House, repository: Repository
) -> None:
    served_by(house, repository)
    repository.commit(described(CANARY, fails={"*": "check"}))
    bad = house.deploy()

    house.go()

    row = house.page(bad).row
    assert row.word == "undone"
    assert row.reason == "checkout-2-1 did not pass 2 times in a row within 10 s: /healthz answered 503 in 1 ms"
    assert (house.serving(), house.running(), house.live()) == ({1: 100.0}, {1: 4}, 1)


def test_a_release_that_turns_bad_while_it_is_watched_is_put_back(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described(CANARY))
    bad = house.deploy()
    house.go_to(bad, "bake", wave=2)
    house.checker.bad_release, house.checker.bad_times = 2, 99

    house.go()

    assert house.word(bad) == "undone"
    assert house.page(bad).row.reason == "checkout-2-1: /healthz answered 500 in 2 ms, 3 times in a row"
    assert (house.serving(), house.running(), house.live()) == ({1: 100.0}, {1: 4}, 1)


def test_one_bad_look_while_baking_is_no_verdict(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described(CANARY))
    second = house.deploy()
    house.go_to(second, "bake", wave=1)
    house.checker.bad_release, house.checker.bad_times = 2, 2

    house.go()

    assert house.word(second) == "healthy"


def test_a_wave_does_not_end_with_a_bad_look(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described(bake="3s"))
    bad = house.deploy()
    house.go_to(bad, "bake")
    began = house.now
    house.go(lambda: house.now >= began + timedelta(seconds=2.5))
    house.checker.bad_release, house.checker.bad_times = 2, 999  # bad only in the last moment

    house.go()

    assert house.word(bad) == "undone"


def test_a_wave_does_not_end_before_a_slow_worker_has_looked_often_enough(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described(CANARY))
    bad = house.deploy()
    house.go_to(bad, "bake", wave=1)  # and has looked once
    house.now += timedelta(seconds=12)  # its time is over
    house.work()
    assert house.is_doing(bad, "bake", wave=1)
    house.checker.bad_release, house.checker.bad_times = 2, 99  # bad from the third look on

    house.go()

    assert house.word(bad) == "undone"


def test_a_release_whose_instances_have_vanished_is_put_back(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described(CANARY))
    second = house.deploy()
    house.go_to(second, "bake", wave=2)
    with house.target._notebook.changing(house.site().name) as state:
        del state["instances"]["2"]

    house.go()

    assert (house.word(second), house.page(second).row.reason) == ("undone", "no instance of 2 is there to look at")
    assert (house.serving(), house.running()) == ({1: 100.0}, {1: 4})


def test_without_checks_a_wave_is_only_waited_for(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described(CANARY, checks=[]))
    second = house.deploy()

    rounds = 0

    def count() -> bool:
        nonlocal rounds
        rounds += 1
        return False

    house.go(count)

    assert house.word(second) == "healthy"
    assert house.now >= NOON + 33 * SECOND  # 3 s for the first, 3 × 10 s for this one
    assert rounds < 50


@pytest.mark.parametrize("method", ["prepare", "start", "weigh", "drain", "stop"])
def test_an_abort_within_any_act_puts_the_old_release_back(house: House, repository: Repository, method: str) -> None:
    served_by(house, repository)
    repository.commit(described())
    second = house.deploy()

    def order(called: str) -> None:
        if called == method:
            house.abort(second, reason="wrong branch")

    house.before = order
    house.go()

    row = house.page(second).row
    assert (row.word, row.reason) == ("aborted", "wrong branch")
    assert (house.serving(), house.running(), house.live()) == ({1: 100.0}, {1: 4}, 1)


@pytest.mark.parametrize("doing", ["probe", "bake"])
def test_an_abort_while_it_is_looked_at_puts_the_old_release_back(
    house: House, repository: Repository, doing: str
) -> None:
    served_by(house, repository)
    repository.commit(described())
    second = house.deploy()
    house.go_to(second, doing)
    house.abort(second, reason="wrong branch")

    house.go()

    assert house.word(second) == "aborted"
    assert (house.serving(), house.running(), house.live()) == ({1: 100.0}, {1: 4}, 1)


def test_an_abort_on_the_way_back_changes_nothing(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described())
    second = house.deploy()
    house.go_to(second, "bake")
    house.abort(second, reason="wrong branch")
    house.abort(second, reason="really")

    house.go()
    assert house.page(second).row.reason == "wrong branch"

    with pytest.raises(Error) as refused:
        house.abort(second)
    assert refused.value.code is Code.CONFLICT
    assert "has ended" in refused.value.message


def test_an_abort_is_obeyed_at_once_and_not_at_the_next_look(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described(bake="10m", checks=[]))
    second = house.deploy()
    house.go_to(second, "bake")
    began = house.now

    house.abort(second)
    house.go()

    assert house.now - began < 10 * SECOND  # 5 s of them to see that the release before serves again


def test_an_abort_in_the_queue_ends_it_there(house: House, repository: Repository) -> None:
    first, second, third = waiting_three(house, repository)

    house.abort(second, reason="not yet")

    assert house.word(second) == "aborted"
    house.go()
    assert [house.word(one) for one in (first, second, third)] == ["replaced", "aborted", "healthy"]


def test_what_ends_in_the_queue_says_that_it_never_began(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described())
    second = house.deploy()

    house.abort(second, reason="not on a Friday")

    assert house.log(second)[1:] == ["alice: abort ordered: not on a Friday", "it never began: not on a Friday"]


def waiting_three(house: House, repository: Repository) -> tuple[int, int, int]:
    ids = []
    for _ in range(3):
        ids.append(house.deploy(repository.commit(described())))
    return ids[0], ids[1], ids[2]


def test_requests_go_out_one_after_another_in_the_order_of_asking(house: House, repository: Repository) -> None:
    first, second, third = waiting_three(house, repository)
    assert [house.page(one).place for one in (first, second, third)] == [0, 1, 2]

    house.go_to(first, "bake")
    assert [house.page(one).place for one in (first, second, third)] == [None, 1, 2]
    assert [row.id for row in house.page(third).queue] == [first, second, third]

    house.go(lambda: house.word(first) == "healthy")
    assert [house.page(one).place for one in (second, third)] == [0, 1]

    house.go()
    assert [house.word(one) for one in (first, second, third)] == ["replaced", "replaced", "healthy"]
    assert [house.page(one).row.base for one in (first, second, third)] == [None, 1, 2]


def test_when_the_way_back_does_not_work_a_person_is_needed(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described(fails={"*": "undo"}))
    second = house.deploy()
    house.go_to(second, "bake")
    house.abort(second)
    began = house.now

    house.go()

    row = house.page(second).row
    assert row.word == "stuck"
    assert "cannot be undone" in row.reason
    assert house.live() == 1  # what became healthy last; who serves is the target's to say
    assert house.now - began >= 6 * SECOND  # it waited between its tries


def test_from_a_stuck_deploy_one_can_go_back_to_what_served_before(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described(fails={"*": "undo"}))
    stuck = house.deploy()
    house.go_to(stuck, "bake")
    house.abort(stuck)
    house.go()
    assert house.word(stuck) == "stuck"
    with pytest.raises(Error, match="never been healthy"):
        house.rollback(2)

    back = house.rollback(1)
    house.go()

    assert house.word(back) == "healthy"
    assert house.live() == 1


def test_after_a_stuck_deploy_the_next_one_starts(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described(fails={"*": "undo"}))
    stuck = house.deploy()
    house.go_to(stuck, "bake")
    mended = house.deploy(repository.commit(described()))
    house.abort(stuck)

    house.go()

    assert (house.word(stuck), house.word(mended)) == ("stuck", "healthy")
    assert (house.serving(), house.running()) == ({3: 100.0}, {3: 4})


def test_what_a_first_release_that_is_stuck_has_left_ends_with_the_next_that_is_healthy(
    house: House, repository: Repository
) -> None:
    repository.commit(described(fails={"*": "undo"}))
    stuck = house.deploy()
    house.go_to(stuck, "bake")
    house.abort(stuck)
    house.go()
    assert (house.word(stuck), house.running()) == ("stuck", {1: 4})

    mended = house.deploy(repository.commit(described()))
    house.go()

    assert house.word(mended) == "healthy"
    assert (house.serving(), house.running()) == ({2: 100.0}, {2: 4})


def test_a_step_of_the_way_back_that_fails_once_is_tried_again(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described())
    second = house.deploy()
    house.go_to(second, "bake")
    house.fail_once["stop"] = Failed("the supervisor does not answer")
    house.abort(second)

    house.go()

    assert house.word(second) == "aborted"
    assert house.running() == {1: 4}


@pytest.mark.parametrize("method", ["prepare", "start", "weigh", "stop"])
def test_a_target_that_fails_leaves_the_old_release_serving(house: House, repository: Repository, method: str) -> None:
    served_by(house, repository)
    repository.commit(described(CANARY))
    second = house.deploy()
    house.fail_once[method] = Failed(f"{method} does not work today", ("a line of its output",))

    house.go()

    assert (house.word(second), house.page(second).row.reason) == ("undone", f"{method} does not work today")
    assert "a line of its output" in house.log(second)
    assert (house.serving(), house.running(), house.live()) == ({1: 100.0}, {1: 4}, 1)


def test_a_target_that_may_be_asked_again_is_asked_again(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described())
    second = house.deploy()
    house.fail_once["weigh"] = Failed("the proxy reloads", permanent=False)

    house.go()

    assert house.word(second) == "healthy"


def test_a_step_that_never_ends_is_given_up_at_its_deadline(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described())
    second = house.deploy()
    house.before = lambda method: house.fail_once.update(weigh=Failed("the proxy reloads", permanent=False))
    house.go(lambda: house.word(second) == "undoing")
    house.before = lambda method: None
    house.fail_once.clear()

    house.go()

    assert house.page(second).row.reason == "weigh was not done within 30 s: the proxy reloads"
    assert (house.serving(), house.running()) == ({1: 100.0}, {1: 4})


def test_a_deploy_that_takes_too_long_as_a_whole_is_put_back(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described(takes="20s", deadline="5s"))
    second = house.deploy()

    house.go()

    assert house.word(second) == "undone"
    assert "the deadline of the deploy" in house.page(second).row.reason
    assert house.serving() == {1: 100.0}


def test_what_serves_when_its_turn_comes_is_refused_with_the_reason(house: House, repository: Repository) -> None:
    revision = repository.commit(described())
    house.deploy(revision)
    house.deploy(repository.commit(described()))
    house.go()
    third = house.deploy(repository.commit(described()))
    house.go_to(third, "bake")
    again = house.deploy(revision, actor=BOB)  # waits behind the third
    house.rollback(1)  # does not
    house.actions.let_go(CHECKOUT, PRODUCTION, ALICE, house.now)

    house.go()

    row = house.page(again).row
    assert (row.word, row.reason) == ("undone", "Nothing to do: release 1 serves already")
    assert (house.word(third), house.live()) == ("aborted", 1)


def test_a_repository_that_is_gone_when_its_turn_comes_is_tried_again_and_then_refused(
    house: House, repository: Repository
) -> None:
    first = house.deploy(repository.commit(described()))
    behind = house.deploy(repository.commit(described()))
    house.mirror.rename(house.mirror.with_name("away"))

    for _ in range(BIND_TRIES - 1):
        claim = house.claim()
        assert claim is not None
        with pytest.raises(Error):
            house.loop.advance(claim)
        with house.jobs.transaction() as tx:  # as the worker does with what failed
            house.jobs.give_back(tx, claim, house.now, again_at=house.now)
    assert house.word(first) == "queued"
    assert house.work()

    row = house.page(first).row
    assert row.word == "undone"
    assert "sync the repository again" in row.reason
    house.mirror.with_name("away").rename(house.mirror)
    house.go()
    assert house.word(behind) == "healthy"  # one that cannot go does not keep the others


def test_a_worker_whose_fence_is_old_writes_nothing(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described())
    second = house.deploy()
    house.go_to(second, "bake")
    old = house.claim() or next_claim(house)
    house.now += 6 * SECOND  # its lease is over
    assert house.work()
    before = house.deploy_of(second)

    with pytest.raises(Lost):
        house.loop.advance(old)

    assert house.deploy_of(second).version == before.version


def test_a_worker_whose_lease_has_run_out_does_not_even_begin(house: House, repository: Repository) -> None:
    repository.commit(described())
    first = house.deploy()
    old = house.claim()
    house.now += 6 * SECOND
    assert old is not None
    assert house.claim() is not None  # another has it now, and has done nothing yet

    with pytest.raises(Lost):
        house.loop.advance(old)

    assert house.word(first) == "queued"


def next_claim(house: House) -> Claim:
    due = house.jobs.due(["deploy.advance"], house.now)
    assert due is not None
    house.now = due
    claim = house.claim()
    assert claim is not None
    return claim


def test_everything_that_happened_is_a_fact_and_is_told_in_sentences(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described(fails={"*": "check"}))
    bad = house.deploy(note="the Friday fix")
    house.go()

    with house.database.read() as session:
        facts = [event.kind for event in reversed(events.latest(session, subject=f"deploy:{bad}", limit=500))]
    assert facts[:4] == ["deploy.requested", "deploy.bound", "deploy.attempted", "deploy.step_done"]
    assert facts[-1] == "deploy.undone"
    told = house.log(bad)
    assert told[0] == "asked for deploying 2: the Friday fix"
    assert told[1] == "2 replaces 1"
    assert "release 2 is made ready: files and build" in told
    assert "going back: the other release stops" in told
    assert told[-1].startswith("undone: 1 serves as before; checkout-2-1 did not pass")


def test_who_asked_is_the_cause_of_all_that_follows(house: House, repository: Repository) -> None:
    first = served_by(house, repository)

    with house.database.read() as session:
        facts = events.latest(session, subject=f"deploy:{first}", limit=500)

    assert {fact.cause for fact in facts if fact.kind != "deploy.requested"} == {ALICE}
    assert {fact.actor for fact in facts} == {ALICE, "worker"}
    assert {fact.service for fact in facts} == {CHECKOUT}


def test_a_lane_that_is_held_waits_until_it_is_let_go(house: House, repository: Repository) -> None:
    first = house.deploy(repository.commit(described()))
    with house.jobs.transaction() as tx:
        house.jobs.hold(tx, LANE, ALICE, "release week", house.now)
    house.go()
    assert house.word(first) == "queued"

    house.actions.let_go(CHECKOUT, PRODUCTION, ALICE, house.now)
    house.go()

    assert house.word(first) == "healthy"


def test_nothing_is_done_twice_when_a_job_is_run_again(house: House, repository: Repository) -> None:
    first = served_by(house, repository)
    with house.jobs.transaction() as tx:
        house.jobs.enqueue(tx, "deploy.advance", str(first), house.now, lane=LANE)
    before = house.target.journal(house.site())

    house.go()

    assert house.target.journal(house.site()) == before


def test_two_houses_with_one_database_are_one_company(house: House, repository: Repository) -> None:
    other = House(house.database, repository.mirrored)

    assert other.deploy(repository.commit(described())) == house.deploy("main")
