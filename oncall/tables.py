"""The tables of what goes wrong: alerts, incidents and the outbox of pages. Only this room's stores open them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base, BigId, UTCDateTime

IS_OPEN, HAS_ENDED = text("resolved_at IS NULL"), text("resolved_at IS NOT NULL")
IS_WAITING = text("ended_at IS NULL")


class IncidentRow(Base):
    """Something that somebody answers for. `told` is the machine's value; the other columns are what lists need."""

    __tablename__ = "incidents"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)  # its number, as people say it
    service: Mapped[str] = mapped_column(String(300))  # component:default/checkout; empty: nobody said
    team: Mapped[str] = mapped_column(String(300))  # group:default/payments, or whoever answers in its place
    policy: Mapped[str] = mapped_column(String(120))
    title: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(String(20))
    urgency: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(20))
    holder: Mapped[str] = mapped_column(String(300), default="")  # who has acknowledged it
    opened_at: Mapped[datetime] = mapped_column(UTCDateTime)
    acknowledged_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_at: Mapped[datetime] = mapped_column(UTCDateTime)  # when an alert last said something of it
    alerts: Mapped[int] = mapped_column(Integer, default=1)
    environment: Mapped[str] = mapped_column(String(40), default="")
    version: Mapped[int] = mapped_column(Integer, default=0)
    told: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (
        Index("ix_incidents_service_id", "service", "id"),
        Index("ix_incidents_team_id", "team", "id"),
        Index("ix_incidents_open", "id", sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
        Index("ix_incidents_open_service", "service", sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
        Index("ix_incidents_opened_at", "opened_at"),
    )


class AlertRow(Base):
    """One thing that a sender says is wrong, from its trigger to its resolve; `key` is the sender's own."""

    __tablename__ = "alerts"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    source: Mapped[str] = mapped_column(String(80))  # which integration key
    key: Mapped[str] = mapped_column(String(255))
    incident_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("incidents.id"))  # None: muted
    muted: Mapped[str] = mapped_column(Text, default="")  # why nobody was paged
    service: Mapped[str] = mapped_column(String(300))
    title: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(String(20))
    count: Mapped[int] = mapped_column(Integer, default=1)
    first_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_at: Mapped[datetime] = mapped_column(UTCDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ended_by: Mapped[str] = mapped_column(String(20), default="")  # sender, person, early: resolved before it began
    why: Mapped[str] = mapped_column(Text, default="")  # why it is in this incident
    said: Mapped[dict[str, Any]] = mapped_column(JSON)  # the newest signal

    __table_args__ = (
        Index("ix_alerts_open", "key", "source", unique=True, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN),
        Index("ix_alerts_key_source_id", "key", "source", "id"),
        Index("ix_alerts_ended", "key", "resolved_at", sqlite_where=HAS_ENDED, postgresql_where=HAS_ENDED),
        Index("ix_alerts_incident_id_id", "incident_id", "id"),
    )


class PageRow(Base):
    """One message to one person by one channel: the outbox. It is written before anything is sent.

    An attempt is begun before it is made, so that one that was cut off is known, and said when it is made again.
    """

    __tablename__ = "pages"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    incident_id: Mapped[int] = mapped_column(BigId, ForeignKey("incidents.id"))
    step: Mapped[int] = mapped_column(Integer)  # of the incident, from 1; below 0: the team is told that nobody came
    loop: Mapped[int] = mapped_column(Integer, default=0)
    level: Mapped[int] = mapped_column(Integer, default=0)
    because: Mapped[str] = mapped_column(String(20))  # paged, called, reminded, exhausted
    person: Mapped[str] = mapped_column(String(300))
    target: Mapped[str] = mapped_column(String(300))  # why this person: payments/primary
    channel: Mapped[str] = mapped_column(String(60))  # number of a person's channel; pagerduty
    priority: Mapped[int] = mapped_column(Integer, default=0)  # 0: urgent; those go first
    kind: Mapped[str] = mapped_column(String(40))  # of the pager that sends it
    due_at: Mapped[datetime] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    begun_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # the first attempt
    trying: Mapped[bool] = mapped_column(Boolean, default=False)  # an attempt has begun and nothing came of it yet
    repeated: Mapped[bool] = mapped_column(Boolean, default=False)  # an attempt was cut off; a second may double it
    ended_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ending: Mapped[str] = mapped_column(String(20), default="")  # delivered, refused, withdrawn
    said: Mapped[str] = mapped_column(Text, default="")  # what the provider answered

    __table_args__ = (
        UniqueConstraint("incident_id", "step", "person", "channel"),
        Index("ix_pages_waiting", "kind", "due_at", sqlite_where=IS_WAITING, postgresql_where=IS_WAITING),
        Index("ix_pages_person_id", "person", "id"),
    )
