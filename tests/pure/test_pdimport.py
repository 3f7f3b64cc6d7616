"""PagerDuty's schedules and policies become files of ours that say the same, or a sentence says what they do not."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncall import policyfile, schedulefile
from oncall.pdimport import Everything, Imported, imported
from oncall.policy import Strategy
from oncall.schedule import render, who
from tests.conftest import NOON

HOUR, DAY, WEEK = 3600, 86_400, 604_800
CALLED = {"PA": "ada", "PB": "ben", "PC": "cleo", "PW": "wes"}
USERS = tuple({"id": number, "name": name.title(), "email": f"{name}@shop.test"} for number, name in CALLED.items())
KNOWN = {f"{name}@shop.test": f"user:default/{name}" for name in CALLED.values()}


def user(number: str) -> dict[str, Any]:
    return {"user": {"id": number, "type": "user_reference", "summary": CALLED.get(number, number)}}


def layer(users: str, turn: int = WEEK, starts: str = "2026-01-05T09:00:00Z", **more: Any) -> dict[str, Any]:
    return {
        "id": "L",
        "name": f"Layer {users}",
        "start": starts,
        "end": None,
        "rotation_virtual_start": starts,
        "rotation_turn_length_seconds": turn,
        "users": [user(f"P{letter}") for letter in users],
        "restrictions": [],
        **more,
    }


def schedule(*layers: Mapping[str, Any], zone: str = "UTC", **more: Any) -> dict[str, Any]:
    return {"id": "PS1", "name": "Payments Primary", "time_zone": zone, "schedule_layers": list(layers), **more}


def taken_over(*schedules: Mapping[str, Any], **more: Any) -> Sequence[Imported]:
    return imported(Everything(users=USERS, schedules=schedules, **more), KNOWN, NOON)


def at(file: Imported, when: str, role: str = "primary") -> str:
    shift = who(schedulefile.read(file.text, "imported.yaml"), datetime.fromisoformat(when)).get(role)
    return shift.person.removeprefix("user:default/") if shift else ""


WEEKEND = {
    "type": "weekly_restriction",
    "start_day_of_week": 6,
    "start_time_of_day": "00:00:00",
    "duration_seconds": 2 * DAY,
}


def test_a_weekend_layer_cuts_the_weeks_from_saturday_to_monday_in_local_time() -> None:
    weeks = layer("ABC", starts="2026-01-05T09:00:00-06:00")
    file = taken_over(schedule(weeks, layer("W", restrictions=[WEEKEND]), zone="America/Chicago"))[0]

    shown = [
        (at(file, "2026-03-02T15:00:00Z"), "Monday 09:00 in Chicago, the ninth week"),
        (at(file, "2026-03-07T05:59:00Z"), "Friday 23:59"),
        (at(file, "2026-03-07T06:00:00Z"), "Saturday 00:00"),
        (at(file, "2026-03-09T04:59:00Z"), "Sunday 23:59, after the clocks were put forward"),
        (at(file, "2026-03-09T05:00:00Z"), "Monday 00:00"),
        (at(file, "2026-03-09T13:59:00Z"), "Monday 08:59"),
        (at(file, "2026-03-09T14:00:00Z"), "Monday 09:00, and not 10:00"),
    ]

    assert [person for person, _ in shown] == ["cleo", "cleo", "wes", "wes", "cleo", "cleo", "ada"]


@pytest.mark.parametrize("turned", [False, True])
def test_layers_are_put_as_pagerduty_renders_them_whichever_way_round_they_came(turned: bool) -> None:
    layers = [layer("A"), layer("W", restrictions=[WEEKEND])]
    final = [
        ("2026-03-02T12:00:00Z", "2026-03-07T00:00:00Z", "PA"),
        ("2026-03-07T00:00:00Z", "2026-03-09T00:00:00Z", "PW"),
        ("2026-03-09T00:00:00Z", "2026-03-14T00:00:00Z", "PA"),
    ]
    rendered = {"rendered_schedule_entries": [{"start": one, "end": other} | user(who) for one, other, who in final]}

    file = taken_over(schedule(*(layers[::-1] if turned else layers), final_schedule=rendered))[0]

    assert [at(file, "2026-03-06T12:00:00Z"), at(file, "2026-03-07T12:00:00Z")] == ["ada", "wes"]
    assert file.losses == ()


def test_a_schedule_that_pagerduty_shows_otherwise_says_from_when() -> None:
    entry = {"start": "2026-03-02T12:00:00Z", "end": "2026-03-04T00:00:00Z"} | user("PB")

    file = taken_over(schedule(layer("A"), final_schedule={"rendered_schedule_entries": [entry]}))[0]

    assert [loss for loss in file.losses if "2026-03-02T12:00" in loss] == list(file.losses)
    assert len(file.losses) == 1


def test_of_two_overrides_the_last_created_wins_here_too() -> None:
    overrides = [
        {"start": "2026-03-03T00:00:00Z", "end": "2026-03-04T00:00:00Z"} | user("PB"),
        {"start": "2026-03-03T12:00:00Z", "end": "2026-03-05T00:00:00Z"} | user("PC"),
        {"start": "2026-02-01T00:00:00Z", "end": "2026-02-02T00:00:00Z"} | user("PC"),
    ]

    file = taken_over(schedule(layer("A"), overrides=overrides))[0]

    assert [at(file, f"2026-03-0{day}") for day in ("3T06:00Z", "3T18:00Z", "4T18:00Z", "5T06:00Z")] == [
        "ben",
        "cleo",
        "cleo",
        "ada",
    ]
    assert "2026-02-01" not in file.text  # what is over stays PagerDuty's


@pytest.mark.parametrize(
    ("changed", "loss"),
    [
        ({"rotation_turn_length_seconds": 5400}, "turns of 1:30:00"),
        ({"end": "2026-02-01T00:00:00Z"}, "ended on 2026-02-01"),
        ({"users": []}, "has nobody in it"),
        ({"users": [user("PX")]}, "is nobody in the catalog; written as user:default/px"),
        ({"restrictions": [WEEKEND | {"start_time_of_day": "00:00:30"}]}, "cut to whole minutes"),
        ({"rotation_turn_length_seconds": "?"}, "nothing was carried over"),
        ({"users": None, "rotation_virtual_start": "yesterday"}, "nothing was carried over"),
    ],
)
def test_what_cannot_be_carried_over_is_said_in_a_sentence(changed: dict[str, Any], loss: str) -> None:
    file = taken_over(schedule(layer("A") | changed))[0]

    assert [one for one in file.losses if loss in one]
    assert not file.text or schedulefile.read(file.text, "imported.yaml")


def test_a_zone_that_does_not_exist_is_no_guess() -> None:
    file = taken_over(schedule(layer("A"), zone="Eastern Time (US & Canada)"))[0]

    assert file.text == ""
    assert "there is no time zone" in file.losses[-1]


def test_two_schedules_of_one_name_get_two() -> None:
    files = taken_over(schedule(layer("A")), schedule(layer("B")) | {"id": "PS2"})

    assert [file.name for file in files] == ["payments-primary", "payments-primary-2"]


# A model of its own: hour by hour, the last layer that is open has the floor, and its people go round from the start.


def holder(layers: Sequence[Mapping[str, Any]], when: datetime) -> str:
    for one in reversed(layers):
        start = datetime.fromisoformat(one["start"])
        ended = one["end"] is not None and datetime.fromisoformat(one["end"]) <= when
        if when < start or ended or not one["users"] or not is_open(one["restrictions"], when):
            continue
        turn = (when - datetime.fromisoformat(one["rotation_virtual_start"])) // timedelta(
            seconds=one["rotation_turn_length_seconds"]
        )
        return CALLED[one["users"][turn % len(one["users"])]["user"]["id"]]
    return ""


def is_open(restrictions: Sequence[Mapping[str, Any]], when: datetime) -> bool:
    midnight = when.replace(hour=0, minute=0)
    for one in restrictions:
        opens = timedelta(hours=int(one["start_time_of_day"][:2]))
        if one["type"] == "weekly_restriction":
            opens += timedelta(days=one["start_day_of_week"] - 1 - when.weekday())
        period = timedelta(days=7 if one["type"] == "weekly_restriction" else 1)
        since = (when - midnight - opens) % period
        if since < timedelta(seconds=one["duration_seconds"]):
            return True
    return not restrictions


restrictions = st.builds(
    lambda weekly, day, hour, hours: {
        "type": "weekly_restriction" if weekly else "daily_restriction",
        "start_day_of_week": day,
        "start_time_of_day": f"{hour:02}:00:00",
        "duration_seconds": min(hours, 168 if weekly else 24) * HOUR,
    },
    st.booleans(),
    st.integers(1, 7),
    st.integers(0, 23),
    st.integers(1, 168),
)
starts = st.integers(0, 40 * 24).map(lambda hours: (NOON - timedelta(hours=hours)).isoformat())


@st.composite
def layers(draw: st.DrawFn) -> dict[str, Any]:
    virtual = draw(starts)
    begins = max(virtual, draw(starts))
    end = draw(st.none() | st.integers(1, 30 * 24).map(lambda hours: (NOON + timedelta(hours=hours)).isoformat()))
    return layer(
        draw(st.text("ABCW", max_size=5)),
        draw(st.sampled_from([HOUR, 5 * HOUR, 12 * HOUR, DAY, 3 * DAY, WEEK, 2 * WEEK])),
        rotation_virtual_start=virtual,
        start=begins,
        end=end,
        restrictions=draw(st.lists(restrictions, max_size=3)),
    )


@pytest.mark.long
@settings(max_examples=40, deadline=None)
@given(st.lists(layers(), min_size=1, max_size=3))
def test_hour_by_hour_it_is_whom_pagerduty_would_have(made: list[dict[str, Any]]) -> None:
    until = NOON + timedelta(days=21)
    file = taken_over(schedule(*made))[0]

    shifts = render(schedulefile.read(file.text, "imported.yaml"), NOON, until)

    for hour in range(21 * 24):
        when = NOON + timedelta(hours=hour)
        ours = next((one.person for one in shifts if one.start <= when < one.end), "")
        assert ours.removeprefix("user:default/") == holder(made, when), when


# Newer schedules.


def event(rule: str, starts: str, ends: str, members: str = "AB", **more: Any) -> dict[str, Any]:
    zone = more.pop("zone", "America/New_York")
    strategy = {
        "type": more.pop("strategy", "rotating_member_assignment_strategy"),
        "shifts_per_member": more.pop("shifts", 1),
        "members": [{"type": "user_member", "user_id": f"P{one}"} for one in members],
    }
    return {
        "id": "E",
        "start_time": {"date_time": starts, "time_zone": zone},
        "end_time": {"date_time": ends, "time_zone": zone},
        "effective_since": starts,
        "effective_until": None,
        "recurrence": [rule] if rule else [],
        "assignment_strategy": strategy,
        **more,
    }


def newer(*rotations: Sequence[Mapping[str, Any]]) -> Imported:
    made = [{"id": f"R{at}", "events": list(events)} for at, events in enumerate(rotations)]
    whole = {"id": "V1", "name": "Storefront", "time_zone": "America/New_York", "rotations": made}
    return imported(Everything(users=USERS, schedules_v3=(whole,)), KNOWN, NOON)[0]


OFFICE = event("RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-03-02T09:00:00-05:00", "2026-03-02T17:00:00-05:00")


@pytest.mark.parametrize(
    ("what", "made", "expected"),
    [
        (
            "office hours go round by day, and the evening is nobody's",
            OFFICE,
            {"2T14:00": "ada", "2T22:00": "", "3T15:00": "ben", "4T15:00": "ada", "7T15:00": "", "9T14:00": "ben"},
        ),
        (
            "two shifts in a row each",
            event("RRULE:FREQ=DAILY", "2026-03-02T00:00:00-05:00", "2026-03-03T00:00:00-05:00", shifts=2),
            {"2T12:00": "ada", "3T12:00": "ada", "4T12:00": "ben", "5T12:00": "ben", "6T12:00": "ada"},
        ),
        (
            "a week each, handed over at five in the afternoon on both sides of a change of clocks",
            event("RRULE:FREQ=WEEKLY", "2026-02-27T17:00:00-05:00", "2026-03-06T17:00:00-05:00"),
            {"6T21:59": "ada", "6T22:00": "ben", "13T20:59": "ben", "13T21:00": "ada"},
        ),
        (
            "a long weekend",
            event("RRULE:FREQ=WEEKLY", "2026-02-27T17:00:00-05:00", "2026-03-02T08:00:00-05:00"),
            {"2T12:59": "ada", "2T13:00": "", "6T21:59": "", "6T22:00": "ben", "9T11:59": "ben", "9T12:00": ""},
        ),
        (
            "until a day",
            event("RRULE:FREQ=DAILY;UNTIL=20260305T050000Z", "2026-03-02T00:00:00-05:00", "2026-03-03T00:00:00-05:00"),
            {"4T12:00": "ada", "6T12:00": ""},
        ),
    ],
)
def test_an_event_of_a_newer_schedule_is_a_rotation(
    what: str, made: Mapping[str, Any], expected: dict[str, str]
) -> None:
    file = newer([made])

    found = {when: at(file, f"2026-03-{int(when.split('T')[0]):02}T{when.split('T')[1]}Z") for when in expected}

    assert found == expected, (what, file)


def test_members_who_are_all_on_call_at_once_have_a_role_each() -> None:
    file = newer(
        [
            event(
                "RRULE:FREQ=DAILY",
                "2026-03-02T00:00:00-05:00",
                "2026-03-03T00:00:00-05:00",
                "ABC",
                strategy="every_member_assignment_strategy",
            )
        ]
    )

    on_call = who(schedulefile.read(file.text, "x"), NOON)
    assert sorted(shift.person for shift in on_call.values()) == [
        f"user:default/{one}" for one in ("ada", "ben", "cleo")
    ]
    assert file.roles == ("primary", "primary-2", "primary-3")
    assert "on call at once" in file.losses[0]


def member(of: str) -> dict[str, Any]:
    return {"type": "user_member", "user_id": f"P{of}"} if of else {"type": "empty_member"}


def change(start: str, end: str, new: str, old: str, **of: str) -> dict[str, Any]:
    return {
        **of,
        "start_time": start,
        "end_time": end,
        "overriding_member": member(new),
        "overridden_member": member(old),
    }


def custom(start: str, end: str, who_: str) -> dict[str, Any]:
    assigned = [{"type": "shift_assignment", "member": member(who_)}]
    return {"id": f"C{who_}", "start_time": start, "end_time": end, "assignments": assigned}


def test_overrides_of_newer_schedules_replace_whom_they_name_and_custom_shifts_fill_what_is_empty() -> None:
    whole = {
        "id": "V1",
        "name": "Storefront",
        "time_zone": "America/New_York",
        "rotations": [{"id": "R", "events": [OFFICE]}],
        "overrides": [
            change("2026-03-03T16:00:00Z", "2026-03-03T18:00:00Z", "C", "B", rotation_id="R"),
            change(
                "2026-03-03T18:00:00Z", "2026-03-03T19:00:00Z", "C", "A", rotation_id="R"
            ),  # who is not on call then
            change("2026-03-07T18:00:00Z", "2026-03-07T19:00:00Z", "A", "C", custom_shift_id="CC"),
            change("2026-03-04T18:00:00Z", "2026-03-04T19:00:00Z", "", "A", rotation_id="R"),
            change("2026-03-04T18:00:00Z", "2026-03-04T19:00:00Z", "C", "A", rotation_id="gone"),
            change("2026-03-01T18:00:00Z", "2026-03-01T19:00:00Z", "C", "A", rotation_id="R"),  # over
        ],
        "custom_shifts": [
            custom("2026-03-07T15:00:00Z", "2026-03-07T20:00:00Z", "C"),
            custom("2026-03-04T15:00:00Z", "2026-03-04T16:00:00Z", "C"),  # beside whoever is on call then
        ],
    }
    file = imported(Everything(users=USERS, schedules_v3=(whole,)), KNOWN, NOON)[0]

    hours = {"3T15:30": "ben", "3T17:00": "cleo", "3T18:30": "ben", "4T15:30": "ada", "4T18:30": "ada"}
    hours |= {"7T15:30": "cleo", "7T18:30": "ada", "7T19:30": "cleo", "7T20:30": ""}
    assert {when: at(file, f"2026-03-{int(when[0]):02}T{when[2:]}Z") for when in hours} == hours
    assert [loss.split(";")[0] for loss in file.losses] == [
        "a custom shift on 2026-03-04T10:00:00-05:00 is beside somebody else's",
        "an override on 2026-03-04T13:00:00-05:00 leaves it to nobody",
        "an override on 2026-03-04T13:00:00-05:00 belongs to what was left out",
    ]


def test_a_newer_schedule_of_custom_shifts_alone_is_carried_over() -> None:
    shift = custom("2026-03-07T15:00:00Z", "2026-03-07T20:00:00Z", "C")
    whole = {"id": "V1", "name": "Fair", "time_zone": "UTC", "rotations": [], "custom_shifts": [shift]}
    file = imported(Everything(users=USERS, schedules_v3=(whole,)), KNOWN, NOON)[0]
    assert [at(file, "2026-03-07T16:00Z"), at(file, "2026-03-07T21:00Z"), file.losses] == ["cleo", "", ()]


def test_rotations_that_are_on_call_beside_one_another_do_not_hide_each_other() -> None:
    file = newer([OFFICE], [event("RRULE:FREQ=DAILY", "2026-03-02T00:00:00-05:00", "2026-03-03T00:00:00-05:00", "C")])

    assert [at(file, "2026-03-03T15:00Z"), at(file, "2026-03-03T15:00Z", "primary-2")] == ["ben", "cleo"]
    assert "has a role of its own" in file.losses[0]


def test_rotations_that_take_turns_share_a_role() -> None:
    nights = event(
        "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-03-02T17:00:00-05:00", "2026-03-03T09:00:00-05:00", "C"
    )

    file = newer([OFFICE], [nights])

    assert [at(file, "2026-03-03T15:00Z"), at(file, "2026-03-04T01:00Z")] == ["ben", "cleo"]
    assert (file.roles, file.losses) == (("primary",), ())


@pytest.mark.parametrize(
    ("made", "loss"),
    [
        (OFFICE | {"effective_until": "2026-03-01T00:00:00Z"}, "ended on 2026-03-01"),
        (OFFICE | {"recurrence": []}, "does not recur by one rule"),
        (OFFICE | {"recurrence": ["RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO"]}, "opens for only a part of its turns"),
        (OFFICE | {"recurrence": ["RRULE:FREQ=MONTHLY;BYDAY=1MO"]}, "opens for only a part of its turns"),
        (OFFICE | {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"]}, "nothing was carried over"),
        (OFFICE | {"start_time": {"date_time": "2026-03-02T09:00:00Z", "time_zone": "Mars/Base"}}, "no time zone"),
    ],
)
def test_an_event_that_cannot_be_said_here_is_left_out_with_a_sentence(made: Mapping[str, Any], loss: str) -> None:
    assert [one for one in newer([made]).losses if loss in one]


def test_an_empty_turn_is_said() -> None:
    members = [{"type": "user_member", "user_id": "PA"}, {"type": "empty_member"}]
    strategy = {"type": "rotating_member_assignment_strategy", "shifts_per_member": 1, "members": members}

    assert "leaves some turns to nobody" in newer([OFFICE | {"assignment_strategy": strategy}]).losses[0]


# Policies.


def rule(*targets: tuple[str, str], minutes: int = 15, strategy: str = "assign_to_everyone") -> dict[str, Any]:
    return {
        "escalation_delay_in_minutes": minutes,
        "targets": [{"type": f"{kind}_reference", "id": number, "summary": number} for kind, number in targets],
        "escalation_rule_assignment_strategy": {"type": strategy},
    }


def test_a_policy_names_people_and_the_roles_of_what_was_imported() -> None:
    policy = {"id": "PP", "name": "Payments", "num_loops": 2}
    rules = [rule(("schedule", "PS1")), rule(("user", "PA"), ("user", "PB"), minutes=30, strategy="round_robin")]

    file = taken_over(schedule(layer("A")), policies=(policy | {"escalation_rules": rules},))[1]
    read, problems = policyfile.read(file.text, "payments.yaml")

    assert not problems
    assert read is not None
    assert read.repeat == 2
    assert [[str(one) for one in level.targets] for level in read.levels] == [
        ["payments-primary/primary"],
        ["user:default/ada", "user:default/ben"],
    ]
    assert [level.delay for level in read.levels] == [timedelta(minutes=15), timedelta(minutes=30)]
    assert [level.strategy for level in read.levels] == [Strategy.EVERYONE, Strategy.ROUND_ROBIN]


@pytest.mark.parametrize(
    ("rules", "loops", "loss"),
    [
        ([rule(("schedule", "gone"))], 0, "no level names anybody"),
        ([rule(("user", "PA")), rule(("schedule", "gone"))], 0, "level 2 names nobody"),
        ([rule(("user", "PA"), minutes=2000)], 0, "level 1 waits 2000m, here it is 1d"),
        ([rule(("user", "PA"))], 40, "goes round 40 times more, here at most 9"),
        ([rule(("user", "PA"))] * 25, 0, "it has 25 levels"),
        ([rule(("user", "PA"), ("robot", "PR"))], 0, "neither a person nor a schedule"),
        ([rule(*(("user", f"PU{at}") for at in range(12)))], 0, "names 12, here at most 10"),
        ([{"targets": "?"}], 0, "form that is not known"),
        ([], 0, "no level names anybody"),
    ],
)
def test_what_a_policy_loses_is_said(rules: list[Any], loops: int, loss: str) -> None:
    given = {"id": "PP", "name": "Payments", "num_loops": loops, "escalation_rules": rules}

    file = taken_over(policies=(given,))[0]

    assert [one for one in file.losses if loss in one]
    assert not file.text or policyfile.read(file.text, "payments.yaml")[0]


def test_two_policies_of_one_name_get_two() -> None:
    given = {"id": "PP", "name": "Payments", "escalation_rules": [rule(("user", "PA"))]}

    files = taken_over(policies=(given, given))

    assert [policyfile.read(file.text, "x")[0].name for file in files] == ["payments", "payments-2"]  # type: ignore[union-attr]


# Hostile input: one part of what is otherwise good is replaced by anything.

GOOD: dict[str, Any] = {
    "schedules": (
        schedule(
            layer("AB", restrictions=[WEEKEND]),
            overrides=[{"start": "2026-03-03T00:00:00Z", "end": "2026-03-04T00:00:00Z"} | user("PB")],
            final_schedule={
                "rendered_schedule_entries": [{"start": "2026-03-02T12:00:00Z", "end": "2026-03-03T00:00:00Z"}]
            },
        ),
    ),
    "schedules_v3": ({"id": "V1", "time_zone": "UTC", "rotations": [{"name": "office", "events": [OFFICE]}]},),
    "policies": ({"id": "PP", "name": "Payments", "num_loops": 1, "escalation_rules": [rule(("user", "PA"))]},),
}


def paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    return [here, *(path for key, below in inner for path in paths(below, (*here, key)))]


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    if isinstance(value, dict):
        return value | {path[0]: replaced(value[path[0]], path[1:], by)}
    return type(value)(replaced(one, path[1:], by) if at == path[0] else one for at, one in enumerate(value))


things = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**18)
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(["UTC", "2026-03-02T00:00:00Z", "2026-03-02", "0001-01-01T00:00:00+14:00", "RRULE:FREQ=DAILY"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(st.sampled_from([path for path in paths(GOOD) if len(path) > 2]), things)
def test_whatever_comes_is_a_file_that_can_be_read_or_a_sentence(path: tuple[Any, ...], by: Any) -> None:
    files = imported(Everything(users=USERS, **replaced(GOOD, path, by)), KNOWN, NOON)

    assert [file.kind for file in files] == ["schedule", "schedule", "escalation"]
    for file in files:
        assert file.text or file.losses
        if file.text:
            assert schedulefile.read(file.text, "x") if file.kind == "schedule" else policyfile.read(file.text, "x")[0]
