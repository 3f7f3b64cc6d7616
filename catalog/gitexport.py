"""A clean checkout of one commit: files only, nothing of git's own, and no link that leads out of it."""

import os
import tempfile
from datetime import timedelta
from pathlib import Path

from catalog.gitcommand import Refused, run
from ledger.errors import Code, Error


def export(mirror: Path, sha: str, folder: Path, timeout: timedelta) -> None:
    """Put the files of a commit into `folder`, all or none; INVALID when a link leads out of it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".export-") as temporary:
        tree = Path(temporary) / "tree"
        tree.mkdir()
        env = {"GIT_INDEX_FILE": str(Path(temporary) / "index"), "GIT_WORK_TREE": str(tree)}
        try:
            for command in (["read-tree", sha], ["checkout-index", "--all", "--quiet"]):
                run(mirror, command, env=env, config=["core.bare=false"], timeout=timeout)
        except Refused as refused:
            raise _not_exported(refused, sha) from None
        _refuse_links_out_of(tree)
        try:
            tree.rename(folder)
        except OSError:
            raise Error(Code.CONFLICT, f"{folder} is there already; remove it first") from None


def _not_exported(refused: Refused, sha: str) -> Error:
    if "No space left" in refused.said:
        return Error(Code.UNAVAILABLE, "the disk of the portal is full; make room and try again", refused.said)
    return Error(Code.UNAVAILABLE, f"the files of {sha[:10]} cannot be checked out", refused.said)


def _refuse_links_out_of(tree: Path) -> None:
    root = os.path.realpath(tree)
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            if os.path.islink(path) and not os.path.realpath(path).startswith(root + os.sep):
                said = f"{os.path.relpath(path, tree)} is a link that leads out of the repository; remove it"
                raise Error(Code.INVALID, said, f"to {os.readlink(path)}")
