"""What is wrong with what comes of a schedule as it stands: gaps, rotas of one, people out of reach. Only reads.

A schedule of office hours has no gap at night: somebody is wanted only when one of its rotations is open.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from oncall import coverage, restrictions
from oncall.answering import Answering
from oncall.coverage import Finding, Rota, Trouble
from oncall.rotation import NEVER, Rotation
from oncall.schedule import Schedule
from oncall.spans import Span, clipped, merged
from oncall.terms import PRIMARY


def findings(answering: Answering, name: str, since: datetime, until: datetime) -> list[Finding]:
    """Return all that is wrong with a schedule between two moments, the earliest first."""
    schedule = answering.schedule(name)
    if schedule is None:
        return []
    shifts = answering.shifts(name, since, until)
    known = answering.known
    people = {person.ref: person.name for person in known.people.values()}
    return coverage.findings(
        shifts,
        _wanted_roles(schedule),
        since,
        until,
        answering.reached(sorted({shift.person for shift in shifts if shift.person})),
        [ref for ref in people if ref not in known.gone],
        wanted=wanted(schedule, since, until),
        rotas=[rota for rotation in schedule.rotations for rota in _rotas(rotation, since, until)],
        zone=schedule.zone,
        names=people,
    )


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


def gaps(found: Iterable[Finding]) -> list[Finding]:
    return [one for one in found if one.kind is Trouble.GAP]
