"""Commits and branches as git tells them. Pure: reads what git's log, ls-remote and for-each-ref write."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

HEAD = "refs/fullcycle/head"  # in a mirror: what the source's HEAD was at the last fetch
FORMAT = "%H%x00%s%x00%an%x00%ae%x00%ct"  # NUL cannot stand in a commit
_COUNTED = re.compile(r"\n?(\d+|-)\t(\d+|-)\t(.*)", re.DOTALL)
_LAST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class FileChange:
    """Lines added to and removed from one file; a binary file counts 0 and 0."""

    path: str
    plus: int
    minus: int


@dataclass(frozen=True)
class Commit:
    sha: str
    subject: str
    author: str
    mail: str
    at: datetime
    files: tuple[FileChange, ...] = ()


def commits(log: bytes) -> list[Commit]:
    """Read the log's output, in its order."""
    words = iter(log.decode("utf-8", "replace").split("\0"))
    found: list[Commit] = []
    files: list[FileChange] = []
    for word in words:
        counted = _COUNTED.fullmatch(word)
        if counted:
            files.append(_change(counted, words))
        elif word.strip("\n"):
            files = []
            found.append(_commit(word.strip("\n"), words))
            continue
        if found and files:
            found[-1] = Commit(*_head(found[-1]), tuple(files))
    return found


def _head(commit: Commit) -> tuple[str, str, str, str, datetime]:
    return commit.sha, commit.subject, commit.author, commit.mail, commit.at


def _change(counted: re.Match[str], words: Iterator[str]) -> FileChange:
    plus, minus, path = counted.groups()
    if not path:  # a rename: the old path, then the new one
        next(words, "")
        path = next(words, "")
    return FileChange(path, 0 if plus == "-" else int(plus), 0 if minus == "-" else int(minus))


def _commit(sha: str, words: Iterator[str]) -> Commit:
    subject, author, mail, seconds = (next(words, "") for _ in range(4))
    return Commit(sha, subject, author, mail, _moment(seconds))


def _moment(seconds: str) -> datetime:
    """Read git's seconds; what somebody forged outside the calendar becomes its edge."""
    number = int(seconds) if seconds.strip().lstrip("-").isdigit() else 0
    return datetime.fromtimestamp(min(max(number, 0), _LAST), UTC)


@dataclass(frozen=True)
class Listed:
    """What a repository has: the sha of every branch and tag and of its head, and the branch that the head is on."""

    refs: Mapping[str, str]
    branch: str


def listed(remote: bytes) -> Listed:
    """Read `ls-remote --symref`."""
    refs, branch = {}, ""
    for line in remote.decode("utf-8", "surrogateescape").splitlines():
        about, _, name = line.partition("\t")
        if about.startswith("ref: ") and name == "HEAD":
            branch = about.removeprefix("ref: ")
        elif name == "HEAD":
            refs[HEAD] = about
        elif name.startswith(("refs/heads/", "refs/tags/")) and not name.endswith("^{}"):
            refs[name] = about
    return Listed(refs, branch if branch.startswith("refs/heads/") else "")
