"""The files that hold the values of secrets: who may read them, and what becomes of what a program has written."""

import stat
from pathlib import Path
from typing import Any

import pytest

from production.programfiles import ProgramFile, values_of

SPEC: dict[str, Any] = {
    "argv": ["python", "app.py"],
    "env": {"LEVEL": "info"},
    "cwd": "/",
    "user": None,
    "secrets": {"DB_PASSWORD": "payments/db"},
}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What a program has written, with two older files of it and bytes that are no text."""
    for name in ("1.log", "1.log.1", "1.log.2"):
        (tmp_path / name).write_bytes(b"\xff before\r\nhunter2\x00 " + name.encode())
    return tmp_path / "1.log"


@pytest.fixture
def file(tmp_path: Path, log: Path) -> ProgramFile:
    made = ProgramFile(tmp_path / "programs" / "checkout@production-1-1.json")
    made.write(SPEC, {"DB_PASSWORD": "hunter2"}, log)
    return made


def test_only_its_owner_can_read_it(file: ProgramFile) -> None:
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_it_is_the_same_program_whichever_values_its_secrets_have(file: ProgramFile) -> None:
    assert file.says(SPEC)
    assert not file.says({**SPEC, "secrets": {"DB_PASSWORD": "payments/other"}})
    assert not file.says({**SPEC, "env": {"LEVEL": "debug"}})
    assert not ProgramFile(file.path.with_name("other.json")).says(SPEC)


def test_the_values_leave_all_that_was_written_before_the_file_goes(file: ProgramFile, log: Path) -> None:
    file.forget()

    assert not file.path.exists()
    for name in ("1.log", "1.log.1", "1.log.2"):
        masked = "•••DB_PASSWORD•••".encode()
        assert (log.parent / name).read_bytes() == b"\xff before\r\n" + masked + b"\x00 " + name.encode()


def test_other_values_take_the_older_ones_out_and_the_same_leave_all_as_it_is(file: ProgramFile, log: Path) -> None:
    file.write(SPEC, {"DB_PASSWORD": "hunter2"}, log)
    assert b"hunter2" in log.read_bytes()

    file.write(SPEC, {"DB_PASSWORD": "newer"}, log)

    assert b"hunter2" not in log.read_bytes()
    assert values_of(file.path.parent, "checkout@production") == [("DB_PASSWORD", "newer")]


def test_what_cannot_be_cleaned_stops_nobody_and_its_values_stay_known(file: ProgramFile, log: Path) -> None:
    (log.parent / ".1.log.draft").mkdir()  # as a full disk: nothing can be written there
    file.path.with_suffix(".pid").touch()

    file.forget()

    assert b"hunter2" in log.read_bytes()
    assert not file.path.with_suffix(".pid").exists()
    assert values_of(file.path.parent, "checkout@production") == [("DB_PASSWORD", "hunter2")]


@pytest.mark.parametrize("site", ["checkout@production-1", "heckout@production", "checkout@prod", "*"])
def test_a_site_gets_no_values_of_another(file: ProgramFile, site: str) -> None:
    assert values_of(file.path.parent, site) == []
