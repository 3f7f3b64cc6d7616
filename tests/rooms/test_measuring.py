"""Metrics of a deploy: known before anything changes, measured while it is watched, and never good without a number."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.db import Database
from pipelines.deploy import State
from production.memorymetrics import MemoryMetrics
from production.metricsport import Answer, NoData, Sample, Trouble, Values
from production.ports import Site
from tests.rooms.deploying import House, Repository, described, repository, served_by

__all__ = ["repository"]

CHECKS = [{"http": "/healthz", "passes": 1, "every": "5s", "deadline": "10s"}]
CANARY = {"canary": [10, 100], "bake": "20s"}
ERRORS = {"name": "errors", "query": "errors_ratio", "failureCondition": "result > 0.01", "interval": "5s"}
SLOW = {"name": "slow requests", "log": "slow", "failureCondition": "result > 30", "interval": "10s"}
NAN = float("nan")


class Measured(House):
    """The house with a source of metrics, and a log file of each release."""

    folder: Path

    def __post_init__(self) -> None:
        super().__post_init__()
        self.metrics = MemoryMetrics({"prometheus": ["errors_ratio", "other"]})
        self.loop = replace(self.loop, ports=replace(self.loop.ports, metrics=self.metrics))
        self.tell(0.001)
        self.folder = self.mirror.parent
        self.target.logs = self.logs  # type: ignore[method-assign]

    def tell(self, *answers: Answer | float) -> None:
        self.metrics.tell("prometheus", "errors_ratio", *answers)

    def logs(self, site: Site, release: int) -> Sequence[Path]:
        return sorted(self.folder.glob(f"{release}.log"))

    def write(self, release: int, *lines: str) -> None:
        with (self.folder / f"{release}.log").open("a") as log:
            log.writelines(f"{line}\n" for line in lines)

    def reason(self, deploy_id: int) -> str:
        return self.page(deploy_id).row.reason

    def did(self) -> list[str]:
        return [method for method, _ in self.target.journal(self.site())]


@pytest.fixture
def house(database: Database, repository: Repository) -> Measured:
    return Measured(database, repository.mirrored)


def going_out(house: Measured, repository: Repository, *metrics: Any, **more: Any) -> int:
    served_by(house, repository)
    told: dict[str, Any] = {"strategy": CANARY, "checks": CHECKS, "judge": False, "analysis": list(metrics)} | more
    repository.commit(described(told.pop("strategy"), **told))
    return house.deploy()


def paused(house: Measured, deploy: int) -> bool:
    return house.deploy_of(deploy).state is State.PAUSED


# Before anything changes.


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ({"query": "eror_ratio"}, "errors: "),  # no such name
        ({"query": "errors_ratio", "source": "nowhere"}, "errors: there is no metrics source “nowhere”; there are"),
    ],
)
def test_a_metric_that_nobody_knows_stops_the_deploy_before_anything_has_changed(
    house: Measured, repository: Repository, metric: dict[str, str], words: str
) -> None:
    bad = going_out(house, repository, ERRORS | metric)
    before = house.did()

    house.go()

    assert (house.word(bad), house.live(), house.did()) == ("undone", 1, before)
    assert house.reason(bad).startswith(words)


def test_a_query_that_is_refused_stops_the_deploy_before_anything_has_changed(
    house: Measured, repository: Repository
) -> None:
    bad = going_out(house, repository, ERRORS)
    house.tell(Trouble("prometheus refuses the query: parse error", permanent=True))
    before = house.did()

    house.go()

    assert (house.word(bad), house.did()) == ("undone", before)
    assert house.reason(bad) == "errors: prometheus refuses the query: parse error"


def test_a_source_that_cannot_be_reached_is_asked_again_and_named_when_it_gives_up(
    house: Measured, repository: Repository
) -> None:
    bad = going_out(house, repository, ERRORS)
    house.tell(Trouble("prometheus cannot be reached"))
    before, began = house.did(), house.now

    house.go()

    assert (house.word(bad), house.did()) == ("undone", before)
    assert house.reason(bad) == ("nothing was changed, for nobody can measure: errors: prometheus cannot be reached")
    assert house.now - began < timedelta(minutes=1)


def test_a_source_that_comes_back_in_time_is_enough(house: Measured, repository: Repository) -> None:
    deploy = going_out(house, repository, ERRORS)
    house.tell(*[Trouble("prometheus cannot be reached")] * 3, 0.001)

    house.go()

    assert house.word(deploy) == "healthy"


def test_a_dry_run_stops_nothing(house: Measured, repository: Repository) -> None:
    deploy = going_out(house, repository, ERRORS | {"query": "eror_ratio", "dryRun": True})

    house.go()

    assert house.word(deploy) == "healthy"


# While it is watched.


def test_a_good_metric_ends_healthy_with_its_number(house: Measured, repository: Repository) -> None:
    deploy = going_out(house, repository, ERRORS)

    house.go()

    assert house.word(deploy) == "healthy"
    assert house.reason(deploy) == "errors = 0.001 ≤ 0.01; good in 5 of 5 measurements"


def test_a_bad_metric_puts_it_back_with_its_number(house: Measured, repository: Repository) -> None:
    bad = going_out(house, repository, ERRORS | {"failureLimit": 1})
    house.tell(0.001, 0.001, 0.031)

    house.go()

    assert (house.word(bad), house.serving()) == ("undone", {1: 100.0})
    assert house.reason(bad) == "errors = 0.031 > 0.01 in 2 of 3 measurements, the limit is 1"


def test_each_wave_is_measured_for_itself(house: Measured, repository: Repository) -> None:
    """One failure is allowed, and each wave has one."""
    deploy = going_out(house, repository, ERRORS | {"failureLimit": 1})
    house.tell(0.001, 0.5, 0.001, 0.001, 0.001, 0.001, 0.5, 0.001)

    house.go()

    assert house.word(deploy) == "healthy"


NEVER_GOOD: dict[str, Answer] = {
    "empty": NoData("the query finds no series"),
    "NaN": Values((Sample(NAN),)),
    "NaN among others": Values((Sample(0.0), Sample(NAN))),
    "half an answer": NoData("prometheus says that its answer is not whole: a store is away", partial=True),
    "500": Trouble("prometheus answered 500"),
    "a hang": Trouble("prometheus did not answer within 5s"),
}


@pytest.mark.parametrize("answer", NEVER_GOOD.values(), ids=list(NEVER_GOOD))
@pytest.mark.parametrize("condition", ["failureCondition", "successCondition"])
def test_what_is_no_number_is_never_a_pass(
    house: Measured, repository: Repository, answer: Answer, condition: str
) -> None:
    asked = {"name": "errors", "query": "errors_ratio", "interval": "5s"}
    asked[condition] = "result > 0.01" if condition == "failureCondition" else "result < 0.01"
    deploy = going_out(house, repository, asked)
    house.tell(0.001, answer)  # it was fine before the deploy

    house.go(lambda: paused(house, deploy))

    assert paused(house, deploy)
    assert house.deploy_of(deploy).percent == 10
    assert house.reason(deploy).startswith("nobody can tell: errors")


def test_a_source_that_stays_away_puts_it_back(house: Measured, repository: Repository) -> None:
    bad = going_out(house, repository, ERRORS, strategy={"canary": [10, 100], "bake": "5m"})
    house.tell(0.001, 0.001, Trouble("prometheus answered 500"))

    house.go()

    assert house.word(bad) == "undone"
    assert house.reason(bad) == (
        "errors could not be measured 5 times in a row, the limit is 4: prometheus answered 500"
    )


def test_a_metric_whose_delay_is_longer_than_it_is_watched_is_no_pass(house: Measured, repository: Repository) -> None:
    deploy = going_out(house, repository, ERRORS | {"initialDelay": "10m"})

    house.go(lambda: paused(house, deploy))

    assert house.reason(deploy) == "nobody can tell: errors was never measured, so nothing is known"


def test_what_nobody_can_tell_is_measured_anew_when_a_person_says_so(house: Measured, repository: Repository) -> None:
    deploy = going_out(house, repository, ERRORS)
    house.tell(0.001, NoData("the query finds no series"))
    house.go(lambda: paused(house, deploy))

    house.now += timedelta(minutes=1)  # somebody mends the query's rule
    house.tell(0.001)
    house.actions.look_again(deploy, "user:default/alice", house.now)
    house.go()

    assert house.word(deploy) == "healthy"


def test_a_dry_run_is_measured_and_decides_nothing(house: Measured, repository: Repository) -> None:
    deploy = going_out(house, repository, ERRORS | {"dryRun": True})
    house.tell(0.9)

    house.go()

    assert house.word(deploy) == "healthy"
    assert house.deploy_of(deploy).proof.runs[0].failed > 0


def test_what_failed_before_the_deploy_only_warns_where_the_file_says_so(
    house: Measured, repository: Repository
) -> None:
    deploy = going_out(house, repository, ERRORS | {"before": "ignore"})
    house.tell(0.9)

    house.go()

    assert house.word(deploy) == "healthy"
    assert house.deploy_of(deploy).story[0].said == "1 metric known; errors failed already: 0.9 > 0.01"


def test_what_was_fine_before_the_deploy_is_not_ignored(house: Measured, repository: Repository) -> None:
    bad = going_out(house, repository, ERRORS | {"before": "ignore"})
    house.tell(0.001, 0.9)

    house.go()

    assert house.word(bad) == "undone"


def test_how_it_was_before_is_asked_until_somebody_answers(house: Measured, repository: Repository) -> None:
    """Or a source that is away for a moment would make a known fault the new release's."""
    deploy = going_out(house, repository, ERRORS | {"before": "ignore"})
    house.tell(Trouble("prometheus answered 500"), 0.9)

    house.go()

    assert house.word(deploy) == "healthy"


@pytest.mark.long
def test_a_metric_of_the_wave_before_does_not_hurry_the_next(house: Measured, repository: Repository) -> None:
    """Its next measurement is long due while instances of the next wave are still starting."""
    deploy = going_out(house, repository, ERRORS, takes="9s")

    house.go()  # raises when it looks again and again without the clock going on

    assert house.word(deploy) == "healthy"


def test_a_rollback_is_not_kept_by_metrics(house: Measured, repository: Repository) -> None:
    deploy = going_out(house, repository, ERRORS)
    house.go()
    assert house.word(deploy) == "healthy"
    house.tell(Trouble("prometheus cannot be reached"))

    back = house.rollback(1)
    house.go()

    assert (house.word(back), house.live()) == ("healthy", 1)


def test_metrics_and_visitors_decide_together(house: Measured, repository: Repository) -> None:
    bad = going_out(house, repository, ERRORS, judge=True)
    house.go_to(bad, "bake")
    house.go(lambda: bool(house.deploy_of(bad).proof.counted))
    house.work()
    house.target.serve(house.site(), 1, 500)
    house.target.serve(house.site(), 2, 100, errors=50)

    house.go()

    assert house.word(bad) == "undone"
    assert house.reason(bad) == "50 errors in 100 requests against 0 in 500, 50.0 % is more than 5 %"


# Lines of a log.


def test_lines_are_counted_of_the_new_release_while_it_is_watched(house: Measured, repository: Repository) -> None:
    house.write(2, *["slow"] * 500)  # what was there before is not counted
    bad = going_out(house, repository, SLOW)
    house.go_to(bad, "bake")
    house.go(lambda: bool(house.deploy_of(bad).proof.tails))
    house.write(2, *["slow", "fast"] * 6)  # in ten seconds
    house.write(1, *["slow"] * 500)

    house.go()

    assert house.word(bad) == "undone"
    assert house.reason(bad) == "slow requests = 36 > 30 in 1 of 1 measurement, the limit is 0"


def test_few_lines_pass_and_are_counted_over_some_time(house: Measured, repository: Repository) -> None:
    house.write(2, "hello")
    deploy = going_out(house, repository, SLOW)
    house.go_to(deploy, "bake")
    house.go(lambda: bool(house.deploy_of(deploy).proof.tails))
    began = house.now
    house.write(2, *["slow"] * 5)

    house.go(lambda: house.deploy_of(deploy).proof.runs[0].last is not None)

    run = house.deploy_of(deploy).proof.runs[0]
    assert run.last is not None
    assert (run.last.at - began, run.last.value) == (timedelta(seconds=10), "30")
    house.go()
    assert house.word(deploy) == "healthy"


def test_without_an_interval_lines_are_counted_for_as_long_as_it_is_watched(
    house: Measured, repository: Repository
) -> None:
    house.write(2, "hello")
    once = {"name": "slow requests", "log": "slow", "failureCondition": "result > 30"}
    bad = going_out(house, repository, once)
    house.go_to(bad, "bake")
    house.go(lambda: bool(house.deploy_of(bad).proof.tails))
    house.write(2, *["slow"] * 11)  # in twenty seconds

    house.go()

    assert house.reason(bad) == "slow requests = 33 > 30 in 1 of 1 measurement, the limit is 0"


@pytest.mark.long
def test_lines_of_the_time_between_two_waves_are_not_squeezed_into_a_moment(
    house: Measured, repository: Repository
) -> None:
    house.write(2, "hello")
    deploy = going_out(house, repository, SLOW, takes="5s")
    house.go_to(deploy, "start", wave=2)
    house.write(2, *["slow"] * 20)  # twenty instances say once that they begin slowly

    house.go()

    assert house.word(deploy) == "healthy"


def test_without_a_log_nobody_can_tell(house: Measured, repository: Repository) -> None:
    deploy = going_out(house, repository, SLOW)

    house.go(lambda: paused(house, deploy))

    assert house.reason(deploy).startswith(
        "nobody can tell: slow requests: no data: the new instances have no log file"
    )
