"""Reads the RRULE of a rotation (RFC 5545, 3.3.10). Pure; no text makes it raise anything but ValueError, or run long.

Only what a hand-off needs is taken: a rule that ends, or that never comes to a hand-off, is refused with a sentence.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, get_args

from catalog.places import did_you_mean, quoted
from oncall.cadence import Rule

PARTS = ("FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "BYHOUR", "BYMINUTE", "WKST")
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LONGEST = 200  # characters
MOST_A_DAY = 6
YEARS = 10  # within which there must be a hand-off
_DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)")
_INSTEAD = {"COUNT": "give the rotation a `to`", "UNTIL": "give the rotation a `to`", "DTSTART": "that is `starts`"}
_FREQUENCY_INSTEAD = {"HOURLY": "write `every: 12 hours`", "YEARLY": "write FREQ=MONTHLY;INTERVAL=12"}


def is_rule(text: str) -> bool:
    return "=" in text or text.upper().startswith("RRULE")


def rule(text: str) -> Rule:
    """Read a rule, or raise ValueError with a sentence.

    >>> rule("FREQ=WEEKLY;BYDAY=SU,TH").days
    ((0, 3), (0, 6))
    """
    if len(text) > LONGEST:
        raise ValueError(f"a rule has at most {LONGEST} characters")
    parts = _parts(text)
    frequency = parts.get("FREQ", "")
    if frequency not in FREQUENCIES:
        hint = _FREQUENCY_INSTEAD.get(frequency) or did_you_mean(frequency, FREQUENCIES)
        said = f"FREQ is DAILY, WEEKLY or MONTHLY, not {quoted(frequency)}" if frequency else "FREQ is missing"
        raise ValueError(said + (f"; {hint}" if hint else ""))
    known: Mapping[str, Any] = dict(zip(FREQUENCIES, get_args(Rule.__annotations__["frequency"]), strict=True))
    read = Rule(
        text,
        known[frequency],
        _numbers(parts, "INTERVAL", 1, 1000)[0] if "INTERVAL" in parts else 1,
        _days(parts.get("BYDAY", "")),
        _numbers(parts, "BYMONTHDAY", -31, 31),
        _numbers(parts, "BYMONTH", 1, 12),
        _numbers(parts, "BYSETPOS", -31, 31),
        _numbers(parts, "BYHOUR", 0, 23),
        _numbers(parts, "BYMINUTE", 0, 59),
        _days(parts["WKST"])[0][1] if parts.get("WKST") else 0,
    )
    _refuse_what_means_nothing(read)
    return read


def comes_to_something(rule: Rule, starts: datetime) -> bool:
    """Is there any hand-off within the next years?"""
    return any(next(rule.of_year(starts, starts.year + ahead), None) is not None for ahead in range(YEARS + 1))


def _parts(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for said in text.upper().removeprefix("RRULE:").strip().rstrip(";").split(";"):
        key, _, value = said.strip().partition("=")
        if key in _INSTEAD:
            raise ValueError(f"a rule of hand-offs has no {key}; {_INSTEAD[key]}")
        if key not in PARTS:
            hint = did_you_mean(key, PARTS) or f"known here: {', '.join(PARTS)}"
            raise ValueError(f"{quoted(key)} is no part of a rule; {hint}")
        if key in parts:
            raise ValueError(f"{key} stands twice")
        parts[key] = value.strip()
    return parts


def _numbers(parts: Mapping[str, str], key: str, least: int, most: int) -> tuple[int, ...]:
    if key not in parts:
        return ()
    words = [word.strip() for word in parts[key].split(",")]
    if not all(re.fullmatch(r"[+-]?[0-9]{1,4}", word, re.ASCII) for word in words):
        raise ValueError(f"{key} needs whole numbers, not {quoted(parts[key])}")
    numbers = sorted({int(word) for word in words})
    if any(not least <= number <= most or (number == 0 and least < 0) for number in numbers):
        raise ValueError(f"{key} is from {least} to {most}{' without 0' if least < 0 else ''}")
    return tuple(numbers)


def _days(text: str) -> tuple[tuple[int, int], ...]:
    found = [(_DAY.fullmatch(word.strip()), word) for word in text.split(",")] if text else []
    wrong = next((word for match, word in found if match is None), None)
    if wrong is not None:
        raise ValueError(f"{quoted(wrong)} is no weekday; write MO, TU, WE, TH, FR, SA, SU, or 1MO, -1FR in a month")
    return tuple(sorted((int(match[1] or 0), WEEKDAYS.index(match[2])) for match, _ in found if match is not None))


def _refuse_what_means_nothing(rule: Rule) -> None:
    if max(len(rule.hours), 1) * max(len(rule.minutes), 1) > MOST_A_DAY:
        raise ValueError(f"a rule has at most {MOST_A_DAY} hand-offs a day; write `every: 1 hour` for more")
    if rule.frequency != "MONTHLY" and any(ordinal for ordinal, _ in rule.days):
        raise ValueError("the first or last weekday is one of a month; write FREQ=MONTHLY")
    if rule.frequency == "WEEKLY" and rule.month_days:
        raise ValueError("BYMONTHDAY does not go with FREQ=WEEKLY; write FREQ=MONTHLY or DAILY")
    if rule.positions and (rule.frequency != "MONTHLY" or len(rule.hours) > 1 or len(rule.minutes) > 1):
        raise ValueError("BYSETPOS goes with FREQ=MONTHLY and one time of the day")
