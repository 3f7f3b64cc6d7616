"""An entity as the API shows it: what its file says, and the annotations that say where it comes from.

Pure. Relations, status, uid and etag are put in by the store, which knows them.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from catalog import forges
from catalog.entities import Entity

LOCATION = "backstage.io/managed-by-location"
ORIGIN = "backstage.io/managed-by-origin-location"
ORPHAN = "backstage.io/orphan"
OURS = ("uid", "etag")  # of metadata, whatever a file says there


@dataclass(frozen=True)
class Origin:
    """The repository and the branch that an entity is read from."""

    repository: str
    branch: str


def document(entity: Entity, origin: Origin) -> dict[str, Any]:
    """Return the entity as data that JSON can hold; what its file says of where it comes from does not count."""
    said = _plain(entity.document.data)
    metadata = {key: value for key, value in said["metadata"].items() if key not in OURS}
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if value is not None}
    folder = entity.place.path.rpartition("/")[0]
    where, managed = _where(origin, folder, entity.place.path), _managed(origin, entity.place.path)
    metadata["annotations"] = {**where, **annotations, **managed}
    metadata.setdefault("namespace", "default")
    return {"apiVersion": said["apiVersion"], "kind": said["kind"], "metadata": metadata, "spec": said.get("spec", {})}


def stitched(
    base: Mapping[str, Any], uid: str, relations: Iterable[tuple[str, str]], wrong: str = "", *, gone: bool
) -> dict[str, Any]:
    """Return the final document: relations by type and target, and what is wrong with its file, if anything is.

    `gone`: its file no longer describes it, so that it is an orphan. `base` may be an earlier final document.
    """
    said = {key: value for key, value in base["metadata"].items() if key not in OURS}
    metadata = {"name": said["name"], "etag": "", "uid": uid, **said}
    metadata["annotations"] = {key: value for key, value in said["annotations"].items() if key != ORPHAN}
    if gone:
        metadata["annotations"][ORPHAN] = "true"
    final: dict[str, Any] = {"apiVersion": base["apiVersion"], "kind": base["kind"], "metadata": metadata}
    final |= {"spec": base["spec"], "relations": [{"type": type_, "targetRef": to} for type_, to in relations]}
    if wrong:
        error = {"name": "InputError", "message": wrong}
        item = {"type": "backstage.io/catalog-processing", "level": "error", "message": f"InputError: {wrong}"}
        final["status"] = {"items": [{**item, "error": error}]}
    return final


def written(final: Mapping[str, Any]) -> str:
    """Return a final document as JSON, with an etag of all that it says; nothing before it can hold such text."""
    text = dumped(final)
    etag = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
    return text.replace('"etag":""', f'"etag":"{etag}"', 1)


def dumped(said: Mapping[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=4096)
def _managed(origin: Origin, path: str) -> Mapping[str, str]:
    """The file that describes it, and the repository that was registered."""
    registered = "file" if origin.repository.startswith("/") else "url"
    return {
        LOCATION: location(origin.repository, origin.branch, path),
        ORIGIN: f"{registered}:{origin.repository}",
    }


@lru_cache(maxsize=4096)
def _where(origin: Origin, folder: str, path: str) -> Mapping[str, str]:
    """Where people look and edit, unless the file says better."""
    found = {
        "backstage.io/view-url": forges.file_url(origin.repository, origin.branch, path),
        "backstage.io/edit-url": forges.edit_url(origin.repository, origin.branch, path),
    }
    source = forges.tree_url(origin.repository, origin.branch, folder)
    told = {key: address for key, address in found.items() if address}
    return told | ({"backstage.io/source-location": f"url:{source}"} if source else {})


def location(repository: str, branch: str, path: str) -> str:
    """Return the location reference of a file: its page at its forge, else its path below the repository's address."""
    page = forges.file_url(repository, branch, path)
    if page:
        return f"url:{page}"
    return f"file:{repository.rstrip('/')}/{path}" if repository.startswith("/") else f"url:{repository}/{path}"


def _plain(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy that JSON can hold; what it has no word for (infinity) is null."""
    try:
        copied: dict[str, Any] = json.loads(json.dumps(said, allow_nan=False))
    except ValueError:
        copied = _json(said)
    return copied


def _json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _json(below) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_json(below) for below in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
