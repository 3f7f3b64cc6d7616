"""A deploy that asks a person: it goes on, looks again, or goes back; no order is lost or obeyed twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest

from ledger.db import Database
from ledger.errors import Code, Error
from ledger.jobs import LEASE
from pipelines.deciding import LONG
from pipelines.deploy import State
from production.ports import Failed
from tests.rooms.deploying import ALICE, BOB, SECOND, House, Repository, described, repository, served_by

__all__ = ["repository"]

CHECKS = [{"http": "/healthz", "passes": 1, "every": "5s", "deadline": "10s"}]
ASKS: dict[str, Any] = {"bake": "5s", "checks": CHECKS, "judge": {"inconclusive": "pause"}}  # nobody visits, so it asks
CANARY = {"canary": [10, 100]}
DROPS = {"migrations/2.sql": "ALTER TABLE orders DROP COLUMN note;\n"}


@pytest.fixture
def house(database: Database, repository: Repository) -> House:
    return House(database, repository.mirrored)


@pytest.fixture
def each_house(each_database: Database, repository: Repository) -> House:
    return House(each_database, repository.mirrored)


def paused(house: House, repository: Repository, strategy: Any = CANARY, **more: Any) -> int:
    """Release 1 serves; release 2 has come as far as it comes without a person."""
    served_by(house, repository)
    repository.commit(described(strategy, **(ASKS | more)))
    deploy = house.deploy()
    house.go(lambda: house.deploy_of(deploy).pause is not None)
    assert house.deploy_of(deploy).state is State.PAUSED
    return deploy


def asks(house: House, deploy: int) -> str:
    pause = house.deploy_of(deploy).pause
    return pause.asks if pause else ""


def until_it_asks_again(house: House, deploy: int) -> None:
    """Work on what was ordered, until it asks again or has ended."""
    house.go(lambda: house.deploy_of(deploy).pause is None)
    house.go(lambda: house.deploy_of(deploy).pause is not None)


def test_it_waits_with_what_it_has_and_keeps_the_lane(house: House, repository: Repository) -> None:
    deploy = paused(house, repository)
    repository.commit(described(CANARY, **ASKS))
    other = house.deploy()
    house.now += timedelta(hours=1)

    assert not house.work()

    assert (house.word(deploy), house.word(other)) == ("paused", "queued")
    assert (house.serving(), house.running()) == ({1: 90.0, 2: 10.0}, {1: 4, 2: 1})


def test_a_person_lets_it_go_on_with_the_next_step(house: House, repository: Repository) -> None:
    deploy = paused(house, repository)
    house.now += timedelta(hours=2)

    house.actions.resume(deploy, BOB, house.now, "a quiet hour")
    until_it_asks_again(house, deploy)

    assert (asks(house, deploy), house.deploy_of(deploy).percent) == ("inconclusive", 100)
    assert house.deploy_of(deploy).paused == timedelta(hours=2)  # its deadline waits, too
    house.actions.resume(deploy, ALICE, house.now)
    house.go()
    assert (house.word(deploy), house.live()) == ("healthy", 2)
    told = [line for line in house.page(deploy).log if "a quiet hour" in line.text]
    assert told, "the log says why it went on"


def test_a_person_has_the_same_step_watched_once_more(house: House, repository: Repository) -> None:
    deploy = paused(house, repository)
    before, began = house.deploy_of(deploy), house.now

    house.actions.look_again(deploy, BOB, house.now)
    until_it_asks_again(house, deploy)

    after = house.deploy_of(deploy)
    assert (after.step, after.percent) == (before.step, before.percent)
    assert house.now == began + 5 * SECOND
    assert [took.kind for took in after.story][-2:] == ["bake", "bake"]


def test_what_was_counted_before_is_not_forgotten_when_it_is_watched_once_more(
    house: House, repository: Repository
) -> None:
    served_by(house, repository)
    repository.commit(described(CANARY, **ASKS))
    deploy = house.deploy()
    for _ in range(2):
        house.go_to(deploy, "bake", wave=1)
        house.work()
        house.target.serve(house.site(), 1, 450)
        house.target.serve(house.site(), 2, 50)
        house.go(lambda: house.deploy_of(deploy).pause is not None)
        house.actions.look_again(deploy, BOB, house.now)

    told = house.deploy_of(deploy).proof.evidence
    assert (told.canary_requests, told.baseline_requests) == (100, 900)


def test_a_person_has_it_go_back(house: House, repository: Repository) -> None:
    deploy = paused(house, repository)

    house.abort(deploy, BOB, "not on a Friday")
    house.go()

    assert house.word(deploy) == "aborted"
    assert house.page(deploy).row.reason.startswith("not on a Friday; watched 5 s at 10 %")  # and why it had asked
    assert (house.serving(), house.running(), house.live()) == ({1: 100.0}, {1: 4}, 1)


def test_when_nobody_comes_it_goes_back_and_says_so(house: House, repository: Repository) -> None:
    deploy = paused(house, repository, patience="3h")
    began = house.now

    house.go()

    assert (house.word(deploy), house.serving()) == ("undone", {1: 100.0})
    assert house.page(deploy).row.reason.startswith("nobody said within 3 h whether it should go on: watched 5 s at 10")
    assert timedelta(hours=3) <= house.now - began < timedelta(hours=3, minutes=1)


@pytest.mark.parametrize("kinds", [("resume", "resume"), ("resume", "look"), ("look", "resume")])
def test_of_two_who_press_the_first_decides_and_the_second_hears_so(
    house: House, repository: Repository, kinds: tuple[str, str]
) -> None:
    deploy = paused(house, repository)
    press = {"resume": house.actions.resume, "look": house.actions.look_again}
    press[kinds[0]](deploy, ALICE, house.now)

    with pytest.raises(Error) as refused:
        press[kinds[1]](deploy, BOB, house.now)

    assert refused.value.code is Code.CONFLICT
    assert refused.value.message.startswith("somebody was first and has decided already")


def test_of_two_who_press_at_once_one_decides(each_house: House, repository: Repository) -> None:
    house = each_house
    deploy = paused(house, repository)
    gate = Barrier(4)

    def press(actor: str) -> str:
        gate.wait()
        try:
            house.actions.resume(deploy, actor, house.now)
        except Error as error:
            return error.message
        return ""

    with ThreadPoolExecutor(4) as people:
        pressed = list(people.map(press, [ALICE, BOB] * 2))

    refused = "somebody was first and has decided already; look at the deploy's page"
    assert sorted(pressed) == ["", refused, refused, refused]
    until_it_asks_again(house, deploy)
    assert house.deploy_of(deploy).percent == 100  # one step on, not two


def test_an_abort_goes_before_an_order_to_go_on(house: House, repository: Repository) -> None:
    deploy = paused(house, repository)
    house.actions.resume(deploy, ALICE, house.now)

    house.abort(deploy, BOB)
    house.go()

    assert house.word(deploy) == "aborted"


def test_an_order_is_obeyed_once_and_not_at_the_next_pause(house: House, repository: Repository) -> None:
    deploy = paused(house, repository)
    house.actions.resume(deploy, ALICE, house.now)

    house.go(lambda: house.deploy_of(deploy).percent == 100 and house.deploy_of(deploy).pause is not None)
    house.now += timedelta(minutes=5)

    assert not house.work()
    assert house.word(deploy) == "paused"


def test_all_of_it_is_in_the_database_so_another_worker_goes_on(each_house: House, repository: Repository) -> None:
    house = each_house
    deploy = paused(house, repository)
    house.actions.resume(deploy, ALICE, house.now)
    other = House(house.database, repository.mirrored, now=house.now)
    other.target, other.loop = house.target, house.loop  # the same machines

    assert house.claim() is not None  # this worker dies with the order in its hand
    other.now = house.now = house.now + LEASE
    other.go(lambda: other.deploy_of(deploy).percent == 100)

    assert other.serving() == {2: 100.0}


@pytest.mark.parametrize("order", ["resume", "look_again"])
def test_nobody_can_answer_what_does_not_ask(house: House, repository: Repository, order: str) -> None:
    first = served_by(house, repository)

    with pytest.raises(Error, match="does not wait for anybody: it is healthy"):
        getattr(house.actions, order)(first, ALICE, house.now)


def test_a_person_may_have_it_wait_before_its_next_step(house: House, repository: Repository) -> None:
    served_by(house, repository)
    repository.commit(described(CANARY, bake="5s", checks=CHECKS))
    deploy = house.deploy()
    house.go_to(deploy, "bake")

    house.actions.pause(deploy, BOB, house.now, "the shop is full")
    house.actions.pause(deploy, ALICE, house.now, "twice is once")
    house.go(lambda: house.deploy_of(deploy).pause is not None)

    assert (asks(house, deploy), house.page(deploy).row.reason) == ("person", "the shop is full")
    assert house.deploy_of(deploy).story[-1].said.startswith("watched 5 s at 10 %")  # what was begun was ended
    house.actions.resume(deploy, BOB, house.now)
    house.go()
    assert house.word(deploy) == "healthy"


def test_what_has_ended_cannot_pause(house: House, repository: Repository) -> None:
    first = served_by(house, repository)

    with pytest.raises(Error, match="that deploy is healthy; only one that is going out can pause"):
        house.actions.pause(first, ALICE, house.now)


def test_the_strategy_asks_after_a_wave(house: House, repository: Repository) -> None:
    stairs = {"canary": [{"weight": 10, "pause": True}, 100]}
    deploy = paused(house, repository, stairs, judge=True)

    assert (asks(house, deploy), house.serving()) == ("strategy", {1: 90.0, 2: 10.0})
    house.actions.resume(deploy, ALICE, house.now)
    house.go()
    assert house.word(deploy) == "healthy"


# What cannot be taken back.


def irreversible(house: House, repository: Repository, **more: Any) -> int:
    served_by(house, repository)
    repository.commit(described(CANARY, bake="5s", checks=CHECKS, **more), DROPS)
    return house.deploy()


def test_what_cannot_be_taken_back_asks_instead_of_going_back(house: House, repository: Repository) -> None:
    deploy = irreversible(house, repository)
    house.go_to(deploy, "bake")
    house.checker.bad_release, house.checker.bad_times = 2, 999

    house.go(lambda: house.deploy_of(deploy).pause is not None)

    frozen = house.deploy_of(deploy).plan
    assert frozen is not None
    assert frozen.irreversible == "migrations/2.sql:1 drops a column"
    assert asks(house, deploy) == "irreversible"
    assert house.page(deploy).row.reason == "checkout-2-1: /healthz answered 500 in 2 ms, 3 times in a row"
    assert house.serving() == {1: 90.0, 2: 10.0}


def test_what_cannot_be_taken_back_waits_for_ever_and_goes_back_only_for_a_person(
    house: House, repository: Repository
) -> None:
    deploy = irreversible(house, repository, patience="1h")
    house.go_to(deploy, "bake")
    house.checker.bad_release, house.checker.bad_times = 2, 999
    house.go(lambda: house.deploy_of(deploy).pause is not None)
    began = house.now

    house.go(lambda: house.now > began + 5 * LONG)
    assert house.word(deploy) == "paused"

    house.abort(deploy, BOB)
    house.go()
    assert (house.word(deploy), house.serving()) == ("aborted", {1: 100.0})


def test_what_cannot_be_taken_back_is_mended_and_looked_at_again(house: House, repository: Repository) -> None:
    deploy = irreversible(house, repository)
    house.go_to(deploy, "bake")
    house.checker.bad_release, house.checker.bad_times = 2, 3  # three looks, and then somebody has mended it
    house.go(lambda: house.deploy_of(deploy).pause is not None)

    house.actions.look_again(deploy, ALICE, house.now)
    house.go()

    assert (house.word(deploy), house.live()) == ("healthy", 2)


def test_before_anything_has_been_started_there_is_nothing_to_take_back(house: House, repository: Repository) -> None:
    deploy = irreversible(house, repository)
    house.fail_once["prepare"] = Failed("the disk is full")

    house.go()

    assert (house.word(deploy), house.live()) == ("undone", 1)


def test_what_takes_too_long_and_cannot_be_taken_back_can_be_let_on_by_a_person(
    house: House, repository: Repository
) -> None:
    deploy = irreversible(house, repository, deadline="1m")
    house.go_to(deploy, "bake")
    house.now += timedelta(hours=1)  # no worker was there
    house.go(lambda: house.deploy_of(deploy).pause is not None)
    assert asks(house, deploy) == "irreversible"

    house.actions.resume(deploy, ALICE, house.now)
    house.go(lambda: house.deploy_of(deploy).percent == 100)

    assert house.serving() == {2: 100.0}
