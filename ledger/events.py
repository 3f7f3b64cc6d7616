"""What happened: append-only facts, each later sealed into a gapless chain of hashes in the order of commits.

`record` writes a fact in the caller's transaction. `seal` gives every committed fact its position and a hash over the
fact and the hash before it, so that `verify` notices a changed, removed or inserted row. Audit and live pages read by
position. A fact is never updated; retention deletes old ones and leaves a checkpoint.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import JSON, Index, Integer, Row, String, Table, bindparam, delete, func, insert, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from ledger.db import Base, BigId, Database, UTCDateTime

GENESIS = "0" * 64
BATCH = 500
PAGE = 1000  # facts that `verify` reads at a time


class EventRow(Base):
    __tablename__ = "events"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    kind: Mapped[str] = mapped_column(String(80))
    subject: Mapped[str] = mapped_column(String(300))
    service: Mapped[str | None] = mapped_column(String(300))
    actor: Mapped[str] = mapped_column(String(300))
    cause: Mapped[str | None] = mapped_column(String(300))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    position: Mapped[int | None] = mapped_column(BigId, unique=True)
    hash: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (
        Index("ix_events_subject_id", "subject", "id"),
        Index("ix_events_service_id", "service", "id"),
        Index("ix_events_actor_id", "actor", "id"),
        Index(
            "ix_events_unsealed",
            "id",
            sqlite_where=text("position IS NULL"),
            postgresql_where=text("position IS NULL"),
        ),
    )


class ChainRow(Base):
    """The head of the chain (id 1) and, after a retention run, the checkpoint verification begins from (id 2)."""

    __tablename__ = "event_chain"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigId)
    hash: Mapped[str] = mapped_column(String(64))


HEAD, CHECKPOINT = 1, 2


@dataclass(frozen=True)
class Event:
    """A fact. `kind` is past tense (`deploy.healthy`), `subject` what it is about (`deploy:12`), `actor` who
    (`user:default/alice`, `worker`), `cause` what led to it, `service` the entity whose history it belongs to."""

    at: datetime
    kind: str
    subject: str
    actor: str
    data: Mapping[str, Any]
    service: str | None = None
    cause: str | None = None
    position: int | None = None
    hash: str | None = None
    id: int | None = None


def record(
    session: Session,
    kind: str,
    subject: str,
    actor: str,
    at: datetime,
    data: Mapping[str, Any] | None = None,
    *,
    service: str | None = None,
    cause: str | None = None,
) -> None:
    """Write a fact in the caller's transaction. `data` must be JSON and hold no secret."""
    about = {"kind": kind, "subject": subject, "actor": actor, "service": service, "cause": cause}
    fact = {"at": at, **about, "data": dict(data or {})}
    gathered: list[dict[str, Any]] | None = session.info.get(_GATHERED)
    if gathered is None:
        session.execute(_NEW, fact)
    else:
        gathered.append(fact)


@contextmanager
def together(session: Session) -> Iterator[None]:
    """Have what is recorded meanwhile written by one statement at the end. Whoever reads facts does so afterwards."""
    facts: list[dict[str, Any]] = []
    session.info[_GATHERED] = facts
    try:
        yield
    finally:
        del session.info[_GATHERED]
    if facts:
        session.connection().execute(_NEW, facts)


_EVENTS, _GATHERED = cast(Table, EventRow.__table__), "gathered facts"
_NEW = insert(_EVENTS)


def seal(database: Database) -> int:
    """Give every committed, unsealed fact its position and hash; return how many. Safe to call from anywhere."""
    with database.read() as session:
        if session.scalar(select(EventRow.id).where(EventRow.position.is_(None)).limit(1)) is None:
            return 0
    sealed = 0
    while batch := _seal_batch(database):
        sealed += batch
    return sealed


def _seal_batch(database: Database) -> int:
    with database.write() as session:
        # The head row is the sealers' lock: two sealers would otherwise give one position twice.
        head = session.scalars(select(ChainRow).where(ChainRow.id == HEAD).with_for_update()).one_or_none()
        if head is None:
            return 0  # a database without its migrations
        position, before = head.position, head.hash
        sealed = []
        for row in session.execute(_UNSEALED):
            position += 1
            before = chained(before, position, _event(row))
            sealed.append({"of": row.id, "at_position": position, "with_hash": before})
        if sealed:
            session.connection().execute(_SEAL, sealed)
            head.position, head.hash = position, before
        return len(sealed)


# Everything that happens comes by here, so rows are read and written as they are, not as objects.
_UNSEALED = select(_EVENTS).where(_EVENTS.c.position.is_(None)).order_by(_EVENTS.c.id).limit(BATCH)
_SEAL = (
    update(_EVENTS)
    .where(_EVENTS.c.id == bindparam("of"))
    .values(position=bindparam("at_position"), hash=bindparam("with_hash"))
)


def chained(before: str, position: int, event: Event) -> str:
    """Return the hash of `event` at `position` behind a fact whose hash is `before`."""
    fact = [
        position,
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        event.kind,
        event.subject,
        event.service,
        event.actor,
        event.cause,
        dict(event.data),
    ]
    canonical = json.dumps(fact, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256((before + canonical).encode()).hexdigest()


@dataclass(frozen=True)
class Broken:
    """Where the chain does not hold, and how."""

    position: int
    what: str


@dataclass(frozen=True)
class Verified:
    """What `verify` found: facts checked, the first position looked at, and every break (empty when all is well)."""

    checked: int
    first: int
    last: int
    breaks: tuple[Broken, ...]


def verify(session: Session) -> Verified:
    """Recompute the whole chain from its beginning or checkpoint and say where it breaks."""
    start = _chain(session, CHECKPOINT)
    position, before = start or (0, GENESIS)
    first, checked, breaks = position + 1, 0, []
    head = _chain(session, HEAD)
    while page := since(session, position, limit=PAGE):
        for event in page:
            at = event.position or 0
            if at != position + 1:
                breaks.append(Broken(position + 1, f"facts {position + 1} to {at - 1} are missing"))
            elif event.hash != chained(before, at, event):
                breaks.append(Broken(at, f"fact {at} ({event.kind}) is not what was sealed"))
            position, before, checked = at, event.hash or GENESIS, checked + 1
        head = _chain(session, HEAD)  # more may be sealed meanwhile; then there is a further page
    if head is not None and head != (position, before):
        breaks.append(Broken(head[0], f"the chain ends at {position}, its head says {head[0]}"))
    return Verified(checked, first, position, tuple(breaks))


def _chain(session: Session, name: int) -> tuple[int, str] | None:
    row = session.execute(select(ChainRow.position, ChainRow.hash).where(ChainRow.id == name)).one_or_none()
    return None if row is None else (row.position, row.hash)


def prune(session: Session, before: datetime) -> int:
    """Delete sealed facts from before that moment, up to the first newer one; leave a checkpoint; return how many."""
    newer = session.scalar(select(func.min(EventRow.position)).where(EventRow.at >= before))
    last = session.scalars(
        select(EventRow)
        .where(EventRow.position.is_not(None), *([EventRow.position < newer] if newer else []))
        .order_by(EventRow.position.desc())
        .limit(1)
    ).one_or_none()
    if last is None or last.position is None or last.hash is None:
        return 0
    session.merge(ChainRow(id=CHECKPOINT, position=last.position, hash=last.hash))
    gone = session.execute(delete(EventRow).where(EventRow.position <= last.position))
    return int(getattr(gone, "rowcount", 0))


def since(
    session: Session, position: int, *, subject: str | None = None, service: str | None = None, limit: int = BATCH
) -> Sequence[Event]:
    """Return the sealed facts after `position`, oldest first."""
    query = select(EventRow).where(EventRow.position > position).order_by(EventRow.position).limit(limit)
    return [_event(row) for row in session.scalars(_about(query, subject, service))]


def latest(
    session: Session,
    *,
    subject: str | None = None,
    service: str | None = None,
    actor: str | None = None,
    kinds: Sequence[str] = (),
    before: int | None = None,
    limit: int = 50,
) -> Sequence[Event]:
    """Return the newest facts first, sealed or not; `before` is an id to page on from."""
    query = _about(select(EventRow), subject, service).order_by(EventRow.id.desc()).limit(limit)
    if actor is not None:
        query = query.where(EventRow.actor == actor)
    if kinds:
        query = query.where(EventRow.kind.in_(kinds))
    if before is not None:
        query = query.where(EventRow.id < before)
    return [_event(row) for row in session.scalars(query)]


def head(session: Session) -> int:
    """Return the position of the last sealed fact, 0 when there is none."""
    return session.scalar(select(ChainRow.position).where(ChainRow.id == HEAD)) or 0


def _about(query: Any, subject: str | None, service: str | None) -> Any:
    if subject is not None:
        query = query.where(EventRow.subject == subject)
    if service is not None:
        query = query.where(EventRow.service == service)
    return query


def _event(row: EventRow | Row[*tuple[Any, ...]]) -> Event:
    return Event(
        row.at, row.kind, row.subject, row.actor, row.data, row.service, row.cause, row.position, row.hash, row.id
    )
