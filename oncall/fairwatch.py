"""Whether a schedule's people carry what is theirs, and a task for the team where they do not.

The quarter is looked at as a whole: what was, and what is planned until its end.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from sqlalchemy.orm import Session

from oncall import fairness, freedays, load, loadquery, planstore
from oncall.answering import Answering
from oncall.fairness import Quarter, Uneven
from oncall.load import Load
from oncall.schedule import Schedule
from oncall.spans import Span, length

LOOKS_ON = "shadow"  # who has such a role carries nothing


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
    shifts = [one for one in answering.shifts(name, since, until) if not one.role.startswith(LOOKS_ON)]
    members = in_rotation(schedule, at)
    people = list(dict.fromkeys([*members, *(shift.person for shift in shifts if shift.person)]))
    woken = loadquery.pages(answering.session, people, versions[-1].team, since, until)
    there = freedays.homes(answering, name, schedule.zone, people)
    found = load.loads(shifts, woken, since, until, people=members, home=there.home, homes=there.of_people)
    found.sort(key=lambda one: people.index(one.person) if one.person in people else len(people))
    shares = {**dict.fromkeys(members, 0.0), **shares_of(answering, name, since, until)}
    names = {one.ref: one.name for one in answering.known.people.values()}
    score = fairness.score(found, shares) if found else 100.0
    return Fairness(quarter, found, shares, score, fairness.uneven(found, shares, quarter.name, names=names))


def shares_of(answering: Answering, name: str, since: datetime, until: datetime) -> Mapping[str, float]:
    """Return the share of each who takes turns: what the file says, for the part of the time in which they do."""
    found: dict[str, float] = defaultdict(float)
    for schedule, begins, ends in answering.written(name, since, until):
        spans: dict[str, list[Span]] = defaultdict(list)
        for rotation in schedule.rotations:
            first, last = max(begins, rotation.since), min(ends, rotation.until)
            edges = [first, *(one.since for one in rotation.lineups if first < one.since < last), last]
            for start, end in pairwise(edges):
                for person in set(rotation.lineup(start).order):
                    spans[person].append((start, end))
        for person, held in spans.items():
            found[person] += schedule.shares.get(person, 1.0) * (length(held) / (until - since))
    return found


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
