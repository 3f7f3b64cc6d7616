"""The whole catalog in outline: what is described where, and who says what of whom. A fixed number of statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from catalog import rows


@dataclass(frozen=True)
class Held:
    """Which repository describes an entity, and in which file."""

    ref: str
    kind: str
    repository_id: int
    path: str
    owner_ref: str | None


def holders(session: Session) -> list[Held]:
    """Return where each entity is described."""
    found = rows.claims(session)
    return [Held(row.ref, row.kind, row.repository_id, row.path, row.owner_ref) for row in found]


@dataclass(frozen=True)
class Whole:
    """The whole catalog in outline: who is where, and who says what of whom."""

    entities: Mapping[str, Held]
    relations: Mapping[str, Sequence[tuple[str, str]]]


def whole(session: Session) -> Whole:
    return Whole({one.ref: one for one in holders(session)}, rows.relations(session))


def relations_of(session: Session, refs: Sequence[str]) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Return (type, target) of both directions by source."""
    return rows.relations(session, refs)
