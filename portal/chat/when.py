"""Times as people say them in one line: `tomorrow 09:00-12:00`, `fri`, `for 2h`. Pure.

A day or a time without a date is the next one to come; clocks are those of the zone that is given.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from catalog.places import quoted
from oncall import zones
from oncall.scheduletext import WEEKDAYS, begins, ends, moment
from production.settings import duration

DAY = timedelta(days=1)
NOW, TODAY, TOMORROW = "now", "today", "tomorrow"
FORM = "write tomorrow 09:00, fri 18:00, 2026-03-02 09:00 or now"
SPANS = "write tomorrow 09:00-12:00, fri, today until 18:00 or for 2h"
_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))?")
_RANGE = re.compile(r"(\d{1,2}:\d{2})\s*(?:-|–|to)\s*(\d{1,2}:\d{2})")


@dataclass(frozen=True)
class Span:
    """From when to when. `whole`: days were said and no times."""

    start: datetime
    end: datetime
    whole: bool = False


def at(said: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment; a day alone means its noon, which is safely inside of the day's shift.

    >>> from datetime import UTC
    >>> at("fri 18:00", datetime(2026, 3, 2, 12, tzinfo=UTC), ZoneInfo("UTC")).isoformat()
    '2026-03-06T18:00:00+00:00'
    """
    text = _tidy(said)
    if text in ("", NOW):
        return now
    if text.startswith("in "):
        return now + _length(text[3:])
    if "t" in text.removeprefix(TODAY).removeprefix(TOMORROW) and re.match(r"\d{4}-", text):
        return begins(moment(text.upper()), zone)
    words = text.split()
    today = zones.wall(now, zone).date()
    day = _day(words[0], today)
    if day is not None and len(words) == 1:
        return _wall(day, time(12), zone)
    if day is not None and len(words) == 2:
        return _wall(day, _time(words[1]), zone)
    if len(words) == 1:
        clock = _time(words[0])
        found = _wall(today, clock, zone)
        return found if found > now else _wall(today + DAY, clock, zone)
    raise ValueError(f"{quoted(said.strip())} is no time; {FORM}")


def span(said: str, now: datetime, zone: ZoneInfo) -> Span | None:
    """Return from when to when; None where nothing is said.

    >>> from datetime import UTC
    >>> found = span("fri 22:00-06:00", datetime(2026, 3, 2, 12, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
    >>> found.start.isoformat(), found.end.isoformat()
    ('2026-03-06T21:00:00+00:00', '2026-03-07T05:00:00+00:00')
    """
    text = _tidy(said)
    if not text:
        return None
    today = zones.wall(now, zone).date()
    if (found := _RANGE.search(text)) and found.end() == len(text):
        return _between(text[: found.start()].strip(), found[1], found[2], now, zone)
    for word in (" until ", " to ", " till "):
        before, there, after = f" {text}".partition(word)
        if there:
            start = at(before, now, zone) if not _is_day(before, today) else _starts(before, today, zone)
            return _checked(max(start, now) if not before.strip() else start, _after(after, start, zone))
    before, there, after = f" {text}".partition(" for ")
    if there:
        start = at(before, now, zone)
        return _checked(start, start + _length(after))
    day = _day(text, today)
    if day is None:
        raise ValueError(f"{quoted(said.strip())} is no span of time; {SPANS}")
    return Span(_wall(day, time(0), zone), _wall(day + DAY, time(0), zone), whole=True)


def noon(said: Span, zone: ZoneInfo) -> datetime:
    """Return the noon of a day."""
    return _wall(zones.wall(said.start, zone).date(), time(12), zone)


def _between(day: str, first: str, second: str, now: datetime, zone: ZoneInfo) -> Span:
    today = zones.wall(now, zone).date()
    said = _day(day, today) if day else today
    if said is None:
        raise ValueError(f"{quoted(day)} is no day; {SPANS}")
    one, other = _time(first), _time(second)
    over = DAY if other <= one else timedelta(0)
    found = Span(_wall(said, one, zone), ends(datetime.combine(said + over, other), zone))
    if not day and found.end <= now:  # over for today
        return Span(_wall(said + DAY, one, zone), ends(datetime.combine(said + over + DAY, other), zone))
    return found


def _after(said: str, start: datetime, zone: ZoneInfo) -> datetime:
    """Return an end: the next such time after the start."""
    first = zones.wall(start, zone).date()
    day = _day(said.strip(), first)
    return _wall(day, time(0), zone) if day is not None else at(said, start, zone)


def _starts(said: str, today: date, zone: ZoneInfo) -> datetime:
    day = _day(said.strip(), today)
    assert day is not None
    return _wall(day, time(0), zone)


def _is_day(said: str, today: date) -> bool:
    return bool(said.strip()) and _day(said.strip(), today) is not None


def _checked(start: datetime, end: datetime) -> Span:
    if end <= start:
        raise ValueError(f"that ends before it begins; {SPANS}")
    return Span(start, end)


def _day(word: str, today: date) -> date | None:
    """Return the day that a word means: the next one of that name, today included."""
    if word in (TODAY, NOW, "tonight"):
        return today
    if word == TOMORROW:
        return today + DAY
    for number, name in enumerate(WEEKDAYS):
        if word in (name, name[:3]):
            return today + timedelta(days=(number - today.weekday()) % 7)
    try:
        return moment(word).date() if re.fullmatch(r"\d{4}-\d\d-\d\d", word) else None
    except ValueError:
        raise ValueError(f"there is no such day: {quoted(word)}") from None


def _time(word: str) -> time:
    found = _CLOCK.fullmatch(word)
    if found is None or int(found[1]) > 23 or int(found[2] or 0) > 59:
        raise ValueError(f"{quoted(word)} is no time of day; write 09:00")
    return time(int(found[1]), int(found[2] or 0))


def _length(said: str) -> timedelta:
    try:
        found = duration(said.strip())
    except (ValueError, OverflowError):
        raise ValueError(f"{quoted(said.strip())} is no length of time; write 30m, 2h or 3d") from None
    if not timedelta(0) < found <= timedelta(days=366):
        raise ValueError("a length of time is longer than nothing and at most a year")
    return found


def _wall(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return begins(datetime.combine(day, clock), zone)


def _tidy(said: str) -> str:
    return " ".join(said.lower().replace(",", " ").split())[:200]
