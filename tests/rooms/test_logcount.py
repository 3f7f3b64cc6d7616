"""Lines of growing logs, counted from where the last look ended: rotated, emptied, huge, half-written, not text."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from production import logcount
from production.logcount import MOST_BYTES, Counted, Tail, count, ends
from production.metricsport import NoData, Sample, Trouble, Values

pytest.importorskip("re2", reason="google-re2 has no wheel for this machine")

BAD = "2026-03-02 ERROR payment refused\n"
GOOD = "2026-03-02 INFO payment taken\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "checkout-231-1.log"
    path.touch()
    return path


def wrote(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def test_lines_are_counted_once_from_look_to_look(log: Path) -> None:
    wrote(log, BAD + GOOD + BAD)
    first = count([log], "ERROR", Tail())
    wrote(log, GOOD + BAD)
    second = count([log], "ERROR", first.tail)
    third = count([log], "ERROR", second.tail)

    assert [one.matching for one in (first, second, third)] == [2, 1, 0]
    assert (first.skipped, first.said, second.said) == (0, "2 matching lines", "1 matching line")


def test_what_stood_there_before_is_not_counted(log: Path) -> None:
    wrote(log, BAD * 5)
    tail = ends([log])
    wrote(log, BAD)

    assert count([log], "ERROR", tail).matching == 1


def test_a_line_that_is_still_being_written_waits(log: Path) -> None:
    wrote(log, BAD + "2026-03-02 ERR")
    first = count([log], "ERROR", Tail())
    wrote(log, "OR late\n")

    assert first.matching == 1
    assert count([log], "ERROR", first.tail).matching == 1


def test_a_line_without_end_does_not_wait_for_ever(log: Path) -> None:
    wrote(log, "ERROR" + "x" * logcount.LONGEST_LINE)
    first = count([log], "ERROR", Tail())

    assert (first.matching, count([log], "ERROR", first.tail).read) == (1, 0)


def test_an_emptied_file_is_read_from_its_beginning(log: Path) -> None:
    wrote(log, BAD * 3)
    tail = count([log], "ERROR", Tail()).tail
    log.write_text(BAD)

    assert count([log], "ERROR", tail).matching == 1


def test_a_file_that_was_emptied_and_has_outgrown_the_old_one_is_known_as_new(log: Path) -> None:
    wrote(log, BAD * 3)
    tail = count([log], "ERROR", Tail()).tail
    with log.open("w") as file:
        file.write("started\n" + BAD * 20)

    assert count([log], "ERROR", tail).matching == 20


def test_of_a_rotated_file_the_rest_is_counted_and_then_the_new_one(log: Path) -> None:
    wrote(log, BAD)
    tail = count([log], "ERROR", Tail()).tail
    wrote(log, BAD * 2)
    log.rename(log.with_name(f"{log.name}.1"))
    log.with_name(f"{log.name}.2").write_text(BAD * 50)  # older still, and counted long ago
    wrote(log, BAD * 4)

    second = count([log], "ERROR", tail)
    assert second.matching == 2 + 4
    assert count([log], "ERROR", second.tail).matching == 0


def test_a_file_that_was_replaced_and_not_kept_is_read_anew(log: Path) -> None:
    wrote(log, BAD * 3)
    tail = count([log], "ERROR", Tail()).tail
    other = log.with_name("other")
    other.write_text(BAD)
    other.rename(log)

    assert count([log], "ERROR", tail).matching == 1


def test_a_file_that_is_not_there_is_no_data_and_appears_later(log: Path) -> None:
    log.unlink()
    first = count([log], "ERROR", ends([log]))
    wrote(log, BAD)
    second = count([log], "ERROR", first.tail)

    assert first.answer(timedelta(minutes=1)) == NoData("the new instances have no log file yet")
    assert second.answer(timedelta(minutes=1)) == Values((Sample(1.0),))


def test_a_file_that_has_gone_is_no_data_again(log: Path) -> None:
    wrote(log, BAD)
    tail = count([log], "ERROR", Tail()).tail
    log.unlink()

    assert isinstance(count([log], "ERROR", tail).answer(timedelta(minutes=1)), NoData)


def test_a_file_that_cannot_be_read_is_trouble(tmp_path: Path) -> None:
    folder = tmp_path / "app.log"
    folder.mkdir()

    said = count([folder], "ERROR", Tail()).answer(timedelta(minutes=1))

    assert said == Trouble("app.log cannot be read: Is a directory")


def test_the_answer_is_matching_lines_per_minute(log: Path) -> None:
    wrote(log, BAD * 6 + GOOD)

    found = count([log], "ERROR", Tail())

    assert found.answer(timedelta(seconds=30)) == Values((Sample(12.0),))  # 6 in half a minute
    assert found.answer(timedelta(0)) == Values((Sample(360.0),))  # at least a second: no division by zero


def test_several_instances_are_counted_together(tmp_path: Path) -> None:
    logs = [tmp_path / f"{n}.log" for n in range(3)]
    for n, log in enumerate(logs):
        wrote(log, BAD * n)

    found = count(logs, "ERROR", Tail())

    assert found.matching == 0 + 1 + 2
    assert count(logs, "ERROR", found.tail).matching == 0


def test_of_a_huge_log_the_newest_is_read_and_the_rest_estimated(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logcount, "TIME", timedelta(hours=1))
    with log.open("wb") as file:
        file.truncate(1 << 30)  # 1 GB that was never written takes no room
        file.seek(0, 2)
        file.write((BAD + GOOD).encode() * 200_000)  # 12 MB, half of the lines bad

    found = count([log], "ERROR", Tail())

    assert found.read <= MOST_BYTES
    assert found.read + found.skipped == log.stat().st_size
    per_line = found.read / (len(BAD) + len(GOOD))
    assert found.matching == pytest.approx(per_line * log.stat().st_size / found.read, rel=0.01)
    assert found.said.startswith("about ")
    assert " of 1.0 GB were skipped" in found.said
    assert count([log], "ERROR", found.tail).matching == 0


def test_when_time_is_up_a_block_was_searched_and_the_rest_is_estimated(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logcount, "TIME", timedelta(0))
    wrote(log, BAD * 40_000)  # 1.3 MB

    found = count([log], "ERROR", Tail())

    assert 0 < found.read <= 256 << 10
    assert found.matching == pytest.approx(40_000, rel=0.001)
    assert found.skipped > 0


MANY_LINES = ["bb", "", "ab", "a", "B\ufffd\ufffd", "b é e", "c", "ERROR b", "ÉB"]


@pytest.mark.parametrize(
    "pattern",
    [
        "^b",
        "e$",
        "(?i)B",
        "[^x]b",
        r"a\sb",
        "b|e",
        "é",
        "(?i)é",
        "(?s)b.*c",
        "^.b$",
        "b+",
        "[a-c]{2}",
        r"\bERROR\b",
        "B.?",
    ],
)
def test_a_pattern_speaks_of_one_line_at_a_time(log: Path, pattern: str) -> None:
    """Bytes that are no UTF-8 are read as the sign for them, each."""
    log.write_bytes("\n".join(MANY_LINES).encode().replace("\ufffd".encode(), b"\xff") + b"\n")

    assert count([log], pattern, Tail()).matching == sum(bool(re.search(pattern, line)) for line in MANY_LINES)


def test_a_line_with_bytes_that_are_no_text_counts_once(log: Path) -> None:
    log.write_bytes(b"ERROR \xff ERROR \xc3\nfine \xff\n")

    assert count([log], "ERROR", Tail()).matching == 1


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("ok (a", "column 6: missing )"),
        ("ERROR [", "column 7: missing ] '['"),
        ("a(?=b)", "column 2: invalid perl operator '(?='; RE2 has neither look-around nor back references"),
        (r"(a)\1", "column 4: invalid escape sequence"),
        ("*a", "column 1: no argument for repetition operator"),
        (r"a\Ab", r"column 2: \A cannot be used; ^ and $ are the ends of a line"),
        ("a" * 1001, "column 1001: a pattern has at most 1000 characters"),
        ("a*", "the pattern 'a*' matches every line"),
        ("", "the pattern '' matches every line"),
        ("a|b)(c", "column 4: unexpected )"),
        ("((a{100}){100}){100}", "column 16: invalid repetition size '{100}'"),
    ],
)
def test_a_bad_pattern_is_refused_with_its_place(log: Path, pattern: str, said: str) -> None:
    with pytest.raises(ValueError) as raised:
        count([log], pattern, Tail())

    assert said in str(raised.value)


@pytest.mark.parametrize("pattern", ["(x+x+)+y", "(a|aa)+$", "(.*)*b$", "(x?){200}x{200}y"])
def test_a_pattern_that_others_choke_on_ends(log: Path, pattern: str) -> None:
    wrote(log, ("x" * 20_000 + "\n" + "a" * 20_000 + "!\n") * 20)

    assert count([log], pattern, Tail()).matching == 0


def test_a_tail_travels_as_json(log: Path) -> None:
    wrote(log, BAD)
    tail = count([log], "ERROR", Tail()).tail
    travels = TypeAdapter(Tail)

    assert travels.validate_json(travels.dump_json(tail)) == tail


LINES = st.lists(st.sampled_from(["ERROR", "ok", "", "no ERROR", "é", "x" * 50]), max_size=8)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["append", "rotate", "empty", "gone"]), LINES), max_size=12))
def test_whatever_happens_to_the_file_each_line_counts_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, list[str]]]
) -> None:
    """Looks follow each step. A file that is emptied or lost had been read by then, so nothing is ever missed."""
    log = tmp_path_factory.mktemp("log") / "app.log"
    tail, found, wanted = Tail(), 0, 0
    for number, (step, lines) in enumerate(steps):
        if step == "rotate" and log.exists():
            log.rename(log.with_name(f"app.log.{number}"))
        elif step == "empty":
            log.write_text("")
            tail = count([log], "ERROR", tail).tail
        elif step == "gone":
            log.unlink(missing_ok=True)
            tail = count([log], "ERROR", tail).tail
        wrote(log, "".join(f"{number} {line}\n" for line in lines))
        wanted += sum("ERROR" in line for line in lines)
        looked = count([log], "ERROR", tail)
        tail, found = looked.tail, found + looked.matching
    assert found == wanted


def test_no_lines_are_a_rate_of_zero(log: Path) -> None:
    assert replace(count([log], "ERROR", Tail()), matching=0).answer(timedelta(minutes=1)) == Values((Sample(0.0),))
    assert isinstance(Counted(0, 0, 0, Tail()).answer(timedelta(minutes=1)), NoData)
