"""Sums of deliveries: each day's and each week's made from its deploys, and windows made from days and weeks.

Windows are what lists of all services read: as they were on the last day that a job has counted.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Date, and_, delete, func, insert, literal, or_, select
from sqlalchemy.orm import Session

from pipelines.deliverytables import DAYS, SUMS, WINDOWS, DeliveredRow
from pipelines.dora import DAY, WEEK, Deployed, Stretch, before, by_service, monday
from pipelines.dora import WINDOWS as LENGTHS
from pipelines.tallies import tally

KEYS = ("environment", "span", "day", "service")
ALL = ""  # in place of a service, in rows of days: all of them together


def add_up(session: Session, days: Iterable[tuple[str, date, str]]) -> None:
    """Make the rows of these days anew (environment, day, service), and of their weeks."""
    found: dict[tuple[str, date], set[str]] = {}
    weeks: dict[tuple[str, date], set[str]] = {}
    for environment, day, service in days:
        found.setdefault((environment, day), set()).add(service)
        weeks.setdefault((environment, monday(day)), set()).add(service)
    for (environment, day), services in found.items():
        _add_up_day(session, environment, day, services)
    for (environment, first), services in weeks.items():
        _add_up_week(session, environment, first, services)
    for span, places in ((1, found), (WEEK, weeks)):
        for environment, first in places:
            _add_up_all(session, environment, span, first)


def _add_up_day(session: Session, environment: str, day: date, services: Collection[str]) -> None:
    _forget(session, environment, 1, day, services)
    ref = DeliveredRow.service
    these = deployeds(session, DeliveredRow.environment == environment, DeliveredRow.day == day, ref.in_(services))
    rows = [
        dict(zip((*KEYS, *SUMS), (environment, 1, day, service, *tally(deploys).numbers), strict=True))
        for service, deploys in by_service(these).items()
    ]
    if rows:
        session.execute(insert(DAYS), rows)


def _add_up_week(session: Session, environment: str, first: date, services: Collection[str]) -> None:
    _forget(session, environment, WEEK, first, services)
    keys = (literal(environment), literal(WEEK), literal(first, Date), DAYS.c.service)
    rows = select(*keys, *(func.sum(DAYS.c[name]) for name in SUMS)).where(
        DAYS.c.environment == environment,
        DAYS.c.span == 1,
        DAYS.c.day.between(first, first + 6 * DAY),
        DAYS.c.service.in_(services),
    )
    session.execute(insert(DAYS).from_select([*KEYS, *SUMS], rows.group_by(DAYS.c.service)))


def _add_up_all(session: Session, environment: str, span: int, day: date) -> None:
    """Make the row of all services together: the page that shows everything reads one in place of hundreds."""
    _forget(session, environment, span, day, [ALL])
    keys = (literal(environment), literal(span), literal(day, Date), literal(ALL))
    rows = select(*keys, *(func.sum(DAYS.c[name]) for name in SUMS)).where(
        DAYS.c.environment == environment, DAYS.c.span == span, DAYS.c.day == day
    )
    session.execute(insert(DAYS).from_select([*KEYS, *SUMS], rows.having(func.count() > 0)))


def _forget(session: Session, environment: str, span: int, day: date, services: Collection[str]) -> None:
    same = (DAYS.c.environment == environment, DAYS.c.span == span, DAYS.c.day == day, DAYS.c.service.in_(services))
    session.execute(delete(DAYS).where(*same))


def windows(session: Session, last: date, services: Collection[str] | None = None) -> None:
    """Make the windows that end on that day anew, all or only of these services."""
    for days in LENGTHS:
        now = Stretch(last - (days - 1) * DAY, last)
        for ago, within in enumerate((now, before(now))):
            same = (WINDOWS.c.days == days, WINDOWS.c.ago == ago)
            session.execute(delete(WINDOWS).where(*same, *among(WINDOWS.c.service, services)))
            keys = (DAYS.c.environment, DAYS.c.service)
            rows = select(*keys, literal(days), literal(ago), *(func.sum(DAYS.c[name]) for name in SUMS))
            rows = rows.where(fewest(within), DAYS.c.service != ALL, *among(DAYS.c.service, services)).group_by(*keys)
            session.execute(insert(WINDOWS).from_select(["environment", "service", "days", "ago", *SUMS], rows))


def fewest(within: Stretch) -> ColumnElement[bool]:
    """Choose the fewest rows that make up these days: whole weeks, and single days at both ends."""
    span, day = DAYS.c.span, DAYS.c.day
    first = monday(within.first + 6 * DAY)  # of the first whole week
    after = monday(within.last + DAY)  # the first day that is in no whole week any more
    if first >= after:
        return and_(span == 1, day.between(within.first, within.last))
    return or_(
        and_(span == WEEK, day >= first, day < after),
        and_(span == 1, day >= within.first, day < first),
        and_(span == 1, day >= after, day <= within.last),
    )


def among(column: ColumnElement[str], services: Collection[str] | None) -> tuple[ColumnElement[bool], ...]:
    """Choose these services; None: all."""
    return () if services is None else (column.in_(sorted(services)),)


# --- deploys in their rows --------------------------------------------------------------------------------------------

_SAME = tuple(name for name in Deployed.__dataclass_fields__ if name != "committed")
_COLUMNS = (*(getattr(DeliveredRow, name) for name in (*_SAME, "committed")),)
_COUNTED = DeliveredRow.day


def deployeds(session: Session, *where: ColumnElement[bool], limit: int | None = None) -> list[Deployed]:
    """Return deploys for which that holds, newest first."""
    query = select(*_COLUMNS).where(*where).order_by(_COUNTED.desc(), DeliveredRow.id.desc()).limit(limit)
    return [_deployed(row._mapping) for row in session.execute(query)]


def deployed(session: Session, number: int) -> Deployed | None:
    """Return one deploy."""
    return next(iter(deployeds(session, DeliveredRow.id == number)), None)


def _deployed(row: Mapping[Any, Any]) -> Deployed:
    told = dict(row)
    committed = tuple(datetime.fromtimestamp(at, UTC) for at in told.pop("committed"))
    return Deployed(committed=committed, **told)


def kept(one: Deployed) -> dict[str, Any]:
    """Return a deploy as the columns of its row."""
    committed = [at.timestamp() for at in one.committed]
    return {name: getattr(one, name) for name in _SAME} | {"committed": committed, "day": one.day}
