"""What goes out: commits, files, lines, age, authors; small or not, and why. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

# A change that one person reads in a quarter of an hour; above one of these it is called large, with the reason.
SMALL_COMMITS = 8
SMALL_FILES = 15
SMALL_LINES = 300
MOST_PATHS = 500  # of one change that are kept

_TOUCHES = (
    ("migration", re.compile(r"(^|/)(migrations?|alembic|db/migrate)/|\.sql$", re.IGNORECASE)),
    (
        "dependency",
        re.compile(
            r"(^|/)(requirements[^/]*\.(txt|in)|pyproject\.toml|setup\.(py|cfg)|[^/]*\.lock|package(-lock)?\.json"
            r"|pnpm-lock\.yaml|go\.(mod|sum)|Cargo\.toml|pom\.xml|build\.gradle(\.kts)?|Gemfile)$",
            re.IGNORECASE,
        ),
    ),
    (
        "config",
        re.compile(
            r"(^|/)(config|settings|conf)(/|\.[^/]*$|[-_][^/]*$)|\.(toml|ini|cfg|env|conf|ya?ml|properties)$",
            re.IGNORECASE,
        ),
    ),
)


class File(Protocol):
    """One changed file of a commit."""

    @property
    def path(self) -> str: ...
    @property
    def plus(self) -> int: ...
    @property
    def minus(self) -> int: ...


class Committed(Protocol):
    """A commit as the mirror tells it."""

    @property
    def sha(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def author(self) -> str: ...
    @property
    def mail(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def files(self) -> Sequence[File]: ...


@dataclass(frozen=True)
class Commit:
    """One commit of a change, as shown: `touches` are the marks migration, dependency and config."""

    sha: str
    subject: str
    author: str
    mail: str
    at: datetime
    files: int
    plus: int
    minus: int
    touches: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """All that goes out at once, newest commit first. `large` says why it is not small; empty means that it is."""

    commits: tuple[Commit, ...] = ()
    files: int = 0
    plus: int = 0
    minus: int = 0
    touches: tuple[str, ...] = ()
    large: tuple[str, ...] = ()
    back: bool = False  # these commits leave production instead of entering it
    paths: tuple[str, ...] = ()  # of the changed files, as many as are kept

    @property
    def small(self) -> bool:
        return not self.large

    @property
    def oldest_at(self) -> datetime | None:
        return min((commit.at for commit in self.commits), default=None)

    @property
    def authors(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(commit.author for commit in self.commits))


def touches(paths: Sequence[str]) -> tuple[str, ...]:
    """Return what these paths touch, of migration, dependency and config; a path has one mark at most.

    >>> touches(["app/migrations/0003_add.py", "poetry.lock", "src/app.py"])
    ('migration', 'dependency')
    """
    found = {next((mark for mark, pattern in _TOUCHES if pattern.search(path)), None) for path in paths}
    return tuple(mark for mark, _ in _TOUCHES if mark in found)


def change(commits: Sequence[Committed], *, back: bool = False) -> Change:
    """Sum up commits, given newest first."""
    told = tuple(
        Commit(
            commit.sha,
            commit.subject,
            commit.author,
            commit.mail,
            commit.at,
            len(commit.files),
            sum(file.plus for file in commit.files),
            sum(file.minus for file in commit.files),
            touches([file.path for file in commit.files]),
        )
        for commit in commits
    )
    paths = sorted({file.path for commit in commits for file in commit.files})
    plus, minus = sum(commit.plus for commit in told), sum(commit.minus for commit in told)
    large = _large(len(told), len(paths), plus + minus)
    return Change(told, len(paths), plus, minus, touches(paths), large, back, tuple(paths[:MOST_PATHS]))


def _large(commits: int, files: int, lines: int) -> tuple[str, ...]:
    measured = (
        (commits, SMALL_COMMITS, "commits"),
        (files, SMALL_FILES, "files"),
        (lines, SMALL_LINES, "changed lines"),
    )
    return tuple(f"{found} {what}, small is up to {limit}" for found, limit, what in measured if found > limit)
