"""Where a repository has a README and a runbook at one revision: one look at its list of files, kept in memory.

No file is opened here.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from catalog import actions
from catalog.git import Mirror
from catalog.scorecard import Facts
from ledger.errors import Error

RUNBOOKS = ("runbook.md", "docs/runbook.md", "doc/runbook.md", "runbook.txt")
# Of paths in lower case; group 1 is the folder that the file counts for.
README = re.compile(r"(?:(.*)/)?readme(?:\.\w{1,10})?")
RUNBOOK = [re.compile(f"(?:(.*)/)?{re.escape(name)}") for name in RUNBOOKS]


@dataclass(frozen=True)
class Files:
    """The folders of a commit that have a README, and those that have a runbook; in lower case, the root is empty."""

    readmes: frozenset[str]
    runbooks: frozenset[str]


def files(mirrors: Path, repository_id: int, head: str | None) -> Files | None:
    """Return what there is to read; None when the mirror cannot be read now."""
    mirror = actions.mirror(repository_id, mirrors)
    if head is None or not mirror.path.is_dir():
        return None
    try:
        return _listed(mirror.path, head)
    except Error:
        return None


def added(facts: Facts, there: Files | None, path: str) -> Facts:
    """Add what lies beside the catalog file or at the root; where nobody could look, nothing is known of it."""
    if there is None:
        return replace(facts, readme=None, runbook=facts.runbook or None)
    places = {"", path.lower().rpartition("/")[0]}
    found = "in its repository" if places & there.runbooks else ""
    return replace(facts, readme=bool(places & there.readmes), runbook=facts.runbook or found)


@lru_cache(maxsize=20_000)
def _listed(mirror: Path, head: str) -> Files:
    """Look through a commit. It never changes, so one look is enough."""
    paths = [path.lower() for path, _, _ in Mirror(mirror).listing(head)]
    return Files(_folders(README, paths), frozenset[str]().union(*(_folders(one, paths) for one in RUNBOOK)))


def _folders(pattern: re.Pattern[str], paths: Iterable[str]) -> frozenset[str]:
    return frozenset(found[1] or "" for found in map(pattern.fullmatch, paths) if found)
