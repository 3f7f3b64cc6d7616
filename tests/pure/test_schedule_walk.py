"""A walk over every minute, with arithmetic of its own, comes to the same as the schedule does.

The walk knows nothing of moments and offsets. It looks at what a clock on the wall has shown so far (a hand-off or a
start is due once that has been reached) and at what it will still show (an end is due once neither it nor an earlier
time will come again). That is what "first occurrence", "last occurrence" and "after the gap" mean, said another way.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate, count
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from dateutil.relativedelta import relativedelta
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as some

from oncall.overrides import Override
from oncall.restrictions import Window
from oncall.rotation import LineUp, Rotation
from oncall.schedule import Schedule, render, who
from oncall.scheduletext import every
from oncall.terms import Kind

MINUTE, DAY, WEEK = timedelta(minutes=1), timedelta(days=1), timedelta(weeks=1)
CHANGES = [  # where and when clocks change in some way that is worth a walk
    ("America/Chicago", datetime(2026, 3, 8)),
    ("America/Chicago", datetime(2026, 11, 1)),
    ("Europe/Berlin", datetime(2026, 10, 25)),
    ("Australia/Lord_Howe", datetime(2026, 4, 5)),
    ("Australia/Lord_Howe", datetime(2026, 10, 4)),
    ("Pacific/Chatham", datetime(2026, 4, 5)),
    ("Pacific/Chatham", datetime(2026, 9, 27)),
    ("Asia/Kathmandu", datetime(1986, 1, 1)),
    ("Asia/Beirut", datetime(2026, 3, 29)),  # at midnight
    ("Africa/Casablanca", datetime(2026, 2, 15)),  # back for Ramadan
    ("Pacific/Apia", datetime(2011, 12, 30)),  # a day that never was
    ("UTC", datetime(2026, 2, 28)),
]
CADENCES = {
    "1 hour": timedelta(hours=1),
    "2 hours": timedelta(hours=2),
    "5 hours": timedelta(hours=5),
    "12 hours": timedelta(hours=12),
    "1 day": DAY,
    "3 days": 3 * DAY,
    "1 week": WEEK,
    "1 month": relativedelta(months=1),
    "FREQ=WEEKLY;BYDAY=MO,TH": None,
    "FREQ=DAILY;BYHOUR=2,14;BYMINUTE=30": None,
}


MONDAY = datetime(1970, 1, 5)  # wall times are minutes since then, so that a week is a remainder
WEEK_MINUTES = 7 * 24 * 60


class Minute(NamedTuple):
    """One minute: when, what the clock has shown at most so far, and will show at least from it, and after it, on."""

    at: datetime
    so_far: int
    to_come: int
    after: int


def on_the_wall(shown: datetime) -> int:
    return (shown.replace(tzinfo=None) - MONDAY) // MINUTE


@lru_cache(maxsize=32)
def minutes(zone: ZoneInfo, since: datetime, until: datetime) -> list[Minute]:
    moments = [since + number * MINUTE for number in range((until - since) // MINUTE)]
    after = [until + number * MINUTE for number in range(26 * 60)]  # no clock is ever put back by more than a day
    shown = [on_the_wall(at.astimezone(zone)) for at in moments + after]
    most = accumulate(shown, max)
    least = list(accumulate(reversed(shown), min))[::-1]
    return [Minute(*minute) for minute in zip(moments, most, least, least[1:], strict=False)]


@dataclass
class Plan:
    """A rotation in words that both understand."""

    said: Rotation
    cadence: str
    open_minutes: frozenset[int] = field(default_factory=frozenset)  # of the week; empty: all


def walked(plan: Plan, all_minutes: Sequence[Minute]) -> Iterator[dict[str, str]]:
    """Yield who has which role in each minute."""
    rotation = plan.said
    begins = hand_offs(plan.cadence, rotation.starts)
    started, turn_begins, turn_ends = False, next(begins), next(begins)
    first, last = on_the_wall(turn_begins), on_the_wall(turn_ends)
    order, at = list(rotation.order), rotation.first
    changes = list(rotation.lineups)
    windows = [(window.starts // MINUTE, window.ends // MINUTE) for window in rotation.windows]
    for minute in all_minutes:
        started = started or minute.so_far >= first
        while minute.so_far >= last:
            if rotation.counts_all or turn_counts(plan, turn_begins, turn_ends):
                at += 1
            turn_begins, turn_ends = turn_ends, next(begins)
            last = on_the_wall(turn_ends)
        while changes and changes[0].since <= minute.at:
            change = changes.pop(0)
            order, at = list(change.order), change.first
        is_open = started and (not windows or is_in_one(windows, minute))
        yield seated(order, at, rotation.roles) if is_open else {}


def hand_offs(cadence: str, starts: datetime) -> Iterator[datetime]:
    step: Any = CADENCES[cadence]
    if step is not None:
        yield from (starts + number * step for number in count())
    yield starts
    yield from (at for at in rrulestr(cadence, dtstart=starts) if at > starts)


def turn_counts(plan: Plan, begins: datetime, ends: datetime) -> bool:
    """Is any minute of the turn in a window, when one just counts on as if clocks never changed?"""
    if not plan.said.windows:
        return True
    length = min(int((ends - begins) / MINUTE), WEEK_MINUTES)
    first = (begins.weekday() * 24 + begins.hour) * 60 + begins.minute
    return any((first + number) % WEEK_MINUTES in plan.open_minutes for number in range(length))


def is_in_one(windows: Sequence[tuple[int, int]], minute: Minute) -> bool:
    """Has the start of one been shown, and will a time before its end, or later its end itself, still be?"""
    monday = minute.so_far - minute.so_far % WEEK_MINUTES
    for week in (monday - 2 * WEEK_MINUTES, monday - WEEK_MINUTES, monday):
        shown, least, after = minute.so_far - week, minute.to_come - week, minute.after - week
        for starts, ends in windows:
            if shown >= starts and (least < ends or after <= ends):
                return True
    return False


def seated(order: list[str], at: int, roles: Any) -> dict[str, str]:
    seats: dict[str, str] = {}
    for offset, role in sorted((offset, role) for role, offset in roles.items()):
        if order and (person := order[(at + offset) % len(order)]) not in seats.values():
            seats[role] = person
    return seats


def overridden(seats: dict[str, str], overrides: Sequence[Override], at: datetime) -> dict[str, str]:
    for one in sorted(overrides, key=lambda one: (one.created, one.number)):
        if one.start <= at < one.end and one.replaces in ("", seats.get(one.role, "")):
            seats = {**seats, one.role: one.person}
    return {role: person for role, person in seats.items() if person}


# Random schedules around a day on which clocks change.

LEAD = 4  # days that a walk begins before the first minute that is compared
PEOPLE = ("ann", "bob", "cat", "dan", "eve")
WINDOWS: list[tuple[Window, ...]] = [
    (),
    (Window(timedelta(0), 5 * DAY),),
    tuple(Window(day * DAY + timedelta(hours=9), day * DAY + timedelta(hours=17)) for day in range(5)),
    tuple(Window(day * DAY + timedelta(hours=22), day * DAY + timedelta(hours=30)) for day in range(7)),
    (Window(5 * DAY, 7 * DAY),),
    tuple(
        Window(day * DAY + timedelta(hours=1, minutes=45), day * DAY + timedelta(hours=2, minutes=15))
        for day in range(7)
    ),
    (Window(timedelta(days=6, hours=2), timedelta(days=7, hours=2, minutes=30)), Window(DAY, 2 * DAY)),
]


QUARTER = timedelta(minutes=15)
nights = some.builds(  # every night, about the hours in which clocks change
    lambda start, length: tuple(
        Window(day * DAY + start * QUARTER, day * DAY + (start + length) * QUARTER) for day in range(7)
    ),
    some.integers(0, 14),
    some.integers(1, 12),
)


@some.composite
def plans(draw: Any, name: str, day: datetime, home: str) -> Plan:
    zone = ZoneInfo(draw(some.sampled_from([home, home, "Asia/Kathmandu"])))
    cadence = draw(some.sampled_from(sorted(CADENCES)))
    clock = timedelta(hours=draw(some.integers(0, 23)), minutes=draw(some.sampled_from([0, 0, 15, 30, 59])))
    starts = day - draw(some.integers(-1, LEAD - 1)) * DAY + clock
    order = draw(some.lists(some.sampled_from(PEOPLE), max_size=5))
    roles = draw(some.sampled_from([{"primary": 0}, {"primary": 0, "secondary": 1}, {"secondary": 2, "primary": 1}]))
    windows = draw(some.sampled_from(WINDOWS) | nights)
    since = day.replace(tzinfo=UTC)
    moments = sorted(set(draw(some.lists(some.integers(-LEAD * 1440, 1440), max_size=2))))
    changes = []
    for minute in moments:
        new = draw(some.lists(some.sampled_from(PEOPLE), max_size=5))
        changes.append(LineUp(since + minute * MINUTE, tuple(new), draw(some.integers(0, max(len(new) - 1, 0)))))
    first = draw(some.integers(0, max(len(order) - 1, 0)))
    rotation = Rotation(
        name,
        tuple(order),
        every(cadence),
        starts,
        zone,
        roles,
        windows,
        tuple(changes),
        first,
        draw(some.booleans()),
    )
    opened = {
        minute % WEEK_MINUTES
        for window in windows
        for minute in range(int(window.starts / MINUTE), int(window.ends / MINUTE))
    }
    return Plan(rotation, cadence, frozenset(opened))


@some.composite
def overrides(draw: Any, day: datetime) -> list[Override]:
    found = []
    for number in range(draw(some.integers(0, 4))):
        start = day.replace(tzinfo=UTC) + draw(some.integers(-2000, 2000)) * MINUTE
        end = start + draw(some.integers(1, 2000)) * MINUTE
        created = day.replace(tzinfo=UTC) + draw(some.integers(0, 3)) * DAY
        role, person = draw(some.sampled_from(["primary", "secondary"])), draw(some.sampled_from(["", *PEOPLE]))
        replaces = draw(some.sampled_from(["", "", *PEOPLE]))
        found.append(Override(number, role, person, start, end, created, replaces=replaces))
    return found


@some.composite
def cases(draw: Any) -> tuple[Schedule, list[Plan], list[Override], datetime]:
    home, day = draw(some.sampled_from(CHANGES))
    rotations = [draw(plans(name, day, home)) for name in ("low", "high")[: draw(some.integers(1, 2))]]
    schedule = Schedule(ZoneInfo(home), tuple(plan.said for plan in rotations))
    return schedule, rotations, draw(overrides(day)), day


def compare(case: tuple[Schedule, list[Plan], list[Override], datetime]) -> None:
    schedule, rotations, changes, day = case
    since, until = day.replace(tzinfo=UTC) - DAY, day.replace(tzinfo=UTC) + 1.5 * DAY
    expected: list[dict[str, str]] = [{} for _ in range(int((until - since) / MINUTE))]
    for plan in rotations:
        whole_walk = minutes(plan.said.zone, since - LEAD * DAY, until)
        for number, seats in enumerate(walked(plan, whole_walk)):
            if number >= LEAD * 1440:
                expected[number - LEAD * 1440] |= seats  # a later rotation hides an earlier one
    found: list[dict[str, str]] = [{} for _ in expected]
    for shift in render(schedule, since, until, changes):
        assert since <= shift.start < shift.end <= until
        for number in range(int((shift.start - since) / MINUTE), int((shift.end - since) / MINUTE)):
            assert shift.role not in found[number], "two people have the same role"
            found[number][shift.role] = shift.person
    for number, seats in enumerate(expected):
        at = since + number * MINUTE
        assert found[number] == overridden(seats, changes, at), at.isoformat()


@pytest.mark.parametrize(("home", "day"), CHANGES, ids=lambda said: str(said)[:16])
def test_every_hand_off_and_every_edge_of_that_night_is_where_the_walk_has_it(home: str, day: datetime) -> None:
    edges = [(day.weekday() + days) % 7 * DAY + hour * 60 * MINUTE for days in (-1, 0, 1) for hour in range(6)]
    windows = tuple(Window(edge + QUARTER, edge + 3 * QUARTER) for edge in edges)
    opened = {minute % WEEK_MINUTES for one in windows for minute in range(one.starts // MINUTE, one.ends // MINUTE)}
    low = Rotation("low", PEOPLE, every("1 hour"), day - 2 * DAY, ZoneInfo(home), {"primary": 0, "secondary": 1})
    high = Rotation("high", ("fay", "gus", "hoa"), every("1 day"), day - 2 * DAY, ZoneInfo(home), windows=windows)

    compare(
        (Schedule(ZoneInfo(home), (low, high)), [Plan(low, "1 hour"), Plan(high, "1 day", frozenset(opened))], [], day)
    )


@settings(max_examples=10, deadline=None)
@given(cases())
def test_a_walk_over_every_minute_comes_to_the_same(case: Any) -> None:
    compare(case)


@pytest.mark.long
@settings(max_examples=50, deadline=None)
@given(cases())
def test_many_walks_over_every_minute_come_to_the_same(case: Any) -> None:
    compare(case)


@settings(max_examples=30, deadline=None)
@given(cases(), some.integers(-2 * 1440, 2 * 1440))
def test_who_is_on_call_at_a_moment_is_what_the_list_says(case: Any, minute: int) -> None:
    schedule, _, changes, day = case
    at = day.replace(tzinfo=UTC) + minute * MINUTE

    answer = who(schedule, at, changes)

    listed = render(schedule, at, at + timedelta(microseconds=1), changes)
    assert {role: (one.person, one.source) for role, one in answer.items()} == {
        shift.role: (shift.person, shift.source) for shift in listed
    }
    for role, shift in answer.items():  # and nothing changes within what it says
        assert shift.start <= at < shift.end
        within = render(schedule, shift.start, min(shift.end, shift.start + 60 * DAY), changes, [role])
        assert [(one.person, one.source) for one in within] == [(shift.person, shift.source)]
        assert shift.source.kind in (Kind.ROTATION, Kind.OVERRIDE)


@settings(max_examples=30, deadline=None)
@given(cases(), some.integers(-1440, 1440), some.integers(1, 3000))
def test_a_part_is_the_whole_clipped(case: Any, begin: int, length: int) -> None:
    schedule, _, changes, day = case
    start = day.replace(tzinfo=UTC) + begin * MINUTE
    end = start + length * MINUTE

    part = render(schedule, start, end, changes)

    more = render(schedule, start - 2 * DAY, end + 2 * DAY, changes)
    cut = [(max(one.start, start), min(one.end, end), one.role, one.person, one.source) for one in more]
    assert [(one.start, one.end, one.role, one.person, one.source) for one in part] == sorted(
        (one for one in cut if one[0] < one[1]),
        key=lambda one: (one[0], schedule_roles(schedule, changes).index(one[2])),
    )


def schedule_roles(schedule: Schedule, changes: list[Override]) -> list[str]:
    return list(dict.fromkeys([*schedule.roles, *(one.role for one in changes)]))


@settings(max_examples=30, deadline=None)
@given(cases())
def test_nobody_has_two_roles_of_one_rotation_at_once(case: Any) -> None:
    schedule, _, _, day = case
    since, until = (day.replace(tzinfo=UTC) + days * DAY for days in (-2, 2))
    for rotation in schedule.rotations:
        alone = render(Schedule(schedule.zone, (rotation,)), since, until)
        for one in alone:
            for other in alone:
                same = one is not other and one.person == other.person and one.role != other.role
                assert not (same and one.start < other.end and other.start < one.end)
