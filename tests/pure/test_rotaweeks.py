"""A schedule as lines of a calendar: every week is full, nothing is lost, and what is short has initials."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncall.terms import Kind, Shift, Source
from portal.people import Face
from portal.rotaweeks import WHOLE, monday, tints, together, weeks, with_gaps
from tests.conftest import NOON

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MAIN = Source(Kind.ROTATION, "main")
FACES = {"ada": Face("Ada Vance", "AV", 1, you=True), "bob": Face("Bob Okafor", "BO", 2)}


def shift(person: str, start: timedelta, end: timedelta, role: str = "primary", source: Source = MAIN) -> Shift:
    return Shift(NOON + start, NOON + end, role, person, source)


def drawn(shifts: list[Shift], first: date = date(2026, 3, 2), count: int = 1, now: datetime = NOON) -> list[str]:
    """Return the first week's first line as text: name, then its columns."""
    (week, *_) = weeks(shifts, ["primary"], first, count, now, BERLIN, FACES.__getitem__)
    return [f"{cell.text or '-'} {cell.columns} {cell.kind}".strip() for cell in week.lines[0].cells]


def test_a_name_is_whole_where_it_fits_and_initials_where_it_does_not() -> None:
    shifts = [
        shift("bob", -3 * DAY, -5 * HOUR),
        shift("ada", -5 * HOUR, 3 * DAY),
        shift("bob", 3 * DAY, 3 * DAY + HOUR),
        shift("ada", 3 * DAY + HOUR, 9 * DAY),
    ]
    assert drawn(shifts) == ["BO 4 p2", "Ada Vance (you), now 38 p1 on", "- 1 p2", "Ada Vance (you) 41 p1"]


def test_covers_are_framed_nobody_is_dashed_and_the_past_is_past() -> None:
    swap = Source(Kind.SWAP, "3", "ada", "a wedding")
    shifts = with_gaps(
        [shift("bob", -2 * DAY, DAY, source=swap), shift("bob", 2 * DAY, 9 * DAY)],
        ["primary"],
        [(NOON - 2 * DAY, NOON + 9 * DAY)],
    )
    assert drawn(shifts) == ["Bob Okafor, now 18 p2 cover on", "Nobody 12 gap", "Bob Okafor 54 p2"]
    (past, present) = weeks(shifts, ["primary"], date(2026, 2, 23), 2, NOON, BERLIN, FACES.__getitem__)
    assert [past.is_past, present.is_past] == [True, False]
    assert [past.tick, present.tick] == [None, 6]  # one in the afternoon, two hours to a column
    assert [day.is_today for day in present.days] == [True, *[False] * 6]


def test_what_follows_itself_is_one_and_what_comes_from_elsewhere_is_not() -> None:
    cover = Source(Kind.OVERRIDE, "1")
    found = together(
        [
            shift("ada", 0 * DAY, DAY),
            shift("bob", 0 * DAY, DAY, "secondary"),
            shift("ada", DAY, 2 * DAY),
            shift("ada", 2 * DAY, 3 * DAY, source=cover),
            shift("ada", 4 * DAY, 5 * DAY, source=cover),
        ]
    )
    assert [(one.person, one.length // DAY, one.source.kind) for one in found if one.role == "primary"] == [
        ("ada", 2, Kind.ROTATION),
        ("ada", 1, Kind.OVERRIDE),
        ("ada", 1, Kind.OVERRIDE),
    ]


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 200)), max_size=40), st.integers(0, 300))
def test_every_week_is_as_wide_as_a_week_and_no_cell_is_empty_of_columns(
    spans: list[tuple[int, int]], now: int
) -> None:
    at, shifts = -100 * HOUR, []
    for number, (pause, length) in enumerate(spans):
        start = at + pause * HOUR / 4
        at = start + length * HOUR / 4
        shifts.append(shift("ada" if number % 2 else "bob", start, at))
    first = monday(NOON, BERLIN) - timedelta(weeks=1)
    for week in weeks(shifts, ["primary"], first, 4, NOON + now * HOUR, BERLIN, FACES.__getitem__):
        columns = [cell.columns for cell in week.lines[0].cells]
        assert sum(columns) == WHOLE
        assert min(columns) > 0


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_day_is_as_wide_when_the_clocks_change(day: str) -> None:
    first = date.fromisoformat(day) - timedelta(days=6)
    start = datetime.combine(first, datetime.min.time(), BERLIN)
    whole = [
        Shift(start + number * DAY, start + (number + 1) * DAY, "primary", "ada" if number % 2 else "bob", MAIN)
        for number in range(7)
    ]
    assert [one.rpartition(" ")[0].rpartition(" ")[2] for one in drawn(whole, first)] == ["12"] * 7


def test_neighbours_in_the_rota_differ() -> None:
    assert [face.tint for face in tints(["bob", "ada"], FACES).values()] == [1, 2]
