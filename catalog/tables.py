"""The tables of this room; only its store opens them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base, BigId, UTCDateTime

REF = String(200)  # kind, namespace and name have at most 63 characters each


class RepositoryRow(Base):
    """A repository that somebody registered. `error` says why it could not be read the last time, empty when it was."""

    __tablename__ = "repositories"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    url: Mapped[str] = mapped_column(String(2000), unique=True)
    name: Mapped[str] = mapped_column(String(300))
    registered_at: Mapped[datetime] = mapped_column(UTCDateTime)
    default_branch: Mapped[str | None] = mapped_column(String(300))
    head: Mapped[str | None] = mapped_column(String(64))
    head_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    head_subject: Mapped[str | None] = mapped_column(Text)
    synced_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    error: Mapped[str] = mapped_column(Text, default="")
    again: Mapped[bool] = mapped_column(Boolean, default=False)  # read again although its head has not moved


class EntityRow(Base):
    """An entity's last good self. `stale_since`: its file says something else now that cannot be used."""

    __tablename__ = "entities"
    ref: Mapped[str] = mapped_column(REF, primary_key=True)
    kind: Mapped[str] = mapped_column(String(63), index=True)
    name: Mapped[str] = mapped_column(String(63))
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    mail: Mapped[str] = mapped_column(Text, default="")
    owner_ref: Mapped[str | None] = mapped_column(REF, index=True)
    owner_line: Mapped[int] = mapped_column(Integer, default=1)
    owner_column: Mapped[int] = mapped_column(Integer, default=1)
    type: Mapped[str] = mapped_column(Text, default="")
    lifecycle: Mapped[str] = mapped_column(Text, default="")
    repository_id: Mapped[int] = mapped_column(BigId, ForeignKey("repositories.id", ondelete="CASCADE"), index=True)
    path: Mapped[str] = mapped_column(Text)
    revision: Mapped[str] = mapped_column(String(64))
    spec: Mapped[dict[str, Any]] = mapped_column(JSON)
    about: Mapped[dict[str, Any]] = mapped_column("metadata", JSON)
    stale_since: Mapped[datetime | None] = mapped_column(UTCDateTime)


class ProblemRow(Base):
    __tablename__ = "catalog_problems"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    repository_id: Mapped[int] = mapped_column(BigId, ForeignKey("repositories.id", ondelete="CASCADE"))
    entity: Mapped[str] = mapped_column(String(300))
    path: Mapped[str] = mapped_column(Text)
    line: Mapped[int] = mapped_column(Integer)
    column: Mapped[int] = mapped_column(Integer)
    severity: Mapped[str] = mapped_column(String(20))
    code: Mapped[str] = mapped_column(String(80))
    message: Mapped[str] = mapped_column(Text)
    hint: Mapped[str] = mapped_column(Text)
    first_seen: Mapped[datetime] = mapped_column(UTCDateTime)

    __table_args__ = (Index("ix_catalog_problems_repository_id_entity", "repository_id", "entity"),)


class MembershipRow(Base):
    """Who is in which group, and which group below which, as one entity (`stated_by`) says it."""

    __tablename__ = "memberships"
    above: Mapped[str] = mapped_column(REF, primary_key=True)
    below: Mapped[str] = mapped_column(REF, primary_key=True)
    stated_by: Mapped[str] = mapped_column(
        REF, ForeignKey("entities.ref", ondelete="CASCADE"), primary_key=True, index=True
    )
