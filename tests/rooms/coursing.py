"""A house in which trains and bisects go: one worker for both kinds of job, which may be killed at any commit."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy.orm import Session

from catalog.git import Mirror
from catalog.query import Service
from ledger.jobs import Claim, Lost
from pipelines import coursestore, query, store
from pipelines.conductor import COURSE, Conductor, wake
from pipelines.courses import Courses
from pipelines.coursestore import Course
from pipelines.deploy import Deploy
from pipelines.jobs import ADVANCE
from pipelines.store import Asked
from tests.rooms.deploying import ALICE, CHECKOUT, PRODUCTION, House, Repository, service

KINDS = [ADVANCE, COURSE]
LONG = timedelta(seconds=40)  # longer than any step takes, shorter than a course waits


class Killed(Exception):
    """The worker died here."""


class Remembering(Mirror):
    """A mirror that asks git once for each thing that cannot change."""

    commits = lru_cache(Mirror.commits)  # type: ignore[assignment]
    read = lru_cache(Mirror.read)  # type: ignore[assignment]
    is_ancestor = lru_cache(Mirror.is_ancestor)  # type: ignore[assignment]

    def resolve(self, text: str) -> str:
        return text if len(text) == 40 else super().resolve(text)


class Coursing(House):
    """`dies` is called at each commit of the worker's; raising Killed there loses what was to be committed."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.known = Remembering(self.mirror)
        self.planner = replace(self.planner, mirror=lambda _: self.known)
        self.actions = replace(self.actions, planner=self.planner)
        self.loop = replace(self.loop, bind=self.actions.bind, ended=self._ended)
        self.courses = Courses(self.database, self.jobs, self.planner)
        self.conductor = Conductor(self.database, self.jobs, self.planner, self.actions, find=_found)

    def _ended(self, session: Session, asked: Asked, deploy: Deploy) -> None:
        """As the wiring does it."""
        wake(session, self.jobs, asked.service, asked.environment, self.now)

    def is_doing(self, deploy_id: int, doing: str, wave: int = 0) -> bool:
        return len(self.rows()) >= deploy_id and super().is_doing(deploy_id, doing, wave)

    def depart(self, head: str = "HEAD", actor: str = ALICE, per_car: int = 1) -> int:
        return self.courses.depart(service(), PRODUCTION, head, actor, self.now, per_car=per_car).id

    def bisect(self, deploy_id: int, actor: str = ALICE) -> int:
        return self.courses.bisect(deploy_id, actor, self.now).id

    def claim(self) -> Claim | None:
        return self.jobs.claim("worker", KINDS, self.now)

    def do(self, claim: Claim) -> None:
        if claim.kind == ADVANCE:
            self.loop.advance(claim)
        else:
            with suppress(Lost):
                self.conductor.advance(claim, self.now)

    def work(self) -> bool:
        claim = self.claim()
        if claim is not None:
            self.do(claim)
        return claim is not None

    def go(self, until: Callable[[], bool] = lambda: False) -> None:
        """Work until that is so, or until nothing is due but what keeps a course waiting."""
        for _ in range(10_000):
            due = self.due()
            if until() or due is None or due - self.now > LONG:
                return
            self.step()
        raise AssertionError("it goes on for ever")

    def step(self) -> None:
        """Do one thing, or let the time pass until there is one."""
        if not self.work() and (due := self.due()) is not None:
            self.now = max(due, self.now + timedelta(milliseconds=1))

    def due(self) -> datetime | None:
        return self.jobs.due(KINDS, self.now)

    def finished(self, course_id: int, longest: timedelta = timedelta(hours=2)) -> Course:
        """Work until the course has ended and nothing is left to do."""
        until = self.now + longest
        while (due := self.due()) is not None and due <= until:
            self.now = max(self.now, due)
            if not self.work():
                self.now += timedelta(seconds=1)
        return self.course(course_id)

    def course(self, course_id: int) -> Course:
        with self.database.read() as session:
            return coursestore.load(session, course_id)

    def rows(self) -> Sequence[query.Row]:
        """All deploys, oldest first."""
        with self.database.read() as session:
            return query.deploys(session)[::-1]

    def of_course(self, course_id: int) -> list[tuple[str, str]]:
        """The deploys that a course has asked for: revision and how each ended, oldest first."""
        with self.database.read() as session:
            known = [store.load(session, row.id)[:2] for row in self.rows()]
        return [(asked.release.revision, deploy.ending) for asked, deploy in known if asked.terms.course == course_id]


def _found(session: Session, ref: str) -> Service:
    assert ref == CHECKOUT
    return service()


def pushed(repository: Repository, count: int, **culprit: str) -> list[str]:
    """Commit so often; `at` says which commit, from 0, brings `description`. Return the revisions, oldest first."""
    at = int(culprit.get("at", "-1"))
    return [repository.commit(culprit["description"] if number == at else None) for number in range(count)]
