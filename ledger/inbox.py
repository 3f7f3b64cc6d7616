"""What came from outside: raw bodies, stored before anything tries to understand them.

A delivery is known by its source and the sender's own id, so that a sender's second try is noticed and not done twice.
One delivery may have several readers; each marks it read for itself.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

from sqlalchemy import JSON, ForeignKey, LargeBinary, Select, String, Table, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from ledger.db import Base, BigId, UTCDateTime
from ledger.once import insert_many_once, insert_once


class DeliveryRow(Base):
    __tablename__ = "inbox"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    source: Mapped[str] = mapped_column(String(80))
    delivery: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    headers: Mapped[dict[str, str]] = mapped_column(JSON)
    body: Mapped[bytes] = mapped_column(LargeBinary)

    __table_args__ = (UniqueConstraint("source", "delivery"),)


class ReadRow(Base):
    __tablename__ = "inbox_reads"
    inbox_id: Mapped[int] = mapped_column(BigId, ForeignKey("inbox.id", ondelete="CASCADE"), primary_key=True)
    reader: Mapped[str] = mapped_column(String(80), primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)


@dataclass(frozen=True)
class Delivery:
    id: int
    source: str
    delivery: str
    at: datetime
    headers: Mapping[str, str]
    body: bytes


class Arrival(Protocol):
    """What `receive_many` stores. `delivery` is the sender's id."""

    @property
    def source(self) -> str: ...

    @property
    def delivery(self) -> str: ...

    @property
    def at(self) -> datetime: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def body(self) -> bytes: ...


def receive(
    session: Session, source: str, delivery: str | None, headers: Mapping[str, str], body: bytes, at: datetime
) -> int | None:
    """Store a raw body; return its id, or None when this very delivery is already here.

    `delivery` is the sender's id; a sender without one is known by the hash of its body.
    """
    delivery = delivery or "sha256:" + hashlib.sha256(body).hexdigest()
    row = {"source": source, "delivery": delivery, "at": at, "headers": dict(headers), "body": body}
    new: int | None = insert_once(session, cast(Table, DeliveryRow.__table__), row)
    return new


def receive_many(session: Session, came: Sequence[Arrival]) -> Mapping[tuple[str, str], int]:
    """Store many raw bodies by one statement; return the ids of those that are new, by source and the sender's id."""
    table = cast(Table, DeliveryRow.__table__)
    rows = [{name: getattr(one, name) for name in ("source", "delivery", "at", "headers", "body")} for one in came]
    found = insert_many_once(session, table, rows, table.c.source, table.c.delivery, table.c.id)
    return {(source, delivery): number for source, delivery, number in found}


def known(session: Session, source: str, deliveries: Collection[str]) -> set[str]:
    """Return which of those deliveries are here."""
    asked = (DeliveryRow.source == source, DeliveryRow.delivery.in_(deliveries))
    return set(session.scalars(select(DeliveryRow.delivery).where(*asked)))


def headers(session: Session, source: str, delivery: str) -> Mapping[str, str] | None:
    """Return what was noted beside a delivery; None when it is not here."""
    asked = (DeliveryRow.source == source, DeliveryRow.delivery == delivery)
    return session.scalar(select(DeliveryRow.headers).where(*asked))


def unread(session: Session, reader: str, source: str, limit: int = 100) -> Sequence[Delivery]:
    """Return what `reader` has not marked read yet, oldest first."""
    read = select(ReadRow.inbox_id).where(ReadRow.reader == reader)
    rows = session.scalars(
        select(DeliveryRow)
        .where(DeliveryRow.source == source, DeliveryRow.id.not_in(read))
        .order_by(DeliveryRow.id)
        .limit(limit)
    )
    return [Delivery(row.id, row.source, row.delivery, row.at, row.headers, row.body) for row in rows]


def mark_read(session: Session, reader: str, delivery_id: int, at: datetime) -> None:
    row = {"inbox_id": delivery_id, "reader": reader, "at": at}
    insert_once(session, cast(Table, ReadRow.__table__), row)


def prune(session: Session, before: datetime, but: Select[tuple[int]] | None = None) -> int:
    """Delete deliveries from before that moment, read or not; return how many. `but`: the ids of what still waits."""
    old = delete(DeliveryRow).where(DeliveryRow.at < before)
    gone = old if but is None else old.where(DeliveryRow.id.not_in(but))
    return len(session.scalars(gone.returning(DeliveryRow.id)).all())
