"""Pictures from the server: well formed, without style or script, and saying in words what they show."""

import xml.etree.ElementTree as tree
from collections.abc import Sequence

import pytest

from portal import pictures
from portal.pictures import Mark, Step

STAIRS = (Step(0, 1, 0, "start", "14:24"), Step(1, 6, 10, "10 %", "14:25"), Step(6, 14, 100, "100 %", "14:30"))
ALL = {
    "lane": pictures.lane(50, "half"),
    "meter": pictures.meter(80, "f-good", "8 of 10"),
    "spark": pictures.spark([1, 2, 3], "rising"),
    "plan": pictures.stairs(STAIRS, "planned"),
    "under way": pictures.stairs(STAIRS, "half way", 7),
    "over": pictures.stairs(STAIRS, "over", 14, done=True),
    "tape": pictures.tape([Mark(-3, "good", "ledger 1")], 14.5, "the day"),
}


def rects(picture: str, kind: str) -> Sequence[tree.Element]:
    return [one for one in tree.fromstring(picture).iter("rect") if one.get("class") == kind]


@pytest.mark.parametrize("name", ALL)
def test_a_picture_is_whole_and_keeps_the_strict_policy(name: str) -> None:
    picture = tree.fromstring(ALL[name])

    assert picture.get("role") == "img"
    assert picture.get("aria-label")
    for element in picture.iter():
        assert element.tag not in ("script", "style", "foreignObject")
        assert not [key for key in element.attrib if key == "style" or key.startswith("on")]


def test_a_plan_is_all_dashed_and_an_ended_deploy_all_filled() -> None:
    assert not rects(ALL["plan"], "f-new")
    assert len(rects(ALL["plan"], "f-todo")) == len(STAIRS)
    assert not rects(ALL["over"], "f-todo")
    assert len(rects(ALL["over"], "f-new")) == len(STAIRS)


def test_the_stairs_are_filled_up_to_now() -> None:
    assert len(rects(ALL["under way"], "f-new")) == 3
    assert len(rects(ALL["under way"], "f-todo")) == 1


def test_what_a_picture_is_told_cannot_break_out_of_it() -> None:
    hostile = '"><script>alert(1)</script>'

    for picture in (
        pictures.lane(1, hostile),
        pictures.stairs([Step(0, 9, 50, hostile, hostile)], hostile, 3),
        pictures.tape([Mark(-1, "bad", hostile)], 3, hostile),
    ):
        assert "<script" not in picture
        tree.fromstring(picture)


@pytest.mark.parametrize("share", [-5, 0, 33.3, 100, 400])
def test_a_share_beyond_all_stays_inside(share: float) -> None:
    width = float(rects(pictures.lane(share, "x"), "f-new")[0].get("width", ""))

    assert 0 <= width <= 100


def test_nothing_to_draw_is_no_error() -> None:
    assert pictures.stairs([], "nothing")
    assert pictures.spark([], "nothing") == ""
    assert pictures.tape([], 0, "a quiet day")
