"""Who locks what first: two that work at one incident at the same moment both come through, on PostgreSQL."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ledger.db import Database
from ledger.errors import Code
from oncall import store
from oncall.moving import ADVANCE, SEND
from oncall.receiving import RECEIVE
from tests.rooms.oncallhouse import ADA, House

pytestmark = pytest.mark.postgres
PATIENCE = 60  # seconds, and then the test has failed


@pytest.fixture
def house(postgres_database: Database) -> House:
    return House(postgres_database).found()


@contextmanager
def meeting(monkeypatch: pytest.MonkeyPatch, second: str) -> Iterator[None]:
    """Let the thread called `second` hold incidents only when another thread holds some, or soon will have ended."""
    held, waits = threading.Event(), threading.Event()

    def late(act: Callable[..., Any]) -> Callable[..., Any]:
        def held_in_turn(session: Any, about: Any) -> Any:
            if threading.current_thread().name == second:
                waits.set()
                held.wait(1)
                return act(session, about)
            assert waits.wait(PATIENCE), "nobody else holds an incident"
            found = act(session, about)
            held.set()
            return found

        return held_in_turn

    for name in ("hold", "hold_all"):
        monkeypatch.setattr(store, name, late(getattr(store, name)))
    yield


def both(**acts: Callable[[], Any]) -> list[BaseException]:
    """Do things at the same time, each in a thread of its name; return what went wrong."""
    wrong: list[BaseException] = []

    def do(act: Callable[[], Any]) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 handed to the test
            wrong.append(error)

    threads = [threading.Thread(target=do, args=[act], name=name, daemon=True) for name, act in acts.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE * 2)
    assert not any(thread.is_alive() for thread in threads)
    return wrong


def test_a_person_and_the_worker_at_one_incident(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.event()
    house.work()
    due = house.next_due()
    assert due is not None
    house.now = due
    claim = house.jobs.claim("worker", [ADVANCE], house.now)
    assert claim is not None
    with meeting(monkeypatch, "worker"):
        assert both(worker=lambda: house.loop.advance(claim), person=lambda: house.actions.acknowledge(1, ADA)) == []
    assert house.incident().assigned == (ADA,)


@pytest.mark.parametrize("first", ["joins", "opens"])
def test_what_was_sent_and_what_comes_in_at_one_incident(
    house: House, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    house.event()
    while claim := house.jobs.claim("worker", [RECEIVE, ADVANCE], house.now):
        house.do(claim)
    joins, opens = {"key": "k2"}, {"key": "k3", "summary": "the disk is full", "class": "disk", "component": "disk"}
    for event in (joins, opens) if first == "joins" else (opens, joins):
        house.event(**event)
    sends, receives = (house.jobs.claim("worker", [kind], house.now) for kind in (SEND, RECEIVE))
    assert sends is not None
    assert receives is not None
    with meeting(monkeypatch, "sender"):
        wrong = both(sender=lambda: house.sender.send(sends), receiver=lambda: house.receiver.receive(receives))
    assert wrong == []
    house.work()
    assert house.numbers() == [1, 2]
    assert house.rang(ADA) == 2  # one page for each, and none of them twice
    assert not any(page.repeated for number in (1, 2) for page in house.pages(number))


def test_two_people_merge_two_incidents_into_one_another(house: House) -> None:
    for number in range(2):
        house.event(f"k{number}", component=f"c{number}", **{"class": f"c{number}"}, summary=f"fault {number}")
    house.work()
    assert house.numbers() == [1, 2]
    wrong = both(
        one=lambda: house.actions.merge(1, ADA, 2),
        other=lambda: house.actions.merge(2, ADA, 1),
    )
    assert [getattr(error, "code", error) for error in wrong] == [Code.CONFLICT]  # whoever is second is told
    assert len(house.numbers()) == 1
