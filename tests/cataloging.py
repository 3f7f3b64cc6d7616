"""Fills a catalog from YAML without git: what a sync would store, in one call."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from catalog import entitystore, whole
from catalog.documents import Origin
from catalog.tables import RepositoryRow
from catalog.validate import validate
from ledger.db import Database
from tests.conftest import NOON

HEAD = "a" * 40
FILE = "catalog-info.yaml"


def fill(database: Database, *documents: str, repository: int = 1, at: datetime = NOON, check: bool = True) -> None:
    """Store those documents as the file of one repository, and what is wrong in the whole catalog."""
    with database.write() as session:
        add_repository(session, repository, at)
        put(session, repository, {FILE: "---\n".join(documents)}, at)
    if check:
        whole.check(database, at)


def add_repository(session: Session, number: int, at: datetime = NOON, **more: Any) -> None:
    name = f"shop-{number}" if number > 1 else "shop"
    about = {"url": f"https://example.org/{name}.git", "name": name, "registered_at": at, "error": "", "again": False}
    seen = {"default_branch": "main", "head": HEAD, "head_at": at, "head_subject": "First", "synced_at": at}
    uid = f"00000000-0000-4000-8000-{number:012}"
    session.execute(insert(RepositoryRow).values(id=number, uid=uid, **{**about, **seen, **more}))


def put(session: Session, repository: int, files: dict[str, str], at: datetime = NOON) -> None:
    found = validate({path: text.encode() for path, text in files.items()})
    assert not found.problems or found.entities, found.problems
    name = f"shop-{repository}" if repository > 1 else "shop"
    origin = Origin(f"https://example.org/{name}.git", "main")
    entitystore.put(session, repository, origin, HEAD, found.entities, {}, {}, at)


def component(name: str, owner: str = "", **spec: Any) -> str:
    said = {"type": "service", "lifecycle": "production", **({"owner": owner} if owner else {}), **spec}
    return document("Component", name, said)


def group(name: str, **spec: Any) -> str:
    return document("Group", name, {"type": "team", "children": [], **spec})


def user(name: str, *groups: str, mail: str = "") -> str:
    return document("User", name, {"memberOf": list(groups), **({"profile": {"email": mail}} if mail else {})})


def document(kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> str:
    lines = ["apiVersion: backstage.io/v1alpha1", f"kind: {kind}", "metadata:", f"  name: {name}"]
    return "\n".join([*lines, *_lines(metadata, "  "), "spec:", *_lines(spec, "  ")]) + "\n"


def _lines(said: dict[str, Any], indent: str) -> Iterator[str]:
    for key, value in said.items():
        yield f"{indent}{key}: {json.dumps(value, ensure_ascii=False)}"


def company(*more: str) -> Iterable[str]:
    """Alice is in payments, bob in the shop, and payments is a part of the shop."""
    return (
        user("alice", "payments", mail="alice@example.org"),
        user("bob", "shop"),
        group("payments", parent="shop"),
        group("shop"),
        *more,
    )
