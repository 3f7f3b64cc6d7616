"""Integration keys, what waits to be understood, silences and heartbeats, as rows: the only module that opens these."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from ledger.inbox import DeliveryRow
from oncall import heartbeat
from oncall.intaketables import HeartbeatRow as HeartbeatRow
from oncall.intaketables import KeyRow, OldKeyRow, WaitsRow
from oncall.intaketables import SilenceRow as SilenceRow
from oncall.understanding import HEARTBEAT


@dataclass(frozen=True)
class Key:
    """An integration: whose alerts come by it. The key itself is known to the sender only."""

    id: int
    kind: str
    name: str
    service: str
    hint: str
    settings: Mapping[str, Any]
    by: str
    created_at: datetime
    last_at: datetime | None

    @property
    def source(self) -> str:
        """How signals and alerts name it."""
        return f"{self.kind}:{self.id}"


class Body(NamedTuple):
    """A raw body that waits to be understood."""

    inbox_id: int
    key_id: int
    kind: str
    at: datetime
    headers: Mapping[str, str]
    body: bytes


def digest(secret: str) -> str:
    """Return what is kept of a key. Keys are 128 random bits or more, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def add_key(
    session: Session,
    secret: str,
    kind: str,
    name: str,
    service: str,
    settings: Mapping[str, Any],
    by: str,
    at: datetime,
) -> int:
    values = {"sha256": digest(secret), "hint": secret[-4:], "kind": kind, "name": name, "service": service}
    made = session.execute(insert(KeyRow).values(**values, settings=dict(settings), by=by, created_at=at))
    number = int((made.inserted_primary_key or (0,))[0])  # type: ignore[attr-defined]
    if kind == HEARTBEAT:  # a heart that never beats is late, too
        state = heartbeat.standing(heartbeat.of(name, settings), None, at, at)
        expect(session, number, state.until if isinstance(state, heartbeat.Fine) else at)
    return number


def key_of(session: Session, secret: str, now: datetime | None = None) -> Key | None:
    """Return the integration whose key that is; `now`: or was, and still holds."""
    said = digest(secret)
    row = session.scalar(select(KeyRow).where(KeyRow.sha256 == said, KeyRow.ended_at.is_(None)))
    if row is None and now is not None:
        old = select(KeyRow).join(OldKeyRow, OldKeyRow.key_id == KeyRow.id).where(OldKeyRow.sha256 == said)
        row = session.scalar(old.where(OldKeyRow.until > now, KeyRow.ended_at.is_(None)))
    return _key(row) if row else None


def change_key(
    session: Session, number: int, name: str, service: str, settings: Mapping[str, Any], at: datetime
) -> None:
    """Have an integration be told otherwise. What came by it is as it was; a heart is expected anew from now on."""
    values = {"name": name, "service": service, "settings": dict(settings)}
    row = session.get_one(KeyRow, number)
    anew = row.kind == HEARTBEAT and row.settings != values["settings"]
    session.execute(update(KeyRow).where(KeyRow.id == number).values(values))
    if anew:
        state = heartbeat.standing(heartbeat.of(name, settings), None, at, at)
        put_off(session, number, state.until if isinstance(state, heartbeat.Fine) else at)


def renew_key(session: Session, number: int, secret: str, until: datetime | None) -> None:
    """Give an integration another key. Its last one holds until then; without a moment no other does from now on."""
    row = session.get_one(KeyRow, number)
    if until is None:
        session.execute(delete(OldKeyRow).where(OldKeyRow.key_id == number))
    else:
        session.execute(insert(OldKeyRow).values(sha256=row.sha256, key_id=number, until=until))
    session.execute(update(KeyRow).where(KeyRow.id == number).values(sha256=digest(secret), hint=secret[-4:]))


def old_keys(session: Session, now: datetime) -> Mapping[int, datetime]:
    """Return of which integrations a former key still holds, and until when."""
    asked = select(OldKeyRow.key_id, func.max(OldKeyRow.until)).where(OldKeyRow.until > now)
    return {row[0]: row[1] for row in session.execute(asked.group_by(OldKeyRow.key_id))}


def key(session: Session, number: int) -> Key | None:
    """Return an integration, ended or not."""
    row = session.get(KeyRow, number)
    return _key(row) if row else None


def standing_key(session: Session, number: int) -> Key | None:
    """Return an integration that holds; None for one that was taken away."""
    row = session.scalar(select(KeyRow).where(KeyRow.id == number, KeyRow.ended_at.is_(None)))
    return _key(row) if row else None


def keys(session: Session, service: str | None = None) -> Sequence[Key]:
    """Return the integrations that hold, of a service or of all."""
    query = select(KeyRow).where(KeyRow.ended_at.is_(None)).order_by(KeyRow.id)
    return [_key(row) for row in session.scalars(query if service is None else query.where(KeyRow.service == service))]


def keys_of(session: Session, numbers: Collection[int]) -> Mapping[int, Key]:
    return {row.id: _key(row) for row in session.scalars(select(KeyRow).where(KeyRow.id.in_(numbers)))}


def end_key(session: Session, number: int, at: datetime) -> None:
    """Have a key be nobody's from now on; what came by it before is understood all the same. No beat is expected."""
    session.execute(delete(HeartbeatRow).where(HeartbeatRow.key_id == number))
    session.execute(update(KeyRow).where(KeyRow.id == number).values(ended_at=at))


def heard(session: Session, numbers: Collection[int], at: datetime) -> None:
    """Note that those have been used."""
    session.execute(update(KeyRow).where(KeyRow.id.in_(numbers)).values(last_at=at))


def _key(row: KeyRow) -> Key:
    about = (row.id, row.kind, row.name, row.service, row.hint, row.settings, row.by, row.created_at, row.last_at)
    return Key(*about)


# --- what waits -------------------------------------------------------------------------------------------------------


def waits(session: Session, inbox_id: int, key_id: int, kind: str) -> None:
    """Have a body that lies in the inbox understood."""
    session.execute(insert(WaitsRow).values(inbox_id=inbox_id, key_id=key_id, kind=kind))


def all_wait(session: Session, waiting: Sequence[tuple[int, int, str]]) -> None:
    """Have many bodies understood: the number of each in the inbox, its integration's, and of what kind it is."""
    rows = [{"inbox_id": inbox_id, "key_id": key_id, "kind": kind} for inbox_id, key_id, kind in waiting]
    if rows:
        session.connection().execute(insert(WaitsRow), rows)


def waiting(session: Session, most: int) -> Sequence[Body]:
    """Return the oldest bodies that wait. Each is read for as long as it waits, whatever came after it."""
    columns = (WaitsRow.inbox_id, WaitsRow.key_id, WaitsRow.kind, DeliveryRow.at, DeliveryRow.headers, DeliveryRow.body)
    query = select(*columns).join(DeliveryRow, DeliveryRow.id == WaitsRow.inbox_id)
    return [Body(*row) for row in session.execute(query.order_by(WaitsRow.inbox_id).limit(most))]


def newest(session: Session) -> int:
    """Return the number in the inbox of what came last and still waits; 0 when nothing does."""
    return session.scalar(select(WaitsRow.inbox_id).order_by(WaitsRow.inbox_id.desc()).limit(1)) or 0


def is_waiting(session: Session) -> bool:
    """Does anything wait whose body is there?"""
    query = select(WaitsRow.inbox_id).join(DeliveryRow, DeliveryRow.id == WaitsRow.inbox_id).limit(1)
    return session.scalar(query) is not None


def oldest(session: Session) -> datetime | None:
    """Return since when the oldest body waits; None when none does."""
    query = select(DeliveryRow.at).join(WaitsRow, WaitsRow.inbox_id == DeliveryRow.id)
    return session.scalar(query.order_by(WaitsRow.inbox_id).limit(1))


def not_understood() -> Select[tuple[int]]:
    """Ask for the ids of all bodies that wait, for whoever forgets old ones."""
    return select(WaitsRow.inbox_id)


def understood(session: Session, ids: Collection[int]) -> None:
    session.execute(delete(WaitsRow).where(WaitsRow.inbox_id.in_(ids)))


# --- silences ---------------------------------------------------------------------------------------------------------


def silences(session: Session, now: datetime | None = None) -> Sequence[SilenceRow]:
    """Return the silences and maintenances that have not ended; those that hold at a moment, or all."""
    query = select(SilenceRow).where(SilenceRow.ended_at.is_(None)).order_by(SilenceRow.id)
    if now is not None:
        query = query.where(SilenceRow.start <= now, SilenceRow.end > now)
    return session.scalars(query).all()


def past_silences(session: Session, since: datetime, now: datetime, limit: int = 100) -> Sequence[SilenceRow]:
    """Return the silences that have ended since a moment, by hand or by themselves, the newest first."""
    over = func.coalesce(SilenceRow.ended_at, SilenceRow.end)
    asked = (or_(SilenceRow.ended_at.is_not(None), SilenceRow.end <= now), over >= since)
    return session.scalars(select(SilenceRow).where(*asked).order_by(SilenceRow.id.desc()).limit(limit)).all()


def silence(session: Session, number: int) -> SilenceRow | None:
    """Return a silence, over or not; None where there is none of that number."""
    return session.get(SilenceRow, number)


def add_silence(session: Session, **values: Any) -> int:
    made = session.execute(insert(SilenceRow).values(values))
    return int((made.inserted_primary_key or (0,))[0])  # type: ignore[attr-defined]


def end_silences(session: Session, ids: Collection[int], at: datetime) -> None:
    session.execute(update(SilenceRow).where(SilenceRow.id.in_(ids)).values(ended_at=at))


def move_silences(session: Session, incident: int, into: int) -> None:
    """Have what was to last as long as an incident last as long as the one that it was merged into."""
    session.execute(update(SilenceRow).where(SilenceRow.until_resolved == incident).values(until_resolved=into))


def awaited(session: Session) -> set[int]:
    """Return the incidents with whose end a silence ends."""
    waits = select(SilenceRow.until_resolved).where(SilenceRow.ended_at.is_(None))
    return {number for number in session.scalars(waits) if number}


def extend_silence(session: Session, number: int, end: datetime) -> None:
    session.execute(update(SilenceRow).where(SilenceRow.id == number).values(end=end))


# --- heartbeats -------------------------------------------------------------------------------------------------------


def beat(session: Session, key_id: int, at: datetime, due_at: datetime) -> bool:
    """Note that a heart has beaten, and when it should again; return whether it had been late."""
    was_late = session.scalar(select(HeartbeatRow.late).where(HeartbeatRow.key_id == key_id)) == 1
    session.merge(HeartbeatRow(key_id=key_id, last_at=at, due_at=due_at, late=0))
    return was_late


def expect(session: Session, key_id: int, due_at: datetime) -> None:
    """Expect a first beat until then."""
    session.merge(HeartbeatRow(key_id=key_id, last_at=None, due_at=due_at, late=0))


def put_off(session: Session, key_id: int, due_at: datetime) -> None:
    """Expect the next beat at another moment, since its integration says so now."""
    session.execute(update(HeartbeatRow).where(HeartbeatRow.key_id == key_id).values(due_at=due_at))


def silent(session: Session, now: datetime, *, held: bool = False) -> Sequence[HeartbeatRow]:
    """Return the hearts that should have beaten by now, and of which nobody has been told.

    `held`: no beat of theirs is noted until the transaction ends.
    """
    due = (HeartbeatRow.due_at <= now, HeartbeatRow.late == 0, KeyRow.ended_at.is_(None))
    query = select(HeartbeatRow).join(KeyRow, KeyRow.id == HeartbeatRow.key_id).where(*due)
    return session.scalars(query.with_for_update(of=HeartbeatRow) if held else query).all()


def told_late(session: Session, key_ids: Collection[int]) -> None:
    session.execute(update(HeartbeatRow).where(HeartbeatRow.key_id.in_(key_ids)).values(late=1))


def hearts(session: Session) -> Mapping[int, HeartbeatRow]:
    return {row.key_id: row for row in session.scalars(select(HeartbeatRow))}
