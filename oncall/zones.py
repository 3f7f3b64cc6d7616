"""Wall clock times of a zone as moments, on days when clocks change, too. Pure.

A wall clock shows some times twice in autumn and some never in spring. What starts, and a hand-off, is at the first of
the two; what ends, at the last, so that two windows that touch overlap and never leave a gap. A time that is never
shown stands for the first moment after the gap. The rules are those of GoAlert: https://github.com/target/goalert/pull/1252
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from catalog.places import did_you_mean, quoted

_NAME = re.compile(r"(?=.{1,64}\Z)[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_NO_ZONES = ("localtime", "posixrules", "Factory")  # files that lie beside the zones and mean another one each time
_SECOND = timedelta(seconds=1)


@lru_cache(1000)
def zone(name: str) -> ZoneInfo:
    """Return the zone of that IANA name, or raise ValueError with a sentence.

    >>> zone("Amerika/Chicago")
    Traceback (most recent call last):
    ValueError: there is no time zone "Amerika/Chicago"; did you mean "America/Chicago"?
    """
    if _NAME.fullmatch(name) and name not in _NO_ZONES:
        try:
            return ZoneInfo(name)
        except (OSError, ValueError, KeyError):  # a folder of zones, a file that is none, nothing
            pass
    hint = did_you_mean(name[:64], _names()) or "use a name like Europe/Berlin or UTC"
    raise ValueError(f"there is no time zone {quoted(name)}; {hint}")


@lru_cache(1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones()) - frozenset(_NO_ZONES)


def first(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return when a clock of the zone first shows that time: for starts and hand-offs.

    >>> first(datetime(2026, 3, 8, 2, 30), ZoneInfo("America/Chicago")).isoformat()  # never shown: 03:00 there
    '2026-03-08T08:00:00+00:00'
    """
    before, after = _offsets(wall, zone)
    return _moment(wall, before) if before >= after else _after_gap(wall, before, after, zone)


def last(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return when a clock of the zone shows that time for the last time: for ends.

    >>> berlin, twice = ZoneInfo("Europe/Berlin"), datetime(2026, 10, 25, 2, 30)
    >>> (last(twice, berlin) - first(twice, berlin)) / timedelta(hours=1)
    1.0
    """
    before, after = _offsets(wall, zone)
    return _moment(wall, after) if before >= after else _after_gap(wall, before, after, zone)


def wall(at: datetime, zone: ZoneInfo) -> datetime:
    """Return what a clock of the zone shows at a moment."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def _offsets(wall: datetime, zone: ZoneInfo) -> tuple[timedelta, timedelta]:
    """Return the offsets before and after a change of the clocks that the wall time lies in; else the same twice."""
    before = wall.replace(tzinfo=zone, fold=0).utcoffset()
    after = wall.replace(tzinfo=zone, fold=1).utcoffset()
    assert before is not None
    assert after is not None
    return before, after


def _moment(wall: datetime, offset: timedelta) -> datetime:
    return (wall - offset).replace(tzinfo=UTC, fold=0)


def _after_gap(wall: datetime, before: timedelta, after: timedelta, zone: ZoneInfo) -> datetime:
    """Halve the way between a moment that is before the change and one that is not, to the second."""
    early, late = _moment(wall, after).replace(microsecond=0), _moment(wall, before)
    while late - early > _SECOND:
        middle = (early + (late - early) / 2).replace(microsecond=0)
        early, late = (middle, late) if middle.astimezone(zone).utcoffset() == before else (early, middle)
    return late
