"""The days on which an event of a calendar recurs: the part of RFC 5545's RRULE that whole days need. Pure.

FREQ is YEARLY, MONTHLY, WEEKLY or DAILY, with INTERVAL, COUNT, UNTIL, WKST, BYMONTH, BYMONTHDAY, BYDAY and BYSETPOS.
Each day that is looked at is taken from a budget, so that no rule, however made, can keep anybody waiting.
"""

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

DAY = timedelta(days=1)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
PARTS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY", "BYDAY", "BYSETPOS")


class Budget:
    """How many days may still be looked at; ValueError when there are none left."""

    def __init__(self, days: int) -> None:
        self.days = days

    def spend(self, days: int = 1) -> None:
        """Take some days."""
        self.days -= days
        if self.days < 0:
            raise ValueError("its events repeat too often to be looked through; give it fewer or simpler rules")


@dataclass(frozen=True)
class Rule:
    """When it recurs. Weekdays are (which of the month or year, or 0 for each; 0 for Monday)."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: date | None = None
    week_start: int = 0
    months: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    weekdays: frozenset[tuple[int, int]] = frozenset()
    positions: frozenset[int] = frozenset()


def rule(text: str) -> Rule:
    """Return what a RRULE says; raise ValueError with a sentence where it is wrong or more than whole days need.

    >>> sorted(rule("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH,-1SU").weekdays)
    [(-1, 6), (4, 3)]
    """
    pairs = [part.partition("=") for part in text.upper().split(";") if part]
    given = {name: value for name, _, value in pairs}
    if len(given) != len(pairs):
        raise ValueError("a rule names each of its parts once")
    unknown = sorted(set(given) - set(PARTS))
    if unknown:
        raise ValueError(f"{unknown[0][:20]} is not understood here; a rule may have {', '.join(PARTS)}")
    frequency = given.get("FREQ", "")
    if frequency not in FREQUENCIES:
        raise ValueError(f"FREQ needs one of {', '.join(FREQUENCIES)}")
    weekdays = frozenset(_weekday(word) for word in _words(given.get("BYDAY", "")))
    if frequency in ("WEEKLY", "DAILY") and any(number for number, _ in weekdays):
        raise ValueError(f"BYDAY with a number has no meaning where FREQ is {frequency}")
    return Rule(
        frequency,
        interval=_number(given.get("INTERVAL", "1"), 1, 10_000),
        count=_number(given["COUNT"], 1, 100_000) if "COUNT" in given else None,
        until=day(given["UNTIL"]) if "UNTIL" in given else None,
        week_start=_weekday(given.get("WKST", "MO"))[1],
        months=frozenset(_number(word, 1, 12) for word in _words(given.get("BYMONTH", ""))),
        month_days=frozenset(_signed(word, 31) for word in _words(given.get("BYMONTHDAY", ""))),
        weekdays=weekdays,
        positions=frozenset(_signed(word, 366) for word in _words(given.get("BYSETPOS", ""))),
    )


def day(text: str) -> date:
    """Return the day of a DATE or a DATE-TIME; raise ValueError with a sentence.

    >>> day("20261225"), day("20261225T235959Z")
    (datetime.date(2026, 12, 25), datetime.date(2026, 12, 25))
    """
    found = re.fullmatch(r"([0-9]{4})([0-9]{2})([0-9]{2})(T[0-9]{6}Z?)?", text)
    try:
        if found:
            return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:  # the 31st of February
        pass
    raise ValueError(f'"{text[:20]}" is no day; write it like 20261225')


def days(of: Rule, first: date, since: date, until: date, budget: Budget) -> Iterator[date]:
    """Yield the days from `since` on, before `until`, on which an event recurs whose first day is `first`."""
    full = _defaults(of, first)
    last = min(until - DAY, full.until or date.max)
    at, end = _index(full, first), _index(full, last)
    if full.count is None and since > first:
        at += (_index(full, since) - at) // full.interval * full.interval  # what was before is of no interest
    seen = 0
    while at <= end:
        for found in _positions(full, [each for each in _days_of(full, at, budget) if _matches(full, each)]):
            if first <= found <= last:
                seen += 1
                if full.count is not None and seen > full.count:
                    return
                if found >= since:
                    yield found
        at += full.interval


def _defaults(of: Rule, first: date) -> Rule:
    """Return the rule with what it leaves to the first day."""
    if of.month_days or of.weekdays or of.frequency == "DAILY":
        return of
    if of.frequency == "WEEKLY":
        return replace(of, weekdays=frozenset({(0, first.weekday())}))
    months = of.months or frozenset({first.month} if of.frequency == "YEARLY" else ())
    return replace(of, months=months, month_days=frozenset({first.day}))


def _index(of: Rule, at: date) -> int:
    """Return the number of the year, month, week or day."""
    if of.frequency == "YEARLY":
        return at.year
    if of.frequency == "MONTHLY":
        return at.year * 12 + at.month - 1
    if of.frequency == "WEEKLY":
        return (at.toordinal() - 1 - of.week_start) // 7  # day 1 of all days was a Monday
    return at.toordinal()


def _days_of(of: Rule, index: int, budget: Budget) -> Iterator[date]:
    """Yield the days of one year, month, week or day; months that cannot match are left out."""
    budget.spend()
    if of.frequency in ("YEARLY", "MONTHLY"):
        months = range(index * 12, index * 12 + 12) if of.frequency == "YEARLY" else (index,)
        for year, month in (divmod(each, 12) for each in months):
            if not of.months or month + 1 in of.months:
                length = calendar.monthrange(year, month + 1)[1]
                budget.spend(length)
                yield from (date(year, month + 1, number) for number in range(1, length + 1))
        return
    start, length = (index * 7 + 1 + of.week_start, 7) if of.frequency == "WEEKLY" else (index, 1)
    budget.spend(length)
    ordinals = range(max(start, 1), min(start + length, date.max.toordinal() + 1))
    yield from (each for each in map(date.fromordinal, ordinals) if not of.months or each.month in of.months)


def _matches(of: Rule, at: date) -> bool:
    if of.month_days:
        length = calendar.monthrange(at.year, at.month)[1]
        if at.day not in of.month_days and at.day - length - 1 not in of.month_days:
            return False
    return not of.weekdays or any((number, at.weekday()) in of.weekdays for number in (0, *_places(of, at)))


def _places(of: Rule, at: date) -> tuple[int, int]:
    """Return which of its weekdays a day is in the month, or in the year: from the beginning, and from the end."""
    if of.frequency == "YEARLY" and not of.months:
        place, length = at.timetuple().tm_yday, 366 if calendar.isleap(at.year) else 365
    else:
        place, length = at.day, calendar.monthrange(at.year, at.month)[1]
    return (place - 1) // 7 + 1, -((length - place) // 7 + 1)


def _positions(of: Rule, found: list[date]) -> list[date]:
    if not of.positions:
        return found
    count = len(found)
    return [each for at, each in enumerate(found) if at + 1 in of.positions or at - count in of.positions]


def _words(text: str) -> list[str]:
    return text.split(",") if text else []


def _weekday(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([+-]?[0-9]{1,2})?(MO|TU|WE|TH|FR|SA|SU)", text)
    if not found:
        raise ValueError(f'"{text[:20]}" is no weekday; write it like MO, or 4TH for the fourth Thursday')
    return _signed(found[1], 53) if found[1] else 0, WEEKDAYS.index(found[2])


def _number(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise ValueError(f'"{text[:20]}" is no number from {least} to {most}')
    return int(text)


def _signed(text: str, most: int) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,3}", text) or not 1 <= abs(int(text)) <= most:
        raise ValueError(f'"{text[:20]}" is no number from 1 to {most}, or one below zero to count from the end')
    return int(text)
