"""The tables of what people and machines have said about a release: locks, approvals, CI, quarantine, traffic.

Only this room's stores open them.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base, BigId, UTCDateTime


class LockRow(Base):
    """A lock: of one service, of one environment of all services, of both, or (neither said) of everything."""

    __tablename__ = "locks"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    service: Mapped[str | None] = mapped_column(String(300))
    environment: Mapped[str | None] = mapped_column(String(40))
    hard: Mapped[bool]  # False: it warns
    reason: Mapped[str] = mapped_column(Text)
    owner: Mapped[str] = mapped_column(String(300))
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    lifted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    lifted_by: Mapped[str | None] = mapped_column(String(300))

    __table_args__ = (Index("ix_locks_lifted_at_service", "lifted_at", "service"),)


class ApprovalRow(Base):
    """A person has read a change and said that it may go; one per person, revision and environment."""

    __tablename__ = "approvals"
    service: Mapped[str] = mapped_column(String(300), primary_key=True)
    environment: Mapped[str] = mapped_column(String(40), primary_key=True)
    revision: Mapped[str] = mapped_column(String(64), primary_key=True)
    actor: Mapped[str] = mapped_column(String(300), primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    note: Mapped[str] = mapped_column(Text, default="")


class StatusRow(Base):
    """What a CI has said about a commit, the last word of each context."""

    __tablename__ = "commit_statuses"
    repository: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    revision: Mapped[str] = mapped_column(String(64), primary_key=True)
    context: Mapped[str] = mapped_column(String(200), primary_key=True)
    state: Mapped[str] = mapped_column(String(20))  # pending, success, failure, skipped
    said: Mapped[str] = mapped_column(Text, default="")
    url: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(UTCDateTime)


class QuarantineRow(Base):
    """A revision that was bad somewhere; continuous delivery does not take it, nor anything before it."""

    __tablename__ = "quarantined_revisions"
    service: Mapped[str] = mapped_column(String(300), primary_key=True)
    revision: Mapped[str] = mapped_column(String(64), primary_key=True)
    environment: Mapped[str] = mapped_column(String(40), primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    deploy_id: Mapped[int] = mapped_column(BigId)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    lifted_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    lifted_by: Mapped[str | None] = mapped_column(String(300))


class TrafficRow(Base):
    """What a service has answered in one minute, for a baseline without a second release beside it."""

    __tablename__ = "traffic_minutes"
    service: Mapped[str] = mapped_column(String(300), primary_key=True)
    environment: Mapped[str] = mapped_column(String(40), primary_key=True)
    minute: Mapped[datetime] = mapped_column(UTCDateTime, primary_key=True)
    requests: Mapped[int] = mapped_column(Integer)
    errors: Mapped[int] = mapped_column(Integer)
    totals: Mapped[dict[str, Any]] = mapped_column(JSON)  # release -> what its target had counted by then

    __table_args__ = (Index("ix_traffic_minutes_minute", "minute"),)
