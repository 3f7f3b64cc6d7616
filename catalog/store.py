"""Repositories and what is wrong in them, as rows. A fixed number of statements, however many there are."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, delete, func, insert, select, update
from sqlalchemy.orm import Session

from catalog.entitystore import batches
from catalog.history import Commit
from catalog.places import Place, Problem
from catalog.tables import ProblemRow, RepositoryRow


@dataclass(frozen=True)
class Repository:
    """A repository that is read. `error`: why it could not be read the last time; `again`: read it at any rate.

    `paths`: files that are read besides every catalog-info.yaml. `listed_by`: the repository whose Location names it.
    `asked_at`: when somebody wanted it read; it waits while that is later than `looked_at`. `doing`: what a read is at.
    """

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
    uid: str = ""
    paths: tuple[str, ...] = ()
    listed_by: int | None = None
    asked_at: datetime | None = None
    looked_at: datetime | None = None
    doing: str = ""

    @property
    def waits(self) -> bool:
        """Say whether it is still to be read since somebody asked."""
        return self.asked_at is not None and (self.looked_at is None or self.looked_at < self.asked_at)


def _repository(row: RepositoryRow) -> Repository:
    about = (row.default_branch, row.head, row.head_at, row.head_subject, row.synced_at, row.error, row.again)
    asked = (row.uid, tuple(row.paths), row.listed_by, row.asked_at, row.looked_at, row.doing)
    return Repository(row.id, row.url, row.name, *about, *asked)


def repositories(session: Session) -> list[Repository]:
    rows = session.scalars(select(RepositoryRow).order_by(RepositoryRow.name, RepositoryRow.id))
    return [_repository(row) for row in rows]


def repository(session: Session, repository_id: int, *, lock: bool = False) -> Repository | None:
    query = select(RepositoryRow).where(RepositoryRow.id == repository_id)
    row = session.scalars(query.with_for_update() if lock else query).one_or_none()
    return _repository(row) if row else None


def known(session: Session, url: str) -> int | None:
    return session.scalar(select(RepositoryRow.id).where(RepositoryRow.url == url))


def add_repository(
    session: Session, url: str, name: str, at: datetime, *, paths: Sequence[str] = (), listed_by: int | None = None
) -> int:
    about = {"url": url, "name": name, "registered_at": at, "error": "", "again": False, "asked_at": at}
    row = insert(RepositoryRow).values(**about, uid=str(uuid.uuid4()), paths=list(paths), listed_by=listed_by)
    return int(session.execute(row.returning(RepositoryRow.id)).scalar_one())


def remove_repository(session: Session, repository_id: int) -> None:
    """Forget a repository and its problems; its entities must be gone already."""
    session.execute(delete(ProblemRow).where(ProblemRow.repository_id == repository_id))
    session.execute(delete(RepositoryRow).where(RepositoryRow.id == repository_id))


def say(session: Session, repository_id: int, **values: object) -> None:
    """Write columns of one repository."""
    session.execute(update(RepositoryRow).where(RepositoryRow.id == repository_id).values(**values))


def say_head(session: Session, repository_id: int, branch: str, head: Commit, at: datetime) -> None:
    values = {"default_branch": branch, "head": head.sha, "head_at": head.at, "head_subject": head.subject}
    say(session, repository_id, **values, synced_at=at, looked_at=at, error="", again=False, doing="")


def ask_again(session: Session, refs: Collection[str]) -> None:
    """Have repositories that lost one of these names to another read again at their next sync."""
    for batch in batches(refs):
        losers = select(ProblemRow.repository_id).where(ProblemRow.code == "conflict", ProblemRow.entity.in_(batch))
        session.execute(update(RepositoryRow).where(RepositoryRow.id.in_(losers)).values(again=True))


def put_problems(
    session: Session, repository_id: int, found: Sequence[Problem], at: datetime, *, whole: bool = False
) -> list[Problem]:
    """Replace a repository's problems; return those that were not there before. The old ones keep their first sight.

    `whole`: those that were found by looking at the whole catalog; the others stay.
    """
    here = (ProblemRow.repository_id == repository_id, ProblemRow.whole.is_(whole))
    before = session.scalars(select(ProblemRow).where(*here))
    seen = {(row.entity, row.path, row.code, row.message): row.first_seen for row in before}
    session.execute(delete(ProblemRow).where(*here))
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
            "whole": whole,
            "last_seen": at,
            "first_seen": seen.get((problem.entity[:300], problem.place.path, problem.code[:80], problem.message), at),
        }
        for problem in found
    ]
    if rows:
        session.connection().execute(insert(cast(Table, ProblemRow.__table__)), rows)
    return [problem for problem, row in zip(found, rows, strict=True) if row["first_seen"] == at]


@dataclass(frozen=True)
class Noted:
    """A problem as it is kept: in which repository, since when, and until when it was seen.

    `whole`: it was found by looking at the whole catalog.
    """

    problem: Problem
    repository_id: int
    first_seen: datetime
    last_seen: datetime
    whole: bool


def problems(session: Session, repository_id: int | None = None, entity: str | None = None) -> list[Noted]:
    """Return every problem, or those of a repository or an entity, in the order of the files.

    A problem is seen for as long as its repository is looked at and still says the same.
    """
    order = (ProblemRow.repository_id, ProblemRow.path, ProblemRow.line, ProblemRow.column)
    query = select(ProblemRow, RepositoryRow.looked_at).join(RepositoryRow).order_by(*order)
    if repository_id is not None:
        query = query.where(ProblemRow.repository_id == repository_id)
    if entity is not None:
        query = query.where(ProblemRow.entity == entity)
    return [
        Noted(
            _problem(row),
            row.repository_id,
            row.first_seen,
            max(row.last_seen or row.first_seen, looked or row.first_seen),
            row.whole,
        )
        for row, looked in session.execute(query)
    ]


def rivals(session: Session, ref: str) -> list[tuple[Place, str]]:
    """Return where else somebody claims that name, with the repository."""
    columns = (ProblemRow.path, ProblemRow.line, ProblemRow.column, RepositoryRow.name)
    query = select(*columns).join(RepositoryRow, RepositoryRow.id == ProblemRow.repository_id)
    claims = query.where(ProblemRow.entity == ref, ProblemRow.code == "conflict").order_by(ProblemRow.id)
    return [(Place(path, line, column), name) for path, line, column, name in session.execute(claims)]


def _problem(row: ProblemRow) -> Problem:
    place = Place(row.path, row.line, row.column)
    return Problem(place, row.code, row.message, row.hint, row.severity, row.entity)


def problem_number(session: Session, repository_id: int) -> int:
    """Return how many problems the repository's own files have."""
    here = (ProblemRow.repository_id == repository_id, ProblemRow.whole.is_(False))
    return session.scalar(select(func.count()).select_from(ProblemRow).where(*here)) or 0


def problem_counts(session: Session, ref: str | None = None) -> dict[str, int]:
    """Return how many problems each entity has, or only that one."""
    query = select(ProblemRow.entity, func.count()).where(ProblemRow.entity != "").group_by(ProblemRow.entity)
    if ref is not None:
        query = query.where(ProblemRow.entity == ref)
    return {row[0]: row[1] for row in session.execute(query)}
