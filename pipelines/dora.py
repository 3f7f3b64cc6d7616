"""Delivery figures of a stretch of days: how often, how fast, how many failed, how soon mended, how much is rework.

Pure. In go deploys with what became of them (pipelines/outcomes.py), out come figures. What nobody can know is None,
never zero. Medians and weeks are those of DORA's own Four Keys project: https://github.com/dora-team/fourkeys
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from statistics import median

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WEEK = 7  # days
WINDOWS = (7, 30, 90)  # days
DAILY_DAYS = 3  # days with a deploy, of the middle week, from which on one deploys daily: Four Keys


@dataclass(frozen=True)
class Deployed:
    """One deploy and what became of it, as far as the log tells. Empty text and None: not so, or not yet."""

    id: int
    service: str
    environment: str
    release: int
    requested_at: datetime
    rollback: bool = False
    hotfix: bool = False
    trial: bool = False  # the first wave and back, for a bisect: no delivery
    out_at: datetime | None = None  # its first traffic
    ended_at: datetime | None = None
    ending: str = ""  # healthy, undone, stuck
    aborted: bool = False
    committed: tuple[datetime, ...] = ()  # when each of its commits was made
    failed: str = ""  # one of FAILURES
    failed_at: datetime | None = None
    failed_by: int | None = None  # the rollback by which a person took it back
    recovered_at: datetime | None = None
    rework: str = ""  # one of REWORKS

    @property
    def counts(self) -> bool:
        """It was delivered: it became healthy, or users had it before it went back. Going back delivers nothing."""
        return not (self.rollback or self.trial) and (self.ending == "healthy" or bool(self.failed))

    @property
    def day(self) -> date | None:
        """The day, in UTC, on which it counts."""
        return self.ended_at.astimezone(UTC).date() if self.ended_at and self.counts else None

    @property
    def leads(self) -> tuple[timedelta, ...]:
        """How long each of its commits took to reach everybody; what took less than a minute says nothing."""
        if self.ending != "healthy" or self.ended_at is None or not self.counts:
            return ()
        return tuple(span for at in self.committed if (span := self.ended_at - at) >= MINUTE)

    @property
    def is_unmended(self) -> bool:
        """It failed, and nothing has been healthy there since."""
        return bool(self.failed) and self.recovered_at is None

    @property
    def recovery(self) -> timedelta | None:
        """How long users had what failed."""
        return lasted(self.out_at, self.recovered_at) if self.failed else None


FAILURES = {
    "put back": "put back by itself, after it had traffic",
    "stopped": "stopped by a person, after it had traffic",
    "rolled back": "rolled back by a person, after it was healthy",
    "stuck": "stuck: neither forward nor back worked",
}
REWORKS = {
    "hotfix": "a hotfix",
    "after a failure": "asked for within a day after a failure there, before another deploy became healthy",
}


class Pace(IntEnum):
    """How often, in the steps that the reports speak of; more is more often."""

    SELDOM = 0
    HALF_YEARLY = 1
    MONTHLY = 2
    WEEKLY = 3
    DAILY = 4


@dataclass(frozen=True)
class Figures:
    """What came of some services in some days."""

    days: int
    healthy: int = 0  # deploys that became healthy
    out: int = 0  # and those that failed before they did
    failed: int = 0
    unmended: int = 0  # of those that failed: not healthy again yet
    rework: int = 0
    commits: int = 0  # that lead time is known of
    lead: timedelta | None = None  # median
    recovery: timedelta | None = None  # median
    deploy_days: float = 0.0  # days with a healthy deploy, in the middle week

    @property
    def per_day(self) -> float:
        return self.healthy / max(self.days, 1)

    @property
    def failure_rate(self) -> float | None:
        return self.failed / self.out if self.out else None

    @property
    def rework_rate(self) -> float | None:
        return self.rework / self.out if self.out else None

    @property
    def pace(self) -> Pace | None:
        """How often, None when nothing went out. Daily: on three days of the middle week; weekly: in half the weeks."""
        if not self.healthy:
            return None
        if self.deploy_days >= DAILY_DAYS:
            return Pace.DAILY
        if self.deploy_days >= 1:
            return Pace.WEEKLY
        return Pace.MONTHLY if self.healthy * 30 >= self.days else Pace.HALF_YEARLY


@dataclass(frozen=True)
class Stretch:
    """Whole days in UTC, the last one included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.first <= day <= self.last


def stretch(days: int, now: datetime, began: date | None = None) -> Stretch:
    """Return the last so many days with today; from `began` on, for before that nothing was written down.

    >>> stretch(7, datetime(2026, 3, 2, 12, tzinfo=UTC)).first.isoformat()
    '2026-02-24'
    """
    today = now.astimezone(UTC).date()
    first = today - (days - 1) * DAY
    return Stretch(min(max(first, began or first), today), today)


def before(within: Stretch) -> Stretch:
    """Return as many days right before."""
    return Stretch(within.first - within.days * DAY, within.first - DAY)


def figures(deploys: Iterable[Deployed], within: Stretch) -> Figures:
    """Return the figures of these deploys, as far as they count within those days. Their order does not matter."""
    counted = [one for one in deploys if one.day in within]
    failed = [one for one in counted if one.failed]
    leads = [span for one in counted for span in one.leads]
    healthy = [one for one in counted if one.ending == "healthy"]
    return Figures(
        within.days,
        healthy=len(healthy),
        out=len(counted),
        failed=len(failed),
        unmended=sum(one.is_unmended for one in failed),
        rework=sum(bool(one.rework) for one in counted),
        commits=len(leads),
        lead=middle(leads),
        recovery=middle([span for one in failed if (span := one.recovery) is not None]),
        deploy_days=deploy_days({one.day for one in healthy if one.day}, within),
    )


def lasted(out_at: datetime | None, recovered_at: datetime | None) -> timedelta | None:
    """Return how long a failure lasted; None while it does."""
    return None if out_at is None or recovered_at is None else max(recovered_at - out_at, timedelta(0))


def middle(spans: Sequence[timedelta]) -> timedelta | None:
    """Return the median, None of nothing."""
    return timedelta(seconds=median(span.total_seconds() for span in spans)) if spans else None


def deploy_days(days: Iterable[date], within: Stretch) -> float:
    """Return the median, over whole weeks back from the last day, of how many days of a week are among `days`.

    >>> deploy_days([date(2026, 3, 1), date(2026, 3, 2)], Stretch(date(2026, 2, 17), date(2026, 3, 2)))
    1.0
    """
    weeks = max(within.days // WEEK, 1)
    counts = Counter((within.last - day).days // WEEK for day in set(days) if day in within)
    return float(median(counts[week] for week in range(weeks)))


def monday(day: date) -> date:
    """Return the Monday of that day's week."""
    return day - day.weekday() * DAY


def by_service(deploys: Iterable[Deployed]) -> Mapping[str, Sequence[Deployed]]:
    """Sort deploys by their service."""
    found: dict[str, list[Deployed]] = {}
    for one in deploys:
        found.setdefault(one.service, []).append(one)
    return found
