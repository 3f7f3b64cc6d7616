"""What is known when a signal comes: the alerts of its key and the incidents of its service. It only reads.

It is asked for with each alert, so its statements are made once, and none of them goes through what is over.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import Text, bindparam, cast, func, select
from sqlalchemy.orm import Session

from ledger.db import UTCDateTime
from oncall import signal as signals
from oncall.grouping import AGAIN, Alert, Ended, Incident, Situation
from oncall.signal import Action, Signal
from oncall.tables import AlertRow, IncidentRow
from oncall.terms import Severity

BY_PERSON, EARLY = "person", "early"  # by whom an alert was ended
USUAL = 2000  # characters of a signal; what is longer is not kept in memory


def situation(session: Session, said: Signal, service: str, now: datetime, within: timedelta) -> Situation:
    """Return what is known when a signal comes: at most five statements, and only what that signal may need.

    `within`: an incident that has heard nothing for longer takes no more alerts.
    """
    mine = session.scalars(_OPEN_WITH_KEY, {"said_key": said.key}).all()
    beside = {row.incident_id for row in mine if row.incident_id}
    if said.action is not Action.TRIGGER:
        others = select(AlertRow).where(AlertRow.incident_id.in_(beside), AlertRow.resolved_at.is_(None))
        rows = {row.id: row for row in (*mine, *(session.scalars(others) if beside else ()))}
        return Situation([_alert(row) for row in rows.values()])
    if any(row.incident_id and row.source == said.source for row in mine):
        return Situation([_alert(row) for row in mine])
    last = session.scalars(_LAST_WITH_KEY, {"said_key": said.key, "said_source": said.source})
    ended = [row for row in last if row.resolved_at is not None and row.resolved_at > now - AGAIN]
    open_ones = _open_of(session, service, now - within)
    return Situation([_alert(row) for row in mine], open_ones, [_ended(row) for row in ended])


_OPEN_WITH_KEY = select(AlertRow).where(AlertRow.key == bindparam("said_key"), AlertRow.resolved_at.is_(None))
_LAST_WITH_KEY = (  # the latest by number, or a key that comes and goes for a year would be read through each time
    select(AlertRow)
    .where(AlertRow.key == bindparam("said_key"), AlertRow.source == bindparam("said_source"))
    .order_by(AlertRow.id.desc())
    .limit(5)
)


def _open_of(session: Session, service: str, since: datetime) -> Sequence[Incident]:
    """Return the open incidents of a service that have heard something since, each with the signal that opened it."""
    open_ones = session.execute(_OPEN_OF, {"of": service, "since": since}).all()
    if not open_ones:
        return ()
    first = session.execute(_FIRST_OF, {"incidents": [row.id for row in open_ones]})
    by_incident = {row.incident_id: (_said if len(row.said) <= USUAL else _said.__wrapped__)(row.said) for row in first}
    return [
        Incident(row.id, row.service, by_incident[row.id], row.opened_at, row.last_at, Severity(row.severity))
        for row in open_ones
        if row.id in by_incident
    ]


_OPEN_OF = select(
    IncidentRow.id, IncidentRow.service, IncidentRow.opened_at, IncidentRow.last_at, IncidentRow.severity
).where(
    func.coalesce(IncidentRow.service, "") == bindparam("of"),  # or all of its past is gone through, by its index
    IncidentRow.resolved_at.is_(None),
    IncidentRow.last_at >= bindparam("since", type_=UTCDateTime),
)
_FIRST_OF = select(AlertRow.incident_id, cast(AlertRow.said, Text).label("said")).where(
    AlertRow.id.in_(
        select(func.min(AlertRow.id))
        .where(AlertRow.incident_id.in_(bindparam("incidents", expanding=True)))
        .group_by(AlertRow.incident_id)
    )
)


@lru_cache(maxsize=4000)
def _said(said: str) -> Signal:
    """Return what opened an incident: the same text again and again, for as long as alerts of its service come."""
    return signals.from_json(json.loads(said))


def _alert(row: AlertRow) -> Alert:
    return Alert(row.id, row.source, row.key, row.incident_id, _since(row))


def _ended(row: AlertRow) -> Ended:
    assert row.resolved_at is not None
    about = (row.source, row.key, row.resolved_at, _since(row))
    return Ended(*about, early=row.ended_by == EARLY, by_person=row.ended_by == BY_PERSON)


def _since(row: AlertRow) -> datetime | None:
    since = row.said.get("since")
    return datetime.fromisoformat(since) if since else None
