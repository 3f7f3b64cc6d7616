"""The whole story of the demo, by real processes against real visitors; on PostgreSQL, where a database matters."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from portal import config as configs
from portal.demo.chapters import NUMBERS
from tests.conftest import BOTH

pytestmark = pytest.mark.local

STEPS = (
    "set up",
    "good release",
    "bad release",
    "bad under load",
    "slow release",
    "bisect",
    "train",
    "killed worker",
    "aborts",
    "way back",
    "ourselves",
    "merge to production",
    "warm way back",
    "inconclusive pause",
    "no way back",
    "gates",
    "on call",
    "audit",
    "conflict",
    "stale file",
    "orphan",
    "owner",
    "backstage",
    "stopped",
)
ON_POSTGRES = ("good release", "bad release", "killed worker", "on call", "audit")
ALL = {"sqlite": STEPS, "postgres": ("set up", *ON_POSTGRES, "stopped")}
PLAYED: "dict[str, Tour]" = {}  # by database; the order of the tests may go back and forth
LONGEST = 1500  # seconds; alone on two cores it takes about 140
UNHURT = (
    *("good release", "bad release", "slow release", "killed worker", "aborts", "way back"),
    *("merge to production", "warm way back", "no way back"),
)

WHOLE = pytest.mark.parametrize("tour", ["sqlite"], indirect=True)  # of a step that only the whole story has


@dataclass(frozen=True)
class Tour:
    """A tour that has begun. Both are begun at once, for they wait more than they work."""

    process: "subprocess.Popen[str]"
    out: Path
    err: Path

    def ended(self) -> "subprocess.CompletedProcess[str]":
        try:
            code = self.process.wait(LONGEST)
        finally:
            self.process.kill()
        return subprocess.CompletedProcess(self.process.args, code, self.out.read_text(), self.err.read_text())


def begun(folder: Path, database: str) -> Tour:
    environ = {name: value for name, value in configs.environment().items() if not name.startswith("FULLCYCLE_")}
    if database:
        environ["FULLCYCLE_DATABASE_URL"] = database
    out, err = folder / "out", folder / "err"
    with out.open("w") as told, err.open("w") as said:
        command = [sys.executable, "-m", "portal.cli", "demo", "--tour"]
        command += [f"--step={name}" for name in (ON_POSTGRES if database else ())]
        return Tour(subprocess.Popen(command, cwd=folder, env=environ, stdout=told, stderr=said, text=True), out, err)


@pytest.fixture(scope="session", params=BOTH)
def tour(request: Any, tmp_path_factory: pytest.TempPathFactory) -> "subprocess.CompletedProcess[str]":
    for name in ("sqlite", "postgres"):
        is_asked = any(f"[{name}" in item.nodeid for item in request.session.items if __name__ in item.module.__name__)
        if is_asked and name not in PLAYED:
            database = str(request.getfixturevalue("postgres_server")) if name == "postgres" else ""
            PLAYED[name] = begun(tmp_path_factory.mktemp(f"tour-{name}"), database)
    return PLAYED[request.param].ended()


@pytest.fixture
def steps(tour: subprocess.CompletedProcess[str]) -> Mapping[str, Mapping[str, Any]]:
    return {step["step"]: step for step in map(json.loads, tour.stdout.splitlines())}


def test_every_step_is_told_in_order_and_went_well(
    request: Any, tour: subprocess.CompletedProcess[str], steps: Mapping[str, Mapping[str, Any]]
) -> None:
    assert [name for name, step in steps.items() if not step["ok"]] == [], tour.stdout + tour.stderr
    assert tuple(steps) == ALL[request.node.callspec.params["tour"]]
    assert tour.returncode == 0


def test_no_visitor_is_hurt_but_by_the_release_that_fails_under_load(steps: Mapping[str, Mapping[str, Any]]) -> None:
    unhurt = [name for name in UNHURT if name in steps]

    assert {name: steps[name]["failed"] for name in unhurt} == dict.fromkeys(unhurt, 0)
    assert all(steps[name]["requests"] > 20 for name in unhurt)
    assert len(unhurt) >= 3


@WHOLE
def test_of_the_release_that_fails_under_load_few_are_hurt(steps: Mapping[str, Mapping[str, Any]]) -> None:
    hurt = steps["bad under load"]

    assert 0 < hurt["failed"] <= hurt["visitors_of_it"] < hurt["requests"] / 2


def test_a_team_hears_of_a_deploy_that_was_put_back(steps: Mapping[str, Mapping[str, Any]]) -> None:
    bad = steps["bad release"]

    assert bad["incident"] == f"search {bad['release']} was undone in production"


@WHOLE
def test_what_is_wrong_in_the_catalog_is_found_with_its_place_and_commit(
    steps: Mapping[str, Mapping[str, Any]],
) -> None:
    assert steps["conflict"]["at"] == "ledger-rewrite catalog-info.yaml:4:3"
    assert steps["stale file"]["at"] == "delivery catalog-info.yaml:13:1"
    assert steps["stale file"]["stale_since"] != steps["stale file"]["shown_as_of"]
    assert steps["orphan"]["orphans"] == ["gift-cards", "search-index"]
    assert "storefront" in steps["orphan"]["hint"]
    assert steps["backstage"]["found"] == [
        "checkout",
        "delivery-slots",
        "gift-cards",
        "ledger",
        "receipts",
        "reports",
    ]


@WHOLE
def test_a_release_that_fails_its_customers_is_put_back_for_reasons_in_numbers(
    steps: Mapping[str, Mapping[str, Any]],
) -> None:
    assert NUMBERS.search(steps["bad under load"]["why"])


@WHOLE
def test_a_release_that_is_only_slow_is_put_back_by_its_metric(steps: Mapping[str, Mapping[str, Any]]) -> None:
    slow = steps["slow release"]

    assert "answer time in s" in slow["why"]
    assert slow["visitors_of_it"] > 0


@WHOLE
def test_the_bad_one_of_five_commits_is_found_and_the_train_stops_at_it(
    steps: Mapping[str, Mapping[str, Any]],
) -> None:
    bisect, train = steps["bisect"], steps["train"]

    assert bisect["suspects"] == 5
    assert bisect["tries"] <= bisect["at_most"]
    assert bisect["percent"] == 10
    assert (train["cars"], train["out"], train["stay"]) == (5, 2, 2)
    assert "car 3 of 5" in train["why"]


@WHOLE
def test_people_are_asked_where_nobody_can_tell_and_where_nothing_can_be_taken_back(
    steps: Mapping[str, Mapping[str, Any]],
) -> None:
    pause, migration = steps["inconclusive pause"], steps["no way back"]

    assert pause["paused_at_percent"] == 50
    assert "not enough data" in pause["why"]
    assert migration["plan_says"] == "migrations/0004_no_day.sql:1 drops a column"
    assert "/healthz answered 503" in migration["waited_because"]


@WHOLE
def test_what_is_green_goes_out_by_itself_and_its_way_back_starts_nothing(
    steps: Mapping[str, Mapping[str, Any]],
) -> None:
    assert steps["merge to production"]["because"] == "tests passed"
    assert steps["warm way back"]["started"] == 0


@WHOLE
def test_gates_say_every_reason_at_once_and_an_emergency_is_written_down(
    steps: Mapping[str, Mapping[str, Any]],
) -> None:
    assert len(steps["gates"]["stopped_by"]) == 3
    assert steps["gates"]["it_passed"] == ["approval", "checklist"]


def test_a_release_that_fails_later_wakes_somebody_who_goes_back_and_swaps(
    steps: Mapping[str, Mapping[str, Any]],
) -> None:
    woken = steps["on call"]

    assert woken["paged"] in ("mara", "lin", "aisha")
    assert woken["because"] == "payments/primary"
    assert woken["story"] == ["opened", "paged", "delivered", "acknowledged", "resolved"]
    assert 0 < woken["failed"] < woken["requests"]
    assert len(woken["swap"]) == 2  # one sentence for each of the two


@WHOLE
def test_fullcycle_has_deployed_fullcycle(
    tour: subprocess.CompletedProcess[str], steps: Mapping[str, Mapping[str, Any]]
) -> None:
    assert "ourselves" in steps, tour.stdout + tour.stderr
    ourselves = steps["ourselves"]

    assert ourselves.get("healthz") == 200 or "git" in ourselves["left_out"]
