"""Wall clock times on the days when clocks change, and zones that do not exist."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from oncall import zones

# What a clock shows -> the moments at which it does so first and last, or the first moment after a gap.
TIMES = [
    ("America/Chicago", "2026-07-01 09:00", "2026-07-01T09:00-05:00", "2026-07-01T09:00-05:00"),
    ("America/Chicago", "2026-03-08 01:59", "2026-03-08T01:59-06:00", "2026-03-08T01:59-06:00"),
    ("America/Chicago", "2026-03-08 02:00", "2026-03-08T03:00-05:00", "2026-03-08T03:00-05:00"),
    ("America/Chicago", "2026-03-08 02:30", "2026-03-08T03:00-05:00", "2026-03-08T03:00-05:00"),
    ("America/Chicago", "2026-03-08 03:00", "2026-03-08T03:00-05:00", "2026-03-08T03:00-05:00"),
    ("America/Chicago", "2026-11-01 00:59", "2026-11-01T00:59-05:00", "2026-11-01T00:59-05:00"),
    ("America/Chicago", "2026-11-01 01:00", "2026-11-01T01:00-05:00", "2026-11-01T01:00-06:00"),
    ("America/Chicago", "2026-11-01 01:30", "2026-11-01T01:30-05:00", "2026-11-01T01:30-06:00"),
    ("America/Chicago", "2026-11-01 02:00", "2026-11-01T02:00-06:00", "2026-11-01T02:00-06:00"),
    ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"),
    # Lord Howe goes half an hour forward and back.
    ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-04T02:30+11:00", "2026-10-04T02:30+11:00"),
    ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-05T01:45+11:00", "2026-04-05T01:45+10:30"),
    # Chatham is 12:45 or 13:45 ahead and changes at 02:45.
    ("Pacific/Chatham", "2026-09-27 03:00", "2026-09-27T03:45+13:45", "2026-09-27T03:45+13:45"),
    ("Pacific/Chatham", "2026-04-05 03:00", "2026-04-05T03:00+13:45", "2026-04-05T03:00+12:45"),
    # Kathmandu never changes, except for a quarter of an hour in 1986.
    ("Asia/Kathmandu", "2026-03-29 02:30", "2026-03-29T02:30+05:45", "2026-03-29T02:30+05:45"),
    ("Asia/Kathmandu", "1986-01-01 00:10", "1986-01-01T00:15+05:45", "1986-01-01T00:15+05:45"),
    # Apia left out a whole day when it went over the date line.
    ("Pacific/Apia", "2011-12-30 12:00", "2011-12-31T00:00+14:00", "2011-12-31T00:00+14:00"),
    # Beirut changes at midnight, so this day begins at 01:00.
    ("Asia/Beirut", "2026-03-29 00:00", "2026-03-29T01:00+03:00", "2026-03-29T01:00+03:00"),
    ("Europe/Dublin", "2026-10-25 01:30", "2026-10-25T01:30+01:00", "2026-10-25T01:30+00:00"),
]


@pytest.mark.parametrize(("name", "shown", "first", "last"), TIMES)
def test_a_time_on_the_wall_is_these_moments(name: str, shown: str, first: str, last: str) -> None:
    zone, wall = zones.zone(name), datetime.fromisoformat(shown)

    assert zones.first(wall, zone) == datetime.fromisoformat(first)
    assert zones.last(wall, zone) == datetime.fromisoformat(last)
    assert zones.first(wall, zone).tzinfo is zones.last(wall, zone).tzinfo is UTC


WORLD = ("America/Chicago", "Australia/Lord_Howe", "Pacific/Chatham", "Asia/Kathmandu", "Africa/Casablanca", "UTC")
moments = some.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1))


@settings(max_examples=300)
@given(some.sampled_from(WORLD), moments)
def test_a_moment_is_shown_by_the_wall_at_one_of_the_two(name: str, at: datetime) -> None:
    zone, moment = ZoneInfo(name), at.replace(tzinfo=UTC)

    shown = zones.wall(moment, zone)

    assert shown.tzinfo is None
    assert moment in (zones.first(shown, zone), zones.last(shown, zone))


@settings(max_examples=300)
@given(some.sampled_from(WORLD), moments, some.timedeltas(timedelta(0), timedelta(days=1)))
def test_a_later_time_is_never_an_earlier_moment(name: str, wall: datetime, more: timedelta) -> None:
    zone = ZoneInfo(name)

    assert zones.first(wall, zone) <= zones.last(wall, zone)
    assert zones.first(wall, zone) <= zones.first(wall + more, zone)
    assert zones.last(wall, zone) <= zones.last(wall + more, zone)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("America/Chigaco", 'did you mean "America/Chicago"?'),
        ("america/chicago", 'did you mean "America/Chicago"?'),
        ("Berlin", 'did you mean "Europe/Berlin"?'),
        ("Mars/Olympus_Mons", "use a name like Europe/Berlin or UTC"),
        ("", "use a name like Europe/Berlin or UTC"),
        ("Europe", ""),  # a folder
        ("localtime", ""),  # whatever this machine has
        ("../../etc/passwd", ""),
        ("/etc/localtime", ""),
        ("Europe/Berlin\0", ""),
        ("Europe/" + "x" * 5000, ""),
        ("+02:00", ""),
    ],
)
def test_a_zone_that_does_not_exist_is_said_to_be_none(name: str, hint: str) -> None:
    with pytest.raises(ValueError, match="there is no time zone") as refused:
        zones.zone(name)

    assert hint in str(refused.value)
    assert len(str(refused.value)) < 200
