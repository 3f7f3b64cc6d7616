"""Two futures side by side: who gains and who loses, what opens and closes, and who must be told."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from oncall.almanac import Place
from oncall.coverage import Trouble
from oncall.load import carried
from oncall.reviewing import Handover, Review, review, totals
from oncall.terms import Kind, Shift, Source
from tests.conftest import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ADA, BO, CY = "user:default/ada", "user:default/bo", "user:default/cy"
EVERYBODY = frozenset({ADA, BO, CY})
NAMES = {ADA: "Ada", BO: "Bo"}
SATURDAY = datetime(2026, 11, 28, tzinfo=UTC)
BERLIN = Place(ZoneInfo("Europe/Berlin"), frozenset({date(2026, 12, 25)}))


def shift(person: str, start: datetime, end: datetime, role: str = "primary") -> Shift:
    return Shift(start, end, role, person, Source(Kind.ROTATION, "main"))


def reviewed(before: Sequence[Shift], after: Sequence[Shift], since: datetime = SATURDAY, **more: Any) -> Review:
    given_too: dict[str, Any] = {"now": since, "reachable": EVERYBODY, "known": EVERYBODY, "names": NAMES} | more
    return review(before, after, since, since + 7 * DAY, **given_too)


WEEK = [shift(ADA, SATURDAY, SATURDAY + 7 * DAY)]
COVERED = [
    shift(ADA, SATURDAY, SATURDAY + 9 * HOUR),
    shift(BO, SATURDAY + 9 * HOUR, SATURDAY + 33 * HOUR),
    shift(ADA, SATURDAY + 33 * HOUR, SATURDAY + 7 * DAY),
]


def test_a_future_that_stays_as_it_is_changes_nothing() -> None:
    again = [shift(ADA, SATURDAY, SATURDAY + DAY), shift(ADA, SATURDAY + DAY, SATURDAY + 7 * DAY)]

    assert reviewed(WEEK, again) == Review()
    assert reviewed(WEEK, again).is_empty


def test_who_covers_for_a_day_gains_what_the_other_loses() -> None:
    found = reviewed(WEEK, COVERED)
    ada, bo = found.changes

    assert (ada.person, bo.person) == (ADA, BO)
    assert ada.lost == bo.gained
    assert (ada.gained, bo.lost) == (carried([]), carried([]))
    assert (bo.gained.time, bo.gained.weekend, len(bo.gained.nights)) == (24 * HOUR, 24 * HOUR, 1)


def test_each_person_has_one_sentence() -> None:
    assert reviewed(WEEK, COVERED).sentences == (
        "Ada loses 24 h, 1 night, 24 h of weekend: Sat 28 Nov 09:00 to Sun 29 Nov 09:00",
        "Bo gains 24 h, 1 night, 24 h of weekend: Sat 28 Nov 09:00 to Sun 29 Nov 09:00",
    )


def test_the_role_is_said_where_it_is_not_the_first() -> None:
    after = [shift(ADA, SATURDAY, SATURDAY + 7 * DAY, "secondary")]

    [sentence] = reviewed(WEEK, after).sentences  # of the first and the last night it is a part

    assert sentence.startswith("Ada gains 168 h as secondary, 8 nights, ")
    assert "; loses 168 h, 8 nights, " in sentence


def test_times_are_said_where_the_person_lives() -> None:
    ada, bo = reviewed(WEEK, COVERED, homes={BO: Place(ZoneInfo("Asia/Kathmandu"))}).sentences

    assert "Sat 28 Nov 09:00 to Sun 29 Nov 09:00" in ada
    assert "Sat 28 Nov 14:45 to Sun 29 Nov 14:45" in bo


def test_free_days_and_days_on_which_clocks_change_are_said() -> None:
    christmas = datetime(2026, 12, 24, 8, tzinfo=UTC)
    october = datetime(2026, 10, 25, 6, tzinfo=UTC)
    [gained] = reviewed([], [shift(BO, christmas, christmas + DAY)], christmas, home=BERLIN).changes
    autumn = reviewed([], [shift(BO, october - DAY, october)], october - DAY, home=BERLIN)

    assert gained.gained.holidays == {date(2026, 12, 25)}
    assert autumn.changes[0].clock_changes == (date(2026, 10, 25),)
    assert autumn.sentences[0].endswith("Sat 24 Oct 08:00 to Sun 25 Oct 07:00 (the clocks change on 25 Oct)")


def test_a_night_of_which_a_part_was_held_before_is_not_gained_again() -> None:
    before = [shift(ADA, SATURDAY + 20 * HOUR, SATURDAY + 24 * HOUR)]
    after = [shift(ADA, SATURDAY + 20 * HOUR, SATURDAY + 28 * HOUR)]

    [change] = reviewed(before, after).changes

    assert (change.gained.night_time, len(change.gained.nights)) == (4 * HOUR, 0)


def test_a_free_day_of_which_a_part_was_held_before_is_not_gained_again() -> None:
    christmas = datetime(2026, 12, 25, 8, tzinfo=UTC)
    before, after = [shift(ADA, christmas, christmas + HOUR)], [shift(ADA, christmas, christmas + 2 * HOUR)]

    [change] = reviewed(before, after, christmas, home=BERLIN).changes

    assert (change.gained.time, change.gained.holidays) == (HOUR, frozenset())


def test_a_gap_that_opens_and_one_that_closes_are_told_apart() -> None:
    before = [shift(ADA, SATURDAY, SATURDAY + DAY)]
    after = [shift(ADA, SATURDAY + 2 * HOUR, SATURDAY + DAY), shift(BO, SATURDAY + 2 * DAY, SATURDAY + 3 * DAY)]

    found = reviewed(before, after)

    assert [(gap.start, gap.end) for gap in found.opened] == [(SATURDAY, SATURDAY + 2 * HOUR)]
    assert [(gap.start, gap.end) for gap in found.closed] == [(SATURDAY + 2 * DAY, SATURDAY + 3 * DAY)]


def test_a_shift_of_nobody_opens_a_gap() -> None:
    [gap] = reviewed(WEEK, [shift("", SATURDAY, SATURDAY + 7 * DAY)]).opened

    assert gap.end - gap.start == 7 * DAY


def test_only_new_double_bookings_are_said() -> None:
    second = shift(ADA, SATURDAY, SATURDAY + HOUR, "secondary")
    later = shift(ADA, SATURDAY + 2 * DAY, SATURDAY + 3 * DAY, "secondary")

    found = reviewed([*WEEK, second], [*WEEK, second, later])

    assert [double.start for double in found.doubles] == [SATURDAY + 2 * DAY]


def test_whoever_gains_time_and_cannot_be_reached_or_has_left_is_said() -> None:
    out_of_reach = reviewed(WEEK, COVERED, reachable={ADA}).absent
    gone = reviewed(WEEK, COVERED, known={ADA}).absent
    loses_only = reviewed(WEEK, COVERED, reachable={BO}).absent

    assert [(each.kind, each.people) for each in out_of_reach] == [(Trouble.UNREACHABLE, (BO,))]
    assert [(each.kind, each.people) for each in gone] == [(Trouble.LEFT, (BO,))]
    assert loses_only == ()


def test_all_who_gain_or_lose_are_to_be_told() -> None:
    assert reviewed(WEEK, COVERED).affected == (ADA, BO)


def test_whether_somebody_else_is_on_call_at_once_is_said() -> None:
    later = reviewed(WEEK, COVERED)
    at_once = reviewed(WEEK, COVERED, now=SATURDAY + 9 * HOUR)  # the very moment of the hand-off

    assert not later.changes_now
    assert at_once.now == (Handover("primary", (ADA,), (BO,)),)


# Whatever the futures

futures = st.lists(
    st.builds(
        lambda person, start, length, role: shift(person, NOON + start * HOUR, NOON + (start + length) * HOUR, role),
        st.sampled_from(["", ADA, BO, CY]),
        st.integers(-10, 180),
        st.integers(-2, 60),
        st.sampled_from(["primary", "secondary"]),
    ),
    max_size=8,
)
places = st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]).map(
    lambda name: Place(ZoneInfo(name), frozenset({date(2026, 3, 5)}))
)


@settings(max_examples=40, deadline=None)
@given(futures, futures, places)
def test_gained_minus_lost_is_the_difference_of_the_totals(
    before: list[Shift], after: list[Shift], place: Place
) -> None:
    until = NOON + 7 * DAY

    found = reviewed(before, after, NOON, home=place)

    gained: Counter[str] = Counter()
    for change in found.changes:
        gained[change.person] += int((change.gained.time - change.lost.time) / HOUR)
    was, will_be = totals(before, NOON, until), totals(after, NOON, until)
    for person in EVERYBODY:
        difference = will_be.get(person, timedelta(0)) - was.get(person, timedelta(0))
        assert gained[person] * HOUR == difference


@settings(max_examples=20, deadline=None)
@given(futures, futures, places)
def test_the_same_holds_for_nights_weekends_and_free_days(
    before: list[Shift], after: list[Shift], place: Place
) -> None:
    for change in reviewed(before, after, NOON, home=place).changes:
        was, will_be = (
            carried(
                [
                    (max(each.start, NOON), min(each.end, NOON + 7 * DAY))
                    for each in future
                    if (each.person, each.role) == (change.person, change.role)
                ],
                place,
            )
            for future in (before, after)
        )
        gained, lost = change.gained, change.lost
        assert len(gained.nights) - len(lost.nights) == len(will_be.nights) - len(was.nights)
        assert len(gained.holidays) - len(lost.holidays) == len(will_be.holidays) - len(was.holidays)
        assert gained.weekend - lost.weekend == will_be.weekend - was.weekend
        assert gained.night_time - lost.night_time == will_be.night_time - was.night_time


@settings(max_examples=20, deadline=None)
@given(futures, futures)
def test_the_way_back_is_the_same_the_other_way_round(before: list[Shift], after: list[Shift]) -> None:
    there, back = reviewed(before, after, NOON), reviewed(after, before, NOON)

    assert reviewed(before, before, NOON).is_empty
    assert (there.opened, there.closed) == (back.closed, back.opened)
    assert there.affected == back.affected
    assert [(each.gained, each.lost) for each in there.changes] == [(each.lost, each.gained) for each in back.changes]


@settings(max_examples=20, deadline=None)
@given(futures, futures)
def test_gains_and_gaps_agree_with_a_walk(before: list[Shift], after: list[Shift]) -> None:
    found = reviewed(before, after, NOON)

    for step in range(7 * 24):
        at = NOON + step * HOUR
        was, will_be = (
            {(each.person, each.role) for each in future if each.start <= at < each.end and each.person}
            for future in (before, after)
        )
        gains = {(c.person, c.role) for c in found.changes if any(of <= at < to for of, to in c.gained.spans)}
        opened = {gap.role for gap in found.opened if gap.start <= at < gap.end}
        assert gains == will_be - was
        assert opened == {role for _, role in was} - {role for _, role in will_be}
