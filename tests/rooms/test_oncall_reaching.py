"""A channel counts once its code has come back; nobody sees another's address, and wrong codes are counted."""

import re
from datetime import timedelta

import pytest

from ledger.db import Database
from ledger.errors import Error
from oncall import planstore
from oncall.reaching import HOLDS, VERIFY, Reaching
from tests.rooms.oncallhouse import ADA, BOB, PHONE, House


@pytest.fixture
def house(database: Database) -> House:
    return House(database).found()


@pytest.fixture
def reaching(house: House) -> Reaching:
    def masked(kind: str, address: str) -> str:
        return f"{kind}://…{address[-2:]}"

    return Reaching(house.database, house.jobs, house.clock, "s" * 40, masked, lambda: house.pagers)


def code(house: House, reaching: Reaching) -> str:
    claim = house.jobs.claim("worker", [VERIFY], house.now)
    assert claim
    reaching.send(claim)
    found = re.search(r"\d{6}", house.phones.messages(ADA)[-1].title)
    assert found
    return found[0]


def counts(house: House, number: int) -> bool:
    with house.database.read() as session:
        way = planstore.way(session, number)
        return way is not None and way.channel.verified


def test_a_channel_counts_once_its_code_came_back(house: House, reaching: Reaching) -> None:
    number = reaching.add(ADA, PHONE, "new phone", "memory://secret-token", ADA)
    assert not counts(house, number)
    right = code(house, reaching)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    with pytest.raises(Error, match="4 tries"):
        reaching.verify(ADA, number, wrong)
    with pytest.raises(Error, match="among yours"):
        reaching.verify(BOB, number, right)
    reaching.verify(ADA, number, f" {right[:3]} {right[3:]}")
    assert counts(house, number)
    with house.database.read() as session:
        assert [one.address for one in reaching.channels(session, ADA)][-1] == "memory://…en"


def test_a_code_ends_with_its_time_and_after_five_wrong_ones(house: House, reaching: Reaching) -> None:
    number = reaching.add(ADA, PHONE, "new phone", "memory://x", ADA)
    right = code(house, reaching)
    for _ in range(5):
        with pytest.raises(Error):
            reaching.verify(ADA, number, "x")
    with pytest.raises(Error, match="new one"):
        reaching.verify(ADA, number, right)
    house.now += timedelta(minutes=1)
    reaching.send_code(ADA, number)
    house.now += timedelta(seconds=1)
    right = code(house, reaching)
    house.now += HOLDS + timedelta(seconds=1)
    with pytest.raises(Error, match="new one"):
        reaching.verify(ADA, number, right)


def test_quiet_hours_are_a_span_in_a_zone_that_exists(reaching: Reaching, house: House) -> None:
    for zone, start, end in (("Europe/Berln", "22:00", "07:00"), ("UTC", "22:00", ""), ("UTC", "25:00", "07:00")):
        with pytest.raises(Error):
            reaching.set_quiet(ADA, zone, start, end)
    reaching.set_quiet(ADA, "Europe/Berlin", "22:00", "07:00")
    with house.database.read() as session:
        assert planstore.rules(session, [ADA])[ADA].quiet is not None
