"""Trains and bisects in their table: added, loaded, saved by compare-and-set. The only writer and reader of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from catalog import refs
from ledger.errors import Code, Error
from pipelines.bisect import Hunt
from pipelines.coursetables import CourseRow
from pipelines.train import Train

LARGEST_ID = 2**63 - 1
TRAIN, BISECT = "train", "bisect"
GOING, ARRIVED, STOPPED, FOUND, UNCLEAR = "going", "arrived", "stopped", "found", "unclear"


@dataclass(frozen=True)
class Course:
    """What takes more than one deploy. `way` is its cars or its suspects; `reason` says why it ended as it did."""

    service: str
    environment: str
    actor: str
    asked_at: datetime
    way: Train | Hunt
    note: str = ""
    state: str = GOING
    reason: str = ""
    ended_at: datetime | None = None
    id: int = 0
    version: int = 0

    @property
    def kind(self) -> str:
        return TRAIN if isinstance(self.way, Train) else BISECT

    @property
    def name(self) -> str:
        """The service's short name."""
        return refs.short(self.service)


_TRAIN = TypeAdapter(Train)
_HUNT = TypeAdapter(Hunt)


def add(session: Session, course: Course) -> int:
    """Write a new course; return its id."""
    row = insert(CourseRow).values(
        kind=course.kind,
        service=course.service,
        environment=course.environment,
        actor=course.actor,
        note=course.note,
        asked_at=course.asked_at,
        state=course.state,
        reason=course.reason,
        progress=_progress(course.way),
    )
    return int(session.scalar(row.returning(CourseRow.id)) or 0)


def load(session: Session, course_id: int) -> Course:
    """Return a course. Raises Error(NOT_FOUND)."""
    try:
        return _course(session.get_one(CourseRow, min(course_id, LARGEST_ID), populate_existing=True))
    except NoResultFound:
        raise Error(Code.NOT_FOUND, f"there is no train or bisect {course_id}") from None


def save(session: Session, before: Course, after: Course) -> None:
    """Write the course if nobody has since `before` was read. Raises Error(CONFLICT) otherwise."""
    values: dict[str, Any] = {
        "state": after.state,
        "reason": after.reason,
        "ended_at": after.ended_at,
        "progress": _progress(after.way),
        "version": before.version + 1,
    }
    done = session.execute(
        update(CourseRow).where(CourseRow.id == before.id, CourseRow.version == before.version).values(values)
    )
    if getattr(done, "rowcount", 0) != 1:
        # No row changed: a person or another worker was first.
        raise Error(Code.CONFLICT, f"course {before.id} has moved on meanwhile")


def going(session: Session, service: str, environment: str) -> Course | None:
    """Return what is under way there; there is one at most."""
    found = _found(session, _is_of(service, environment), CourseRow.state == GOING, limit=1)
    return found[0] if found else None


def busy(session: Session, service: str, environment: str) -> str:
    """Say what has that environment to itself; empty when nothing has. For continuous delivery, which then waits."""
    course = going(session, service, environment)
    return f"{course.kind} {course.id} is under way" if course else ""


def latest(session: Session, service: str, environment: str, limit: int = 1) -> Sequence[Course]:
    """Return the newest courses there, newest first."""
    return _found(session, _is_of(service, environment), limit=limit)


def _is_of(service: str, environment: str) -> ColumnElement[bool]:
    return (CourseRow.service == service) & (CourseRow.environment == environment)


def _found(session: Session, *where: ColumnElement[bool], limit: int) -> list[Course]:
    return [
        _course(row)
        for row in session.scalars(select(CourseRow).where(*where).order_by(CourseRow.id.desc()).limit(limit))
    ]


def _progress(way: Train | Hunt) -> dict[str, Any]:
    adapter: TypeAdapter[Any] = _TRAIN if isinstance(way, Train) else _HUNT
    told: dict[str, Any] = adapter.dump_python(way, mode="json")
    return told


def _course(row: CourseRow) -> Course:
    way = _TRAIN.validate_python(row.progress) if row.kind == TRAIN else _HUNT.validate_python(row.progress)
    return Course(
        row.service,
        row.environment,
        row.actor,
        row.asked_at,
        way,
        row.note,
        row.state,
        row.reason,
        row.ended_at,
        row.id,
        row.version,
    )
