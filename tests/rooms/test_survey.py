"""What the gates see: read from real tables at the click, and again at the head of the lane."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ledger import events
from ledger.errors import Error
from pipelines import locks, quarantine, statuses
from pipelines.blockers import Answering, Budget, Incident, Others, Told
from pipelines.ci import State
from pipelines.gates import Gate
from pipelines.terms import Terms
from tests.rooms.deploying import (
    ALICE,
    BOB,
    CHECKOUT,
    PRODUCTION,
    House,
    Repository,
    described,
    house,
    repository,
    served_by,
    service,
)

__all__ = ["house", "repository"]

MINUTE = timedelta(minutes=1)


def seen(house: House, kind: str, terms: Terms | None = None) -> Gate:
    preview = house.planner.preview(service(), PRODUCTION, "", house.now, ALICE, terms or Terms())
    [gate] = [one for one in preview.gates if one.kind == kind]
    return gate


def refused(house: House, **more: Any) -> tuple[str, ...]:
    with pytest.raises(Error) as found:
        house.deploy(**more)
    return found.value.reasons


def test_hours_are_those_of_the_revision_that_goes_out_and_of_whoever_asks(
    house: House, repository: Repository
) -> None:
    window = {"deny": "0 11 * * *", "for": "2h", "who": ["people"], "reason": "lunch"}
    repository.commit(described(gates={"windows": [window]}))

    assert refused(house) == ("Closed now: lunch (until Mon 02 Mar 13:00 UTC)",)
    assert seen(house, "hours", Terms(continuous=True)).verdict == "good"
    repository.commit(described())
    assert seen(house, "hours").verdict == "good"


def test_what_would_not_be_through_before_it_closes_does_not_begin(house: House, repository: Repository) -> None:
    soon = {"deny": "1 12 * * *", "for": "2h", "zone": "UTC", "reason": "stocktaking"}
    repository.commit(described(bake="2m", gates={"windows": [soon]}))

    [reason] = refused(house)

    assert reason.startswith("Closed now: it would be through at Mon 12:02 and it closes at Mon 12:01 UTC: stocktaking")


def test_ci_is_asked_of_the_revision_and_of_what_goes_out_with_it(house: House, repository: Repository) -> None:
    served_by(house, repository, described(gates={"ci": {"blocking": ["scan"]}}))
    between, head = repository.commit(), repository.commit()

    def say(revision: str, context: str, state: State) -> None:
        with house.database.write() as session:
            statuses.say(session, 1, revision, context, state, "", "", house.now)

    say(head, "scan", State.SUCCESS)
    assert seen(house, "ci").verdict == "good"
    say(between, "scan", State.FAILURE)
    assert refused(house) == (f"CI is not green: scan failed at {between[:7]}",)


def test_a_quarantined_revision_is_said(house: House, repository: Repository) -> None:
    revision = repository.commit(described())
    with house.database.write() as session:
        quarantine.quarantine(session, CHECKOUT, "staging", revision, "14 errors", 7, house.now)

    assert (seen(house, "quarantine").verdict, "14 errors" in seen(house, "quarantine").why) == ("warn", True)
    assert seen(house, "quarantine", Terms(continuous=True)).verdict == "bad"


def test_who_knows_is_asked_and_its_silence_is_no_yes(house: House, repository: Repository) -> None:
    repository.commit(described(gates={"error_budget": 10, "incidents": "block"}))
    assert [seen(house, kind).verdict for kind in ("incidents", "reachable", "budget")] == ["off"] * 3

    incident = Incident(31, "payments fail", CHECKOUT, house.now)
    told = Told([incident], {CHECKOUT: Answering("Mara", True)}, {CHECKOUT: Budget(4)})
    house.planner = replace(house.planner, others=Others(told, told, told))

    assert [seen(house, kind).verdict for kind in ("incidents", "reachable", "budget")] == ["bad", "good", "bad"]


def test_a_lock_that_is_set_while_it_waits_stops_it_with_its_reason(house: House, repository: Repository) -> None:
    repository.commit(described())
    waits = house.deploy()
    with house.database.write() as session:
        locks.lock(session, None, PRODUCTION, "the cluster moves", BOB, house.now)

    house.go()

    row = house.page(waits).row
    assert (row.word, row.reason) == ("undone", "All of production is locked: the cluster moves (bob)")


def test_a_lock_that_lapses_while_it_waits_does_not(house: House, repository: Repository) -> None:
    repository.commit(described())
    waits = house.deploy()
    with house.database.write() as session:
        locks.lock(session, CHECKOUT, None, "a moment", BOB, house.now, expires_at=house.now + MINUTE)
    house.now += MINUTE

    house.go()

    assert house.word(waits) == "healthy"


def test_an_override_counts_at_the_head_of_the_lane_too_and_the_log_says_so(
    house: House, repository: Repository
) -> None:
    repository.commit(described())
    with house.database.write() as session:
        locks.lock(session, CHECKOUT, None, "inventory", BOB, house.now)

    urgent = house.deploy(terms=Terms(override="customers cannot pay"))
    house.go()

    assert house.word(urgent) == "healthy"
    assert any("overridden: Checkout is locked" in line for line in house.log(urgent))
    with house.database.read() as session:
        [fact] = events.latest(session, kinds=["gates.overridden"])
    assert (fact.subject, fact.actor, fact.data["gates"][0]["kind"]) == (f"deploy:{urgent}", ALICE, "lock")


def test_an_emergency_never_makes_two_deploys_run_at_once(house: House, repository: Repository) -> None:
    repository.commit(described(bake="1m"))
    first = house.deploy()
    house.go_to(first, "bake")
    repository.commit(described())

    urgent = house.deploy(terms=Terms(override="now"))

    assert house.word(urgent) == "queued"
    assert house.claim() is None  # the lane has its one
    house.go()
    assert house.live() == 2
