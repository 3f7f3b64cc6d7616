"""Who counts what visitors get, minute by minute, and what a plan says where nobody does."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines import traffic
from pipelines.change import Change
from pipelines.plan import Plan, plan
from pipelines.spec import DeploySpec
from portal import plantelling
from portal.afterwards import Afterwards
from production.ports import Release, Site
from production.targets.memory import MemoryTarget
from tests.conftest import NOON
from tests.doors.served import Served, portal
from tests.pure.deploys import CHECKOUT, NEW, OLD

SITE = Site(CHECKOUT, "production", {"kind": "memory"})
MEMORY, COMMAND = {"kind": "memory"}, {"kind": "command", "deploy": ["./deploy"]}
ERRORS = {"name": "errors", "source": "prometheus", "query": "up", "successCondition": "result < 1"}


def planned(target: dict[str, Any], **more: Any) -> Plan:
    spec = DeploySpec.model_validate({"environments": {"production": {"target": target, "bake": "5s", **more}}})
    return plan(CHECKOUT, "production", spec, NEW, OLD, Change())


def test_a_plan_of_a_target_that_sees_the_traffic_weighs_its_errors() -> None:
    told = planned(MEMORY)

    assert (plantelling.weighs(told), plantelling.uncounted(told)) == (True, "")
    assert any("errors that are worse than those of release 1" in stage.text for stage in plantelling.stages(told))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, "so only its checks decide; analysis can ask your metrics."),
        ({"analysis": [ERRORS]}, "so its checks and errors decide."),
        ({"analysis": [ERRORS, {**ERRORS, "name": "panics"}]}, "so its checks, errors and panics decide."),
        ({"judge": {"inconclusive": "pause"}}, "As nobody can tell, a person is asked each time."),
    ],
)
def test_a_plan_of_a_command_says_that_errors_are_not_counted_and_what_decides(more: Any, said: str) -> None:
    told = planned(COMMAND, **more)

    assert not plantelling.weighs(told)
    assert plantelling.uncounted(told).startswith("The traffic does not pass through Fullcycle, so ")
    assert plantelling.uncounted(told).endswith(said)
    assert not any("errors that are worse" in stage.text for stage in plantelling.stages(told))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with portal(tmp_path) as made:
        yield made


def test_what_the_memory_target_answers_is_known_as_the_time_before_the_next_deploy(served: Served) -> None:
    target = served.services.targets["memory"]
    assert isinstance(target, MemoryTarget)
    target.prepare(SITE, Release(1, "a" * 40), 1)
    target.start(SITE, Release(1, "a" * 40), 1, 1)

    def count(at: datetime) -> None:
        Afterwards(replace(served.services, clock=lambda: at)).count(None)  # type: ignore[arg-type]

    count(NOON)
    target.serve(SITE, 1, 600, errors=3)
    count(NOON + timedelta(minutes=1))

    with served.services.database.read() as session:
        before = traffic.before(session, CHECKOUT, "production", NOON + timedelta(minutes=1))
    assert (before.requests, before.errors) == ((600,), (3,))
