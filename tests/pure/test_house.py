"""What holds for the house as a whole, beside the contracts of the imports."""

import doctest
import importlib
import re
import tomllib
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent.parent
ROOMS = ("portal", "pipelines", "oncall", "production", "catalog", "ledger")
REQUIRED = ("flask", "sqlalchemy", "gitpython", "pagerduty", "pyyaml", "prometheus-api-client")
LONGEST = 300  # lines of a module

MODULES = sorted(
    path
    for room in ROOMS
    for path in (HOUSE / room).rglob("*.py")
    if "frontend" not in path.parts and "releases" not in path.parts
)
WITH_EXAMPLES = [path for path in MODULES if ">>> " in path.read_text()]


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(HOUSE).with_suffix("").parts)


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=dotted)
def test_the_examples_in_the_docstrings_are_true(path: Path) -> None:
    found = doctest.testmod(importlib.import_module(dotted(path)))

    assert found.attempted > 0
    assert found.failed == 0


def test_no_module_is_longer_than_three_hundred_lines() -> None:
    long = {dotted(path): count for path in MODULES if (count := len(path.read_text().splitlines())) > LONGEST}

    assert long == {}


def test_every_module_says_what_it_knows() -> None:
    silent = [dotted(path) for path in MODULES if path.read_text().strip() and not path.read_text().startswith('"""')]

    assert silent == []


def test_the_first_command_of_the_readme_stands_within_twelve_lines() -> None:
    lines = (HOUSE / "README.md").read_text().splitlines()

    assert next(number for number, line in enumerate(lines, start=1) if line.startswith("./dev")) <= 12


def test_every_picture_and_file_that_the_readme_names_is_there() -> None:
    named = re.findall(r"\]\(([^)#]+)\)", (HOUSE / "README.md").read_text())

    assert [name for name in named if "://" not in name and not (HOUSE / name).exists()] == []


def test_what_was_asked_for_is_required() -> None:
    project = tomllib.loads((HOUSE / "pyproject.toml").read_text())["project"]
    required = {re.split(r"[\[<>=~ ]", line)[0] for line in project["dependencies"]}

    assert required >= set(REQUIRED)
    assert all((HOUSE / room).is_dir() for room in (*ROOMS, "tests", "migrations"))


@pytest.mark.parametrize("path", sorted((HOUSE / "locks").glob("*.lock")), ids=lambda path: path.name)
def test_a_lock_holds_hashes_and_no_addresses(path: Path) -> None:
    text = path.read_text()

    assert "--hash=sha256:" in text
    assert "://" not in text
