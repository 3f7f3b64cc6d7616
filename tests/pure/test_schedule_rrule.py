"""Rules of hand-offs, beside the same rules as another library reads them."""

from datetime import date, datetime, timedelta
from itertools import takewhile
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as some

from oncall.rrule import comes_to_something, rule

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def listed(values: Any, **more: Any) -> Any:
    return some.lists(values, min_size=1, max_size=3, unique=True, **more).map(lambda said: ",".join(map(str, said)))


@some.composite
def rules(draw: Any) -> str:
    frequency = draw(some.sampled_from(["DAILY", "WEEKLY", "MONTHLY"]))
    parts = {"FREQ": frequency, "INTERVAL": draw(some.integers(1, 4))}
    if draw(some.booleans()):
        # Not mixed with plain weekdays: the other one demands both then, and the RFC either.
        numbered = frequency == "MONTHLY" and draw(some.booleans())
        ordinals = some.sampled_from(["1", "2", "-1", "-2", "5"] if numbered else [""])
        parts["BYDAY"] = draw(listed(some.tuples(ordinals, some.sampled_from(DAYS)).map("".join)))
    if frequency != "WEEKLY" and draw(some.booleans()):
        parts["BYMONTHDAY"] = draw(listed(some.integers(1, 31) | some.integers(-31, -1)))
    if draw(some.integers(0, 3)) == 0:
        parts["BYMONTH"] = draw(listed(some.integers(1, 12)))
    if draw(some.booleans()):
        parts["BYHOUR"] = draw(listed(some.integers(0, 23)))
    if frequency == "MONTHLY" and "," not in str(parts.get("BYHOUR", "")) and draw(some.booleans()):
        parts["BYSETPOS"] = draw(listed(some.sampled_from([1, 2, -1, -2])))
    if frequency == "WEEKLY" and draw(some.booleans()):
        parts["WKST"] = draw(some.sampled_from(["MO", "SU"]))
    return ";".join(f"{key}={value}" for key, value in parts.items())


@settings(max_examples=150, deadline=None)
@given(rules(), some.datetimes(datetime(2019, 1, 1), datetime(2024, 12, 31)))
def test_a_rule_means_what_it_means_elsewhere(text: str, starts: datetime) -> None:
    starts = starts.replace(second=0, microsecond=0)
    ours = rule(text)
    until = datetime(starts.year + 3, 1, 1)
    assume(next(ours.of_year(starts, until.year), None))  # the other one looks on for thousands of years else

    found = [at for year in range(starts.year, until.year) for at in ours.of_year(starts, year)]

    theirs = takewhile(lambda at: at < until, rrulestr(text, dtstart=starts))
    assert found == [at for at in theirs if at > starts]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("FREQ=WEEKLY;COUNT=3", "a rule of hand-offs has no COUNT; give the rotation a `to`"),
        ("FREQ=WEEKLY;UNTIL=20270101T000000Z", "has no UNTIL"),
        ("FREQ=HOURLY", 'FREQ is DAILY, WEEKLY or MONTHLY, not "HOURLY"; write `every: 12 hours`'),
        ("FREQ=YEARLY", "write FREQ=MONTHLY;INTERVAL=12"),
        ("FREQ=WEEKYL", 'did you mean "WEEKLY"?'),
        ("BYDAY=MO", "FREQ is missing"),
        ("FREQ=WEEKLY;FREQ=DAILY", "FREQ stands twice"),
        ("FREQ=WEEKLY;BYDAYS=MO", '"BYDAYS" is no part of a rule; did you mean "BYDAY"?'),
        ("FREQ=WEEKLY;INTERVAL=0", "INTERVAL is from 1 to 1000"),
        ("FREQ=WEEKLY;INTERVAL=99999999", "INTERVAL needs whole numbers"),
        ("FREQ=WEEKLY;INTERVAL=", "INTERVAL needs whole numbers"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY is from -31 to 31 without 0"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY is from -31 to 31"),
        ("FREQ=WEEKLY;BYDAY=XX", '"XX" is no weekday'),
        ("FREQ=WEEKLY;BYDAY=1MO", "the first or last weekday is one of a month"),
        ("FREQ=MONTHLY;BYDAY=6MO", '"6MO" is no weekday'),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "does not go with FREQ=WEEKLY"),
        ("FREQ=WEEKLY;BYSETPOS=1", "BYSETPOS goes with FREQ=MONTHLY"),
        ("FREQ=DAILY;BYHOUR=1,2,3,4;BYMINUTE=0,30", "at most 6 hand-offs a day"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR is from 0 to 23"),
        ("FREQ=DAILY\nDTSTART:20200101", "needs"),
        ("=", '"" is no part of a rule'),
        ("FREQ=" + "D" * 500, "at most 200 characters"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        rule(text)
    assert said in str(refused.value) or said == "needs"


@pytest.mark.parametrize("text", ["FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;INTERVAL=7;BYDAY=TU"])
def test_a_rule_that_never_comes_to_anything_is_found_out(text: str) -> None:
    assert not comes_to_something(rule(text), datetime(2026, 3, 2))


@given(some.text(alphabet="FREQ=DAILYWKMONTHBYSP;,-+0123456789 \n", max_size=60))
def test_no_text_makes_a_rule_fail_otherwise(text: str) -> None:
    try:
        read = rule(text)
    except ValueError:
        return
    assert comes_to_something(read, datetime(2026, 3, 2)) in (True, False)


def test_the_days_of_a_rule_are_in_order_and_in_their_year() -> None:
    walls = list(rule("FREQ=DAILY;BYHOUR=20,8").of_year(datetime(2026, 3, 2, 8), 2026))

    assert walls == sorted(walls)
    assert walls[0] == datetime(2026, 3, 2, 20)
    assert {wall.date() - timedelta(0) for wall in walls} >= {date(2026, 3, 3), date(2026, 12, 31)}
    assert {wall.year for wall in walls} == {2026}
