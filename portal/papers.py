"""What a repository has to read for people: the runbook and the README of an entity, as of its own revision.

They are read from the mirror once for each revision and kept as they are shown; a mirror that cannot be read now is
said on the page, and everything else of it stands.
"""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from catalog import actions, forges
from catalog.query import EntityPage
from catalog.trees import MirrorTree
from ledger.errors import Error
from portal import prose
from portal.prose import Prose
from portal.scorefiles import RUNBOOKS

READMES = ("readme.md", "readme.markdown", "readme", "readme.txt", "readme.rst")  # lower-case, the best first
MARKDOWN = (".md", ".markdown")
LARGEST = 1024 * 1024  # bytes that are read at all
KEPT = 128  # papers of as many entities stay in memory


@dataclass(frozen=True)
class Paper:
    """`url`: its page at the forge, None when that is not known. `text` is None for what is no text or too large."""

    title: str
    path: str
    text: Prose | None
    url: str | None


@dataclass(frozen=True)
class Papers:
    """`runbook`: an address elsewhere, when that is what the entity names. `wrong` says why nothing could be read."""

    found: Sequence[Paper] = ()
    runbook: str = ""
    wrong: str = ""


def papers(mirrors: Path, page: EntityPage) -> Papers:
    """Return what there is to read for an entity."""
    about, named = page.about, runbook(page.document)
    inside = _inside(named, about.repository_url, posixpath.dirname(about.place.path))
    elsewhere = named if named and not inside and prose.safe_link(named) else ""
    try:
        where = (about.repository_url, about.branch, about.revision, posixpath.dirname(about.place.path))
        found = _read(mirrors, about.repository_id, *where, inside)
    except Error as error:
        return Papers((), elsewhere, error.message)
    return Papers(found if not elsewhere else [one for one in found if one.title != "Runbook"], elsewhere)


def runbook(document: Mapping[str, Any]) -> str:
    """Return what an entity names as its runbook: `spec.oncall.runbook`, or a link of that type or title."""
    oncall = document["spec"].get("oncall")
    said = oncall.get("runbook") if isinstance(oncall, Mapping) else None
    if isinstance(said, str) and said:
        return said
    links = document["metadata"].get("links")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, Mapping) and "runbook" in f"{link.get('type')} {link.get('title')}".lower().split():
            return str(link.get("url") or "")
    return ""


def _inside(named: str, repository: str, folder: str) -> str:
    """Return the path of a runbook that lies in the entity's own repository, empty when it lies elsewhere."""
    if not named:
        return ""
    address = forges.split(named)
    if address.path and forges.same(address.repository, repository):
        return address.path
    if ":" in named:
        return ""
    path = posixpath.normpath(posixpath.join(folder, named.partition("#")[0]))
    return "" if path.startswith(("..", "/")) else path


@lru_cache(maxsize=KEPT)
def _read(
    mirrors: Path, repository_id: int, repository: str, branch: str, revision: str, folder: str, named: str
) -> Sequence[Paper]:
    tree = MirrorTree(actions.mirror(repository_id, mirrors), revision)
    there = {path.lower(): path for path in tree.paths()}
    chosen = {"Runbook": _first(there, folder, RUNBOOKS, named), "README": _first(there, folder, READMES)}
    contents = tree.read([path for path in chosen.values() if path], LARGEST)
    found = []
    for title, path in chosen.items():
        if path and path in contents:
            text = _shown(contents[path], path, repository, branch, title.lower())
            found.append(Paper(title, path, text, forges.file_url(repository, branch, path)))
    return found


def _first(there: Mapping[str, str], folder: str, names: Sequence[str], named: str = "") -> str:
    """Look where the entity says, then beside its catalog file, then at the root; paths differ in case at most."""
    wanted = [named] if named else []
    wanted += [posixpath.join(where, name) for where in dict.fromkeys((folder, "")) for name in names]
    return next((there[path.lower()] for path in wanted if path.lower() in there), "")


def _shown(contents: bytes | None, path: str, repository: str, branch: str, mark: str) -> Prose | None:
    if contents is None or b"\0" in contents:
        return None
    text = contents.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    if not path.lower().endswith(MARKDOWN):
        return prose.plain(text)

    def file_url(linked: str) -> str | None:
        return forges.file_url(repository, branch, linked) if linked else None

    return prose.render(text, folder=posixpath.dirname(path), file_url=file_url, mark=mark)
