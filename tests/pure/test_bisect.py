"""Finding the one commit: every place of the culprit, every pattern of commits that cannot be tried."""

from collections.abc import Collection
from itertools import combinations
from math import ceil, log2

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipelines.bisect import (
    BAD,
    GOOD,
    SKIPPED,
    TRIALS,
    Found,
    Hunt,
    Suspect,
    Try,
    Unclear,
    decide,
    judged,
    most,
    symptom,
    tried,
)
from pipelines.deploy import Deploy, Fact, Kind
from pipelines.machine import apply
from pipelines.plan import StepKind
from tests.conftest import NOON
from tests.pure.deploys import during, plan_of


def hunted(count: int, culprit: int, untriable: Collection[int] = ()) -> tuple[Found | Unclear, list[int]]:
    """Play a bisect in a world where everything from the culprit on is bad; return the end and what was tried."""
    verdicts: dict[int, str] = {}
    tried: list[int] = []
    while isinstance(told := decide(count, verdicts), Try):
        assert told.index not in verdicts, "tried twice"
        tried.append(told.index)
        verdicts[told.index] = SKIPPED if told.index in untriable else BAD if told.index >= culprit else GOOD
    return told, tried


@pytest.mark.parametrize("count", range(2, 65))
def test_every_culprit_is_found_with_at_most_the_promised_tries(count: int) -> None:
    for culprit in range(count):
        end, tried = hunted(count, culprit)

        assert end == Found(culprit)
        assert len(tried) <= most(count) == ceil(log2(count)) + 1


@given(some.integers(2, 200), some.data())
def test_with_commits_that_cannot_be_tried_the_culprit_is_found_or_lies_in_the_range(
    count: int, data: some.DataObject
) -> None:
    culprit = data.draw(some.integers(0, count - 1))
    untriable = data.draw(some.sets(some.integers(0, count - 1), max_size=count))

    end, tried = hunted(count, culprit, untriable)

    if isinstance(end, Found):
        assert end.index == culprit
    else:
        first, last = end.between
        assert first <= culprit <= last
    assert len(tried) <= most(count) + 2 * len(untriable)


@pytest.mark.parametrize("count", range(2, 9))
def test_it_is_unclear_only_when_the_verdicts_that_would_tell_cannot_be_had(count: int) -> None:
    """Brute force over every culprit and every set of commits that cannot be tried."""
    for culprit in range(count):
        for size in range(count + 1):
            for untriable in map(set, combinations(range(count), size)):
                end, tried = hunted(count, culprit, untriable)

                tellable = not {culprit, culprit - 1} & untriable
                assert isinstance(end, Found) is tellable, f"{culprit} of {count} without {untriable}: {end}"
                if isinstance(end, Unclear):
                    first, last = end.between
                    assert set(range(first, last)) <= untriable or first == last, "one of those could be tried"
                assert len(tried) <= most(count) + len(untriable)


def test_the_last_commit_is_named_only_when_a_trial_of_itself_was_bad() -> None:
    assert decide(4, {1: GOOD, 2: GOOD}) == Try(3)
    assert decide(4, {1: GOOD, 2: GOOD, 3: BAD}) == Found(3)


def test_when_the_last_commit_is_good_in_a_trial_nobody_is_accused() -> None:
    end = decide(4, {1: GOOD, 2: GOOD, 3: GOOD})

    assert isinstance(end, Unclear)
    assert end.between == (0, 3)
    assert "does not show in a trial" in end.why


def test_a_good_one_after_a_bad_one_says_that_it_does_not_fail_each_time() -> None:
    end = decide(8, {2: BAD, 5: GOOD})

    assert isinstance(end, Unclear)
    assert end.between == (0, 5)
    assert "does not fail each time" in end.why


def test_what_cannot_be_tried_is_left_for_its_nearest_neighbour() -> None:
    assert decide(8, {}) == Try(3)
    assert decide(8, {3: SKIPPED}) == Try(4)
    assert decide(8, {3: SKIPPED, 4: SKIPPED}) == Try(2)


def test_one_commit_is_tried_before_it_is_accused() -> None:
    assert decide(1, {}) == Try(0)
    assert decide(1, {0: BAD}) == Found(0)


def test_a_hunt_counts_its_trials_and_not_what_was_left_out_from_the_start() -> None:
    hunt = Hunt((Suspect("a", "", "", verdict=SKIPPED), Suspect("b", "", "", deploy=7), Suspect("c", "", "")), "z", 1)

    assert hunt.tries == 1
    assert judged(hunt, 1, BAD).verdicts == {0: SKIPPED, 1: BAD}


def failed(step: StepKind) -> Deploy:
    """Return a deploy that went back from that step."""
    plan = plan_of({"canary": [10, 100], "bake": "10s"})
    return apply(during(step, plan), Fact(Kind.STEP_FAILED, f"the {step} was bad"), NOON)


@pytest.mark.parametrize(
    ("looked_for", "step", "verdict"),
    [
        (StepKind.BAKE, StepKind.BAKE, BAD),
        (StepKind.PROBE, StepKind.PROBE, BAD),
        (StepKind.BAKE, StepKind.PROBE, ""),  # it was not ready in time, while visitors were hurt by what is looked for
        (StepKind.PROBE, StepKind.BAKE, ""),
        ("", StepKind.PROBE, BAD),  # nobody knows how it failed
    ],
)
def test_a_trial_that_is_bad_in_another_way_than_the_deploy_was_is_no_verdict(
    looked_for: str, step: StepKind, verdict: str
) -> None:
    hunt = Hunt((Suspect("a", "", "", going=True, deploy=8),), "z", 7, symptom=looked_for)

    one = tried(hunt, 0, failed(step)).suspects[0]

    assert (one.verdict, one.again, one.going) == (verdict, 0 if verdict else 1, False)


def test_what_is_bad_in_another_way_each_time_is_left_out_and_says_why() -> None:
    hunt = Hunt((Suspect("a", "", ""),), "z", 7, symptom=symptom(failed(StepKind.BAKE)))
    for _ in range(TRIALS):
        hunt = tried(hunt, 0, failed(StepKind.PROBE))

    assert hunt.verdicts == {0: SKIPPED}
    assert hunt.suspects[0].why == "it failed in another way than deploy 7: the probe was bad"


@pytest.mark.parametrize("step", [StepKind.PREPARE, StepKind.START, StepKind.WEIGH])
def test_only_what_was_seen_of_a_release_is_a_symptom(step: StepKind) -> None:
    assert symptom(failed(step)) == ""
