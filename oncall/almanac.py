"""Nights, weekends, free days and changes of the clocks of a zone, as spans and dates. Pure.

A night is 22:00 to 06:00 and belongs to the day on which it begins; a weekend is Saturday and Sunday. A wall time that
comes twice is its first occurrence; one that is skipped is the first moment after the gap.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from oncall import zones
from oncall.spans import Span

NIGHT = (time(22), time(6))
SLEEP = (time(22), time(7))  # who is woken at half past six has not slept enough either
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
ZULU = ZoneInfo("UTC")


@dataclass(frozen=True)
class Place:
    """Where somebody lives: what the clocks show there, and which days are free."""

    zone: ZoneInfo = ZULU
    free: frozenset[date] = frozenset()  # public holidays


ANYWHERE = Place()


@lru_cache(10_000)
def instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return when a clock on the wall of the zone shows it, in UTC.

    >>> instant(date(2026, 3, 29), time(2, 30), ZoneInfo("Europe/Berlin")).isoformat()  # skipped: at once after it
    '2026-03-29T01:00:00+00:00'
    >>> instant(date(2026, 10, 25), time(2, 30), ZoneInfo("Europe/Berlin")).isoformat()  # twice: the first
    '2026-10-25T00:30:00+00:00'
    """
    return zones.first(datetime.combine(day, clock), zone)


def change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment at which the zone leaves the offset it has at `before`; by `after` it has."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > SECOND:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle <= before:
            break
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == offset else (before, middle)
    return after.replace(microsecond=0)


def dates(since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[date]:
    """Yield the local days that have a moment between two moments."""
    if since >= until:
        return
    day, last = since.astimezone(zone).date(), (until - timedelta.resolution).astimezone(zone).date()
    while day <= last:
        yield day
        day += DAY


def whole_day(day: date, zone: ZoneInfo) -> Span:
    """Return a local day; it has 23 or 25 hours where the clocks change."""
    return instant(day, time(0), zone), instant(day + DAY, time(0), zone)


def night(day: date, zone: ZoneInfo, hours: tuple[time, time] = NIGHT) -> Span:
    """Return the night that begins on that day."""
    return instant(day, hours[0], zone), instant(day + DAY, hours[1], zone)


def nights(since: datetime, until: datetime, zone: ZoneInfo) -> dict[date, Span]:
    """Return the nights that have a moment between two moments, by the day on which each begins."""
    all_of_them = {day: night(day, zone) for day in dates(since - DAY, until, zone)}
    return {day: span for day, span in all_of_them.items() if span[0] < until and span[1] > since}


def weekends(since: datetime, until: datetime, zone: ZoneInfo) -> list[Span]:
    """Return the weekends that have a moment between two moments, each from Saturday 00:00 to Monday 00:00."""
    saturdays = {day - DAY * (day.weekday() - 5) for day in dates(since, until, zone) if day.weekday() >= 5}
    return [(instant(day, time(0), zone), instant(day + 2 * DAY, time(0), zone)) for day in sorted(saturdays)]


def clock_changes(since: datetime, until: datetime, zone: ZoneInfo) -> list[date]:
    """Return the local days on which the clocks change.

    >>> from datetime import UTC
    >>> year = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    >>> [day.isoformat() for day in clock_changes(*year, ZoneInfo("Europe/Berlin"))]
    ['2026-03-29', '2026-10-25']
    """
    found = []
    for day in dates(since, until, zone):
        start, end = whole_day(day, zone)
        if start.astimezone(zone).utcoffset() != end.astimezone(zone).utcoffset():
            found.append(day)
    return found


def transitions(since: datetime, until: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return the moments at which the zone's offset changes, to the second; two within a day are not told apart."""
    found, at = [], since
    while at < until:
        ahead = min(at + DAY, until)
        if at.astimezone(zone).utcoffset() != ahead.astimezone(zone).utcoffset():
            found.append(change_between(at, ahead, zone))
        at = ahead
    return found
