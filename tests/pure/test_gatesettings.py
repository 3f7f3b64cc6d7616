"""What an environment may ask for before a deploy goes there, and every slip in it with its place."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog import yamlfile
from pipelines import spec
from pipelines.gatesettings import Gates
from pipelines.spec import DeploySpec
from pipelines.windows import Window

ALL = {
    "ci": {"require": ["unit"], "blocking": ["scan"], "allow_failures": ["lint"], "hide": ["nightly"]},
    "soak": {"staging": "30m"},
    "approvals": 2,
    "checklist": ["Support knows"],
    "windows": [
        {"deny": "0 18 * * FRI", "for": "64h", "zone": "Europe/Berlin", "reason": "quiet weekend"},
        {"allow": "0  9 * * MON-FRI", "for": "8h", "overrun": True, "who": ["continuous"]},
    ],
    "error_budget": 10,
    "incidents": "block",
    "reachable": "ignore",
}


def text(gates: Any, staging: Any = None) -> str:
    target = {"kind": "memory"}
    environments = {
        "production": {"target": target, "gates": gates},
        "staging": {"target": target, "gates": staging or {}},
    }
    described = {
        "kind": "Component",
        "metadata": {"name": "checkout"},
        "spec": {"deploy": {"environments": environments}},
    }
    return yaml.safe_dump(described, sort_keys=False)


def problems(gates: Any, staging: Any = None) -> list[str]:
    documents, unreadable = yamlfile.read(text(gates, staging), "catalog-info.yaml")
    assert not unreadable
    return [
        f"{problem.message}; {problem.hint}" if problem.hint else problem.message
        for problem in spec.problems(documents[0])
    ]


def test_all_that_may_be_said_is_read() -> None:
    gates = Gates.model_validate(ALL)

    assert problems(ALL) == []
    assert gates.soak == {"staging": timedelta(minutes=30)}
    assert gates.windows[0].window() == Window(
        "deny", "0 18 * * FRI", timedelta(hours=64), "Europe/Berlin", reason="quiet weekend"
    )
    assert gates.windows[1].window() == Window(
        "allow", "0 9 * * MON-FRI", timedelta(hours=8), "UTC", True, frozenset({"continuous"})
    )


def test_what_a_deploy_freezes_is_read_back_the_same() -> None:
    environments = {"production": {"target": {"kind": "memory"}, "gates": ALL}}
    frozen = DeploySpec.model_validate({"environments": environments})

    assert DeploySpec.model_validate(frozen.model_dump(mode="json")) == frozen


def test_nothing_is_asked_by_itself() -> None:
    assert (Gates().approvals, Gates().soak, Gates().windows, Gates().error_budget) == (0, {}, (), None)


WINDOW = {"deny": "0 18 * * FRI", "for": "64h"}


@pytest.mark.parametrize(
    ("gates", "said"),
    [
        (
            {"windows": [WINDOW | {"zone": "Europe/Berln"}]},
            'zone: there is no time zone "Europe/Berln"; did you mean "Europe/Berlin"?',
        ),
        ({"windows": [WINDOW | {"zone": "../../etc/passwd"}]}, 'zone: there is no time zone "../../etc/passwd"'),
        ({"windows": [WINDOW | {"zone": ""}]}, 'zone: there is no time zone ""'),
        ({"windows": [WINDOW | {"deny": "0 25 * * FRI"}]}, 'deny: "0 25 * * FRI" is no cron expression: bad hour'),
        (
            {"windows": [WINDOW | {"deny": "0 18 * *"}]},
            "deny: a cron expression has five fields: minute, hour, day of month, month, day of week",
        ),
        ({"windows": [WINDOW | {"deny": "0 0 31 2 *"}]}, 'deny: "0 0 31 2 *" is no cron expression: bad day-of-month'),
        ({"windows": [WINDOW | {"for": "0s"}]}, "for: must be longer than nothing"),
        ({"windows": [WINDOW | {"for": "400d"}]}, "for: must not be longer than a year; lock the environment instead"),
        ({"windows": [WINDOW | {"for": 64}]}, "for: a duration with its unit is needed, like 500ms, 30s, 5m or 1h30m"),
        ({"windows": [{"for": "1h"}]}, "windows[0]: a window is exactly one of deny and allow"),
        ({"windows": [WINDOW | {"allow": "0 9 * * *"}]}, "windows[0]: a window is exactly one of deny and allow"),
        ({"windows": [{"deny": "0 9 * * *"}]}, 'windows[0]: "for" is missing'),
        ({"windows": [WINDOW | {"who": ["robots"]}]}, 'who[0]: needs "people" or "continuous", not "robots"'),
        (
            {"soak": {"production": "30m"}},
            "production cannot wait until it was healthy in itself; name the environment before it",
        ),
        ({"soak": {"stagin": "30m"}}, 'there is no environment "stagin"; did you mean "staging"?'),
        ({"soak": {"staging": "0s"}}, "staging: must be longer than nothing"),
        ({"approvals": 7}, "approvals: must be at most 6"),
        ({"checklist": ["a", "a"]}, 'checklist: "a" stands here twice; keep one of them'),
        ({"ci": {"require": ["unit"], "allow_failures": ["unit"]}}, 'ci: "unit" is asked for and may fail; choose one'),
        ({"error_budget": 101}, "error_budget: must be at most 100.0"),
        ({"aprovals": 1}, 'gates: unknown key "aprovals"; did you mean "approvals"?'),
    ],
)
def test_a_slip_is_said_with_what_was_probably_meant(gates: Any, said: str) -> None:
    assert problems(gates) == [said]


def test_two_environments_that_wait_for_one_another_would_wait_for_ever() -> None:
    said = problems({"soak": {"staging": "5m"}}, {"soak": {"production": "5m"}})

    assert said == [
        "production and staging wait for one another; take one of the soaks out",
        "staging and production wait for one another; take one of the soaks out",
    ]


def test_a_soak_that_cannot_be_has_its_place() -> None:
    documents, _ = yamlfile.read(text({"soak": {"production": "30m"}}), "catalog-info.yaml")

    [problem] = spec.problems(documents[0])

    line = text({"soak": {"production": "30m"}}).splitlines().index("            production: 30m") + 1
    assert (problem.place.line, problem.place.column) == (line, 13)


def test_what_the_documentation_shows_can_be_said() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "gates.md").read_text()
    shown = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    asked = shown["spec"]["deploy"]["environments"]["production"]["gates"]

    assert problems(asked) == []
    assert set(asked) == set(Gates.model_fields)  # and nothing is left out
