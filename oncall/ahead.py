"""What is wrong with what comes of a schedule as it stands: gaps, rotas of one, people out of reach. Only reads.

A schedule of office hours has no gap at night: somebody is wanted only when one of its rotations is open.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from oncall import coverage, freedays, restrictions
from oncall.answering import Answering
from oncall.coverage import Finding, Rota
from oncall.freedays import Told
from oncall.rotation import NEVER, Rotation
from oncall.schedule import Schedule
from oncall.spans import Span, clipped, merged
from oncall.terms import PRIMARY, Shift


def findings(
    answering: Answering, name: str, since: datetime, until: datetime, zone: ZoneInfo | None = None
) -> list[Finding]:
    """Return all that is wrong with a schedule between two moments, the earliest first; said in `zone`, or its own."""
    return all_findings(answering, [name], since, until, zone)[name]


def all_findings(
    answering: Answering, names: Iterable[str], since: datetime, until: datetime, zone: ZoneInfo | None = None
) -> Mapping[str, list[Finding]]:
    """Return the same of each of some schedules; asks once for all of them. One that nobody can read has no finding."""
    shifts = {name: answering.shifts(name, since, until) for name in names}
    people = sorted({shift.person for held in shifts.values() for shift in held if shift.person})
    answering.reached(people)
    told = freedays.told(answering, shifts, people)
    return {name: _findings(answering, name, held, told, (since, until), zone) for name, held in shifts.items()}


def _findings(
    answering: Answering, name: str, shifts: Sequence[Shift], told: Told, span: Span, zone: ZoneInfo | None
) -> list[Finding]:
    schedule, (since, until) = answering.schedule(name), span
    if schedule is None:
        return []
    zone = zone or schedule.zone
    known, people = answering.known, sorted({shift.person for shift in shifts if shift.person})
    names = {person.ref: person.name for person in known.people.values()}
    there = told.homes(name, answering.schedules[name][-1].team, schedule.zone, people)
    found = coverage.findings(
        shifts,
        _wanted_roles(schedule),
        since,
        until,
        answering.reached(people),
        [ref for ref in names if ref not in known.gone],
        wanted=wanted(schedule, since, until),
        rotas=[rota for rotation in schedule.rotations for rota in _rotas(rotation, since, until)],
        zone=zone,
        names=names,
    )
    booked = [(one.shift, one.name) for one in freedays.booked(coverage.within(shifts, since, until), there)]
    return coverage.in_order([*found, *coverage.away(booked, zone, names)])


def wanted(schedule: Schedule, since: datetime, until: datetime) -> Sequence[Span]:
    """Return when somebody shall be there: always, unless every rotation has its hours."""
    if not schedule.rotations or any(not one.windows for one in schedule.rotations):
        return [(since, until)]
    spans: list[Span] = []
    for one in schedule.rotations:
        opened = restrictions.opened(one.windows, one.zone, since, until)
        spans += clipped(opened, one.since, one.until)
    return merged(spans)


def _wanted_roles(schedule: Schedule) -> Iterable[str]:
    return schedule.roles or [PRIMARY]


def _rotas(rotation: Rotation, since: datetime, until: datetime) -> Iterable[Rota]:
    """Yield who takes turns and from when to when, as far as it touches that time."""
    history = rotation.history
    for number, lineup in enumerate(history):
        ends = history[number + 1].since if number + 1 < len(history) else NEVER
        start, end = max(lineup.since, rotation.since), min(ends, rotation.until)
        if start < until and since < end:
            yield Rota(rotation.name, lineup.order, start, end)
