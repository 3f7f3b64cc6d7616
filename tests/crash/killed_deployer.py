"""A worker for tests/crash/test_deploy_killed.py: the real loop over the memory target, which dies where it is told to.

Where is a point of a round (decide, act, write) and the act of that round: "before" the act, "after" it, "writing" (all
is written and nothing committed), "committed". A round is told as "bind", "attempt weigh 2", "do weigh 2", "undo stop".
"""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import structlog

from ledger import clock
from ledger.db import Database
from ledger.jobs import Claim, Lost, SqlJobs
from ledger.runner import Runner, Work
from pipelines.deciding import Act, Bind, Perform, Record
from pipelines.deploy import Deploy, Kind
from pipelines.jobs import ADVANCE, Loop
from pipelines.plan import Plan, Step
from pipelines.store import Asked
from pipelines.world import Came
from production.ports import Answer, Check, Instance
from tests.rooms.deploying import House

POINTS = ("before", "after", "writing", "committed")


@dataclass(frozen=True)
class Where:
    """A point of a round, and how the worker ends there."""

    point: str
    round: str
    by: signal.Signals = signal.SIGKILL

    def __str__(self) -> str:
        return f"{self.point} {self.round}"


def rounds(plan: Plan) -> list[str]:
    """Return every round of a deploy that goes well, in order."""
    of_steps = [f"{word} {_of(step)}" for step in plan.steps for word in ("attempt", "do")]
    return ["bind", *of_steps, Kind.COMPLETED]


def rounds_back(steps: tuple[Step, ...]) -> list[str]:
    return [*(f"{word} {step.kind}" for step in steps for word in ("undo attempt", "undo")), Kind.RESTORED]


def _of(step: Step) -> str:
    return f"{step.kind} {step.wave}" if step.wave else str(step.kind)


def told(act: Act, deploy: Deploy) -> str:
    match act:
        case Bind():
            return "bind"
        case Perform(step, undo):
            return f"undo {step.kind}" if undo else f"do {_of(step)}"
        case Record(fact) if fact.kind is Kind.ATTEMPTED and deploy.plan is not None:
            return f"attempt {_of(deploy.plan.steps[deploy.step])}"
        case Record(fact) if fact.kind is Kind.UNDO_ATTEMPTED:
            return f"undo attempt {deploy.way_back[deploy.undo_step].kind}"
        case Record(fact):
            return str(fact.kind)
        case _:
            return ""


@dataclass
class Doom:
    """Ends this process at its hour, once."""

    where: Where | None = None
    round: str = ""
    over: bool = False

    def at(self, point: str) -> None:
        if self.where is not None and not self.over and (self.where.point, self.where.round) == (point, self.round):
            self.over = True
            signal.pthread_kill(threading.get_ident(), self.where.by)  # to this thread, or it would go on a bit


class DoomedJobs(SqlJobs):
    def __init__(self, database: Database, doom: Doom) -> None:
        super().__init__(database)
        self._doom = doom

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        with super().transaction() as tx:
            yield tx
            self._doom.at("writing")


@dataclass(frozen=True)
class DoomedLoop(Loop):
    doom: Doom = field(default_factory=Doom)

    def _do(self, act: Act, asked: Asked, deploy: Deploy, claim: Claim) -> Came | None:
        self.doom.round = told(act, deploy)
        self.doom.at("before")
        came = super()._do(act, asked, deploy, claim)
        self.doom.at("after")
        return came

    def _write(self, *arguments: Any) -> bool:
        over = super()._write(*arguments)
        self.doom.at("committed")
        return over


class Sickly:
    """A checker for which one revision falls ill in its second wave, whoever looks."""

    def __init__(self, house: House, revision: str) -> None:
        self._house, self._revision = house, revision

    def look(self, check: Check, instance: Instance, env: Mapping[str, str]) -> Answer:
        if env["REVISION"] == self._revision and self._house.serving().get(instance.release, 0) >= 50:
            return Answer(False, "/healthz answered 500 in 2 ms")
        return self._house.checker.look(check, instance, env)


def work(url: str, mirror: Path, state: Path, name: str, sick: str, where: Where | None, says: Connection) -> None:
    """Be a worker until killed. Says "lost" whenever it learns that another worker has its job."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    database = Database(url)
    house = House(database, mirror, state=state, ticking=clock.now)
    doom = Doom(where)
    jobs = DoomedJobs(database, doom)
    made = house.loop
    ports = replace(made.ports, checkers={"memory": Sickly(house, sick)})
    loop = DoomedLoop(database, jobs, ports, made.bind, made.source, made.ended, doom)

    def advance(one: Work) -> None:
        try:
            loop.advance(one.claim, one.lost)
        except Lost:
            says.send("lost")
            raise

    says.send("ready")
    Runner(jobs, {ADVANCE: advance}, name, clock.now, database.changes, threads=2).run()


def until(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait until that is so; return how many seconds it took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.02)
    return time.monotonic() - began
