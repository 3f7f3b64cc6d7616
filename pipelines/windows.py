"""When it is open: windows that deny or allow, each a cron expression, a length and a time zone. Pure.

Deny beats allow; where there is any allow window, all outside of them is closed. A window begins when a clock on the
wall of its zone shows it. Its whole days go by the calendar of that zone and the rest is exact, as in RFC 5545, 3.3.6:
64 h from Friday 18:00 end on Monday 10:00, also when the clocks change on Sunday.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim

Who = Literal["people", "continuous"]

HORIZON = timedelta(days=400)  # further ahead nobody plans
MOST_STEPS = 500  # from one change to the next that are looked at
SHIFT = timedelta(hours=3)  # more than any clock is ever put forward or back


@dataclass(frozen=True)
class Window:
    """One window. `overrun`: what has begun in time may still be under way when it closes."""

    kind: Literal["deny", "allow"]
    cron: str
    lasts: timedelta
    zone: str = "UTC"
    overrun: bool = False
    who: frozenset[Who] = frozenset(("people", "continuous"))
    reason: str = ""

    @property
    def said(self) -> str:
        """Return its name for people: the reason, or the expression."""
        return self.reason or f"{self.kind} window {self.cron} ({self.zone})"


@dataclass(frozen=True)
class Open:
    """It may begin now. `until` is when that ends, None when not within the horizon."""

    until: datetime | None = None
    restricted: bool = False  # there are windows that concern whoever asks


@dataclass(frozen=True)
class Closed:
    """It may not begin now. `until` is when it may, None when not within the horizon."""

    why: str
    until: datetime | None


@dataclass(frozen=True)
class _Stop:
    """Why it may not begin at a moment, and the next moment at which that may be otherwise."""

    why: str
    again: datetime | None


def standing(windows: Sequence[Window], who: Who, now: datetime, expected: timedelta = timedelta(0)) -> Open | Closed:
    """Return whether what `who` asks for and takes as long as `expected` may begin now, and until when that is so.

    >>> release_week = Window("deny", "0 18 * * FRI", timedelta(hours=64), "Europe/Berlin", reason="quiet weekend")
    >>> closed = standing([release_week], "people", datetime(2026, 3, 28, 12, tzinfo=UTC))
    >>> closed.until.isoformat()  # Monday 10:00 in Berlin, where clocks go forward on Sunday
    '2026-03-30T08:00:00+00:00'
    """
    mine = [window for window in windows if who in window.who]
    denies = [window for window in mine if window.kind == "deny"]
    allows = [window for window in mine if window.kind == "allow"]
    at = now.astimezone(UTC)
    stop = _stop(denies, allows, at, expected)
    if stop is not None:
        return Closed(stop.why, _opening(denies, allows, stop, at, expected))
    ends = [_end(allows, at)] if allows else []
    ends += [begins for window in denies if (begins := _next(window, at)) is not None]
    known = [end for end in ends if end is not None and end <= at + HORIZON]
    return Open(min(known, default=None), bool(mine))


def _opening(
    denies: Sequence[Window], allows: Sequence[Window], stop: _Stop, now: datetime, expected: timedelta
) -> datetime | None:
    """Go from one change to the next until nothing stops it; give up at the horizon."""
    at: datetime | None = stop.again
    for _ in range(MOST_STEPS):
        if at is None or at > now + HORIZON:
            return None
        later = _stop(denies, allows, at, expected)
        if later is None:
            return at
        at = later.again
    return None


def _stop(denies: Sequence[Window], allows: Sequence[Window], at: datetime, expected: timedelta) -> _Stop | None:
    """Return what keeps it from beginning at that moment: closed, or it would not be through before it closes."""
    denied = [(end, window) for window in denies if (end := covered(window, at)) is not None]
    if denied:
        return _Stop("; ".join(dict.fromkeys(window.said for _, window in denied)), max(end for end, _ in denied))
    if allows and not any(covered(window, at) for window in allows):
        starts = [start for window in allows if (start := _next(window, at)) is not None]
        names = ", ".join(dict.fromkeys(window.said for window in allows))
        return _Stop(f"outside of {names}", min(starts, default=None))
    return _too_late(denies, allows, at, expected) if expected > timedelta(0) else None


def _too_late(denies: Sequence[Window], allows: Sequence[Window], at: datetime, expected: timedelta) -> _Stop | None:
    through = at + expected
    for window in denies:
        begins = _next(window, at) if not window.overrun else None
        if begins is not None and begins < through:
            return _Stop(_both_times(window, through, begins), begins)
    if not allows:
        return None
    end, last = _last(allows, at, through)
    if end is None or last is None or end >= through or last.overrun:
        return None
    return _Stop(_both_times(last, through, end), end)


def _both_times(window: Window, through: datetime, closes: datetime) -> str:
    zone = ZoneInfo(window.zone)
    here, there = through.astimezone(zone), closes.astimezone(zone)
    return f"it would be through at {here:%a %H:%M} and it closes at {there:%a %H:%M} {window.zone}: {window.said}"


def _end(allows: Sequence[Window], at: datetime) -> datetime | None:
    """Return when the windows that cover a moment have all ended, those that follow without a gap included."""
    return _last(allows, at, at + HORIZON)[0]


def _last(allows: Sequence[Window], at: datetime, enough: datetime) -> tuple[datetime | None, Window | None]:
    """Return the end of what is open without a gap, and the window that ends it; (None, None): beyond `enough`."""
    last: Window | None = None
    for _ in range(MOST_STEPS):
        ends = [(end, -order) for order, window in enumerate(allows) if (end := covered(window, at)) is not None]
        if not ends:
            return at, last
        at, order = max(ends)
        last = allows[-order]
        if at >= enough:
            break
    return None, None


def covered(window: Window, at: datetime) -> datetime | None:
    """Return when a window that covers this moment ends; None when none does."""
    reach = window.lasts + (SHIFT if window.lasts >= timedelta(days=1) else timedelta(0))
    for start in _starts_before(window, at):
        if start <= at - reach:
            return None
        if at < (end := ending(window, start)):
            return end
    return None


def ending(window: Window, start: datetime) -> datetime:
    """Return when a window that begins then ends."""
    days, rest = timedelta(days=window.lasts.days), window.lasts - timedelta(days=window.lasts.days)
    local = start.astimezone(ZoneInfo(window.zone))
    return (local + days).astimezone(UTC) + rest


def _starts_before(window: Window, at: datetime) -> Iterator[datetime]:
    """Yield the starts at or before a moment, the latest first.

    Where clocks are about to change, the walk begins a little later: what the wall shows is no order then.
    """
    local = (at + (_shift(window, at) or timedelta(minutes=1))).astimezone(ZoneInfo(window.zone))
    try:
        for start in CronSim(window.cron, local, reverse=True):
            begun = start.astimezone(UTC)
            if begun <= at:
                yield begun
    except OverflowError:  # before the year 1
        return


def _next(window: Window, at: datetime) -> datetime | None:
    """Return the next start after a moment."""
    before = (at - _shift(window, at)).astimezone(ZoneInfo(window.zone))
    try:
        for start in CronSim(window.cron, before):
            begins = start.astimezone(UTC)
            if begins > at:
                return begins
    except OverflowError:
        pass
    return None


def _shift(window: Window, at: datetime) -> timedelta:
    """Return how far around a moment to look: not at all, unless clocks change there."""
    zone = ZoneInfo(window.zone)
    offsets = {(at + step).astimezone(zone).utcoffset() for step in (-SHIFT, timedelta(0), SHIFT)}
    return SHIFT if len(offsets) > 1 else timedelta(0)
