"""What is known when a signal comes: the alerts of its key and the incidents of its service. It only reads.

It is asked for with each alert, so the signals of one transaction ask together, by statements that are made once and
of which none goes through what is over.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Text, bindparam, cast, func, select
from sqlalchemy.orm import Session

from ledger.db import UTCDateTime
from oncall import signal as signals
from oncall.grouping import AGAIN, Alert, Ended, Incident, Situation
from oncall.signal import Action, Signal
from oncall.tables import AlertRow, IncidentRow
from oncall.terms import Severity

BY_PERSON, EARLY = "person", "early"  # by whom an alert was ended
USUAL = 2000  # characters of a signal; what is longer is not kept in memory

Asked = tuple[Signal, str]  # a signal, and the service that it is about


def situations(session: Session, asked: Sequence[Asked], now: datetime, within: timedelta) -> Sequence[Situation]:
    """Return what is known when each of some signals comes: at most five statements, and only what one may need.

    `within`: an incident that has heard nothing for longer takes no more alerts.
    """
    with_key = _open_with(session, {said.key for said, _ in asked})
    beside = _open_beside(session, [one for said, _ in asked if not _is_new(said) for one in with_key[said.key]])
    opening = [(said, service) for said, service in asked if _is_new(said) and not _is_repeat(said, with_key[said.key])]
    ended = _ended_with(session, {said.key for said, _ in opening}, now)
    open_of = _open_of(session, {service for _, service in opening}, now - within)
    found = []
    for said, service in asked:
        mine = with_key[said.key]
        if not _is_new(said):
            others = [other for one in mine if one.incident for other in beside[one.incident]]
            found.append(Situation(list({one.number: one for one in (*mine, *others)}.values())))
        elif _is_repeat(said, mine):
            found.append(Situation(mine))
        else:
            found.append(Situation(mine, open_of[service], ended[said.key]))
    return found


@dataclass
class Ahead:
    """The situations of signals that are taken one after the other in one transaction, read before the first.

    Whoever takes one says what has changed by it, so that the next one that it concerns is asked for anew.
    """

    session: Session
    within: timedelta
    _known: dict[int, tuple[Signal, Situation]] = field(default_factory=dict)
    _keys: set[str] = field(default_factory=set)
    _services: set[str] = field(default_factory=set)
    _incidents: set[int] = field(default_factory=set)
    _over: set[int] = field(default_factory=set)

    def learn(self, asked: Sequence[Asked], now: datetime) -> Collection[int]:
        """Read what is known when these come; return the incidents that are about to move."""
        found = situations(self.session, asked, now, self.within)
        self._known = {id(said): (said, one) for (said, _), one in zip(asked, found, strict=True)}
        alerts = ((said, one) for said, situation in self._known.values() for one in situation.alerts)
        return {one.incident for said, one in alerts if not _is_new(said) and one.incident}

    def may_open(self, said: Signal) -> bool:
        """May an incident open because of it?"""
        return _is_new(said) and not _is_repeat(said, self._known[id(said)][1].alerts)

    def situation(self, said: Signal, service: str) -> Situation | None:
        """Return the situation if it still is as it was read, but for incidents that have ended since."""
        _, found = self._known.get(id(said), (None, None))
        if found is None or said.key in self._keys:
            return None
        if _is_new(said):
            still = [one for one in found.incidents if one.number not in self._over]
            stale = service in self._services or any(one.number in self._incidents for one in still)
            return None if stale else replace(found, incidents=still)
        return None if any(one.incident in self._incidents for one in found.alerts) else found

    def changed(self, key: str, service: str = "", incident: int | None = None, *, is_over: bool = False) -> None:
        """Say what has changed: the alerts of a key, the incidents of a service, or the alerts of an incident."""
        self._keys.add(key)
        if service:
            self._services.add(service)
        if incident is not None:
            self._incidents.add(incident)
            self._over |= {incident} if is_over else set()


def _is_new(said: Signal) -> bool:
    return said.action is Action.TRIGGER


def _is_repeat(said: Signal, mine: Sequence[Alert]) -> bool:
    return any(one.incident and one.source == said.source for one in mine)


def _open_with(session: Session, keys: Collection[str]) -> Mapping[str, Sequence[Alert]]:
    found: dict[str, list[Alert]] = defaultdict(list)
    for row in session.execute(_OPEN_WITH_KEY, {"keys": list(keys)}) if keys else ():
        found[row.key].append(_alert(row))
    return found


def _open_beside(session: Session, alerts: Sequence[Alert]) -> Mapping[int, Sequence[Alert]]:
    """Return all open alerts of the same incidents."""
    found: dict[int, list[Alert]] = defaultdict(list)
    incidents = {one.incident for one in alerts if one.incident}
    for row in session.execute(_OPEN_OF_INCIDENT, {"incidents": list(incidents)}) if incidents else ():
        found[row.incident_id].append(_alert(row))
    return found


def _ended_with(session: Session, keys: Collection[str], now: datetime) -> Mapping[str, Sequence[Ended]]:
    """Return what ended under those keys so lately that it is remembered."""
    found: dict[str, list[Ended]] = defaultdict(list)
    for row in session.execute(_ENDED_WITH_KEY, {"keys": list(keys), "since": now - AGAIN}) if keys else ():
        about = (row.source, row.key, row.resolved_at, _moment(row.since))
        found[row.key].append(Ended(*about, early=row.ended_by == EARLY, by_person=row.ended_by == BY_PERSON))
    return found


def _open_of(session: Session, services: Collection[str], since: datetime) -> Mapping[str, Sequence[Incident]]:
    """Return the open incidents of services that have heard something since, each with the signal that opened it."""
    found: dict[str, list[Incident]] = defaultdict(list)
    for row in session.execute(_OPEN_OF, {"services": list(services), "since": since}) if services else ():
        first = (_said if len(row.said) <= USUAL else _said.__wrapped__)(row.said)
        found[row.service].append(
            Incident(row.id, row.service, first, row.opened_at, row.last_at, Severity(row.severity))
        )
    return found


_SINCE = AlertRow.said["since"].as_string().label("since")
_ALERT = select(AlertRow.id, AlertRow.source, AlertRow.key, AlertRow.incident_id, _SINCE)
_KEYS = AlertRow.key.in_(bindparam("keys", expanding=True))
_OPEN_WITH_KEY = _ALERT.where(_KEYS, AlertRow.resolved_at.is_(None))
_OPEN_OF_INCIDENT = _ALERT.where(
    AlertRow.incident_id.in_(bindparam("incidents", expanding=True)), AlertRow.resolved_at.is_(None)
)
_ENDED_WITH_KEY = select(AlertRow.source, AlertRow.key, AlertRow.resolved_at, AlertRow.ended_by, _SINCE).where(
    _KEYS, AlertRow.resolved_at > bindparam("since", type_=UTCDateTime)
)
_OPENED_BY = (
    select(func.min(AlertRow.id)).where(AlertRow.incident_id == IncidentRow.id).correlate(IncidentRow).scalar_subquery()
)
_OPEN_OF = (
    select(
        IncidentRow.id,
        IncidentRow.service,
        IncidentRow.opened_at,
        IncidentRow.last_at,
        IncidentRow.severity,
        cast(AlertRow.said, Text).label("said"),
    )
    .join(AlertRow, AlertRow.id == _OPENED_BY)
    .where(
        IncidentRow.service.in_(bindparam("services", expanding=True)),
        IncidentRow.resolved_at.is_(None),
        IncidentRow.last_at >= bindparam("since", type_=UTCDateTime),
    )
)


@lru_cache(maxsize=4000)
def _said(said: str) -> Signal:
    """Return what opened an incident: the same text again and again, for as long as alerts of its service come."""
    return signals.from_json(json.loads(said))


def _alert(row: Row[*tuple[Any, ...]]) -> Alert:
    return Alert(row.id, row.source, row.key, row.incident_id, _moment(row.since))


def _moment(said: str | None) -> datetime | None:
    return datetime.fromisoformat(said) if said else None
