"""From a strategy to waves: which share of the traffic, on how many instances. Pure."""

from dataclasses import dataclass
from math import ceil

from pipelines.spec import Strategy


@dataclass(frozen=True)
class Wave:
    """`percent` of the traffic on `instances` instances of the new release. Waves count from 1."""

    number: int
    percent: int
    instances: int


def waves(strategy: Strategy, instances: int, *, first: bool = False) -> tuple[Wave, ...]:
    """Return the waves for a service of so many instances.

    The first release of all has nothing to be compared with and nobody to serve meanwhile, so it goes in one wave.

    >>> [(wave.percent, wave.instances) for wave in waves(Strategy(canary=(10, 50, 100)), 4)]
    [(10, 1), (50, 2), (100, 4)]
    """
    if first:
        percents = [100]
    elif strategy.canary:
        percents = list(strategy.canary)
    elif strategy.rolling:
        batches = ceil(instances / strategy.rolling)
        percents = [min(100, 100 * strategy.rolling * batch // instances) for batch in range(1, batches)] + [100]
    else:
        percents = [100]
    return tuple(
        Wave(number, percent, ceil(instances * percent / 100)) for number, percent in enumerate(percents, start=1)
    )
