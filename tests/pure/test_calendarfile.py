"""Shifts out as iCal, holidays in: read back by another reader through each change of the clocks; hostile files."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr  # type: ignore[import-untyped]
from hypothesis import example, given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Timezone

from ledger.errors import Code, Error
from oncall import almanac, recurring
from oncall.calendarfile import Entry, feed, timezone, whole
from oncall.holidays import MOST_BYTES, Holiday, read
from oncall.terms import Kind, Shift, Source
from tests.conftest import NOON

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ADA, BO = "user:default/ada", "user:default/bo"
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (
    "Europe/Berlin",
    "America/Chicago",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Asia/Kathmandu",
    "America/Havana",
    "Africa/Casablanca",  # clocks change for Ramadan, and daylight time is said to be the standard one
    "Europe/Dublin",
)


def shift(person: str, start: datetime, end: datetime, source: Source | None = None) -> Shift:
    return Shift(start, end, "primary", person, source or Source(Kind.ROTATION, "main"))


def written(shifts: Sequence[Shift], zone: ZoneInfo = BERLIN, **more: str) -> bytes:
    links = {"payments": more.get("link", "")}
    return feed([Entry("payments", each) for each in shifts], "Payments", NOON, zone, links=links, names={ADA: "Ada"})


def events(data: bytes) -> list[dict[str, Any]]:
    """What another reader makes of it; moments in UTC, since two zones never agree on a time that comes twice."""
    found = [{name.lower(): event.decoded(name) for name in event} for event in Calendar.from_ical(data).walk("VEVENT")]
    return [event | {name: event[name].astimezone(UTC) for name in ("dtstart", "dtend")} for event in found]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Out


def test_a_shift_is_an_event_that_says_who_and_why() -> None:
    source = Source(Kind.OVERRIDE, "12", by=BO, reason="a visit; to the dentist, at last")

    [event] = events(written([shift(ADA, NOON, NOON + DAY, source)], link="https://portal.example/oncall/payments"))

    assert event["summary"] == "Ada: primary, payments"
    assert event["description"] == "From override 12, asked for by bo: a visit; to the dentist, at last"
    assert str(event["url"]) == "https://portal.example/oncall/payments"
    assert (event["dtstart"], event["dtend"], event["dtstamp"]) == (NOON, NOON + DAY, NOON)


def test_lines_end_as_the_standard_wants_and_none_is_too_long() -> None:
    source = Source(Kind.OVERRIDE, "1", reason="a long story about a Würstchen " * 10)

    lines = written([shift(ADA, NOON, NOON + DAY, source)]).split(b"\r\n")

    assert lines[0] == b"BEGIN:VCALENDAR"
    assert lines[-2:] == [b"END:VCALENDAR", b""]
    assert all(len(line) <= 75 and b"\n" not in line for line in lines)


def test_a_shift_keeps_its_uid_when_it_is_read_again_or_ends_later() -> None:
    entry = Entry("payments", shift(ADA, NOON, NOON + DAY))

    assert Entry("payments", shift(ADA, NOON.astimezone(BERLIN), NOON + 2 * DAY)).uid == entry.uid
    assert len({entry.uid, Entry("shop", entry.shift).uid, Entry("payments", shift(BO, NOON, NOON + DAY)).uid}) == 3


def test_a_shift_of_nobody_is_no_event_and_the_same_shift_is_one() -> None:
    shifts = [shift("", NOON, NOON + DAY), shift(ADA, NOON, NOON + DAY), shift(ADA, NOON, NOON + DAY)]

    assert [event["summary"] for event in events(written(shifts))] == ["Ada: primary, payments"]


def test_a_calendar_of_nothing_is_one_without_a_time_zone() -> None:
    data = written([])

    assert events(data) == []
    assert b"VTIMEZONE" not in data


def test_in_utc_there_is_no_time_zone_either() -> None:
    data = written([shift(ADA, NOON, NOON + DAY)], ZoneInfo("UTC"))

    assert b"VTIMEZONE" not in data
    assert b"DTSTART:20260302T120000Z" in data


def test_the_second_half_past_two_of_an_october_night_is_said_in_utc() -> None:
    start = utc("2026-10-25 01:30")  # 02:30 in Berlin, for the second time

    data = written([shift(ADA, start, start + HOUR), shift(ADA, start - HOUR, start - HOUR + 15 * MINUTE)])

    assert b"DTSTART:20261025T013000Z" in data
    assert b"DTSTART;TZID=Europe/Berlin:20261025T023000" in data
    assert [event["dtstart"] for event in events(data)] == [start - HOUR, start]


def test_shifts_that_are_cut_are_left_out_so_that_no_uid_changes_from_day_to_day() -> None:
    kept = shift(ADA, NOON + HOUR, NOON + 2 * HOUR)
    shifts = [shift(ADA, NOON, NOON + HOUR), kept, shift(BO, NOON + 2 * HOUR, NOON + DAY)]

    assert whole(shifts, NOON, NOON + DAY) == [kept]


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.lists(st.tuples(st.integers(0, 2 * 365 * 96), st.integers(1, 7 * 96)), min_size=1, max_size=6),
)
def test_all_moments_come_back_through_every_change_of_the_clocks(name: str, held: list[tuple[int, int]]) -> None:
    shifts = [
        shift(ADA, NOON + start * 15 * MINUTE, NOON + (start + length) * 15 * MINUTE)
        for start, length in dict(held).items()
    ]

    found = events(written(shifts, ZoneInfo(name)))

    assert sorted((event["dtstart"], event["dtend"]) for event in found) == sorted(
        (each.start, each.end) for each in shifts
    )


@pytest.mark.parametrize("name", ZONES)
def test_every_quarter_of_an_hour_around_a_change_of_the_clocks_comes_back(name: str) -> None:
    zone = ZoneInfo(name)
    changes = almanac.transitions(NOON, NOON + 365 * DAY, zone) or [NOON]
    shifts = [
        shift(BO if length > 1 else ADA, change + step * 15 * MINUTE, change + (step + length) * 15 * MINUTE)
        for change in changes
        for step, length in [*((step, 1) for step in range(-9, 9)), (-20, 24), (-2, 24)]
    ]

    found = events(written(shifts, zone))

    assert {(event["dtstart"], event["dtend"]) for event in found} == {(each.start, each.end) for each in shifts}


@pytest.mark.parametrize("name", ZONES)
def test_the_time_zone_that_comes_along_shows_what_the_clocks_do(name: str) -> None:
    zone = ZoneInfo(name)
    made = timezone(zone, utc("2026-06-01 00:00"), utc("2027-06-01 00:00"))
    again = Timezone.from_ical(made.to_ical().replace(zone.key.encode(), b"Of/Ours"))
    assert isinstance(again, Timezone)
    theirs = again.to_tz(lookup_tzid=False)

    since, until = utc("2026-01-02 00:00"), utc("2027-12-30 00:00")
    moments = [since, until]
    for change in almanac.transitions(since, until, zone):
        moments += [change + step for step in (-1 * DAY, -61 * MINUTE, 61 * MINUTE, DAY)]
        if not change.astimezone(zone).fold:  # going forward; going back, each time around it comes twice
            moments += [change - almanac.SECOND, change]
    for at in moments:
        wall = at.astimezone(zone).replace(tzinfo=None)
        assert wall.replace(tzinfo=theirs).utcoffset() == wall.replace(tzinfo=zone).utcoffset(), wall


def test_the_time_zone_names_each_change_of_its_years_as_the_old_clocks_show_it() -> None:
    text = timezone(BERLIN, utc("2026-06-01 00:00"), utc("2026-06-02 00:00")).to_ical().decode()

    starts = [line.partition(":")[2] for line in text.splitlines() if line.startswith("DTSTART")]
    assert starts == ["20260101T000000", "20260329T020000", "20261025T030000"]


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=300), st.text(max_size=80))
@example("\r\nEND:VEVENT\r\nBEGIN:VALARM", "x\r\nATTACH:https://evil.example/")
@example("\x00\ud800", "\u2028")
def test_no_text_leaves_the_field_that_it_stands_in(reason: str, name: str) -> None:
    entry = Entry(name, shift(ADA, NOON, NOON + DAY, Source(Kind.OVERRIDE, "1", by=name, reason=reason)))

    data = feed([entry], name, NOON, BERLIN, names={ADA: name, name: reason})

    calendar = Calendar.from_ical(data)
    assert [each.name for each in calendar.walk()] == [
        "VCALENDAR", "VTIMEZONE", "STANDARD", "DAYLIGHT", "STANDARD", "VEVENT",
    ]  # fmt: skip
    [event] = events(data)
    assert set(event) == {"uid", "dtstamp", "dtstart", "dtend", "summary", "description", "transp", "categories"}


# In

HEAD, FOOT = "BEGIN:VCALENDAR\r\nVERSION:2.0", "END:VCALENDAR\r\n"


def calendar(*bodies: str) -> bytes:
    wrapped = [f"BEGIN:VEVENT\n{body}\nEND:VEVENT" for body in bodies]
    return "\r\n".join([HEAD, *(body.replace("\n", "\r\n") for body in wrapped), FOOT]).encode()


def of_2026(*bodies: str) -> list[tuple[str, str]]:
    return [(f"{each.day:%m-%d}", each.name) for each in read(calendar(*bodies), date(2026, 1, 1), date(2027, 1, 1))]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("DTSTART;VALUE=DATE:20261225\nSUMMARY:Christmas", [("12-25", "Christmas")]),
        ("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227\nSUMMARY:C", [("12-25", "C"), ("12-26", "C")]),
        ("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261225", [("12-25", "holiday")]),
        ("DTSTART;VALUE=DATE:20261225\nDURATION:P2D\nSUMMARY:C", [("12-25", "C"), ("12-26", "C")]),
        ("DTSTART;VALUE=DATE:20251231\nDURATION:P1W\nSUMMARY:C", [(f"01-0{day}", "C") for day in range(1, 7)]),
        ("DTSTART:20261225\nSUMMARY;LANGUAGE=de:Tag\\, der\\nArbeit", [("12-25", "Tag, der Arbeit")]),
        ("DTSTART:20261225\nSUMMARY:Chris\n tmas", [("12-25", "Christmas")]),
        ("DTSTART:19701226\nRRULE:FREQ=YEARLY\nSUMMARY:C", [("12-26", "C")]),
        ("DTSTART:19701126\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH\nSUMMARY:T", [("11-26", "T")]),
        ("DTSTART:20260501\nRRULE:FREQ=YEARLY\nEXDATE:20260501\nRDATE:20260504\nSUMMARY:M", [("05-04", "M")]),
        ("DTSTART:20261224\nBEGIN:VALARM\nDURATION:P9D\nSUMMARY:no\nEND:VALARM\nSUMMARY:C", [("12-24", "C")]),
        ("DTSTART:20250101\nSUMMARY:before", []),
        ("DTSTART:20270101\nSUMMARY:after", []),
    ],
)
def test_all_day_events_are_free_days(body: str, expected: list[tuple[str, str]]) -> None:
    assert of_2026(body) == expected


def test_events_with_a_time_of_day_and_cancelled_ones_are_left_out() -> None:
    dentist, cancelled = "DTSTART:20260501T120000Z\nSUMMARY:dentist", "DTSTART:20260502\nSTATUS:CANCELLED"

    assert of_2026(dentist, cancelled, "DTSTART:20260503\nSUMMARY:free") == [("05-03", "free")]


def test_a_day_that_was_moved_stands_for_the_one_of_the_rule() -> None:
    queen = "UID:q\nDTSTART:20200608\nRRULE:FREQ=YEARLY\nSUMMARY:Queen"
    moved = "UID:q\nRECURRENCE-ID;VALUE=DATE:20260608\nDTSTART:20260615\nSUMMARY:King"

    assert of_2026(queen, moved) == [("06-15", "King")]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "it does not begin with BEGIN:VCALENDAR"),
        (b"<!doctype html>", "it does not begin with BEGIN:VCALENDAR"),
        (b"BEGIN:VCALENDAR\r\n\xff\xfe", "it is not in UTF-8"),
        (b"BEGIN:VCALENDAR\r\n" + b"X" * MOST_BYTES, "it has more than 1 MB"),
        (b"BEGIN:VCALENDAR" + b"\r" * 100_001, "it has more than 100000 lines"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "it ends in the middle of something"),
        (b"BEGIN:VCALENDAR\r\nEND:VEVENT\r\n", "line 2 ends what has not begun"),
        (calendar(), "there is no all-day event in it"),
        (calendar("DTSTART:20260501T120000"), "there is no all-day event in it"),
        (calendar("SUMMARY:x"), "line 3: an event needs a DTSTART"),
        (calendar("DTSTART:soon"), 'line 4: "SOON" is no day; write it like 20261225'),
        (calendar("DTSTART:20260230"), 'line 4: "20260230" is no day'),
        (calendar("SUMMARY:a\n b\nDTSTART:2026"), 'line 6: "2026" is no day'),
        (calendar('SUMMARY;X="a:b\nDTSTART:20260501'), "line 4 is no line of a calendar"),
        (calendar("SUMMARY:" + "x" * 30_000 + "\nDTSTART:20260501"), "line 4 is no line of a calendar"),
        (calendar("DTSTART:20260501\nDTEND:20270901"), "line 3: an event of 488 days is no holiday"),
        (calendar("DTSTART:20260501\nDURATION:PT5H"), "line 5: the length of an all-day event is in days"),
        (calendar("DTSTART:20260501\nRRULE:FREQ=SECONDLY"), "line 5: FREQ needs one of YEARLY, "),
        (calendar("DTSTART:20260501\nRRULE:FREQ=YEARLY;BYWEEKNO=3"), "line 5: BYWEEKNO is not understood here"),
        (calendar("DTSTART:20260501\nRRULE:FREQ=YEARLY;FREQ=DAILY"), "line 5: a rule names each of its parts once"),
        (calendar("DTSTART:20260501\nRRULE:FREQ=DAILY;BYDAY=2MO"), "line 5: BYDAY with a number has no meaning"),
        (calendar("DTSTART:20260501\nRRULE:FREQ=DAILY;BYDAY=XX"), 'line 5: "XX" is no weekday'),
        (calendar("DTSTART:20260501\nRRULE:FREQ=DAILY;COUNT=0"), 'line 5: "0" is no number from 1 to 100000'),
        (calendar("DTSTART:20260501\nRRULE:FREQ=YEARLY;BYMONTHDAY=32"), 'line 5: "32" is no number from 1 to 31'),
        (calendar(*["DTSTART:20260501"] * 5001), "it has more than 5000 events"),
        (calendar(f"DTSTART:00010101\nRRULE:FREQ=DAILY;COUNT=99999;BYDAY={'MO,TU,' * 3000}WE"), "line 5: its events"),
        (calendar(*["DTSTART:20260501\nDURATION:P366D"] * 300), "its events repeat too often"),
        (
            calendar(*["DTSTART:00010101\nRRULE:FREQ=DAILY;COUNT=100000;BYMONTH=2;BYMONTHDAY=30"] * 40),
            "line 5: its events repeat too often to be looked through",
        ),
    ],
)  # fmt: skip
def test_a_file_that_is_no_list_of_holidays_is_refused_with_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(Error) as refused:
        read(data, date(2026, 1, 1), date(2027, 1, 1))

    assert refused.value.code is Code.INVALID
    assert refused.value.message.startswith(f"this calendar cannot be read: {sentence}")


def outcome(data: bytes) -> list[Holiday] | Error:
    try:
        return read(data, date(2026, 1, 1), date(2027, 1, 1))
    except Error as refused:
        return refused


PIECES = st.sampled_from(
    [
        b"BEGIN:VCALENDAR\r\n", b"END:VCALENDAR\r\n", b"BEGIN:VEVENT\r\n", b"END:VEVENT\r\n", b"BEGIN:VALARM\n",
        b"DTSTART;VALUE=DATE:20260501\r\n", b"DTSTART:99991231\n", b"DTSTART:00010101\r\n", b"DTEND:99991231\r\n",
        b"DURATION:P366D\r\n", b"RRULE:FREQ=DAILY;INTERVAL=9999\r\n", b"RRULE:FREQ=WEEKLY;WKST=SU;BYSETPOS=-1\n",
        b"RRULE:FREQ=MONTHLY;BYDAY=-5SU,+1MO\r\n", b"RRULE:", b"EXDATE:", b"RDATE:20260501,20260502\n",
        b"RECURRENCE-ID:20260501\n", b"SUMMARY:", b"SUMMARY;X=\"", b"UID:a\n", b"\r", b"\n", b" ", b"\t", b";", b":",
        b"\\", b",", b"20260501", b"\xef\xbb\xbf", b"\x00", b"FREQ=YEARLY;UNTIL=20300101\n", b"\xe2\x80\xa8",
    ]
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=6), max_size=25).map(b"".join), st.booleans())
def test_hostile_bytes_are_read_or_refused_and_nothing_else(data: bytes, whole_file: bool) -> None:
    wrapped = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20260501\r\n" + data + b"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

    found = outcome(wrapped if whole_file else data)

    if isinstance(found, Error):
        assert found.message.startswith("this calendar cannot be read: ")
    else:
        assert found == sorted(found)
        assert all(each.day.year == 2026 for each in found)


# Recurring days, against another reader of the same rules


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Draw a rule that has a day: on one without, the other reader is busy until the year 9999."""
    frequency = draw(st.sampled_from(recurring.FREQUENCIES))
    some = draw(st.sampled_from(["", "BYMONTH", "BYMONTHDAY", "BYDAY", "BYMONTH,BYDAY", "BYMONTH,BYMONTHDAY"]))
    parts = [f"FREQ={frequency}"]
    if "BYMONTH" not in some.split(",") or frequency in ("YEARLY", "DAILY"):
        parts.append(f"INTERVAL={draw(st.integers(1, 5))}")
    if "BYMONTH" in some.split(","):
        parts.append(f"BYMONTH={several(draw, st.integers(1, 12))}")
    if "BYMONTHDAY" in some and frequency != "WEEKLY":
        parts.append(f"BYMONTHDAY={several(draw, st.integers(-28, 28).filter(bool))}")
    if "BYDAY" in some:
        numbers = draw(st.sampled_from([[""], ["1", "2", "-1", "+4", "-2"]]))
        numbers = numbers if frequency in ("YEARLY", "MONTHLY") else [""]
        weekdays = st.tuples(st.sampled_from(numbers), st.sampled_from(recurring.WEEKDAYS)).map("".join)
        parts.append(f"BYDAY={several(draw, weekdays)}")
        parts += draw(st.sampled_from([[], ["BYSETPOS=1"], ["BYSETPOS=-1"], ["BYSETPOS=1,-1"]]))
    parts += draw(st.sampled_from([[], ["WKST=MO"], ["WKST=SU"], ["WKST=SA"]]))
    parts += draw(st.sampled_from([[], [], ["COUNT=3"], ["COUNT=40"], ["UNTIL=20270305"]]))
    return ";".join(parts)


def several(draw: st.DrawFn, each: st.SearchStrategy[object]) -> str:
    return ",".join(map(str, draw(st.lists(each, min_size=1, max_size=3))))


@settings(max_examples=25, deadline=None)
@given(rules(), st.integers(0, 4000), st.integers(0, 2500))
@example("FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=TU,SU", 3, 100)
@example("FREQ=MONTHLY;BYMONTHDAY=31,-31", 0, 2000)
@example("FREQ=DAILY;COUNT=3", 0, 100)
@example("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1", 0, 400)
@example("FREQ=YEARLY", 59, 2000)  # begins on 29 February
@example("FREQ=YEARLY;BYDAY=53WE,-53TH", 0, 2500)
@example("FREQ=MONTHLY;BYDAY=5FR,-5MO;BYMONTHDAY=29,30,31,1,2,3", 0, 900)
def test_recurring_days_agree_with_another_reader(text: str, begins: int, later: int) -> None:
    first = date(2020, 1, 1) + begins * DAY
    since, until = first + (later - 300) * DAY, first + later * DAY

    found = recurring.days(recurring.rule(text), first, since, until, recurring.Budget(100_000))

    midnight = datetime.combine(first, datetime.min.time())
    theirs = rrulestr(text, dtstart=midnight).between(
        datetime.combine(since, datetime.min.time()), datetime.combine(until, datetime.min.time()), inc=True
    )
    assert list(found) == [each.date() for each in theirs if each.date() < until]
