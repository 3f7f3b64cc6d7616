"""The tables of this room; only its store opens them. They say what shall run, not what does."""

from typing import Any

from sqlalchemy import JSON, BigInteger, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base, BigId


class SiteRow(Base):
    """One service in one environment on this machine."""

    __tablename__ = "sites"
    name: Mapped[str] = mapped_column(String(300), primary_key=True)
    service: Mapped[str] = mapped_column(String(300))
    environment: Mapped[str] = mapped_column(String(100))
    fence: Mapped[int] = mapped_column(BigInteger)
    public_port: Mapped[int | None] = mapped_column(Integer, unique=True)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    weights: Mapped[dict[str, float]] = mapped_column(JSON)  # release -> percent; nobody else gets any
    draining: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # keep, since


class InstanceRow(Base):
    """One copy of a release that shall run. `launch` is how: argv, env, cwd, user."""

    __tablename__ = "instances"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    site: Mapped[str] = mapped_column(String(300))
    release: Mapped[int] = mapped_column(Integer)
    number: Mapped[int] = mapped_column(Integer)
    port: Mapped[int] = mapped_column(Integer, unique=True)
    revision: Mapped[str] = mapped_column(String(64))
    launch: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (UniqueConstraint("site", "release", "number"),)
