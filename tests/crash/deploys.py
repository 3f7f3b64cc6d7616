"""What the crash tests and the bench of kills share: workers, a case of a story, and what must hold afterwards."""

import itertools
import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import update

from ledger import clock, events
from ledger.jobs_sql import JOBS
from pipelines.deploy import ENDED, State
from tests.crash import killed_deployer
from tests.crash.company import Company, Journal
from tests.crash.houses import Commanded, Remembering
from tests.crash.killed_deployer import LIMIT, Told, Where, until
from tests.crash.stories import STORIES, Story
from tests.rooms.deploying import CHECKOUT, LANE, PRODUCTION

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.crash.killed_deployer"])


class Worker:
    """A process of its own, killed at `where` by itself or at the end by us. Of several with one `flag`, one is."""

    def __init__(
        self, company: Company, house: Remembering, name: str, where: Where | None = None, flag: Path | None = None
    ) -> None:
        self.said, says = CONTEXT.Pipe(duplex=False)
        url = house.database.url.render_as_string(hide_password=False)
        assert house.state is not None
        told = Told(company.kind, url, house.mirror, house.state, name, company.revisions["bad"], where, flag)
        self.process = CONTEXT.Process(target=killed_deployer.work, args=(told, says), daemon=True)
        self.process.start()
        says.close()

    def is_dead(self) -> bool:
        assert self.process.exitcode in (None, -signal.SIGKILL), f"a worker ended by itself: {self.process.exitcode}"
        return self.process.exitcode is not None

    def is_frozen(self) -> bool:
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        return stat.rpartition(") ")[2].startswith("T")

    def wake(self) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def is_ready(self) -> bool:
        return self.said.poll(LIMIT) and self.said.recv() == "ready"

    def learns_that_it_has_lost(self) -> bool:
        while self.said.poll(LIMIT):
            if self.said.recv() == "lost":
                return True
        return False

    def end(self) -> None:
        self.process.kill()  # ends a frozen one too
        self.process.join(LIMIT)


@dataclass
class Case:
    """One play of a story: what was asked for, and what a person has said to it since."""

    company: Company
    house: Remembering
    story: Story
    asked: int = 0
    behind: int = 0
    answered: bool = False

    def begins(self) -> "Case":
        """Ask for the story's deploy and for one more behind it."""
        self.asked = self.story.asked(self.house, self.company.revisions)
        if not self.story.cools:
            self.behind = self._next()
        return self

    def _next(self) -> int:
        return self.house.deploy(self.company.revisions["next"])

    def answers(self) -> None:
        """Where a person is asked, say what the story has her say, once."""
        if not self.answered and self.house.deploy_of(self.asked).state is State.PAUSED:
            self.answered = True
            self.story.answers(self.house, self.asked)

    def has_ended(self) -> bool:
        self.answers()
        return has_ended(self.house, self.asked)

    def finished(self, *, doubted: bool = False) -> float:
        """Wait until a worker has brought it to its end and gone on with the next; check all that must hold then.

        `doubted`: a script was cut off, so that it may have been put back.
        """
        house, story = self.house, self.story
        took = until(self.has_ended, LIMIT, f"the end of {story.what}")
        ended = house.deploy_of(self.asked)
        assert ended.state is story.ending or (doubted and ended.state is State.UNDONE), ended.reason
        assert house.live() == (story.serves if ended.state is story.ending else 2)
        told = facts(house, self.asked)
        assert len(set(told)) == len(told), "something was recorded twice"
        if story.revision == "":
            assert house.word(self.behind) == "queued"
            if ended.state is story.ending:
                self._serves_alone(1)
            house.actions.let_go(CHECKOUT, PRODUCTION, "user:default/alice", clock.now())
        if story.cools:
            took += until(lambda: self._cooled() == 1, LIMIT, "the end of what was warm")
            self._serves_alone(story.serves)
            self.behind = self._next()
        until(lambda: has_ended(house, self.behind), LIMIT, "the end of the next in the queue")
        assert house.word(self.behind) == "healthy", house.deploy_of(self.behind).reason
        self._serves_alone(house.page(self.behind).row.release)
        return took

    def _serves_alone(self, release: int) -> None:
        house = self.house
        scripted = isinstance(house, Commanded)
        assert (house.serving(), house.running()) == ({release: 100.0}, {release: 2 if scripted else 4})
        if isinstance(house, Commanded):
            assert house.alive() == {str(release)}

    def _cooled(self) -> int:
        with self.house.database.read() as session:
            found = events.latest(session, subject=f"lane:{LANE}", limit=100)
        return sum(fact.kind == "release.cooled" for fact in found)


def leases_run_out(house: Remembering) -> None:
    """Make it so that the dead worker's lease has ended, instead of waiting for it."""
    with house.database.write() as session:
        session.execute(
            update(JOBS).where(JOBS.c.leased_by.is_not(None)).values(lease_until=clock.now() - timedelta(seconds=1))
        )


def has_ended(house: Remembering, deploy_id: int) -> bool:
    return house.deploy_of(deploy_id).state in ENDED


def facts(house: Remembering, deploy_id: int) -> list[tuple[Any, ...]]:
    """Return what was recorded of a deploy, without looks."""
    with house.database.read() as session:
        found = events.latest(session, subject=f"deploy:{deploy_id}", limit=1000)
    return [
        (fact.kind, fact.data.get("step"), fact.data.get("wave"), fact.data.get("percent"), fact.data.get("for"))
        for fact in reversed(found)
        if fact.kind != "deploy.observed"
    ]


def undisturbed(company: Company, story: str) -> Journal:
    """What the target is told when nobody is killed; found out once."""
    if story not in company.undisturbed:
        with company.copied() as house:
            case = Case(company, house, STORIES[story]).begins()
            worker = Worker(company, house, "anna")
            try:
                case.finished()
            finally:
                worker.end()
            company.undisturbed[story] = house.journal()
    return company.undisturbed[story]


def killed(company: Company, story: str, where: Where, *, two: bool = False) -> float:
    """Kill a worker there, let another one finish; return how many seconds that took.

    `two`: both are there from the beginning, and whoever comes to that place first is killed.
    """
    expected = undisturbed(company, story)
    with company.copied() as house:
        case = Case(company, house, STORIES[story]).begins()
        assert house.state is not None
        flag = house.state / "killed" if two else None
        workers = [Worker(company, house, name, where, flag) for name in ("anna", "bert")[: 1 + two]]
        try:
            until(lambda: _one_is_dead(case, workers, where), LIMIT, f"the kill {where}")
            leases_run_out(house)
            case.answers()
            if not two:
                workers.append(Worker(company, house, "bert"))
            took = case.finished(doubted=where.all)
        finally:
            for worker in workers:
                worker.end()
        told = house.journal()
        if where.all:
            assert not _blindly(told), f"run again without a look: {told}"
        else:
            assert told == expected, f"something was done twice, or left out: {told} instead of {expected}"
    return took


def _one_is_dead(case: Case, workers: Sequence[Worker], where: Where) -> bool:
    if where.round not in ("wait", "paused"):
        case.answers()
    return any(worker.is_dead() for worker in workers)


def _blindly(told: Journal) -> bool:
    """Was a script run twice for the same, and nobody looked in between what had come of the first run?"""
    return any(one == other for one, other in itertools.pairwise(told))
