"""What goes out, summed up; small or not and why."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from pipelines.change import SMALL_COMMITS, SMALL_FILES, SMALL_LINES, change, touches
from tests.conftest import NOON


@dataclass(frozen=True)
class File:
    path: str
    plus: int = 1
    minus: int = 0


@dataclass(frozen=True)
class Committed:
    sha: str
    files: tuple[File, ...] = (File("src/app.py"),)
    author: str = "Alice"
    mail: str = "alice@example.org"
    at: datetime = NOON
    subject: str = "A small change"


def test_commits_are_summed_up_newest_first() -> None:
    newer = Committed("b", (File("src/app.py", 3, 1), File("poetry.lock", 20, 20)), author="Bob")
    older = Committed("a", (File("src/app.py", 2, 2),), at=NOON - timedelta(days=2))

    moving = change([newer, older])

    assert [commit.sha for commit in moving.commits] == ["b", "a"]
    assert (moving.files, moving.plus, moving.minus) == (2, 25, 23)  # app.py counts once
    assert moving.oldest_at == NOON - timedelta(days=2)
    assert moving.authors == ("Bob", "Alice")
    assert moving.touches == ("dependency",)
    assert moving.commits[1].touches == ()


def test_nothing_is_small_and_has_no_age() -> None:
    nothing = change([])

    assert nothing.small
    assert nothing.oldest_at is None


@pytest.mark.parametrize(
    ("commits", "files", "lines", "large"),
    [
        (SMALL_COMMITS, 1, 1, ()),
        (SMALL_COMMITS + 1, 1, 1, ("9 commits, small is up to 8",)),
        (1, SMALL_FILES, 1, ()),
        (1, SMALL_FILES + 1, 1, ("16 files, small is up to 15",)),
        (1, 1, SMALL_LINES, ()),
        (1, 1, SMALL_LINES + 1, ("301 changed lines, small is up to 300",)),
    ],
)
def test_small_ends_where_it_says(commits: int, files: int, lines: int, large: tuple[str, ...]) -> None:
    first = Committed("a", tuple(File(f"{number}.py", lines if number == 0 else 0) for number in range(files)))
    rest = [Committed(str(number), ()) for number in range(commits - 1)]

    moving = change([first, *rest])

    assert moving.large == large
    assert moving.small is (not large)


def test_every_reason_is_given_at_once() -> None:
    huge = [Committed(str(number), tuple(File(f"{number}/{file}.py", 40) for file in range(2))) for number in range(9)]

    assert change(huge).large == (
        "9 commits, small is up to 8",
        "18 files, small is up to 15",
        "720 changed lines, small is up to 300",
    )


@pytest.mark.parametrize(
    ("path", "mark"),
    [
        ("migrations/0001_init.py", "migration"),
        ("app/db/migrate/2026.rb", "migration"),
        ("alembic/versions/1.py", "migration"),
        ("schema/users.SQL", "migration"),
        ("requirements.txt", "dependency"),
        ("web/package-lock.json", "dependency"),
        ("pyproject.toml", "dependency"),
        ("uv.lock", "dependency"),
        ("go.sum", "dependency"),
        ("app/settings.py", "config"),
        ("config/routes.rb", "config"),
        (".env", "config"),
        ("deploy/values.yaml", "config"),
        ("src/migrations.py", None),
        ("src/configure_all.py", None),
        ("docs/go.sum.md", None),
        ("README.md", None),
    ],
)
def test_what_a_path_touches(path: str, mark: str | None) -> None:
    assert touches([path]) == ((mark,) if mark else ())


def test_marks_come_in_one_order_and_once() -> None:
    assert touches(["a.yaml", "b.yaml", "uv.lock", "x/migrations/1.py"]) == ("migration", "dependency", "config")


committed = some.builds(
    Committed,
    some.uuids().map(str),
    some.lists(some.builds(File, some.sampled_from("abcdef"), some.integers(0, 500), some.integers(0, 500))).map(tuple),
    at=some.datetimes(timezones=some.just(NOON.tzinfo)),
)


@settings(deadline=None)  # a busy machine is no failure
@given(some.lists(committed, max_size=20))
def test_the_sum_is_that_of_its_commits(commits: list[Committed]) -> None:
    moving = change(commits)

    assert moving.plus == sum(file.plus for commit in commits for file in commit.files)
    assert moving.minus == sum(file.minus for commit in commits for file in commit.files)
    assert moving.files == len({file.path for commit in commits for file in commit.files})
    assert moving.oldest_at == min((commit.at for commit in commits), default=None)
