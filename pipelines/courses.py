"""What a door may ask for that takes more than one deploy: a train, a bisect, and to stop either.

Who may is the door's question. pipelines/conductor.py moves on what is begun here.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from catalog import refs
from catalog.mainline import mainline
from catalog.query import Service
from ledger import events
from ledger.db import Database
from ledger.errors import Code, Error
from ledger.jobs import Jobs
from pipelines import bisect, ci, coursestore, statuses, store, train
from pipelines.bisect import Hunt, Suspect
from pipelines.change import change
from pipelines.conductor import COURSE
from pipelines.coursestore import GOING, STOPPED, Course
from pipelines.deploy import Deploy, State
from pipelines.planning import Planner, Preview
from pipelines.spec import Environment
from pipelines.store import Asked
from pipelines.train import Train

MOST_COMMITS = 1000  # that are read to make up a train; it takes the oldest

Green = Callable[[Session, int, Environment, Sequence[str]], Collection[str]]
"""Of a repository's revisions those that may go out by themselves, as far as CI is concerned."""


def may_go(session: Session, repository: int, settings: Environment, revisions: Sequence[str]) -> Collection[str]:
    """Return those of which CI says nothing bad, and where it must say something, those that it calls good."""
    rules: ci.Rules = getattr(getattr(settings, "gates", None), "ci", ci.NO_RULES)
    said = {sha: ci.standing(told, rules).word for sha, told in statuses.states(session, repository, revisions).items()}
    fine = ("green",) if rules.require else ("green", "unknown")
    return {sha for sha, word in said.items() if word in fine}


@dataclass(frozen=True)
class Begun:
    """The course that now is there. `already`: somebody had asked for the very same, and it is that one."""

    id: int
    already: bool = False


@dataclass(frozen=True)
class Courses:
    """Made once by the wiring."""

    database: Database
    jobs: Jobs
    planner: Planner
    green: Green = may_go

    def depart(
        self,
        service: Service,
        environment: str,
        head: str,
        actor: str,
        at: datetime,
        note: str = "",
        *,
        per_car: int = 1,
        ticks: tuple[str, ...] = (),
    ) -> Begun:
        """Send what waits up to `head` out, one small deploy after another. Raises Error(CONFLICT) with the reason."""
        preview = self.planner.preview(service, environment, head, at, actor)
        cars = self.cars(service, preview, per_car)
        if len(cars) < 2:
            said = "one car would take all of it; deploy it by itself" if cars else "no commit that waits may go"
            raise Error(Code.CONFLICT, f"{service.name} needs no train to {environment}: {said}")
        base = preview.plan.base
        way = Train(cars, base.revision if base else "", preview.plan.expected, ticks)
        return self._begin(Course(service.ref, environment, actor, at, way, note))

    def cars(self, service: Service, preview: Preview, per_car: int = 1) -> tuple[train.Car, ...]:
        """Return the cars that would take what has been previewed; none where that is no way forward."""
        base, head = preview.plan.base, preview.plan.release.revision
        mirror = self.planner.mirror(service.repository_id)
        if base is None or not mirror.is_ancestor(base.revision, head):
            return ()
        commits = mainline(mirror, base.revision, head, MOST_COMMITS)
        with self.database.read() as session:
            settings = preview.asked.spec.environments[preview.asked.environment]
            green = self.green(session, service.repository_id, settings, [commit.sha for commit in commits])
        return train.cars(commits, per_car, green)[: train.MOST_CARS]

    def bisect(self, deploy_id: int, actor: str, at: datetime) -> Begun:
        """Find the commit that made a deploy bad, by trials of halves. Raises Error(CONFLICT) with the reason."""
        with self.database.read() as session:
            asked, deploy, *_ = store.load(session, deploy_id)
            live = store.live(session, asked.service, asked.environment)
        if (why := not_bisectable(asked, deploy)) or deploy.plan is None:
            raise Error(Code.CONFLICT, f"nothing is to be found in deploy {deploy_id}: {why}")
        mirror, head = self.planner.mirror(asked.repository), asked.release.revision
        if live is None or live.revision == head or not mirror.is_ancestor(live.revision, head):
            serves = f"release {live.number} serves now, which" if live else "nothing serves now, so what serves"
            raise Error(Code.CONFLICT, f"{serves} is not what was good before deploy {deploy_id}")
        commits = mainline(mirror, live.revision, head, bisect.MOST_SUSPECTS + 1)
        if not 2 <= len(commits) <= bisect.MOST_SUSPECTS:
            said = "it was one commit" if len(commits) < 2 else f"more than {bisect.MOST_SUSPECTS} commits are too many"
            raise Error(Code.CONFLICT, f"nothing is to be found in deploy {deploy_id}: {said}")
        with self.database.read() as session:
            settings = asked.spec.environments[asked.environment]
            green = self.green(session, asked.repository, settings, [commit.sha for commit in commits])
        suspects = tuple(
            Suspect(told.sha, told.subject, told.author, told.mail, told.files, told.plus, told.minus)
            if told.sha in green
            else Suspect(told.sha, told.subject, told.author, verdict=bisect.SKIPPED, why="its CI is not green")
            for told in change(commits).commits
        )
        percent, each = bisect.trial(deploy.plan)
        way = Hunt(suspects, live.revision, deploy_id, percent, each, symptom=bisect.symptom(deploy))
        return self._begin(Course(asked.service, asked.environment, actor, at, way))

    def _begin(self, course: Course) -> Begun:
        with self.jobs.transaction() as tx:
            store.lock_service(tx, course.service)
            known = coursestore.going(tx, course.service, course.environment)
            if known is not None and _same(known, course):
                return Begun(known.id, already=True)
            if known is not None:
                said = f"{known.kind} {known.id} of {known.name} is under way in {known.environment}; stop it first"
                raise Error(Code.CONFLICT, said)
            course = replace(course, id=coursestore.add(tx, course))
            _tell(tx, course, "asked", course.actor, course.asked_at, course.note)
            self.jobs.enqueue(tx, COURSE, str(course.id), course.asked_at)
        return Begun(course.id)

    def stop(self, course_id: int, actor: str, at: datetime, reason: str = "") -> None:
        """Let nothing more depart; the deploy that is under way goes on. Raises Error(CONFLICT) when it has ended."""
        with self.jobs.transaction() as tx:
            course = coursestore.load(tx, course_id)
            if course.state != GOING:
                raise Error(Code.CONFLICT, f"that {course.kind} has ended: {course.state}; there is nothing to stop")
            said = f"stopped by {refs.short(actor)}" + (f": {reason}" if reason else "")
            after = replace(course, state=STOPPED, reason=said, ended_at=at)
            coursestore.save(tx, course, after)
            _tell(tx, after, STOPPED, actor, at, reason)
            self.jobs.enqueue(tx, COURSE, str(course_id), at)


def _tell(session: Session, course: Course, kind: str, actor: str, at: datetime, reason: str) -> None:
    data = {"environment": course.environment, "what": course.kind, "reason": reason}
    events.record(session, f"course.{kind}", f"course:{course.id}", actor, at, data, service=course.service)


def not_bisectable(asked: Asked, deploy: Deploy) -> str:
    """Return why no commit is to be found in what such a deploy took out; empty when one is."""
    if deploy.state is not State.UNDONE or deploy.ending != "failed" or asked.terms.trial:
        return "it was not undone by itself"
    if asked.rollback or deploy.plan is None or deploy.plan.base is None or deploy.plan.change.back:
        return "it did not take commits forward from a release that was good"
    if len(deploy.plan.change.commits) < 2:
        return "it was one commit"
    if any(took.kind == "prepare" and took is deploy.story[-1] for took in deploy.story):
        return "it could not be made ready, which shows on any machine"
    return ""


def _same(known: Course, wanted: Course) -> bool:
    """Is the course that is under way the very one that is asked for?"""
    if isinstance(known.way, Train) and isinstance(wanted.way, Train):
        return known.way.cars[-1].revision == wanted.way.cars[-1].revision
    return isinstance(known.way, Hunt) and isinstance(wanted.way, Hunt) and known.way.deploy == wanted.way.deploy
