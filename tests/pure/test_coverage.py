"""What is wrong with shifts to come: each kind by example, and all of them against a walk minute by minute."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncall.coverage import Finding, Rota, Trouble, away, doubles_between, findings, said, to_announce
from oncall.spans import Span
from oncall.terms import Kind, Shift, Source
from tests.conftest import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ADA, BO, CY = "user:default/ada", "user:default/bo", "user:default/cy"
EVERYBODY = frozenset({ADA, BO, CY})
ROTATION = Source(Kind.ROTATION, "main")


def shift(person: str, start: float, end: float, role: str = "primary") -> Shift:
    return Shift(NOON + start * HOUR, NOON + end * HOUR, role, person, ROTATION)


def found(
    shifts: Sequence[Shift],
    hours: float = 24,
    roles: Sequence[str] = ("primary",),
    reachable: Iterable[str] = EVERYBODY,
    known: Iterable[str] = EVERYBODY,
    rotas: Sequence[Rota] = (),
    wanted: Sequence[Span] | None = None,
) -> list[Finding]:
    return findings(
        shifts,
        roles,
        NOON,
        NOON + hours * HOUR,
        frozenset(reachable),
        frozenset(known),
        rotas=rotas,
        wanted=wanted,
        names={ADA: "Ada"},
    )


def test_nothing_is_wrong_when_somebody_always_holds_each_role() -> None:
    shifts = [shift(ADA, -3, 12), shift(BO, 12, 30), shift(CY, 0, 24, "secondary")]

    assert found(shifts, roles=("primary", "secondary")) == []


def test_a_gap_is_said_with_its_role_and_its_time() -> None:
    [gap] = found([shift(ADA, 0, 9), shift(BO, 12, 24)])

    assert (gap.kind, gap.start, gap.end, gap.role) == (Trouble.GAP, NOON + 9 * HOUR, NOON + 12 * HOUR, "primary")
    assert gap.sentence.startswith("nobody is primary Mon 2 Mar 21:00 to Tue 3 Mar 00:00; ")


def test_a_schedule_of_nobody_is_one_gap_and_so_is_a_shift_of_nobody() -> None:
    assert [(gap.start, gap.end) for gap in found([])] == [(NOON, NOON + DAY)]
    assert [(gap.start, gap.end) for gap in found([shift("", 0, 24)])] == [(NOON, NOON + DAY)]


def test_outside_of_the_hours_that_are_wanted_there_is_no_gap() -> None:
    office = [(NOON + 1 * HOUR, NOON + 5 * HOUR)]

    assert found([shift(ADA, 1, 5)], wanted=office) == []
    assert [gap.start for gap in found([shift(ADA, 1, 4)], wanted=office)] == [NOON + 4 * HOUR]


def test_one_person_in_two_roles_at_once_is_a_double_booking_for_just_that_time() -> None:
    [double] = found([shift(ADA, 0, 24), shift(ADA, 6, 8, "secondary"), shift(BO, 8, 12, "secondary")])

    assert (double.kind, double.people, double.role) == (Trouble.DOUBLE, (ADA,), "primary and secondary")
    assert double.sentence.startswith("Ada is primary and secondary at once Mon 2 Mar 18:00 to 20:00; ")


def test_two_shifts_of_one_role_that_overlap_where_clocks_go_back_are_no_double_booking() -> None:
    assert found([shift(ADA, 0, 13), shift(ADA, 12, 18), shift(BO, 17, 24)]) == []


def test_one_person_in_two_schedules_at_once_is_a_double_booking() -> None:
    schedules = {"payments": [shift(ADA, 0, 12)], "shop": [shift(ADA, 10, 24), shift(ADA, 10, 24, "secondary")]}

    [double] = doubles_between(schedules, NOON, NOON + DAY)

    assert (double.start, double.end, double.people) == (NOON + 10 * HOUR, NOON + 12 * HOUR, (ADA,))
    assert double.role == "payments and shop"


def test_a_rota_of_one_is_said_from_the_day_on_which_it_is_one() -> None:
    rotas = [Rota("main", (ADA, BO), NOON - DAY, NOON + 6 * HOUR), Rota("main", (ADA,), NOON + 6 * HOUR)]

    [alone] = found([shift(ADA, 0, 24)], rotas=rotas)

    assert (alone.kind, alone.start, alone.end) == (Trouble.ALONE, NOON + 6 * HOUR, NOON + DAY)
    assert alone.sentence.startswith("Ada is alone in the rota main ")


def test_a_rota_of_two_of_whom_one_has_left_is_a_rota_of_one() -> None:
    [alone] = found([shift(ADA, 0, 24)], known={ADA}, rotas=[Rota("main", (ADA, BO), NOON)])

    assert (alone.kind, alone.people) == (Trouble.ALONE, (ADA,))


def test_a_rota_of_nobody_is_said_too() -> None:
    [alone] = found([shift(ADA, 0, 24)], rotas=[Rota("main", (), NOON)])

    assert alone.sentence.startswith("nobody is left in the rota main")


def test_who_cannot_be_reached_is_said_once_with_the_number_of_shifts() -> None:
    [finding] = found([shift(ADA, 0, 8), shift(BO, 8, 16), shift(ADA, 16, 30)], reachable={BO})

    assert (finding.kind, finding.start, finding.end) == (Trouble.UNREACHABLE, NOON, NOON + DAY)
    assert finding.sentence == (
        "Ada cannot be reached and is primary 2 times, first Mon 2 Mar 12:00 to 20:00; add a channel"
    )


def test_who_has_left_is_not_also_said_to_be_out_of_reach() -> None:
    assert [finding.kind for finding in found([shift(CY, 0, 24)], reachable={ADA}, known={ADA})] == [Trouble.LEFT]


def test_who_is_away_is_said_once_for_days_that_follow_one_another() -> None:
    leave = [(shift(ADA, 12, 24), "Leave"), (shift(ADA, 24, 48, "secondary"), "Leave"), (shift(ADA, 96, 99), "Moving")]

    first, second = away(leave, names={ADA: "Ada"})

    assert (first.kind, first.role, first.people) == (Trouble.AWAY, "primary and secondary", (ADA,))
    assert (first.start, first.end) == (NOON + 12 * HOUR, NOON + 48 * HOUR)
    assert first.sentence == (
        "Ada is primary and secondary Tue 3 Mar 00:00 to Wed 4 Mar 12:00, but away by their own calendar (Leave); "
        "ask somebody to cover"
    )
    assert second.start == NOON + 96 * HOUR
    assert "(Moving)" in second.sentence


def test_times_are_said_as_the_clocks_of_the_zone_show_them() -> None:
    [gap] = findings([], ["primary"], NOON, NOON + HOUR, [], [], zone=ZoneInfo("Asia/Kathmandu"))

    assert "Mon 2 Mar 17:45 to 18:45" in gap.sentence


def test_what_was_found_is_said_in_one_line() -> None:
    shifts = [shift(ADA, 0, 5), shift(ADA, 6, 7), shift(ADA, 3, 4, "secondary")]

    assert said(found(shifts)) == "2 gaps and 1 double booking"


# Seven days ahead


def gap(start: float, end: float, role: str = "primary") -> Finding:
    return Finding(Trouble.GAP, NOON + start * DAY, NOON + end * DAY, role, (), "nobody is there")


@pytest.mark.parametrize(
    ("finding", "announced", "expected"),
    [
        (gap(6.9, 9), [], True),
        (gap(7, 9), [], False),  # on the day after
        (gap(-2, 0), [], False),  # over
        (gap(-2, 3), [], True),  # under way
        (gap(2, 3), [gap(2, 3)], False),
        (gap(2.5, 3), [gap(2, 3)], False),  # the same, seen later
        (gap(2, 3), [gap(2, 3, "secondary")], True),
        (gap(1, 3), [gap(2, 3)], True),  # it begins earlier now
        (gap(2, 5), [gap(2, 3)], True),  # it has become longer
        (gap(2, 30), [gap(2, 8)], False),  # longer, but of that there is time to speak
        (gap(2, 5), [gap(2, 3), gap(3, 5)], False),
    ],
)
def test_a_finding_is_announced_a_week_ahead_and_once(
    finding: Finding, announced: list[Finding], expected: bool
) -> None:
    assert to_announce([finding], announced, NOON) == ([finding] if expected else [])


def test_what_two_looks_have_found_is_announced_once() -> None:
    assert to_announce([gap(2, 3), gap(2, 3), gap(2.5, 3)], [], NOON) == [gap(2, 3)]


def test_a_gap_without_end_is_announced_once_per_look_ahead_and_not_every_day() -> None:
    announced: list[Finding] = []
    for day in range(60):
        now = NOON + day * DAY
        seen = findings([], ["primary"], now, now + 35 * DAY, [], [])
        announced += to_announce(seen, announced, now)

    assert [(finding.start - NOON) / DAY for finding in announced] == [0, 29, 58]


# Against a walk minute by minute

people = st.sampled_from(["", ADA, BO, CY])
some_shifts = st.lists(
    st.builds(
        lambda person, start, length, role: shift(person, start, start + length, role),
        people,
        st.integers(-3, 26),
        st.integers(-1, 12),
        st.sampled_from(["primary", "secondary"]),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(some_shifts)
def test_gaps_and_double_bookings_agree_with_a_walk(shifts: list[Shift]) -> None:
    known = list(found(shifts, roles=("primary", "secondary")))

    assert all(NOON <= finding.start < finding.end <= NOON + DAY for finding in known)
    for step in range(48):
        at = NOON + step * HOUR / 2
        holders = {(each.role, each.person) for each in shifts if each.start <= at < each.end and each.person}
        here = [finding for finding in known if finding.start <= at < finding.end]
        expected = {role for role in ("primary", "secondary") if all(role != held for held, _ in holders)}
        twice = {person for _, person in holders if {("primary", person), ("secondary", person)} <= holders}
        if at < NOON + DAY:
            assert {finding.role for finding in here if finding.kind is Trouble.GAP} == expected
            assert {finding.people[0] for finding in here if finding.kind is Trouble.DOUBLE} == twice


@settings(max_examples=40, deadline=None)
@given(some_shifts, st.sets(people), st.sets(people))
def test_everybody_who_is_on_call_and_absent_is_found_once_per_role(
    shifts: list[Shift], reachable: set[str], known: set[str]
) -> None:
    absent = [
        finding.about
        for finding in found(shifts, reachable=reachable, known=known)
        if finding.kind in (Trouble.UNREACHABLE, Trouble.LEFT)
    ]

    real = [each for each in shifts if each.person and max(each.start, NOON) < min(each.end, NOON + DAY)]
    expected = {
        (Trouble.UNREACHABLE if each.person in known else Trouble.LEFT, each.role, (each.person,))
        for each in real
        if each.person not in known or each.person not in reachable
    }
    assert len(absent) == len(set(absent))
    assert set(absent) == expected


@settings(max_examples=40, deadline=None)
@given(some_shifts)
def test_the_order_of_the_shifts_does_not_matter(shifts: list[Shift]) -> None:
    assert found(shifts) == found(list(reversed([replace(each) for each in shifts])))
