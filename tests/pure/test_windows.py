"""When it is open: against a second opinion that walks minute by minute, and across clocks that change."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.windows import Closed, Open, Window, standing
from tests.conftest import NOON

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BERLIN, LORD_HOWE = "Europe/Berlin", "Australia/Lord_Howe"
WEEKEND = Window("deny", "0 18 * * FRI", 64 * HOUR, BERLIN, reason="quiet weekend")
OFFICE = Window("allow", "0 9 * * MON-FRI", 8 * HOUR, BERLIN, reason="office hours")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def closed(windows: Sequence[Window], at: datetime, expected: timedelta = timedelta(0)) -> Closed:
    found = standing(windows, "people", at, expected)
    assert isinstance(found, Closed)
    return found


def opened(windows: Sequence[Window], at: datetime, expected: timedelta = timedelta(0)) -> Open:
    found = standing(windows, "people", at, expected)
    assert isinstance(found, Open)
    return found


def test_without_a_window_it_is_always_open() -> None:
    assert standing([], "people", NOON) == Open(None, restricted=False)


def test_a_deny_window_says_why_and_until_when() -> None:
    assert closed([WEEKEND], utc("2026-03-07 12:00")) == Closed("quiet weekend", utc("2026-03-09 09:00"))


def test_an_open_day_says_when_it_closes() -> None:
    assert opened([WEEKEND], NOON) == Open(utc("2026-03-06 17:00"), restricted=True)


def test_outside_of_all_allow_windows_is_closed() -> None:
    assert opened([OFFICE], NOON).until == utc("2026-03-02 16:00")
    assert closed([OFFICE], utc("2026-03-02 16:00")) == Closed("outside of office hours", utc("2026-03-03 08:00"))


def test_deny_beats_allow() -> None:
    lunch = Window("deny", "0 12 * * *", HOUR, BERLIN, reason="lunch")

    assert closed([OFFICE, lunch], utc("2026-03-02 11:30")) == Closed("lunch", utc("2026-03-02 12:00"))


def test_overlapping_windows_open_when_the_last_has_ended_and_all_are_named() -> None:
    weekly = Window("deny", "0 0 * * MON", 10 * HOUR, "UTC", reason="release week")

    found = closed([WEEKEND, weekly], utc("2026-03-09 08:00"))

    assert found == Closed("quiet weekend; release week", utc("2026-03-09 10:00"))


def test_allow_windows_that_follow_without_a_gap_are_one() -> None:
    later = Window("allow", "0 17 * * MON-FRI", HOUR, BERLIN)

    assert opened([OFFICE, later], NOON).until == utc("2026-03-02 17:00")


def test_a_window_concerns_only_whom_it_names() -> None:
    only = replace(WEEKEND, who=frozenset({"continuous"}))
    saturday = utc("2026-03-07 12:00")

    assert isinstance(standing([only], "continuous", saturday), Closed)
    assert standing([only], "people", saturday) == Open()


def test_what_would_not_be_through_before_it_closes_may_not_begin_and_both_times_are_said() -> None:
    late = utc("2026-03-06 16:55")

    found = closed([WEEKEND], late, 9 * MINUTE)

    assert found.why == "it would be through at Fri 18:04 and it closes at Fri 18:00 Europe/Berlin: quiet weekend"
    assert found.until == utc("2026-03-09 09:00")
    assert opened([WEEKEND], late, 5 * MINUTE)
    assert opened([replace(WEEKEND, overrun=True)], late, 9 * MINUTE)


def test_an_allow_window_may_be_overrun_too() -> None:
    late = utc("2026-03-02 15:55")

    assert "it closes at Mon 17:00" in closed([OFFICE], late, 9 * MINUTE).why
    assert opened([replace(OFFICE, overrun=True)], late, 9 * MINUTE)


def test_what_no_window_is_long_enough_for_never_opens() -> None:
    assert closed([OFFICE], NOON, 9 * HOUR).until is None


def test_what_is_closed_for_good_says_no_time() -> None:
    assert closed([Window("deny", "* * * * *", HOUR)], NOON).until is None


@pytest.mark.parametrize(
    ("zone", "friday", "monday"),
    [
        (BERLIN, "2026-03-27 17:00", "2026-03-30 08:00"),  # spring: 63 h
        (BERLIN, "2026-10-23 16:00", "2026-10-26 09:00"),  # autumn: 65 h
        (LORD_HOWE, "2026-10-02 07:30", "2026-10-04 23:00"),  # half an hour forward: 63.5 h
        (LORD_HOWE, "2026-04-03 07:00", "2026-04-05 23:30"),  # half an hour back: 64.5 h
    ],
)
def test_a_weekend_ends_at_ten_on_monday_also_when_the_clocks_change(zone: str, friday: str, monday: str) -> None:
    weekend = replace(WEEKEND, zone=zone)
    begins, ends = utc(friday), utc(monday)

    assert opened([weekend], begins - MINUTE).until == begins
    assert closed([weekend], begins).until == ends
    assert closed([weekend], ends - MINUTE).until == ends
    assert opened([weekend], ends)


def test_a_freeze_across_both_changes_ends_on_the_day_it_says() -> None:
    """From 1 March 00:00 in Berlin for 260 days of the calendar: until 16 November 00:00, also an hour later in UTC."""
    freeze = Window("deny", "0 0 1 3 *", 260 * DAY, BERLIN, reason="the long one")

    assert closed([freeze], utc("2026-07-01 12:00")).until == utc("2026-11-15 23:00")


def test_a_window_that_begins_in_the_hour_that_is_left_out_begins_when_it_is_over() -> None:
    night = Window("deny", "30 2 * * *", HOUR, BERLIN)

    assert opened([night], utc("2026-03-29 00:59")).until == utc("2026-03-29 01:00")
    assert closed([night], utc("2026-03-29 01:00")).until == utc("2026-03-29 02:00")


def test_a_window_that_begins_in_the_hour_that_comes_twice_begins_once() -> None:
    night = Window("deny", "30 2 * * *", MINUTE * 20, BERLIN)

    assert closed([night], utc("2026-10-25 00:35")).until == utc("2026-10-25 00:50")
    assert opened([night], utc("2026-10-25 01:35"))


# A second opinion, minute by minute. It knows fields with lists, ranges and steps and nothing of the library.

FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


def fits(field: str, value: int, low: int, high: int) -> bool:
    for part in field.split(","):
        span, _, step = part.partition("/")
        ends = [low, high] if span == "*" else [int(end) for end in span.split("-")]
        first, last = ends[0], ends[-1]
        if first <= value <= last and (value - first) % int(step or 1) == 0:
            return True
    return False


def shown(cron: str, wall: datetime) -> bool:
    values = (wall.minute, wall.hour, wall.day, wall.month, wall.isoweekday() % 7)
    ok = [fits(field, value, *span) for field, value, span in zip(cron.split(), values, FIELDS, strict=True)]
    days = cron.split()[2], cron.split()[4]
    either = not any(day.startswith("*") for day in days)
    return ok[0] and ok[1] and ok[3] and ((ok[2] or ok[4]) if either else (ok[2] and ok[4]))


@cache
def starts(cron: str, zone: str, first: datetime, last: datetime) -> tuple[datetime, ...]:
    """Walk the minutes. A fixed hour and minute comes once a day: late where it is left out, first where it is twice.

    With a star in the hour or the minute, it is whatever the wall shows, as often as it shows it.
    """
    by_the_wall = any(part.startswith("*") for part in cron.split()[:2])
    found, at, before = [], first, (first - MINUTE).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    while at <= last:
        wall = at.astimezone(ZoneInfo(zone))
        here = wall.replace(tzinfo=None)
        if by_the_wall:
            begins = shown(cron, here)
        else:
            left_out = [before + MINUTE * step for step in range(1, int((here - before) / MINUTE))]
            begins = (shown(cron, here) and not wall.fold) or any(shown(cron, one) for one in left_out)
        if begins:
            found.append(at)
        at, before = at + MINUTE, here
    return tuple(found)


def covers(window: Window, first: datetime, last: datetime) -> set[datetime]:
    """Every minute in that span in which the window is on."""
    found: set[datetime] = set()
    whole = timedelta(days=window.lasts.days)
    day = first.replace(hour=0, minute=0)  # whole days, so that the same walk serves many
    for start in starts(window.cron, window.zone, day - 4 * DAY, day + 4 * DAY):
        wall = start.astimezone(ZoneInfo(window.zone)) + whole
        end = wall.astimezone(UTC) + (window.lasts - whole)
        begins, ends = max(start, first), min(end, last)
        found.update(begins + MINUTE * step for step in range(max(int((ends - begins) / MINUTE), 0)))
    return found


CRONS = st.sampled_from(
    [
        "0 18 * * 5",
        "30 2 * * *",
        "0 2 * * *",
        "15 1-3 * * *",
        "*/20 * * * *",
        "0 */5 * * *",
        "5 * * * *",
        "0 0 29 * *",
        "0 9 * * 1-5",
        "59 23 25-29 3,10 *",
        "0 3 28 * 0",
        "45 1 * * 0",
        "* 2 * * *",
        "0,30 2 * * *",
        "0 0 * * *",
    ]
)
SPANS = st.sampled_from([1, 7, 20, 60, 90, 180, 1439, 1440, 1441, 1500, 2880, 3840])  # minutes
ZONES = st.sampled_from(["UTC", BERLIN, LORD_HOWE, "America/New_York", "Asia/Kathmandu", "Pacific/Chatham"])
CHANGES = st.sampled_from(
    [utc(f"2026-{day}") for day in ("03-29", "10-25", "04-04", "10-03", "03-08", "11-01", "06-10")]
)
WINDOWS = st.builds(
    lambda kind, cron, minutes, zone, overrun: Window(kind, cron, minutes * MINUTE, zone, overrun, reason=cron),
    st.sampled_from(["deny", "deny", "allow"]), CRONS, SPANS, ZONES, st.booleans(),
)  # fmt: skip


@pytest.mark.long
@settings(max_examples=25, deadline=None)
@given(st.lists(WINDOWS, min_size=1, max_size=3), CHANGES, st.integers(-1500, 1500))
def test_it_is_open_when_a_walk_through_every_minute_says_so(windows: list[Window], day: datetime, offset: int) -> None:
    now, ahead = day + offset * MINUTE, 36 * HOUR
    denied = set().union(*(covers(one, now, now + ahead) for one in windows if one.kind == "deny"), set())
    allows = [covers(one, now, now + ahead) for one in windows if one.kind == "allow"]
    minutes = [now + MINUTE * step for step in range(int(ahead / MINUTE))]
    is_open = [at not in denied and (not allows or any(at in one for one in allows)) for at in minutes]
    change = next((at for at, free in zip(minutes, is_open, strict=True) if free != is_open[0]), None)

    found = standing(windows, "people", now)

    assert isinstance(found, Open) is is_open[0]
    if change is not None:
        assert found.until == change
    elif found.until is not None:
        assert found.until >= now + ahead


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(st.lists(WINDOWS, min_size=1, max_size=2), CHANGES, st.integers(-1500, 1500), st.integers(1, 300))
def test_what_may_begin_is_through_before_anything_closes_that_may_not_be_overrun(
    windows: list[Window], day: datetime, offset: int, takes: int
) -> None:
    windows = [replace(window, overrun=False) for window in windows]
    now, expected = day + offset * MINUTE, takes * MINUTE
    denied = set().union(*(covers(one, now, now + expected) for one in windows if one.kind == "deny"), set())
    allows = [covers(one, now, now + expected) for one in windows if one.kind == "allow"]
    minutes = [now + MINUTE * step for step in range(takes)]
    free = all(at not in denied and (not allows or any(at in one for one in allows)) for at in minutes)

    assert isinstance(standing(windows, "people", now, expected), Open) is free
