"""What the catalog's questions need of the entities, as rows: each function is one statement, whatever there is."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Text, and_, cast, select
from sqlalchemy.orm import Session

from catalog.entitystore import batches
from catalog.tables import SEARCH, EntityRow, RelationRow, RepositoryRow

AnyRow = Row[*tuple[Any, ...]]
MEMBERSHIPS = ("hasMember", "parentOf")  # relations from a group to what is in it

_ABOUT = (
    *(EntityRow.ref, EntityRow.kind, EntityRow.name, EntityRow.title, EntityRow.description, EntityRow.type),
    *(EntityRow.lifecycle, EntityRow.part_of, EntityRow.owner_text, EntityRow.owner_ref, EntityRow.owner_source),
    *(EntityRow.owner_line, EntityRow.owner_column, EntityRow.path, EntityRow.line, EntityRow.column),
    *(EntityRow.revision, EntityRow.stale_since, EntityRow.stale_revision, EntityRow.removed_at),
    *(EntityRow.removed_revision, EntityRow.added_at, EntityRow.changed_at, EntityRow.uid, EntityRow.repository_id),
    *(RepositoryRow.url, RepositoryRow.default_branch, RepositoryRow.head, RepositoryRow.head_at),
    *(RepositoryRow.head_subject, RepositoryRow.synced_at),
)
_SAID = (
    *(EntityRow.ref, EntityRow.kind, EntityRow.owner_text, EntityRow.owner_ref, EntityRow.owner_source),
    *(EntityRow.owner_line, EntityRow.owner_column, EntityRow.part_of, EntityRow.path, EntityRow.repository_id),
    EntityRow.removed_at,
)


@dataclass(frozen=True)
class Edge:
    """A relation to something that the catalog does not know, and the entity that states it."""

    source: str
    type: str
    target: str
    repository_id: int
    path: str
    line: int
    column: int


def components(
    session: Session, ref: str | Collection[str] | None = None, *, repository_id: int | None = None
) -> Sequence[AnyRow]:
    """Return all components by name, or some, each with its document and its repository's head."""
    query = _with_repository(*_ABOUT, EntityRow.document).where(EntityRow.kind == "component")
    if ref is not None:
        query = query.where(EntityRow.ref == ref if isinstance(ref, str) else EntityRow.ref.in_(ref))
    if repository_id is not None:
        query = query.where(EntityRow.repository_id == repository_id)
    found: Sequence[AnyRow] = session.execute(query.order_by(EntityRow.name, EntityRow.ref)).all()
    return found


def _with_repository(*columns: Any) -> Any:
    return select(*columns).join(RepositoryRow, RepositoryRow.id == EntityRow.repository_id)


def refs_of(session: Session, kind: str) -> Sequence[str]:
    return session.scalars(select(EntityRow.ref).where(EntityRow.kind == kind)).all()


def names_of(session: Session, kind: str) -> Sequence[tuple[str, str]]:
    """Return reference and name of all of a kind, by name."""
    of = select(EntityRow.ref, EntityRow.name).where(EntityRow.kind == kind).order_by(EntityRow.name, EntityRow.ref)
    return [(row.ref, row.name) for row in session.execute(of)]


def entity(session: Session, ref: str) -> AnyRow | None:
    """Return one entity with its document."""
    found: AnyRow | None = session.execute(
        _with_repository(*_ABOUT, EntityRow.document, RepositoryRow.name.label("repository")).where(
            EntityRow.ref == ref
        )
    ).one_or_none()
    return found


def entities(session: Session, kind: str | None = None) -> Sequence[AnyRow]:
    """Return all entities, or those of a kind, without their documents."""
    query = _with_repository(*_ABOUT).order_by(EntityRow.kind, EntityRow.name, EntityRow.ref)
    return session.execute(query if kind is None else query.where(EntityRow.kind == kind)).all()


def claims(session: Session, refs: Collection[str] | None = None) -> Sequence[AnyRow]:
    """Return what each entity says of its owner, or each of some."""
    query = select(*_SAID).order_by(EntityRow.ref)
    return session.execute(query).all() if refs is None else _of(session, query, EntityRow.ref, refs)


def claims_above(session: Session) -> Sequence[AnyRow]:
    """Return the same of those that others are part of: read from what can be searched, which is small."""
    above = select(SEARCH.c.value).where(SEARCH.c.key == "relations.partof")
    return session.execute(select(*_SAID).where(EntityRow.ref.in_(above))).all()


def people(session: Session, refs: Collection[str] | None = None) -> Sequence[AnyRow]:
    """Return all groups and users, or some; `aliases` as JSON, which is nearly always empty."""
    aliases = cast(EntityRow.aliases, Text).label("aliases")
    columns = (EntityRow.ref, EntityRow.kind, EntityRow.title, EntityRow.mail, aliases, EntityRow.removed_at)
    places = (EntityRow.path, EntityRow.line, EntityRow.column)
    query = select(*columns, *places).where(EntityRow.kind.in_(("group", "user")))
    return session.execute(query).all() if refs is None else _of(session, query, EntityRow.ref, refs)


def aliases(row: AnyRow) -> Sequence[str]:
    """Return the other names of a row of `people`."""
    found: Sequence[str] = () if row.aliases == "[]" else json.loads(row.aliases)
    return found


def groups_of(session: Session, members: Collection[str]) -> set[str]:
    """Return the groups that those people or groups are directly in."""
    query = select(RelationRow.target).where(RelationRow.type.in_(("memberOf", "childOf")))
    return {row.target for row in _of(session, query, RelationRow.source, members)}


def memberships(session: Session, groups: Collection[str] | None = None) -> Sequence[tuple[str, str]]:
    """Return who is in which group, and which group below which, as (above, below); or in and below some only."""
    query = select(RelationRow.source, RelationRow.target).where(RelationRow.type.in_(MEMBERSHIPS)).distinct()
    found = session.execute(query) if groups is None else _of(session, query, RelationRow.source, groups)
    return [(above, below) for above, below in found]


def _of(session: Session, query: Any, column: Any, values: Collection[str]) -> list[AnyRow]:
    return [row for batch in batches(values) for row in session.execute(query.where(column.in_(batch)))]


def relations(
    session: Session, refs: Sequence[str] | None = None, types: Sequence[str] | None = None
) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Return (type, target) by source, of all or of some."""
    query = select(RelationRow.source, RelationRow.type, RelationRow.target).distinct()
    ordered = query.order_by(RelationRow.source, RelationRow.type, RelationRow.target)
    if types is not None:
        ordered = ordered.where(RelationRow.type.in_(types))
    rows = session.execute(ordered if refs is None else ordered.where(RelationRow.source.in_(refs)))
    found: dict[str, list[tuple[str, str]]] = {}
    for source, type_, target in rows:
        found.setdefault(source, []).append((type_, target))
    return found


def owners(session: Session) -> Mapping[str, str]:
    """Return by whom each entity is owned, as its relations say."""
    query = select(RelationRow.source, RelationRow.target).where(RelationRow.type == "ownedBy")
    rows = session.execute(query)
    return {row.source: row.target for row in rows}


def dangling(session: Session) -> list[Edge]:
    """Return what entities say of others that the catalog does not know."""
    known = select(EntityRow.ref).scalar_subquery()
    query = (
        select(RelationRow.source, RelationRow.type, RelationRow.target, EntityRow.repository_id, EntityRow.path)
        .add_columns(RelationRow.line, RelationRow.column)
        .join(EntityRow, and_(EntityRow.id == RelationRow.stated_by, EntityRow.ref == RelationRow.source))
        .where(RelationRow.target.not_in(known), EntityRow.removed_at.is_(None))
        .order_by(RelationRow.source, RelationRow.type, RelationRow.target)
    )
    return [Edge(*row) for row in session.execute(query)]


def removed(session: Session) -> Sequence[AnyRow]:
    """Return the entities that no file describes any more."""
    query = _with_repository(*_ABOUT).where(EntityRow.removed_at.is_not(None)).order_by(EntityRow.ref)
    return session.execute(query).all()


def titles(session: Session, refs: Sequence[str]) -> Mapping[str, str]:
    """Return the titles of those that the catalog knows; at most some hundreds are asked for."""
    found: dict[str, str] = {}
    for batch in batches(refs):
        query = select(EntityRow.ref, EntityRow.title).where(EntityRow.ref.in_(batch))
        found.update((ref, title) for ref, title in session.execute(query))
    return found
