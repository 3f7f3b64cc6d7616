"""A catalog of any size, put straight into the tables: for tests and benches of what reads it."""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert

from catalog.flat import flat
from catalog.tables import SEARCH, EntityRow, RelationRow, RepositoryRow
from ledger.db import Database
from tests.conftest import NOON

URL = "https://github.example/shop/all"
SEED = uuid.UUID("9bd7c5be-2d76-4b0c-8a0e-7f3c7a5f6a10")
LIFECYCLES = ("production", "production", "production", "experimental", "deprecated")
TYPES = ("service", "service", "website", "library")
BATCH = 1000  # entities of one statement


def group(number: int, owns: Iterable[int] = ()) -> dict[str, Any]:
    said = {"type": "team", "children": [], "profile": {"displayName": f"Team {number}"}}
    relations = [("ownerOf", f"component:default/svc-{one:05}") for one in owns]
    return entity("Group", f"team-{number:02}", said, relations=relations, description=f"Team number {number}")


def component(number: int, groups: int = 50) -> dict[str, Any]:
    """Return a component like those of a large company: owned, described, annotated, and leaning on two others."""
    team = f"team-{number % groups:02}"
    said = {
        "type": TYPES[number % len(TYPES)],
        "lifecycle": LIFECYCLES[number % len(LIFECYCLES)],
        "owner": f"group:{team}",
        "dependsOn": [f"component:svc-{number // 2:05}", f"component:svc-{number // 3:05}"],
    }
    relations = [("ownedBy", f"group:default/{team}")]
    relations += [("dependsOn", f"component:default/{ref.partition(':')[2]}") for ref in said["dependsOn"]]
    return entity(
        "Component",
        f"svc-{number:05}",
        said,
        relations=relations,
        title=f"Service {number}",
        description=f"What service number {number} does for the customers of the shop",
        tags=["java" if number % 2 else "python", f"tier-{number % 4}"],
        links=[{"url": f"https://wiki.example/svc-{number}", "title": "Wiki"}],
        annotations={"github.com/project-slug": f"shop/svc-{number}", "pagerduty.com/service-id": f"P{number:06}"},
    )


def entity(
    kind: str,
    name: str,
    spec: Mapping[str, Any],
    *,
    namespace: str = "default",
    relations: Sequence[tuple[str, str]] = (),
    status: Mapping[str, Any] | None = None,
    annotations: Mapping[str, str] | None = None,
    **metadata: Any,
) -> dict[str, Any]:
    """Return a document as the catalog keeps it."""
    place = f"url:{URL}/blob/main/{name}/catalog-info.yaml"
    where = {"backstage.io/managed-by-location": place, "backstage.io/managed-by-origin-location": f"url:{URL}"}
    about = {"name": name, **metadata, "annotations": {**where, **(annotations or {})}, "namespace": namespace}
    uid = str(uuid.uuid5(SEED, f"{kind}:{namespace}/{name}".lower()))
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "spec": dict(spec),
        "relations": [{"type": type_, "targetRef": target} for type_, target in sorted(set(relations))],
        **({"status": dict(status)} if status else {}),
        "metadata": {**about, "uid": uid, "etag": uid.replace("-", "")},
    }


def company(components: int = 5000, groups: int = 50) -> Iterator[dict[str, Any]]:
    yield from (group(number, range(number, components, groups)) for number in range(groups))
    yield from (component(number, groups) for number in range(components))


def fill(database: Database, documents: Iterable[dict[str, Any]], *, url: str = URL, at: datetime = NOON) -> int:
    """Put documents into the catalog as if a repository had them; return the repository's id."""
    with database.write() as session:
        about = {"url": url, "name": url.rpartition("/")[2], "registered_at": at, "error": "", "again": False}
        row = insert(RepositoryRow).values(**about, default_branch="main", uid=str(uuid.uuid5(SEED, url)), paths=[])
        repository = int(session.execute(row.returning(RepositoryRow.id)).scalar_one())
        kept = list(documents)
        for start in range(0, len(kept), BATCH):
            batch = kept[start : start + BATCH]
            returned = insert(EntityRow).returning(EntityRow.id, sort_by_parameter_order=True)
            ids = session.scalars(returned, [_row(one, repository, at) for one in batch]).all()
            session.execute(
                insert(SEARCH), [one for id_, said in zip(ids, batch, strict=True) for one in _found(id_, said)]
            )
            related = [one for id_, said in zip(ids, batch, strict=True) for one in _related(id_, said)]
            if related:
                session.execute(insert(RelationRow), related)
    return repository


def ref_of(document: Mapping[str, Any]) -> str:
    about = document["metadata"]
    return f"{document['kind']}:{about['namespace']}/{about['name']}".lower()


def _row(document: Mapping[str, Any], repository: int, at: datetime) -> dict[str, Any]:
    about, spec = document["metadata"], document["spec"]
    orphan = about["annotations"].get("backstage.io/orphan") == "true"
    return {
        "ref": ref_of(document),
        "uid": about["uid"],
        "kind": document["kind"].lower(),
        "name": about["name"],
        "title": about.get("title") or about["name"],
        "description": about.get("description") or "",
        "type": spec.get("type") or "",
        "lifecycle": spec.get("lifecycle") or "",
        "owner_text": spec.get("owner") or "",
        "repository_id": repository,
        "path": f"{about['name']}/catalog-info.yaml",
        "revision": "0" * 40,
        "digest": about["etag"],
        "document": json.dumps(document, ensure_ascii=False, separators=(",", ":")),
        "added_at": at,
        "changed_at": at,
        "removed_at": at if orphan else None,
        "removed_revision": "0" * 40 if orphan else None,
    }


def _found(id_: int, document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for key, value, said in flat(document):
        yield {"entity_id": id_, "key": key, "value": value, "said": said}


def _related(id_: int, document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for one in document["relations"]:
        about = {"source": ref_of(document), "type": one["type"], "target": one["targetRef"], "stated_by": id_}
        more = {"line": 1, "column": 1} if "line" in RelationRow.__table__.columns else {}
        yield about | more
