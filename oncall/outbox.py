"""The outbox of pages: each is a row before anything is sent, and stays one when it is.

An attempt is begun in one transaction and ended in another. One that was begun by a worker that is no more is found
here by the next, which makes it again and says that it may be the second.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Row, Table, bindparam, func, select, update
from sqlalchemy.orm import Session

from ledger.db import UTCDateTime
from ledger.once import insert_many_once, insert_once
from oncall.tables import PageRow

KINDS_OF_END = ("delivered", "refused", "withdrawn")


@dataclass(frozen=True)
class Waiting:
    """A page in the outbox. `attempts` counts the one that has just begun."""

    id: int
    incident: int
    step: int
    loop: int
    level: int
    because: str
    person: str
    target: str
    channel: str
    kind: str
    due_at: datetime
    attempts: int
    begun_at: datetime | None
    repeated: bool
    ended_at: datetime | None
    ending: str
    said: str


def row(
    incident: int,
    step: int,
    because: str,
    person: str,
    target: str,
    channel: str,
    kind: str,
    due_at: datetime,
    loop: int = 0,
    level: int = 0,
    priority: int = 0,
) -> Mapping[str, Any]:
    """Return a page as `put` takes it; the smaller its `priority` the sooner it goes."""
    return {
        **{"incident_id": incident, "step": step, "loop": loop, "level": level, "because": because},
        **{"person": person, "target": target, "channel": channel, "kind": kind, "due_at": due_at},
        **{"priority": priority, "attempts": 0, "trying": False, "repeated": False, "ending": "", "said": ""},
    }


def put(session: Session, page: Mapping[str, Any]) -> bool:
    """Put a page in; False when this very one has been put in before."""
    return insert_once(session, _PAGES, page) is not None


def put_all(session: Session, pages: Sequence[Mapping[str, Any]]) -> None:
    """Put pages in by one statement, but for those that have been put in before."""
    insert_many_once(session, _PAGES, pages, _PAGES.c.id)


_PAGES = cast(Table, PageRow.__table__)


def left_over(session: Session, kind: str) -> int:
    """Note which attempts were cut off, when one begins to send this kind: nobody else does. Return how many."""
    cut = (PageRow.kind == kind, PageRow.ended_at.is_(None), PageRow.trying)
    done = session.execute(update(PageRow).where(*cut).values(trying=False, repeated=True))
    return int(getattr(done, "rowcount", 0))


def begin(session: Session, kind: str, now: datetime, most: int) -> Sequence[Waiting]:
    """Begin an attempt of each page that is due, the urgent and the oldest first; return them."""
    due = select(PageRow.id).where(
        PageRow.kind == kind, PageRow.ended_at.is_(None), PageRow.due_at <= now, PageRow.trying.is_(False)
    )
    first = due.order_by(PageRow.priority, PageRow.due_at, PageRow.id).limit(most)
    begun = {"trying": True, "attempts": _PAGES.c.attempts + 1, "begun_at": func.coalesce(_PAGES.c.begun_at, now)}
    begin = update(_PAGES).where(_PAGES.c.id.in_(first)).values(begun).returning(_PAGES)
    return [waiting(row) for row in sorted(session.execute(begin), key=lambda row: (row.priority, row.id))]


def is_due(session: Session, kind: str, now: datetime) -> bool:
    """Is there anything to send? A look that takes no lock."""
    waiting = (PageRow.kind == kind, PageRow.ended_at.is_(None), PageRow.due_at <= now, PageRow.trying.is_(False))
    return session.scalar(select(PageRow.id).where(*waiting).limit(1)) is not None


def next_due(session: Session, kind: str) -> datetime | None:
    """Return when the next page of a kind is due that is not being sent."""
    waiting = (PageRow.kind == kind, PageRow.ended_at.is_(None), PageRow.trying.is_(False))
    return session.scalar(select(func.min(PageRow.due_at)).where(*waiting))


def end(session: Session, page: int, ending: str, said: str, at: datetime) -> None:
    """Say what came of a page: delivered, refused for good, or withdrawn because nobody needs it any more."""
    end_all(session, [(page, said)], ending, at)


def end_all(session: Session, said: Sequence[tuple[int, str]], ending: str, at: datetime) -> None:
    """Say of many that the same came of them, and what the provider answered to each."""
    ended = [{"of": page, "now": at, "how": ending, "answer": answer[:2000]} for page, answer in said]
    if ended:
        session.connection().execute(_END, ended)


_END = (
    update(_PAGES)
    .where(_PAGES.c.id == bindparam("of"))
    .values(
        trying=False, ended_at=bindparam("now", type_=UTCDateTime), ending=bindparam("how"), said=bindparam("answer")
    )
)


def again(session: Session, page: int, at: datetime, said: str, *, repeated: bool) -> None:
    """Have a page tried again at that moment."""
    values = {"trying": False, "due_at": at, "said": said[:2000]} | ({"repeated": True} if repeated else {})
    session.execute(update(PageRow).where(PageRow.id == page).values(values))


def sooner(session: Session, incident: int, step: int, person: str, channel: str, at: datetime) -> None:
    """Have a page of that step that waits for later go out now."""
    asked = (PageRow.incident_id == incident, PageRow.step == step, PageRow.person == person)
    waits = (PageRow.channel == channel, PageRow.ended_at.is_(None), PageRow.due_at > at, PageRow.attempts == 0)
    session.execute(update(PageRow).where(*asked, *waits).values(due_at=at))


def hasten(session: Session, incident: int, step: int, at: datetime, until: datetime) -> Collection[str]:
    """Have the pages of a step that are due by `until` and not begun go out now; return of which kinds they are."""
    waits = (PageRow.incident_id == incident, PageRow.step == step, PageRow.ended_at.is_(None))
    mine = (*waits, PageRow.attempts == 0, PageRow.due_at > at, PageRow.due_at <= until)
    found = set(session.scalars(select(PageRow.kind).where(*mine).distinct()))
    session.execute(update(PageRow).where(*mine).values(due_at=at))
    return found


def withdraw(session: Session, incident: int, step: int, why: str, at: datetime) -> None:
    """Withdraw the pages of a step that have not been begun."""
    waits = (PageRow.incident_id == incident, PageRow.step == step, PageRow.ended_at.is_(None), PageRow.attempts == 0)
    session.execute(update(PageRow).where(*waits).values(ended_at=at, ending="withdrawn", said=why))


def wake(session: Session, incident: int, because: Collection[str], at: datetime) -> Collection[str]:
    """Have what waits for the end of quiet hours go out now, since it has become urgent; return its kinds."""
    waits = (PageRow.incident_id == incident, PageRow.because.in_(because), PageRow.ended_at.is_(None))
    late = (PageRow.due_at > at, PageRow.attempts == 0)
    hurried = update(PageRow).where(*waits, *late).values(due_at=at, priority=0).returning(PageRow.kind)
    return set(session.scalars(hurried))


def of_incident(session: Session, incident: int) -> Sequence[Waiting]:
    """Return all pages of an incident, in the order in which they were put in."""
    rows = session.scalars(select(PageRow).where(PageRow.incident_id == incident).order_by(PageRow.id))
    return [waiting(row) for row in rows]


def of_step(session: Session, incident: int, step: int, person: str) -> Sequence[Waiting]:
    """Return what one step has put in for one person."""
    asked = (PageRow.incident_id == incident, PageRow.step == step, PageRow.person == person)
    return [waiting(row) for row in session.scalars(select(PageRow).where(*asked).order_by(PageRow.id))]


def overdue(session: Session, before: datetime, limit: int = 1000) -> Sequence[Waiting]:
    """Return what was due before that moment and has never been tried: what an auditor must not find."""
    late = (PageRow.ended_at.is_(None), PageRow.due_at < before, PageRow.attempts == 0)
    return [waiting(row) for row in session.scalars(select(PageRow).where(*late).order_by(PageRow.id).limit(limit))]


def kinds(session: Session) -> Collection[str]:
    """Return the kinds of pagers for which something waits."""
    return set(session.scalars(select(PageRow.kind).where(PageRow.ended_at.is_(None)).distinct()))


def waiting(row: PageRow | Row[*tuple[Any, ...]]) -> Waiting:
    return Waiting(
        *(row.id, row.incident_id, row.step, row.loop, row.level, row.because, row.person, row.target, row.channel),
        *(row.kind, row.due_at, row.attempts, row.begun_at, row.repeated, row.ended_at, row.ending, row.said),
    )
