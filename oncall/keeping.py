"""What on-call forgets, and when: what was said and seen, and alerts that never woke anybody.

Incidents, their alerts, their pages and all facts are kept: they are what loads, reviews and the audit are made of.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select

from ledger.db import Database
from ledger.inbox import DeliveryRow
from oncall.intaketables import OldKeyRow, WaitsRow
from oncall.plantables import AnnouncedRow, NoticeRow, TaskRow
from oncall.tables import AlertRow

AT_ONCE = 2000  # rows of one transaction, so that whoever writes need not wait for long


@dataclass(frozen=True)
class Keep:
    """How long each is kept."""

    announced: timedelta = timedelta(days=400)  # longer than anything is announced ahead
    seen: timedelta = timedelta(days=30)  # notices, from when they were marked as seen
    notices: timedelta = timedelta(days=365)
    tasks: timedelta = timedelta(days=365)  # from when they were done
    quiet: timedelta = timedelta(days=90)  # alerts without an incident, from their end


def forget(database: Database, now: datetime, keep: Keep | None = None) -> int:
    """Delete what is older than `keep` says, a few rows in each transaction; return how many."""
    gone = 0
    for column, is_old in _old(now, keep or Keep()):
        done = AT_ONCE
        while done == AT_ONCE:
            with database.write() as session:
                some = select(column).where(is_old).limit(AT_ONCE)
                done = len(session.scalars(delete(column.class_).where(column.in_(some)).returning(column)).all())
            gone += done
    return gone


def _old(now: datetime, keep: Keep) -> Iterator[tuple[Any, ColumnElement[bool]]]:
    """Return the key of each table, and which of its rows are not needed any more."""
    yield AnnouncedRow.key, AnnouncedRow.at < now - keep.announced
    yield NoticeRow.id, or_(NoticeRow.seen_at < now - keep.seen, NoticeRow.created_at < now - keep.notices)
    yield TaskRow.id, TaskRow.done_at < now - keep.tasks
    yield AlertRow.id, and_(AlertRow.incident_id.is_(None), AlertRow.resolved_at < now - keep.quiet)
    yield OldKeyRow.sha256, OldKeyRow.until < now
    yield WaitsRow.inbox_id, WaitsRow.inbox_id.not_in(select(DeliveryRow.id))  # its body is no more
