"""Taking, covering, swapping, giving back and writing: what was stays, and whoever is affected hears of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ledger.db import Database
from ledger.errors import Code, Error
from oncall import notices, planstore, proposing
from oncall.answering import Answering
from oncall.plans import Plans, Proposal
from oncall.planstore import ESCALATION, SCHEDULE
from tests.conftest import NOON
from tests.rooms.oncallhouse import ADA, BOB, EVE, ROTA, STEPS, TEAM, House

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def house(database: Database) -> House:
    return House(database).found()


@pytest.fixture
def plans(house: House) -> Plans:
    return Plans(house.database, house.jobs, house.clock, TEAM)


def primary(house: House, *after: timedelta) -> list[str]:
    with house.database.read() as session:
        answering = Answering(session, TEAM)
        found = [answering.who("payments", NOON + one).get("primary") for one in after]
        return [shift.person if shift else "" for shift in found]


def told(house: House, person: str) -> list[str]:
    with house.database.read() as session:
        return [one.text for one in notices.unseen(session, person)]


def test_a_part_of_a_shift_is_covered_and_its_owner_hears_of_it(house: House, plans: Plans) -> None:
    plans.cover("payments", "primary", NOON, EVE, by=EVE, start=NOON + HOUR, end=NOON + 2 * HOUR)
    assert primary(house, 0 * HOUR, HOUR, 2 * HOUR) == [ADA, EVE, ADA]
    assert told(house, EVE) == []
    assert "1 h" in told(house, ADA)[0]


def test_two_shifts_are_swapped_and_given_back_as_one(house: House, plans: Plans) -> None:
    plans.swap("payments", "primary", NOON, NOON + DAY, by=ADA, reason="dentist")
    assert primary(house, HOUR, DAY) == [BOB, ADA]
    house.now += 3 * HOUR
    plans.give_back(1, by=ADA)
    assert primary(house, HOUR, 4 * HOUR, DAY) == [BOB, ADA, BOB]  # what was of it stays


def test_of_two_overrides_the_last_made_wins_and_its_end_brings_the_first_back(house: House, plans: Plans) -> None:
    for person in (BOB, EVE):
        plans.override("payments", "primary", person, NOON + HOUR, NOON + 2 * HOUR, by=ADA)
        house.now += timedelta(seconds=1)
    assert primary(house, HOUR) == [EVE]
    plans.give_back(2, by=ADA)
    assert primary(house, HOUR) == [BOB]


def test_a_new_text_holds_from_now_on_and_never_before(house: House, plans: Plans) -> None:
    with house.database.read() as session:
        before = Answering(session).shifts("payments", NOON - DAY, NOON)
    proposal = plans.save("payments", TEAM, ROTA.replace("user:bob, user:ada", "user:eve"), by=EVE)
    assert [(one.role, one.after) for one in proposal.review.now] == [("primary", (EVE,)), ("secondary", ())]
    with house.database.read() as session:
        assert Answering(session).shifts("payments", NOON - DAY, NOON) == before
    house.now += HOUR
    assert primary(house, HOUR) == [EVE]


def test_what_changes_between_the_review_and_the_writing_is_reviewed_again(
    house: House, plans: Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    reviewed = []

    def meanwhile(*about: Any) -> Proposal:
        reviewed.append(proposing.proposal(*about))
        if len(reviewed) == 1:  # bob is put in by somebody else, who was quicker
            plans.override("payments", "primary", BOB, NOON + HOUR, NOON + 2 * HOUR, by=BOB)
        return reviewed[-1]

    monkeypatch.setattr("oncall.plans.proposal", meanwhile)
    made = plans.override("payments", "primary", EVE, NOON + HOUR, NOON + 2 * HOUR, by=EVE)

    assert len(reviewed) == 3  # eve's, bob's, and eve's again
    assert [change.person for change in made.review.changes] == [BOB, EVE]
    assert primary(house, HOUR) == [EVE]


def test_a_look_changes_nothing_and_tells_nobody(house: House, plans: Plans) -> None:
    looks = replace(plans, only_looks=True)
    made = looks.swap("payments", "primary", NOON, NOON + DAY, by=BOB)
    assert {change.person for change in made.review.changes} == {ADA, BOB}
    assert primary(house, HOUR, DAY) == [ADA, BOB]
    assert told(house, ADA) == []


def test_what_cannot_be_planned_is_said_with_every_reason(house: House, plans: Plans) -> None:
    with pytest.raises(Error) as wrong:
        plans.override("payments", "chief", "user:default/nobody", NOON, NOON + HOUR, by=ADA)
    assert len(wrong.value.reasons) == 2
    with pytest.raises(Error, match="is over"):
        plans.override("payments", "primary", EVE, NOON - 2 * HOUR, NOON - HOUR, by=ADA)
    with pytest.raises(Error, match="not in the catalog"):
        plans.propose("payments", ROTA.replace("user:ada", "user:zoe"))


def test_an_escalation_names_only_what_exists_and_keeps_its_schedule_from_being_taken_away(
    house: House, plans: Plans
) -> None:
    with pytest.raises(Error) as wrong:
        plans.save_escalation("payments", TEAM, STEPS.replace("payments/secondary", "payments/second"), by=ADA)
    assert "secondary" in wrong.value.reasons[0]
    with pytest.raises(Error) as used:
        plans.take_away(SCHEDULE, "payments", by=ADA)
    assert used.value.code is Code.CONFLICT
    plans.take_away(ESCALATION, "payments", by=ADA)
    plans.take_away(SCHEDULE, "payments", by=ADA)
    with house.database.read() as session:
        assert not planstore.documents(session, SCHEDULE)
