"""What a schedule file may say, and what is said about one that cannot be followed."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from ledger.errors import Code, Error
from oncall import schedulefile
from oncall.schedule import findings, render
from oncall.schedulefile import ScheduleFile, parse, read
from oncall.scheduletext import hour_of_week, moment, person, weekdays, windows

EXAMPLE = Path(__file__).parents[2] / "examples" / "schedule.yaml"
DOCS = Path(__file__).parents[2] / "docs" / "schedules.md"

SMALLEST = """\
timezone: America/Chicago
rotations:
  - {name: main, order: [user:a, user:b, user:c], every: 12 hours, starts: 2020-02-01 17:00,
     roles: {primary: 0, secondary: 1}}
overrides:
  - {role: primary, person: user:z, from: 2020-02-02 06:00, to: 2020-02-02 07:00}
"""


def test_the_smallest_form_is_read() -> None:
    schedule = read(SMALLEST, "schedule.yaml")

    first, second = schedule.rotations[0], schedule.overrides[0]
    assert schedule.zone.key == "America/Chicago"
    assert first.order == ("user:default/a", "user:default/b", "user:default/c")
    assert (first.roles, str(first.every), first.starts) == (
        {"primary": 0, "secondary": 1},
        "12 hours",
        datetime(2020, 2, 1, 17),
    )
    assert second.start == datetime(2020, 2, 2, 12, tzinfo=UTC)  # 06:00 in Chicago
    assert second.end - second.start == timedelta(hours=1)


def test_people_are_told_as_the_file_writes_them() -> None:
    text = SMALLEST.replace("user:a,", "Ada, user:staff/Ben,")

    spelling = schedulefile.spelled(text, "schedule.yaml")

    assert spelling["user:default/ada"] == "Ada"
    assert spelling["user:staff/ben"] == "user:staff/Ben"
    assert spelling["user:default/z"] == "user:z"


# What is wrong.

LATER, EARLIER = "{from: 2021-01-02, order: []}", "{from: 2021-01-01, order: []}"
WRONG = [
    ("timezone: America/Chicago", "timezone: America/Chigaco", '1:1 timezone: there is no time zone "America/Chigaco"'),
    ("every: 12 hours", "evry: 12 hours", '3:5 rotations[0]: "every" is missing'),
    ("every: 12 hours", "evry: 12 hours", '3:51 rotations[0]: unknown key "evry"; did you mean "every"?'),
    ("12 hours", "0 hours", "every: needs from 1 to 10000 hours, not 0"),
    ("12 hours", "12", "every: needs a span like 1 week, not 12"),
    ("12 hours", "90 minutes", '1 month or a rule like FREQ=…, not "90 minutes"'),
    ("12 hours", "FREQ=WEEKYL", 'did you mean "WEEKLY"?'),
    ("12 hours", "FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2", "comes to no hand-off within 10 years"),
    ("2020-02-01 17:00", "2020-02-30 17:00", 'starts: there is no such day or time: "2020-02-30 17:00"'),
    ("2020-02-01 17:00", "1020-02-01 17:00", "starts: a year from 1970 to 2200 is needed, not 1020"),
    ("user:b,", "group:b,", 'order[1]: "group:b" is a group; on call are persons, like user:ada'),
    ("user:b,", "7,", "order[1]: needs a person like user:ada, not 7"),
    ("secondary: 1", "secondary: 0", "primary and secondary have the same offset; nobody has two roles at once"),
    ("secondary: 1", "secondary: -1", "secondary: must be at least 0"),
    ("role: primary", "role: primry", 'role: no rotation has the role "primry"; did you mean "primary"?'),
    ("to: 2020-02-02 07:00", "to: 2020-02-02 06:00", "6:61 to: is not after `from`"),
    ("to: 2020-02-02 07:00", "until: 2020-02-02 07:00", 'overrides[0]: unknown key "until"'),
    ("name: main,", "name: main, first: user:x,", 'first: "user:default/x" is not in the order'),
    ("name: main,", "name: main, from: 2021-01-01, to: 2020-01-01,", "to: is not after `from`"),
    ("name: main,", "name: main, restrictions: [{days: frday}],", 'days: "frday" is no weekday; did you mean '),
    ("name: main,", "name: main, restrictions: [{from: fri 18:00}],", "name a weekday in both `from` and `to`"),
    ("name: main,", 'name: main, restrictions: [{from: "9:00", to: "9:00"}],', "leave both out for whole days"),
    ("name: main,", "name: main, restrictions: [{days: mon, from: fri 18:00, to: mon 9:00}],", "not in both"),
    ("name: main,", 'name: main, restrictions: [{to: "24:30"}],', "needs a time from 00:00 to 24:00"),
    ("name: main,", f"name: main, lineups: [{LATER}, {EARLIER}],", "not after the line-up before"),
    ("name: main,", "name: main, lineups: [{order: []}],", '"from" is missing'),
    ("name: main,", "name: main, turns: some,", 'turns: needs "worked" or "all", not "some"'),
    ("name: main,", "name: '-',", 'name: "-" is no name; write at most 60 letters, digits, spaces and ._-'),
    ("{primary: 0", "{Primary: 0", 'Primary: "Primary" is no role; write primary'),
    ("overrides:", "---\noverrides:", "2 documents; a file has one schedule"),
    ("overrides:", "timezone: UTC\noverrides:", '"timezone" stands twice here'),
]  # fmt: skip


@pytest.mark.parametrize(
    ("good", "bad", "said"), WRONG, ids=[f"{at}-{bad[:30]}" for at, (_, bad, _) in enumerate(WRONG)]
)
def test_what_is_wrong_is_said_with_its_place_and_what_was_meant(good: str, bad: str, said: str) -> None:
    assert good in SMALLEST
    file, problems = parse(SMALLEST.replace(good, bad, 1), "schedule.yaml")

    assert file is None
    assert said in "\n".join(str(problem) for problem in problems)
    assert all(problem.place.path == "schedule.yaml" for problem in problems)


def test_all_that_is_wrong_is_said_at_once() -> None:
    text = SMALLEST.replace("Chicago", "Nowhere").replace("12 hours", "often").replace("user:z", "group:z")

    with pytest.raises(Error, match="is no schedule yet") as refused:
        read(text, "schedule.yaml")

    assert refused.value.code == Code.INVALID
    assert [reason.split(" ")[0] for reason in refused.value.reasons] == [
        "schedule.yaml:1:1",
        "schedule.yaml:3:51",
        "schedule.yaml:6:21",
    ]


def test_what_only_shows_together_is_said_beside_what_cannot_be_read_at_all() -> None:
    text = SMALLEST.replace("Chicago", "Nowhere") + (
        "  - {role: primary, person: 7, from: 2020-02-02, to: 2020-02-03}\n"
        "  - {role: boss, person: user:z, from: 2020-02-02, to: 2020-02-01}\n"
        "shares: {a: 0.5, user:y: 1}\n"
    )

    said = [str(problem).split(" ", 1) for problem in parse(text, "f")[1]]

    assert [(place, words[:40]) for place, words in said] == [
        ("f:1:1", 'timezone: there is no time zone "America'),
        ("f:7:21", "person: needs a person like user:ada, no"),
        ("f:8:6", 'role: no rotation has the role "boss"; t'),
        ("f:8:52", "to: is not after `from`"),
    ]
    assert [str(one) for one in parse(SMALLEST + "shares: {a: 0.5, user:y: 1}\n", "f")[1]] == [
        'f:7:18 shares: "user:default/y" is in no rotation and no override; did you mean "user:default/z"?'
    ]


def test_only_a_role_that_nobody_has_in_some_turn_is_found() -> None:
    for roles, order, said in [
        ("{primary: 3}", "[a, b, c]", []),
        ("{primary: 0, x: 3}", "[a, b, c]", ["main: 3 people for 2 roles; x may stay empty"]),
        ("{primary: 0, secondary: 1}", "[a, a, b]", ["main: 2 people for 2 roles; secondary may stay empty"]),
    ]:
        text = SMALLEST.replace("{primary: 0, secondary: 1}", roles).replace("[user:a, user:b, user:c]", order)
        assert findings(read(text, "f")) == said


def test_part_timers_have_a_share_and_everybody_else_a_whole_one() -> None:
    assert read(SMALLEST + "shares: {a: 0.5, user:z: 0}\n", "f").shares == {"user:default/a": 0.5, "user:default/z": 0}
    assert read(SMALLEST, "f").shares == {}
    for share in ("-1", "1.5", "half", ".nan"):
        assert "a: " in str(parse(SMALLEST + f"shares: {{a: {share}}}\n", "f")[1][0])


@pytest.mark.parametrize("text", ["", "# nothing", "[]", "7", "timezone", b"\xff", "a: &a [*a]", "rotations: {}"])
def test_what_is_no_schedule_at_all_is_an_error_of_its_own(text: str | bytes) -> None:
    with pytest.raises(Error) as refused:
        read(text, "schedule.yaml")
    assert refused.value.reasons


def test_nobody_and_nothing_are_legal_and_found() -> None:
    for text in ("timezone: UTC", "timezone: UTC\nrotations: []", SMALLEST.replace("[user:a, user:b, user:c]", "[]")):
        schedule = read(text, "schedule.yaml")

        assert findings(schedule) == ["nobody is in this schedule; only overrides put somebody on call"]
        since = datetime(2020, 2, 1, tzinfo=UTC)
        assert {shift.person for shift in render(schedule, since, since + timedelta(days=30))} <= {"user:default/z"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2026-03-02", "2026-03-02T00:00:00"),
        ("2026-03-02 09:00", "2026-03-02T09:00:00"),
        ("2026-03-02T09:00:30", "2026-03-02T09:00:30"),
        ("2026-03-02T09:00Z", "2026-03-02T09:00:00+00:00"),
        ("2026-03-02 09:00 -06:00", "2026-03-02T09:00:00-06:00"),
        ("2026-03-02T09:00+1245", "2026-03-02T09:00:00+12:45"),
    ],
)
def test_a_moment_is_written_in_these_ways(said: str, expected: str) -> None:
    assert moment(said).isoformat() == expected


@pytest.mark.parametrize(
    "said",
    ["", "now", "2026-3-2", "02.03.2026", "2026-03-02 9:00", "2026-03-02 25:00", "2026-03-02T09:00+99:00", 7, None],
)
def test_what_is_no_moment_is_refused(said: Any) -> None:
    with pytest.raises(ValueError):
        moment(said)


def test_windows_go_over_midnight_and_over_the_end_of_the_week() -> None:
    hour = timedelta(hours=1)

    (night,) = windows((6,), hour_of_week("22:00"), hour_of_week("06:00"))
    (weekend,) = windows(tuple(range(7)), hour_of_week("fri 18:00"), hour_of_week("mon 09:00"))
    (late,) = windows(tuple(range(7)), hour_of_week("sun 24:00"), hour_of_week("mon 06:00"))
    whole = windows(weekdays("weekends"), hour_of_week("00:00"), hour_of_week("24:00"))

    assert (night.starts, night.ends) == (166 * hour, 174 * hour)
    assert (weekend.starts, weekend.ends) == (114 * hour, 177 * hour)
    assert (late.starts, late.ends) == (0 * hour, 6 * hour)
    assert [(one.starts, one.ends) for one in whole] == [(120 * hour, 144 * hour), (144 * hour, 168 * hour)]


# The example is reference, schema and test at once.


def test_the_example_is_without_fault() -> None:
    file, problems = parse(EXAMPLE.read_bytes(), EXAMPLE.name)

    assert [str(problem) for problem in problems] == []
    assert file is not None
    shifts = render(file.schedule(), datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 8, 31, tzinfo=UTC))
    everybody = {person(one) for one in ("ada", "ben", "cleo", "dan", "eve", "fay", "gus", "hoa", "ida", "jon")}
    assert {shift.person for shift in shifts} == everybody
    assert findings(file.schedule()) == []


def test_the_example_has_every_key_and_the_schema_knows_each() -> None:
    schema = ScheduleFile.model_json_schema()
    parts = [schema, *schema["$defs"].values()]
    known = {key for part in parts for key in part["properties"]}
    said = yaml.safe_load(EXAMPLE.read_text())
    rotations = said["rotations"]
    listed = [said, *rotations, *said["overrides"]]
    listed += [part for one in rotations for key in ("lineups", "restrictions") for part in one.get(key, [])]

    assert {key for one in listed for key in one} == known
    assert all(part["additionalProperties"] is False for part in parts)
    json.dumps(schema)


def test_the_document_explains_every_key_and_its_schedules_are_read() -> None:
    page = DOCS.read_text()
    blocks = [part.partition("```")[0] for part in page.split("```yaml\n")[1:]]
    schema = ScheduleFile.model_json_schema()

    assert [key for part in schema["$defs"].values() for key in part["properties"] if f"`{key}`" not in page] == []
    assert blocks
    for block in blocks:
        assert [str(problem) for problem in parse(block, DOCS.name)[1]] == []


# Hostile text.

anything = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(
    some.sampled_from(
        [key for part in ScheduleFile.model_json_schema()["$defs"].values() for key in part["properties"]]
    ),
    anything,
)
def test_no_value_makes_reading_fail_otherwise(key: str, value: Any) -> None:
    rotation = {"name": "x", "order": ["a"], "every": "1 day", "starts": "2026-03-02", key: value}
    override = {"person": "a", "from": "2026-03-02", "to": "2026-03-03", key: value}
    window = {"days": "mon", key: value}
    for text in (
        {"timezone": "UTC", "rotations": [rotation], "overrides": [override]},
        {
            "timezone": "UTC",
            "rotations": [
                {**rotation, "restrictions": [window], "lineups": [{"from": "2026-03-02", "order": [], key: value}]}
            ],
        },
    ):
        file, problems = parse(json.dumps(text), "schedule.yaml")
        assert (file is None) == bool(problems)
        if file is not None:
            render(file.schedule(), datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC))
