"""The tables of what takes more than one deploy: trains and bisects. Only this room's stores open them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base, BigId, UTCDateTime


class CourseRow(Base):
    """A train or a bisect: its cars or its commits, how far it is, and why it ended. `version` is compared and set."""

    __tablename__ = "courses"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(20))  # train, bisect
    service: Mapped[str] = mapped_column(String(300))
    environment: Mapped[str] = mapped_column(String(40))
    actor: Mapped[str] = mapped_column(String(300))
    note: Mapped[str] = mapped_column(Text, default="")
    asked_at: Mapped[datetime] = mapped_column(UTCDateTime)
    state: Mapped[str] = mapped_column(String(20))  # going, arrived, stopped, found, unclear
    reason: Mapped[str] = mapped_column(Text, default="")
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    version: Mapped[int] = mapped_column(Integer, default=0)
    progress: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (
        Index("ix_courses_service_environment_id", "service", "environment", "id"),
        Index("ix_courses_state", "state"),
    )
