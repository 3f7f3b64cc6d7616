"""Notices: what people should know and need not be woken for. They stand on their home page, and go to one channel.

A notice waits for the end of its reader's quiet hours; nothing escalates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

import catalog.query
from ledger.clock import Clock
from ledger.db import Database
from ledger.jobs import Claim, Jobs
from oncall import planstore, reach
from oncall.paging.ports import Delivered, Key, Page, Pager
from oncall.planstore import Way
from oncall.plantables import NoticeRow
from oncall.reach import Notification
from oncall.terms import Severity, Urgency

NOTICE = "oncall.notice"
TRIES, AGAIN = 5, timedelta(minutes=10)

log = structlog.get_logger()


@dataclass(frozen=True)
class Notice:
    id: int
    person: str
    title: str
    text: str
    path: str
    created_at: datetime


def notify(session: Session, jobs: Jobs, person: str, title: str, text: str, path: str, at: datetime) -> None:
    """Tell a person something, in the caller's transaction."""
    made = session.execute(
        insert(NoticeRow).values(person=person, title=title[:300], text=text[:4000], path=path, created_at=at)
    )
    number = int((made.inserted_primary_key or (0,))[0])  # type: ignore[attr-defined]
    rules = planstore.rules(session, [person])[person]
    first = next(iter(reach.notifications(rules, Urgency.LOW, at)), None)
    if first is not None:
        jobs.enqueue(session, NOTICE, str(number), first.at)


def unseen(session: Session, person: str, limit: int = 20) -> Sequence[Notice]:
    """Return what somebody has not marked as seen, newest first."""
    query = select(NoticeRow).where(NoticeRow.person == person, NoticeRow.seen_at.is_(None))
    rows = session.scalars(query.order_by(NoticeRow.id.desc()).limit(limit))
    return [Notice(row.id, row.person, row.title, row.text, row.path, row.created_at) for row in rows]


def seen(session: Session, person: str, number: int, at: datetime) -> None:
    """Mark one of her own as seen."""
    mine = (NoticeRow.id == number, NoticeRow.person == person)
    session.execute(update(NoticeRow).where(*mine).values(seen_at=at))


@dataclass(frozen=True)
class Messenger:
    """Sends notices; made once by the wiring. `address` of the portal stands before a notice's path."""

    database: Database
    jobs: Jobs
    clock: Clock
    pagers: Mapping[str, Pager]
    address: str

    def send(self, claim: Claim) -> None:
        """Send one notice to the first of its reader's channels that takes it, when she is not to be left in peace."""
        now, number = self.clock(), int(claim.key)
        with self.database.read() as session:
            row = session.get(NoticeRow, number)
            told = () if row is None or row.sent_at is not None else self._told(session, row, now)
            known = planstore.ways(session, [row.person]).get(row.person, ()) if row is not None else ()
        ways = {str(one.id): one for one in known}
        later = told[0].at if told and told[0].at > now else None
        took = row is not None and later is None and self._took(row, [ways[one.channel] for one in told])
        with self.jobs.transaction() as tx:
            if took:
                tx.execute(update(NoticeRow).where(NoticeRow.id == number).values(sent_at=now))
            if took or not told or (later is None and claim.attempt >= TRIES):
                self.jobs.finish(tx, claim, now)
            else:
                self.jobs.give_back(tx, claim, now, again_at=later or now + AGAIN)

    def _told(self, session: Session, row: NoticeRow, now: datetime) -> Sequence[Notification]:
        """Return how a reader hears of it; one who has left the catalog hears nothing more."""
        known = catalog.query.directory(session)
        if row.person in known.gone or row.person not in known.people:
            return ()
        return reach.notifications(planstore.rules(session, [row.person])[row.person], Urgency.LOW, now)

    def _took(self, row: NoticeRow, ways: Sequence[Way]) -> bool:
        url = f"{self.address}{row.path}" if row.path else ""
        for way in ways:
            about = Key(0, row.id, 0, row.person, str(way.id))
            said = (row.title, row.text, Severity.INFO, Urgency.LOW, row.person, way.address, url)
            pager = self.pagers.get(way.kind)
            try:
                if pager is not None and isinstance(pager.send(Page(about, *said)), Delivered):
                    return True
            except Exception:  # a driver that breaks must not stop the next channel
                log.exception("pager broke", kind=way.kind, notice=row.id)
        return False
