"""Joining, leaving and another order: what was stays, and nobody's shift changes hands unless that was asked for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as some

from ledger.errors import Code, Error
from oncall.lineups import RollOut, added, begins, removed, reordered
from oncall.restrictions import Window
from oncall.rotation import LineUp, Rotation
from oncall.schedule import Schedule, render, who
from oncall.scheduletext import every

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)  # the first hand-off, 10:00 in Berlin
DAY = timedelta(days=1)
WORKDAYS = (Window(timedelta(0), 5 * DAY),)
NOW, AFTER_SHIFT, AFTER_ROTATION = RollOut


def weekly(order: str, **more: Any) -> Rotation:
    roles = {"primary": 0, "secondary": 1}
    return Rotation("main", tuple(order), every("1 week"), datetime(2026, 3, 2, 10), BERLIN, roles, **more)


def on_call(rotation: Rotation, at: datetime) -> dict[str, str]:
    return {role: shift.person for role, shift in who(Schedule(BERLIN, (rotation,)), at).items()}


def turns(rotation: Rotation, since: datetime, count: int = 8) -> str:
    """Return who is primary in the middle of this turn and of those that follow."""
    return "".join(on_call(rotation, since + week * 7 * DAY).get("primary", "-") for week in range(count))


MIDWEEK = MONDAY + 9 * DAY  # in the second week, which is bob's


@pytest.mark.parametrize(
    ("when", "position", "expected"),
    [
        (NOW, None, "bcadbcad"),  # d comes last, seen from bob
        (NOW, 3, "bcdabcda"),  # at the end of the list
        (NOW, 2, "bdcabdca"),
        (AFTER_SHIFT, None, "bcabdcab"),  # from the turn of cleo on, after whom d comes last
        (AFTER_SHIFT, 3, "bcdabcda"),
        (AFTER_ROTATION, None, "bcabcadb"),  # everybody once more as before
    ],
)
def test_somebody_who_joins_moves_nobody(when: RollOut, position: int | None, expected: str) -> None:
    assert turns(added(weekly("abc"), "d", MIDWEEK, when, position), MIDWEEK) == expected


@pytest.mark.parametrize(
    ("person", "when", "expected"),
    [
        ("b", NOW, "cacacaca"),  # asked for: bob goes at once, and cleo takes over
        ("b", AFTER_SHIFT, "bcacacac"),
        ("b", AFTER_ROTATION, "bcacacac"),  # b, c and a once more as before, then c, since b is gone
        ("c", NOW, "babababa"),
        ("c", AFTER_ROTATION, "bcababab"),
    ],
)
def test_when_somebody_leaves_the_next_ones_move_up(person: str, when: RollOut, expected: str) -> None:
    assert turns(removed(weekly("abc"), person, MIDWEEK, when), MIDWEEK) == expected


@pytest.mark.parametrize(
    ("when", "expected"), [(NOW, "bacbacba"), (AFTER_SHIFT, "bcbacbac"), (AFTER_ROTATION, "bcabacba")]
)
def test_another_order_goes_on_from_whoever_has_the_turn(when: RollOut, expected: str) -> None:
    assert turns(reordered(weekly("abc"), "cba", MIDWEEK, when), MIDWEEK) == expected


def test_the_last_one_leaves_and_somebody_comes_again() -> None:
    empty = removed(weekly("a"), "a", MIDWEEK, NOW)
    back = added(empty, "b", MIDWEEK + 7 * DAY, AFTER_ROTATION)

    assert turns(empty, MIDWEEK, 3) == "---"
    assert turns(back, MIDWEEK, 3) == "-bb"
    assert on_call(back, MONDAY) == {"primary": "a"}


def test_a_change_outside_of_hours_waits_for_no_shift() -> None:
    daily = replace(weekly("abc", windows=WORKDAYS), every=every("1 day"))
    saturday = MONDAY + 5 * DAY

    assert begins(daily, saturday, AFTER_SHIFT) == saturday
    assert on_call(added(daily, "d", saturday), MONDAY + 7 * DAY) == on_call(daily, MONDAY + 7 * DAY)


def test_before_the_first_hand_off_a_change_is_there_from_the_beginning() -> None:
    assert turns(added(weekly("ab"), "c", MONDAY - 3 * DAY), MONDAY, 4) == "abca"


def test_what_was_planned_for_later_gets_the_same_change() -> None:
    planned = added(weekly("abc"), "d", MIDWEEK, AFTER_ROTATION)

    without = removed(planned, "c", MIDWEEK, AFTER_SHIFT)

    assert turns(without, MIDWEEK) == "babadbad"
    assert turns(reordered(planned, "cba", MIDWEEK, AFTER_SHIFT), MIDWEEK) == "bcbacbac"  # this takes its place


def test_who_is_in_it_already_cannot_join_and_a_stranger_cannot_leave() -> None:
    with pytest.raises(Error, match="a is in main already") as twice:
        added(weekly("ab"), "a", MIDWEEK)
    with pytest.raises(Error, match="x is not in main") as stranger:
        removed(weekly("ab"), "x", MIDWEEK)
    assert (twice.value.code, stranger.value.code) == (Code.CONFLICT, Code.NOT_FOUND)


# On random rotations, with random changes one after the other.

cadences = some.sampled_from(["6 hours", "1 day", "1 week", "FREQ=WEEKLY;BYDAY=MO,TH"])
minutes = some.integers(0, 40 * 1440)


@some.composite
def changes(draw: Any, rotation: Rotation) -> tuple[Rotation, datetime, str, RollOut]:
    at = MONDAY + draw(minutes) * timedelta(minutes=1)
    when = draw(some.sampled_from(RollOut))
    kind = draw(some.sampled_from(["add", "remove", "reorder"]))
    if kind == "add":
        free = [person for person in "abcdefgh" if not any(person in one.order for one in rotation.history)]
        person = draw(some.sampled_from(free or ["z"]))
        position = draw(some.none() | some.integers(0, 6))
        return added(rotation, person, at, when, position), at, "", when
    if kind == "remove":
        there = rotation.lineup(max(at, begins(rotation, at, when))).order
        assume(there)
        person = draw(some.sampled_from(there))
        return removed(rotation, person, at, when), at, person, when
    order = draw(some.permutations(rotation.lineup(begins(rotation, at, when)).order))
    return reordered(rotation, order, at, when), at, "", when


@some.composite
def histories(draw: Any) -> tuple[Rotation, Rotation, datetime, str, RollOut]:
    windows = draw(some.sampled_from([(), WORKDAYS]))
    order = draw(some.lists(some.sampled_from("abcde"), min_size=1, unique=True))
    after = replace(weekly("".join(order), windows=windows), every=every(draw(cadences)))
    for _ in range(draw(some.integers(1, 3))):
        before = after
        after, at, gone, when = draw(changes(before))
    return before, after, at, gone, when


@settings(max_examples=60, deadline=None)
@given(histories())
def test_no_change_alters_what_was_before_it(history: Any) -> None:
    before, after, at, _, when = history
    since = begins(before, at, when)

    assert since >= at
    assert rendered(after, MONDAY, since) == rendered(before, MONDAY, since)


@settings(max_examples=60, deadline=None)
@given(histories())
def test_whoever_is_primary_stays_unless_it_is_they_who_leave_now(history: Any) -> None:
    before, after, at, gone, when = history
    primary = on_call(before, at).get("primary")
    assume(before.lineup(at).order)  # where there was nobody at all, whoever comes is there at once

    if when is not NOW or primary != gone:
        assert on_call(after, at).get("primary") == primary
    else:
        assert gone not in on_call(after, at).values()
    if when is not NOW:
        assert on_call(after, at) == on_call(before, at)


@settings(max_examples=60, deadline=None)
@given(histories())
def test_who_has_left_is_never_on_call_again_and_the_others_are(history: Any) -> None:
    before, after, at, gone, when = history
    since = begins(before, at, when)
    planned = [one.order for one in after.lineups if one.since >= since]
    shifts = render(Schedule(BERLIN, (after,)), since, since + 80 * 7 * DAY)

    assert gone not in {shift.person for shift in shifts}
    if len(planned) == 1:
        assert {shift.person for shift in shifts if shift.role == "primary"} == set(planned[0])


@settings(max_examples=30, deadline=None)
@given(some.integers(2, 14), some.sampled_from(["1 day", "12 hours"]))
def test_days_off_starve_nobody(people: int, cadence: str) -> None:
    order = tuple(f"p{number}" for number in range(people))
    rotation = Rotation("main", order, every(cadence), datetime(2026, 3, 2), BERLIN, windows=WORKDAYS)
    since = datetime(2026, 3, 1, 23, tzinfo=UTC)

    shifts = render(Schedule(BERLIN, (rotation,)), since, since + 10 * people * DAY)

    hours = [sum((one.length for one in shifts if one.person == person), timedelta(0)) for person in order]
    assert min(hours) > 0.4 * max(hours)


def test_fourteen_people_with_weekends_off_all_have_turns_unless_every_turn_counts() -> None:
    order = tuple(f"p{number}" for number in range(14))
    rotation = Rotation("main", order, every("1 day"), datetime(2026, 3, 2), BERLIN, windows=WORKDAYS)
    since, until = datetime(2026, 3, 1, 23, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)

    def people(said: Rotation) -> set[str]:
        return {shift.person for shift in render(Schedule(BERLIN, (said,)), since, until)}

    assert people(rotation) == set(order)
    assert len(people(replace(rotation, counts_all=True))) == 10  # four would only ever have a Saturday or a Sunday


def rendered(rotation: Rotation, since: datetime, until: datetime) -> Any:
    return render(Schedule(BERLIN, (rotation,)), since, until)


def test_a_line_up_of_nobody_leaves_a_hole_and_another_one_ends_it() -> None:
    hole = weekly("ab", lineups=(LineUp(MIDWEEK, ()), LineUp(MIDWEEK + 7 * DAY, ("c",))))

    assert turns(hole, MIDWEEK - 7 * DAY, 4) == "a-cc"
