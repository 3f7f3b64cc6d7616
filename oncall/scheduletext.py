"""The words of a schedule file: moments, cadences, hours of the week, people. Pure: text in, values out.

Each reader raises ValueError with a sentence that says what to write instead; nothing else can come out of it.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from catalog import refs
from catalog.places import did_you_mean, quoted
from oncall import rrule, zones
from oncall.cadence import DAY, WEEK, Every, Rule, Unit
from oncall.restrictions import Window

FIRST_YEAR, LAST_YEAR = 1970, 2200
LONGEST: dict[Unit, int] = {"hour": 10_000, "day": 1000, "week": 500, "month": 120}
ONE: dict[str, Unit] = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month"}
NAMED_DAYS = {"weekdays": "mon-fri", "weekends": "sat-sun"}
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

NAME = r"^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,58}[A-Za-z0-9])?$"
ROLE = r"^[a-z0-9]([a-z0-9_-]{0,38}[a-z0-9])?$"

_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.0+)?\s?(Z|[+-][0-9]{2}:?[0-9]{2})?)?",
    re.ASCII | re.IGNORECASE,
)
_EVERY = re.compile(r"(?:([0-9]{1,6})\s*)?(hour|day|week|month)s?", re.ASCII)
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})", re.ASCII)


def moment(said: Any) -> datetime:
    """Read a date with or without a time: aware where an offset is said, else what a clock on the wall shows.

    >>> moment("2020-02-01 17:00"), moment("2020-02-01T17:00-06:00").utcoffset()
    (datetime.datetime(2020, 2, 1, 17, 0), datetime.timedelta(days=-1, seconds=64800))
    """
    found = _MOMENT.fullmatch(said.strip()) if isinstance(said, str) else None
    if found is None:
        raise ValueError(f"needs a time like 2026-03-02 09:00 or 2026-03-02T09:00+01:00, not {quoted(said)}")
    day, clock, offset = found.groups()
    try:
        read = datetime.fromisoformat(f"{day}T{clock or '00:00'}{(offset or '').upper()}")
    except ValueError:
        raise ValueError(f"there is no such day or time: {quoted(said)}") from None
    if not FIRST_YEAR <= read.year <= LAST_YEAR:
        raise ValueError(f"a year from {FIRST_YEAR} to {LAST_YEAR} is needed, not {read.year}")
    return read


def begins(said: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment at which something begins that was said on the wall of a zone, or with an offset."""
    return zones.first(said, zone) if said.tzinfo is None else said.astimezone(UTC)


def ends(said: datetime, zone: ZoneInfo) -> datetime:
    return zones.last(said, zone) if said.tzinfo is None else said.astimezone(UTC)


def on_the_wall(said: datetime, zone: ZoneInfo) -> datetime:
    return said if said.tzinfo is None else zones.wall(said, zone)


def every(said: Any) -> Every | Rule:
    """Read `12 hours`, `1 day`, `2 weeks`, `1 month`, `weekly`, or a rule like FREQ=WEEKLY;BYDAY=MO,TH.

    >>> every("2 weeks"), every("daily")
    (Every(count=2, unit='week'), Every(count=1, unit='day'))
    """
    if not isinstance(said, str):
        raise ValueError(f"needs a span like 1 week, not {quoted(said)}")
    text = said.strip()
    if rrule.is_rule(text):
        return rrule.rule(text)
    if text.lower() in ONE:
        return Every(1, ONE[text.lower()])
    found = _EVERY.fullmatch(text.lower())
    if found is None:
        raise ValueError(f"needs 12 hours, 1 day, 2 weeks, 1 month or a rule like FREQ=…, not {quoted(said)}")
    unit: Unit = ONE[{"day": "daily"}.get(found[2], f"{found[2]}ly")]
    count = int(found[1] or 1)
    if not 1 <= count <= LONGEST[unit]:
        raise ValueError(f"needs from 1 to {LONGEST[unit]} {unit}s, not {count}")
    return Every(count, unit)


def person(said: Any) -> str:
    """Read a person's reference: `user:ada`, or only `ada`.

    >>> person("user:Ada"), person("staff/bob")
    ('user:default/ada', 'user:staff/bob')
    """
    if not isinstance(said, str):
        raise ValueError(f"needs a person like user:ada, not {quoted(said)}")
    ref = refs.parse(said, "user")
    if ref.kind != "user":
        raise ValueError(f"{quoted(said)} is a {ref.kind}; on call are persons, like user:ada")
    return str(ref)


def name(said: Any) -> Any:
    """Let the name of a rotation through. What is no text is for others to refuse."""
    if isinstance(said, str) and not re.match(NAME, said):
        raise ValueError(f"{quoted(said)} is no name; write at most 60 letters, digits, spaces and ._-")
    return said


def role(said: Any) -> Any:
    """Let a role through. What is no text is for others to refuse."""
    if isinstance(said, str) and not re.match(ROLE, said):
        hint = (
            f"write {said.lower()}" if re.match(ROLE, said.lower()) else "write at most 40 of a to z, 0 to 9, - and _"
        )
        raise ValueError(f"{quoted(said)} is no role; {hint}")
    return said


def weekday(said: str) -> int:
    """Read a weekday, in full or as its first three letters; Monday is 0."""
    word = said.strip().lower()
    found = [number for number, name in enumerate(WEEKDAYS) if word in (name, name[:3])]
    if not found:
        hint = did_you_mean(word, WEEKDAYS) or "write mon, tue, wed, thu, fri, sat or sun"
        raise ValueError(f"{quoted(said)} is no weekday; {hint}")
    return found[0]


def weekdays(said: Any) -> tuple[int, ...]:
    """Read `mon-fri`, `sat`, `fri-mon`, `weekends` or a list of such.

    >>> weekdays("mon-wed"), weekdays(["sat", "sunday"]), weekdays("fri-mon")
    ((0, 1, 2), (5, 6), (0, 4, 5, 6))
    """
    words = said if isinstance(said, list | tuple) else str(said).split(",")
    found: set[int] = set()
    for word in words:
        if not isinstance(word, str):
            raise ValueError(f"needs weekdays like mon-fri, not {quoted(word)}")
        first, dash, last = NAMED_DAYS.get(word.strip().lower(), word).partition("-")
        start = weekday(first)
        found |= {(start + step) % 7 for step in range((weekday(last) - start) % 7 + 1 if dash else 1)}
    return tuple(sorted(found))


def clock(said: str) -> timedelta:
    found = _CLOCK.fullmatch(said.strip())
    time = timedelta(hours=int(found[1]), minutes=int(found[2])) if found and int(found[2]) < 60 else None
    if time is None or time > DAY:
        raise ValueError(f"needs a time from 00:00 to 24:00, like 09:00, not {quoted(said)}")
    return time


def hour_of_week(said: Any) -> tuple[int | None, timedelta]:
    """Read `09:00`, or `fri 18:00` for one day of the week."""
    if not isinstance(said, str):
        raise ValueError(f"needs a time like 09:00, in quotes, or fri 18:00, not {quoted(said)}")
    day, space, rest = said.strip().rpartition(" ")
    return (weekday(day) if space else None), clock(rest)


def windows(
    days: tuple[int, ...], opens: tuple[int | None, timedelta], closes: tuple[int | None, timedelta]
) -> tuple[Window, ...]:
    """Return the windows of a week: one that names its days itself, or one for each day; over midnight if need be."""
    (first, start), (last, end) = opens, closes
    if first is not None and last is not None:
        starts, over = first * DAY + start, last * DAY + end
        return tuple(_turned(starts, over if over > starts else over + WEEK))
    if (first is None) != (last is None):
        raise ValueError("name a weekday in both `from` and `to`, or in none of them")
    if start == end:
        raise ValueError("`from` and `to` are the same; leave both out for whole days")
    length = end - start if end > start else end - start + DAY
    return tuple(window for day in days for window in _turned(day * DAY + start, day * DAY + start + length))


def _turned(starts: timedelta, ends: timedelta) -> list[Window]:
    """`sun 24:00` is Monday 00:00."""
    return [Window(starts % WEEK, ends - starts + starts % WEEK)]
