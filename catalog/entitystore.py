"""Entities, their relations and what can be searched, as rows. A fixed number of statements for each batch of refs.

Keeps an entity's identity (its uid) through every change, move and time of grace; writes only what is different; and
joins to each document the relations that others state, so that reading needs no second look.
"""

import hashlib
import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from catalog import documents, flat
from catalog.documents import Origin
from catalog.entities import Entity
from catalog.relations import places, relations
from catalog.tables import SEARCH, EntityRow, RelationRow, RepositoryRow
from ledger.db import many

OWNED = ("ownedBy", "ownerOf")
BATCH = 500  # refs in one IN (…)
_TABLE, _RELATIONS = cast(Table, EntityRow.__table__), cast(Table, RelationRow.__table__)
_RELATED = ("source", "type", "target", "stated_by", "line", "column")
_FINAL = update(_TABLE).where(_TABLE.c.id == bindparam("row")).values(document=bindparam("final"))


@dataclass(frozen=True)
class Held:
    """What is stored of one entity, and by which repository."""

    id: int
    ref: str
    uid: str
    repository_id: int
    repository: str
    path: str
    line: int
    column: int
    digest: str
    stale_since: datetime | None
    removed_at: datetime | None


_HELD = (
    *(EntityRow.id, EntityRow.ref, EntityRow.uid, EntityRow.repository_id, RepositoryRow.name, EntityRow.path),
    *(EntityRow.line, EntityRow.column, EntityRow.digest, EntityRow.stale_since, EntityRow.removed_at),
)
_HOLDING = select(*_HELD).join(RepositoryRow, RepositoryRow.id == EntityRow.repository_id)


def held(session: Session, repository_id: int) -> dict[str, Held]:
    """Return the repository's entities as they are stored, by ref, the removed ones among them."""
    rows = session.execute(_HOLDING.where(EntityRow.repository_id == repository_id))
    return {row.ref: Held(*row) for row in rows}


def held_elsewhere(session: Session, repository_id: int, refs: Collection[str]) -> dict[str, Held]:
    """Return those refs that another repository has; also the ones that have been removed there."""
    found: dict[str, Held] = {}
    for batch in batches(refs):
        rows = session.execute(_HOLDING.where(EntityRow.ref.in_(batch), EntityRow.repository_id != repository_id))
        found.update((row.ref, Held(*row)) for row in rows)
    return found


def batches(refs: Collection[str]) -> Iterable[Sequence[str]]:
    ordered = sorted(refs)
    return (ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH))


@dataclass(frozen=True)
class Put:
    """What storing has changed, by ref."""

    added: frozenset[str]
    changed: frozenset[str]
    moved: Mapping[str, str]  # ref -> the path it had before


def put(
    session: Session,
    repository_id: int,
    origin: Origin,
    revision: str,
    entities: Sequence[Entity],
    sources: Mapping[str, str],
    known: Mapping[str, Held],
    at: datetime,
) -> Put:
    """Store entities as they are at `revision`. `known`: what is stored of them anywhere; `sources`: see EntityRow."""
    wanted = {str(one.ref): one for one in entities}
    new: set[str] = set()
    different: set[str] = set()
    moved: dict[str, str] = {}
    fresh = {"repository_id": repository_id, "revision": revision, "added_at": at, "changed_at": at}
    again = {"repository_id": repository_id, "changed_at": at, "removed_at": None, "removed_revision": None}
    good = again | {"stale_since": None, "stale_revision": None}
    for batch in batches(wanted):
        rows = {ref: _values(wanted[ref], origin, sources.get(ref, "")) for ref in batch}
        made = [row | fresh | {"uid": str(uuid.uuid4())} for ref, row in rows.items() if ref not in known]
        changed = [
            row | good | {"id": known[ref].id}
            for ref, row in rows.items()
            if ref in known and _differs(known[ref], row, repository_id)
        ]
        if made:
            session.connection().execute(insert(_TABLE), made)
        if changed:
            session.execute(update(EntityRow), changed)
        session.execute(update(EntityRow).where(EntityRow.ref.in_(batch)).values(revision=revision))
        new.update(row["ref"] for row in made)
        different.update(row["ref"] for row in changed)
        moved |= {ref: known[ref].path for ref in different & rows.keys() if known[ref].path != rows[ref]["path"]}
    touched = new | different
    others = _relate(session, {ref: wanted[ref] for ref in touched})
    stitch(session, touched | others)
    return Put(frozenset(new), frozenset(different), moved)


def _differs(there: Held, row: Mapping[str, Any], repository_id: int) -> bool:
    marked = there.stale_since is not None or there.removed_at is not None
    return marked or there.digest != row["digest"] or there.repository_id != repository_id


def _values(entity: Entity, origin: Origin, source: str) -> dict[str, Any]:
    """Return the row of an entity; its document is joined with relations later."""
    at = entity.owner_place or entity.place
    row: dict[str, Any] = {
        "ref": str(entity.ref),
        "kind": entity.ref.kind,
        "name": entity.name,
        "title": entity.title,
        "description": entity.description,
        "mail": entity.mail,
        "aliases": list(entity.aliases),
        "type": str(entity.spec.get("type") or ""),
        "lifecycle": str(entity.spec.get("lifecycle") or ""),
        "part_of": str(entity.part_of) if entity.part_of else None,
        "owner_text": entity.owner_text,
        "owner_ref": str(entity.owner) if entity.owner else None,
        "owner_source": source,
        "owner_line": at.line,
        "owner_column": at.column,
        "path": entity.place.path,
        "line": entity.place.line,
        "column": entity.place.column,
    }
    document = documents.dumped(documents.document(entity, origin))
    digest = hashlib.sha256((documents.dumped(row) + document).encode()).hexdigest()
    return row | {"digest": digest, "document": document}


def _relate(session: Session, entities: Mapping[str, Entity]) -> set[str]:
    """Put the relations that those entities state in place of what they stated; return whom that touches besides."""
    ids = _ids(session, entities)
    before: set[tuple[object, ...]] = set()
    for batch in batches(entities):
        mine = [ids[ref] for ref in batch]
        said = select(RelationRow.source, RelationRow.type, RelationRow.target, RelationRow.stated_by)
        before.update(tuple(row) for row in session.execute(said.where(RelationRow.stated_by.in_(mine))))
        session.execute(delete(RelationRow).where(RelationRow.stated_by.in_(mine)))
    rows = [row for ref, entity in entities.items() for row in _related(entity, ids[ref])]
    many(session, _RELATIONS, _RELATED, rows)
    after: set[tuple[object, ...]] = {row[:4] for row in rows}
    return {str(source) for source, *_ in before ^ after} - entities.keys()


def _related(entity: Entity, stated_by: int) -> Iterable[tuple[object, ...]]:
    where, own = places(entity), str(entity.ref)
    for one in relations(entity):
        place = where.get((one.type, one.target), entity.place) if one.source == own else entity.place
        yield one.source, one.type, one.target, stated_by, place.line, place.column


def own(session: Session, owners: Mapping[str, str]) -> None:
    """Have those entities owned by whom their text really means, or by whom they inherit from: ref -> owner."""
    for batch in batches(owners):
        columns = (EntityRow.ref, EntityRow.id, EntityRow.owner_line, EntityRow.owner_column)
        rows = session.execute(select(*columns).where(EntityRow.ref.in_(batch))).all()
        stated = (RelationRow.stated_by.in_([row.id for row in rows]), RelationRow.type.in_(OWNED))
        before = set(session.scalars(select(RelationRow.source).where(*stated).distinct()))
        session.execute(delete(RelationRow).where(*stated))
        said = [
            (*way, row.id, row.owner_line, row.owner_column)
            for row in rows
            for way in ((row.ref, OWNED[0], owners[row.ref]), (owners[row.ref], OWNED[1], row.ref))
        ]
        many(session, _RELATIONS, _RELATED, said)
        stitch(session, before | {str(source) for source, *_ in said})


def _ids(session: Session, refs: Collection[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for batch in batches(refs):
        rows = session.execute(select(EntityRow.ref, EntityRow.id).where(EntityRow.ref.in_(batch)))
        found.update((ref, id_) for ref, id_ in rows)
    return found


def stitch(session: Session, refs: Collection[str]) -> None:
    """Write the final document of those entities, and what can be searched in it."""
    about = (EntityRow.stale_since, EntityRow.stale_revision, EntityRow.removed_at, EntityRow.removed_revision)
    columns = (EntityRow.id, EntityRow.ref, EntityRow.uid, EntityRow.revision, EntityRow.document, *about)
    for batch in batches(refs):
        stated = _stated(session, batch)
        rows = session.execute(select(*columns).where(EntityRow.ref.in_(batch))).all()
        finals, found = [], []
        for row in rows:
            wrong, gone = _wrong(row), row.removed_at is not None
            base = json.loads(row.document)
            final = documents.stitched(base, row.uid, stated.get(row.ref, ()), wrong, gone=gone)
            finals.append({"row": row.id, "final": documents.written(final)})
            found += [(row.id, key, value, said) for key, value, said in flat.flat(final)]
        if finals:
            session.connection().execute(_FINAL, finals)
            session.execute(delete(SEARCH).where(SEARCH.c.entity_id.in_([row.id for row in rows])))
            many(session, SEARCH, ("entity_id", "key", "value", "said"), found)


def _stated(session: Session, refs: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    query = select(RelationRow.source, RelationRow.type, RelationRow.target).where(RelationRow.source.in_(refs))
    ordered = query.distinct().order_by(RelationRow.source, RelationRow.type, RelationRow.target)
    found: dict[str, list[tuple[str, str]]] = {}
    for source, type_, target in session.execute(ordered):
        found.setdefault(source, []).append((type_, target))
    return found


def _wrong(row: Any) -> str:
    """Say in one sentence why what is shown is not what the file says now."""
    if row.removed_at is not None:
        return f"no file describes it any more since commit {(row.removed_revision or '')[:10]}; it is kept for a time"
    if row.stale_since is not None:
        since = f"commit {(row.stale_revision or '')[:10]} ({row.stale_since:%Y-%m-%d %H:%M} UTC)"
        return f"its file is broken since {since}; what is shown is as of commit {row.revision[:10]}"
    return ""


def mark_stale(session: Session, refs: Collection[str], revision: str, at: datetime) -> None:
    _mark(session, refs, stale_since=at, stale_revision=revision)


def mark_removed(session: Session, refs: Collection[str], revision: str, at: datetime) -> None:
    _mark(session, refs, removed_at=at, removed_revision=revision)


def _mark(session: Session, refs: Collection[str], **values: Any) -> None:
    for batch in batches(refs):
        session.execute(update(EntityRow).where(EntityRow.ref.in_(batch)).values(**values))
    stitch(session, refs)


def forget(session: Session, refs: Collection[str]) -> None:
    """Delete entities and what they stated."""
    ids = _ids(session, refs)
    touched: set[str] = set()
    for batch in batches(refs):
        mine = [ids[ref] for ref in batch if ref in ids]
        said = select(RelationRow.source).where(RelationRow.stated_by.in_(mine))
        touched.update(session.scalars(said.distinct()))
        session.execute(delete(SEARCH).where(SEARCH.c.entity_id.in_(mine)))
        session.execute(delete(RelationRow).where(RelationRow.stated_by.in_(mine)))
        session.execute(delete(EntityRow).where(EntityRow.id.in_(mine)))
    stitch(session, touched - set(refs))


def removed(session: Session, before: datetime) -> list[Held]:
    """Return what was removed before that moment."""
    rows = session.execute(_HOLDING.where(EntityRow.removed_at < before).order_by(EntityRow.ref))
    return [Held(*row) for row in rows]
