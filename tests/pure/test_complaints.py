"""The page of complaints names a test for each answer, and each of them is there."""

import re
from pathlib import Path

HERE = Path(__file__).parents[1]
PAGE = HERE.parent / "docs" / "oncall-complaints.md"


def test_every_answer_is_held_by_a_test_that_exists() -> None:
    rows = re.findall(r"^\| (\d+) \|.*`(test_\w+)` \|$", PAGE.read_text(), re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 19))
    written = "".join(path.read_text() for path in HERE.rglob("test_*.py"))
    assert [name for _, name in rows if f"def {name}(" not in written] == []
