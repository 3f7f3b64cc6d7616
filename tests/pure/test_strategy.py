"""Waves: which share of the traffic, on how many instances."""

import itertools
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from pipelines.spec import Strategy
from pipelines.strategy import waves

CANARY = Strategy(canary=(10, 50, 100))


def stairs(strategy: Strategy, instances: int, *, first: bool = False) -> list[tuple[int, int]]:
    return [(wave.percent, wave.instances) for wave in waves(strategy, instances, first=first)]


@pytest.mark.parametrize(
    ("strategy", "instances", "expected"),
    [
        (Strategy(), 4, [(100, 4)]),
        (CANARY, 4, [(10, 1), (50, 2), (100, 4)]),
        (CANARY, 1, [(10, 1), (50, 1), (100, 1)]),  # one instance: the weight alone moves
        (CANARY, 20, [(10, 2), (50, 10), (100, 20)]),
        (Strategy(canary=(100,)), 4, [(100, 4)]),
        (Strategy(rolling=1), 4, [(25, 1), (50, 2), (75, 3), (100, 4)]),
        (Strategy(rolling=1), 3, [(33, 1), (66, 2), (100, 3)]),
        (Strategy(rolling=2), 5, [(40, 2), (80, 4), (100, 5)]),
        (Strategy(rolling=9), 4, [(100, 4)]),
    ],
)
def test_the_stairs(strategy: Strategy, instances: int, expected: list[tuple[int, int]]) -> None:
    assert stairs(strategy, instances) == expected


@pytest.mark.parametrize("strategy", [Strategy(), CANARY, Strategy(rolling=1)])
def test_the_first_release_goes_in_one_wave(strategy: Strategy) -> None:
    assert stairs(strategy, 4, first=True) == [(100, 4)]


def test_waves_count_from_one() -> None:
    assert [wave.number for wave in waves(CANARY, 4)] == [1, 2, 3]


strategies = some.one_of(
    some.builds(Strategy),
    some.builds(Strategy, rolling=some.integers(1, 60)),
    some.sets(some.integers(1, 99), max_size=19).map(lambda steps: Strategy(canary=(*sorted(steps), 100))),
)


@settings(deadline=None)  # a busy machine is no failure
@given(strategies, some.integers(1, 50))
def test_the_stairs_rise_to_all_of_it_and_never_ask_much_of_too_few(strategy: Strategy, instances: int) -> None:
    found = stairs(strategy, instances)

    assert found[-1] == (100, instances)
    assert all(low[0] < high[0] and low[1] <= high[1] for low, high in itertools.pairwise(found))
    assert all(count >= 1 and count * 100 >= percent * instances for percent, count in found)


@settings(deadline=None)  # a busy machine is no failure
@given(some.integers(1, 60), some.integers(1, 50))
def test_rolling_takes_so_many_instances_at_a_time(batch: int, instances: int) -> None:
    counts = [count for _, count in stairs(Strategy(rolling=batch), instances)]

    assert counts == [min(batch * number, instances) for number in range(1, ceil(instances / batch) + 1)]
