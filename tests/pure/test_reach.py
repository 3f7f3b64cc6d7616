"""How one person is reached: what counts, what waits for the morning, and that nothing else waits."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from oncall.policy import MINUTE
from oncall.reach import Channel, Quiet, Reachable, Rules, fall_back, notifications, quiet_until, reachable
from oncall.terms import Urgency
from tests.conftest import NOON

ADA = "user:default/ada"
BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Quiet(time(22), time(7), BERLIN)
PHONE = Channel("ada-phone", "voice", True, high=5 * MINUTE, low=None)
PUSH = Channel("ada-push", "push", True)
MAIL = Channel("ada-mail", "mail", True, low=10 * MINUTE)
NEW = Channel("ada-new", "sms", False)
AT_NIGHT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # three in Berlin


def rules(*channels: Channel, quiet: Quiet | None = NIGHT) -> Rules:
    return Rules(ADA, channels, quiet)


def told(rule: Rules, urgency: Urgency, at: datetime) -> list[tuple[str, str]]:
    return [(one.channel, f"{one.at.astimezone(BERLIN):%H:%M}") for one in notifications(rule, urgency, at)]


def test_what_is_urgent_goes_out_at_once_at_any_hour() -> None:
    assert told(rules(PHONE, PUSH), Urgency.HIGH, AT_NIGHT) == [("ada-push", "03:00"), ("ada-phone", "03:05")]


def test_what_is_not_waits_for_the_end_of_her_quiet_hours_and_keeps_its_delays() -> None:
    assert told(rules(PHONE, PUSH, MAIL), Urgency.LOW, AT_NIGHT) == [("ada-push", "07:00"), ("ada-mail", "07:10")]
    assert told(rules(PUSH, MAIL), Urgency.LOW, NOON) == [("ada-push", "13:00"), ("ada-mail", "13:10")]


def test_a_delay_that_ends_in_the_night_waits_too() -> None:
    evening = datetime(2026, 3, 2, 20, 55, tzinfo=UTC)

    assert told(rules(PUSH, MAIL), Urgency.LOW, evening) == [("ada-push", "21:55"), ("ada-mail", "07:00")]


def test_who_has_no_quiet_hours_is_told_at_any_hour() -> None:
    assert told(rules(PUSH, quiet=None), Urgency.LOW, AT_NIGHT) == [("ada-push", "03:00")]


@pytest.mark.parametrize("urgency", Urgency)
def test_a_channel_that_is_not_verified_never_counts(urgency: Urgency) -> None:
    assert NEW.ref not in dict(told(rules(NEW, PUSH), urgency, NOON))
    assert reachable(rules(NEW), urgency, NOON) == Reachable(ADA, None, "has no verified channel")
    assert reachable(rules(), urgency, NOON) == Reachable(ADA, None, "has no channel")
    assert fall_back(rules(NEW, PUSH), urgency, [PUSH.ref]) is None


def test_the_quickest_channel_of_what_is_urgent_does_not_wait_for_one_that_does_not_count() -> None:
    assert told(rules(NEW, PHONE), Urgency.HIGH, NOON) == [("ada-phone", "13:00")]


def test_who_wants_no_channel_for_it_is_told_on_those_that_she_has() -> None:
    assert told(rules(PHONE), Urgency.LOW, AT_NIGHT) == [("ada-phone", "07:00")]


def test_when_a_channel_refuses_the_next_one_is_tried_and_what_was_kept_out_comes_last() -> None:
    mine = rules(PHONE, PUSH, MAIL, NEW)

    tried: list[str] = []
    while (channel := fall_back(mine, Urgency.LOW, tried)) is not None:
        tried.append(channel.ref)

    assert tried == ["ada-push", "ada-mail", "ada-phone"]


def test_she_is_reached_first_when_the_first_notification_goes_out() -> None:
    assert reachable(rules(PUSH), Urgency.HIGH, AT_NIGHT).at == AT_NIGHT
    assert reachable(rules(PUSH), Urgency.LOW, AT_NIGHT).at == datetime(2026, 3, 2, 6, tzinfo=UTC)


def test_quiet_hours_without_an_end_are_refused() -> None:
    with pytest.raises(ValueError, match="another time"):
        Quiet(time(7), time(7), BERLIN)


@pytest.mark.parametrize(
    ("zone", "start", "end", "at", "until"),
    [
        # The clocks go from 02:00 to 03:00 on 29 March: the night is an hour shorter.
        ("Europe/Berlin", "22:00", "07:00", "2026-03-28T22:00Z", "2026-03-29T05:00Z"),
        # It ends inside the gap, so at the first moment after it.
        ("Europe/Berlin", "22:00", "02:30", "2026-03-29T00:59Z", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "22:00", "02:30", "2026-03-29T01:00Z", None),
        # 02:30 comes twice on 25 October: she sleeps until the second one.
        ("Europe/Berlin", "22:00", "02:30", "2026-10-25T00:45Z", "2026-10-25T01:30Z"),
        # It starts at a wall time that comes twice: with the first one.
        ("Europe/Berlin", "02:30", "07:00", "2026-10-25T00:30Z", "2026-10-25T06:00Z"),
        ("Europe/Berlin", "02:30", "07:00", "2026-10-25T00:29Z", None),
        # By day, and not over midnight.
        ("Europe/Berlin", "13:00", "14:00", "2026-03-02T12:59Z", "2026-03-02T13:00Z"),
        ("Europe/Berlin", "13:00", "14:00", "2026-03-02T13:00Z", None),
        # Half an hour of summer time, and odd offsets.
        ("Australia/Lord_Howe", "22:00", "02:15", "2026-10-03T15:29Z", "2026-10-03T15:30Z"),
        ("Pacific/Chatham", "23:00", "06:00", "2026-03-02T12:00Z", "2026-03-02T16:15Z"),
        ("Asia/Kathmandu", "22:00", "07:00", "2026-03-02T16:15Z", "2026-03-03T01:15Z"),
        ("Asia/Kathmandu", "22:00", "07:00", "2026-03-02T16:14Z", None),
    ],
)
def test_quiet_hours_are_wall_time_in_her_own_zone(zone: str, start: str, end: str, at: str, until: str | None) -> None:
    quiet = Quiet(time.fromisoformat(start), time.fromisoformat(end), ZoneInfo(zone))

    assert quiet_until(quiet, datetime.fromisoformat(at)) == (datetime.fromisoformat(until) if until else None)


STEPS = range(-50, 52)
clocks = some.builds(time, some.integers(0, 23), some.sampled_from([0, 15, 30, 59]))
moments = some.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=some.just(UTC)) | some.sampled_from(
    [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 10, 3, 15, tzinfo=UTC)]
)
zones = some.sampled_from(["Europe/Berlin", "America/Chicago", "Australia/Lord_Howe", "Pacific/Chatham", "UTC"])


@settings(max_examples=150, deadline=None)
@given(zone=zones.map(ZoneInfo), start=clocks, end=clocks, at=moments, hours=some.integers(-3, 3))
def test_a_walk_by_the_clock_on_her_wall_wakes_her_at_the_same_minute(
    zone: ZoneInfo, start: time, end: time, at: datetime, hours: int
) -> None:
    if start == end:
        return
    at = at.replace(second=0, microsecond=0) + timedelta(hours=hours)

    def is_quiet(moment: datetime) -> bool:
        clock = moment.astimezone(zone).time()
        return start <= clock < end if start < end else clock >= start or clock < end

    walked = at
    while is_quiet(walked):
        walked += MINUTE
    woken = quiet_until(Quiet(start, end, zone), at) or at

    offsets = [moment.astimezone(zone).utcoffset() or timedelta(0) for moment in (at + n * 30 * MINUTE for n in STEPS)]
    # Where an hour comes twice she may sleep through the second one as well.
    set_back = any(earlier > later for earlier, later in pairwise(offsets))
    assert woken == walked or (set_back and walked < woken <= walked + timedelta(hours=2) and not is_quiet(woken))


channels = some.builds(
    Channel,
    some.sampled_from(["a", "b", "c", "d"]),
    some.just("mail"),
    some.booleans(),
    some.none() | some.integers(0, 90).map(lambda minutes: minutes * MINUTE),
    some.none() | some.integers(0, 90).map(lambda minutes: minutes * MINUTE),
)


@settings(max_examples=200, deadline=None)
@given(
    own=some.lists(channels, max_size=4, unique_by=lambda channel: channel.ref),
    quiet=some.none() | some.builds(Quiet, some.just(time(22)), some.just(time(6, 30)), zones.map(ZoneInfo)),
    urgency=some.sampled_from(Urgency),
    at=moments,
)
def test_whoever_has_a_verified_channel_is_told_and_never_in_her_quiet_hours_unless_it_is_urgent(
    own: list[Channel], quiet: Quiet | None, urgency: Urgency, at: datetime
) -> None:
    mine = Rules(ADA, tuple(own), quiet)
    out = notifications(mine, urgency, at)
    verified = {channel.ref for channel in own if channel.verified}

    assert bool(out) == bool(verified) == (reachable(mine, urgency, at).at is not None)
    assert {one.channel for one in out} <= verified
    assert [one.at for one in out] == sorted(one.at for one in out)
    if urgency is Urgency.HIGH:
        assert not out or out[0].at == at
    elif quiet is not None:
        assert all(quiet_until(quiet, one.at) is None and one.at >= at for one in out)
