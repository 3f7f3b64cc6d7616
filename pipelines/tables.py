"""The tables of this room; only pipelines/store.py and pipelines/query.py open them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base, BigId, UTCDateTime


class CounterRow(Base):
    """The last release number of a service; its row is the lock that keeps two presses from one number."""

    __tablename__ = "release_counters"
    service: Mapped[str] = mapped_column(String(300), primary_key=True)
    last: Mapped[int] = mapped_column(Integer)


class ReleaseRow(Base):
    """One number per service and revision that was ever planned."""

    __tablename__ = "releases"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    service: Mapped[str] = mapped_column(String(300))
    number: Mapped[int] = mapped_column(Integer)
    revision: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)

    __table_args__ = (UniqueConstraint("service", "number"), UniqueConstraint("service", "revision"))


class DeployRow(Base):
    __tablename__ = "deploys"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    service: Mapped[str] = mapped_column(String(300))
    environment: Mapped[str] = mapped_column(String(40))
    rollback: Mapped[bool]
    repository: Mapped[int] = mapped_column(BigId)
    release: Mapped[int] = mapped_column(Integer)
    revision: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(300))
    note: Mapped[str] = mapped_column(Text, default="")
    requested_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # What follows is written by the machine's loop only, compared and set on `version`.
    state: Mapped[str] = mapped_column(String(20))
    doing: Mapped[str] = mapped_column(String(20), default="")  # kind of the step under way
    base: Mapped[int | None] = mapped_column(Integer)
    commits: Mapped[int | None] = mapped_column(Integer)
    percent: Mapped[int] = mapped_column(Integer, default=0)
    wave: Mapped[int] = mapped_column(Integer, default=0)
    waves: Mapped[int] = mapped_column(Integer, default=0)
    reason: Mapped[str] = mapped_column(Text, default="")
    ending: Mapped[str] = mapped_column(String(20), default="")
    started_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    version: Mapped[int] = mapped_column(Integer, default=0)
    # The large ones stand last: SQLite reads a row from its beginning, and lists need none of them.
    progress: Mapped[dict[str, Any]] = mapped_column(JSON)
    plan: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    spec: Mapped[dict[str, Any]] = mapped_column(JSON)  # frozen by the click
    terms: Mapped[dict[str, Any]] = mapped_column(JSON, server_default="{}")  # on which terms, frozen by the click

    __table_args__ = (
        Index("ix_deploys_service_environment_id", "service", "environment", "id"),
        Index("ix_deploys_service_environment_state_id", "service", "environment", "state", "id"),
        Index("ix_deploys_actor_id", "actor", "id"),
        Index("ix_deploys_state", "state"),
        Index("ix_deploys_ending", "ending"),
        Index("ix_deploys_requested_at", "requested_at"),
    )


class OrderRow(Base):
    """A person's order to a deploy that is under way; written by a door, read by the loop, never changed."""

    __tablename__ = "deploy_orders"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    deploy_id: Mapped[int] = mapped_column(BigId, ForeignKey("deploys.id"), index=True)
    order: Mapped[str] = mapped_column(String(20))  # abort, pause, resume, look
    actor: Mapped[str] = mapped_column(String(300))
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    reason: Mapped[str] = mapped_column(Text, default="")


class LiveRow(Base):
    """What serves in a service's environment: the last release that became healthy there."""

    __tablename__ = "live_releases"
    service: Mapped[str] = mapped_column(String(300), primary_key=True)
    environment: Mapped[str] = mapped_column(String(40), primary_key=True)
    release: Mapped[int] = mapped_column(Integer)
    revision: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(Text)
    deploy_id: Mapped[int] = mapped_column(BigId)
    since: Mapped[datetime] = mapped_column(UTCDateTime)
    warm_until: Mapped[datetime | None] = mapped_column(UTCDateTime)  # the release before still runs until then


class WaitingRow(Base):
    """What has been committed and is not live: measured by a job when either moves, so that no page asks git."""

    __tablename__ = "waiting_changes"
    service: Mapped[str] = mapped_column(String(300), primary_key=True)
    environment: Mapped[str] = mapped_column(String(40), primary_key=True)
    base: Mapped[str | None] = mapped_column(String(64))
    head: Mapped[str] = mapped_column(String(64))
    commits: Mapped[int] = mapped_column(Integer)
    oldest_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    change: Mapped[dict[str, Any]] = mapped_column(JSON)
    measured_at: Mapped[datetime] = mapped_column(UTCDateTime)
