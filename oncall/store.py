"""Incidents and alerts as rows: the only module that opens them, besides what only reads.

An incident is written by compare-and-set on the version that was read; whoever is second has to look again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import structlog
from sqlalchemy import Select, Table, func, insert, select, update
from sqlalchemy.orm import Session

from ledger.errors import Code, Error
from oncall import signal as signals
from oncall.incident import Incident, State, from_json, to_json
from oncall.signal import Signal
from oncall.situating import BY_PERSON, EARLY
from oncall.tables import AlertRow, IncidentRow

log = structlog.get_logger()


def number(session: Session) -> int:
    """Return the next incident's number, in the transaction that opens it."""
    return int(session.scalar(select(func.max(IncidentRow.id))) or 0) + 1


def turn(session: Session, policy: str, team: str) -> int:
    """Return whose turn a round robin is at: as many as have opened before with that escalation of that team."""
    mine = (IncidentRow.policy == policy, IncidentRow.team == team)
    return int(session.scalar(select(func.count()).where(*mine)) or 0)


def add(session: Session, incident: Incident, team: str, environment: str = "") -> None:
    """Write a new incident."""
    about = {"id": incident.number, "service": incident.service, "team": team, "policy": incident.policy.name}
    times = {"opened_at": incident.opened_at, "last_at": incident.opened_at}
    more = {"environment": environment, "version": incident.version}
    session.execute(_NEW_INCIDENT, {**about, **times, **more, **_columns(incident)})


_NEW_INCIDENT = insert(cast(Table, IncidentRow.__table__))


def load(session: Session, incident: int) -> Incident:
    """Return the incident; NOT_FOUND where there is none of that number."""
    return _loaded(session, incident, select(IncidentRow.told, IncidentRow.version))


def hold(session: Session, incident: int) -> Incident:
    """Return the same for whoever is about to write it: others wait until the transaction ends."""
    return _loaded(session, incident, select(IncidentRow.told, IncidentRow.version).with_for_update())


def lock(session: Session, incidents: Collection[int]) -> None:
    """Have others wait who are about to write those incidents; always in the order of their numbers."""
    numbers = select(IncidentRow.id).where(IncidentRow.id.in_(incidents)).order_by(IncidentRow.id)
    session.execute(numbers.with_for_update()).all()


def everything_open(session: Session) -> Sequence[Incident]:
    """Return all incidents that have not ended, but for those that nobody can read."""
    rows = session.execute(select(IncidentRow.told, IncidentRow.version).where(IncidentRow.resolved_at.is_(None)))
    return [one for row in rows if (one := _readable({**row.told, "version": row.version})) is not None]


def escalating(session: Session, states: Collection[str], among: Collection[int] | None = None) -> Sequence[Incident]:
    """Return the open incidents in some states, the smallest number first, but for those that nobody can read."""
    query = select(IncidentRow.told, IncidentRow.version).where(IncidentRow.resolved_at.is_(None))
    query = query.where(IncidentRow.state.in_(states)).order_by(IncidentRow.id)
    rows = session.execute(query if among is None else query.where(IncidentRow.id.in_(among)))
    return [one for row in rows if (one := _readable({**row.told, "version": row.version})) is not None]


def open_numbers(session: Session) -> Collection[int]:
    """Return the numbers of all that have not ended, readable or not."""
    return set(session.scalars(select(IncidentRow.id).where(IncidentRow.resolved_at.is_(None))))


def _readable(told: Mapping[str, Any]) -> Incident | None:
    try:
        return from_json(told)
    except ValueError:
        log.exception("an incident cannot be read", incident=told.get("number"))
        return None


def _loaded(session: Session, incident: int, query: Select[tuple[Any, int]]) -> Incident:
    row = session.execute(query.where(IncidentRow.id == incident)).one_or_none()
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
    return replace(after, version=version)


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


# --- alerts -----------------------------------------------------------------------------------------------------------

_BY_SENDER = "sender"


def has_open(session: Session, source: str, key: str) -> bool:
    """Is an alert of that source and key open?"""
    is_open = (AlertRow.key == key, AlertRow.source == source, AlertRow.resolved_at.is_(None))
    return session.scalar(select(AlertRow.id).where(*is_open)) is not None


def incident_of(session: Session, source: str, key: str) -> int | None:
    """Return the incident of the newest alert of that source and key; None when there is none, or it is muted."""
    asked = (AlertRow.key == key, AlertRow.source == source)
    return session.scalar(select(AlertRow.incident_id).where(*asked).order_by(AlertRow.id.desc()).limit(1))


def raise_alert(session: Session, said: Signal, incident: int | None, service: str, why: str, muted: str = "") -> int:
    """Write a new alert; return its id."""
    about = {"source": said.source, "key": said.key, "title": said.title, "severity": said.severity, "service": service}
    times = {"first_at": said.at, "last_at": said.at}
    more = {"incident_id": incident, "muted": muted, "why": why, "said": signals.to_json(said), "count": 1}
    return int(session.scalar(_NEW_ALERT, {**about, **times, **more}) or 0)


_NEW_ALERT = insert(cast(Table, AlertRow.__table__)).returning(AlertRow.id)


def remember_early(session: Session, said: Signal, service: str, now: datetime) -> None:
    """Remember a resolve that came before its trigger, as an alert that ended as it began."""
    alert = raise_alert(session, said, None, service, "resolved before it began")
    session.execute(update(AlertRow).where(AlertRow.id == alert).values(resolved_at=now, ended_by=EARLY, count=0))


def bring_into(session: Session, alert: int, incident: int, why: str) -> None:
    """Have an alert that was muted belong to an incident. By what it was muted stays written beside it."""
    session.execute(update(AlertRow).where(AlertRow.id == alert).values(incident_id=incident, why=why))


def repeat_alert(session: Session, alert: int, said: Signal) -> None:
    """Note that an alert has been said again."""
    values = {"count": AlertRow.count + 1, "last_at": said.at, "said": signals.to_json(said)}
    session.execute(update(AlertRow).where(AlertRow.id == alert).values(values))


def end_alert(session: Session, alert: int, at: datetime) -> None:
    """End an alert: its sender says so."""
    session.execute(update(AlertRow).where(AlertRow.id == alert).values(resolved_at=at, ended_by=_BY_SENDER))


def end_alerts_of(session: Session, incident: int, at: datetime) -> None:
    """End what is open of an incident that a person has resolved."""
    is_open = (AlertRow.incident_id == incident, AlertRow.resolved_at.is_(None))
    session.execute(update(AlertRow).where(*is_open).values(resolved_at=at, ended_by=BY_PERSON))


def move_alerts(session: Session, incident: int, into: int) -> None:
    """Have the alerts of a merged incident belong to the other one."""
    session.execute(update(AlertRow).where(AlertRow.incident_id == incident).values(incident_id=into))


def muted_alerts(
    session: Session, after: int = 0, limit: int = 1000, among: Collection[int] | None = None
) -> Sequence[tuple[int, Signal, str]]:
    """Return the open alerts that page nobody because of a silence, oldest first: id, signal, service.

    `after`: only those with greater ids; `among`: only those of them that still are open and muted.
    """
    query = select(AlertRow.id, AlertRow.said, AlertRow.service).where(
        AlertRow.incident_id.is_(None), AlertRow.resolved_at.is_(None), AlertRow.id > after
    )
    if among is not None:
        query = query.where(AlertRow.id.in_(among))
    rows = session.execute(query.order_by(AlertRow.id).limit(limit))
    return [(row.id, signals.from_json(row.said), row.service) for row in rows]


def burning(session: Session, incidents: Collection[int]) -> Mapping[int, Sequence[tuple[Signal, str]]]:
    """Return the open alerts of some incidents, each with its service; none of one that has an unreadable alert."""
    asked = (AlertRow.incident_id.in_(incidents), AlertRow.resolved_at.is_(None))
    found: dict[int, list[tuple[Signal, str]]] = {}
    lost = set()
    for row in session.execute(select(AlertRow.incident_id, AlertRow.said, AlertRow.service).where(*asked)):
        try:
            found.setdefault(row.incident_id, []).append((signals.from_json(row.said), row.service))
        except (ValueError, TypeError, LookupError):
            lost.add(row.incident_id)
    return {number: alerts for number, alerts in found.items() if number not in lost}


def alerts_of(session: Session, incident: int) -> Sequence[AlertRow]:
    """Return all alerts of an incident, oldest first."""
    return session.scalars(select(AlertRow).where(AlertRow.incident_id == incident).order_by(AlertRow.id)).all()
