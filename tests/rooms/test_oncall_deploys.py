"""A stuck deploy wakes whoever is on call, one that was undone is to be looked at, the next healthy one ends it."""

from dataclasses import replace

import pytest

from ledger.db import Database
from oncall.incident import State as Incident
from oncall.terms import Severity
from pipelines.deploy import Deploy, State
from pipelines.plan import ReleaseRef
from pipelines.spec import DeploySpec
from pipelines.store import Asked
from portal import alarming
from tests.rooms.oncallhouse import ADA, CHECKOUT, House

SPEC = DeploySpec.model_validate({"environments": {"production": {"target": {"kind": "memory", "instances": 1}}}})
ASKED = Asked(CHECKOUT, "production", 1, ReleaseRef(7, "a" * 40, "Faster"), SPEC, ADA)


@pytest.fixture
def house(database: Database) -> House:
    return House(database).found()


def end(house: House, state: State, ending: str = "failed", number: int = 1) -> None:
    deploy = replace(Deploy(number), state=state, ending=ending, reason="it did not answer")
    with house.jobs.transaction() as tx:
        alarming.ended(tx, house.jobs, "http://portal", ASKED, deploy, house.now)
    house.work()


def test_a_stuck_deploy_wakes_who_is_on_call_and_the_next_healthy_one_ends_it(house: House) -> None:
    end(house, State.STUCK)
    assert "stuck between two releases" in house.phones.messages(ADA)[0].title
    end(house, State.HEALTHY, number=2)
    assert house.incident().state is Incident.RESOLVED


def test_an_undone_deploy_is_no_reason_to_wake_anybody(house: House) -> None:
    end(house, State.UNDONE)
    assert house.incident().severity is Severity.WARNING


def test_whoever_aborted_it_knows_it_already_and_nothing_is_said_twice(house: House) -> None:
    end(house, State.UNDONE, ending="aborted")
    assert house.numbers() == []
    end(house, State.STUCK)
    end(house, State.STUCK)
    assert (house.numbers(), house.rang(ADA)) == ([1], 1)
