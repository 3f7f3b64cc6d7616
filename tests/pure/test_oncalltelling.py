"""What pages about on-call say, and the texts that a team's first form is written into."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ledger.errors import Error
from oncall import policyfile, schedulefile
from oncall.policy import Level, Policy, Strategy, Target, TargetKind
from oncall.reach import Notification
from oncall.terms import Kind, Shift, Source
from portal import oncalltelling as telling
from portal import rotawriting
from portal.rotawriting import First
from tests.conftest import NOON

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (5, "today 18:00"),
        (24, "tomorrow 13:00"),
        (-24, "yesterday 13:00"),
        (72, "Thursday 13:00"),
        (24 * 7, "Mon 9 Mar 13:00"),
        (24 * 400, "6 Apr 2027 14:00"),
    ],
)
def test_a_moment_is_a_weekday_while_that_says_enough(hours: int, said: str) -> None:
    assert telling.day_and_clock(NOON + timedelta(hours=hours), NOON, BERLIN) == said


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (Source(Kind.ROTATION, "main"), "from the rotation main"),
        (Source(Kind.OVERRIDE, "3", "bob", "dentist"), "an override, number 3 by Bob: dentist"),
        (Source(Kind.SWAP, "4", "bob"), "a swap, number 4 by Bob"),
        (Source(Kind.OVERRIDE, "0"), "an override, of the file"),
    ],
)
def test_a_shift_says_where_it_came_from(source: Source, said: str) -> None:
    shift = Shift(NOON, NOON + timedelta(hours=1), "primary", "ada", source)
    assert telling.source_said(shift, str.title) == said


def test_an_escalation_is_told_level_by_level_with_when_each_begins() -> None:
    first = Level((Target(TargetKind.ROLE, "payments/primary"),), timedelta(minutes=5))
    second = Level((Target(TargetKind.TEAM, "t"), Target(TargetKind.PERSON, "eve")), timedelta(minutes=10))
    third = Level((Target(TargetKind.MEMBERS, "t"),), timedelta(minutes=15), Strategy.ALL_MUST_ACK)
    policy = Policy("payments", (first, second, third), repeat=2)
    said = [(one.wait.replace("\u202f", " "), one.who, one.how) for one in telling.steps(policy, {"t": "T"}, str.title)]
    assert said == [
        ("at once", "First of payments", ""),
        ("5 min", "Whoever of T is on call and Eve", ""),
        ("15 min", "Everybody in T", "until each has acknowledged"),
        ("30 min", "From the first again, 2 times more", ""),
    ]
    assert telling.steps(Policy("none", ()), {}, str) == []


def test_what_a_page_would_do_is_told_in_its_order() -> None:
    told = [Notification("1", NOON), Notification("2", NOON + timedelta(minutes=5))]
    said = telling.reached_said(told, {"1": "phone", "2": "mail"}, NOON).replace("\u202f", " ")
    assert said == "phone at once, mail after 5 min"


PEOPLE = ("user:default/ada", "user:x/bob")
GOOD = First(
    "payments", "group:default/payments", ("user:default/ada", "user:x/bob"), "1 week", 2, "09:00", "UTC", True
)


def test_the_first_texts_are_read_back_as_they_were_meant() -> None:
    text = rotawriting.schedule(GOOD, date(2026, 3, 2))
    schedule = schedulefile.read(text, "payments")
    (rotation,) = schedule.rotations
    assert rotation.order == GOOD.people
    assert rotation.starts == datetime(2026, 2, 25, 9)
    assert rotation.starts.replace(tzinfo=UTC) < NOON
    assert schedule.roles == ["primary", "secondary"]
    policy, problems = policyfile.read(rotawriting.escalation(GOOD), "payments")
    assert not problems
    assert policy is not None
    assert [str(level.targets[0]) for level in policy.levels] == [
        "payments/primary",
        "payments/secondary",
        "everybody in group:default/payments",
    ]


def test_a_first_hand_off_is_always_over_when_the_schedule_is_written() -> None:
    for day in range(7):
        said = First("a", "group:default/a", ("user:default/ada",), "1 day", day, "23:59", "UTC", False)
        rotation = schedulefile.read(rotawriting.schedule(said, date(2026, 3, 4)), "a").rotations[0]
        assert rotation.starts.date() < date(2026, 3, 4)
        assert rotation.starts.weekday() == day


def test_all_that_is_wrong_with_the_form_is_said_at_once() -> None:
    with pytest.raises(Error) as wrong:
        rotawriting.schedule(First("a", "t", (), "never", 0, "25:00", "Mars", True), date(2026, 3, 2))
    assert len(wrong.value.reasons) == 5
