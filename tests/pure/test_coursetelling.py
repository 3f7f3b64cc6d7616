"""What a course's page says: where the fault may still be, what each commit is, and the band's sentence."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from pipelines.bisect import BAD, GOOD, SKIPPED, Hunt, Suspect
from pipelines.coursestore import STOPPED, Course
from pipelines.train import Car, Train
from portal.coursetelling import band, between, lines, most, strip
from portal.render import Times
from tests.conftest import NOON

TIMES = Times(NOON, ZoneInfo("UTC"))


def hunt(*verdicts: str) -> Hunt:
    suspects = [
        Suspect(
            f"{number}" * 7, f"<i>change</i> {number}", "Alice", verdict=verdict, deploy=number if verdict else None
        )
        for number, verdict in enumerate(verdicts, start=1)
    ]
    return Hunt(tuple(suspects), "0" * 40, 57, percent=10)


def course(way: Hunt | Train, state: str = "going", reason: str = "") -> Course:
    return Course("component:default/checkout", "production", "user:default/alice", NOON, way, "", state, reason)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (("", "", "", ""), (0, 3)),
        (("", GOOD, "", ""), (2, 3)),
        (("", GOOD, BAD, ""), (2, 2)),
        (("", BAD, "", ""), (0, 1)),
        (("", SKIPPED, BAD, ""), (0, 2)),
        (("", BAD, GOOD, ""), (0, 2)),  # it does not fail each time
        (("", "", GOOD, GOOD), (0, 3)),
    ],
)
def test_where_the_fault_may_be(verdicts: tuple[str, ...], expected: tuple[int, int]) -> None:
    assert between(hunt(*verdicts)) == expected


def test_each_commit_is_said_to_be_what_is_known_of_it() -> None:
    said = [line.shown.text or line.shown.word for line in lines(course(hunt("", GOOD, "", SKIPPED, BAD, "")))]

    assert said == ["Cleared", "Good", "May be it", "skipped", "Bad", "Came later"]


def test_the_culprit_is_marked_and_named() -> None:
    found = course(hunt("", GOOD, BAD, ""), "found")

    assert [line.hot for line in lines(found)] == [False, False, True, False]
    assert band(found, TIMES, "you").title == "It was “<i>change</i> 3” by Alice."


def test_what_cannot_be_tried_may_cost_one_more() -> None:
    assert (most(hunt("", "", "", "")), most(hunt("", SKIPPED, "", ""))) == (3, 4)


def test_the_strip_takes_what_people_wrote_as_text() -> None:
    assert "<i>" not in strip(course(hunt("", GOOD, "")))


@pytest.mark.parametrize(
    ("states", "waits", "word", "title"),
    [
        (("going", "waiting", "waiting"), (), "Train, 0 of 3 out", "checkout 7 is going out, 2 cars follow."),
        (("gone", "going", "waiting"), (), "Train, 1 of 3 out", "checkout 7 is going out, 1 car follows."),
        (("gone", "gone", "going"), (), "Train, 2 of 3 out", "checkout 7 is going out, it is the last car."),
        (("gone", "waiting"), ("locked by Mara",), "Train waits, 1 of 2 out", "The next car of checkout waits."),
        (("gone", "waiting"), (), "Train, 1 of 2 out", "1 car to go."),
        (("gone", "failed"), (), "Train, 1 of 2 out", "The last car of checkout has ended."),
    ],
)
def test_how_a_train_goes(states: tuple[str, ...], waits: tuple[str, ...], word: str, title: str) -> None:
    cars = tuple(Car("a" * 40, "a change", "Alice", state=state, release=7) for state in states)

    told = band(course(replace(Train(cars, "b" * 40), waits=waits)), TIMES, "you")

    assert (told.word, told.title) == (word, title)


@pytest.mark.parametrize(
    ("states", "stays"),
    [
        (("failed", "waiting", "waiting"), "2 cars of 3 did not depart"),
        (("gone", "failed", "waiting"), "1 car of 3 did not depart"),
        (("gone", "failed"), "its last car did not become healthy"),
        (("gone", "going"), "its last car goes on alone"),  # a person stopped the train, not that deploy
    ],
)
def test_how_a_train_has_stopped(states: tuple[str, ...], stays: str) -> None:
    cars = tuple(Car("a" * 40, "a change", "Alice", state=state, release=7) for state in states)

    told = band(course(Train(cars, "b" * 40), STOPPED), TIMES, "you")

    assert told.title == f"The train of checkout has stopped; {stays}."
