"""What being on call has cost each person: hours, nights, weekends, free days, pages, broken sleep. Pure.

Everything is counted by the clocks where the person lives. Somebody who holds two roles at once is on call once. What
is fair is for fairness.py to say; docs/fairness.md explains both.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from oncall import almanac
from oncall.almanac import ANYWHERE, Place
from oncall.spans import Span, clipped, common, length, merged
from oncall.terms import Shift

NOBODY: Mapping[str, Place] = {}
ASLEEP_AGAIN = timedelta(hours=1)  # pages within an hour of the one that woke are the same broken night


@dataclass(frozen=True)
class Page:
    """A page that was meant to wake somebody, and when it was sent."""

    person: str
    at: datetime


@dataclass(frozen=True)
class Carried:
    """What some spans cost whoever is on call in them."""

    spans: tuple[Span, ...] = ()
    time: timedelta = timedelta(0)
    night_time: timedelta = timedelta(0)
    nights: frozenset[date] = frozenset()  # with any moment on call, by the day on which each begins
    weekend: timedelta = timedelta(0)
    holidays: frozenset[date] = frozenset()


@dataclass(frozen=True)
class Load:
    """What one person carried between two moments."""

    person: str
    carried: Carried = Carried()
    pages: int = 0
    interrupted: int = 0  # times that sleep was broken
    longest: timedelta = timedelta(0)  # on call without a pause
    since_free_weekend: timedelta | None = None  # at the end of it all; None: there was none


def carried(spans: Iterable[Span], place: Place = ANYWHERE) -> Carried:
    """Return what it costs to be on call in these spans.

    >>> from datetime import UTC
    >>> weekend = carried([(datetime(2026, 11, 27, 21, tzinfo=UTC), datetime(2026, 11, 28, 21, tzinfo=UTC))])
    >>> weekend.time, len(weekend.nights), weekend.weekend
    (datetime.timedelta(days=1), 1, datetime.timedelta(seconds=75600))
    """
    mine = merged(spans)
    if not mine:
        return Carried()
    since, until = mine[0][0], mine[-1][1]
    nights = almanac.nights(since, until, place.zone)
    return Carried(
        spans=tuple(mine),
        time=length(mine),
        night_time=length(common(mine, nights.values())),
        nights=touched(nights, mine),
        weekend=length(common(mine, almanac.weekends(since, until, place.zone))),
        holidays=touched({day: almanac.whole_day(day, place.zone) for day in place.free}, mine),
    )


def loads(
    shifts: Iterable[Shift],
    pages: Iterable[Page],
    since: datetime,
    until: datetime,
    *,
    people: Collection[str] = (),
    home: Place = ANYWHERE,
    homes: Mapping[str, Place] = NOBODY,
) -> list[Load]:
    """Return what everybody carried, by person; `people` are listed even when they carried nothing.

    `home` is where those live of whom it is not known. Give only the roles that count: whoever only looks on does not.
    """
    held: dict[str, list[Span]] = defaultdict(list)
    for shift in shifts:
        held[shift.person].append((shift.start, shift.end))
    woken: dict[str, list[datetime]] = defaultdict(list)
    for page in pages:
        if since <= page.at < until:
            woken[page.person].append(page.at)
    everybody = sorted({*people, *held, *woken} - {""})
    of_all = [_load(who, held[who], woken[who], since, until, homes.get(who, home)) for who in everybody]
    return [load for load in of_all if load.person in people or load.carried.time or load.pages]


def interruptions(pages: Iterable[datetime], place: Place = ANYWHERE) -> int:
    """Return how often sleep was broken: by the first page between 22:00 and 07:00, and again by one an hour later."""
    count, asleep = 0, None
    for at in sorted(pages):
        if (asleep is None or at >= asleep) and _is_sleep(at, place):
            count, asleep = count + 1, at + ASLEEP_AGAIN
    return count


def _load(person: str, held: list[Span], pages: list[datetime], since: datetime, until: datetime, at: Place) -> Load:
    mine = clipped(held, since, until)
    return Load(
        person,
        carried(mine, at),
        len(pages),
        interruptions(pages, at),
        max((end - start for start, end in mine), default=timedelta(0)),
        _since_free_weekend(mine, since, until, at),
    )


def _since_free_weekend(mine: Sequence[Span], since: datetime, until: datetime, at: Place) -> timedelta | None:
    over = [span for span in almanac.weekends(since, until, at.zone) if since <= span[0] and span[1] <= until]
    free = [end for start, end in over if not common(mine, [(start, end)])]
    return until - free[-1] if free else None


def touched(days: Mapping[date, Span], spans: Sequence[Span]) -> frozenset[date]:
    """Return the days that have a moment in common with spans that are in order."""
    ends = [end for _, end in spans]
    found = set()
    for day, (start, end) in days.items():
        following = bisect_right(ends, start)
        if start < end and following < len(spans) and spans[following][0] < end:
            found.add(day)
    return frozenset(found)


def _is_sleep(at: datetime, place: Place) -> bool:
    local = at.astimezone(place.zone).time()
    return local >= almanac.SLEEP[0] or local < almanac.SLEEP[1]
