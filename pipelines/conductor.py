"""The worker's side of trains and bisects: takes in how a deploy ended, and orders the next one.

Which deploy was asked for is written in the transaction that asks for it, so a kill anywhere loses and doubles nothing.
What comes next is said by pipelines/train.py and pipelines/bisect.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

import catalog.query
from catalog.query import Service
from ledger import events
from ledger.db import Database
from ledger.errors import Code, Error
from ledger.jobs import Claim, Jobs, Lost
from pipelines import bisect, coursestore, store, train
from pipelines.actions import Actions
from pipelines.bisect import Hunt
from pipelines.coursestore import ARRIVED, FOUND, GOING, STOPPED, UNCLEAR, Course
from pipelines.plan import StepKind
from pipelines.planning import Planner, Preview
from pipelines.terms import Terms
from pipelines.train import Train

COURSE = "pipelines.course"  # the kind of job
LOOK = timedelta(minutes=1)  # between two looks at what keeps a course; the end of its deploy wakes it at once


@dataclass(frozen=True)
class Turn:
    """What one look at a course comes to: how it is afterwards, and the deploy to ask for, of the car or suspect."""

    course: Course
    preview: Preview | None = None
    index: int = 0


@dataclass(frozen=True)
class Conductor:
    """Made once by the wiring."""

    database: Database
    jobs: Jobs
    planner: Planner
    actions: Actions
    find: Callable[[Session, str], Service] = catalog.query.service

    def advance(self, claim: Claim, at: datetime) -> None:
        """Take in what has ended, and order the next deploy where one may go. Raises Lost when another was first."""
        with self.database.read() as session:
            before = coursestore.load(session, int(claim.key))
            turn = self._turn(session, before, at)
        try:
            with self.jobs.transaction() as tx:
                after = self._ordered(tx, turn, at)
                if after != before:
                    coursestore.save(tx, before, after)
                    _tell(tx, before, after, at)
                under_way = after.state == GOING or after.way.going is not None
                self.jobs.finish(tx, claim, at, again_at=at + LOOK if under_way else None)
        except Error as error:
            if error.code is Code.CONFLICT:
                raise Lost(claim) from error  # stopped by a person meanwhile: look again
            raise

    def _ordered(self, tx: Session, turn: Turn, at: datetime) -> Course:
        """Ask for the deploy, if one is due and the lane is free: what others ask for first may change what serves."""
        course, way = turn.course, turn.course.way
        if turn.preview is None:
            return course
        store.lock_service(tx, course.service)
        if busy := self._busy(tx, course):
            return _waits(course, busy).course
        started = self.actions.order(tx, turn.preview, at, course.note)
        release = store.load(tx, started.id)[0].release.number
        if isinstance(way, Train):
            return replace(course, way=train.departed(way, turn.index, started.id, release))
        return replace(course, way=bisect.asked(way, turn.index, started.id, release))

    def _busy(self, session: Session, course: Course) -> tuple[str, ...]:
        """Return what is before the next deploy of this course: a hold, or deploys that others have asked for."""
        lane = store.lane(course.service, course.environment)
        if (hold := self.jobs.held(session, [lane]).get(lane)) is not None:
            return (f"the lane is held: {hold.reason}",)
        return tuple(f"deploy {waiting.key} is under way" for waiting in self.jobs.queue(session, lane))

    def _turn(self, session: Session, course: Course, at: datetime) -> Turn:
        course = _taken_in(session, course, at)
        if course.state != GOING:
            return Turn(course)
        if isinstance(course.way, Train):
            return self._train(session, course, course.way, at)
        return self._hunt(session, course, course.way, at)

    def _train(self, session: Session, course: Course, way: Train, at: datetime) -> Turn:
        live = store.live(session, course.service, course.environment)
        match train.decide(way):
            case train.Wait():
                return Turn(course)
            case train.Stopped(why):
                return _ended(course, STOPPED, why, at)
            case train.Arrived():
                return _ended(course, ARRIVED, f"all {len(way.cars)} cars are out", at)
            case train.Depart(index):
                return self._depart(session, course, way, index, live.revision if live else "", at)

    def _depart(self, session: Session, course: Course, way: Train, index: int, live: str, at: datetime) -> Turn:
        """Order the car, unless what serves is not what the train left behind."""
        ours = way.cars[index - 1].revision if index else way.base
        if live != ours:
            ahead = self._carried(session, course, way, index, live)
            if ahead is None:
                return _ended(course, STOPPED, "something else serves now than the train has left there", at)
            if ahead >= index:
                way = train.served(way, ahead)
                return self._train(session, replace(course, way=way), way, at)
        return self._asking(
            session, course, index, way.cars[index].revision, Terms(ticks=way.ticks, course=course.id), at
        )

    def _carried(self, session: Session, course: Course, way: Train, index: int, live: str) -> int | None:
        """Return the last car that `live` holds, `index - 1` when it lies before the next one, None when elsewhere."""
        mirror = self.planner.mirror(self.find(session, course.service).repository_id)
        if not live:
            return None
        held = [at for at in range(index, len(way.cars)) if mirror.is_ancestor(way.cars[at].revision, live)]
        if held:
            return held[-1]
        ours = way.cars[index - 1].revision if index else way.base
        lies_between = mirror.is_ancestor(ours, live) and mirror.is_ancestor(live, way.cars[index].revision)
        return index - 1 if lies_between else None

    def _hunt(self, session: Session, course: Course, way: Hunt, at: datetime) -> Turn:
        if way.going is not None:
            return Turn(course)
        live = store.live(session, course.service, course.environment)
        match bisect.decide(len(way.suspects), way.verdicts):
            case bisect.Found(index):
                told = way.suspects[index]
                return _ended(course, FOUND, f"{told.revision[:7]} “{told.subject}” by {told.author}", at)
            case bisect.Unclear(why, (first, last)):
                between = f"{way.suspects[first].revision[:7]} to {way.suspects[last].revision[:7]}"
                return _ended(course, UNCLEAR, f"{why}; it is one of {last - first + 1}, {between}", at)
            case bisect.Try(index):
                if live is None or live.revision != way.base:
                    return _ended(course, STOPPED, "something else serves now than what was good", at)
                terms = Terms(course=course.id, trial=True)
                return self._asking(session, course, index, way.suspects[index].revision, terms, at)

    def _asking(self, session: Session, course: Course, index: int, revision: str, terms: Terms, at: datetime) -> Turn:
        """Look whether it may go; what keeps it is kept with the course, and looked at again."""
        if busy := self._busy(session, course):
            return _waits(course, busy)
        try:
            service = self.find(session, course.service)
            preview = self.planner.preview(service, course.environment, revision, at, course.actor, terms)
        except Error as error:
            if not error.permanent:
                raise
            return self._turn(session, _impossible(course, index, error.message), at)
        return _waits(course, preview.blocked) if preview.blocked else Turn(_waits(course, ()).course, preview, index)


def wake(tx: Session, jobs: Jobs, service: str, environment: str, at: datetime) -> None:
    """Have the course that is under way there looked at now; for whoever changes what may keep it."""
    if (course := coursestore.going(tx, service, environment)) is not None:
        jobs.enqueue(tx, COURSE, str(course.id), at)


def _taken_in(session: Session, course: Course, at: datetime) -> Course:
    """Return the course with the end of its deploy, where that has ended."""
    way = course.way
    if way.going is None or way.going.deploy is None:
        return course
    _, deploy, *_ = store.load(session, way.going.deploy)
    if deploy.ended_at is None:
        return course
    if isinstance(way, Train):
        return replace(course, way=train.after(way, train.Ended(deploy.ending, deploy.reason)))
    index = way.suspects.index(way.going)
    match deploy.ending:
        case bisect.GOOD:
            return replace(course, way=bisect.judged(way, index, bisect.GOOD, deploy.reason))
        case bisect.BAD:
            return replace(course, way=bisect.tried(way, index, deploy))
        case "refused":
            return replace(course, way=bisect.put_off(way, deploy.reason))
        case "failed" if bisect.failed_in(deploy) == StepKind.PREPARE:  # it would each time
            return replace(course, way=bisect.judged(way, index, bisect.SKIPPED, deploy.reason))
        case "failed":
            return replace(course, way=bisect.said_nothing(way, index, deploy.reason))
        case ending:
            course = replace(course, way=bisect.judged(way, index, "", deploy.reason))
            return _ended(course, STOPPED, f"the trial of {way.going.revision[:7]} is {ending}", at).course


def _impossible(course: Course, index: int, why: str) -> Course:
    """Return the course in which that commit cannot be deployed at all."""
    if isinstance(course.way, Train):
        return replace(course, way=train.impossible(course.way, index, why))
    return replace(course, way=bisect.judged(course.way, index, bisect.SKIPPED, why))


def _waits(course: Course, why: Sequence[str]) -> Turn:
    return Turn(replace(course, way=replace(course.way, waits=tuple(why))))


def _ended(course: Course, state: str, reason: str, at: datetime) -> Turn:
    if course.state != GOING:
        return Turn(course)  # a person has stopped it; that stays
    return Turn(replace(_waits(course, ()).course, state=state, reason=reason, ended_at=at))


def _tell(session: Session, before: Course, after: Course, at: datetime) -> None:
    """Write what has changed as a fact, for the audit and the live pages."""
    way = after.way
    done = way.gone if isinstance(way, Train) else way.tries
    data = {
        "environment": after.environment,
        "what": after.kind,
        "reason": after.reason or "; ".join(way.waits),
        "done": done,
        "deploy": way.going.deploy if way.going else None,
    }
    kind = "moved" if after.state == before.state else after.state
    subject = f"course:{after.id}"
    events.record(session, f"course.{kind}", subject, "worker", at, data, service=after.service, cause=after.actor)
