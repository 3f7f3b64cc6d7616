"""Whether a schedule's people carry what is theirs, and a task for the team where they do not.

The quarter is looked at as a whole: what was, and what is planned until its end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from oncall import fairness, load, loadquery, planstore
from oncall.almanac import Place
from oncall.answering import Answering
from oncall.fairness import Quarter, Uneven
from oncall.load import Load
from oncall.schedule import Schedule


@dataclass(frozen=True)
class Fairness:
    """What each person of a schedule carries in a quarter. `score` is 100 when all carry their share."""

    quarter: Quarter
    loads: Sequence[Load]  # in the order of the rotation, then whoever helped
    shares: Mapping[str, float]
    score: float
    uneven: Sequence[Uneven]

    def fair(self, measure: str) -> Mapping[str, float]:
        """Return what each would carry of a measure if all of it were shared fairly."""
        of = next(one.of for one in fairness.MEASURES if one.name == measure)
        return fairness.expected({one.person: of(one) for one in self.loads}, self.shares)


def carried(answering: Answering, name: str, at: datetime) -> Fairness | None:
    """Return what a schedule costs whom in the quarter of that moment; None where it is no more."""
    schedule, versions = answering.schedule(name), answering.schedules.get(name, ())
    if schedule is None:
        return None
    quarter = fairness.quarter(at, schedule.zone)
    since, until = quarter.start, quarter.end
    shifts = answering.shifts(name, since, until)
    members = in_rotation(schedule, at)
    people = list(dict.fromkeys([*members, *(shift.person for shift in shifts if shift.person)]))
    woken = loadquery.pages(answering.session, people, versions[-1].team, since, until)
    homes = {ref: Place(ZoneInfo(zone)) for ref, zone in planstore.zones(answering.session, people).items()}
    found = load.loads(shifts, woken, since, until, people=members, home=Place(schedule.zone), homes=homes)
    found.sort(key=lambda one: people.index(one.person) if one.person in people else len(people))
    shares = dict.fromkeys(members, 1.0)
    names = {one.ref: one.name for one in answering.known.people.values()}
    score = fairness.score(found, shares) if found else 100.0
    return Fairness(quarter, found, shares, score, fairness.uneven(found, shares, quarter.name, names=names))


def in_rotation(schedule: Schedule, at: datetime) -> list[str]:
    """Return who takes turns at a moment, each once, in the order of the rotations."""
    return list(dict.fromkeys(person for one in schedule.rotations for person in one.lineup(at).order))


@dataclass(frozen=True)
class Task:
    """A load that is far from fair, as a task for the team."""

    key: str
    team: str
    title: str


def look(session: Session, now: datetime, fallback: str = "") -> int:
    """Open a task for each load that is far from fair, once for a quarter; return how many were opened."""
    return say(session, due(session, now, fallback), now)


def due(session: Session, now: datetime, fallback: str = "") -> list[Task]:
    """Return what there should be a task for, whether there is one already or not. Only reads."""
    answering, made = Answering(session, fallback), []
    for name, versions in answering.schedules.items():
        found = carried(answering, name, now)
        if found is None:
            continue
        for one in found.uneven:
            key = f"fair:{name}:{found.quarter.name}:{one.measure}:{one.person}"[:300]
            title = f"{one.sentence}; look at the order of {name}, or swap shifts"
            made.append(Task(key, versions[-1].team, title))
    return made


def say(session: Session, tasks: Sequence[Task], now: datetime) -> int:
    """Open those tasks that were not opened before; return how many."""
    return sum(planstore.open_task(session, one.key, one.team, one.title, now) for one in tasks)
