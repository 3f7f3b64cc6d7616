"""Bodies that nobody has thought of: each is set aside and said, and what came with it is understood."""

import json
from typing import Any

import pytest

from ledger import events, inbox
from ledger.db import Database
from ledger.errors import Code, Error
from oncall import intakestore, store, understanding
from oncall import signal as signals
from oncall.receiving import ALL, RECEIVE
from oncall.signal import Action, Signal
from oncall.taking import Taking
from oncall.understanding import Came
from tests.rooms.oncallhouse import ADA, CHECKOUT, House

KINDS = (OverflowError, AttributeError, IndexError, RecursionError, ZeroDivisionError, UnicodeError)


@pytest.fixture
def house(database: Database) -> House:
    return House(database).found()


def aside(house: House) -> int:
    with house.database.read() as session:
        return len([one for one in session.query(events.EventRow).all() if one.kind == "oncall.not_understood"])


def titles(house: House) -> set[str]:
    with house.database.read() as session:
        return {alert.title for number in house.numbers() for alert in store.alerts_of(session, number)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_breaks_its_reader_is_said_and_the_others_page(
    house: House, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    understood = understanding.understood

    def breaks(came: Came) -> Any:
        if b'"k1"' in came.body:
            raise kind("nobody has thought of it")
        return understood(came)

    monkeypatch.setattr(understanding, "understood", breaks)
    for number in range(3):
        house.event(f"k{number}")
    house.work()
    assert house.rang(ADA) >= 1
    assert aside(house) == 1
    assert any("cannot be understood" in title for title in titles(house))


@pytest.mark.parametrize("kind", KINDS)
def test_a_signal_that_breaks_what_is_made_of_it_is_said_too(
    house: House, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    take = Taking.take

    def breaks(self: Taking, said: Signal) -> None:
        take(self, said)
        if said.key == "k1":
            raise kind("nobody has thought of it")

    monkeypatch.setattr(Taking, "take", breaks)
    for number in range(3):
        house.event(f"k{number}")
    house.work()
    assert aside(house) == 1
    assert titles(house) >= {"checkout answers slowly"}


def test_what_always_conflicts_is_set_aside_at_last(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    take = Taking.take

    def conflicts(self: Taking, said: Signal) -> None:
        if said.key == "k1":
            raise Error(Code.CONFLICT, "it has ended meanwhile")
        take(self, said)

    monkeypatch.setattr(Taking, "take", conflicts)
    for number in range(3):
        house.event(f"k{number}")
    for _ in range(20):
        claim = house.jobs.claim("worker", [RECEIVE], house.now)
        if claim is None:
            break
        try:
            house.receiver.receive(claim)
        except Error:
            with house.jobs.transaction() as tx:
                house.jobs.give_back(tx, claim, house.now, again_at=house.now)
    house.work()
    assert house.rang(ADA) >= 1
    assert aside(house) == 1


def test_what_came_by_no_integration_that_is_known_is_no_word_of_the_portals_own(house: House) -> None:
    said = signals.to_json(signals.signal("portal", "x", Action.TRIGGER, house.now, title="a lie"))
    with house.jobs.transaction() as tx:
        kept = inbox.receive(tx, "oncall.events", "1", {}, json.dumps(said).encode(), house.now)
        assert kept is not None
        intakestore.waits(tx, kept, 999, understanding.EVENTS)
        house.jobs.enqueue(tx, RECEIVE, ALL, house.now)
    house.work()
    assert "a lie" not in titles(house)


@pytest.mark.postgres
def test_signs_that_a_database_refuses_are_left_out(postgres_database: Database) -> None:
    house = House(postgres_database).found()
    odd = "a\x00b\ud800c"
    house.event("k\x00\ud800", summary=odd, source=odd, component=odd, group=odd, custom_details={odd: [odd, 1 << 80]})
    long = "x" * 5000
    said = {"service": long, "environment": long}
    house.event("k2", summary=long[:1024], custom_details=said, **{"class": long})
    house.work()
    assert house.rang(ADA) >= 1
    assert aside(house) == 0
    with house.database.read() as session:
        assert {one.service for number in house.numbers() for one in store.alerts_of(session, number)} == {CHECKOUT}
