"""Take, cover, swap, give back: what people do to a schedule, and what it comes to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger.errors import Code, Error
from oncall.overrides import Override, covered, deleted, given_back, is_over, standing, swapped
from oncall.rotation import Rotation
from oncall.schedule import Schedule, render, who
from oncall.scheduletext import every
from oncall.terms import Kind, Shift

UTC_ZONE = ZoneInfo("UTC")
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SCHEDULE = Schedule(
    UTC_ZONE,
    (
        Rotation(
            "main", ("alice", "bob"), every("1 day"), datetime(2026, 3, 2), UTC_ZONE, {"primary": 0, "secondary": 1}
        ),
    ),
)


def primary(*overrides: Override, until: datetime = MONDAY + 2 * DAY) -> list[tuple[int, int, str, str]]:
    """Return the shifts of the primary: from and to in hours since Monday, who, and what put them there."""
    return [
        (int((one.start - MONDAY) / HOUR), int((one.end - MONDAY) / HOUR), one.person, str(one.source.kind))
        for one in render(SCHEDULE, MONDAY, until, overrides, ["primary"])
    ]


def shift(role: str, at: datetime) -> Shift:
    return who(SCHEDULE, at)[role]


def test_carol_takes_a_whole_shift_and_the_source_says_who_arranged_it() -> None:
    taken = covered(shift("primary", MONDAY), "carol", "alice", MONDAY - DAY)

    assert primary(taken) == [(0, 24, "carol", "override"), (24, 48, "bob", "rotation")]
    assert who(SCHEDULE, MONDAY, [taken])["primary"].source.by == "alice"
    assert who(SCHEDULE, MONDAY, [taken])["secondary"].person == "bob"  # the other role is left untouched


def test_carol_covers_two_hours_of_a_shift() -> None:
    cover = covered(shift("primary", MONDAY), "carol", "carol", MONDAY, MONDAY + 3 * HOUR, MONDAY + 5 * HOUR)

    assert primary(cover, until=MONDAY + DAY) == [
        (0, 3, "alice", "rotation"),
        (3, 5, "carol", "override"),
        (5, 24, "alice", "rotation"),
    ]


def test_of_a_shift_that_has_begun_only_what_is_left_is_taken() -> None:
    taken = covered(shift("primary", MONDAY), "carol", "carol", MONDAY + 6 * HOUR)

    assert primary(taken)[:2] == [(0, 6, "alice", "rotation"), (6, 24, "carol", "override")]


@pytest.mark.parametrize(
    ("person", "now", "start", "end", "code", "said"),
    [
        ("carol", 25, None, None, Code.CONFLICT, "is over"),
        ("carol", 0, -2, 3, Code.INVALID, "beyond the shift"),
        ("carol", -9, 20, 30, Code.INVALID, "beyond the shift"),
        ("carol", -9, 5, 5, Code.CONFLICT, "is over"),
        ("alice", 0, None, None, Code.CONFLICT, "theirs already"),
    ],
)
def test_what_cannot_be_taken_is_refused(
    person: str, now: int, start: int | None, end: int | None, code: Code, said: str
) -> None:
    hours = [None if hour is None else MONDAY + hour * HOUR for hour in (start, end)]
    with pytest.raises(Error, match=said) as refused:
        covered(
            replace(shift("primary", MONDAY), start=MONDAY), person, "carol", MONDAY - DAY + (now + 24) * HOUR, *hours
        )
    assert refused.value.code == code or said == "beyond the shift"


def test_a_swap_is_two_halves_that_say_so() -> None:
    halves = swapped(shift("primary", MONDAY), shift("primary", MONDAY + DAY), "alice", MONDAY - DAY, "a concert")

    assert primary(*halves) == [(0, 24, "bob", "swap"), (24, 48, "alice", "swap")]
    assert {(half.by, half.reason, half.kind) for half in halves} == {("alice", "a concert", Kind.SWAP)}


def test_a_shift_is_not_swapped_with_oneself_nor_with_one_that_is_over() -> None:
    with pytest.raises(Error, match="nothing to swap"):
        swapped(shift("primary", MONDAY), shift("primary", MONDAY + 2 * DAY), "alice", MONDAY)
    with pytest.raises(Error, match="over"):
        swapped(shift("primary", MONDAY), shift("primary", MONDAY + DAY), "alice", MONDAY + DAY)


OVERRIDE = Override(7, "primary", "carol", MONDAY + 4 * HOUR, MONDAY + 10 * HOUR, MONDAY)


def test_an_override_that_has_not_begun_is_deleted_without_a_trace() -> None:
    assert deleted(OVERRIDE, MONDAY + 4 * HOUR) is None


def test_an_override_in_progress_ends_now() -> None:
    assert deleted(OVERRIDE, MONDAY + 5 * HOUR) == replace(OVERRIDE, end=MONDAY + 5 * HOUR)


def test_an_override_that_is_over_stays() -> None:
    with pytest.raises(Error, match="over") as refused:
        deleted(OVERRIDE, MONDAY + 10 * HOUR)
    assert refused.value.code == Code.CONFLICT


@pytest.mark.parametrize(
    ("now", "start", "end", "kept"),
    [
        (0, 6, 8, [(4, 6, 7), (8, 10, 0)]),  # the piece after it is a new one, without a number yet
        (0, 4, 8, [(8, 10, 7)]),
        (0, 6, 10, [(4, 6, 7)]),
        (0, 0, 24, []),
        (5, 0, 24, [(4, 5, 7)]),  # the hour that has been stays
        (5, 0, 7, [(4, 5, 7), (7, 10, 0)]),
        (0, 12, 14, [(4, 10, 7)]),  # nothing of it lies there
    ],
)
def test_a_part_is_given_back(now: int, start: int, end: int, kept: list[tuple[int, int, int]]) -> None:
    pieces = given_back(OVERRIDE, MONDAY + now * HOUR, MONDAY + start * HOUR, MONDAY + end * HOUR)

    assert [((one.start - MONDAY) // HOUR, (one.end - MONDAY) // HOUR, one.number) for one in pieces] == kept


def test_those_that_still_stand_are_told_by_when_they_end() -> None:
    late, soon = replace(OVERRIDE, number=1, end=MONDAY + 20 * HOUR), replace(OVERRIDE, number=2)

    assert [one.number for one in standing([late, soon], MONDAY)] == [2, 1]
    assert [one.number for one in standing([late, soon], soon.end)] == [1]
    assert is_over(soon, soon.end)


def test_an_override_of_nobody_makes_a_hole() -> None:
    assert primary(replace(OVERRIDE, person=""), until=MONDAY + DAY) == [
        (0, 4, "alice", "rotation"),
        (10, 24, "alice", "rotation"),
    ]


@pytest.mark.parametrize("length", [timedelta(0), -HOUR])
def test_an_override_without_length_does_nothing(length: timedelta) -> None:
    assert primary(replace(OVERRIDE, end=OVERRIDE.start + length)) == primary()


def test_one_who_is_only_put_there_has_a_role_that_no_rotation_has() -> None:
    shifts = render(SCHEDULE, MONDAY, MONDAY + DAY, [replace(OVERRIDE, role="incident-lead")])

    assert [(one.role, one.person) for one in shifts if one.role == "incident-lead"] == [("incident-lead", "carol")]


hours = some.integers(0, 30)


@given(some.lists(some.tuples(hours, hours, some.sampled_from(["carol", "dave", ""])), max_size=8), some.randoms())
def test_the_order_in_which_overrides_arrive_does_not_matter(said: Any, chance: Any) -> None:
    made = [
        Override(number, "primary", person, MONDAY + start * HOUR, MONDAY + end * HOUR, MONDAY + number % 3 * HOUR)
        for number, (start, end, person) in enumerate(said)
    ]
    shuffled = list(made)
    chance.shuffle(shuffled)

    assert primary(*shuffled) == primary(*made)
