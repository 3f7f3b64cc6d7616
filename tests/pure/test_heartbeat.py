"""Dead man's switches: periods and cron expressions, on days when clocks change, against a walk minute by minute."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Error
from oncall.heartbeat import Expected, Fine, Late, back_signal, checked, late_signal, standing
from oncall.signal import Action
from tests.conftest import NOON

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BERLIN = "Europe/Berlin"
HOURLY = Expected("import", 5 * MINUTE, period=HOUR)
NIGHTLY = Expected("backup", 30 * MINUTE, cron="0 3 * * *", zone=BERLIN)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("after", "is_late"), [(timedelta(0), False), (65 * MINUTE - timedelta(seconds=1), False), (65 * MINUTE, True)]
)
def test_it_is_late_when_the_period_and_the_grace_have_passed(after: timedelta, is_late: bool) -> None:
    assert isinstance(standing(HOURLY, NOON, NOON, NOON + after), Late) == is_late


def test_it_says_when_to_look_again() -> None:
    assert standing(HOURLY, NOON, NOON, NOON) == Fine(due=NOON + HOUR, until=NOON + 65 * MINUTE)


def test_one_that_was_never_heard_of_is_late_from_when_somebody_listens() -> None:
    late = standing(HOURLY, None, NOON, NOON + 65 * MINUTE)

    assert late == Late(due=NOON + HOUR, last=None, since=NOON + 65 * MINUTE)
    assert late.sentence == "expected by 2026-03-02 13:00 UTC, never heard of"


def test_a_sign_from_the_future_counts_as_one_of_now() -> None:
    assert standing(HOURLY, NOON + DAY, NOON, NOON) == Fine(due=NOON + HOUR, until=NOON + 65 * MINUTE)


@pytest.mark.parametrize(
    ("heard", "due"),
    [
        ("2026-03-02 02:00", "2026-03-03 02:00"),
        ("2026-03-02 02:20", "2026-03-03 02:00"),  # it took 20 minutes
        ("2026-03-02 01:59", "2026-03-03 02:00"),  # the sender's clock is a little ahead
        ("2026-03-02 01:58", "2026-03-02 02:00"),  # that early it was another one
        ("2026-03-28 02:00", "2026-03-29 01:00"),  # the clock goes from 02:00 to 03:00, which is 01:00 in UTC
        ("2026-10-24 01:00", "2026-10-25 02:00"),  # the clock goes back; 03:00 is 02:00 in UTC again
    ],
)
def test_a_cron_expression_goes_by_the_clock_on_the_wall_of_its_zone(heard: str, due: str) -> None:
    at = utc(heard)

    assert standing(NIGHTLY, at, at, at) == Fine(utc(due), utc(due) + 30 * MINUTE)


@pytest.mark.parametrize(
    ("zone", "cron", "heard", "due"),
    [
        (BERLIN, "30 2 * * *", "2026-03-28 01:30", "2026-03-29 01:00"),  # 02:30 is left out: at 03:00
        ("America/Chicago", "30 2 * * *", "2026-03-07 08:30", "2026-03-08 08:00"),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-02 15:45", "2026-10-03 15:30"),  # half an hour is left out
        (BERLIN, "30 2 * * *", "2026-10-24 00:30", "2026-10-25 00:30"),  # 02:30 comes twice: the first one
        (BERLIN, "30 2 * * *", "2026-10-25 00:30", "2026-10-26 01:30"),  # and not the second one
        ("Pacific/Chatham", "0 9 * * *", "2026-04-03 19:15", "2026-04-04 20:15"),
        ("Asia/Kathmandu", "0 9 * * *", "2026-04-03 03:15", "2026-04-04 03:15"),
        ("Pacific/Chatham", "0 */2 * * *", "2026-09-26 14:00", "2026-09-26 14:15"),  # 03:45, just put forward: 04:00
    ],
)
def test_a_day_on_which_clocks_change_has_one_sign_like_every_other(zone: str, cron: str, heard: str, due: str) -> None:
    at = utc(heard)

    found = standing(Expected("x", 10 * MINUTE, cron=cron, zone=zone), at, at, at)

    assert isinstance(found, Fine)
    assert found.due == utc(due)


# A second opinion: look at each minute's clock on the wall.

DAYS = {  # days around which clocks change, and one on which they do not
    BERLIN: ["2026-03-28", "2026-10-24", "2026-06-01"],
    "Australia/Lord_Howe": ["2026-04-03", "2026-10-02"],
    "America/Chicago": ["2026-03-07", "2026-10-31"],
    "Pacific/Chatham": ["2026-04-03", "2026-09-25"],
    "Asia/Kathmandu": ["2026-03-02"],
}


def walked(hour: int, minute: int, zone: str, after: datetime) -> datetime:
    """The first minute after a moment at which a daily job of that time runs."""
    at = after.replace(second=0, microsecond=0) + MINUTE
    while True:
        wall, before = at.astimezone(ZoneInfo(zone)), (at - MINUTE).astimezone(ZoneInfo(zone))
        first = not wall.fold
        left_out = (wall.replace(tzinfo=None) - before.replace(tzinfo=None)) > MINUTE
        wanted = wall.replace(hour=hour, minute=minute, tzinfo=None)
        if first and (wall.hour, wall.minute) == (hour, minute):
            return at
        if left_out and before.replace(tzinfo=None) < wanted < wall.replace(tzinfo=None):
            return at
        at += MINUTE


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([(zone, day) for zone, days in DAYS.items() for day in days]),
    st.integers(0, 3),
    st.sampled_from([0, 15, 30, 59]),
    st.integers(0, 3 * 24 * 60),
)
def test_a_walk_minute_by_minute_finds_the_same(place: tuple[str, str], hour: int, minute: int, ahead: int) -> None:
    zone, day = place
    expected = Expected("x", 10 * MINUTE, cron=f"{minute} {hour} * * *", zone=zone)
    heard = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) + ahead * MINUTE

    found = standing(expected, heard, heard, heard)

    assert isinstance(found, Fine)
    assert found.due == walked(hour, minute, zone, heard + MINUTE)


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(0, 400))
def test_it_is_late_from_the_moment_that_it_said_and_not_before(minutes: int, hours: int) -> None:
    heard = NOON + minutes * MINUTE + hours * HOUR
    for expected in (HOURLY, NIGHTLY):
        fine = standing(expected, heard, heard, heard)
        assert isinstance(fine, Fine)
        assert standing(expected, heard, heard, fine.until - timedelta(seconds=1)) == fine
        assert standing(expected, heard, heard, fine.until) == Late(fine.due, heard, fine.until)


def test_the_silence_is_an_alert_and_the_next_sign_ends_it() -> None:
    late = standing(HOURLY, NOON, NOON, NOON + 2 * HOUR)
    assert isinstance(late, Late)
    silent = late_signal(HOURLY, late, "heartbeat:1", "component:default/shop", NOON + 2 * HOUR)
    back = back_signal(HOURLY, NOON + 3 * HOUR, "heartbeat:1", "component:default/shop")

    assert silent.title == "import is silent: expected by 2026-03-02 13:00 UTC, last heard of 2026-03-02 12:00 UTC"
    assert (silent.action, back.action) == (Action.TRIGGER, Action.RESOLVE)
    assert (silent.source, silent.key) == (back.source, back.key)


@pytest.mark.parametrize(
    ("expected", "fault"),
    [
        (Expected("x", MINUTE), "say either how long apart"),
        (Expected("x", MINUTE, period=HOUR, cron="* * * * *"), "say either how long apart"),
        (Expected("x", MINUTE, period=timedelta(0)), "the period must be"),
        (Expected("x", MINUTE, period=367 * DAY), "the period must be"),
        (Expected("x", -MINUTE, period=HOUR), "the grace must be"),
        (Expected("x", MINUTE, cron="* * * *"), "a cron expression has five fields"),
        (Expected("x", MINUTE, cron="61 * * * *"), '"61 * * * *" is no cron expression'),
        (Expected("x", MINUTE, cron="0 0 31 2 *"), '"0 0 31 2 *" is no cron expression: bad day-of-month'),
        (
            Expected("x", MINUTE, period=HOUR, zone="Europe/Belrin"),
            'there is no time zone "Europe/Belrin"; did you mean',
        ),
        (Expected("x", MINUTE, period=HOUR, zone="../../etc/passwd"), 'there is no time zone "../../etc/passwd"'),
    ],
)
def test_what_cannot_be_expected_is_refused(expected: Expected, fault: str) -> None:
    with pytest.raises(Error) as raised:
        checked(expected)

    assert any(one.startswith(fault) for one in raised.value.reasons)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(Error) as raised:
        checked(Expected("x", -MINUTE, cron="x", zone="Nowhere"))

    assert len(raised.value.reasons) == 3
