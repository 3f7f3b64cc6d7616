"""Kayenta's judge without its noise: against a model that tries every pair, and against tables worked out by hand."""

import math
from itertools import combinations
from pathlib import Path
from statistics import NormalDist, median
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from pipelines import shift as shifts
from pipelines.judge import Effect, Judgement, Metric, classify, judge
from pipelines.shift import Z, shift, sigma

NAN, INF = math.nan, math.inf
CASE_FILES = sorted((Path(__file__).parents[1] / "cases" / "judge").glob("metric-*.yaml"))

whole = some.integers(-20, 20).map(float)
series = some.lists(whole, min_size=1, max_size=9)
hostile = some.lists(some.floats() | some.sampled_from([0.0, 1.0, 1e308, -1e308, 5e-324]), max_size=12)


def metric(canary: Any, baseline: Any, **more: Any) -> Metric:
    return Metric("latency", tuple(baseline), tuple(canary), **more)


@pytest.mark.parametrize("path", CASE_FILES, ids=lambda path: path.stem)
def test_a_case_is_labelled_as_its_file_says(path: Any) -> None:
    for case in yaml.safe_load(path.read_text()):
        how = {"effect": Effect(**case.pop("effect")), **case} if "effect" in case else case
        label, why = how.pop("label"), how.pop("why")

        assert classify(metric(**how)).label == label, why


# The shift and its interval.


def test_the_quantile_is_that_of_98_percent() -> None:
    assert NormalDist().inv_cdf(0.99) == pytest.approx(Z, abs=1e-15)


def kept(canary: list[float], baseline: list[float], by: float) -> bool:
    """Is that shift kept by the test? Ranks are counted pair by pair; `by` ties no canary with a baseline value."""
    moved = [value - by for value in canary]
    u = sum((value > other) + (value == other) / 2 for value in moved for other in baseline)
    off = u - len(canary) * len(baseline) / 2
    together = moved + baseline
    n, m, total = len(canary), len(baseline), len(together)
    ties = sum(together.count(value) ** 2 - 1 for value in together)  # t³ - t, once for each of the t
    deviation = math.sqrt(n * m / 12 * (total + 1 - ties / (total * (total - 1))))
    return abs(off) - 0.5 <= Z * deviation


@settings(max_examples=80, deadline=None)
@given(series, series)
def test_the_interval_ends_where_the_test_begins_to_refuse(canary: list[float], baseline: list[float]) -> None:
    found = shift(canary, baseline)
    differences = sorted({x - y for x in canary for y in baseline})

    assert found.estimate == median(x - y for x in canary for y in baseline)
    assert found.low in differences
    assert found.high in differences
    # Between two differences nothing changes, so a half of the way is as good as any other place; values are whole.
    assert not any(kept(canary, baseline, end - 0.5) for end in differences if end <= found.low) or found.clamped
    assert not any(kept(canary, baseline, end + 0.5) for end in differences if end >= found.high) or found.clamped
    assert all(kept(canary, baseline, end + 0.5) for end in differences if found.low <= end < found.high)


@settings(max_examples=40, deadline=None)
@given(series, series, some.integers(1, 9))
def test_long_series_are_searched_and_give_the_same(canary: list[float], baseline: list[float], scale: int) -> None:
    xs, ys = sorted(value / scale for value in canary), sorted(value / scale for value in baseline)
    differences = sorted(x - y for x in xs for y in ys)

    assert [shifts._at_rank(xs, ys, rank + 1) for rank in range(len(differences))] == differences


@pytest.mark.parametrize(("n", "m"), [(2, 3), (4, 4), (3, 6)])
def test_sigma_is_that_of_all_ways_to_deal_the_ranks(n: int, m: int) -> None:
    ranks = range(n + m)
    us = [sum(rank for rank in hand) - n * (n - 1) / 2 for hand in combinations(ranks, n)]
    mean = sum(us) / len(us)

    assert sigma(list(range(n)), list(range(10, 10 + m))) == pytest.approx(
        math.sqrt(sum((u - mean) ** 2 for u in us) / len(us))
    )


def test_sigma_with_ties_is_that_of_all_ways_to_deal_the_tied_ranks() -> None:
    values = [0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 5.0]  # all on one side of the shift, three hands of them
    us = []
    for hand in combinations(range(7), 3):
        others = [values[at] for at in range(7) if at not in hand]
        us.append(sum((values[at] > other) + (values[at] == other) / 2 for at in hand for other in others))
    mean = sum(us) / len(us)

    assert shifts._sigma(3, 4, [3, 2, 1, 1]) == pytest.approx(math.sqrt(sum((u - mean) ** 2 for u in us) / len(us)))


@settings(max_examples=80, deadline=None)
@given(series, series)
def test_the_shares_of_pairs_are_counted(canary: list[float], baseline: list[float]) -> None:
    pairs = [(x > y) + (x == y) / 2 for x in canary for y in baseline]

    assert shift(canary, baseline).above == pytest.approx(sum(pairs) / len(pairs))


# What must not matter.


def mirrored(label: str) -> str:
    return {"High": "Low", "Low": "High"}.get(label, label)


@settings(max_examples=80, deadline=None)
@given(series, series)
def test_canary_and_baseline_changed_round_turn_high_into_low(canary: list[float], baseline: list[float]) -> None:
    there, back = classify(metric(canary, baseline)), classify(metric(baseline, canary))

    assert there.label == mirrored(back.label)


@settings(max_examples=80, deadline=None)
@given(some.data(), series, series, some.integers(-40, 40))
def test_neither_order_nor_unit_matters(data: Any, canary: list[float], baseline: list[float], power: int) -> None:
    scale = 2.0**power  # exact in a float
    mixed = data.draw(some.permutations(canary)), data.draw(some.permutations(baseline))
    scaled = [value * scale for value in mixed[0]], [value * scale for value in mixed[1]]

    assert classify(metric(*scaled)).label == classify(metric(canary, baseline)).label


@settings(max_examples=80, deadline=None)
@given(some.lists(some.tuples(hostile, hostile, some.booleans(), some.booleans(), some.booleans()), max_size=4))
def test_nothing_makes_it_raise(what: list[tuple[list[float], list[float], bool, bool, bool]]) -> None:
    metrics = [
        metric(
            canary,
            baseline,
            nan_strategy="replace" if replace else "remove",
            outliers="remove" if outliers else "keep",
            effect=Effect("cles" if cles else "meanRatio"),
        )
        for canary, baseline, replace, outliers, cles in what
    ]

    found = judge(metrics)

    assert 0 <= found.score <= 100
    assert found == judge(metrics)


# Criticals, groups and scores.

Data = tuple[list[float], list[float]]
UP: Data = [11, 12, 13, 14, 15, 16], [1, 2, 3, 4, 5, 6]
SAME: Data = [1, 2], [2, 1]
NONE: Data = [], [1]


def judged(*metrics: Metric, **more: Any) -> Judgement:
    return judge(metrics, **more)


@pytest.mark.parametrize(
    ("labels", "weights", "score"),
    [
        ({"a": "S"}, {}, 100),
        ({"a": "U"}, {}, 0),
        ({"a": "SU"}, {}, 50),
        ({"a": "SUU"}, {}, 100 / 3),
        ({"a": "SS", "b": "U"}, {"a": 75, "b": 25}, 75),
        ({"a": "SU", "b": "U"}, {"a": 50, "b": 50}, 25),
        ({"a": "S", "b": "U", "c": "S"}, {"a": 40}, 70),  # b and c share what is left, 30 each
        ({"a": "SS", "b": "N"}, {"b": 50}, 100),  # a group without data loses nothing
        ({"a": "SN", "b": "S"}, {}, 100),
        ({"a": "NN", "b": "S"}, {}, 0),  # half of the data or more are missing
    ],
)
def test_a_score_is_the_weighted_sum_of_the_groups(
    labels: dict[str, str], weights: dict[str, float], score: float
) -> None:
    data = {"U": UP, "S": SAME, "N": NONE}
    metrics = [metric(*data[one], groups=(group,)) for group, all_of in labels.items() for one in all_of]

    assert judged(*metrics, weights=weights).score == pytest.approx(score)


@pytest.mark.parametrize(
    ("labels", "verdict"),
    [
        ("S" * 20, "pass"),
        ("S" * 19 + "U", "pass"),  # 95
        ("S" * 18 + "UU", "inconclusive"),  # 90
        ("SSSU", "inconclusive"),  # 75
        ("SSUU", "fail"),
        ("SN", "inconclusive"),  # nobody knows of half of them
        ("UN", "fail"),
        ("", "inconclusive"),
    ],
)
def test_the_verdict_follows_from_the_score_and_no_data_is_no_pass(labels: str, verdict: str) -> None:
    data = {"U": UP, "S": SAME, "N": NONE}

    assert judged(*(metric(*data[one]) for one in labels)).verdict == verdict


@pytest.mark.parametrize(
    ("data", "more", "verdict", "score"),
    [
        (UP, {}, "inconclusive", 75),
        (UP, {"critical": True}, "fail", 0),
        (UP, {"critical": True, "effect": Effect(critical_increase=10)}, "inconclusive", 75),  # it rose 3.9 times
        (UP, {"muted": True}, "pass", 100),
        (SAME, {"critical": True}, "pass", 100),
        (NONE, {}, "pass", 100),
        (NONE, {"critical": True}, "fail", 0),
        (NONE, {"must_have_data": True}, "inconclusive", 75),
    ],
)
def test_one_metric_beside_three_good_ones(data: Any, more: dict[str, Any], verdict: str, score: float) -> None:
    found = judged(metric(*data, **more), *(metric(*SAME) for _ in range(3)))

    assert (found.verdict, found.score) == (verdict, score)


def test_the_reason_has_the_numbers() -> None:
    assert judged(metric(*UP)).why == (
        "latency is higher: 13.5 against 3.5 on average, 98 % between +6 and +14; score 0 < 95"
    )
