"""The only module that opens the catalog's tables. A fixed number of statements, however many entities there are."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.orm import Session

from catalog import ownership
from catalog.entities import Entity
from catalog.history import Commit
from catalog.ownership import Directory, Person
from catalog.places import Place, Problem
from catalog.tables import EntityRow, MembershipRow, ProblemRow, RepositoryRow

AnyRow = Row[*tuple[Any, ...]]
BATCH = 500  # refs in one IN (…)


@dataclass(frozen=True)
class Repository:
    """A registered repository. `error`: why it could not be read the last time; `again`: read it at any rate."""

    id: int
    url: str
    name: str
    default_branch: str | None
    head: str | None
    head_at: datetime | None
    head_subject: str | None
    synced_at: datetime | None
    error: str
    again: bool = False


def _repository(row: RepositoryRow) -> Repository:
    about = (row.default_branch, row.head, row.head_at, row.head_subject, row.synced_at, row.error, row.again)
    return Repository(row.id, row.url, row.name, *about)


def repositories(session: Session) -> list[Repository]:
    rows = session.scalars(select(RepositoryRow).order_by(RepositoryRow.name, RepositoryRow.id))
    return [_repository(row) for row in rows]


def repository(session: Session, repository_id: int, *, lock: bool = False) -> Repository | None:
    query = select(RepositoryRow).where(RepositoryRow.id == repository_id)
    row = session.scalars(query.with_for_update() if lock else query).one_or_none()
    return _repository(row) if row else None


def known(session: Session, url: str) -> int | None:
    return session.scalar(select(RepositoryRow.id).where(RepositoryRow.url == url))


def add_repository(session: Session, url: str, name: str, at: datetime) -> int:
    row = insert(RepositoryRow).values(url=url, name=name, registered_at=at, error="", again=False)
    return int(session.execute(row.returning(RepositoryRow.id)).scalar_one())


def say_error(session: Session, repository_id: int, error: str) -> None:
    session.execute(update(RepositoryRow).where(RepositoryRow.id == repository_id).values(error=error))


def say_head(session: Session, repository_id: int, branch: str, head: Commit, at: datetime) -> None:
    values = {"default_branch": branch, "head": head.sha, "head_at": head.at, "head_subject": head.subject}
    session.execute(
        update(RepositoryRow)
        .where(RepositoryRow.id == repository_id)
        .values(**values, synced_at=at, error="", again=False)
    )


def held(session: Session, repository_id: int) -> dict[str, AnyRow]:
    """Return the repository's entities as they are stored: ref, path, stale_since."""
    columns = (EntityRow.ref, EntityRow.path, EntityRow.stale_since)
    return {row.ref: row for row in session.execute(select(*columns).where(EntityRow.repository_id == repository_id))}


def held_elsewhere(session: Session, repository_id: int, refs: Collection[str]) -> dict[str, str]:
    """Return those refs that another repository has, with that repository's name."""
    found: dict[str, str] = {}
    for batch in _batches(refs):
        query = (
            select(EntityRow.ref, RepositoryRow.name)
            .join(RepositoryRow, RepositoryRow.id == EntityRow.repository_id)
            .where(EntityRow.ref.in_(batch), EntityRow.repository_id != repository_id)
        )
        found.update((ref, name) for ref, name in session.execute(query))
    return found


def _batches(refs: Collection[str]) -> Iterable[Sequence[str]]:
    ordered = sorted(refs)
    return (ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH))


def put(session: Session, repository_id: int, revision: str, entities: Sequence[Entity]) -> None:
    """Store entities as they are at `revision`, in place of what these refs were."""
    refs = [str(entity.ref) for entity in entities]
    here = set(held(session, repository_id))
    rows = [_row(entity, repository_id, revision) for entity in entities]
    old, new = [row for row in rows if row["ref"] in here], [row for row in rows if row["ref"] not in here]
    if old:
        session.execute(update(EntityRow), old)
    if new:
        session.execute(insert(EntityRow), new)
    for batch in _batches(refs):
        session.execute(delete(MembershipRow).where(MembershipRow.stated_by.in_(batch)))
    pairs = [
        {"above": above, "below": below, "stated_by": str(entity.ref)}
        for entity in entities
        for above, below in ownership.memberships(entity)
    ]
    if pairs:
        session.execute(insert(MembershipRow), pairs)


def _row(entity: Entity, repository_id: int, revision: str) -> dict[str, Any]:
    at = entity.owner_place or entity.place
    return {
        "ref": str(entity.ref),
        "kind": entity.ref.kind,
        "name": entity.name,
        "title": entity.title,
        "description": entity.description,
        "mail": entity.mail,
        "owner_ref": str(entity.owner) if entity.owner else None,
        "owner_line": at.line,
        "owner_column": at.column,
        "type": str(entity.spec.get("type") or ""),
        "lifecycle": str(entity.spec.get("lifecycle") or ""),
        "repository_id": repository_id,
        "path": entity.place.path,
        "revision": revision,
        "spec": _json(entity.spec),
        "about": _json(entity.metadata),
        "stale_since": None,
    }


def _json(value: Any) -> Any:
    """Return the value with what JSON has no word for (infinity) as null."""
    if isinstance(value, Mapping):
        return {key: _json(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_json(below) for below in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def mark_stale(session: Session, refs: Collection[str], at: datetime) -> None:
    for batch in _batches(refs):
        session.execute(update(EntityRow).where(EntityRow.ref.in_(batch)).values(stale_since=at))


def remove(session: Session, refs: Collection[str]) -> None:
    """Forget entities. Repositories that lost a name to one of them are read again at their next sync."""
    for batch in _batches(refs):
        session.execute(delete(MembershipRow).where(MembershipRow.stated_by.in_(batch)))
        session.execute(delete(EntityRow).where(EntityRow.ref.in_(batch)))
        losers = select(ProblemRow.repository_id).where(ProblemRow.code == "conflict", ProblemRow.entity.in_(batch))
        session.execute(update(RepositoryRow).where(RepositoryRow.id.in_(losers)).values(again=True))


def put_problems(session: Session, repository_id: int, found: Sequence[Problem], at: datetime) -> list[Problem]:
    """Replace a repository's problems; return those that were not there before. The old ones keep their first sight."""
    query = select(ProblemRow).where(ProblemRow.repository_id == repository_id)
    seen = {(row.entity, row.path, row.code, row.message): row.first_seen for row in session.scalars(query)}
    session.execute(delete(ProblemRow).where(ProblemRow.repository_id == repository_id))
    rows = [
        {
            "repository_id": repository_id,
            "entity": problem.entity[:300],
            "path": problem.place.path,
            "line": problem.place.line,
            "column": problem.place.column,
            "severity": problem.severity,
            "code": problem.code[:80],
            "message": problem.message,
            "hint": problem.hint,
            "first_seen": seen.get((problem.entity[:300], problem.place.path, problem.code[:80], problem.message), at),
        }
        for problem in found
    ]
    if rows:
        session.execute(insert(ProblemRow), rows)
    return [problem for problem, row in zip(found, rows, strict=True) if row["first_seen"] == at]


def problems(session: Session, repository_id: int | None = None) -> list[tuple[int, Problem]]:
    """Return each problem with its repository."""
    query = select(ProblemRow).order_by(ProblemRow.repository_id, ProblemRow.path, ProblemRow.line, ProblemRow.column)
    if repository_id is not None:
        query = query.where(ProblemRow.repository_id == repository_id)
    return [(row.repository_id, _problem(row)) for row in session.scalars(query)]


def _problem(row: ProblemRow) -> Problem:
    place = Place(row.path, row.line, row.column)
    return Problem(place, row.code, row.message, row.hint, row.severity, row.entity)


def problem_counts(session: Session, ref: str | None = None) -> dict[str, int]:
    """Return how many problems each entity has, or only that one."""
    query = select(ProblemRow.entity, func.count()).where(ProblemRow.entity != "").group_by(ProblemRow.entity)
    if ref is not None:
        query = query.where(ProblemRow.entity == ref)
    return {row[0]: row[1] for row in session.execute(query)}


_COMPONENT = (
    *(EntityRow.ref, EntityRow.name, EntityRow.title, EntityRow.description, EntityRow.type, EntityRow.lifecycle),
    *(EntityRow.owner_ref, EntityRow.owner_line, EntityRow.owner_column, EntityRow.path, EntityRow.revision),
    *(EntityRow.spec, EntityRow.about, EntityRow.stale_since, EntityRow.repository_id),
    *(RepositoryRow.url, RepositoryRow.head, RepositoryRow.head_at, RepositoryRow.head_subject),
)


def components(session: Session, ref: str | None = None) -> Sequence[AnyRow]:
    """Return all components by name, or that one, each with its repository's url and head."""
    query = (
        select(*_COMPONENT)
        .join(RepositoryRow, RepositoryRow.id == EntityRow.repository_id)
        .where(EntityRow.kind == "component")
        .order_by(EntityRow.name, EntityRow.ref)
    )
    return session.execute(query if ref is None else query.where(EntityRow.ref == ref)).all()


def component_refs(session: Session) -> Sequence[str]:
    return session.scalars(select(EntityRow.ref).where(EntityRow.kind == "component")).all()


def owners(session: Session, repository_id: int | None = None) -> Sequence[AnyRow]:
    """Return (ref, owner_ref, path, owner_line, owner_column, repository_id) of everything that says an owner."""
    said = (EntityRow.ref, EntityRow.owner_ref, EntityRow.path, EntityRow.owner_line, EntityRow.owner_column)
    columns = (*said, EntityRow.repository_id)
    query = select(*columns).where(EntityRow.owner_ref.is_not(None)).order_by(EntityRow.ref)
    return session.execute(
        query if repository_id is None else query.where(EntityRow.repository_id == repository_id)
    ).all()


def directory(session: Session) -> Directory:
    """Return all groups and people."""
    columns = (EntityRow.ref, EntityRow.kind, EntityRow.title, EntityRow.mail)
    rows = session.execute(select(*columns).where(EntityRow.kind.in_(("group", "user")))).all()
    return ownership.directory(
        {row.ref: row.title for row in rows if row.kind == "group"},
        {row.ref: Person(row.ref, row.title, row.mail) for row in rows if row.kind == "user"},
        ((above, below) for above, below in session.execute(select(MembershipRow.above, MembershipRow.below))),
    )
