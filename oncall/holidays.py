"""Public holidays out of an iCal file from outside: its all-day events, day by day. Pure.

Whatever the file is, it is read within bounds or refused with one sentence that names the line. Time zones in it are
not looked at: a free day is a day where the person lives. Events with a time of day are no holidays and are left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from icalendar.parser import Contentline

from ledger.errors import Code, Error
from oncall import recurring

DAY = timedelta(days=1)
MOST_BYTES = 1_000_000
MOST_LINES = 100_000
MOST_EVENTS = 5_000
LONGEST_EVENT = 366  # days
LONGEST_LINE = 20_000  # characters, when unfolded
LONGEST_NAME = 200  # characters
MOST_LOOKED_AT = 100_000  # days, by all rules together
WANTED = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "UID", "SUMMARY", "STATUS")
_BREAK = re.compile(r"\r\n|\r|\n")
_FOLD = re.compile(r"(?:\r\n|\r|\n)[ \t]")
_END = re.compile(r"(?:\r\n|\r(?!\n)|\n)(?![ \t])")


@dataclass(frozen=True, order=True)
class Holiday:
    """A day that is free, and why."""

    day: date
    name: str


@dataclass(frozen=True)
class _Property:
    line: int
    value: str


@dataclass
class _Event:
    line: int
    given: dict[str, list[_Property]] = field(default_factory=dict)

    def first(self, name: str) -> _Property | None:
        return next(iter(self.given.get(name, ())), None)

    def value(self, name: str) -> str:
        found = self.first(name)
        return found.value if found else ""


def read(data: bytes, since: date, until: date) -> list[Holiday]:
    """Return the free days from `since` on, before `until`, in order; raise Error(INVALID) and nothing else.

    >>> lines = ("BEGIN:VCALENDAR", "BEGIN:VEVENT", "DTSTART;VALUE=DATE:20261225", "SUMMARY:Christmas Day",
    ...          "RRULE:FREQ=YEARLY", "END:VEVENT", "END:VCALENDAR", "")
    >>> read("\\r\\n".join(lines).encode(), date(2027, 1, 1), date(2028, 1, 1))
    [Holiday(day=datetime.date(2027, 12, 25), name='Christmas Day')]
    """
    try:
        events = [event for event in _events(_text(data)) if _is_all_day(event)]
        if not events:
            raise ValueError("there is no all-day event in it; a calendar of holidays has nothing else")
        return sorted(set(_holidays(events, since, until)))
    except ValueError as error:
        raise Error(Code.INVALID, f"this calendar cannot be read: {error}") from None


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES // 1_000_000} MB; export the holidays alone")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not in UTF-8; save it as UTF-8") from None
    if not re.match(r"\s*BEGIN:VCALENDAR\s", text, re.IGNORECASE):
        raise ValueError("it does not begin with BEGIN:VCALENDAR; give the file itself, not a page about it")
    if len(_BREAK.findall(text)) > MOST_LINES:
        raise ValueError(f"it has more than {MOST_LINES} lines; export the holidays alone")
    return text


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number and text of each line; one that is folded is one line."""
    number = 1
    for folded in _END.split(text):
        yield number, _FOLD.sub("", folded)
        number += len(_BREAK.findall(folded)) + 1


def _events(text: str) -> list[_Event]:
    """Return the events with what is said of them; what is nested in them (an alarm) is left out."""
    events: list[_Event] = []
    inside: list[str] = []
    for number, line in _lines(text):
        name = re.split("[:;]", line, maxsplit=1)[0].strip().upper()
        if name == "BEGIN":
            inside.append(line[6:].strip().upper())
            if inside[-1] == "VEVENT":
                events.append(_Event(number))
        elif name == "END":
            if not inside or inside.pop() != line[4:].strip().upper():
                raise ValueError(f"line {number} ends what has not begun")
        elif inside[-1:] == ["VEVENT"] and name in WANTED:
            events[-1].given.setdefault(name, []).append(_Property(number, _value(number, line)))
        if len(events) > MOST_EVENTS:
            raise ValueError(f"it has more than {MOST_EVENTS} events; export the holidays alone")
    if inside:
        raise ValueError("it ends in the middle of something; load it again")
    return events


def _value(number: int, line: str) -> str:
    try:
        if len(line) <= LONGEST_LINE:
            return str(Contentline(line).parts()[2])  # type: ignore[no-untyped-call]
    except ValueError:  # which quotes the whole line
        pass
    raise ValueError(f"line {number} is no line of a calendar")


def _is_all_day(event: _Event) -> bool:
    start = event.first("DTSTART")
    if start is None:
        raise ValueError(f"line {event.line}: an event needs a DTSTART")
    return "T" not in start.value.upper() and event.value("STATUS").upper() != "CANCELLED"


def _holidays(events: list[_Event], since: date, until: date) -> Iterator[Holiday]:
    """Go through the events; one with a RECURRENCE-ID stands for that day of the event that recurs."""
    moved: dict[str, set[date]] = {}
    for event in events:
        for property in event.given.get("RECURRENCE-ID", ()):
            moved.setdefault(event.value("UID"), set()).add(_day(property))
    budget = recurring.Budget(MOST_LOOKED_AT)
    for event in events:
        left_out = {each for property in event.given.get("EXDATE", ()) for each in _day_list(property)}
        if "RECURRENCE-ID" not in event.given:
            left_out |= moved.get(event.value("UID"), set())
        name = " ".join(event.value("SUMMARY").split())[:LONGEST_NAME] or "holiday"
        length = _length(event)
        for first in _starts(event, since - length * DAY, until, budget):
            if first not in left_out:
                budget.spend(length)
                whole = (first + number * DAY for number in range(length))
                yield from (Holiday(each, name) for each in whole if since <= each < until)


def _starts(event: _Event, since: date, until: date, budget: recurring.Budget) -> Iterator[date]:
    """Yield the first days of an event that may reach into the time asked for."""
    start, rule = event.first("DTSTART"), event.first("RRULE")
    assert start is not None
    first = _day(start)
    more = [each for property in event.given.get("RDATE", ()) for each in _day_list(property)]
    yield from (each for each in (first, *more) if since <= each < until)
    if rule is not None:
        try:
            yield from recurring.days(recurring.rule(rule.value), first, since, until, budget)
        except ValueError as error:
            raise ValueError(f"line {rule.line}: {error}") from None


def _length(event: _Event) -> int:
    """Return for how many days an event goes on; without an end, or with one that is no later, it is one."""
    start, end, duration = event.first("DTSTART"), event.first("DTEND"), event.first("DURATION")
    assert start is not None
    days = 1
    if end is not None:
        days = max(1, (_day(end) - _day(start)).days)
    elif duration is not None:
        found = re.fullmatch(r"\+?P(?:([0-9]{1,4})D|([0-9]{1,3})W)", duration.value.upper())
        if not found:
            raise ValueError(f"line {duration.line}: the length of an all-day event is in days, like P1D")
        days = max(1, int(found[1] or 0) + 7 * int(found[2] or 0))
    if days > LONGEST_EVENT:
        raise ValueError(f"line {event.line}: an event of {days} days is no holiday")
    return days


def _day(property: _Property) -> date:
    try:
        return recurring.day(property.value.upper())
    except ValueError as error:
        raise ValueError(f"line {property.line}: {error}") from None


def _day_list(property: _Property) -> list[date]:
    return [_day(_Property(property.line, part)) for part in property.value.split(",")]
