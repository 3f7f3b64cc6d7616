"""Repositories as this API's locations: each is one, and everything it describes comes from there. Values only."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from catalog import forges
from catalog.store import Repository

# Hosts whose projects have an annotation of their own.
PROJECTS = {"github.com": "github.com", "gitlab.com": "gitlab.com", "bitbucket.org": "bitbucket.org"}
ODD = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Location:
    """One repository. `id` is its uid; `entity_ref` is how Backstage names the place itself."""

    id: str
    type: str
    target: str
    repository_id: int

    @property
    def entity_ref(self) -> str:
        return entity_ref(self.type, self.target)

    @property
    def told(self) -> Mapping[str, str]:
        return {"id": self.id, "type": self.type, "target": self.target, "entityRef": self.entity_ref}


def location(repository: Repository) -> Location:
    return Location(repository.uid or str(repository.id), type_of(repository.url), repository.url, repository.id)


def type_of(target: str) -> str:
    """Return `file` for a folder of the portal's machine, else `url`."""
    return "file" if target.startswith("/") else "url"


def entity_ref(type_: str, target: str) -> str:
    """Return the reference of the Location entity that Backstage would make of it.

    >>> entity_ref("url", "https://github.com/shop/checkout")
    'location:default/generated-0a2572ebd9ffad9a6032c24a9e689b1f7c2fd966'
    """
    digest = hashlib.sha1(f"{type_}:{target}".encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    return f"location:default/generated-{digest}"


def holder(repositories: Iterable[Repository], target: str) -> Repository | None:
    """Return the repository that a target, or the file it names, belongs to."""
    named = forges.split(target).repository
    return next((one for one in repositories if forges.same(one.url, named)), None)


def reads(repository: Repository, target: str) -> bool:
    """Say whether that repository already has what a target names read."""
    path = forges.split(target).path
    return path is None or path in repository.paths or path.rpartition("/")[2] == "catalog-info.yaml"


def entity(found: Location) -> Mapping[str, Any]:
    """Return the entity that stands for the place, the parent of what it describes."""
    ref = f"{found.type}:{found.target}"
    where = {"backstage.io/managed-by-location": ref, "backstage.io/managed-by-origin-location": ref}
    metadata = {"name": found.entity_ref.rpartition("/")[2], "namespace": "default", "annotations": where}
    spec = {"type": found.type, "target": found.target}
    return {"apiVersion": "backstage.io/v1alpha1", "kind": "Location", "metadata": metadata, "spec": spec}


def draft(target: str) -> Mapping[str, Any]:
    """Return a component that a repository without a catalog file could begin with."""
    named = forges.split(target).repository.removesuffix(".git").rstrip("/")
    slug = "/".join(re.split(r"[/:]", named)[-2:])
    name = ODD.sub("-", slug.rpartition("/")[2]).strip("-._")[:63].strip("-._") or "component"
    metadata: dict[str, Any] = {"name": name}
    project = next((PROJECTS[host] for host in PROJECTS if re.search(rf"[/@.]{re.escape(host)}[/:]", named)), None)
    if project:
        metadata["annotations"] = {f"{project}/project-slug": slug}
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": metadata,
        "spec": {"type": "other", "lifecycle": "unknown"},
    }
