"""The shifts of one person in some schedules, as the pages show them: each with its own ends, the soonest first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from oncall.answering import Answering
from oncall.terms import Shift
from portal import rotaweeks

AHEAD = timedelta(days=56)  # that are looked through


@dataclass(frozen=True)
class Mine:
    """A shift, the schedule that it is of, and all roles of that."""

    schedule: str
    shift: Shift
    roles: Sequence[str]


def had(answering: Answering, schedules: Iterable[str], person: str, now: datetime) -> list[Mine]:
    """Return what a person has now and will have."""
    return _found(answering, schedules, person, now, now - rotaweeks.EDGE)


def coming(answering: Answering, schedules: Iterable[str], person: str, now: datetime) -> list[Mine]:
    """Return what a person will have; when the shift that she has now began is not looked for."""
    return [one for one in _found(answering, schedules, person, now, now) if one.shift.start > now]


def _found(answering: Answering, schedules: Iterable[str], person: str, now: datetime, since: datetime) -> list[Mine]:
    until, found = now + AHEAD, []
    for name in schedules if person else ():
        schedule = answering.schedule(name)
        shifts = rotaweeks.together(answering.shifts(name, since, until + rotaweeks.EDGE)) if schedule else ()
        for shift in rotaweeks.touching(shifts, now, until):
            if schedule is not None and shift.person == person:
                found.append(Mine(name, shift, schedule.roles))
    return sorted(found, key=lambda one: (one.shift.start, one.schedule))
