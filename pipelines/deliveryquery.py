"""What doors show of deliveries, in a fixed small number of statements, however many services there are.

Where few deploys are asked for, every figure is exact. Where there are many, all counts are exact as well, and medians
are read from histograms, which is right to about a tenth. Figures end on the last day that the job has counted.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from ledger import events
from pipelines import deliverysums as sums
from pipelines.delivery import LOG
from pipelines.deliverysums import among
from pipelines.deliverytables import DAYS, SUMS, WINDOWS, DeliveredRow, DeliveryLogRow
from pipelines.dora import (
    DAY,
    WEEK,
    Deployed,
    Figures,
    Stretch,
    before,
    by_service,
    figures,
    monday,
)
from pipelines.dora import WINDOWS as LENGTHS
from pipelines.tallies import Tally, added, tally_of, together

FEW = 400  # deploys that are read one by one
WEEKS = 13  # of the series
NEWEST = 30  # failures that are listed

Services = Collection[str] | None  # None: all


@dataclass(frozen=True)
class Read:
    """How far the log has been read; `head` is its end, `began` and `until` the first and the last day counted."""

    position: int
    head: int
    began: date | None
    until: date | None


@dataclass(frozen=True)
class Week:
    """The figures of one week, from its Monday on; the last one is not over yet."""

    first: date
    figures: Figures

    @property
    def last(self) -> date:
        return self.first + (WEEK - 1) * DAY


@dataclass(frozen=True)
class Report:
    """The figures of some services in an environment; `before`: of as many days right before, if the log goes there."""

    within: Stretch
    read: Read
    whole: Figures
    before: Figures | None
    weeks: Sequence[Week]
    failures: Sequence[Deployed]  # the newest of these days
    tallies: Mapping[str, Tally]  # by service
    exactly: Mapping[str, Sequence[Deployed]] | None  # by service, where there are few

    @property
    def is_exact(self) -> bool:
        return self.exactly is not None

    def of(self, services: Collection[str]) -> Figures:
        """Return the figures of those services. On how many days a week they deploy is not known of many."""
        if self.exactly is not None:
            return figures([one for ref in services for one in self.exactly.get(ref, ())], self.within)
        return added(self.within, together(self.tallies[ref] for ref in services if ref in self.tallies))


def read(session: Session) -> Read:
    """Return how far the log has been read."""
    row, head = session.get(DeliveryLogRow, LOG), events.head(session)
    return Read(row.position, head, row.began, row.until) if row else Read(0, head, None, None)


def environments(session: Session, services: Services = None) -> Sequence[str]:
    """Return where anything was deployed to lately, the busiest first."""
    longest = select(WINDOWS.c.environment).where(WINDOWS.c.days == max(LENGTHS), WINDOWS.c.ago == 0)
    query = longest.where(*among(WINDOWS.c.service, services)).group_by(WINDOWS.c.environment)
    return list(session.scalars(query.order_by(func.sum(WINDOWS.c.out).desc(), WINDOWS.c.environment)))


def report(session: Session, environment: str, days: int, today: date, services: Services = None) -> Report:
    """Return everything about these services in that environment; `days` is one of dora.WINDOWS."""
    known = read(session)
    last = known.until or today
    asked = Stretch(last - (days - 1) * DAY, last)
    within = Stretch(min(max(asked.first, known.began or asked.first), last), last)
    tallies = _windows(session, environment, days, 0, services)
    past = _windows(session, environment, days, 1, services)
    weeks = _weeks(session, environment, last, services)
    failures = deploys(session, environment, within, services, failed=True, limit=NEWEST)
    whole = added(within, together(tallies.values()), _healthy_days(session, environment, within, services))
    exactly = None
    if sum(one.out for one in tallies.values()) + sum(week.figures.out for week in weeks) <= FEW:
        found = deploys(session, environment, Stretch(min(weeks[0].first, within.first), last), services, limit=FEW)
        exactly = by_service(found)
        whole = figures(found, within)
        weeks = [Week(week.first, figures(found, Stretch(week.first, week.last))) for week in weeks]
    ago = before(asked)
    is_told = known.began is not None and known.began <= ago.first
    return Report(
        within,
        known,
        whole,
        added(ago, together(past.values())) if is_told else None,
        weeks,
        failures,
        tallies,
        exactly,
    )


def deploys(
    session: Session,
    environment: str,
    within: Stretch,
    services: Services = None,
    *,
    failed: bool = False,
    rework: bool = False,
    limit: int = 200,
) -> Sequence[Deployed]:
    """Return the deploys behind a figure, newest first."""
    asked = [DeliveredRow.environment == environment, DeliveredRow.day.between(within.first, within.last)]
    asked += [DeliveredRow.failed != ""] if failed else []
    asked += [DeliveredRow.rework != ""] if rework else []
    return sums.deployeds(session, *asked, *_served(services), limit=limit)


def _served(services: Services) -> tuple[ColumnElement[bool], ...]:
    return () if services is None else (DeliveredRow.service.in_(sorted(services)),)


def _windows(session: Session, environment: str, days: int, ago: int, services: Services) -> Mapping[str, Tally]:
    query = select(WINDOWS.c.service, *(WINDOWS.c[name] for name in SUMS)).where(
        WINDOWS.c.environment == environment,
        WINDOWS.c.days == days,
        WINDOWS.c.ago == ago,
        *among(WINDOWS.c.service, services),
    )
    return {service: tally_of(rest) for service, *rest in session.execute(query).all()}


def _weeks(session: Session, environment: str, last: date, services: Services) -> Sequence[Week]:
    first = monday(last) - (WEEKS - 1) * WEEK * DAY
    query = select(DAYS.c.day, *(func.sum(DAYS.c[name]) for name in SUMS)).where(
        DAYS.c.environment == environment,
        DAYS.c.span == WEEK,
        DAYS.c.day >= first,
        *among(DAYS.c.service, [sums.ALL] if services is None else services),
    )
    found: dict[Any, Tally] = {day: tally_of(rest) for day, *rest in session.execute(query.group_by(DAYS.c.day))}
    mondays = [first + number * WEEK * DAY for number in range(WEEKS)]
    return [Week(day, added(Stretch(day, day + 6 * DAY), found.get(day, Tally()))) for day in mondays]


def _healthy_days(session: Session, environment: str, within: Stretch, services: Services) -> Sequence[date]:
    query = select(DAYS.c.day).where(
        DAYS.c.environment == environment,
        DAYS.c.span == 1,
        DAYS.c.day.between(within.first, within.last),
        DAYS.c.healthy > 0,
        *among(DAYS.c.service, [sums.ALL] if services is None else services),
    )
    return session.scalars(query.distinct()).all()
