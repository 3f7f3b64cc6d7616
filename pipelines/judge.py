"""Is the canary's metric as good as the baseline's? Kayenta's judge: Mann-Whitney, labels, group scores. Pure.

Where it differs, on purpose:
- Ties and constant series are exact. Kayenta adds random noise to constant series, and searches the interval's ends by
  a tolerance of 0.0001 in the metric's own unit; where most values are ties (counts of errors, mostly 0) the shift and
  the interval's end are both 0, and its label is chance. There the test of no shift decides.
- An infinite value is no measurement. A ratio of means that are not both positive is no effect size.
- One value on each side is `Nodata`; Kayenta's calculation ends in an error. With `replace`, a baseline without any
  value is zeros too; Kayenta passes whatever the canary did.
- Missing data alone make the verdict inconclusive, with Kayenta's score of 0.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pipelines.shift import Shift, Z, shift

TOLERANCE = 0.25  # of the shift itself: the interval must keep away from 0 by so much
PASS, MARGINAL = 95.0, 75.0  # scores, both inclusive
LARGEST = 1e300  # beyond this a value is taken for infinite, so that no sum overflows

Label = Literal["Pass", "High", "Low", "Nodata", "NodataFailMetric"]
Kind = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True)
class Effect:
    """How large a difference must be to count, as a ratio of means or as the share of pairs in which the canary is
    above (`cles`). None is where nothing changes: 1 of a ratio, a half of the pairs."""

    measure: Literal["meanRatio", "cles"] = "meanRatio"
    allowed_increase: float | None = None
    allowed_decrease: float | None = None
    critical_increase: float | None = None
    critical_decrease: float | None = None

    @property
    def none(self) -> float:
        return 1.0 if self.measure == "meanRatio" else 0.5


@dataclass(frozen=True)
class Metric:
    """One metric of both sides, a value per interval, and how to look at it. NaN stands for an interval without."""

    name: str
    baseline: Sequence[float]
    canary: Sequence[float]
    direction: Literal["increase", "decrease", "either"] = "either"
    nan_strategy: Literal["remove", "replace"] = "remove"
    outliers: Literal["keep", "remove"] = "keep"
    outlier_factor: float = 3.0
    effect: Effect = Effect()
    critical: bool = False
    must_have_data: bool = False
    muted: bool = False  # judged and shown, not counted
    groups: tuple[str, ...] = ("metrics",)


@dataclass(frozen=True)
class Judged:
    """A metric's label and why. `shift` is None where nothing was compared; `effect` where it says nothing."""

    metric: Metric
    label: Label
    why: str
    is_critical: bool = False  # a failure that makes the whole score 0
    shift: Shift | None = None
    effect: float | None = None
    baseline: tuple[float, ...] = ()  # after cleaning
    canary: tuple[float, ...] = ()


@dataclass(frozen=True)
class Judgement:
    verdict: Kind
    score: float
    why: str
    groups: Mapping[str, float] = field(default_factory=dict)
    metrics: tuple[Judged, ...] = ()


def judge(
    metrics: Iterable[Metric],
    weights: Mapping[str, float] | None = None,
    *,
    good: float = PASS,
    marginal: float = MARGINAL,
) -> Judgement:
    """Judge all metrics together. `weights`: percent per group; groups without one share what is left of 100."""
    judged = tuple(classify(metric) for metric in metrics)
    counted = [one for one in judged if not one.metric.muted]
    groups = _group_scores(counted)
    score = _weighted(groups, weights or {})
    missing = [one for one in counted if one.label == "Nodata"]
    critical = [one for one in counted if one.is_critical]
    bad = [one for one in counted if one.label not in ("Pass", "Nodata")]
    said = "; ".join(one.why for one in critical + [one for one in bad if one not in critical])
    if critical:
        return Judgement("fail", 0.0, f"critical: {said}", groups, judged)
    if 2 * len(missing) >= len(counted):
        why = f"no data for {len(missing)} of {_counted(len(counted), 'metric')}"
        failed = bool(bad) and score < marginal
        return Judgement("fail" if failed else "inconclusive", 0.0, f"{said}; {why}" if bad else why, groups, judged)
    kind: Kind = "pass" if score >= good else "inconclusive" if score >= marginal else "fail"
    compared = f"score {score:.3g} {'≥' if score >= good else '<'} {good:g}"
    fine = f"{len(counted) - len(missing)} of {_counted(len(counted), 'metric')} as good as before"
    return Judgement(kind, score, f"{said or fine}; {compared}", groups, judged)


def classify(metric: Metric) -> Judged:
    """Label one metric."""
    baseline, canary = _cleaned(metric.baseline, metric), _cleaned(metric.canary, metric)
    if metric.nan_strategy == "replace":  # no data means zero, also where there is no series at all
        baseline = baseline or (0.0,) * len(canary)
        if not canary:
            return Judged(metric, "Pass", f"{metric.name}: nothing of the canary, which counts as zero")
    elif not baseline or not canary:
        side = " and ".join(name for name, values in (("baseline", baseline), ("canary", canary)) if not values)
        fails = metric.must_have_data and not metric.critical
        label: Label = "NodataFailMetric" if fails else "Nodata"
        return Judged(
            metric, label, f"{metric.name}: no data of the {side}", metric.critical, None, None, baseline, canary
        )
    if sorted(baseline) == sorted(canary) or len({*baseline, *canary}) == 1:
        return Judged(metric, "Pass", f"{metric.name}: no difference at all", False, None, 1.0, baseline, canary)
    if len(baseline) == len(canary) == 1:
        return Judged(
            metric, "Nodata", f"{metric.name}: one value on each side", metric.critical, None, None, baseline, canary
        )
    return _compared(metric, baseline, canary)


def _compared(metric: Metric, baseline: tuple[float, ...], canary: tuple[float, ...]) -> Judged:
    found = shift(canary, baseline)
    size, none = _effect(metric.effect, found, baseline, canary), metric.effect.none
    rises, falls = _lies_above(found), _lies_below(found)
    up, down = metric.direction != "decrease", metric.direction != "increase"
    wanted = metric.effect
    label: Label = "Pass"
    critical = False
    if up and rises and _at_least(size, wanted.allowed_increase, none):
        label, critical = "High", metric.critical and _at_least(size, wanted.critical_increase, none)
    elif down and falls and _at_most(size, wanted.allowed_decrease, none):
        label, critical = "Low", metric.critical and _at_most(size, wanted.critical_decrease, none)
    words = {"High": "higher", "Low": "lower"}.get(label, "not told apart")
    means = f"{_mean(canary):.4g} against {_mean(baseline):.4g} on average"
    between = f"98 % between {found.low:+.4g} and {found.high:+.4g}"
    few = ", very few values" if found.clamped else ""
    why = f"{metric.name} is {words}: {means}, {between}{few}"
    return Judged(metric, label, why, critical, found, size, baseline, canary)


def _lies_above(found: Shift) -> bool:
    if found.low == found.estimate == 0:  # ties on both sides of the middle; whether 0 is inside, the test of 0 says
        return found.z > Z
    return found.low > TOLERANCE * abs(found.estimate)


def _lies_below(found: Shift) -> bool:
    if found.high == found.estimate == 0:
        return found.z < -Z
    return found.high < -TOLERANCE * abs(found.estimate)


def _at_least(size: float | None, limit: float | None, none: float) -> bool:
    return size is None or size >= (none if limit is None else limit)


def _at_most(size: float | None, limit: float | None, none: float) -> bool:
    return size is None or size <= (none if limit is None else limit)


def _effect(wanted: Effect, found: Shift, baseline: Sequence[float], canary: Sequence[float]) -> float | None:
    if wanted.measure == "cles":
        return found.above
    before, after = _mean(baseline), _mean(canary)
    return after / before if before > 0 and after > 0 and math.isfinite(after / before) else None


# Cleaning.


def _cleaned(values: Iterable[float], metric: Metric) -> tuple[float, ...]:
    replace = metric.nan_strategy == "replace"
    known = (0.0 if replace and math.isnan(value) else float(value) for value in values)
    kept = tuple(value for value in known if -LARGEST <= value <= LARGEST)  # NaN is in no range
    if metric.outliers == "keep" or not kept:
        return kept
    low, high = _fences(sorted(kept), metric.outlier_factor)
    return tuple(value for value in kept if low <= value <= high)


def _fences(ordered: Sequence[float], factor: float) -> tuple[float, float]:
    """Return Tukey's fences, or the first and 99th percentile where those lie further out."""
    p1, q1, q3, p99 = (_percentile(ordered, part) for part in (0.01, 0.25, 0.75, 0.99))
    reach = factor * (q3 - q1)
    return min(p1, q1 - reach), max(p99, q3 + reach)


def _percentile(ordered: Sequence[float], part: float) -> float:
    """Interpolate between the two values beside it, as R's type 7 does."""
    at = part * (len(ordered) - 1)
    left = math.floor(at)
    right = min(left + 1, len(ordered) - 1)
    return ordered[left] + (at - left) * (ordered[right] - ordered[left])


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


# Scores.


def _group_scores(judged: Sequence[Judged]) -> dict[str, float]:
    """Return the percentage of passes per group; a group without data loses nothing."""
    labels: dict[str, list[Label]] = {}
    for one in judged:
        for group in dict.fromkeys(one.metric.groups):
            labels.setdefault(group, []).append(one.label)
    told = {group: [label for label in found if label != "Nodata"] for group, found in labels.items()}
    return {group: 100 * found.count("Pass") / len(found) if found else 100.0 for group, found in told.items()}


def _weighted(scores: Mapping[str, float], weights: Mapping[str, float]) -> float:
    unweighted = [group for group in scores if group not in weights]
    rest = (100 - math.fsum(weights.values())) / len(unweighted) if unweighted else 0.0
    total = math.fsum(score * weights.get(group, rest) for group, score in scores.items()) / 100
    return min(max(round(total, 9), 0.0), 100.0)  # a third of 100, thrice, is 100


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
