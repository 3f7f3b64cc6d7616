"""Incidents and alerts as rows: the only module that opens them, besides what only reads.

An incident is written by compare-and-set on the version that was read; whoever is second has to look again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from ledger.errors import Code, Error
from oncall import signal as signals
from oncall.incident import Incident, State, from_json, to_json
from oncall.signal import Signal
from oncall.tables import AlertRow, IncidentRow


@dataclass(frozen=True)
class Alert:
    """An alert that is open: what a signal with the same source and key belongs to."""

    id: int
    source: str
    key: str
    incident: int | None
    service: str
    title: str
    count: int
    first_at: datetime
    last_at: datetime
    signal: Signal


def number(session: Session) -> int:
    """Return the next incident's number, in the transaction that opens it."""
    return int(session.scalar(select(func.max(IncidentRow.id))) or 0) + 1


def add(session: Session, incident: Incident, team: str, environment: str = "") -> None:
    """Write a new incident."""
    session.execute(
        insert(IncidentRow).values(
            id=incident.number,
            service=incident.service,
            team=team,
            policy=incident.policy.name,
            environment=environment,
            opened_at=incident.opened_at,
            last_at=incident.opened_at,
            **_columns(incident),
            version=incident.version,
        )
    )


def load(session: Session, incident: int) -> Incident:
    """Return the incident; NOT_FOUND where there is none of that number."""
    row = session.execute(select(IncidentRow.told, IncidentRow.version).where(IncidentRow.id == incident)).one_or_none()
    if row is None:
        raise Error(Code.NOT_FOUND, f"there is no incident {incident}; look at the list of all")
    return from_json({**row.told, "version": row.version})


def save(session: Session, before: Incident, after: Incident, at: datetime) -> Incident:
    """Write the incident if nobody has since `before` was read; return it with its new version. Else CONFLICT."""
    version = before.version + 1
    values = _columns(after) | {"version": version}
    if after.state is State.ACKNOWLEDGED and before.state is not State.ACKNOWLEDGED:
        values["acknowledged_at"] = func.coalesce(IncidentRow.acknowledged_at, at)
    if after.signals != before.signals:
        values["last_at"] = at
    done = session.execute(
        update(IncidentRow).where(IncidentRow.id == before.number, IncidentRow.version == before.version).values(values)
    )
    if getattr(done, "rowcount", 0) != 1:
        raise Error(Code.CONFLICT, f"incident {before.number} has moved on meanwhile; look at it again")
    return from_json({**to_json(after), "version": version})


def _columns(incident: Incident) -> dict[str, Any]:
    return {
        "title": incident.title,
        "severity": incident.severity,
        "urgency": incident.urgency,
        "state": incident.state,
        "holder": " ".join(incident.assigned)[:300],
        "resolved_at": incident.ended_at,
        "alerts": incident.signals,
        "told": to_json(incident),
    }


def moved(session: Session, incident: int, team: str, service: str) -> None:
    """Say that another service is meant, and who answers for it."""
    session.execute(update(IncidentRow).where(IncidentRow.id == incident).values(team=team, service=service))


def open_of(session: Session, services: Collection[str]) -> Sequence[Any]:
    """Return the rows of what is open in some services, the newest first."""
    columns = (IncidentRow.id, IncidentRow.service, IncidentRow.title, IncidentRow.opened_at, IncidentRow.last_at)
    query = select(*columns, IncidentRow.state, IncidentRow.severity).where(IncidentRow.resolved_at.is_(None))
    return session.execute(query.where(IncidentRow.service.in_(services)).order_by(IncidentRow.id.desc())).all()


# --- alerts -----------------------------------------------------------------------------------------------------------


def alerts(session: Session, keys: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Alert]:
    """Return the open alerts of those (source, key), by them."""
    found: dict[tuple[str, str], Alert] = {}
    by_source: dict[str, list[str]] = {}
    for source, key in keys:
        by_source.setdefault(source, []).append(key)
    for source, wanted in by_source.items():
        query = select(AlertRow).where(AlertRow.source == source, AlertRow.key.in_(wanted))
        for row in session.scalars(query.where(AlertRow.resolved_at.is_(None))):
            found[source, row.key] = _alert(row)
    return found


def alerts_of(session: Session, incident: int) -> Sequence[AlertRow]:
    """Return all alerts of an incident, oldest first."""
    return session.scalars(select(AlertRow).where(AlertRow.incident_id == incident).order_by(AlertRow.id)).all()


def open_alerts(session: Session, incidents: Collection[int]) -> Sequence[Alert]:
    """Return the alerts of those incidents that are still open."""
    query = select(AlertRow).where(AlertRow.incident_id.in_(incidents), AlertRow.resolved_at.is_(None))
    return [_alert(row) for row in session.scalars(query.order_by(AlertRow.id))]


def _alert(row: AlertRow) -> Alert:
    about = (row.id, row.source, row.key, row.incident_id, row.service, row.title, row.count)
    return Alert(*about, row.first_at, row.last_at, signals.from_json(row.said))


def raise_alert(session: Session, said: Signal, incident: int | None, why: str, muted: str = "") -> int:
    """Write a new alert; return its id."""
    made = session.execute(
        insert(AlertRow).values(
            source=said.source,
            key=said.key,
            incident_id=incident,
            muted=muted,
            service=said.service,
            title=said.title,
            severity=said.severity,
            first_at=said.at,
            last_at=said.at,
            why=why,
            said=signals.to_json(said),
        )
    )
    return int((made.inserted_primary_key or (0,))[0])  # type: ignore[attr-defined]


def repeat_alert(session: Session, alert: int, said: Signal, times: int = 1) -> None:
    """Note that an alert has been said again."""
    values = {"count": AlertRow.count + times, "last_at": said.at, "said": signals.to_json(said)}
    session.execute(update(AlertRow).where(AlertRow.id == alert).values(values))


def end_alerts(session: Session, ids: Collection[int], at: datetime) -> None:
    """End alerts: their senders say so, or their incident was resolved."""
    session.execute(update(AlertRow).where(AlertRow.id.in_(ids)).values(resolved_at=at))


def move_alerts(session: Session, incident: int, into: int) -> None:
    """Have the alerts of a merged incident belong to the other one."""
    session.execute(update(AlertRow).where(AlertRow.incident_id == incident).values(incident_id=into))
