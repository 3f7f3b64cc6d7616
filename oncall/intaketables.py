"""The tables of what comes in: integration keys, what waits to be understood, silences, and hearts that should beat."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base, BigId, UTCDateTime

IS_LIVE = text("ended_at IS NULL")


class KeyRow(Base):
    """An address at which a sender tells of one service. Only the key's hash and last signs are here."""

    __tablename__ = "oncall_keys"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(8))  # its last four signs, to tell keys apart
    kind: Mapped[str] = mapped_column(String(20))  # events, alertmanager, generic, mail, heartbeat
    name: Mapped[str] = mapped_column(String(120))
    service: Mapped[str] = mapped_column(String(300))
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # a mapping, a period, an address to poll
    by: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    __table_args__ = (Index("ix_oncall_keys_service", "service"),)


class OldKeyRow(Base):
    """A key that was renewed and holds until a moment, so that its senders can be told the new one in peace."""

    __tablename__ = "oncall_old_keys"
    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    key_id: Mapped[int] = mapped_column(BigId, ForeignKey("oncall_keys.id"))
    until: Mapped[datetime] = mapped_column(UTCDateTime)


class WaitsRow(Base):
    """A raw body that lies in the inbox and is not understood yet: gone as soon as it is."""

    __tablename__ = "oncall_waiting"
    inbox_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    key_id: Mapped[int] = mapped_column(BigId)
    kind: Mapped[str] = mapped_column(String(20))


class SilenceRow(Base):
    """What is not paged for a while, and why. A maintenance is a silence that is planned."""

    __tablename__ = "oncall_silences"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(20))  # silence, maintenance
    team: Mapped[str] = mapped_column(String(300))
    matchers: Mapped[list[Any]] = mapped_column(JSON)
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    start: Mapped[datetime] = mapped_column(UTCDateTime)
    end: Mapped[datetime] = mapped_column(UTCDateTime)
    until_resolved: Mapped[int | None] = mapped_column(BigId)  # ends with that incident, if that is earlier
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # by hand, by its incident, or because it is over

    __table_args__ = (Index("ix_oncall_silences_live", "end", sqlite_where=IS_LIVE, postgresql_where=IS_LIVE),)


class HeartbeatRow(Base):
    """When a heart last beat, and by when it should again."""

    __tablename__ = "oncall_heartbeats"
    key_id: Mapped[int] = mapped_column(BigId, ForeignKey("oncall_keys.id"), primary_key=True, autoincrement=False)
    last_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    due_at: Mapped[datetime] = mapped_column(UTCDateTime, index=True)
    late: Mapped[int] = mapped_column(Integer, default=0)  # 1: somebody has been told
