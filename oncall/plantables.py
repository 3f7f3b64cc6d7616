"""The tables of who answers: schedules and escalations as they were written, overrides, and how people are reached."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ledger.db import Base, BigId, UTCDateTime


class DocumentRow(Base):
    """One version of a schedule or an escalation; the newest is what holds, and an older one what held until then."""

    __tablename__ = "oncall_documents"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(20))  # schedule, escalation
    name: Mapped[str] = mapped_column(String(120))
    version: Mapped[int] = mapped_column(Integer)
    team: Mapped[str] = mapped_column(String(300))
    text: Mapped[str] = mapped_column(Text)  # the YAML; empty: it was taken away
    since: Mapped[datetime] = mapped_column(UTCDateTime)  # from when on it holds
    by: Mapped[str] = mapped_column(String(300))
    why: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (UniqueConstraint("kind", "name", "version"),)


class OverrideRow(Base):
    """That somebody holds a role for a while, whatever the rotation says; the last created wins."""

    __tablename__ = "oncall_overrides"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    schedule: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(60))
    person: Mapped[str] = mapped_column(String(300))
    start: Mapped[datetime] = mapped_column(UTCDateTime)
    end: Mapped[datetime] = mapped_column(UTCDateTime)
    kind: Mapped[str] = mapped_column(String(20))  # override, swap
    replaces: Mapped[str] = mapped_column(String(300), default="")  # only what that person would have had
    pair: Mapped[int | None] = mapped_column(BigId)  # the other half of a swap
    by: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    reason: Mapped[str] = mapped_column(Text, default="")
    removed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # before it began; one in progress is cut short

    __table_args__ = (Index("ix_oncall_overrides_schedule_end", "schedule", "end"),)


class ChannelRow(Base):
    """A way to reach a person. The address may hold a token: it is shown to nobody, masked to its owner."""

    __tablename__ = "oncall_channels"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    person: Mapped[str] = mapped_column(String(300), index=True)
    kind: Mapped[str] = mapped_column(String(40))  # of the pager that knows how: apprise, memory, webhook
    label: Mapped[str] = mapped_column(String(80))
    address: Mapped[str] = mapped_column(Text)
    high_after: Mapped[int | None] = mapped_column(Integer)  # seconds after the page is due; None: never
    low_after: Mapped[int | None] = mapped_column(Integer)
    verified_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    code: Mapped[str] = mapped_column(String(64), default="")  # hash of what was sent to verify it
    code_until: Mapped[datetime | None] = mapped_column(UTCDateTime)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    trouble: Mapped[str] = mapped_column(Text, default="")  # what the provider said last, when it refused
    trouble_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class ReachRow(Base):
    """When a person is not to be disturbed by what can wait, in the zone she lives in."""

    __tablename__ = "oncall_people"
    person: Mapped[str] = mapped_column(String(300), primary_key=True)
    zone: Mapped[str] = mapped_column(String(80), default="UTC")
    quiet_from: Mapped[str] = mapped_column(String(5), default="")  # 22:00
    quiet_to: Mapped[str] = mapped_column(String(5), default="")
    away: Mapped[bool] = mapped_column(Boolean, default=False)


class NoticeRow(Base):
    """Something that a person should know and need not be woken for: a shift that changed hands, a gap to come."""

    __tablename__ = "oncall_notices"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    person: Mapped[str] = mapped_column(String(300))
    title: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(String(300), default="")  # of the page to look at
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    seen_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    __table_args__ = (Index("ix_oncall_notices_person_id", "person", "id"),)


class CalendarRow(Base):
    """A secret address at which a calendar program reads shifts. Only the hash is here."""

    __tablename__ = "oncall_calendars"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(20))  # person, team, schedule
    of: Mapped[str] = mapped_column(String(300))
    by: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    read_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class AnnouncedRow(Base):
    """What has been announced already: a gap, a rota of one, a silence that ends; so that it is said once."""

    __tablename__ = "oncall_announced"
    key: Mapped[str] = mapped_column(String(300), primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)


class TaskRow(Base):
    """Something that somebody should do, opened by a threshold: a load that is not fair, a gap."""

    __tablename__ = "oncall_tasks"
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    key: Mapped[str] = mapped_column(String(300), unique=True)
    team: Mapped[str] = mapped_column(String(300))
    title: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(UTCDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    done_by: Mapped[str] = mapped_column(String(300), default="")


class TeamRow(Base):
    """How a team is paged besides its people's own channels: PagerDuty, by the name of a secret."""

    __tablename__ = "oncall_teams"
    team: Mapped[str] = mapped_column(String(300), primary_key=True)
    pagerduty: Mapped[str] = mapped_column(String(120), default="")  # name of the secret with the routing key
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
