"""From an event to a phone and back: who is paged, when the next one is, what a repeat and a resolve come to."""

from datetime import timedelta

import pytest
from sqlalchemy import delete

from ledger.db import Database
from ledger.jobs_sql import JOBS
from oncall import intakestore, outbox, planstore, understanding
from oncall.incident import State
from oncall.moving import ADVANCE, SEND
from oncall.paging.memory import Trouble
from oncall.planstore import ESCALATION, SCHEDULE
from oncall.receiving import RECEIVE
from tests.conftest import NOON
from tests.rooms.oncallhouse import ADA, BOB, EVE, PHONE, ROTA, STEPS, TEAM, House

MINUTE = timedelta(minutes=1)


@pytest.fixture
def house(each_database: Database) -> House:
    return House(each_database).found()


def test_an_event_rings_the_phone_of_who_is_on_call(house: House) -> None:
    house.event()
    house.work()
    (heard,) = house.phones.messages(ADA)
    assert "checkout answers slowly" in heard.title
    assert "payments primary: level 1 of 2" in heard.text
    assert house.rang(BOB) == 0
    assert house.story() == ["opened", "paged", "delivered"]


def test_nobody_comes_so_the_second_level_is_paged_and_then_all_again_and_then_the_team(house: House) -> None:
    house.event()
    house.until(NOON + 60 * MINUTE)
    assert (house.rang(ADA), house.rang(BOB), house.rang(EVE)) == (3, 3, 1)  # two rounds, then everybody
    assert [(page.step, page.person, (page.due_at - NOON) // MINUTE) for page in house.pages() if page.step > 0] == [
        (1, ADA, 0),
        (2, BOB, 5),
        (3, ADA, 15),
        (4, BOB, 20),
    ]
    assert house.story().count("exhausted") == 1
    assert house.incident().state is State.OPEN


def test_a_round_robin_asks_one_after_the_other_whether_they_come_together_or_not(house: House) -> None:
    everybody = "targets: [user:ada, user:bob, user:eve], strategy: round-robin"
    robin = STEPS.replace("targets: [payments/primary]", everybody)
    with house.database.write() as session:
        planstore.write(session, ESCALATION, "payments", TEAM, robin, NOON, ADA)
    for number in range(4):
        house.event(f"k{number}", **{"class": f"fault-{number}"})
    house.work()
    house.event("k4", **{"class": "fault-4"})
    house.work()
    assert [house.pages(number)[0].person for number in (1, 2, 3, 4, 5)] == [ADA, BOB, EVE, ADA, BOB]


def test_whoever_acknowledges_ends_the_escalation_and_is_reminded(house: House) -> None:
    house.event()
    house.work()
    house.actions.acknowledge(1, ADA)
    house.until(NOON + 29 * MINUTE)
    assert house.rang(BOB) == 0
    house.until(NOON + 31 * MINUTE)
    assert house.rang(ADA) == 2
    assert "still on it" in house.phones.messages(ADA)[-1].text


def test_a_reminder_that_is_answered_is_asked_again_later_and_does_not_escalate(house: House) -> None:
    house.event()
    house.work()
    house.actions.acknowledge(1, ADA)
    for half_hours in range(1, 7):
        house.until(NOON + (30 * half_hours + 1) * MINUTE)
        house.actions.acknowledge(1, ADA)
    assert (house.incident().state, house.rang(BOB)) == (State.ACKNOWLEDGED, 0)
    assert house.story().count("reminded") == 6


def test_the_same_event_a_thousand_times_is_one_incident_and_one_page(house: House) -> None:
    for _ in range(200):
        house.event()
    house.work()
    assert (house.numbers(), house.rang(ADA)) == ([1], 1)


def test_a_resolve_ends_the_incident_and_a_page_that_waited_is_withdrawn(house: House) -> None:
    house.phone(ADA, high=3 * MINUTE)
    house.event()
    house.work()
    house.event(action="resolve")
    house.until(NOON + 5 * MINUTE)
    assert house.incident().state is State.RESOLVED
    assert [page.ending for page in house.pages()] == ["delivered", "withdrawn"]


def test_a_trigger_after_the_resolve_opens_another_and_a_resolve_before_its_trigger_is_dropped(house: House) -> None:
    for action in ("resolve", "trigger", "resolve", "trigger"):
        house.event(action=action)
        house.work()
        house.now += MINUTE
    assert house.numbers() == [2]


def test_a_provider_that_wants_an_hour_is_not_waited_for(house: House) -> None:
    second = house.phone(ADA, high=10 * MINUTE)
    house.phones.trouble(Trouble.BUSY, ADA, times=1)
    house.event()
    house.work()
    first, other = house.pages()
    assert (first.attempts, first.ending, other.channel, other.ending) == (1, "", str(second), "delivered")
    assert house.rang(ADA) == 1


def test_when_no_channel_of_hers_works_the_next_level_does_not_wait(house: House) -> None:
    house.phones.trouble(Trouble.BOUNCES, ADA)
    house.event()
    house.work()
    assert (house.rang(ADA), house.rang(BOB)) == (0, 1)
    assert house.story() == ["opened", "paged", "refused", "paged", "delivered"]


def test_an_empty_level_is_passed_at_once_and_said(house: House) -> None:
    with house.database.write() as session:
        planstore.write(session, SCHEDULE, "payments", TEAM, ROTA.replace("user:bob, user:ada", "user:bob"), NOON, BOB)
    with house.database.write() as session:
        planstore.remove_way(session, planstore.ways(session, [BOB])[BOB][0].id)
    house.event()
    house.work()
    assert house.story()[:3] == ["opened", "level_skipped", "level_skipped"]
    assert "has no channel" in house.reasons()[1]


def test_a_service_that_nobody_owns_goes_to_the_fallback_and_says_so(house: House) -> None:
    with house.database.write() as session:
        intakestore.add_key(session, "n" * 32, understanding.EVENTS, "?", "component:default/gone", {}, ADA, NOON)
    house.key += 1
    house.event()
    house.work()
    assert house.rang(ADA) == 1
    assert "nobody answers for component:default/gone" in house.reasons()[0]


def test_the_auditor_says_that_all_is_well_and_finds_what_was_lost(house: House) -> None:
    house.event()
    house.work()
    assert house.auditor.audit().is_fine
    with house.database.write() as session:  # a job that somebody took out by hand
        session.execute(delete(JOBS).where(JOBS.c.kind == ADVANCE))
    house.now += 10 * MINUTE
    found = house.auditor.audit()
    assert found.unmoved == (1,)
    house.work()
    assert house.rang(BOB) == 1
    assert house.auditor.audit().is_fine


def test_a_worker_that_dies_while_it_sends_has_the_page_sent_again_and_marked(house: House) -> None:
    house.event()
    claim = house.jobs.claim("first", [RECEIVE], house.now)
    assert claim
    house.do(claim)
    dying = house.jobs.claim("first", [SEND], house.now)
    assert dying
    with house.jobs.transaction() as tx:
        outbox.begin(tx, PHONE, house.now, 10)
    house.now += 10 * timedelta(seconds=1)
    house.work()
    assert [page.repeated for page in house.pages()] == [True]
    assert house.phones.messages(ADA)[-1].repeat
