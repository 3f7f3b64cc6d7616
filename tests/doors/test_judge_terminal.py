"""`fullcycle judge`: for people, for programs, and for CI by its exit code."""

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from portal import cli
from portal.cli.judge import sparkline

EXAMPLES = Path(__file__).parents[2] / "examples" / "judge"
DOCS = Path(__file__).parents[2] / "docs" / "judge.md"


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
            cli.main(arguments)
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        told = capsys.readouterr()
        return Said(code, told.out, told.err)

    return call


def example(name: str) -> str:
    return str(EXAMPLES / name)


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("calm.yaml", 0, "pass: 9 errors in 1,812 requests against 11 in 1,815, e = 0.1 < 100"),
        ("errors.json", 1, "fail: 8 errors in 452 requests against 18 in 6,542, e = 282 ≥ 100"),
        ("before-after.yaml", 1, "fail: 15 errors against 23, e = 390 ≥ 100 (compared with the 30 minutes before)"),
        (
            "latency.yaml",
            1,
            "inconclusive: memory is higher: 434.5 against 412.7 on average, 98 % between +18 and +26; score 80 < 95",
        ),
    ],
)
def test_an_example_is_judged(terminal: Terminal, name: str, code: int, said: str) -> None:
    result = terminal("judge", example(name))

    assert (result.code, result.out.splitlines()[0], result.err) == (code, said, "")


def test_people_see_how_e_went(terminal: Terminal) -> None:
    lines = terminal("judge", example("errors.json")).out.splitlines()

    assert lines[1] == "  ▁▁▁▃▄▅████  e after each of 10 looks, decided after look 7"


def test_people_see_each_metric(terminal: Terminal) -> None:
    lines = terminal("judge", example("latency.yaml")).out.splitlines()

    assert lines[1:] == [
        "  METRIC       LABEL  CANARY  BASELINE  SHIFT  98 % BETWEEN  VALUES",
        "  p95 of /pay  Pass   212.2   210.6     +2     -4 and +7     12 / 12",
        "  memory       High   434.5   412.7     +22    +18 and +26   10 / 9",
        "  timeouts     Pass   0.1     0.1                            10 / 10",
        "groups: latency 100, resources 50; a pass needs 95, below 75 is a failure",
    ]


def test_programs_get_json(terminal: Terminal) -> None:
    result = terminal("judge", example("errors.json"), "--json")
    told = json.loads(result.out)

    assert (result.code, told["verdict"], told["method"]) == (1, "fail", "eprocess")
    assert told["sentence"] == "8 errors in 452 requests against 18 in 6,542, e = 282 ≥ 100"
    assert told["evidence"] == pytest.approx(282, abs=1)


def test_standard_input_is_read(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO((EXAMPLES / "calm.yaml").read_bytes())))

    assert terminal("judge", "-").code == 0


def test_a_file_that_cannot_be_read_is_a_wrong_call(terminal: Terminal, tmp_path: Path) -> None:
    missing, folder, odd = (terminal("judge", str(path)) for path in (tmp_path / "no.json", tmp_path, "a\0b"))

    assert (missing.code, missing.out) == (2, "")
    assert missing.err == f"fullcycle: {tmp_path}/no.json cannot be read (No such file or directory).\n"
    assert (folder.code, odd.code) == (2, 2)
    assert "Traceback" not in folder.err + odd.err


def test_all_problems_come_with_their_places(terminal: Terminal, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("method: eprocess\nalfa: 1\nintervals: [{share: 110, canary_errors: -1, baseline_errors: 0}]\n")

    people, programs = terminal("judge", str(bad)), terminal("judge", str(bad), "--json")

    assert (people.code, people.out) == (2, "")
    assert people.err.splitlines() == [
        f'{bad}:2:1 unknown key "alfa"; did you mean "alpha"?',
        f"{bad}:3:14 share: a share is more than 0 and less than 1, so 10 % is 0.1, not 110",
        f"{bad}:3:26 canary_errors: must be at least 0",
    ]
    assert programs.code == 2
    assert [(one["line"], one["column"]) for one in json.loads(programs.out)["problems"]] == [(2, 1), (3, 14), (3, 26)]


def test_of_very_many_problems_the_first_are_said(terminal: Terminal, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps({"method": "eprocess", "intervals": [], "history": ["x"] * 5000}))

    said = terminal("judge", str(bad)).err.splitlines()

    assert (len(said), said[-1]) == (21, "and 4,980 more")


def test_more_than_is_read_is_refused(terminal: Terminal, tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    large.write_text('{"method": "eprocess", "intervals": [], "history": [' + "1, " * 1_000_000 + "1]}")

    result = terminal("judge", str(large))

    assert result.code == 2
    assert "at most 1 MiB is read" in result.err


def test_what_a_file_says_cannot_steer_a_terminal(terminal: Terminal, tmp_path: Path) -> None:
    steering = tmp_path / "steering.json"
    metric = {"name": "\x1b[2J\x07evil", "baseline": [1], "canary": []}
    steering.write_text(json.dumps({"method": "mannwhitney", "metrics": [metric]}))

    assert "\x1b" not in terminal("judge", str(steering)).out


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("file.json", "--simulate"),
        ("file.json", "--seed", "3"),
        ("--simulate", "--share", "110%"),
        ("--simulate", "--share", "0"),
        ("--simulate", "--share", "1"),
        ("--simulate", "--share", "nan"),
        ("--simulate", "--error-rate", "-1"),
        ("--simulate", "--requests", "0"),
        ("--simulate", "--requests", "nan"),
        ("--simulate", "--requests", "inf"),
        ("--simulate", "--burst", "nan"),
        ("--simulate", "--tolerance", "nan"),
        ("--simulate", "--alpha", "nan"),
        ("--simulate", "--alpha", "1"),
        ("--simulate", "--runs", "1000000", "--minutes", "60"),
    ],
)
def test_a_wrong_call_ends_with_2_and_says_so(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    result = terminal("judge", *arguments)

    assert (result.code, result.out) == (2, "")
    assert "Error: " in result.err


SMALL = ("--simulate", "--runs", "40", "--minutes", "6", "--requests", "1000", "--bad-rate", "10%")


def test_trials_are_a_table_for_people(terminal: Terminal) -> None:
    said = terminal("judge", *SMALL)

    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == "40 good and 40 bad deploys: 1,000 requests a minute, 10 % of them to the canary"
    assert lines[1] == "errors: 0.3 % now, 10 % of a bad release"
    assert [line.split(" min")[0].strip() for line in lines[3:8]] == ["1", "2", "3", "5", "6"]
    assert lines[7].split()[4:6] == ["100", "%"]  # found within 6 minutes
    assert lines[8:] == [
        "a pass needs about 150 requests of the canary, which take about 1 min;",
        "a rise to 5 % shows by then in 4 of 5 deploys",
    ]


def test_trials_of_the_same_seed_are_the_same(terminal: Terminal) -> None:
    first, again, other = (terminal("judge", *SMALL, "--json", "--seed", seed).out for seed in ("1", "1", "2"))
    told: dict[str, Any] = json.loads(first)

    assert first == again != other
    assert [line["minutes"] for line in told["bakes"]] == [1, 2, 3, 5, 6]
    assert {"false_alarms", "found", "median_minutes"} <= set(told["bakes"][0])
    assert told["bad_rate"] == 0.1


def test_the_curve_keeps_its_peaks_when_it_is_long() -> None:
    assert sparkline([0.0, 1e-300, 1.0, 9.0, 99.9, 100.0, 1e300], 100) == "▁▁▁▄▇██"
    assert sparkline([1.0] * 599 + [200.0], 100) == "▁" * 59 + "█"


def test_the_commands_of_the_page_say_what_the_page_says(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DOCS.parents[1])
    shown = re.findall(r"^\$ \./dev exec fullcycle (judge [^\n]*)\n(.*?)(?=^\$ |^```)", DOCS.read_text(), re.M | re.S)

    assert len(shown) >= 2
    for call, expected in shown:
        assert terminal(*call.split()).out == expected
