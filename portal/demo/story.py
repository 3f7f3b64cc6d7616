"""The life of a repository, read from `apps/NAME.yaml` for what is deployed, else from `around/NAME.yaml`.

One entry per commit, oldest first.

    ago       how long before the company is made this was committed: 27d, 3h
    author    a login of people.py
    subject   the commit's message
    branch    else main; a branch begins where main is at that point
    files     whole files, path to text
    edits     path to a list of `old` text, there exactly once, and its `new` text
    shares    files that all services have, taken from `apps/*.template`
    deployed  in the past: `healthy`, `undone` when it was put back, `regretted` when a person went back
    late      when it is made the portal is told: `first` time of the repository, or of one that it knows, `again`

`$bake`, `$every`, `$patience` and `$many` in a text stand for the company's pace; any other `$` for itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from string import Template
from typing import Any

import yaml

from portal.demo import people
from portal.demo.people import BY_LOGIN, Employee
from production.settings import duration

APPS = Path(__file__).parent / "apps"
AROUND = Path(__file__).parent / "around"
MAIN = "main"


@dataclass(frozen=True)
class Pace:
    """How long waves are watched, how often a check looks, how long it is waited for, and how many are many."""

    bake: str
    every: str
    patience: str
    many: str

    def told(self, text: str) -> str:
        return Template(text).safe_substitute(vars(self))


FOR_PEOPLE = Pace(bake="10s", every="500ms", patience="8s", many="120")
FOR_THE_TOUR = Pace(bake="1s", every="100ms", patience="4s", many="60")


@dataclass(frozen=True)
class Commit:
    """`files` are all files that the commit writes, whole; `late` is empty, `again` or `first`."""

    author: Employee
    ago: timedelta
    subject: str
    files: Mapping[str, str]
    branch: str = MAIN
    deployed: str = ""
    late: str = ""


def services() -> Sequence[str]:
    """Return the names of the company's own services."""
    return sorted(path.stem for path in APPS.glob("*.yaml"))


def others() -> Sequence[str]:
    """Return the names of repositories of which nothing is deployed."""
    return sorted(path.stem for path in AROUND.glob("*.yaml"))


def life(name: str, pace: Pace) -> Sequence[Commit]:
    """Return a repository's commits, oldest first; branches follow where they begin."""
    entries: list[dict[str, Any]] = yaml.safe_load(_file(name).read_text())
    commits: list[Commit] = []
    tree: dict[str, str] = {}
    for entry in entries:
        written = {path: pace.told(text) for path, text in _written(entry, tree, pace).items()}
        branch = entry.get("branch", MAIN)
        if branch == MAIN:
            tree |= written
        author, ago = BY_LOGIN[entry["author"]], duration(entry["ago"])
        told = (entry["subject"], written, branch, entry.get("deployed", ""), entry.get("late", ""))
        commits.append(Commit(author, ago, *told))
    return commits


def _file(name: str) -> Path:
    path = APPS / f"{name}.yaml"
    return path if path.exists() else AROUND / path.name


def everybody() -> Sequence[Commit]:
    """Return the commits of the repository that says who there is: once there was one team more."""
    readme = {"README.md": "# people\n\nWho we are, and who belongs where.\n"}
    once = {"catalog-info.yaml": people.catalog(people.EMPLOYEES, people.GONE), **readme}
    now = {"catalog-info.yaml": people.catalog()}
    return [
        Commit(BY_LOGIN["iris"], timedelta(days=30), "Say who we are", once),
        Commit(
            BY_LOGIN["iris"], timedelta(days=5, hours=2), "Otto has left, and with him team-legacy", now, late="again"
        ),
    ]


def _written(entry: Mapping[str, Any], tree: Mapping[str, str], pace: Pace) -> dict[str, str]:
    shared = {path: (APPS / path).with_suffix(".template").read_text() for path in entry.get("shares", ())}
    edited = {path: _edited(path, tree[path], edits, pace) for path, edits in entry.get("edits", {}).items()}
    return {**shared, **entry.get("files", {}), **edited}


def _edited(path: str, text: str, edits: Sequence[Mapping[str, str]], pace: Pace) -> str:
    for edit in edits:
        old = pace.told(edit["old"])
        if text.count(old) != 1:
            raise ValueError(f"{path}: stands there {text.count(old)} times, not once: {old!r}")
        text = text.replace(old, edit["new"])
    return text
