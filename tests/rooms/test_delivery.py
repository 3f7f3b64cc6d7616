"""What is kept of deliveries: made from the log alone, the same however it was read, on both databases."""

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from ledger import events
from ledger.db import Database
from pipelines import delivery, deliveryquery, dora, outcomes
from pipelines.deliveryquery import Report
from pipelines.deliverysums import deployeds
from pipelines.deliverytables import DAYS, WINDOWS, DeliveredRow, DeliveryLaneRow
from pipelines.dora import Deployed
from tests.conftest import NOON
from tests.rooms.delivering import CHECKOUT, PRODUCTION, Log, ago
from tests.rooms.deploying import CANARY, House, Repository, described, house, repository, served_by

__all__ = ["house", "repository"]

LEDGER = "component:default/ledger"
TODAY = NOON.date()


def report(database: Database, days: int = 30, services: Any = None, environment: str = PRODUCTION) -> Report:
    with database.read() as session:
        return deliveryquery.report(session, environment, days, TODAY, services)


def everything(database: Database) -> Mapping[str, Any]:
    """Return all that is kept."""
    with database.read() as session:
        lanes = session.execute(select(*DeliveryLaneRow.__table__.columns))
        return {
            "deploys": deployeds(session, DeliveredRow.id > 0),
            "lanes": sorted(map(tuple, lanes), key=str),
            "days": sorted(map(tuple, session.execute(select(DAYS)))),
            "windows": sorted(map(tuple, session.execute(select(WINDOWS)))),
            "read": deliveryquery.read(session),
        }


def busy(seed: int, deploys: int = 120) -> Log:
    """Return a log of five weeks with everything in it: failures, rollbacks, hotfixes, trials, two environments."""
    chance, log = random.Random(seed), Log()
    for _ in range(deploys):
        at = NOON - timedelta(minutes=chance.randrange(35 * 24 * 60))
        more: dict[str, Any] = {"service": chance.choice([CHECKOUT, LEDGER])}
        more["environment"] = chance.choice([PRODUCTION, PRODUCTION, "staging"])
        more["rollback"], more["hotfix"] = chance.random() < 0.1, chance.random() < 0.1
        more["trial"], more["release"] = chance.random() < 0.05, chance.randrange(9)
        more["committed"] = [at - timedelta(minutes=chance.randrange(5000)) for _ in range(chance.randrange(4))]
        ending = chance.choice(["healthy"] * 6 + ["undone", "stuck"])
        log.deploy(at, ending, percent=chance.choice([0, 50, 100]), **more)
    log.facts.sort(key=lambda one: one.at)
    return log


def told(log: Log) -> list[Deployed]:
    """Have the log told in memory."""
    known: dict[int, Deployed] = {}
    lanes: dict[tuple[str, str], outcomes.Lane] = {}
    for fact in log.facts:
        place = (fact.service, fact.environment)
        lanes[place], changed = outcomes.after(fact, lanes.get(place, outcomes.Lane()), known.get)
        known |= {one.id: one for one in changed}
    return list(known.values())


def test_the_figures_of_the_tables_are_those_of_the_log(each_database: Database) -> None:
    log = busy(1)
    truth = [one for one in told(log) if one.environment == PRODUCTION]
    log.write(each_database)

    delivery.catch_up(each_database, NOON)
    found = report(each_database)

    assert found.whole == dora.figures(truth, found.within)
    assert min(found.whole.failed, found.whole.rework) > 3
    assert found.whole.unmended < found.whole.failed
    for ref in (CHECKOUT, LEDGER):
        assert found.of([ref]) == dora.figures([one for one in truth if one.service == ref], found.within)
    assert [one.id for one in found.failures] == [
        one.id for one in sorted(truth, key=_newest, reverse=True) if one.failed and one.day in found.within
    ]


def _newest(one: Deployed) -> Any:
    return one.day or TODAY - timedelta(days=999), one.id


def test_with_many_deploys_counts_stay_exact_and_medians_come_near(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = busy(2)
    log.write(database)
    delivery.catch_up(database, NOON)
    exact = report(database)
    monkeypatch.setattr(deliveryquery, "FEW", 0)

    summed = report(database)

    assert (exact.is_exact, summed.is_exact) == (True, False)
    for one, other in [(exact.whole, summed.whole), *zip(_weekly(exact), _weekly(summed), strict=True)]:
        assert _counts(one) == _counts(other)
    assert summed.whole.deploy_days == exact.whole.deploy_days
    assert summed.whole.lead is not None
    assert exact.whole.lead is not None
    assert abs(summed.whole.lead / exact.whole.lead - 1) < 0.5


def _counts(one: dora.Figures) -> dora.Figures:
    return replace(one, lead=None, recovery=None, deploy_days=0.0)


def _weekly(found: Report) -> list[dora.Figures]:
    return [week.figures for week in found.weeks]


@pytest.mark.parametrize("step", [1, 7, 2000])
def test_it_is_the_same_however_the_log_was_read(database: Database, step: int) -> None:
    log = busy(3, deploys=40)
    facts, log.facts = log.facts, []
    for fact in facts:  # a fact at a time, and read every now and then
        log.facts.append(fact)
        if fact.deploy % 5 == 0:
            log.write(database)
            delivery.catch_up(database, NOON, step=step)
    log.write(database)
    delivery.catch_up(database, NOON, step=step)
    bit_by_bit = everything(database)

    read = delivery.rebuild(database, NOON)

    assert read == len(facts)
    assert everything(database) == bit_by_bit


def test_reading_on_where_nothing_is_new_changes_nothing(database: Database) -> None:
    busy(4, deploys=20).write(database)
    delivery.catch_up(database, NOON)
    before = everything(database)

    assert delivery.catch_up(database, NOON) == 0
    assert everything(database) == before


def test_what_is_not_sealed_yet_is_not_counted_yet(database: Database) -> None:
    log = Log()
    log.deploy(ago(1))
    log.write(database, seal=False)
    assert delivery.catch_up(database, NOON) == 0

    events.seal(database)

    assert delivery.catch_up(database, NOON) == 5
    assert report(database).whole.healthy == 1


def test_two_readers_at_once_count_once(database: Database) -> None:
    log = Log()
    log.deploy(ago(1))
    log.write(database)
    first, second = delivery._read(database, 100), delivery._read(database, 100)

    assert (delivery._write(database, first), delivery._write(database, second)) == (True, False)
    delivery.catch_up(database, NOON)
    assert report(database).whole.healthy == 1


def test_whoever_loses_the_job_stops(database: Database) -> None:
    busy(5, deploys=5).write(database)

    assert delivery.catch_up(database, NOON, lost=lambda: True) == 0


def test_windows_move_on_with_the_day_though_nothing_is_deployed(database: Database) -> None:
    log = Log()
    log.deploy(ago(6.5))
    log.write(database)
    delivery.catch_up(database, NOON)
    assert report(database, days=7).whole.healthy == 1

    delivery.catch_up(database, NOON + timedelta(days=1))

    found = report(database, days=7)
    assert (found.within.last, found.whole.healthy) == (TODAY + timedelta(days=1), 0)


def test_a_failure_that_shows_weeks_later_counts_where_the_deploy_does(database: Database) -> None:
    log = Log()
    bad = log.deploy(ago(20), release=7)
    log.write(database)
    delivery.catch_up(database, NOON)
    assert report(database).whole.failed == 0

    log.deploy(ago(1), release=6, rollback=True)
    log.write(database)
    delivery.catch_up(database, NOON)

    found = report(database)
    assert (found.whole.healthy, found.whole.failed) == (1, 1)
    assert [one.id for one in found.failures] == [bad]
    assert [week.figures.failed for week in found.weeks if week.figures.out] == [1]


def test_facts_that_are_none_of_ours_are_passed_over(database: Database) -> None:
    with database.write() as session:
        there = {"environment": PRODUCTION}
        events.record(session, "deploy.healthy", "deploy:", "worker", NOON, there, service=CHECKOUT)
        events.record(session, "deploy.healthy", "deploy:x1", "worker", NOON, {}, service=CHECKOUT)
        events.record(session, "deploy.healthy", "deploy:9", "worker", NOON, there)
        events.record(session, "lane.held", "lane:x", "worker", NOON, {})
    events.seal(database)

    delivery.catch_up(database, NOON)

    assert everything(database)["deploys"] == []


def test_nothing_at_all_is_no_figure(database: Database) -> None:
    delivery.catch_up(database, NOON)

    found = report(database)

    assert (found.whole.out, found.whole.lead, found.before) == (0, None, None)
    assert len(found.weeks) == deliveryquery.WEEKS


def test_the_days_before_are_told_only_where_the_log_goes_back_so_far(database: Database) -> None:
    log = Log()
    log.deploy(ago(20))
    log.write(database)
    delivery.catch_up(database, NOON)

    week, month = report(database, days=7), report(database, days=30)

    assert week.before is not None
    assert week.before.healthy == 0
    assert month.before is None
    assert month.within.days == 21


def test_what_the_loop_tells_is_understood(house: House, repository: Repository) -> None:
    """The real machine writes the log: two healthy, one put back by itself, then a person goes back further."""
    served_by(house, repository)
    repository.commit(described(CANARY))
    house.deploy()
    house.go()
    repository.commit(described(CANARY))
    third = house.deploy()
    house.go_to(third, "bake", 1)
    house.checker.bad_release, house.checker.bad_times = 3, 50
    house.go()
    house.rollback(1)
    house.go()
    events.seal(house.database)

    delivery.catch_up(house.database, house.now)

    with house.database.read() as session:
        found = deployeds(session, DeliveredRow.environment == PRODUCTION)
        whole = deliveryquery.report(session, PRODUCTION, 7, TODAY).whole
    assert {one.release: one.failed for one in found if not one.rollback} == {1: "", 2: "rolled back", 3: "put back"}
    assert all(one.out_at for one in found)
    assert (whole.healthy, whole.out, whole.failed, whole.unmended) == (2, 3, 2, 0)
    assert whole.recovery is not None
    assert whole.recovery > timedelta(0)
