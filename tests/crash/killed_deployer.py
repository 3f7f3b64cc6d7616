"""A worker for tests/crash/test_deploy_killed.py: the real loop, which dies where it is told to.

Where is a point of a round (decide, act, write) and the act of that round: "before" the act, "after" it, "writing" (all
is written and nothing committed), "committed"; and "during", while a script runs. A round is told as "bind",
"attempt weigh 2", "do weigh 2", "undo stop", "wait" (for a person), "later" and "cool" (what stays warm ends).
"""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import structlog

from ledger import clock
from ledger.db import Database
from ledger.jobs import Claim, Lost, SqlJobs
from ledger.runner import Runner, Work
from pipelines.cooling import COOL, LATER
from pipelines.deciding import Act, Bind, Nothing, Perform, Record
from pipelines.deploy import Deploy, Kind
from pipelines.jobs import ADVANCE, Loop
from pipelines.plan import Plan, Step, StepKind
from pipelines.store import Asked
from pipelines.world import Came
from production.ports import Answer, Check, Instance
from tests.crash import houses
from tests.rooms.deploying import House

LIMIT = 120.0  # seconds, for what takes a few; whoever is slower than that has failed
POINTS = ("before", "after", "writing", "committed")
Doing = Bind | Perform | Record | Nothing
RUNS = (StepKind.START, StepKind.WEIGH, StepKind.STOP)  # steps for which a script is run


@dataclass(frozen=True)
class Where:
    """A point of a round, and how the worker ends there."""

    point: str
    round: str
    by: signal.Signals = signal.SIGKILL
    all: bool = False  # what the worker has begun dies with it

    def __str__(self) -> str:
        return f"{self.point} {self.round}{', with all that it has begun' if self.all else ''}"


def rounds(plan: Plan) -> list[str]:
    """Return every round of a deploy that goes well, in order; a pause is waited for and resumed."""
    told = ["bind"]
    for step in plan.steps:
        is_pause = step.kind is StepKind.PAUSE
        told += [Kind.PAUSED, "wait", Kind.RESUMED] if is_pause else [f"attempt {_of(step)}", f"do {_of(step)}"]
    return [*told, Kind.TRIED if plan.trial else Kind.COMPLETED]


def rounds_back(steps: tuple[Step, ...]) -> list[str]:
    return [*(f"{word} {step.kind}" for step in steps for word in ("undo attempt", "undo")), Kind.RESTORED]


def _of(step: Step) -> str:
    if step.kind is StepKind.BAKE and not step.percent:
        return f"preview {step.wave}"
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
    """Ends this process at its hour; of several with one `flag`, whoever comes first."""

    where: Where | None = None
    flag: Path | None = None
    also: Callable[[], None] = lambda: None
    lines: Callable[[], int] = lambda: 0  # how many a script has written
    over: bool = False
    calm: threading.RLock = field(default_factory=threading.RLock)  # who has it is in the database
    _thread: threading.local = field(default_factory=threading.local)

    def begins(self, told: str) -> None:
        self._thread.round = told

    def at(self, point: str) -> None:
        if self.where is None or self.over or getattr(self._thread, "round", "") != self.where.round:
            return
        if (point, self.where.point) == ("before", "during"):
            threading.Thread(target=self._once_a_script_runs, args=(self.lines(),), daemon=True).start()
        elif point == self.where.point:
            self._falls(threading.get_ident())  # this thread, or it would go on a bit

    def _once_a_script_runs(self, before: int) -> None:
        until(lambda: self.lines() > before, LIMIT, "a script", every=0.02)
        self._falls(threading.get_ident())

    def _falls(self, thread: int) -> None:
        self.over = True
        if self.where is None or (self.flag is not None and not _first(self.flag)):
            return
        if self.where.all:
            self.also()
        # Whoever is frozen keeps what she has locked, and a database that nobody can write to is another story.
        with self.calm if self.where.by == signal.SIGSTOP else contextlib.nullcontext():
            signal.pthread_kill(thread, self.where.by)


def _first(flag: Path) -> bool:
    try:
        flag.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


class DoomedJobs(SqlJobs):
    def __init__(self, database: Database, doom: Doom) -> None:
        super().__init__(database)
        self._doom = doom

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Any]:
        with self._doom.calm, super().transaction() as tx:
            yield tx
            self._doom.at("writing")

    def heartbeat(self, claim: Claim, now: datetime) -> bool:
        with self._doom.calm:
            return super().heartbeat(claim, now)

    def claim(self, worker: str, kinds: Sequence[str], now: datetime) -> Claim | None:
        with self._doom.calm:
            return super().claim(worker, kinds, now)


@dataclass(frozen=True)
class DoomedLoop(Loop):
    doom: Doom = field(default_factory=Doom)

    def _do(self, act: Doing, asked: Asked, deploy: Deploy, claim: Claim) -> Came | None:
        self.doom.begins(told(act, deploy))
        self.doom.at("before")
        came = super()._do(act, asked, deploy, claim)
        self.doom.at("after")
        return came

    def _leave(self, claim: Claim, until: datetime) -> None:
        self.doom.begins("wait")
        self.doom.at("before")
        super()._leave(claim, until)
        self.doom.at("committed")

    def _write(self, *arguments: Any) -> bool:
        over = super()._write(*arguments)
        self.doom.at("committed")
        return over


def doomed(round: str, work: Callable[[Claim], None], doom: Doom) -> Callable[[Work], None]:
    """A handler of another job, which may die before it, while it writes, and after it."""

    def handle(one: Work) -> None:
        doom.begins(round)
        doom.at("before")
        work(one.claim)
        doom.at("committed")

    return handle


class Sickly:
    """A checker for which one revision falls ill in its second wave, whoever looks."""

    def __init__(self, house: House, revision: str) -> None:
        self._house, self._revision = house, revision

    def look(self, check: Check, instance: Instance, env: Mapping[str, str]) -> Answer:
        if env["REVISION"] == self._revision and self._house.serving().get(instance.release, 0) >= 50:
            return Answer(False, "/healthz answered 500 in 2 ms")
        return self._house.checker.look(check, instance, env)


@dataclass(frozen=True)
class Told:
    """What a worker is told when it starts."""

    kind: str  # of house
    url: str
    mirror: Path
    state: Path
    name: str
    sick: str  # the revision that falls ill
    where: Where | None = None
    flag: Path | None = None


def work(told: Told, says: Connection) -> None:
    """Be a worker until killed. Says "lost" whenever it learns that another worker has its job."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    database = Database(told.url)
    house = houses.house(told.kind, database, told.mirror, state=told.state, ticking=clock.now)
    doom = Doom(told.where, told.flag, house.cut_off, lambda: len(house.journal()))
    jobs = DoomedJobs(database, doom)
    made = house.loop
    sickly = {kind: Sickly(house, told.sick) for kind in made.ports.checkers}
    loop = DoomedLoop(database, jobs, replace(made.ports, checkers=sickly), made.bind, made.source, made.ended, doom)
    cooling = replace(house.cooling, jobs=jobs)

    def advance(one: Work) -> None:
        try:
            loop.advance(one.claim, one.lost)
        except Lost:
            says.send("lost")
            raise

    says.send("ready")
    later, cool = doomed("later", cooling.later, doom), doomed("cool", cooling.cool, doom)
    handlers = {ADVANCE: advance, LATER: later, COOL: cool}
    Runner(jobs, handlers, told.name, clock.now, database.changes, threads=2).run()


def until(condition: Callable[[], bool], seconds: float, what: str, every: float = 0.06) -> float:
    """Wait until that is so, looking every so many seconds; return how many it took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"{what} did not happen within {seconds:g} s")
        time.sleep(every)
    return time.monotonic() - began
