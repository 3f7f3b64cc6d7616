"""The e-process: against the formula multiplied out, and what may not happen however the counts come."""

import math
import random
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from pydantic import TypeAdapter

from ledger.errors import Error
from pipelines.eprocess import RISES, gains
from pipelines.evidence import Evidence, Guard, before_after, judged, needed, phi, taken
from pipelines.trials import Rules, Traffic, burst_of, poisson, trial, trials

counts = some.integers(0, 40)
shares = some.floats(0.01, 0.99)
Interval = tuple[float, int, int]
intervals = some.lists(some.tuples(shares, counts, counts), max_size=8)


def after(*taken_in: Interval, tolerance: float = 1.0, requests: tuple[int, int] = (0, 0)) -> Evidence:
    evidence = Evidence()
    for share, canary, baseline in taken_in:
        evidence = taken(
            evidence,
            share,
            canary,
            baseline,
            tolerance=tolerance,
            canary_requests=requests[0],
            baseline_requests=requests[1],
        )
    return evidence


def multiplied_out(taken_in: list[Interval], tolerance: float) -> Fraction:
    """The mean over the rises of the product over the intervals, in exact arithmetic and straight from the formula."""
    total = Fraction(0)
    for rise in map(Fraction, RISES):
        product = Fraction(1)
        for share, canary, baseline in taken_in:
            s, d = Fraction(share), Fraction(tolerance)
            null = s * d / (s * d + 1 - s)
            theta = null * rise / (null * rise + 1 - null)
            product *= (theta / null) ** canary * ((1 - theta) / (1 - null)) ** baseline
        total += product
    return total / len(RISES)


def log_of(number: Fraction) -> float:
    return math.log(number.numerator) - math.log(number.denominator)  # far beyond what a float holds


@settings(max_examples=20, deadline=None)
@given(intervals, some.sampled_from([1.0, 1.25, 2.0]))
def test_e_is_the_mean_of_the_products(taken_in: list[Interval], tolerance: float) -> None:
    assert after(*taken_in, tolerance=tolerance).log_e == pytest.approx(
        log_of(multiplied_out(taken_in, tolerance)), abs=1e-9, rel=1e-9
    )


@pytest.mark.parametrize("tolerance", [1.0, 1.25])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.93])
def test_one_error_more_is_a_fair_bet_at_the_limit_of_what_is_tolerated(share: float, tolerance: float) -> None:
    """With no more than the tolerated rise, e is expected to stay as it is: that is what makes it valid at any time."""
    null = share * tolerance / (share * tolerance + 1 - share)

    for ours, theirs in gains(share, tolerance):
        assert null * math.exp(ours) + (1 - null) * math.exp(theirs) == pytest.approx(1)


@settings(max_examples=100, deadline=None)
@given(intervals)
def test_the_state_is_small_and_comes_back_from_json_as_it_was(taken_in: list[Interval]) -> None:
    adapter = TypeAdapter(Evidence)
    evidence = after(*taken_in)
    text = adapter.dump_json(evidence)

    assert adapter.validate_json(text) == evidence
    assert len(text) < 600


@settings(max_examples=100, deadline=None)
@given(
    some.lists(some.tuples(shares, counts, counts), min_size=1, max_size=8),
    some.sampled_from(["phi", "none", "two-looks"]),
)
def test_a_failure_stays_one_and_comes_with_the_first_look_that_calls_for_it(
    taken_in: list[Interval], guard: Guard
) -> None:
    looks = [after(*taken_in[:n]) for n in range(len(taken_in) + 1)]
    over = [look.log_e / (2.0 if guard == "phi" else 1.0) >= math.log(100) for look in looks]
    calls = [now and (before or guard != "two-looks") for before, now in pairwise([False, *over])]

    kinds = [judged(look, phi=2.0, guard=guard).kind for look in looks]

    assert [kind == "fail" for kind in kinds] == [any(calls[: n + 1]) for n in range(len(looks))]


def test_the_looks_above_the_bar_are_counted_in_a_row() -> None:
    bad, good, worse = (0.1, 4, 0), (0.1, 0, 40), (0.1, 20, 0)

    assert [after(*[bad, bad, good, good, worse, bad][:n]).looks_over for n in range(7)] == [0, 1, 2, 0, 0, 1, 2]


@pytest.mark.parametrize("share", [5e-324, 1e-12, 0.5, 1 - 1e-16])
@pytest.mark.parametrize(("canary", "baseline"), [(10**12, 0), (0, 10**12), (10**12, 10**12)])
def test_nothing_overflows(share: float, canary: int, baseline: int) -> None:
    evidence = after(*[(share, canary, baseline)] * 100)

    verdict = judged(evidence, alpha=1e-300, phi=1.5)

    assert math.isfinite(evidence.log_e)
    assert math.isfinite(verdict.e)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_without_a_second_side_errors_prove_nothing(share: float) -> None:
    evidence = after((share, 50, 50))

    assert (evidence.log_e, evidence.canary_errors, evidence.baseline_errors) == (0.0, 50, 50)
    assert judged(evidence).sentence == "not enough data: all requests were on one side"


@pytest.mark.parametrize(
    ("share", "canary", "more"),
    [
        (-0.1, 0, {}),
        (1.1, 0, {}),
        (math.nan, 0, {}),
        (0.1, -1, {}),
        (0.1, 10**30, {}),
        (0.1, 0, {"tolerance": 0.5}),
        (0.1, 0, {"tolerance": math.inf}),
        (0.1, 0, {"canary_requests": -1}),
        (0.1, 0, {"alpha": 0}),
    ],
)
def test_what_cannot_be_is_refused(share: float, canary: int, more: dict[str, Any]) -> None:
    with pytest.raises(Error):
        taken(Evidence(), share, canary, 0, **more)


# What is said.


@pytest.mark.parametrize(
    ("errors", "requests", "sentence"),
    [
        ((14, 3), (1180, 10_600), "14 errors in 1,180 requests against 3 in 10,600, e = 7e9 ≥ 100"),
        ((2, 21), (1180, 10_600), "2 errors in 1,180 requests against 21 in 10,600, e = 0.2 < 100"),
        ((4, 0), (118, 1062), "4 errors in 118 requests against 0 in 1,062, e = 748 ≥ 100"),
        ((1, 0), (118, 1062), "1 error in 118 requests against 0 in 1,062, e = 3.7 < 100"),
        ((0, 0), (38, 342), "not enough data: 38 of about 96 requests"),
        ((0, 0), (0, 342), "not enough data: no requests of the canary"),
        ((0, 0), (38, 0), "not enough data: no requests of the baseline"),
        ((0, 900), (100, 900), "not enough data: the baseline itself fails in 100 % of its requests"),
        ((14, 3), (0, 0), "14 errors against 3, e = 7e9 ≥ 100"),
        ((5, 60), (0, 0), "5 errors against 60, e = 0.1 < 100"),
        ((0, 4), (0, 0), "not enough data: 4 of about 26 errors of the baseline"),
        ((0, 0), (0, 0), "not enough data: the baseline has no errors, and the numbers of requests are not given"),
    ],
)
def test_the_sentence_carries_the_numbers(errors: tuple[int, int], requests: tuple[int, int], sentence: str) -> None:
    assert judged(after((0.1, *errors), requests=requests)).sentence == sentence


def test_before_the_first_look_nothing_is_known() -> None:
    assert judged(Evidence()).kind == "inconclusive"


def test_e_is_not_rounded_up_to_the_bar() -> None:
    evidence = after((0.1, 3, 0), requests=(1000, 9000))
    hair = math.exp(-evidence.log_e) * 0.99999  # so that e, 111.84, stays a hair below the bar

    assert judged(evidence, alpha=hair).sentence.endswith(", e = 111.8 < 112")


def test_one_look_above_the_bar_is_not_two() -> None:
    once, twice = after((0.1, 4, 0), requests=(400, 3600)), after((0.1, 4, 0), (0.1, 0, 0), requests=(400, 3600))

    assert judged(once, guard="two-looks").kind == "inconclusive"
    assert judged(twice, guard="two-looks").kind == "fail"
    assert judged(once, guard="none").kind == "fail"


def test_where_only_the_guard_stands_between_nobody_knows() -> None:
    evidence = after((0.1, 6, 0), requests=(1000, 9000))

    assert judged(evidence, phi=1.0).kind == "fail"
    assert judged(evidence, phi=12.0).kind == "inconclusive"
    assert judged(evidence, phi=12.0).sentence == (
        "not enough evidence: 6 errors in 1,000 requests against 0 in 9,000, e = 2.4 < 100; "
        "errors come in bursts here (φ = 12.0), without which e = 38,466"
    )


# Bursts, and comparing with the time before.


@pytest.mark.parametrize(
    ("per_minute", "expected"),
    [((), 1), ((5,), 1), ((0, 0, 0), 1), ((3, 3, 3), 1), ((0, 10), 10), ((0, 0, 12, 0, 0, 0), 12)],
)
def test_phi_is_variance_over_mean_and_never_below_1(per_minute: tuple[int, ...], expected: float) -> None:
    assert phi(per_minute) == pytest.approx(expected)


@given(some.lists(some.integers(0, 99), min_size=1, max_size=90), some.integers(1, 40))
def test_no_minute_before_is_used_twice(history: list[int], minutes: int) -> None:
    if minutes > len(history):
        with pytest.raises(Error):
            before_after(history, minutes)
        return

    share, slices = before_after(history, minutes)
    used = len(history) // minutes * minutes

    assert len(slices) == minutes
    assert sum(slices) == sum(history[-used:])
    assert share == pytest.approx(minutes / (minutes + used))  # t_after / (t_before + t_after)


# How much data it takes; seeds make these the same each time.


@pytest.mark.parametrize(
    ("share", "rate", "worth"),
    [(0.1, 0.0, 0.05), (0.5, 0.0, 0.05), (0.25, 0.003, 0.05), (0.1, 0.02, 0.06), (0.1, 0.1, 0.3), (0.05, 0.01, 0.05)],
)
@pytest.mark.parametrize("tolerance", [1.0, 1.25])
def test_a_rise_worth_knowing_is_seen_in_four_of_five_deploys(
    share: float, rate: float, worth: float, tolerance: float
) -> None:
    requests = needed(share, rate, tolerance=tolerance)
    per_minute = requests / 20 / share  # so that they have come after 20 minutes
    traffic = Traffic(per_minute, (share,), rate, worth)
    rules = Rules(minutes=20, tolerance=tolerance, guard="none")
    chance = random.Random(f"{share} {rate} {tolerance}")

    seen = sum(trial(traffic, rules, worth, chance) is not None for _ in range(400)) / 400

    assert 0.72 <= seen <= 0.93


@given(some.floats(0.001, 0.999), some.floats(0, 1), some.floats(1e-6, 0.5), some.floats(1, 3))
def test_more_certainty_more_bursts_and_a_smaller_rise_take_more_requests(
    share: float, rate: float, alpha: float, bursts: float
) -> None:
    usual = needed(share, rate, alpha)

    assert 1 <= usual <= 10**12
    assert needed(share, rate, alpha / 10) >= usual
    assert needed(share, rate, alpha, phi=bursts) >= usual * 0.998  # found to a thousandth
    assert needed(share, rate, alpha, floor=0.04) >= usual * 0.998


def test_needed_is_not_known_without_two_sides() -> None:
    assert needed(0.0, 0.01) == needed(1.0, 0.01) == 10**12


# The trials.


def test_the_same_seed_tells_the_same_story() -> None:
    traffic, rules = Traffic(100, (0.1,), 0.003, 0.03, burst=2), Rules(minutes=12)

    first, second = (trials(traffic, rules, 20, random.Random(3)) for _ in range(2))

    assert first == second
    assert [line.minutes for line in first] == [1, 2, 3, 5, 10, 12]
    assert [line.found for line in first] == sorted(line.found for line in first)


@pytest.mark.parametrize("mean", [0.0, 0.3, 29.0, 31.0, 95.0, 5000.0])
def test_counts_have_the_mean_and_the_variance_of_poisson(mean: float) -> None:
    chance = random.Random(11)
    drawn = [poisson(mean, chance) for _ in range(4000)]
    average = sum(drawn) / len(drawn)
    variance = sum((count - average) ** 2 for count in drawn) / len(drawn)

    assert average == pytest.approx(mean, rel=0.05)
    assert variance == pytest.approx(mean, rel=0.12)


def test_a_good_deploy_is_seldom_failed_and_a_bad_one_found() -> None:
    calm = Traffic(1000, (0.05, 0.05, 0.1, 0.1, 0.25, 0.25, 0.5), 0.003, 0.03)

    line = trials(calm, Rules(minutes=15), 200, random.Random(5))[-1]

    assert line.false_alarms <= 0.02  # 4 of 200; at most 2 are expected
    assert line.found == 1
    assert line.median_minutes is not None


@pytest.mark.parametrize("shape", [0.5, 2.0])
def test_bursts_leave_the_mean_and_widen_the_variance(shape: float) -> None:
    chance, bursty = random.Random(13), Traffic(100, (0.1,), 0.01, 0.01, burst=shape)
    drawn = [burst_of(bursty, chance) for _ in range(20_000)]
    average = sum(drawn) / len(drawn)

    assert average == pytest.approx(1, rel=0.05)
    assert sum((one - average) ** 2 for one in drawn) / len(drawn) == pytest.approx(1 / shape, rel=0.1)
