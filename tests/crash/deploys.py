"""What the crash tests and the bench of kills share: a company to copy for each case, and what must hold afterwards."""

import itertools
import multiprocessing
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text, update

from ledger import clock, events
from ledger.db import Database, sqlite
from ledger.jobs_sql import JOBS
from pipelines import store
from pipelines.deploy import ENDED, State
from pipelines.plan import StepKind
from pipelines.rollback import way_back
from tests.conftest import with_tables
from tests.crash import killed_deployer
from tests.crash.killed_deployer import POINTS, Where, rounds, rounds_back, until
from tests.rooms.deploying import House, Repository, described

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.crash.killed_deployer"])
LIMIT = 35.0  # seconds: the take-over time (a lease is 5 s) and 30
QUICK: dict[str, Any] = {"checks": [{"http": "/healthz", "passes": 2, "every": "20ms", "deadline": "20s"}]}
CANARY = {"canary": [10, 50, 100], "bake": "50ms"}
_numbers = itertools.count(1)

Journal = list[tuple[str, Any]]


class Worker:
    """A process of its own, killed at `where` by itself or at the end by us."""

    def __init__(self, company: "Company", house: House, name: str, where: Where | None = None) -> None:
        self.said, says = CONTEXT.Pipe(duplex=False)
        url = house.database.url.render_as_string(hide_password=False)
        arguments = (url, house.mirror, house.state, name, company.revisions["bad"], where, says)
        self.process = CONTEXT.Process(target=killed_deployer.work, args=arguments, daemon=True)
        self.process.start()
        says.close()

    def dies(self) -> None:
        self.process.join(LIMIT)
        assert self.process.exitcode == -signal.SIGKILL, "it was not killed where it should have been"

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
        self.process.join(10)


@dataclass
class Company:
    """A base that serves, two more releases in git, and a bad one; copied for every case."""

    folder: Path
    postgres: str = ""  # a server's URL, or empty for SQLite
    revisions: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        repository = Repository(self.folder / "git")
        self.mirror = repository.mirrored
        once = repository.commit(described(bake="0s", **QUICK))
        base = repository.commit(described(bake="0s", **QUICK))
        self.revisions["canary"] = repository.commit(described(CANARY, **QUICK))
        self.revisions["bad"] = repository.commit(described(CANARY, **QUICK))
        self.revisions["next"] = repository.commit(described(bake="0s", **QUICK))
        with self._made() as house:
            for revision in (once, base):
                house.deploy(revision)
                house.go()
            assert house.live() == 2
        self.undisturbed: dict[str, Journal] = {}

    @contextmanager
    def _made(self) -> Iterator[House]:
        if self.postgres:
            _admin(self.postgres, "CREATE DATABASE company")
            database = Database(_named(self.postgres, "company"))
        else:
            database = sqlite(self.folder / "company.db")
        yield House(with_tables(database), self.mirror, state=self.folder / "company.json")
        if not self.postgres:
            with sqlite3.connect(self.folder / "company.db") as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()

    @contextmanager
    def copied(self) -> Iterator[House]:
        """A company of the case's own, in real time."""
        name = f"case_{next(_numbers)}"
        state = self.folder / f"{name}.json"
        shutil.copy(self.folder / "company.json", state)
        if self.postgres:
            _admin(self.postgres, f"CREATE DATABASE {name} TEMPLATE company")
            database = Database(_named(self.postgres, name))
        else:
            shutil.copy(self.folder / "company.db", self.folder / f"{name}.db")
            database = Database(f"sqlite:///{self.folder / name}.db")
        try:
            yield House(database, self.mirror, state=state, ticking=clock.now)
        finally:
            database.close()
            if self.postgres:
                _admin(self.postgres, f"DROP DATABASE {name} WITH (FORCE)")

    def remove(self) -> None:
        """Drop the database that the copies were made of; a server may outlive us."""
        if self.postgres:
            _admin(self.postgres, "DROP DATABASE company")

    def ask(self, house: House, story: str) -> tuple[int, int]:
        """Ask for the deploy of that story and for one more behind it; return both."""
        asked = house.rollback(1) if story == "rollback" else house.deploy(self.revisions[story])
        return asked, house.deploy(self.revisions["next"])

    def wheres(self, story: str) -> list[Where]:
        """Every place of that story at which a worker can be killed."""
        with self.copied() as house:
            asked, _ = self.ask(house, story)
            with house.database.read() as session:
                frozen = store.load(session, asked)[0]
            plan = house.actions.bind(frozen, asked, clock.now()).plan
        assert plan is not None
        told = rounds(plan)
        if story == "bad":
            failing = next(i for i, step in enumerate(plan.steps) if (step.kind, step.wave) == (StepKind.BAKE, 2))
            told = [*told[: told.index("do bake 2") + 1], *rounds_back(way_back(plan, failing + 1))]
        return [Where(point, one) for one in told for point in POINTS]


ENDING = {"canary": State.HEALTHY, "rollback": State.HEALTHY, "bad": State.UNDONE}
SERVES = {"canary": 3, "rollback": 1, "bad": 2}


def _named(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _admin(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def leases_run_out(house: House) -> None:
    """Make it so that the dead worker's lease has ended, instead of waiting for it."""
    with house.database.write() as session:
        session.execute(
            update(JOBS).where(JOBS.c.leased_by.is_not(None)).values(lease_until=clock.now() - timedelta(seconds=1))
        )


def has_ended(house: House, deploy_id: int) -> bool:
    return house.deploy_of(deploy_id).state in ENDED


def journal(house: House) -> Journal:
    return [(method, what) for method, what in house.target.journal(house.site())]


def facts(house: House, deploy_id: int) -> list[tuple[Any, ...]]:
    """Return what was recorded of a deploy, without looks."""
    with house.database.read() as session:
        found = events.latest(session, subject=f"deploy:{deploy_id}", limit=1000)
    return [
        (fact.kind, fact.data.get("step"), fact.data.get("wave"), fact.data.get("for"))
        for fact in reversed(found)
        if fact.kind != "deploy.observed"
    ]


def finished(company: Company, house: House, story: str, asked: int, behind: int) -> float:
    """Wait until a worker has brought it to its end and gone on with the next; check all that must hold then."""
    took = until(lambda: has_ended(house, asked), LIMIT, f"the end of the {story} deploy")
    ended = house.deploy_of(asked)
    assert ended.state is ENDING[story], ended.reason
    assert house.live() == SERVES[story]
    told = facts(house, asked)
    assert len(set(told)) == len(told), "something was recorded twice"
    if story == "rollback":
        assert (house.serving(), house.running()) == ({1: 100.0}, {1: 4})
        assert house.word(behind) == "queued"
        house.actions.let_go("component:default/checkout", "production", "user:default/alice", clock.now())
    until(lambda: has_ended(house, behind), LIMIT, "the end of the next in the queue")
    number = house.page(behind).row.release
    assert house.word(behind) == "healthy"
    assert (house.serving(), house.running()) == ({number: 100.0}, {number: 4})
    return took


def undisturbed(company: Company, story: str) -> Journal:
    """What the target is told when nobody is killed; found out once."""
    if story not in company.undisturbed:
        with company.copied() as house:
            asked, behind = company.ask(house, story)
            worker = Worker(company, house, "anna")
            try:
                finished(company, house, story, asked, behind)
            finally:
                worker.end()
            company.undisturbed[story] = journal(house)
    return company.undisturbed[story]


def killed(company: Company, story: str, where: Where) -> float:
    """Kill a worker there, let another one finish; return how many seconds that took."""
    expected = undisturbed(company, story)
    with company.copied() as house:
        asked, behind = company.ask(house, story)
        first = Worker(company, house, "anna", where)
        successor = None
        try:
            first.dies()
            leases_run_out(house)
            successor = Worker(company, house, "bert")
            took = finished(company, house, story, asked, behind)
        finally:
            first.end()
            if successor is not None:
                successor.end()
        assert journal(house) == expected, "something was done twice, or left out"
    return took
