"""What a judge file may say, and the answers; whatever is written into one is understood or refused with its place."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from pipelines import judgefile
from pipelines.judgeanswer import answer

CASES = Path(__file__).parents[1] / "cases" / "judge"
EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "judge").iterdir())


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in yaml.safe_load((CASES / name).read_text())]


@pytest.mark.parametrize("case", cases("file-problems.yaml"))
def test_everything_that_is_wrong_is_said_with_its_place(case: dict[str, Any]) -> None:
    asked, problems = judgefile.read(case["file"].encode(), "f")

    assert asked is None
    assert [str(problem) for problem in problems] == case["problems"]


@pytest.mark.parametrize("case", cases("file-verdicts.yaml"))
def test_the_answer_to_a_file(case: dict[str, Any]) -> None:
    told = told_of(case["file"])

    assert {key: told[key] for key in case["told"]} == case["told"]


def told_of(text: str) -> dict[str, Any]:
    asked, problems = judgefile.read(text.encode(), "f")
    assert list(map(str, problems)) == []
    assert asked is not None
    told = answer(asked)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["verdict"] in ("pass", "fail", "inconclusive")
    assert {"score", "evidence", "sentence", "method"} <= set(told)
    return told


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_without_fault(path: Path) -> None:
    assert told_of(path.read_text())["sentence"]


def test_e_is_told_after_each_look() -> None:
    interval = {"share": 0.1, "canary_errors": 1, "baseline_errors": 2}
    told = told_of(json.dumps({"method": "eprocess", "intervals": [interval] * 4}))

    assert [look["canary_errors"] for look in told["looks"]] == [1, 2, 3, 4]
    assert told["evidence"] == told["looks"][-1]["e"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"\xff\xfe", "f:1:1 this is not UTF-8; save it as UTF-8"),
        (b"method: \0", "f:1:9 this is not a text file"),
        (
            b'{"method": "mannwhitney", "metrics": [' + b"1," * 10_000_000,
            "f:1:1 the file has 19.1 MiB; at most 1 MiB is read",
        ),
        (b'{"method": "eprocess", "history": [' + b"1," * 150_000 + b"1]}", "f:1:200026 more than 100000 values"),
        (b"[" * 100_000, "f:1:52 nested more than 50 levels deep"),
    ],
    ids=["not text", "zero bytes", "ten million points", "too many points", "too deep"],
)
def test_what_is_too_much_is_refused(text: bytes, said: str) -> None:
    asked, problems = judgefile.read(text, "f")

    assert asked is None
    assert str(problems[0]).startswith(said)


numbers = some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=5)
KEYS = """
    method metrics intervals history after guard alpha tolerance share name baseline canary groups groupWeights
    canary_errors baseline_errors canary_requests baseline_requests
"""
keys = some.sampled_from(KEYS.split())
anything = some.recursive(
    numbers,
    lambda inside: some.lists(inside, max_size=4) | some.dictionaries(keys, inside, max_size=6),
    max_leaves=20,
)
likely = some.fixed_dictionaries(
    {"method": some.sampled_from(["mannwhitney", "eprocess"])},
    optional={
        "metrics": some.lists(
            some.fixed_dictionaries(
                {"name": some.just("a"), "baseline": some.lists(numbers), "canary": some.lists(some.floats())},
                optional={"critical": numbers, "nanStrategy": some.sampled_from(["remove", "replace", "x"])},
            )
        ),
        "intervals": some.lists(
            some.fixed_dictionaries(
                {
                    "share": some.floats(0, 1) | numbers,
                    "canary_errors": some.integers(0, 10**12),
                    "baseline_errors": some.integers(0),
                },
                optional={"canary_requests": some.integers(0), "baseline_requests": some.integers(0)},
            )
        ),
        "after": some.lists(some.integers(0, 99)),
        "history": some.lists(some.integers(0, 10**12)),
        "alpha": some.floats(0, 1) | numbers,
        "tolerance": some.floats(1, 3) | numbers,
        "guard": some.sampled_from(["phi", "two-looks", "none"]),
    },
)


@settings(max_examples=80, deadline=None)
@given(likely | some.dictionaries(keys, anything))
def test_whatever_stands_in_a_file_is_judged_or_refused(said: Any) -> None:
    asked, problems = judgefile.read(json.dumps(said), "f")

    assert (asked is None) == bool(problems)
    if asked is not None:
        json.dumps(answer(asked), allow_nan=False)


@settings(max_examples=100, deadline=None)
@given(some.binary(max_size=60) | some.text(max_size=60))
def test_no_text_makes_it_raise(text: Any) -> None:
    judgefile.read(text, "f")
