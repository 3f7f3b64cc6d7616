"""Writes real git repositories with a history, in one go, without a user's or a system's git configuration."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from catalog import gitaccess, gitcommand
from catalog.gitcommand import Refused
from portal.demo.story import MAIN, Commit

FILE = "catalog-info.yaml"


def write(folder: Path, commits: Sequence[Commit], now: datetime) -> Mapping[int, str]:
    """Make a repository with those commits in a new folder, its files checked out; return the shas by index."""
    _empty(folder)
    heads: dict[str, str] = {}
    stream = []
    for mark, commit in enumerate(commits, start=1):
        stream.append(_told(commit, mark, heads.get(commit.branch, heads.get(MAIN)), now))
        heads[commit.branch] = f":{mark}"
    git = folder / ".git"
    marks = git / "marks"
    gitcommand.run(git, ["fast-import", "--quiet", f"--export-marks={marks}"], stdin=b"".join(stream))
    _check_out(folder)
    written = dict(line.split() for line in marks.read_text().splitlines())
    marks.unlink()
    return {int(mark.removeprefix(":")) - 1: sha for mark, sha in written.items()}


def add(folder: Path, commit: Commit, now: datetime) -> None:
    """Make one more commit on the default branch of a repository that is there."""
    stream = _told(commit, 1, f"refs/heads/{MAIN}^0", now)
    gitcommand.run(folder / ".git", ["fast-import", "--quiet"], stdin=stream)
    _check_out(folder)


def watch(folder: Path, command: Sequence[str]) -> None:
    """Have that command run after each commit and merge there, beside whoever commits and without a word."""
    clean = 'env -i PATH="$PATH" HOME="$HOME" TMPDIR="${TMPDIR:-/tmp}"'  # without what git tells its hooks
    told = f"#!/bin/sh\n({clean} {shlex.join(command)} </dev/null >/dev/null 2>&1 &)\n"
    for name in ("post-commit", "post-merge"):
        hook = folder / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(told)
        hook.chmod(0o755)


def _told(commit: Commit, mark: int, parent: str | None, now: datetime) -> bytes:
    """Write a commit as `git fast-import` reads it."""
    seconds = int((now - commit.ago).timestamp())
    who = f"{commit.author.name} <{commit.author.mail}> {seconds} +0000"
    parts = [f"commit refs/heads/{commit.branch}\nmark :{mark}\nauthor {who}\ncommitter {who}\n".encode()]
    parts.append(_data(commit.subject + "\n"))
    if parent:
        parts.append(f"from {parent}\n".encode())
    parts += [f"M 100644 inline {path}\n".encode() + _data(text) for path, text in commit.files.items()]
    return b"".join(parts) + b"\n"


def _data(text: str) -> bytes:
    data = text.encode()
    return b"data %d\n%b\n" % (len(data), data)


def clone(source: Path, folder: Path) -> str:
    """Clone what `source` has committed last; return why it cannot be deployed, empty when it can."""
    if not (source / ".git").exists():
        return "this Fullcycle does not run from a git checkout"
    git = folder / ".git"
    try:
        if gitcommand.run(source / ".git", ["rev-parse", "--is-shallow-repository"]).strip() == b"true":
            return "its checkout has only a part of the history (git fetch --unshallow brings the rest)"
        _empty(folder)
        with gitaccess.access(str(source), None) as (env, config):
            gitcommand.run(git, ["fetch", "--quiet", str(source), "HEAD"], env=env, config=config)
        gitcommand.run(git, ["update-ref", f"refs/heads/{MAIN}", "FETCH_HEAD"])
        gitcommand.run(git, ["cat-file", "-e", f"{MAIN}:{FILE}"])
        _check_out(folder)
    except Refused as refused:
        return f"its checkout cannot be cloned: {refused.said or 'the last commit has no ' + FILE}"
    return ""


def _empty(folder: Path) -> None:
    folder.mkdir(parents=True)
    gitcommand.run(folder / ".git", ["init", "--quiet", f"--initial-branch={MAIN}"])


def _check_out(folder: Path) -> None:
    gitcommand.run(folder / ".git", ["reset", "--quiet", "--hard", MAIN], env={"GIT_WORK_TREE": str(folder)})
