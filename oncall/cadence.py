"""When turns begin, as a clock on the wall shows it: every so many hours, days, weeks or months, or by a rule. Pure.

All is counted on the wall clock, so a rotation of two hours hands over at even hours on the day the clocks change, too,
and a weekly one stays at 09:00. Turn 0 begins at `starts`; nothing here knows of zones.
"""

import calendar
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

Unit = Literal["hour", "day", "week", "month"]

DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)
LAST_YEAR = 2400  # further ahead nobody is on call
_STEPS: dict[Unit, timedelta] = {"hour": timedelta(hours=1), "day": DAY, "week": WEEK}


@dataclass(frozen=True)
class Every:
    """So many of a unit. A month that has no such day (the 31st) hands over on its last one.

    >>> [Every(1, "month").wall(datetime(2026, 1, 31, 9), turn).day for turn in range(4)]
    [31, 28, 31, 30]
    """

    count: int
    unit: Unit

    @property
    def step(self) -> timedelta | None:
        """How long a turn is on the wall; None for months, which differ."""
        return None if self.unit == "month" else self.count * _STEPS[self.unit]

    def wall(self, starts: datetime, turn: int) -> datetime:
        """Return when a turn begins. Raises OverflowError beyond the calendar."""
        if self.step is not None:
            return starts + turn * self.step
        month = starts.year * 12 + starts.month - 1 + turn * self.count
        year, month = divmod(month, 12)
        if not 1 <= year <= 9999:
            raise OverflowError("no such month")
        return starts.replace(year=year, month=month + 1, day=min(starts.day, calendar.monthrange(year, month + 1)[1]))

    def turn(self, starts: datetime, wall: datetime) -> int:
        """Return the turn that a wall time is in, as if clocks never changed; negative before the start."""
        if self.step is not None:
            return (wall - starts) // self.step
        months = (wall.year - starts.year) * 12 + wall.month - starts.month
        turn = months // self.count
        return turn - 1 if self.wall(starts, turn) > wall else turn

    def __str__(self) -> str:
        return f"{self.count} {self.unit}" + ("" if self.count == 1 else "s")


def period(every: Every) -> int | None:
    """Return after how many turns they fall on the same places in the week again; None for turns of a week or more."""
    if every.step is None or every.step >= WEEK:
        return None
    hours = every.step // timedelta(hours=1)
    return math.lcm(hours, 168) // hours


@dataclass(frozen=True)
class Rule:
    """The days and times of an RRULE (RFC 5545, 3.3.10), as far as hand-offs need it.

    `days` are (ordinal in the month or 0, weekday from Monday = 0). Read by oncall/rrule.py.
    """

    text: str
    frequency: Literal["DAILY", "WEEKLY", "MONTHLY"]
    interval: int = 1
    days: tuple[tuple[int, int], ...] = ()
    month_days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    week_start: int = 0

    def of_year(self, starts: datetime, year: int) -> Iterator[datetime]:
        """Yield the hand-offs of that year after `starts`, in order."""
        first = max(date(year, 1, 1), starts.date())
        for month in range(first.month, 13) if first.year == year else ():
            for day in self._days(starts, year, month):
                for hour in self.hours or (starts.hour,):
                    for minute in self.minutes or (starts.minute,):
                        wall = datetime.combine(day, time(hour, minute, starts.second))
                        if wall > starts:
                            yield wall

    def _days(self, starts: datetime, year: int, month: int) -> list[date]:
        if self.months and month not in self.months:
            return []
        since = (year - starts.year) * 12 + month - starts.month
        if self.frequency == "MONTHLY" and since % self.interval:
            return []
        length = calendar.monthrange(year, month)[1]
        days = [date(year, month, day) for day in range(1, length + 1)]
        found = [day for day in days if self._has(day, length, starts.date())]
        if self.positions:
            spots = {at - 1 if at > 0 else len(found) + at for at in self.positions}
            found = [day for at, day in enumerate(found) if at in spots]
        return found

    def _has(self, day: date, length: int, start: date) -> bool:
        if self.month_days and day.day not in self.month_days and day.day - length - 1 not in self.month_days:
            return False
        if self.days and not any(_is_the(day, length, *which) for which in self.days):
            return False
        if self.frequency == "DAILY":
            return (day - start).days % self.interval == 0
        if self.frequency == "WEEKLY":
            weeks = (self._week(day) - self._week(start)).days // 7
            return weeks % self.interval == 0 and (bool(self.days) or day.weekday() == start.weekday())
        return bool(self.days or self.month_days) or day.day == start.day

    def _week(self, day: date) -> date:
        return day - timedelta(days=(day.weekday() - self.week_start) % 7)

    def __str__(self) -> str:
        return self.text


def _is_the(day: date, length: int, ordinal: int, weekday: int) -> bool:
    """Is it that weekday, and, where an ordinal is given, the first (1), second (2) or last (-1) of the month?"""
    if day.weekday() != weekday:
        return False
    return ordinal in (0, (day.day - 1) // 7 + 1, -((length - day.day) // 7) - 1)
