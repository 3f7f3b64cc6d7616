"""`fullcycle catalog simulate`: before a merge, what it would change in the whole catalog. Fit for a check in CI.

The files of a checkout are read here, by git and never by running anything, and only those are sent that a sync would
read; of a registered repository the portal reads its own mirror.
"""

import base64
import json
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catalog.yamlfile import MAX_BYTES
from ledger.errors import Code, Error

if TYPE_CHECKING:
    from catalog.trees import Tree

ENOUGH = 1_900_000  # bytes in one request; the portal takes 2 MiB


@click.command()
@click.argument("repo", metavar="REPO")
@click.argument("revision", metavar="[REV]", default="HEAD")
@click.option("--as", "name", metavar="NAME", help="which registered repository a checkout is; else by its origin")
@click.option("--markdown", is_flag=True, help="for a comment on a merge request")
@click.option("--json", "as_json", is_flag=True, help="for programs")
def simulate(repo: str, revision: str, name: str | None, markdown: bool, as_json: bool) -> None:
    """Say what merging REV of REPO would change in the catalog: names taken, references broken, owners, deploys.

    REPO is the folder of a checkout, or the name, the address or the id of a registered repository. REV is a branch, a
    tag or a commit; HEAD if nothing is said. Exit 1 when something would break.
    """
    # Not sooner: `catalog validate` needs no portal, and should not wait for what talks to one.
    from catalog import simulated
    from portal.cli.deploys import connect
    from portal.client import printable

    if markdown and as_json:
        raise Error(Code.INVALID, "--markdown and --json exclude each other; choose one")
    portal, folder = connect(), Path(repo)
    git = _git_folder(folder) if folder.is_dir() else None
    named = name or (repo if git is None else _origin(git) or str(folder.resolve()))
    there = portal.get("/repositories/find", named=named)["repositories"][0]
    asked = {"revision": revision} if git is None else _files(git, folder, revision, there)
    told = portal.post(f"/repositories/{there['id']}/simulate", asked)
    if as_json:
        click.echo(json.dumps(dict(told)))
    elif markdown:
        click.echo(simulated.markdown(told), nl=False)
    else:
        click.echo(printable("\n".join(simulated.text(told))))
    sys.exit(1 if told["breaks"] else 0)


def _files(git: Path, folder: Path, revision: str, there: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a sync would read of a checkout at that revision, as the portal takes it."""
    from catalog.git import Mirror
    from catalog.reading import read
    from catalog.trees import MirrorTree
    from portal.blocks import BLOCKS

    mirror = Mirror(git, str(folder))
    # The checkout's own HEAD; a mirror's is what its source had at the last fetch.
    sha = mirror.resolve(re.sub(r"^HEAD(?=$|[~^])", "@", revision))
    tree = _Noted(MirrorTree(mirror, sha))
    read(tree, BLOCKS, there["paths"], home=there["url"])
    told: dict[str, dict[str, str | None]] = {"files": {}, "encoded": {}, "left_out": dict(tree.names.seen)}
    for path, text in tree.seen.items():
        try:
            told["files"][path] = None if text is None else text.decode("utf-8")
        except UnicodeDecodeError:
            told["encoded"][path] = base64.b64encode(text or b"").decode()
    if len(json.dumps(told)) > ENOUGH:
        said = f"the catalog files of {folder} are too large to be sent; push {sha[:10]}, and name the repository"
        raise Error(Code.INVALID, said)
    return told


class _Noted:
    """A tree that remembers what was asked of it: no more is sent."""

    def __init__(self, tree: "Tree") -> None:
        self._tree = tree
        self.seen: dict[str, bytes | None] = {}
        self.names = _NotedNames(tree.left_out())

    def paths(self) -> Sequence[str]:
        return self._tree.paths()

    def left_out(self) -> Mapping[str, str]:
        return self.names

    def read(self, paths: Collection[str], limit: int = MAX_BYTES) -> Mapping[str, bytes | None]:
        found = self._tree.read(paths, limit)
        self.seen.update(found)
        return found


class _NotedNames(Mapping[str, str]):
    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self.seen: dict[str, str] = {}

    def __getitem__(self, path: str) -> str:
        self.seen[path] = self._names[path]
        return self._names[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _git_folder(folder: Path) -> Path:
    """Return where git keeps what it knows of a checkout, which may be a worktree, or of a bare repository."""
    place = folder / ".git"
    if place.is_dir():
        return place.resolve()
    if place.is_file():
        said = place.read_text(errors="replace").strip().removeprefix("gitdir:").strip()
        return (folder / said).resolve()
    if (folder / "HEAD").is_file() and (folder / "objects").is_dir():
        return folder.resolve()
    raise Error(Code.INVALID, f"{folder} is no checkout of a git repository; name its top folder")


def _origin(git: Path) -> str:
    from catalog.gitcommand import Refused, run

    try:
        return run(git, ["config", "--get", "remote.origin.url"]).decode("utf-8", "replace").strip()
    except Refused:
        return ""
