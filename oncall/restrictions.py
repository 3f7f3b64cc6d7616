"""The windows of the week in which somebody is on call at all: by weekday and clock, across midnight too. Pure.

A window starts when a clock of its zone first shows its start and ends when it shows its end for the last time; on the
day the clocks are put back it is longer by that, and two that touch never leave a gap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from oncall import zones
from oncall.cadence import DAY, WEEK

Between = tuple[datetime, datetime]


@dataclass(frozen=True)
class Window:
    """One window of every week. Both ends are counted from Monday 00:00; the second may lie in the next week."""

    starts: timedelta
    ends: timedelta

    def __post_init__(self) -> None:
        if not (timedelta(0) <= self.starts < WEEK and self.starts < self.ends <= self.starts + WEEK):
            raise ValueError("a window starts within a week and is at most a week long")


def monday(wall: datetime) -> datetime:
    """Return the Monday 00:00 at or before a wall time."""
    return wall.replace(hour=0, minute=0, second=0, microsecond=0) - wall.weekday() * DAY


def touches(windows: Sequence[Window], starts: datetime, ends: datetime) -> bool:
    """Does a turn have any time in a window, as the wall clock shows it? Without windows all the time is open."""
    if not windows or ends - starts >= WEEK:
        return True
    begins = starts - monday(starts)
    through = begins + (ends - starts)
    return any(
        window.starts + weeks * WEEK < through and begins < window.ends + weeks * WEEK
        for window in windows
        for weeks in (-1, 0, 1)
    )


def opened(windows: Sequence[Window], zone: ZoneInfo, since: datetime, until: datetime) -> list[Between]:
    """Return when it is open between two moments: in order, apart from one another, clipped to the two."""
    if not windows:
        return [(since, until)]
    found: list[Between] = []
    week = monday(zones.wall(since, zone)) - 2 * WEEK  # a window may be a week long, and clocks may change
    end = zones.wall(until, zone) + DAY
    while week < end:
        for window in windows:
            starts, ends = zones.first(week + window.starts, zone), zones.last(week + window.ends, zone)
            if starts < until and since < ends and starts < ends:
                found.append((max(starts, since), min(ends, until)))
        week += WEEK
    return _joined(sorted(found))


def _joined(spans: list[Between]) -> list[Between]:
    apart: list[Between] = []
    for starts, ends in spans:
        if apart and starts <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(apart[-1][1], ends))
        else:
            apart.append((starts, ends))
    return apart
