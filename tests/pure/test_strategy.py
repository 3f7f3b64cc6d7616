"""Waves: which share of the traffic, on how many instances."""

import itertools
from datetime import timedelta
from math import ceil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from pipelines.spec import Environment, Strategy
from pipelines.strategy import Wave, waves

CANARY = Strategy.model_validate({"canary": [10, 50, 100]})
ROLLING = Strategy.model_validate("rolling")


def rolling(**said: Any) -> Strategy:
    return Strategy.model_validate({"rolling": said})


def planned(strategy: Strategy, instances: int, *, first: bool = False) -> tuple[Wave, ...]:
    target = {"kind": "memory", "instances": instances}
    asked = Environment.model_validate({"target": target, "strategy": strategy, "bake": "5m"})
    return waves(asked, instances, first=first)


def stairs(strategy: Strategy, instances: int, *, first: bool = False) -> list[tuple[int, int]]:
    return [(wave.percent, wave.instances) for wave in planned(strategy, instances, first=first)]


@pytest.mark.parametrize(
    ("strategy", "instances", "expected"),
    [
        (Strategy(), 4, [(100, 4)]),
        (CANARY, 4, [(10, 1), (50, 2), (100, 4)]),
        (CANARY, 1, [(10, 1), (50, 1), (100, 1)]),  # one instance: the weight alone moves
        (CANARY, 20, [(10, 2), (50, 10), (100, 20)]),
        (Strategy.model_validate({"canary": [100]}), 4, [(100, 4)]),
        (rolling(limit=1), 4, [(25, 1), (50, 2), (75, 3), (100, 4)]),
        (rolling(limit=1), 3, [(33, 1), (66, 2), (100, 3)]),
        (rolling(limit=2), 5, [(40, 2), (80, 4), (100, 5)]),
        (rolling(limit=9), 4, [(100, 4)]),
        (rolling(percent=25), 8, [(25, 2), (50, 4), (75, 6), (100, 8)]),
        (rolling(percent=10), 4, [(25, 1), (50, 2), (75, 3), (100, 4)]),  # never less than one at a time
        (Strategy.model_validate("blue-green"), 4, [(100, 4)]),
    ],
)
def test_the_stairs(strategy: Strategy, instances: int, expected: list[tuple[int, int]]) -> None:
    assert stairs(strategy, instances) == expected


@pytest.mark.parametrize("strategy", [Strategy(), CANARY, rolling(limit=1)])
def test_the_first_release_goes_in_one_wave(strategy: Strategy) -> None:
    assert stairs(strategy, 4, first=True) == [(100, 4)]


def test_waves_count_from_one() -> None:
    assert [wave.number for wave in planned(CANARY, 4)] == [1, 2, 3]


strategies = some.one_of(
    some.builds(Strategy),
    some.integers(1, 60).map(lambda limit: rolling(limit=limit)),
    some.integers(1, 100).map(lambda percent: rolling(percent=percent)),
    some.sets(some.integers(1, 99), max_size=19).map(
        lambda steps: Strategy.model_validate({"canary": [*sorted(steps), 100]})
    ),
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
    counts = [count for _, count in stairs(rolling(limit=batch), instances)]

    assert counts == [min(batch * number, instances) for number in range(1, ceil(instances / batch) + 1)]


def test_only_the_first_batch_of_a_rolling_deploy_is_watched_in_full() -> None:
    found = planned(rolling(limit=1, wait="10s"), 3)

    assert [wave.bake for wave in found] == [timedelta(minutes=5), timedelta(seconds=10), timedelta(seconds=10)]


def test_a_wave_of_a_canary_may_have_its_own_time_and_end_with_a_pause() -> None:
    found = planned(Strategy.model_validate({"canary": [{"weight": 5, "bake": "1m", "pause": True}, 100]}), 4)

    assert [(wave.percent, wave.bake, wave.pause) for wave in found] == [
        (5, timedelta(minutes=1), True),
        (100, timedelta(minutes=5), False),
    ]
