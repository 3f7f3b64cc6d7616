"""What is open, what was, and how it came to that: read models for pages, the API and the gates. Nothing is written.

Each function is a small fixed number of statements.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from ledger.events import EventRow
from oncall import outbox, store
from oncall import signal as signals
from oncall.incident import Incident, Kind
from oncall.outbox import Waiting
from oncall.plantables import ChannelRow, DocumentRow
from oncall.signal import Signal
from oncall.tables import AlertRow, IncidentRow, PageRow

LOOKED_THROUGH = 20_000  # facts before an incident's first
OPEN = ("open", "acknowledged", "snoozed", "muted")


@dataclass(frozen=True)
class Row:
    """An incident in a list. `holder`: who has it, references with spaces between."""

    number: int
    service: str
    team: str
    title: str
    severity: str
    urgency: str
    state: str
    holder: tuple[str, ...]
    opened_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    last_at: datetime
    alerts: int
    environment: str

    @property
    def name(self) -> str:
        return self.service.rpartition("/")[2]

    @property
    def is_open(self) -> bool:
        return self.resolved_at is None


@dataclass(frozen=True)
class Told:
    """One fact of an incident's story."""

    at: datetime
    kind: str  # paged
    actor: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Page:
    """All of one incident."""

    row: Row
    incident: Incident
    alerts: Sequence[AlertRow]
    story: Sequence[Told]  # oldest first
    pages: Sequence[Waiting]
    before: Sequence[Row]  # others of the service, newest first


_COLUMNS = (
    *(IncidentRow.id, IncidentRow.service, IncidentRow.team, IncidentRow.title, IncidentRow.severity),
    *(IncidentRow.urgency, IncidentRow.state, IncidentRow.holder, IncidentRow.opened_at, IncidentRow.acknowledged_at),
    *(IncidentRow.resolved_at, IncidentRow.last_at, IncidentRow.alerts, IncidentRow.environment),
)


def incidents(
    session: Session,
    *,
    is_open: bool | None = None,
    services: Collection[str] | None = None,
    teams: Collection[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[Row]:
    """Return incidents, newest first; of some services or teams, or those that touch a span of time."""
    asked: list[ColumnElement[bool]] = []
    if is_open is not None:
        asked.append(IncidentRow.resolved_at.is_(None) if is_open else IncidentRow.resolved_at.is_not(None))
    if services is not None:
        asked.append(IncidentRow.service.in_(services))
    if teams is not None:
        asked.append(IncidentRow.team.in_(teams))
    if since is not None:
        asked.append(or_(IncidentRow.resolved_at.is_(None), IncidentRow.resolved_at >= since))
    if until is not None:
        asked.append(IncidentRow.opened_at < until)
    if before is not None:
        asked.append(IncidentRow.id < before)
    rows = session.execute(select(*_COLUMNS).where(*asked).order_by(IncidentRow.id.desc()).limit(limit))
    return [_row(row) for row in rows]


def open_of(session: Session, services: Collection[str]) -> Sequence[Row]:
    """Return what is open in some services."""
    return incidents(session, is_open=True, services=services, limit=200)


def open_count(session: Session) -> int:
    return int(session.scalar(select(func.count()).where(IncidentRow.resolved_at.is_(None))) or 0)


def exhausted(session: Session) -> Sequence[Incident]:
    """Return what is open and nobody came for: the portal's own alarm. One statement."""
    return [one for one in store.everything_open(session) if one.exhausted_at is not None]


def page(session: Session, number: int, others: int = 10) -> Page:
    """Return one incident with all that is known of it; NOT_FOUND where there is none."""
    incident = store.load(session, number)
    row = _row(session.execute(select(*_COLUMNS).where(IncidentRow.id == number)).one())
    facts = select(EventRow).where(EventRow.subject == f"incident:{number}").order_by(EventRow.id)
    story = [
        Told(fact.at, fact.kind.removeprefix("incident."), fact.actor, fact.data) for fact in session.scalars(facts)
    ]
    same = [one for one in incidents(session, services=[row.service], limit=others + 1) if one.number != number]
    return Page(
        row, incident, store.alerts_of(session, number), story, outbox.of_incident(session, number), same[:others]
    )


def pages_of(session: Session, person: str, since: datetime, limit: int = 200) -> Sequence[tuple[Waiting, str]]:
    """Return the pages that somebody got since a moment, newest first, each with the incident's title."""
    query = select(PageRow, IncidentRow.title).join(IncidentRow, IncidentRow.id == PageRow.incident_id)
    asked = query.where(PageRow.person == person, PageRow.due_at >= since).order_by(PageRow.id.desc()).limit(limit)
    return [(outbox.waiting(row), title) for row, title in session.execute(asked)]


def paged_for(session: Session, person: str, numbers: Collection[int]) -> Collection[int]:
    """Return for which of those incidents somebody has a page. One statement."""
    asked = (PageRow.person == person, PageRow.incident_id.in_(numbers))
    return set(session.scalars(select(PageRow.incident_id).where(*asked).distinct()))


def changes(session: Session, number: int, service: str, since: datetime, limit: int = 10) -> Sequence[Told]:
    """Return what somebody said was changed on purpose in a service before an incident of it began, newest first."""
    opened = select(func.min(EventRow.id)).where(EventRow.subject == f"incident:{number}").scalar_subquery()
    near = (EventRow.id < opened, EventRow.id > opened - LOOKED_THROUGH, EventRow.at >= since)
    asked = select(EventRow).where(EventRow.service == service, EventRow.kind == "oncall.change", *near)
    facts = session.scalars(asked.order_by(EventRow.id.desc()).limit(limit))
    return [Told(fact.at, fact.kind, fact.actor, fact.data) for fact in facts]


@dataclass(frozen=True)
class Quiet:
    """An alert that paged nobody because of a silence; `why` names it. `incident`: what it opened afterwards."""

    id: int
    title: str
    service: str
    severity: str
    why: str
    count: int
    first_at: datetime
    last_at: datetime
    resolved_at: datetime | None
    incident: int | None


def quiet(session: Session, since: datetime, limit: int = 500) -> Sequence[Quiet]:
    """Return what silences have kept quiet since a moment or keep quiet still, newest first. One statement."""
    columns = (AlertRow.id, AlertRow.title, AlertRow.service, AlertRow.severity, AlertRow.muted, AlertRow.count)
    times = (AlertRow.first_at, AlertRow.last_at, AlertRow.resolved_at, AlertRow.incident_id)
    lately = or_(AlertRow.resolved_at.is_(None), AlertRow.last_at >= since)
    asked = (AlertRow.muted != "", lately)
    return [
        Quiet(*list(row))
        for row in session.execute(select(*columns, *times).where(*asked).order_by(AlertRow.id.desc()).limit(limit))
    ]


def muted_incidents(session: Session, since: datetime, limit: int = 1000) -> Mapping[int, Sequence[str]]:
    """Return the incidents since a moment that were muted at some time, each with the reasons. Two statements."""
    subjects = [f"incident:{one.number}" for one in incidents(session, since=since, limit=limit)]
    asked = (EventRow.subject.in_(subjects), EventRow.kind == f"incident.{Kind.MUTED}")
    found: dict[int, list[str]] = {}
    for row in session.execute(select(EventRow.subject, EventRow.data).where(*asked).order_by(EventRow.id)):
        found.setdefault(int(row.subject.removeprefix("incident:")), []).append(row.data.get("reason", ""))
    return found


def open_alerts(session: Session, limit: int = 1000) -> Sequence[tuple[Signal, str]]:
    """Return the newest alerts that are open, muted or not, each with the service that it was found to be of."""
    rows = session.execute(
        select(AlertRow.said, AlertRow.service)
        .where(AlertRow.resolved_at.is_(None))
        .order_by(AlertRow.id.desc())
        .limit(limit)
    )
    return [(signals.from_json(row.said), row.service) for row in rows]


def has_plans(session: Session) -> bool:
    """Has anybody written a schedule or an escalation?"""
    return session.scalar(select(DocumentRow.id).limit(1)) is not None


def _row(row: Any) -> Row:
    values = list(row)
    values[7] = tuple(values[7].split())
    return Row(*values)


def reached(session: Session, people: Collection[str]) -> frozenset[str]:
    """Return those of some people who have a channel that counts, without reading how each is reached."""
    counts = (ChannelRow.person.in_(people), ChannelRow.verified_at.is_not(None))
    return frozenset(session.scalars(select(ChannelRow.person).where(*counts).distinct()))
