"""Public holidays of schedules, teams and people: whose days are free, and who is on call on one all the same.

A calendar of holidays is kept as a document: a line for each day that it names, with its name. A person's own calendar
goes before the schedule's, and that before its team's. Who may change one is asked by the doors.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from ledger import events
from ledger.errors import Code, Error
from oncall import almanac, bounds, holidays, planstore
from oncall.almanac import Place
from oncall.answering import Answering
from oncall.holidays import Holiday
from oncall.terms import Shift

KIND = "holidays"
SCHEDULE = "schedule:"  # stands before a schedule's name; teams and people are references
YEARS = 10  # so far ahead a calendar is read, and one year back
MOST = 3000  # days of one calendar
_LONGEST = 120  # characters of a document's name

Free = Mapping[date, str]  # the name of each free day


@dataclass(frozen=True)
class Worked:
    """Somebody is on call on a day that is free for them."""

    day: date
    name: str
    shift: Shift


@dataclass(frozen=True)
class Homes:
    """Where those of a schedule live, and which days are free there."""

    zone: ZoneInfo
    zones: Mapping[str, ZoneInfo]
    everybody: Free
    own: Mapping[str, Free]

    @property
    def home(self) -> Place:
        return Place(self.zone, frozenset(self.everybody))

    @property
    def of_people(self) -> Mapping[str, Place]:
        people = {*self.zones, *self.own}
        return {one: Place(self.zones.get(one, self.zone), frozenset(self.free(one))) for one in people}

    def free(self, person: str) -> Free:
        return self.own.get(person, self.everybody)


@dataclass(frozen=True)
class Told:
    """What people, teams and schedules have said of where they live and when they are free."""

    zones: Mapping[str, ZoneInfo]
    calendars: Mapping[str, Free]

    def homes(self, schedule: str, team: str, zone: ZoneInfo, people: Collection[str]) -> Homes:
        """Return where the people of one schedule live."""
        everybody = self.calendars.get(f"{SCHEDULE}{schedule}") or self.calendars.get(team) or {}
        zones = {one: self.zones[one] for one in people if one in self.zones}
        return Homes(zone, zones, everybody, {one: self.calendars[one] for one in people if one in self.calendars})


def told(answering: Answering, schedules: Collection[str], people: Collection[str]) -> Told:
    """Return what is known of some schedules and everybody in them. Two statements."""
    teams = [_team(answering, one) for one in schedules]
    found = calendars(answering.session, [*(f"{SCHEDULE}{one}" for one in schedules), *teams, *people])
    return Told({ref: ZoneInfo(name) for ref, name in planstore.zones(answering.session, people).items()}, found)


def homes(answering: Answering, schedule: str, zone: ZoneInfo, people: Collection[str]) -> Homes:
    """Return where the people of a schedule live, as far as they have said it. Two statements."""
    return told(answering, [schedule], people).homes(schedule, _team(answering, schedule), zone, people)


def _team(answering: Answering, schedule: str) -> str:
    versions = answering.schedules.get(schedule, ())
    return versions[-1].team if versions else ""


def worked(shifts: Sequence[Shift], there: Homes) -> Iterator[Worked]:
    """Yield each free day on which somebody is on call at any moment, in the order of the shifts."""
    for shift in shifts:
        free = there.free(shift.person) if shift.person else {}
        zone = there.zones.get(shift.person, there.zone)
        for day in almanac.dates(shift.start, shift.end, zone) if free else ():
            if day in free:
                yield Worked(day, free[day], shift)


def part(shift: Shift, day: date, there: Homes) -> Shift:
    """Return what of a shift lies on a day, where its person lives."""
    start, end = almanac.whole_day(day, there.zones.get(shift.person, there.zone))
    return replace(shift, start=max(shift.start, start), end=min(shift.end, end))


def booked(shifts: Sequence[Shift], there: Homes) -> Iterator[Worked]:
    """Yield each day on which somebody is on call and only she is free: a holiday of everybody somebody must work."""
    for one in worked(shifts, there):
        if one.day not in there.everybody:
            yield replace(one, shift=part(one.shift, one.day, there))


def calendars(session: Session, of: Collection[str]) -> Mapping[str, Free]:
    """Return the free days of each of those that has a calendar."""
    names = {_name(one): one for one in of if one}
    found = planstore.documents(session, KIND, list(names))
    return {names[name]: _days(one.text) for name, one in found.items()}


def put(session: Session, of: str, data: bytes, by: str, now: datetime) -> Free:
    """Keep a calendar of holidays, an iCal file, in place of the one before. Raises Error(INVALID) with a hint."""
    found = holidays.read(data, date(now.year - 1, 1, 1), date(now.year + YEARS, 1, 1))
    if not found:
        raise Error(Code.INVALID, f"No day of this calendar lies between {now.year - 1} and {now.year + YEARS - 1}.")
    lines = {one.day: line for one in reversed(found) if (line := _line(one))}  # of two names of a day the first
    if len(lines) > MOST:
        raise Error(
            Code.INVALID, f"This calendar names {len(lines):,} days; holidays are at most {MOST:,} in ten years."
        )
    text = "\n".join(lines[day] for day in sorted(lines))
    planstore.write(session, KIND, _name(of), of, text, now, by)
    events.record(session, "oncall.holidays_written", of, by, now, {"days": len(lines)})
    return _days(text)


def take_away(session: Session, of: str, by: str, now: datetime) -> None:
    """End a calendar of holidays. Raises Error(NOT_FOUND) when there is none."""
    if not planstore.documents(session, KIND, [_name(of)]):
        raise Error(Code.NOT_FOUND, "There is no calendar of holidays to take away.")
    planstore.write(session, KIND, _name(of), of, "", now, by)
    events.record(session, "oncall.holidays_taken_away", of, by, now, {})


def _name(of: str) -> str:
    return bounds.key(of, _LONGEST)


def _line(one: Holiday) -> str:
    return f"{one.day.isoformat()} {bounds.line(one.name, 100) or 'holiday'}"


@lru_cache(maxsize=500)
def _days(text: str) -> Free:
    return {date.fromisoformat(line[:10]): line[11:] for line in text.splitlines()}
