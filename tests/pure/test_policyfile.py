"""What an escalation file may say, and how everything that is wrong with one is said."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from oncall import policyfile
from oncall.policy import MINUTE, Level, Policy, Strategy, Target, TargetKind
from oncall.policyfile import Known, read, write

HOUSE = Path(__file__).parents[2]
EXAMPLE = HOUSE / "examples" / "oncall" / "escalation.yaml"
CASES = yaml.safe_load((HOUSE / "tests" / "cases" / "policies" / "problems.yaml").read_text())
KNOWN = Known(
    people=["user:default/ada"],
    teams=["group:default/payments", "group:default/platform"],
    roles=["payments/primary", "payments/secondary"],
)


def test_the_example_is_without_fault_and_has_every_key() -> None:
    policy, problems = read(EXAMPLE.read_bytes(), "escalation.yaml", KNOWN)

    assert list(map(str, problems)) == []
    assert policy == Policy(
        "payments",
        (
            Level((Target(TargetKind.ROLE, "payments/primary"),), 5 * MINUTE),
            Level(
                (Target(TargetKind.ROLE, "payments/secondary"), Target(TargetKind.PERSON, "user:default/ada")),
                10 * MINUTE,
                Strategy.ROUND_ROBIN,
            ),
            Level(
                (
                    Target(TargetKind.TEAM, "group:default/payments"),
                    Target(TargetKind.MEMBERS, "group:default/platform"),
                ),
                30 * MINUTE,
                Strategy.ALL_MUST_ACK,
            ),
        ),
        repeat=2,
        team="group:default/payments",
    )
    said = yaml.safe_load(EXAMPLE.read_text())
    assert set(said) == set(policyfile.PolicySettings.model_fields)
    assert set(said["levels"][0]) == set(policyfile.LevelSettings.model_fields)


def test_three_lines_are_enough() -> None:
    policy, problems = read("name: payments\nlevels:\n  - targets: [payments/primary]\n", "f")

    assert list(problems) == []
    assert policy == Policy("payments", (Level((Target(TargetKind.ROLE, "payments/primary"),)),))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_everything_that_is_wrong_is_said_with_its_place(case: dict[str, Any]) -> None:
    policy, problems = read(case["file"], "f", KNOWN if case.get("known") else None)

    assert policy is None
    assert [str(problem) for problem in problems] == case["problems"]


def test_no_reminder_at_all_can_be_said() -> None:
    policy, _ = read("name: a\nreminder: never\nlevels: [{targets: [user:ada]}]", "f")

    assert policy is not None
    assert policy.reminder == timedelta(0)


targets = some.one_of(
    some.sampled_from(["ada", "bob.b"]).map(lambda name: Target(TargetKind.PERSON, f"user:default/{name}")),
    some.sampled_from(["a/primary", "b-c/shadow"]).map(lambda name: Target(TargetKind.ROLE, name)),
    some.builds(
        Target, some.sampled_from([TargetKind.TEAM, TargetKind.MEMBERS]), some.sampled_from(["group:x/a", "group:y/b"])
    ),
)
delays = some.integers(60, 86_400).map(lambda seconds: timedelta(seconds=seconds))
policies = some.builds(
    Policy,
    some.sampled_from(["a", "payments", "on", "7"]),
    some.lists(
        some.builds(
            Level,
            some.lists(targets, min_size=1, max_size=6, unique=True).map(tuple),
            delays,
            some.sampled_from(Strategy),
        ),
        min_size=1,
        max_size=20,
    ).map(tuple),
    some.integers(0, 9),
    delays | some.just(timedelta(0)),
    some.integers(0, 20),
    some.sampled_from(["", "group:default/payments"]),
)


@settings(max_examples=60, deadline=None)
@given(policies)
def test_what_is_written_is_read_back(policy: Policy) -> None:
    assert read(write(policy), "f") == (policy, ())


anything = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats()
    | some.sampled_from(["5m", "9" * 400 + "d", "user:ada", "a/b", "group:", ":x", "/", "never", "everyone", "é\u2028"])
    | some.text(max_size=8),
    lambda inside: (
        some.lists(inside, max_size=4)
        | some.dictionaries(
            some.sampled_from(
                [
                    "name",
                    "levels",
                    "targets",
                    "delay",
                    "strategy",
                    "repeat",
                    "reminder",
                    "reminders",
                    "team",
                    "who",
                    "x-a",
                ]
            ),
            inside,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=200, deadline=None)
@given(
    some.fixed_dictionaries(
        {"levels": some.lists(some.fixed_dictionaries({"targets": anything, "delay": anything})) | anything},
        optional=dict.fromkeys(("name", "repeat", "reminder", "reminders", "team"), anything),
    )
    | anything,
)
def test_whatever_is_written_is_understood_or_refused_with_its_place(said: Any) -> None:
    policy, problems = read(yaml.safe_dump(said, allow_unicode=True), "f", KNOWN)

    assert (policy is None) == bool(problems)
    assert all(str(problem).startswith("f:") for problem in problems)


@pytest.mark.parametrize("text", [b"", b"\xff", b"a: [", b"- 1", b"name: a\n---\nname: b\n", b"{" * 1000])
def test_what_is_no_policy_at_all_is_refused(text: bytes) -> None:
    policy, problems = read(text, "f")

    assert policy is None
    assert problems
