"""Line-ups come into the text of a schedule, and everything else of it stays, to the last comment."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Error
from oncall import lineups, schedulefile
from oncall.lineups import RollOut
from oncall.rotation import LineUp
from oncall.scheduleedit import with_lineups
from tests.conftest import NOON

BLOCK = """\
# who answers for payments
timezone: Europe/Berlin   # all of us live there
rotations:
  - name: main
    order: [user:ada, bob]   # bob is back
    every: 1 week
    starts: 2026-01-05 09:00
    # the roles stay as they are
    roles:
      primary: 0
      secondary: 1   # a week before

  - {name: night, order: [user:eve], every: 1 day, starts: 2026-01-05 22:00, roles: {night: 0}}
overrides: []
"""
ADA, BOB, EVE = "user:default/ada", "user:default/bob", "user:default/eve"
SINCE = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)
LATER = LineUp(SINCE, (ADA, BOB, EVE), 1)


@pytest.mark.parametrize(
    ("rotation", "line"),
    [
        ("main", '      - {from: "2026-03-09 09:00", order: [user:ada, bob, user:eve], first: bob}'),
        ("night", '[{from: "2026-03-09 09:00", order: [user:ada, bob, user:eve], first: bob}]}'),
    ],
)
def test_a_line_up_is_written_as_the_file_writes_and_all_else_stays(rotation: str, line: str) -> None:
    made = with_lineups(BLOCK, "payments", rotation, [LATER])
    assert line in made
    assert [one for one in BLOCK.splitlines() if one not in made.splitlines()] == (
        [] if rotation == "main" else [BLOCK.splitlines()[12]]
    )
    assert schedulefile.read(made, "payments").rotation(rotation).lineups == (LATER,)


def test_line_ups_that_are_there_give_way_and_the_comment_behind_them_stays() -> None:
    text = BLOCK.replace(
        "    every: 1 week\n",
        "    lineups:\n      - from: 2026-02-02 09:00\n        order: [user:ada]\n    # weekly\n    every: 1 week\n",
    )
    made = with_lineups(text, "payments", "main", [LATER])
    assert "2026-02-02" not in made
    assert "    # weekly\n    every: 1 week\n" in made
    assert with_lineups(made, "payments", "main", []).count("lineups: []") == 1


def test_a_moment_that_a_clock_shows_twice_is_written_with_its_offset() -> None:
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30 in Berlin, for the second time
    made = with_lineups(BLOCK, "payments", "main", [LineUp(second, (EVE,))])
    assert "2026-10-25T01:30:00+00:00" in made


def test_what_cannot_be_changed_in_one_place_is_left_to_its_people() -> None:
    shared = BLOCK.replace("    order: [user:ada, bob]   # bob is back", "    <<: {}\n    order: [user:ada, bob]")
    with pytest.raises(Error):
        with_lineups(shared, "payments", "main", [LATER])
    anchored = "timezone: UTC\nrotations: [&one {name: a, order: [ada], every: 1 day, starts: 2026-01-01}, *one]\n"
    with pytest.raises(Error):
        with_lineups(anchored, "payments", "a", [LATER])


@given(
    st.lists(st.sampled_from(["ada", "bob", "eve", "dan", "fay"]), min_size=1, max_size=5, unique=True),
    st.sampled_from([*RollOut]),
    st.integers(0, 60 * 24 * 40),
)
def test_who_joins_and_leaves_is_in_the_text_as_in_the_value(order: list[str], when: RollOut, minutes: int) -> None:
    at = NOON + timedelta(minutes=minutes)
    rotation = schedulefile.read(BLOCK, "payments").rotation("main")
    changed = lineups.reordered(rotation, [f"user:default/{one}" for one in order], at, when)
    if "zoe" not in order:
        changed = lineups.added(changed, "user:default/zoe", at, when)
    made = with_lineups(BLOCK, "payments", "main", changed.lineups)
    assert schedulefile.read(made, "payments").rotation("main") == changed
