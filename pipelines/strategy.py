"""From a strategy to waves: which share of the traffic, on how many instances, watched how long. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from pipelines.spec import Environment, Strategy


@dataclass(frozen=True)
class Wave:
    """`percent` of the traffic on `instances` instances of the new release, watched for `bake`. Waves count from 1.

    `pause`: afterwards a person says when it goes on.
    """

    number: int
    percent: int
    instances: int
    bake: timedelta = timedelta(0)
    pause: bool = False


def waves(asked: Environment, instances: int, *, first: bool = False) -> tuple[Wave, ...]:
    """Return the waves for a service of so many instances.

    The first release of all has nothing to be compared with and nobody to serve meanwhile, so it goes in one wave.
    """
    strategy = asked.strategy
    stairs = [(100, asked.watched, False)] if first else _stairs(strategy, instances, asked.watched)
    return tuple(
        Wave(number, percent, ceil(instances * percent / 100), bake, pause)
        for number, (percent, bake, pause) in enumerate(stairs, start=1)
    )


def _stairs(strategy: Strategy, instances: int, bake: timedelta) -> list[tuple[int, timedelta, bool]]:
    """Return (percent, bake, pause) of each wave."""
    if strategy.canary:
        return [(one.weight, bake if one.bake is None else one.bake, one.pause) for one in strategy.canary]
    if strategy.rolling:
        size = strategy.rolling.batch(instances)
        batches = ceil(instances / size)
        percents = [min(100, 100 * size * batch // instances) for batch in range(1, batches)] + [100]
        later = bake if strategy.rolling.wait is None else strategy.rolling.wait
        return [(percent, later if number else bake, False) for number, percent in enumerate(percents)]
    return [(100, bake, False)]
