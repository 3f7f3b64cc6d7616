"""Reads the log, and nothing else, into what is kept of deliveries. Its tables can be thrown away and made again.

A job calls `catch_up` every minute: it goes on where it was, in steps that each are one transaction. Two of them at
once do no harm: whoever comes second sees that the place has moved, and goes on from there.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from ledger import events
from ledger.db import Database
from ledger.events import EventRow
from pipelines import deliverysums as sums
from pipelines import outcomes
from pipelines.deliverysums import deployed, kept
from pipelines.deliverytables import DAYS, WINDOWS, DeliveredRow, DeliveryLaneRow, DeliveryLogRow
from pipelines.dora import Deployed
from pipelines.outcomes import KINDS, Lane, Told

JOB = "pipelines.delivery"
EVERY = timedelta(minutes=1)
STEP = 2000  # facts that are read in one transaction
LOG = 1  # the one row

Place = tuple[str, str]  # service, environment


def catch_up(database: Database, now: datetime, lost: Callable[[], bool] = lambda: False, step: int = STEP) -> int:
    """Read on until the end of the log; return how many facts of deploys that were. `lost`: another has the job."""
    today = now.astimezone(UTC).date()
    count = 0
    while not lost():
        read = _read(database, step)
        if read.position == read.before:
            break
        if _write(database, read):
            count += read.facts
    if not lost() and read.until != today:
        with database.write() as session:
            sums.windows(session, today)
            session.merge(DeliveryLogRow(id=LOG, position=read.position, began=read.began, until=today))
    return count


def rebuild(database: Database, now: datetime) -> int:
    """Forget all of it and read the log from its beginning."""
    with database.write() as session:
        for table in (DeliveredRow, DeliveryLaneRow, DeliveryLogRow):
            session.execute(delete(table))
        session.execute(delete(DAYS))
        session.execute(delete(WINDOWS))
    return catch_up(database, now)


# --- one step: read, think, write -------------------------------------------------------------------------------------


@dataclass
class _Step:
    """What a step has found out. `before` and `position`: where in the log it began and ends."""

    before: int
    position: int
    began: date | None
    until: date | None
    facts: int = 0
    deploys: dict[int, Deployed | None] = field(default_factory=dict)
    lanes: dict[Place, Lane] = field(default_factory=dict)
    changed: dict[int, Deployed] = field(default_factory=dict)
    days: set[tuple[str, date, str]] = field(default_factory=set)  # environment, day, service: to be added up again


def _read(database: Database, most: int) -> _Step:
    """Read the next facts and tell what became of their deploys; nothing is written."""
    with database.read() as session:
        log = session.get(DeliveryLogRow, LOG)
        before, head = (log.position if log else 0), events.head(session)
        told = _told(session, before, head, most)
        position = told[-1][0] if len(told) == most else max(head, before)
        step = _Step(before, position, log.began if log else None, log.until if log else None, len(told))
        for _, fact in told:
            if fact is not None:
                _take(session, step, fact)
    return step


def _told(session: Session, after: int, head: int, most: int) -> list[tuple[int, Told | None]]:
    columns = (EventRow.position, EventRow.at, EventRow.kind, EventRow.subject, EventRow.service, EventRow.data)
    query = select(*columns).where(EventRow.position > after, EventRow.position <= head, EventRow.kind.in_(KINDS))
    rows = session.execute(query.order_by(EventRow.position).limit(most))
    return [(position, _fact(*rest)) for position, *rest in rows]


def _fact(at: datetime, kind: str, subject: str, service: str | None, data: object) -> Told | None:
    """Read a row of the log; what is no fact of a deploy is passed over."""
    number = subject.removeprefix("deploy:")
    if not number.isdecimal() or not service or not isinstance(data, Mapping):
        return None
    return Told(at, kind, int(number), service, data)


def _take(session: Session, step: _Step, fact: Told) -> None:
    known = _found(session, step, fact.deploy)
    place = (fact.service, fact.environment or (known.environment if known else ""))
    if place not in step.lanes:
        step.lanes[place] = _lane(session, place)
    lane, changed = outcomes.after(fact, step.lanes[place], lambda number: _found(session, step, number))
    step.lanes[place] = lane
    day = fact.at.astimezone(UTC).date()
    step.began = min(step.began or day, day)
    for deploy in changed:
        for one in (_found(session, step, deploy.id), deploy):
            if one is not None and one.day is not None:
                step.days.add((one.environment, one.day, one.service))
        step.deploys[deploy.id] = step.changed[deploy.id] = deploy


def _found(session: Session, step: _Step, number: int) -> Deployed | None:
    if number not in step.deploys:
        step.deploys[number] = deployed(session, number)
    return step.deploys[number]


def _lane(session: Session, place: Place) -> Lane:
    row = session.get(DeliveryLaneRow, place)
    return Lane(row.live, tuple(row.unmended), row.mending) if row else Lane()


def _write(database: Database, step: _Step) -> bool:
    """Write it all, unless another was first."""
    with database.write() as session:
        log = session.get(DeliveryLogRow, LOG, with_for_update=True)
        if (log.position if log else 0) != step.before:
            return False
        session.merge(DeliveryLogRow(id=LOG, position=step.position, began=step.began, until=step.until))
        for (service, environment), lane in step.lanes.items():
            session.merge(
                DeliveryLaneRow(
                    service=service,
                    environment=environment,
                    live=lane.live,
                    unmended=list(lane.unmended),
                    mending=lane.mending,
                )
            )
        _replace(session, step.changed.values())
        sums.add_up(session, step.days)
        if step.until is not None and step.days:
            sums.windows(session, step.until, {service for _, _, service in step.days})
    return True


def _replace(session: Session, deploys: Collection[Deployed]) -> None:
    if deploys:
        session.execute(delete(DeliveredRow).where(DeliveredRow.id.in_([one.id for one in deploys])))
        session.execute(insert(DeliveredRow), [kept(one) for one in deploys])
