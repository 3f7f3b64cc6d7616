"""The plots of a deploy's evidence: nothing to see is nothing drawn, and what is drawn can be said in words."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from pipelines.deploy import Deploy
from pipelines.proof import Point, Proof
from portal.evidence import Evidence, evidence
from portal.plots import Line, Mark, plot
from portal.render import Times
from tests.conftest import NOON
from tests.pure.deploys import SECOND, plan_of

TIMES = Times(NOON, ZoneInfo("UTC"))


def points(*told: tuple[int, int, int, int], percent: int = 10, e: float = 1.0) -> tuple[Point, ...]:
    """Return a point per second: requests and errors of the new one, and of the old one, so far."""
    return tuple(Point(NOON + at * SECOND, percent, *counts, e) for at, counts in enumerate(told))


def shown(seen: Sequence[Point]) -> Evidence | None:
    return evidence(replace(Deploy(7, plan=plan_of()), proof=Proof(points=tuple(seen), said="so it was")), TIMES)


def drawn(picture: Markup) -> list[list[float]]:
    """Return the heights of each line, from the top."""
    root = ElementTree.fromstring(str(picture))  # it can be read at all
    paths = [path.get("d", "") for path in root.iter() if path.tag.endswith("path")]
    return [[float(place) for place in re.findall(r"[ML][\d.]+ ([\d.-]+)", path)] for path in paths]


def label(picture: Markup) -> str:
    return ElementTree.fromstring(str(picture)).get("aria-label", "")


@pytest.mark.parametrize("count", [0, 1, 2])
def test_with_nothing_or_hardly_anything_there_is_no_plot(count: int) -> None:
    assert shown(points(*[(10, 0, 90, 0)] * count)) is None


def test_where_nobody_judges_there_is_no_plot() -> None:
    seen = Proof(points=points(*[(10, 0, 90, 0)] * 9))

    assert evidence(Deploy(7, plan=plan_of(judge=False), proof=seen), TIMES) is None
    assert evidence(Deploy(7, plan=plan_of(base=None), proof=seen), TIMES) is None
    assert evidence(Deploy(7, proof=seen), TIMES) is None


def test_both_releases_are_a_line_each_and_the_numbers_stand_beside() -> None:
    told = shown(points((100, 0, 900, 0), (200, 10, 1_800, 9), (300, 30, 2_700, 18)))

    assert told is not None
    old, new = drawn(told.errors)
    assert len(old) == len(new) == 2
    assert all(higher < lower for higher, lower in zip(new, old, strict=True))  # 10 and 20 % against 1 %
    assert [(what, one.replace("\u202f", " "), other.replace("\u202f", " ")) for what, one, other in told.rows] == [
        ("Requests", "300", "2 700"),
        ("Errors", "30", "18"),
    ]
    assert label(told.errors) == "Errors in percent of requests, release 2 against 1"
    assert told.said == "so it was"


def test_points_of_one_moment_are_drawn_without_dividing_by_nothing() -> None:
    told = shown([replace(point, at=NOON) for point in points(*[(10, 1, 90, 1)] * 5)])

    assert told is not None
    assert drawn(told.errors)


def test_a_line_stays_where_it_was_while_nobody_asks() -> None:
    """The time before is weighed once a minute; in between it has not become perfect."""
    told = shown(points((0, 0, 0, 0), (100, 1, 900, 90), (200, 2, 900, 90), (300, 3, 900, 90)))

    assert told is not None
    old, _ = drawn(told.errors)
    assert old == [old[0]] * 3
    assert old[0] < 94  # and not at the ground


def test_the_evidence_is_drawn_against_its_bar_and_said_shortly() -> None:
    told = shown(points((1, 0, 9, 0), (2, 1, 18, 0), (3, 3, 27, 0), e=1e304))

    assert told is not None
    bar, heights = drawn(told.odds)
    assert heights == [0.0] * 3  # cut off at the top
    assert bar[0] > 0
    assert label(told.odds) == "Evidence that it is worse: 1e+304, the bar is 100"


def test_where_the_share_changed_there_is_a_mark() -> None:
    first, second = points(*[(10, 0, 90, 0)] * 3), points(*[(10, 0, 90, 0)] * 3, percent=50)
    later = [replace(point, at=point.at + timedelta(minutes=1)) for point in second]

    told = shown([*first, *later])

    assert told is not None
    assert len(re.findall('class="mk"', told.errors)) == 2
    assert re.findall(r"(\d+).{0,2}%</text>", told.errors.replace("\u202f", ""))[-2:] == ["10", "50"]


counts = st.integers(0, 10**9)


@pytest.mark.long
@given(st.lists(st.tuples(counts, counts, counts, counts), min_size=3, max_size=60), st.floats(0, 1e304))
def test_whatever_was_counted_is_drawn_within_the_picture(told: list[tuple[int, int, int, int]], e: float) -> None:
    page = shown(points(*told, e=e))

    assert page is not None
    heights = [height for picture in (page.errors, page.odds) for line in drawn(picture) for height in line]
    assert all(0 <= height <= 94 for height in heights)


# The picture itself.


@pytest.mark.parametrize("line", [[], [(0.5, 1.0)]])
def test_a_line_of_no_point_or_one_is_not_drawn(line: list[tuple[float, float]]) -> None:
    assert drawn(plot([Line(line)], 1.0, " %", "nothing", [], ("12:00", "12:01"))) == []


def test_a_plot_of_nothing_but_zeros_divides_by_nothing() -> None:
    assert drawn(plot([Line([(0.0, 0.0), (1.0, 0.0)])], 0.0, " %", "none", [], ("12:00", "12:01"))) == [[94.0, 94.0]]


def test_words_are_never_markup() -> None:
    words = '"><script>alert(1)</script>'

    picture = plot([], 1.0, words, words, [Mark(0.5, words)], (words, words))

    assert "<script" not in picture
    assert label(picture) == words


def test_there_is_no_style_in_it_for_the_policy_forbids_that() -> None:
    assert "style=" not in plot([Line([(0, 0), (1, 1)])], 1.0, " %", "a line", [Mark(0.9, "50 %")], ("a", "b"))
