"""A silence and what is open already: it mutes, nothing pending goes out, and what outlasts it pages again."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from ledger.db import Database
from oncall import intakestore, muting, silencing, store
from oncall.incident import Kind, State
from oncall.moving import ADVANCE, SEND
from oncall.notices import NOTICE
from oncall.receiving import RECEIVE
from oncall.tables import AlertRow
from oncall.watching import Watcher
from tests.conftest import NOON
from tests.rooms.oncallhouse import ADA, BOB, EVE, EVERYTHING, TEAM, House, silence

MINUTE = timedelta(minutes=1)


@pytest.fixture
def house(database: Database) -> House:
    return House(database).found()


def watch(house: House) -> None:
    Watcher(house.database, house.jobs, house.clock, TEAM).watch()
    while claim := house.jobs.claim("worker", [NOTICE], house.now):  # of silences that end soon
        with house.jobs.transaction() as tx:
            house.jobs.finish(tx, claim, house.now)
    house.work()


def test_what_is_open_is_muted_and_pages_again_with_the_reason_when_it_outlasts_the_silence(house: House) -> None:
    house.phone(ADA, high=2 * MINUTE)  # a second one, which waits
    house.event()
    house.work()
    house.until(NOON + MINUTE)
    silence(house, 30)
    muted = house.incident()
    assert (muted.state, muted.until) == (State.MUTED, NOON + 30 * MINUTE)
    house.until(NOON + 29 * MINUTE)
    assert (house.rang(ADA), house.rang(BOB)) == (1, 0)
    assert [page.ending for page in house.pages()] == ["delivered", "withdrawn"]
    house.until(NOON + 31 * MINUTE)
    assert (house.rang(ADA), house.rang(BOB)) == (2, 0)
    assert "since silence 1 has ended, and this has not" in house.phones.messages(ADA)[-1].text
    kinds = [kind for kind in house.story() if kind in ("muted", "unmuted", "paged")]
    assert kinds == ["paged", "muted", "unmuted", "paged"]
    assert "silence 1 of eve: we move it" in " ".join(house.reasons())


def test_what_is_over_before_the_silence_is_pages_nobody(house: House) -> None:
    house.event()
    house.work()
    silence(house, 30)
    house.event(action="resolve")
    house.until(NOON + 90 * MINUTE)
    assert (house.rang(ADA), house.incident().state) == (1, State.RESOLVED)


def test_a_silence_that_is_ended_or_lasts_longer_takes_its_incident_along(house: House) -> None:
    house.event()
    house.work()
    number = silence(house, 30)
    with house.jobs.transaction() as tx:
        intakestore.extend_silence(tx, number, NOON + 60 * MINUTE)
        muting.settle(tx, house.jobs, TEAM, house.now)
    assert house.incident().until == NOON + 60 * MINUTE
    house.until(NOON + 45 * MINUTE)
    assert house.rang(ADA) == 1
    with house.jobs.transaction() as tx:
        intakestore.end_silences(tx, [number], house.now)
        muting.settle(tx, house.jobs, TEAM, house.now)
    house.work()
    assert (house.rang(ADA), house.incident().state) == (2, State.OPEN)


def test_a_maintenance_that_begins_mutes_what_is_open_before_its_next_level(house: House) -> None:
    silence(house, 60, since=3)
    house.event()
    house.until(NOON + 20 * MINUTE)  # level 2 would come at 12:05
    assert (house.rang(BOB), house.incident().state) == (0, State.MUTED)


def test_a_maintenance_that_begins_is_noticed_within_a_minute(house: House) -> None:
    silence(house, 60, since=1)
    house.event()
    house.until(NOON + MINUTE)
    watch(house)
    assert house.incident().state is State.MUTED


def test_an_alert_that_no_silence_covers_wakes_the_incident_that_it_joins(house: House) -> None:
    house.event(source="web-1")
    house.work()
    silence(house, 60, "host=web-1")
    house.now += MINUTE
    house.event("k2", source="web-2")
    house.work()
    assert (house.numbers(), house.incident().state, house.rang(ADA)) == ([1], State.OPEN, 2)


def test_a_silence_of_some_of_its_alerts_mutes_no_incident(house: House) -> None:
    house.event(source="web-1")
    house.event("k2", source="web-2")
    house.work()
    silence(house, 60, "host=web-1")
    assert house.incident().state is State.OPEN
    silence(house, 90, "host=web-2")
    assert house.incident().until == NOON + 60 * MINUTE  # then the first of them may page again


def test_one_that_lasts_until_the_incident_is_resolved_does_not_mute_that_one(house: House) -> None:
    house.event()
    house.work()
    silence(house, 9000, incident=1)
    house.until(NOON + 6 * MINUTE)
    assert (house.incident().state, house.rang(BOB)) == (State.OPEN, 1)


def test_whoever_has_it_keeps_it_and_nobody_else_is_paged_when_she_does_not_answer(house: House) -> None:
    house.event()
    house.work()
    house.actions.acknowledge(1, ADA)
    silence(house, 600)
    assert house.incident().state is State.ACKNOWLEDGED
    house.until(NOON + 500 * MINUTE)
    assert (house.incident().state, house.rang(BOB)) == (State.MUTED, 0)


def test_whom_a_person_names_is_paged_though_it_is_muted(house: House) -> None:
    house.event()
    house.work()
    silence(house, 60)
    house.actions.reassign(1, EVE, BOB)
    house.until(NOON + 30 * MINUTE)
    assert (house.rang(BOB), house.rang(ADA), house.incident().state) == (1, 1, State.MUTED)


def test_what_is_merged_into_a_muted_one_wakes_it_unless_it_is_silenced_too(house: House) -> None:
    house.event(source="web-1")
    house.event("k2", source="db-1", component="disk", **{"class": "disk"}, summary="the disk is full")
    house.work()
    silence(house, 60, "host=web-1")
    assert house.incident().state is State.MUTED
    house.actions.merge(2, ADA, 1)
    assert house.incident().state is State.OPEN


# Random histories against a model that looks at each page: was all that was open covered when it was begun?

HOSTS = ("web-1", "web-2")


def play(house: House, seed: int) -> Iterator[tuple[datetime, int]]:
    """Let things happen; yield each moment at which something was begun to be sent though it was covered."""
    dice, count = random.Random(seed), 0
    known: set[int] = set()
    for _ in range(14):
        match dice.choice(("event", "event", "resolve", "silence", "silence", "end", "ack", "watch")):
            case "event":
                house.event(f"k{dice.randrange(3)}", source=dice.choice(HOSTS))
            case "resolve":
                house.event(f"k{dice.randrange(3)}", "resolve")
            case "silence":
                minutes = int((house.now - NOON) / MINUTE) + dice.randrange(2, 40)
                silence(house, minutes, f"host={dice.choice(HOSTS)}" if dice.random() < 0.6 else EVERYTHING)
                count += 1
            case "end" if count:
                with house.jobs.transaction() as tx:
                    intakestore.end_silences(tx, [dice.randrange(1, count + 1)], house.now)
                    muting.settle(tx, house.jobs, TEAM, house.now)
            case "ack" if live := house.numbers():
                house.actions.acknowledge(dice.choice(live), ADA)
            case "watch":
                watch(house)
        yield from advance(house, house.now + dice.randrange(0, 12) * MINUTE, known)


def advance(house: House, until: datetime, known: set[int]) -> Iterator[tuple[datetime, int]]:
    while True:
        while claim := house.jobs.claim("worker", [RECEIVE, ADVANCE, SEND], house.now):
            house.do(claim)
            yield from begun(house, known)
        due = house.next_due()
        if due is None or due > until:
            house.now = max(until, house.now)
            return
        house.now = max(house.now + timedelta(milliseconds=1), due)


def begun(house: House, known: set[int]) -> Iterator[tuple[datetime, int]]:
    with house.database.read() as session:
        holding = silencing.readable(intakestore.silences(session, house.now))
        rows = session.scalars(select(AlertRow).where(AlertRow.resolved_at.is_(None))).all()
    for number in {row.incident_id for row in rows if row.incident_id}:
        hosts = {row.said["host"] for row in rows if row.incident_id == number}
        quiet = {said.value for one in holding for said in one.matchers if said.field == "host"}
        covered = any(one.matchers[0].field == "service" for one in holding) or hosts <= quiet
        for page in house.pages(number):
            if page.begun_at and page.id not in known:
                known.add(page.id)
                if covered and page.because == Kind.PAGED:
                    yield house.now, number


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_nobody_is_paged_for_what_is_silenced_and_somebody_is_for_what_outlasts_it(house: House, seed: int) -> None:
    assert list(play(house, seed)) == []
    with house.jobs.transaction() as tx:
        intakestore.end_silences(tx, [row.id for row in intakestore.silences(tx)], house.now)
    before = house.now
    watch(house)
    for number in house.numbers():
        incident = house.incident(number)
        assert incident.state is not State.MUTED
        if incident.state is State.OPEN and incident.exhausted_at is None:
            assert incident.due_at
            house.until(incident.due_at)
            asked = [page for page in house.pages(number) if page.due_at >= before - 20 * MINUTE]
            assert asked
            with house.database.read() as session:
                assert store.load(session, number).steps
