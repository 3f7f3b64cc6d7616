"""Each check of the scorecard, at its edges, and what a whole card says."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from catalog import scorecard
from catalog.scorecard import CHECKS, Facts, Failed, NotApplicable, Outcome, Passed, card
from tests.conftest import NOON

DAY = timedelta(days=1)

CHECKOUT = Facts(
    ref="component:default/checkout",
    name="checkout",
    lifecycle="production",
    description="Takes the basket to a paid order",
    owner="payments",
    people=("Alice Moreau", "Bob Okafor"),
    runbook="https://runbooks.example.org/checkout",
    readme=True,
    environments=("production",),
    objectives=1,
    last_healthy=NOON - 3 * DAY,
    last_return=NOON - 40 * DAY,
)


def judged(check: str, **different: Any) -> Outcome:
    marks = {mark.check.id: mark.outcome for mark in card(replace(CHECKOUT, **different), NOON, CHECKS).marks}
    return marks[check]


def test_a_service_in_good_order_passes_everything() -> None:
    made = card(CHECKOUT, NOON, CHECKS)

    assert [mark.check.id for mark in made.marks if mark.passed is not True] == []
    assert (str(made), made.level) == ("11 of 11", "in good order")


CASES: list[tuple[str, dict[str, Any], type[Outcome], str]] = [
    ("owner", {}, Passed, "its owner payments answers: Alice Moreau, Bob Okafor"),
    ("owner", {"people": tuple("ABCDE")}, Passed, "its owner payments answers: A, B, C and 2 more"),
    ("owner", {"owner": "", "people": ()}, Failed, "nobody is named"),
    ("owner", {"people": ()}, Failed, "its owner payments leads to nobody"),
    ("two-people", {"people": ("Alice Moreau",)}, Failed, "only Alice Moreau answers"),
    ("two-people", {}, Passed, "2 people answer"),
    ("two-people", {"people": ()}, NotApplicable, "nobody to count"),  # which the check before says already
    ("file", {"problems": 1}, Failed, "1 error;"),
    ("file", {"problems": 3}, Failed, "3 errors;"),
    ("file", {"stale_since": NOON - 2 * DAY, "problems": 1}, Failed, "broke 2 days ago"),
    ("description", {"description": "  "}, Failed, "metadata.description"),
    ("runbook", {"runbook": ""}, Failed, "spec.oncall.runbook"),
    ("runbook", {"runbook": "", "lifecycle": "experimental"}, NotApplicable, "it is experimental"),
    ("runbook", {"lifecycle": "experimental"}, Passed, "there is a runbook"),
    ("readme", {"readme": False}, Failed, "no README"),
    ("runbook", {"runbook": None}, NotApplicable, "not been looked at yet"),
    ("readme", {"readme": None}, NotApplicable, "not been looked at yet"),
    ("health", {"unchecked": ("staging",)}, Failed, "in staging;"),
    ("health", {"unchecked": ("production", "staging")}, Failed, "in production and staging;"),
    ("health", {"environments": ()}, NotApplicable, "no spec.deploy"),
    ("way-back", {"last_return": None}, Failed, "nobody has gone back"),
    ("way-back", {"last_return": NOON - 180 * DAY}, Passed, "180 days ago"),
    ("way-back", {"last_return": NOON - 181 * DAY}, Failed, "181 days ago; try it every 180 days"),
    ("way-back", {"last_healthy": None}, NotApplicable, "nothing to go back to"),
    ("way-back", {"environments": ()}, NotApplicable, "no spec.deploy"),
    ("fresh", {"last_healthy": NOON - 30 * DAY}, Passed, "30 days ago"),
    ("fresh", {"last_healthy": NOON - 43 * DAY}, Failed, "was 43 days ago; deploy within 30 days"),
    ("fresh", {"last_healthy": NOON + DAY}, Passed, "today"),  # clocks of two machines differ
    ("fresh", {"last_healthy": NOON - DAY}, Passed, "1 day ago"),
    ("fresh", {"last_healthy": None}, Failed, "never deployed"),
    ("fresh", {"last_healthy": None, "lifecycle": "deprecated"}, NotApplicable, "may rest"),
    ("fresh", {"environments": ()}, NotApplicable, "no spec.deploy"),
    ("objective", {"objectives": 2}, Passed, "2 objectives"),
    ("objective", {"objectives": 0}, Failed, "99.9 %"),
    ("objective", {"objectives": 0, "lifecycle": ""}, NotApplicable, "of no lifecycle"),
    ("dependencies", {"lost": ("api:default/prices",)}, Failed, "on api:default/prices, which"),
    ("dependencies", {"lost": ("api:default/a", "api:default/b")}, Failed, "on api:default/a and 1 more, which"),
]


@pytest.mark.parametrize(("check", "different", "kind", "said"), CASES)
def test_a_check_says_how_it_is_and_what_to_do(
    check: str, different: dict[str, Any], kind: type[Outcome], said: str
) -> None:
    outcome = judged(check, **different)

    assert isinstance(outcome, kind)
    assert said in outcome.said


@pytest.mark.parametrize("check", [check.id for check in CHECKS])
def test_every_check_has_been_seen_to_fail(check: str) -> None:
    assert [kind for name, _, kind, _ in CASES if name == check and kind is Failed]


def test_every_failure_says_what_to_do() -> None:
    for check, different, kind, _ in CASES:
        outcome = judged(check, **different)
        assert kind is not Failed or ";" in outcome.said, f"{check}: {outcome.said}"


def test_what_does_not_apply_counts_neither_way() -> None:
    made = card(replace(CHECKOUT, environments=(), lifecycle="experimental"), NOON, CHECKS)

    assert str(made) == "8 of 8"  # without health, way-back and fresh; runbook and objective are there all the same


@pytest.mark.parametrize(
    ("different", "level"),
    [
        ({}, "in good order"),
        ({"description": "", "objectives": 0, "readme": False}, "nearly in order"),
        ({"people": ()}, "not in order"),
        ({"unchecked": ("production",)}, "not in order"),
    ],
)
def test_what_must_be_weighs_more_than_any_number_of_what_should(different: dict[str, Any], level: str) -> None:
    assert card(replace(CHECKOUT, **different), NOON, CHECKS).level == level


def test_no_two_checks_have_one_name() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    assert {check.weight for check in CHECKS} == {scorecard.MUST, scorecard.SHOULD}
