"""What CI says about a commit: green, red, running or unknown, and always why."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import product

import pytest

from pipelines.ci import NO_RULES, NoRules, State, Status, barring, listed, standing
from tests.conftest import NOON

MINUTE = timedelta(minutes=1)


def said(**states: str) -> dict[str, Status]:
    """Statuses by context, each a minute after the one before."""
    return {
        name: Status(State(state), "", "", NOON + index * MINUTE) for index, (name, state) in enumerate(states.items())
    }


@dataclass(frozen=True)
class Case:
    name: str
    said: dict[str, Status]
    word: str
    why: str
    rules: NoRules = NO_RULES


CASES = (
    Case("silence", {}, "unknown", "no CI has said anything"),
    Case("one good", said(tests="success"), "green", "tests passed"),
    Case("all good", said(lint="success", tests="success"), "green", "lint and tests passed"),
    Case("one bad", said(lint="success", tests="failure"), "red", "tests failed"),
    Case("bad before running", said(lint="failure", tests="pending"), "red", "lint failed"),
    Case("one running", said(lint="success", tests="pending"), "running", "tests is running"),
    Case("two running", said(lint="pending", tests="pending"), "running", "lint and tests are running"),
    Case("skipped takes no side", said(docs="skipped", tests="success"), "green", "tests passed"),
    Case("all skipped", said(docs="skipped"), "green", "docs had nothing to do"),
    Case(
        "a required one is silent",
        said(lint="success"),
        "unknown",
        "nothing has been said by tests",
        NoRules(["tests"]),
    ),
    Case("all required are silent", {}, "unknown", "nothing has been said by a and b", NoRules(["a", "b"])),
    Case("a required one is good", said(tests="success"), "green", "tests passed", NoRules(["tests"])),
    Case("a required one was skipped", said(tests="skipped"), "green", "tests had nothing to do", NoRules(["tests"])),
    Case("another one is bad", said(lint="failure", tests="success"), "red", "lint failed", NoRules(["tests"])),
    Case("a blocking one is silent", said(a="success"), "green", "a passed", NoRules(blocking=["audit"])),
    Case("blocking beats allowed", said(a="failure"), "red", "a failed", NoRules(blocking=["a"], allow_failures=["a"])),
    Case(
        "a failure that is allowed",
        said(flaky="failure", tests="success"),
        "green",
        "tests passed; flaky may fail, and did",
        NoRules(allow_failures=["flaky"]),
    ),
    Case(
        "nothing but what may fail",
        said(flaky="success"),
        "unknown",
        "no CI has said anything that counts",
        NoRules(allow_failures=["flaky"]),
    ),
    Case(
        "a slow one that may fail",
        said(flaky="pending", tests="success"),
        "green",
        "tests passed",
        NoRules(allow_failures=["flaky"]),
    ),
    Case("what is hidden", said(old="failure", tests="success"), "green", "tests passed", NoRules(hide=["old"])),
    Case(
        "nothing but what is hidden", said(old="success"), "unknown", "no CI has said anything", NoRules(hide=["old"])
    ),
    Case("required beats hidden", said(a="failure"), "red", "a failed", NoRules(require=["a"], hide=["a"])),
    Case("required beats allowed", said(a="failure"), "red", "a failed", NoRules(require=["a"], allow_failures=["a"])),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_verdict_and_its_reason(case: Case) -> None:
    found = standing(case.said, case.rules)

    assert (found.word, found.why) == (case.word, case.why)


def test_it_has_been_running_since_the_first_of_those_that_run() -> None:
    assert standing(said(lint="success", a="pending", b="pending")).since == NOON + MINUTE


def test_it_is_green_since_the_last_word() -> None:
    assert standing(said(lint="success", tests="success")).since == NOON + MINUTE


@pytest.mark.parametrize("states", list(product(State, repeat=3)))
def test_it_is_green_only_when_nothing_failed_and_nothing_runs(states: tuple[State, ...]) -> None:
    """By brute force over three checks without rules."""
    expected = "red" if State.FAILURE in states else "running" if State.PENDING in states else "green"

    assert standing(said(**dict(zip("abc", states, strict=True)))).word == expected


@pytest.mark.parametrize(
    ("state", "why"), [("success", ""), ("skipped", ""), ("pending", ""), ("failure", "audit failed")]
)
def test_a_blocking_context_bars_whatever_is_built_upon_its_failure(state: str, why: str) -> None:
    assert barring(said(audit=state, tests="failure"), NoRules(blocking=["audit"])) == why


def test_a_blocking_context_that_is_silent_bars_nothing() -> None:
    """CI mostly looks at the last commit of a push alone."""
    assert barring({}, NoRules(blocking=["audit", "legal"])) == ""


def test_long_lists_are_cut() -> None:
    assert listed([str(number) for number in range(200)]) == "0, 1, 2 and 197 more"
