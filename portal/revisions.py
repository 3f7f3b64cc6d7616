"""What a commit was: its subject, who made it, and when; read from the mirror once and kept."""

from functools import lru_cache
from pathlib import Path

from catalog import actions
from catalog.git import Commit
from ledger.errors import Error

KEPT = 512  # commits stay in memory


def commit(mirrors: Path, repository_id: int, sha: str | None) -> Commit | None:
    """Return what that commit was, None when its mirror does not have it, or cannot be read now."""
    try:
        return _read(mirrors, repository_id, sha) if sha else None
    except Error:
        return None


@lru_cache(maxsize=KEPT)
def _read(mirrors: Path, repository_id: int, sha: str) -> Commit:
    there = actions.mirror(repository_id, mirrors)
    return there.commits(None, there.resolve(sha), limit=1)[0]
