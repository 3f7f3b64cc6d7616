"""What services have answered, minute by minute: the baseline of a deploy that has nothing old beside it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from pipelines.proof import Before
from pipelines.ruletables import TrafficRow
from production.ports import Share

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
KEPT = timedelta(hours=3)
NEAR = timedelta(minutes=2)  # between two counts; after a longer gap nobody knows when it was

Totals = Mapping[str, Sequence[int]]  # release -> requests and errors


def counted(session: Session, service: str, environment: str, shares: Sequence[Share], at: datetime) -> None:
    """Keep what was answered in the minute that ends now; a second count in one minute changes nothing."""
    minute = at.replace(second=0, microsecond=0)
    last = _last(session, service, environment)
    if last is not None and last.minute > minute:  # the clock was set back
        session.execute(delete(TrafficRow).where(*_of(service, environment), TrafficRow.minute > minute))
        last = _last(session, service, environment)
    if last is not None and last.minute == minute:
        return
    totals = {str(one.release): [one.requests, one.errors] for one in shares}
    requests, errors = (0, 0)
    if last is not None and minute - last.minute <= NEAR:
        requests, errors = _new(last.totals, totals)
    row = TrafficRow(
        service=service, environment=environment, minute=minute, requests=requests, errors=errors, totals=totals
    )
    session.add(row)


def _last(session: Session, service: str, environment: str) -> TrafficRow | None:
    newest = select(TrafficRow).where(*_of(service, environment)).order_by(TrafficRow.minute.desc()).limit(1)
    return session.scalars(newest).one_or_none()


def _of(service: str, environment: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return TrafficRow.service == service, TrafficRow.environment == environment


def _new(before: Totals, now: Totals) -> tuple[int, int]:
    requests = errors = 0
    for release, told in now.items():
        was = before.get(release, (0, 0))
        if told[0] < was[0] or told[1] < was[1]:
            was = (0, 0)  # what counts has begun anew
        requests, errors = requests + told[0] - was[0], errors + told[1] - was[1]
    return requests, errors


def before(session: Session, service: str, environment: str, at: datetime) -> Before:
    """Return the last hour, oldest minute first, as far as it was counted."""
    since = at - HOUR
    rows = session.execute(
        select(TrafficRow.minute, TrafficRow.requests, TrafficRow.errors)
        .where(*_of(service, environment), TrafficRow.minute > since - NEAR, TrafficRow.minute <= at)
        .order_by(TrafficRow.minute)
    ).all()
    known = [row for last, row in pairwise(rows) if row.minute - last.minute <= NEAR and row.minute > since]
    return Before(tuple(row.requests for row in known), tuple(row.errors for row in known))


def forget(session: Session, at: datetime) -> None:
    session.execute(delete(TrafficRow).where(TrafficRow.minute < at - KEPT))
