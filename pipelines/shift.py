"""How far one series of numbers lies above another: the Hodges-Lehmann shift and its 98 % interval. Pure, and exact.

The interval is the Mann-Whitney test turned round: every shift that the test (normal approximation, continuity
correction, sigma corrected for ties) would not refuse. Its ends are differences between a canary's and a baseline's
value, so they are picked from the sorted differences, where others search a root: no tolerance in the units of the
metric, no noise on ties, the same answer for the same numbers in any order.

Sources: https://en.wikipedia.org/wiki/Hodges-Lehmann_estimator and R's wilcox.test(conf.int = TRUE, exact = FALSE).
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

CONFIDENCE = 0.98
Z = 2.3263478740408408  # the standard normal's quantile at (1 + CONFIDENCE) / 2
ENOUGH_TO_SORT = 10_000  # differences; above that, the ones in question are found by bisection first


@dataclass(frozen=True)
class Shift:
    """The canary's values lie about `estimate` above the baseline's, and with 98 % confidence between the ends.

    `above`: the share of pairs in which the canary's value is the higher one, a tie being half of a pair.
    `z`: the test of no shift at all, in standard deviations; more than `Z` is refused, whatever the interval says.
    `clamped`: even series that do not overlap would not be told apart, so the ends are the smallest and the largest
    difference; this is so up to four values on each side.
    """

    low: float
    estimate: float
    high: float
    above: float
    z: float
    clamped: bool


def shift(canary: Sequence[float], baseline: Sequence[float]) -> Shift:
    """Compare two series of finite numbers, neither of them empty.

    >>> found = shift([11, 12, 13, 14, 15], [1, 2, 3, 4, 5])
    >>> found.low, found.estimate, found.high, found.above, round(found.z, 2)
    (6, 10.0, 14, 1.0, 2.51)
    """
    xs, ys = sorted(canary), sorted(baseline)
    pairs = len(xs) * len(ys)
    refused = math.floor(pairs / 2 + 0.5 + Z * sigma(xs, ys))  # with so many differences above it, a shift is kept
    clamped = pairs <= refused
    first = 1 if clamped else pairs - refused
    middle = (pairs + 1) // 2
    ranks = (first, middle, pairs + 1 - middle, pairs + 1 - first)
    low, left, right, high = (
        (_at_rank(xs, ys, rank) for rank in ranks) if pairs > ENOUGH_TO_SORT else _picked(xs, ys, ranks)
    )
    above = _above(xs, ys)
    return Shift(low, left / 2 + right / 2, high, above, _z(xs, ys, above), clamped)


def sigma(canary: Iterable[float], baseline: Iterable[float]) -> float:
    """Return the standard deviation of Mann-Whitney's U, corrected for ties within each of the two series.

    Ties between the two exist at single shifts only; they do not move the ends of the interval.
    """
    first, second = Counter(canary), Counter(baseline)
    return _sigma(first.total(), second.total(), [*first.values(), *second.values()])


def _sigma(n: int, m: int, ties: Iterable[int]) -> float:
    total = n + m
    return math.sqrt(n * m / 12 * (total + 1 - sum(tie**3 - tie for tie in ties) / (total * (total - 1))))


def _z(xs: Sequence[float], ys: Sequence[float], above: float) -> float:
    """Return how far U is from what is expected without a shift; here ties between the series count as well."""
    off = (above - 0.5) * len(xs) * len(ys)
    deviation = _sigma(len(xs), len(ys), Counter([*xs, *ys]).values())
    return math.copysign(max(abs(off) - 0.5, 0.0) / deviation, off) if deviation else 0.0


def _picked(xs: Sequence[float], ys: Sequence[float], ranks: Iterable[int]) -> Iterator[float]:
    differences = sorted(x - y for x in xs for y in ys)
    return (differences[rank - 1] for rank in ranks)


def _at_rank(xs: Sequence[float], ys: Sequence[float], rank: int) -> float:
    """Return the difference of that rank, counted from 1, without writing all of them down."""
    low, high = xs[0] - ys[-1], xs[-1] - ys[0]
    if rank <= _up_to(xs, ys, low):
        return low
    while (middle := low / 2 + high / 2) not in (low, high):  # the difference sought is above low, and not above high
        if rank <= _up_to(xs, ys, middle):
            high = middle
        else:
            low = middle
    return high


def _up_to(xs: Sequence[float], ys: Sequence[float], limit: float) -> int:
    """Count the differences that are not above the limit; both series are sorted."""
    count, at, size = 0, 0, len(ys)
    for x in xs:
        while at < size and x - ys[at] > limit:
            at += 1
        count += size - at
    return count


def _above(xs: Sequence[float], ys: Sequence[float]) -> float:
    below = _up_to(xs, ys, 0.0)  # or tied
    under = _up_to(xs, ys, -math.ulp(0.0))
    return 1 - (below + under) / 2 / (len(xs) * len(ys))
