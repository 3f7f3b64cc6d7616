"""What is kept of deliveries, all of it made from the log and to be made again; only pipelines/delivery*.py open it.

A day's row adds up what counts on it, a week's begins on a Monday; without a service's name it is of all. Windows are
the last 7, 30 and 90 days, and as many before them. `lead_00` and `mend_00` … are histograms of pipelines/tallies.py.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, Date, Index, Integer, SmallInteger, String, Table, text
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base, BigId, UTCDateTime
from pipelines.tallies import COUNTS, LEAD_CELLS, RECOVERY_CELLS

LEADS = tuple(f"lead_{number:02}" for number in range(LEAD_CELLS))
MENDS = tuple(f"mend_{number:02}" for number in range(RECOVERY_CELLS))
SUMS = (*COUNTS, *LEADS, *MENDS)
FAILED = text("failed <> ''")


class DeliveredRow(Base):
    """A deploy with what became of it: pipelines/dora.py's Deployed."""

    __tablename__ = "delivery_deploys"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    service: Mapped[str] = mapped_column(String(300))
    environment: Mapped[str] = mapped_column(String(40))
    release: Mapped[int] = mapped_column(Integer)
    requested_at: Mapped[datetime] = mapped_column(UTCDateTime)
    rollback: Mapped[bool]
    hotfix: Mapped[bool]
    trial: Mapped[bool]
    out_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ending: Mapped[str] = mapped_column(String(20))
    aborted: Mapped[bool]
    failed: Mapped[str] = mapped_column(String(20))
    failed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    failed_by: Mapped[int | None] = mapped_column(BigId)
    recovered_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    rework: Mapped[str] = mapped_column(String(20))
    day: Mapped[date | None] = mapped_column(Date)  # on which it counts, if it does
    committed: Mapped[list[float]] = mapped_column(JSON)  # seconds since 1970

    __table_args__ = (
        Index("ix_delivery_deploys_environment_day", "environment", "day"),
        Index("ix_delivery_deploys_service_environment_day", "service", "environment", "day"),
        Index(
            "ix_delivery_deploys_failed",
            "environment",
            "day",
            sqlite_where=FAILED,
            postgresql_where=FAILED,
        ),
    )


class DeliveryLaneRow(Base):
    """Where a service stands in an environment: pipelines/outcomes.py's Lane."""

    __tablename__ = "delivery_lanes"
    service: Mapped[str] = mapped_column(String(300), primary_key=True)
    environment: Mapped[str] = mapped_column(String(40), primary_key=True)
    live: Mapped[int | None] = mapped_column(BigId)
    unmended: Mapped[list[Any]] = mapped_column(JSON)
    mending: Mapped[datetime | None] = mapped_column(UTCDateTime)


class DeliveryLogRow(Base):
    """How far the log has been read, the first day it tells of, and the last day of the windows; one row."""

    __tablename__ = "delivery_log"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(BigId)
    began: Mapped[date | None] = mapped_column(Date)
    until: Mapped[date | None] = mapped_column(Date)


DAYS = Table(
    "delivery_days",
    Base.metadata,
    Column("environment", String(40), primary_key=True),
    Column("span", SmallInteger, primary_key=True, autoincrement=False),  # 1 or 7 days
    Column("day", Date, primary_key=True),
    Column("service", String(300), primary_key=True),
    *(Column(name, Integer, nullable=False) for name in SUMS),
    sqlite_with_rowid=False,
)

WINDOWS = Table(
    "delivery_windows",
    Base.metadata,
    Column("environment", String(40), primary_key=True),
    Column("days", SmallInteger, primary_key=True, autoincrement=False),
    Column("ago", SmallInteger, primary_key=True, autoincrement=False),  # 0, or 1: as many days right before
    Column("service", String(300), primary_key=True),
    *(Column(name, Integer, nullable=False) for name in SUMS),
    sqlite_with_rowid=False,
)
