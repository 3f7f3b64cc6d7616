"""Spans, nights, weekends and changes of the clocks: against a second opinion that walks minute by minute."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncall import almanac, saying, spans

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Chicago",
    "Australia/Lord_Howe",  # half an hour
    "Pacific/Chatham",
    "Asia/Kathmandu",
    "America/Havana",  # clocks change at midnight
    "America/Nuuk",  # at 22:00 or midnight, on a Saturday
    "Asia/Beirut",
    "Pacific/Apia",
)
START = datetime(2026, 3, 1, tzinfo=UTC)

moments = st.integers(0, 300).map(lambda minutes: START + minutes * MINUTE)
some_spans = st.lists(st.tuples(moments, moments), max_size=8)
years = st.integers(0, 4 * 365 * 24 * 60).map(lambda minutes: datetime(2023, 1, 1, tzinfo=UTC) + minutes * MINUTE)


def minutes(of: list[spans.Span]) -> set[datetime]:
    return {start + step * MINUTE for start, end in of for step in range(int((end - start) / MINUTE))}


def tidy(of: list[spans.Span]) -> bool:
    return all(start < end for start, end in of) and all(one[1] < two[0] for one, two in itertools.pairwise(of))


@settings(max_examples=40, deadline=None)
@given(some_spans, some_spans)
def test_spans_are_sets_of_minutes(left: list[spans.Span], right: list[spans.Span]) -> None:
    both, less, all_of_them = spans.common(left, right), spans.without(left, right), spans.merged([*left, *right])

    assert minutes(both) == minutes(left) & minutes(right)
    assert minutes(less) == minutes(left) - minutes(right)
    assert minutes(all_of_them) == minutes(left) | minutes(right)
    assert spans.length(left) == len(minutes(left)) * MINUTE
    assert tidy(both)
    assert tidy(less)
    assert tidy(all_of_them)


def walked(since: datetime, until: datetime) -> list[datetime]:
    return [since + step * 10 * MINUTE for step in range(int((until - since) / (10 * MINUTE)))]


@settings(max_examples=40, deadline=None)
@given(years, st.integers(1, 8), st.sampled_from(ZONES))
def test_nights_and_weekends_agree_with_a_walk(since: datetime, days: int, name: str) -> None:
    since -= MINUTE * (since.minute % 10)
    zone, until = ZoneInfo(name), since + days * DAY
    nights, weekends = almanac.nights(since, until, zone), almanac.weekends(since, until, zone)

    for at in walked(since, until):
        local = at.astimezone(zone)
        begun = local.date() if local.hour >= 22 else local.date() - DAY
        assert {day for day, (start, end) in nights.items() if start <= at < end} == (
            {begun} if local.hour >= 22 or local.hour < 6 else set()
        ), local
        assert any(start <= at < end for start, end in weekends) == (local.weekday() >= 5), local


@settings(max_examples=40, deadline=None)
@given(years, st.sampled_from(ZONES))
def test_a_wall_time_that_exists_is_shown_at_that_moment(at: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    local = at.astimezone(zone)

    found = almanac.instant(local.date(), local.time(), zone)

    assert found <= at
    assert found.astimezone(zone).replace(tzinfo=None, fold=0) == local.replace(tzinfo=None, fold=0)


@pytest.mark.parametrize(
    ("zone", "day", "clock", "expected"),
    [
        ("America/Chicago", "2026-03-08", "02:30", "2026-03-08T03:00:00-05:00"),
        ("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-04T02:30:00+11:00"),
        ("America/Havana", "2026-03-08", "00:00", "2026-03-08T01:00:00-04:00"),
        ("America/Chicago", "2026-11-01", "01:30", "2026-11-01T01:30:00-05:00"),
    ],
)
def test_a_wall_time_in_a_gap_is_the_first_moment_after_it_and_one_that_comes_twice_the_first(
    zone: str, day: str, clock: str, expected: str
) -> None:
    wall = datetime.fromisoformat(f"{day} {clock}")

    assert almanac.instant(wall.date(), wall.time(), ZoneInfo(zone)) == datetime.fromisoformat(expected)


def test_a_night_that_only_touches_is_not_between() -> None:
    morning, evening = datetime(2026, 3, 2, 6, tzinfo=UTC), datetime(2026, 3, 2, 22, tzinfo=UTC)

    assert almanac.nights(morning, evening, almanac.ZULU) == {}
    assert len(almanac.nights(morning - MINUTE, evening + MINUTE, almanac.ZULU)) == 2


def test_a_day_that_a_zone_never_had_takes_no_time() -> None:
    zone = ZoneInfo("Pacific/Apia")  # 30 December 2011 was left out

    start, end = almanac.whole_day(date(2011, 12, 30), zone)

    assert start == end


def test_transitions_are_exact_to_the_second() -> None:
    found = almanac.transitions(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC), ZoneInfo("UTC"))
    berlin = almanac.transitions(
        datetime(2026, 1, 1, 7, 13, 5, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC), ZoneInfo("Europe/Berlin")
    )

    assert found == []
    assert berlin == [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)]


def test_a_time_that_comes_twice_says_which_it_is() -> None:
    start = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)

    assert saying.stretch(start, start + HOUR, ZoneInfo("Europe/Berlin")) == "Sun 25 Oct 02:30 CEST to 02:30 CET"
    assert saying.stretches([(START + day * DAY, START + day * DAY + HOUR) for day in range(5)]).endswith(
        "; and 2 more"
    )
