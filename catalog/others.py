"""What all repositories but one say, for asking what a change of that one would do. Reads only.

A fixed number of statements, but for references, which are looked for in batches of targets.
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from catalog import query, rows
from catalog.entitystore import batches
from catalog.groups import Person
from catalog.places import Place
from catalog.standing import Reference, Rest
from catalog.tables import EntityRow, RelationRow, RepositoryRow


def rest(session: Session, repository_id: int, targets: Collection[str]) -> Rest:
    """Return what the others say, and which of them name `targets`. What is removed there is not said any more."""
    names = {one.id: one.name for one in query.repositories(session)}
    held = {
        one.ref: names[one.repository_id]
        for one in query.entities(session)
        if one.repository_id != repository_id and one.removed_at is None
    }
    known = [one for one in rows.people(session) if one.ref in held]
    return Rest(
        claims={claim.ref: claim for claim in query.claims(session) if claim.ref in held},
        held=held,
        references=_references(session, repository_id, targets),
        groups={one.ref: one.title for one in known if one.kind == "group"},
        people={one.ref: Person(one.ref, one.title, one.mail) for one in known if one.kind == "user"},
        pairs=_pairs(session, repository_id),
        aliases=tuple((alias, one.ref) for one in known for alias in rows.aliases(one)),
    )


def _of_others(repository_id: int) -> ColumnElement[bool]:
    return and_(EntityRow.repository_id != repository_id, EntityRow.removed_at.is_(None))


def _pairs(session: Session, repository_id: int) -> frozenset[tuple[str, str]]:
    query = (
        select(RelationRow.source, RelationRow.target)
        .join(EntityRow, EntityRow.id == RelationRow.stated_by)
        .where(RelationRow.type.in_(rows.MEMBERSHIPS), _of_others(repository_id))
    )
    return frozenset((above, below) for above, below in session.execute(query.distinct()))


def _references(session: Session, repository_id: int, targets: Collection[str]) -> tuple[Reference, ...]:
    """Return what entities of others say of those targets, in the direction in which they say it."""
    said = (RelationRow.source, RelationRow.type, RelationRow.target, RepositoryRow.name, EntityRow.path)
    query = (
        select(*said, RelationRow.line, RelationRow.column)
        .join(EntityRow, and_(EntityRow.id == RelationRow.stated_by, EntityRow.ref == RelationRow.source))
        .join(RepositoryRow, RepositoryRow.id == EntityRow.repository_id)
        .where(_of_others(repository_id))
    )
    return tuple(
        Reference(source, type_, target, name, Place(path, line, column))
        for batch in batches(targets)
        for source, type_, target, name, path, line, column in session.execute(
            query.where(RelationRow.target.in_(batch))
        )
    )
