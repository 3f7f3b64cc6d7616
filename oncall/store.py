"""Incidents and alerts as rows: the only module that opens them, besides what only reads.

An incident is written by compare-and-set on the version that was read; whoever is second has to look again.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Any, cast

import structlog
from sqlalchemy import Select, Table, bindparam, func, insert, select, update
from sqlalchemy.orm import Session

from ledger.db import UTCDateTime
from ledger.errors import Code, Error
from oncall import signal as signals
from oncall.alertmanager import Open
from oncall.incident import Incident, State, from_json, to_json
from oncall.signal import Signal
from oncall.situating import BY_PERSON, EARLY
from oncall.tables import AlertRow, IncidentRow

log = structlog.get_logger()


def numbers(session: Session) -> Iterator[int]:
    """Yield the numbers of the incidents that a transaction opens."""
    return count(int(session.scalar(select(func.max(IncidentRow.id))) or 0) + 1)


def turn(session: Session, policy: str, team: str) -> int:
    """Return whose turn a round robin is at: the one after that of the last incident of that escalation and team."""
    last = select(IncidentRow.told["turn"].as_integer()).where(IncidentRow.policy == policy, IncidentRow.team == team)
    before = session.scalar(last.order_by(IncidentRow.id.desc()).limit(1))
    return 0 if before is None else before + 1


def row(incident: Incident, team: str, environment: str = "") -> Mapping[str, Any]:
    """Return a new incident as `add` takes it."""
    about = {"id": incident.number, "service": incident.service, "team": team, "policy": incident.policy.name}
    times = {"opened_at": incident.opened_at, "last_at": incident.opened_at}
    more = {"environment": environment, "version": incident.version, "acknowledged_at": None}
    return {**about, **times, **more, **_columns(incident)}


def add(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write new incidents."""
    if rows:
        session.connection().execute(_NEW_INCIDENT, rows)


_NEW_INCIDENT = insert(cast(Table, IncidentRow.__table__))


def load(session: Session, incident: int) -> Incident:
    """Return the incident; NOT_FOUND where there is none of that number."""
    return _loaded(session, incident, _TOLD)


def hold(session: Session, incident: int) -> Incident:
    """Return the same for whoever is about to write it: others wait until the transaction ends."""
    return _loaded(session, incident, _TOLD.with_for_update())


def load_all(session: Session, incidents: Collection[int]) -> Mapping[int, Incident]:
    """Return those incidents by number, but for those that nobody can read."""
    query = _TOLD.where(IncidentRow.id.in_(incidents))
    return {one.number: one for one in _readable(session, query)} if incidents else {}


def hold_all(session: Session, incidents: Collection[int]) -> Mapping[int, Incident]:
    """Return the same for whoever is about to write them. They are held in the order of their numbers, always."""
    query = _TOLD.where(IncidentRow.id.in_(incidents)).order_by(IncidentRow.id).with_for_update()
    return {one.number: one for one in _readable(session, query)} if incidents else {}


_TOLD = select(IncidentRow.told, IncidentRow.version)


def everything_open(session: Session) -> Sequence[Incident]:
    """Return all incidents that have not ended, but for those that nobody can read."""
    return _readable(session, _TOLD.where(IncidentRow.resolved_at.is_(None)))


def escalating(session: Session, states: Collection[str], among: Collection[int] | None = None) -> Sequence[Incident]:
    """Return the open incidents in some states, the smallest number first, but for those that nobody can read."""
    query = _TOLD.where(IncidentRow.resolved_at.is_(None), IncidentRow.state.in_(states)).order_by(IncidentRow.id)
    return _readable(session, query if among is None else query.where(IncidentRow.id.in_(among)))


def open_numbers(session: Session) -> Collection[int]:
    """Return the numbers of all that have not ended, readable or not."""
    return set(session.scalars(select(IncidentRow.id).where(IncidentRow.resolved_at.is_(None))))


def _readable(session: Session, query: Select[tuple[Any, int]]) -> list[Incident]:
    found = []
    for row in session.execute(query):
        try:
            found.append(from_json({**row.told, "version": row.version}))
        except ValueError:
            log.exception("an incident cannot be read", incident=row.told.get("number"))
    return found


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


def alert(said: Signal, incident: int | None, service: str, why: str, muted: str = "") -> Mapping[str, Any]:
    """Return a new alert as `raise_alerts` takes it."""
    about = {"source": said.source, "key": said.key, "title": said.title, "severity": said.severity, "service": service}
    times = {"first_at": said.at, "last_at": said.at}
    more = {"incident_id": incident, "muted": muted, "why": why, "said": signals.to_json(said), "count": 1}
    return {**about, **times, **more, "resolved_at": None, "ended_by": ""}


def raise_alerts(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write new alerts."""
    if rows:
        session.connection().execute(_NEW_ALERT, rows)


_ALERTS = cast(Table, AlertRow.__table__)
_NEW_ALERT = insert(_ALERTS)


def early(said: Signal, service: str, now: datetime) -> Mapping[str, Any]:
    """Return a resolve that came before its trigger: an alert that ended as it began."""
    ended = {"resolved_at": now, "ended_by": EARLY, "count": 0}
    return {**alert(said, None, service, "resolved before it began"), **ended}


def bring_into(session: Session, alert: int, incident: int, why: str, said: Signal) -> None:
    """Have an alert that was muted and is said again belong to an incident. What muted it stays written beside it."""
    session.execute(update(AlertRow).where(AlertRow.id == alert).values(incident_id=incident, why=why))
    repeat_alert(session, alert, said)


def repeat_alert(session: Session, alert: int, said: Signal) -> None:
    """Note that an alert has been said again."""
    values = {"count": AlertRow.count + 1, "last_at": said.at, "said": signals.to_json(said)}
    session.execute(update(AlertRow).where(AlertRow.id == alert).values(values))


def end_alerts(session: Session, ended: Mapping[int, datetime]) -> None:
    """End alerts: their senders say so."""
    if ended:
        session.connection().execute(_END_ALERT, [{"of": alert, "at": at} for alert, at in ended.items()])


_END_ALERT = (
    update(_ALERTS)
    .where(_ALERTS.c.id == bindparam("of"))
    .values(resolved_at=bindparam("at", type_=UTCDateTime), ended_by=_BY_SENDER)
)


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


def open_alerts(session: Session, source: str) -> Sequence[Open]:
    """Return the open alerts of an integration, with when each was last said to be there."""
    mine = (AlertRow.source == source, AlertRow.resolved_at.is_(None))
    return [Open(row.key, row.last_at) for row in session.execute(select(AlertRow.key, AlertRow.last_at).where(*mine))]


def seen(session: Session, source: str, keys: Collection[str], at: datetime) -> None:
    """Note that open alerts of an integration are still there."""
    wanted = sorted(keys)
    for begin in range(0, len(wanted), 500):
        mine = (
            AlertRow.source == source,
            AlertRow.key.in_(wanted[begin : begin + 500]),
            AlertRow.resolved_at.is_(None),
        )
        session.execute(update(AlertRow).where(*mine).values(last_at=at))
