"""Notices: what people should know and need not be woken for. They stand on their home page, and go to one channel.

A notice waits for the end of its reader's quiet hours; nothing escalates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from ledger.clock import Clock
from ledger.db import Database
from ledger.jobs import Claim, Jobs
from oncall import planstore, reach
from oncall.paging.ports import Delivered, Key, Page, Pager
from oncall.plantables import NoticeRow
from oncall.terms import Severity, Urgency

NOTICE = "oncall.notice"
TRIES, AGAIN = 5, timedelta(minutes=10)


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
        """Send one notice to the first of its reader's channels that takes it."""
        now, number = self.clock(), int(claim.key)
        with self.database.read() as session:
            row = session.get(NoticeRow, number)
            took = row is None or row.sent_at is not None or self._took(session, row, now)
        with self.jobs.transaction() as tx:
            if took:
                tx.execute(update(NoticeRow).where(NoticeRow.id == number).values(sent_at=now))
            again = None if took or claim.attempt >= TRIES else now + AGAIN
            self.jobs.finish(tx, claim, now, again_at=again)

    def _took(self, session: Session, row: NoticeRow, now: datetime) -> bool:
        rules = planstore.rules(session, [row.person])[row.person]
        ways = {str(one.id): one for one in planstore.ways(session, [row.person]).get(row.person, ())}
        url = f"{self.address}{row.path}" if row.path else ""
        for told in reach.notifications(rules, Urgency.LOW, now):
            way = ways[told.channel]
            about = Key(0, row.id, 0, row.person, told.channel)
            said = (row.title, row.text, Severity.INFO, Urgency.LOW, row.person, way.address, url)
            pager = self.pagers.get(way.kind)
            if pager is not None and isinstance(pager.send(Page(about, *said)), Delivered):
                return True
        return False
