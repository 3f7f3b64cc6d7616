"""What being on call costs, and whether it is shared fairly: by example, and against a walk minute by minute."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncall import fairness
from oncall.almanac import Place
from oncall.load import Carried, Load, Page, carried, interruptions, loads
from oncall.terms import Kind, Shift, Source
from tests.conftest import NOON

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ADA, BO, CY = "user:default/ada", "user:default/bo", "user:default/cy"
BERLIN = Place(ZoneInfo("Europe/Berlin"), frozenset({date(2026, 4, 3), date(2026, 4, 6)}))
ZONES = ("UTC", "Europe/Berlin", "America/Chicago", "Australia/Lord_Howe", "America/Havana", "Asia/Kathmandu")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shift(person: str, start: datetime, end: datetime, role: str = "primary") -> Shift:
    return Shift(start, end, role, person, Source(Kind.ROTATION, "main"))


def only(shifts: Sequence[Shift], since: datetime, until: datetime, pages: Sequence[Page] = ()) -> Load:
    [load] = loads(shifts, pages, since, until, home=BERLIN)
    return load


def test_a_week_in_berlin_has_seven_nights_and_one_weekend() -> None:
    monday = utc("2026-03-02 08:00")  # 09:00 in Berlin

    week = only([shift(ADA, monday, monday + 7 * DAY)], monday, monday + 30 * DAY).carried

    assert (week.time, week.night_time, len(week.nights)) == (168 * HOUR, 56 * HOUR, 7)
    assert (week.weekend, week.holidays) == (48 * HOUR, frozenset())


def test_the_night_on_which_clocks_go_forward_is_an_hour_shorter() -> None:
    week = carried([(utc("2026-03-23 08:00"), utc("2026-03-30 07:00"))], BERLIN)

    assert (week.time, week.night_time, week.weekend) == (167 * HOUR, 55 * HOUR, 47 * HOUR)


def test_free_days_are_counted_where_the_person_lives() -> None:
    easter = [(utc("2026-04-02 07:00"), utc("2026-04-09 07:00"))]

    assert carried(easter, BERLIN).holidays == {date(2026, 4, 3), date(2026, 4, 6)}
    assert carried(easter).holidays == set()


def test_a_shift_that_ends_or_begins_at_midnight_has_nothing_of_the_other_day() -> None:
    assert carried([(utc("2026-04-02 07:00"), utc("2026-04-02 22:00"))], BERLIN).holidays == set()
    assert carried([(utc("2026-04-03 22:00"), utc("2026-04-05 22:00"))], BERLIN).holidays == set()


def test_two_roles_at_once_are_one_time_on_call() -> None:
    shifts = [shift(ADA, NOON, NOON + 5 * HOUR), shift(ADA, NOON + 3 * HOUR, NOON + 8 * HOUR, "secondary")]

    load = only(shifts, NOON, NOON + DAY)

    assert (load.carried.time, load.longest) == (8 * HOUR, 8 * HOUR)


def test_only_what_lies_between_the_two_moments_counts() -> None:
    load = only(
        [shift(ADA, NOON - DAY, NOON + DAY)],
        NOON,
        NOON + 7 * DAY,
        [Page(ADA, NOON + step) for step in (-MINUTE, 0 * HOUR, 7 * DAY)],
    )

    assert (load.carried.time, load.pages) == (DAY, 1)


def test_who_carried_nothing_is_listed_when_asked_for() -> None:
    found = loads([shift(ADA, NOON, NOON + HOUR), shift("", NOON, NOON + DAY)], [], NOON, NOON + DAY, people=[BO])

    assert [(load.person, load.carried.time) for load in found] == [(ADA, HOUR), (BO, timedelta(0))]


@pytest.mark.parametrize(
    ("clocks", "expected"),
    [
        ([], 0),
        (["12:00", "21:59"], 0),
        (["22:00"], 1),
        (["06:59"], 1),
        (["07:00"], 0),
        (["02:00", "02:10", "02:59"], 1),  # the same broken night
        (["02:00", "03:00"], 2),  # asleep again, and woken again
        (["02:00", "02:50", "03:10"], 2),
        (["21:50", "22:10"], 1),  # the first was no sleep
    ],
)
def test_sleep_is_broken_by_the_first_page_of_an_hour_in_the_night(clocks: list[str], expected: int) -> None:
    pages = [utc(f"2026-03-02 {clock}") - HOUR for clock in reversed(clocks)]  # Berlin is an hour ahead

    assert interruptions(pages, BERLIN) == expected


def test_the_last_free_weekend_is_one_without_a_moment_on_call() -> None:
    since, until = utc("2026-03-01 23:00"), utc("2026-03-29 22:00")  # four weeks in Berlin, the last with 47 h
    fridays = shift(ADA, utc("2026-03-20 08:00"), utc("2026-03-20 23:01"))  # a minute of Saturday
    last = shift(ADA, utc("2026-03-27 08:00"), utc("2026-03-30 08:00"))

    assert only([last], since, until).since_free_weekend == 7 * DAY - HOUR
    assert only([fridays, last], since, until).since_free_weekend == 14 * DAY - HOUR
    assert only([shift(ADA, since, until)], since, until).since_free_weekend is None


def test_a_weekend_that_is_not_over_is_not_free_yet() -> None:
    assert only([shift(ADA, NOON, NOON + HOUR)], NOON, utc("2026-03-08 12:00")).since_free_weekend is None


# Against a walk

spans = st.lists(
    st.tuples(st.integers(0, 12 * 96), st.integers(0, 3 * 96)).map(lambda pair: (pair[0], pair[0] + pair[1])),
    max_size=5,
)


@settings(max_examples=12, deadline=None)
@given(spans, st.sampled_from(ZONES), st.integers(0, 365), st.sets(st.integers(0, 16), max_size=3))
def test_the_load_agrees_with_a_walk(held: list[tuple[int, int]], name: str, day: int, free: set[int]) -> None:
    zone, since, step = ZoneInfo(name), utc("2026-01-01 00:00") + day * DAY, 15 * MINUTE
    place = Place(zone, frozenset(since.date() + number * DAY for number in free))
    shifts = [shift(ADA, since + start * step, since + end * step) for start, end in held]

    [load] = loads(shifts, [], since, since + 16 * DAY, people=[ADA], homes={ADA: place})

    on_call = [at for number in range(16 * 96) if any(s.start <= (at := since + number * step) < s.end for s in shifts)]
    local = [at.astimezone(zone) for at in on_call]
    night = [at for at in local if at.hour >= 22 or at.hour < 6]
    runs, run = [0], 0
    for number in range(16 * 96):
        run = run + 1 if since + number * step in set(on_call) else 0
        runs.append(run)
    assert load.carried.time == len(on_call) * step
    assert load.carried.night_time == len(night) * step
    assert load.carried.nights == {at.date() if at.hour >= 22 else at.date() - DAY for at in night}
    assert load.carried.weekend == sum(at.weekday() >= 5 for at in local) * step
    assert load.carried.holidays == {at.date() for at in local} & place.free
    assert load.longest == max(runs) * step


# Fair


@pytest.mark.parametrize(
    ("at", "zone", "expected"),
    [
        ("2026-01-01 00:00", "UTC", ("2026-Q1", "2026-01-01 00:00", "2026-04-01 00:00")),
        ("2026-12-31 23:30", "Europe/Berlin", ("2027-Q1", "2026-12-31 23:00", "2027-03-31 22:00")),
        ("2026-11-28 12:00", "Pacific/Chatham", ("2026-Q4", "2026-09-30 10:15", "2026-12-31 10:15")),
    ],
)
def test_a_quarter_is_one_of_the_zones_calendar(at: str, zone: str, expected: tuple[str, str, str]) -> None:
    found = fairness.quarter(utc(at), ZoneInfo(zone))

    assert (found.name, found.start, found.end) == (expected[0], utc(expected[1]), utc(expected[2]))


@pytest.mark.parametrize(
    ("amounts", "shares", "expected"),
    [
        ({"a": 10, "b": 10}, {"a": 1, "b": 1}, 100),
        ({"a": 10, "b": 5}, {"a": 1, "b": 0.5}, 100),  # half time, half of it
        ({"a": 20, "b": 0}, {"a": 1, "b": 1}, 0),
        ({"a": 15, "b": 5}, {"a": 1, "b": 1}, 50),
        ({"a": 7}, {"a": 1}, 100),  # alone
        ({}, {}, 100),
        ({"a": 0, "b": 0}, {"a": 1, "b": 1}, 100),
        ({"a": 5}, {"a": 0}, 100),  # nobody has a share
        ({"a": 0, "help": 10}, {"a": 1, "help": 0}, 0),
        ({"a": 10}, {"a": 1, "b": 1}, 0),  # who is not listed carried nothing
    ],
)
def test_the_balance_is_100_for_fair_and_0_for_all_on_one(
    amounts: dict[str, float], shares: dict[str, float], expected: float
) -> None:
    assert fairness.balance(amounts, shares) == pytest.approx(expected)


numbers = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 500), max_size=6)
parts = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([0, 0.25, 0.5, 1]), max_size=6)


@settings(max_examples=70, deadline=None)
@given(numbers, parts)
def test_the_balance_is_the_share_of_the_worst_that_need_not_move(
    amounts: dict[str, int], shares: dict[str, float]
) -> None:
    found = fairness.balance(amounts, shares)

    assert 0 <= found <= 100
    if sum(shares.values()) and sum(amounts.values()):
        people = sorted({*amounts, *shares})
        fair = [sum(amounts.values()) * shares.get(who, 0) / sum(shares.values()) for who in people]
        moved = sum(abs(amounts.get(who, 0) - part) for who, part in zip(people, fair, strict=True)) / 2
        worst = max(
            sum(abs(sum(amounts.values()) * (one == who) - part) for one, part in zip(people, fair, strict=True)) / 2
            for who in people
        )
        assert found == pytest.approx(100 * (1 - moved / worst) if worst else 100)


@settings(max_examples=100, deadline=None)
@given(numbers, parts, st.sampled_from([2, 0.5, 12]))
def test_the_balance_knows_no_units(amounts: dict[str, int], shares: dict[str, float], factor: float) -> None:
    scaled = {who: amount * factor for who, amount in amounts.items()}

    assert fairness.balance(scaled, shares) == pytest.approx(fairness.balance(amounts, shares), abs=1e-6)


def with_nights(person: str, number: int) -> Load:
    nights = frozenset(date(2026, 10, 1) + day * DAY for day in range(number))
    return Load(person, Carried(time=number * DAY, nights=nights))


def test_who_carries_far_more_than_a_share_is_said_with_the_numbers() -> None:
    carried_by = [with_nights(ADA, 56), with_nights(BO, 18), with_nights(CY, 18)]

    found = fairness.uneven(carried_by, {ADA: 1, BO: 1, CY: 1}, "2026-Q4", names={ADA: "Ada"})

    assert [(each.person, each.measure) for each in found] == [(ADA, "hours"), (ADA, "nights")]
    assert found[1].sentence == (
        "Ada carries 1.8 times a fair share of nights in 2026-Q4: 56 of 92, where 31 would be fair"
    )


def test_a_small_number_is_chance_and_no_task() -> None:
    assert fairness.uneven([with_nights(ADA, 0), with_nights(BO, 1)], {ADA: 1, BO: 1}, "2026-Q4") == []


def test_whoever_has_come_to_help_has_no_task_for_it() -> None:
    assert fairness.uneven([with_nights(ADA, 20), with_nights(BO, 20)], {ADA: 1}, "2026-Q4") == []


def test_half_a_share_is_measured_by_the_half() -> None:
    loads_of_two = [with_nights(ADA, 46), with_nights(BO, 46)]

    assert fairness.uneven(loads_of_two, {ADA: 1, BO: 1}, "2026-Q4") == []
    assert {each.person for each in fairness.uneven(loads_of_two, {ADA: 1, BO: 0.4}, "2026-Q4")} == {BO}


def test_all_is_as_fair_as_the_least_fair_measure() -> None:
    day = [Load(ADA, Carried(time=10 * HOUR)), Load(BO, Carried(time=10 * HOUR, nights=frozenset({date(2026, 10, 1)})))]

    assert fairness.scores(day, {ADA: 1, BO: 1}) == {"hours": 100, "nights": 0, "weekend hours": 100}
    assert fairness.score(day, {ADA: 1, BO: 1}) == 0


def test_a_weekly_rotation_of_five_over_a_quarter_is_as_fair_as_the_guide_says() -> None:
    quarter = fairness.quarter(utc("2026-11-01 00:00"))
    monday = utc("2026-09-28 09:00")
    five = [f"user:default/{name}" for name in ("ada", "bo", "cy", "di", "eve")]
    shifts = [shift(five[week % 5], monday + week * 7 * DAY, monday + (week + 1) * 7 * DAY) for week in range(15)]

    found = loads(shifts, [], quarter.start, quarter.end)

    assert 85 <= fairness.score(found, dict.fromkeys(five, 1.0)) <= 95
    assert fairness.uneven(found, dict.fromkeys(five, 1.0), quarter.name) == []
