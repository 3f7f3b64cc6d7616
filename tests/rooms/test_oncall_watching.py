"""What is looked at now and then: silences that end, what they have kept quiet, hearts that stop beating."""

from datetime import timedelta

import pytest

from ledger.db import Database
from oncall import intakestore, notices, understanding
from oncall.watching import Watcher
from tests.conftest import NOON
from tests.rooms.oncallhouse import ADA, CHECKOUT, TEAM, House

HOUR = timedelta(hours=1)


@pytest.fixture
def house(database: Database) -> House:
    return House(database).found()


@pytest.fixture
def watcher(house: House) -> Watcher:
    return Watcher(house.database, house.jobs, house.clock, TEAM)


def silence(house: House, hours: int) -> None:
    with house.database.write() as session:
        about = {
            "kind": "silence",
            "team": TEAM,
            "matchers": [f"service={CHECKOUT}"],
            "reason": "we move it",
            "by": ADA,
        }
        intakestore.add_silence(session, **about, created_at=NOON, start=NOON, end=NOON + hours * HOUR)


def told(house: House) -> list[str]:
    with house.database.read() as session:
        return [one.title for one in notices.unseen(session, ADA)]


def test_what_a_silence_kept_quiet_pages_when_it_ends_and_its_owner_was_told_before(
    house: House, watcher: Watcher
) -> None:
    silence(house, hours=8)
    house.event()
    house.work()
    assert house.rang(ADA) == 0
    house.now = NOON + 7 * HOUR
    for _ in range(3):
        watcher.watch()
    assert told(house) == ["Your silence 1 ends soon"]
    house.now = NOON + 8 * HOUR
    watcher.watch()
    house.work()
    assert house.rang(ADA) == 1


def test_what_is_over_before_the_silence_ends_pages_nobody(house: House, watcher: Watcher) -> None:
    silence(house, hours=1)
    for action in ("trigger", "resolve"):
        house.event(action=action)
        house.work()
    house.now = NOON + 2 * HOUR
    watcher.watch()
    house.work()
    assert (house.rang(ADA), house.numbers()) == (0, [])


def test_a_heart_that_never_beats_pages_once(house: House, watcher: Watcher) -> None:
    with house.database.write() as session:
        settings = {"period": 60, "grace": 30}
        number = intakestore.add_key(
            session, "h" * 32, understanding.HEARTBEAT, "backup", CHECKOUT, settings, ADA, NOON
        )
        assert number
    watcher.beats()
    house.work()
    assert house.rang(ADA) == 0
    house.now = NOON + timedelta(seconds=91)
    for _ in range(3):
        watcher.beats()
    house.work()
    assert house.rang(ADA) == 1
    assert "backup" in house.phones.messages(ADA)[0].title
