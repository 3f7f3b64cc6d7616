"""Shifts as an iCal file that calendars subscribe to (RFC 5545). Pure.

Each shift keeps its UID for as long as its start stays, so give whole shifts: one that is cut at the edge of what was
asked for is another event with every read (`whole` leaves those out). The file brings its time zone along, for exactly
the years it speaks of.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone, TimezoneDaylight, TimezoneStandard, vText

from oncall import almanac
from oncall.almanac import ZULU
from oncall.saying import NAMES, called
from oncall.terms import Shift

READ_AGAIN = timedelta(hours=1)  # what calendars are asked to wait between two reads
LONGEST = 500  # characters of any text
NO_LINKS: Mapping[str, str] = {}


@dataclass(frozen=True)
class Entry:
    """A shift, and the schedule that it is of."""

    schedule: str
    shift: Shift

    @property
    def uid(self) -> str:
        """Return what stays the same however often the file is read."""
        parts = (self.schedule, self.shift.role, self.shift.person, self.shift.start.astimezone(UTC).isoformat())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40] + "@fullcycle"


def feed(
    entries: Iterable[Entry],
    title: str,
    stamp: datetime,
    zone: ZoneInfo = ZULU,
    *,
    links: Mapping[str, str] = NO_LINKS,
    names: Mapping[str, str] = NAMES,
) -> bytes:
    """Return the calendar of these shifts, with times in that zone; `links` leads to the page of a schedule."""
    held = sorted(
        {entry.uid: entry for entry in entries if entry.shift.person and entry.shift.length > timedelta(0)}.values(),
        key=lambda entry: (entry.shift.start, entry.uid),
    )
    made = Calendar()
    made.add("prodid", "-//Fullcycle//on-call//EN")
    made.add("version", "2.0")
    made.add("calscale", "GREGORIAN")
    made.add("x-wr-calname", vText(plain(title)))
    made.add("refresh-interval", READ_AGAIN, {"VALUE": "DURATION"})
    made.add("x-published-ttl", READ_AGAIN)
    if held and not _is_utc(zone):
        last = max(entry.shift.end for entry in held)
        made.add_component(timezone(zone, held[0].shift.start, last))
    for entry in held:
        made.add_component(_event(entry, stamp, zone, links.get(entry.schedule, ""), names))
    return bytes(made.to_ical())


def whole(shifts: Iterable[Shift], since: datetime, until: datetime) -> list[Shift]:
    """Return the shifts that were not cut at either end of what was asked for."""
    return [shift for shift in shifts if shift.start > since and shift.end < until]


def timezone(zone: ZoneInfo, first: datetime, last: datetime) -> Timezone:
    """Return the VTIMEZONE of the calendar years from one moment to another: each change of the clocks by itself.

    Made here, since icalendar 7.3 writes the onset in spring an hour late (it is meant as the old clocks show it).
    """
    since = almanac.instant(date(first.astimezone(zone).year, 1, 1), time(0), zone)
    until = almanac.instant(date(last.astimezone(zone).year + 1, 1, 1), time(0), zone)
    made = Timezone()
    made.add("tzid", zone.key)
    made.add_component(_observance(since, since.astimezone(zone), since.astimezone(zone)))
    for at in almanac.transitions(since, until, zone):
        made.add_component(_observance(at, (at - almanac.SECOND).astimezone(zone), at.astimezone(zone)))
    return made


def _observance(at: datetime, before: datetime, after: datetime) -> TimezoneStandard | TimezoneDaylight:
    """Return what the clocks show from a moment on, which is said as the clocks before it would show it."""
    offset = before.utcoffset() or timedelta(0)
    made = TimezoneDaylight() if after.dst() else TimezoneStandard()
    made.add("dtstart", (at + offset).replace(tzinfo=None))
    made.add("tzoffsetfrom", offset)
    made.add("tzoffsetto", after.utcoffset() or timedelta(0))
    made.add("tzname", after.tzname() or "")
    return made


def _event(entry: Entry, stamp: datetime, zone: ZoneInfo, link: str, names: Mapping[str, str]) -> Event:
    shift = entry.shift
    made = Event()
    made.add("uid", entry.uid)
    made.add("dtstamp", stamp.astimezone(UTC))
    start, end = _times([shift.start, shift.end], zone)
    made.add("dtstart", start)
    made.add("dtend", end)
    made.add("summary", plain(f"{called(shift.person, names)}: {shift.role}, {entry.schedule}"))
    made.add("description", plain(_description(shift, names)))
    made.add("transp", "TRANSPARENT")  # on call is not busy
    made.add("categories", ["on-call"])
    if link:
        made.add("url", plain(link))
    return made


def _times(moments: Sequence[datetime], zone: ZoneInfo) -> list[datetime]:
    """Return moments as the zone shows them; in UTC where one of them is the second of a time that comes twice.

    A calendar takes a time that comes twice for its first occurrence: RFC 5545, 3.3.5.
    """
    local = [at.astimezone(zone) for at in moments]
    if _is_utc(zone) or any(at.fold for at in local):
        return [at.astimezone(UTC) for at in moments]
    return local


def _description(shift: Shift, names: Mapping[str, str]) -> str:
    by = f", asked for by {called(shift.source.by, names)}" if shift.source.by else ""
    why = f": {shift.source.reason}" if shift.source.reason else ""
    return f"From {shift.source}{by}{why}"


def _is_utc(zone: ZoneInfo) -> bool:
    return zone.key in ("UTC", "Etc/UTC")


def plain(text: str) -> str:
    """Return text that a calendar can hold: no control characters but line breaks, and not too long.

    >>> plain("on\\x00 call\\x1b[31m\\nnow")
    'on call[31m\\nnow'
    """
    kept = (each for each in text[:LONGEST] if each == "\n" or unicodedata.category(each) not in ("Cc", "Cs"))
    return "".join(kept)
