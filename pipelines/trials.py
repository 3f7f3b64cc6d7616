"""How often the e-process would be wrong, and how fast it would be right, on a service's own traffic. Pure.

Deploys are made up minute by minute: errors come by chance at the rate that is given, on a bursty service in bursts of
each side's own. Chance is an argument, so the same seed tells the same story.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from pipelines.eprocess import ALPHA, phi
from pipelines.evidence import Evidence, Guard, failed, taken

BAKES = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 480)  # minutes that a table has lines for
HISTORY = 60  # minutes before the deploy, from which φ comes
PLENTY = 500.0  # errors per minute; above that their number is as good as normally distributed


class Chance(Protocol):
    """What random.Random has."""

    def random(self) -> float: ...
    def gauss(self, mu: float, sigma: float) -> float: ...
    def gammavariate(self, alpha: float, beta: float) -> float: ...


@dataclass(frozen=True)
class Traffic:
    """A service: requests per minute, the canary's share of them (per minute, the last one stays), errors per request.

    `burst`: how bursty errors are; each minute the rate of each side is multiplied by a gamma variable of mean 1 and
    this shape. 2 is bursty, 0.5 very; None is not at all.
    """

    requests: float
    shares: tuple[float, ...]
    rate: float
    bad_rate: float
    burst: float | None = None


@dataclass(frozen=True)
class Rules:
    minutes: int = 30
    tolerance: float = 1.0
    alpha: float = ALPHA
    guard: Guard = "phi"


@dataclass(frozen=True)
class Line:
    """What a bake of that many minutes would have done: ratios of all runs, and the minute in half of the finds."""

    minutes: int
    false_alarms: float
    found: float
    median_minutes: int | None


def trials(
    traffic: Traffic, rules: Rules, runs: int, chance: Chance, done: Callable[[int], None] = lambda runs: None
) -> tuple[Line, ...]:
    """Try `runs` good deploys and as many bad ones. `done` is told after each pair how many are behind it."""
    false: list[int | None] = []
    found: list[int | None] = []
    for run in range(1, runs + 1):
        false.append(trial(traffic, rules, traffic.rate, chance))
        found.append(trial(traffic, rules, traffic.bad_rate, chance))
        done(run)
    lengths = [minutes for minutes in BAKES if minutes < rules.minutes] + [rules.minutes]
    return tuple(_line(minutes, false, found) for minutes in lengths)


def trial(traffic: Traffic, rules: Rules, rate: float, chance: Chance) -> int | None:
    """Deploy once, with that error rate of the canary; return the minute in which it was failed, None if it was not."""
    usual = traffic.requests * traffic.rate
    noise = (
        phi([poisson(usual * burst_of(traffic, chance), chance) for _ in range(HISTORY)])
        if rules.guard == "phi"
        else 1.0
    )
    evidence = Evidence()
    for minute, share in zip(range(1, rules.minutes + 1), _lasting(traffic.shares), strict=False):
        canary = poisson(traffic.requests * share * rate * burst_of(traffic, chance), chance)
        baseline = poisson(usual * (1 - share) * burst_of(traffic, chance), chance)
        evidence = taken(evidence, share, canary, baseline, tolerance=rules.tolerance, alpha=rules.alpha)
        if failed(evidence, alpha=rules.alpha, phi=noise, guard=rules.guard):
            return minute
    return None


def poisson(mean: float, chance: Chance) -> int:
    """Draw a Poisson variable: chunks of at most 30 by products of uniform ones, since e^-30 is still a good float."""
    if mean > PLENTY:
        return max(0, round(chance.gauss(mean, math.sqrt(mean))))
    count = 0
    while mean > 0:
        limit, product = math.exp(-min(mean, 30.0)), chance.random()
        while product > limit:
            count += 1
            product *= chance.random()
        mean -= 30.0
    return count


def burst_of(traffic: Traffic, chance: Chance) -> float:
    """Draw by how much the rate of one side is multiplied for one minute."""
    return 1.0 if traffic.burst is None else chance.gammavariate(traffic.burst, 1 / traffic.burst)


def _lasting(shares: Sequence[float]) -> Iterator[float]:
    yield from shares
    while True:
        yield shares[-1]


def _line(minutes: int, false: Sequence[int | None], found: Sequence[int | None]) -> Line:
    alarms = sum(at is not None and at <= minutes for at in false)
    finds = [at for at in found if at is not None and at <= minutes]
    return Line(
        minutes, alarms / len(false), len(finds) / len(found), sorted(finds)[(len(finds) - 1) // 2] if finds else None
    )
