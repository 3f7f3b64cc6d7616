"""`fullcycle schedule`: for people, for programs, and what its exit codes mean."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from portal import cli

SMALLEST = """\
timezone: America/Chicago
rotations:
  - {name: main, order: [user:a, user:b, user:c], every: 12 hours, starts: 2020-02-01 17:00,
     roles: {primary: 0, secondary: 1}}
overrides:
  - {role: primary, person: user:z, from: 2020-11-01 01:00, to: 2020-11-01 02:00, reason: the hour that comes twice}
"""


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Terminal = Callable[..., Said]


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    def call(*arguments: str) -> Said:
        capsys.readouterr()
        try:
            cli.main(["schedule", *arguments])
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = capsys.readouterr()
        return Said(code, told.out, told.err)

    return call


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "schedule.yaml"
    path.write_text(SMALLEST)
    return str(path)


def test_shifts_for_programs_are_clipped_and_in_the_zone_of_the_schedule(terminal: Terminal, file: str) -> None:
    said = terminal(
        "render", file, "--from", "2020-02-02", "--until", "2020-02-02T12:00-06:00", "--role", "primary", "--json"
    )

    assert said.code == 0
    assert json.loads(said.out) == [
        {
            "start": "2020-02-02T00:00:00-06:00",
            "end": "2020-02-02T05:00:00-06:00",
            "role": "primary",
            "person": "user:a",
            "source": "rotation main",
        },
        {
            "start": "2020-02-02T05:00:00-06:00",
            "end": "2020-02-02T12:00:00-06:00",
            "role": "primary",
            "person": "user:b",
            "source": "rotation main",
        },
    ]


def test_people_read_a_table_that_tells_the_two_hours_apart(terminal: Terminal, file: str) -> None:
    said = terminal("render", file, "--from", "2020-11-01 00:30", "--until", "2020-11-01 02:30", "--role", "primary")

    lines = [line.split() for line in said.out.splitlines()]
    assert said.code == 0
    assert lines[0] == ["FROM", "UNTIL", "ROLE", "PERSON", "WHY"]
    assert " ".join(lines[2]).startswith(
        "Sun 2020-11-01 01:00 -0500 Sun 2020-11-01 02:00 -0600 primary user:z override 1: the hour"
    )
    assert said.out.endswith("times of America/Chicago\n")


def test_whole_shifts_are_not_cut(terminal: Terminal, file: str) -> None:
    asked = ("--from", "2020-02-02 10:00", "--until", "2020-02-02 11:00", "--role", "primary", "--json")

    (cut,), (whole,) = (
        json.loads(terminal("render", file, *asked).out),
        json.loads(terminal("render", file, "--whole", *asked).out),
    )

    assert (cut["start"][11:16], cut["end"][11:16]) == ("10:00", "11:00")
    assert (whole["start"][11:16], whole["end"][11:16]) == ("05:00", "17:00")


def test_without_bounds_two_weeks_from_now_are_told(terminal: Terminal, file: str) -> None:
    assert len(json.loads(terminal("render", file, "--json").out)) > 4 * 13


def test_a_schedule_of_nobody_is_an_empty_list_and_a_note(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "nobody.yaml"
    path.write_text("timezone: UTC\nrotations: []\n")

    assert terminal("render", str(path), "--from", "2020-01-01", "--json").out == "[]\n"
    said = terminal("render", str(path), "--from", "2020-01-01")
    assert (said.code, said.out) == (0, "nobody\n")
    assert said.err == "note: nobody is in this schedule; only overrides put somebody on call\n"


def test_whoever_has_two_roles_at_once_by_an_override_is_a_note(terminal: Terminal, file: str) -> None:
    Path(file).write_text(SMALLEST.replace("user:z", "user:b"))

    said = terminal("render", file, "--from", "2020-11-01", "--until", "2020-11-02")

    assert said.code == 0
    assert (
        said.err
        == "note: user:b is primary and secondary at once Sun 1 Nov 01:00 CDT to 02:00; give one to somebody else\n"
    )


def test_a_file_with_faults_is_exit_1_and_says_each_with_its_place(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(SMALLEST.replace("Chicago", "Chigaco").replace("user:z", "group:z"))

    said = terminal("render", str(path), "--from", "2020-01-01", "--json")

    assert said.code == 1
    assert f"{path}:1:1 timezone: there is no time zone" in said.err
    assert [(one["line"], one["column"]) for one in json.loads(said.out)["problems"]] == [(1, 1), (6, 21)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "2020-02-30"), "there is no such day or time"),
        (("--from", "tomorrow"), "needs a time like 2026-03-02 09:00"),
        (("--from", "2020-02-02", "--until", "2020-02-02"), "--until is not after --from"),
        (("--from", "2020-02-02", "--until", "2120-02-02"), "at most 20 years are listed at a time"),
        (("--role", "primry"), 'there is no role "primry"; did you mean "primary"?'),
    ],
)
def test_a_call_that_is_wrong_is_exit_2(terminal: Terminal, file: str, arguments: tuple[str, ...], said: str) -> None:
    answer = terminal("render", file, *arguments)

    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


@pytest.mark.parametrize("name", ["nowhere.yaml", "", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_exit_2(terminal: Terminal, name: str) -> None:
    answer = terminal("render", name)

    assert answer.code == 2
    assert "cannot be read" in answer.err


def test_a_schedule_comes_from_standard_input_too(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(SMALLEST.encode())))

    said = terminal("render", "-", "--from", "2020-02-02", "--until", "2020-02-03", "--json")

    assert [one["person"] for one in json.loads(said.out) if one["role"] == "primary"] == ["user:a", "user:b", "user:c"]


def test_the_schema_is_there_for_editors(terminal: Terminal) -> None:
    assert json.loads(terminal("schema").out)["properties"].keys() == {"timezone", "rotations", "overrides", "shares"}
