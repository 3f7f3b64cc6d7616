"""A train: which commits ride together, what comes next, and that it stops at the first that is not healthy."""

from dataclasses import dataclass
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipelines.change import SMALL_LINES, File
from pipelines.train import Arrived, Car, Depart, Ended, Stopped, Train, Wait, after, cars, decide, departed, served
from tests.conftest import NOON


@dataclass(frozen=True)
class Changed:
    path: str = "app.py"
    plus: int = 1
    minus: int = 0


@dataclass(frozen=True)
class Commit:
    sha: str
    files: tuple[File, ...] = (Changed(),)
    subject: str = "a small change"
    author: str = "Alice"
    mail: str = "alice@example.org"
    at: datetime = NOON


def commits(names: str, **files: tuple[File, ...]) -> list[Commit]:
    return [Commit(name, files.get(name, (Changed(),))) for name in names]


def coupled(found: tuple[Car, ...]) -> list[tuple[str, int]]:
    return [(car.revision, car.commits) for car in found]


def train(*states: str) -> Train:
    made = [
        Car(f"{number:07}", "a small change", "Alice", state=state, deploy=None if state == "waiting" else number)
        for number, state in enumerate(states, start=1)
    ]
    return Train(tuple(made), "base")


@pytest.mark.parametrize(
    ("per_car", "green", "expected"),
    [
        (1, None, [("a", 1), ("b", 1), ("c", 1), ("d", 1)]),
        (2, None, [("b", 2), ("d", 2)]),
        (3, None, [("c", 3), ("d", 1)]),
        (9, None, [("d", 4)]),
        (1, "abcd", [("a", 1), ("b", 1), ("c", 1), ("d", 1)]),
        (1, "acd", [("a", 1), ("c", 2), ("d", 1)]),  # b rides with c
        (1, "d", [("d", 4)]),
        (1, "ab", [("a", 1), ("b", 1)]),  # what is newer than the last green one stays
        (2, "acd", [("a", 1), ("d", 3)]),
        (1, "", []),
    ],
)
def test_commits_are_coupled(per_car: int, green: str | None, expected: list[tuple[str, int]]) -> None:
    assert coupled(cars(commits("abcd"), per_car, green)) == expected


def test_commits_that_would_not_be_small_together_ride_apart() -> None:
    many = (Changed(plus=SMALL_LINES - 1),)

    found = cars(commits("abcd", b=many), per_car=4)

    assert coupled(found) == [("b", 2), ("d", 2)]


@given(some.lists(some.booleans(), max_size=30), some.integers(1, 6))
def test_no_commit_is_lost_doubled_or_out_of_order_and_every_car_ends_green(greens: list[bool], per_car: int) -> None:
    given_ = [Commit(str(number)) for number in range(len(greens))]
    green = {commit.sha for commit, is_green in zip(given_, greens, strict=True) if is_green}

    found = cars(given_, per_car, green)

    ends = [int(car.revision) for car in found]
    last_green = max(map(int, green), default=-1)
    assert ends == sorted(set(ends))
    assert all(car.revision in green for car in found)
    assert sum(car.commits for car in found) == last_green + 1
    assert [car.commits for car in found] == [b - a for a, b in zip([-1, *ends], ends, strict=False)]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("waiting", "waiting"), Depart(0)),
        (("gone", "waiting"), Depart(1)),
        (("gone", "going", "waiting"), Wait()),
        (("gone", "gone"), Arrived()),
    ],
)
def test_the_next_thing_to_do(states: tuple[str, ...], expected: object) -> None:
    assert decide(train(*states)) == expected


def test_a_train_goes_car_by_car_and_arrives() -> None:
    now, seen = train("waiting", "waiting", "waiting"), []
    while isinstance(step := decide(now), Depart):
        seen.append(step.index)
        now = after(departed(now, step.index, deploy=step.index + 10, release=step.index), Ended("healthy"))

    assert seen == [0, 1, 2]
    assert step == Arrived()
    assert now.gone == 3


def test_the_first_car_that_does_not_become_healthy_stops_it_and_it_says_which_and_what_is_left() -> None:
    now = after(train("gone", "going", "waiting", "waiting"), Ended("failed", "/healthz answered 503"))

    assert decide(now) == Stopped(
        "car 2 of 4, 0000002 by Alice, did not become healthy: /healthz answered 503; 2 cars stay behind"
    )


def test_a_car_that_a_person_stops_stops_the_train() -> None:
    now = after(train("gone", "going"), Ended("aborted"))

    assert decide(now) == Stopped("car 2 of 2, 0000002 by Alice, was stopped by a person")


def test_a_car_that_was_refused_at_the_head_of_the_lane_waits_and_says_why() -> None:
    now = after(train("gone", "going"), Ended("refused", "locked by Mara"))

    assert now.waits == ("locked by Mara",)
    assert decide(now) == Depart(1)


def test_what_others_brought_out_has_gone() -> None:
    now = served(train("gone", "waiting", "waiting", "waiting"), 2)

    assert [car.state for car in now.cars] == ["gone", "gone", "gone", "waiting"]
