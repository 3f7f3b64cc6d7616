"""How a bare repository is made and brought up to date, and what is remembered of it beside git's own files.

A note in the mirror says what the source listed the last time and what its head was, so that asking again costs one
process and reading nothing. Nothing here takes a lock: its caller holds the mirror's.
"""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from catalog import history
from catalog.address import shown
from catalog.gitaccess import Credentials, Network, access, quoted
from catalog.gitcommand import Refused, Room, TooLarge, run
from catalog.history import HEAD, Commit
from ledger.errors import Code, Error

MOST = 2 * 1024**3  # bytes of a repository's objects
MAX_LISTED = 32 * 1024 * 1024  # bytes of branches and tags
_NOTE = "fullcycle.json"
_WHOLE = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_BRANCH = re.compile(r"refs/heads/[^\x00-\x20\x7f:?*\[\\~^]+")
_CONFIG = """[core]
\trepositoryformatversion = 0
\tbare = true
[remote "origin"]
\turl = {url}
"""


@dataclass(frozen=True)
class Source:
    """Where to fetch from and within which limits. `most`: bytes that the mirror may come to hold."""

    url: str
    credentials: Credentials | None = None
    network: Network | None = None
    timeout: timedelta = timedelta(seconds=60)
    most: int = MOST


@dataclass(frozen=True)
class Note:
    """What the last fetch left. `listed` is the digest of what the source said; `whole`: with all its history."""

    url: str
    listed: str
    whole: bool
    branch: str
    head: Commit


def make(at: Path, url: str) -> None:
    """Make an empty bare repository, as `git init` does with an empty template."""
    for folder in ("objects", "refs"):
        (at / folder).mkdir(parents=True)
    (at / "HEAD").write_text("ref: refs/heads/main\n")
    (at / "config").write_text(_CONFIG.format(url=quoted(url)))


def note(at: Path) -> Note | None:
    """Return what is remembered of a mirror; None when that is nothing, or cannot be read."""
    try:
        said = json.loads((at / _NOTE).read_text())
        head = said["head"]
        commit = Commit(head["sha"], head["subject"], head["author"], head["mail"], datetime.fromisoformat(head["at"]))
        return Note(said["url"], said["listed"], bool(said["whole"]), said["branch"], commit)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_whole(at: Path) -> bool:
    """Say whether all branches, tags and history were fetched. A mirror without a note is older than notes, and is."""
    found = note(at)
    return (
        found.whole if found else (at / "packed-refs").exists() or (at / "refs" / HEAD.removeprefix("refs/")).exists()
    )


def is_of_another(at: Path, url: str) -> bool:
    """Say whether the mirror is known to be one of another source."""
    found = note(at)
    return found is not None and found.url != url


def update(at: Path, source: Source, whole: bool, look_closely: bool = False) -> bool:
    """Fetch what the source has, unless the mirror has exactly that; say whether anything was fetched.

    Refused: git's own error, of which the source or a damaged mirror may be the cause. `look_closely` fetches even what
    is remembered as fetched.
    """
    before = note(at)
    with access(source.url, source.credentials, source.network) as (env, config):
        patterns = ("HEAD", "refs/heads/*", "refs/tags/*") if whole else ("HEAD",)
        asked = ["ls-remote", "--symref", "--", source.url, *patterns]
        said = run(at, asked, timeout=source.timeout, config=config, env=env, most=MAX_LISTED)
        listed = history.listed(said)
        if HEAD not in listed.refs:
            raise Error(Code.UNAVAILABLE, f"{shown(source.url)} has no commit yet; push one and sync again")
        digest = hashlib.sha256(b"whole\n" * whole + said).hexdigest()
        if before and before.listed == digest and not look_closely:
            return False
        branch = branch_of(listed.branch)
        _fetch(at, source, _refspecs(whole, branch), _depth(at, whole), env, config)
    _settle(at, before, whole, branch)
    _remember(at, Note(source.url, digest, whole, _short(branch), head(at)))
    return True


def branch_of(symref: str) -> str:
    """Return the branch that the source's head is on; nothing for what could be read as more than one name."""
    return symref if _BRANCH.fullmatch(symref) else ""


def _refspecs(whole: bool, branch: str) -> Sequence[str]:
    if whole:
        return (*_WHOLE, f"+HEAD:{HEAD}")
    return (f"+HEAD:{HEAD}", f"+{branch}:{branch}") if branch else (f"+HEAD:{HEAD}",)


def _depth(at: Path, whole: bool) -> Sequence[str]:
    """Return how far back to fetch; a source that is shallow itself is taken as it is."""
    if not whole:
        return ["--depth=1"]
    return ["--prune", "--unshallow" if (at / "shallow").exists() else "--update-shallow"]


def _fetch(
    at: Path, source: Source, refspecs: Sequence[str], depth: Sequence[str], env: dict[str, str], config: list[str]
) -> None:
    quiet = ["--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-show-forced-updates", "--quiet"]
    command = ["fetch", *quiet, *depth, "--", source.url, *refspecs]
    room = Room(at / "objects", source.most)
    try:
        run(at, command, timeout=source.timeout, config=config, env=env, room=room)
    except Refused:
        tidy(at)
        raise
    if room.is_exceeded():
        raise TooLarge(source.most)


def tidy(at: Path) -> None:
    """Remove what a git that was killed left: locks that nobody holds any more, and halves of what it fetched."""
    for folder, _folders, names in os.walk(at):
        for name in names:
            if name.endswith(".lock") or name.startswith("tmp_"):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, name))


def _settle(at: Path, before: Note | None, whole: bool, branch: str) -> None:
    """Point at the default branch, and drop the one that it was before where nothing else does."""
    if branch:
        beside = at / "HEAD.new"
        beside.write_text(f"ref: {branch}\n")
        beside.replace(at / "HEAD")
    if not whole and before and before.branch not in ("", _short(branch)):
        run(at, ["update-ref", "-d", f"refs/heads/{before.branch}"])
    if before:
        run(at, ["gc", "--auto", "--quiet"], config=["maintenance.auto=true"], timeout=timedelta(minutes=5))


def head(at: Path) -> Commit:
    """Ask git for the source's head, as of the last fetch."""
    return history.commits(run(at, ["log", "-z", f"--format={history.FORMAT}", "--max-count=1", HEAD, "--"]))[0]


def _short(branch: str) -> str:
    return branch.removeprefix("refs/heads/")


def _remember(at: Path, what: Note) -> None:
    beside = at / f"{_NOTE}.new"
    beside.write_text(json.dumps(asdict(what), default=datetime.isoformat))
    beside.replace(at / _NOTE)
