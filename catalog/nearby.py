"""The part of the dependency graph around one entity, in three statements, however large the catalog is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CTE, select, union
from sqlalchemy.orm import Session

from catalog import graph as graphs
from catalog.graph import Graph
from catalog.tables import EntityRow, RelationRow

_USED_BY = tuple(type_ for type_, forward in graphs.USES.items() if not forward)
_USES = tuple(type_ for type_, forward in graphs.USES.items() if forward)


@dataclass(frozen=True)
class Near:
    """What a picture says of an entity."""

    ref: str
    kind: str
    name: str
    title: str
    type: str
    owner_ref: str | None
    owner_text: str
    part_of: str | None
    stale_since: datetime | None
    removed_at: datetime | None


@dataclass(frozen=True)
class Around:
    """`known`: those of the graph that the catalog describes; the others are only named by somebody."""

    graph: Graph
    known: Mapping[str, Near]


def around(session: Session, ref: str) -> Around:
    """Return everything that depends on `ref`, and everything it depends on, with the edges between."""
    above, below = _reach("above", ref, _USED_BY), _reach("below", ref, _USES)
    edges = [
        tuple(row)
        for reach, types in ((above, _USED_BY), (below, _USES))
        for row in session.execute(
            select(RelationRow.source, RelationRow.type, RelationRow.target)
            .where(RelationRow.source.in_(select(reach.c.ref)), RelationRow.type.in_(types))
            .distinct()
        )
    ]
    about = (EntityRow.ref, EntityRow.kind, EntityRow.name, EntityRow.title, EntityRow.type)
    said = (EntityRow.owner_ref, EntityRow.owner_text, EntityRow.part_of)
    refs = union(select(above.c.ref), select(below.c.ref)).subquery()
    rows = session.execute(
        select(*about, *said, EntityRow.stale_since, EntityRow.removed_at).where(EntityRow.ref.in_(select(refs.c.ref)))
    )
    return Around(graphs.graph((source, type_, target) for source, type_, target in edges), _by_ref(rows.all()))


def _reach(name: str, ref: str, types: Sequence[str]) -> CTE:
    """Walk the relations of those types; a ref that was seen is not walked again, so that circles end."""
    walk = select(EntityRow.ref).where(EntityRow.ref == ref).cte(name, recursive=True)
    return walk.union(
        select(RelationRow.target).join(walk, RelationRow.source == walk.c.ref).where(RelationRow.type.in_(types))
    )


def _by_ref(rows: Sequence[object]) -> dict[str, Near]:
    found = [Near(*row) for row in rows]  # type: ignore[misc]
    return {one.ref: one for one in found}
