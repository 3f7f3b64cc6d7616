"""A small house for tests of deploys: one service in a real git repository, and a loop that one's own clock drives."""

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from catalog.git import Mirror
from catalog.ownership import Owner
from catalog.query import Service
from ledger.clock import Clock
from ledger.db import Database
from ledger.jobs import Claim, SqlJobs
from pipelines import query, store
from pipelines.actions import Actions
from pipelines.deploy import Deploy
from pipelines.jobs import ADVANCE, Loop
from pipelines.planning import Planner
from pipelines.world import Ports
from production.ports import Answer, Check, Checker, Failed, Instance, Site, Target
from production.targets.memory import MemoryChecker, MemoryTarget
from tests.conftest import NOON
from tests.rooms import begun

SECOND = timedelta(seconds=1)
CHECKOUT, PRODUCTION = "component:default/checkout", "production"
LANE = store.lane(CHECKOUT, PRODUCTION)
ALICE, BOB = "user:default/alice", "user:default/bob"
CANARY = {"canary": [10, 50, 100], "bake": "10s"}
CHECKS = [{"http": "/healthz", "passes": 2, "every": "1s", "deadline": "10s"}]


def described(strategy: Any = "all-at-once", bake: str = "3s", **more: Any) -> str:
    """Return a catalog-info.yaml; `fails` and `takes` are the memory target's."""
    target = {"kind": "memory", "instances": 4} | {key: more.pop(key) for key in ("fails", "takes") if key in more}
    environment = {"target": target, "strategy": strategy, "checks": CHECKS, "bake": bake, **more}
    return yaml.safe_dump(
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": {"name": "checkout"},
            "spec": {
                "type": "service",
                "lifecycle": "production",
                "owner": "payments",
                "deploy": {"environments": {PRODUCTION: environment}},
            },
        }
    )


class Repository:
    """A git repository with a mirror of it, as the catalog keeps one."""

    def __init__(self, folder: Path) -> None:
        self.source, self.mirrored = folder / "source", folder / "mirror"
        self.source.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        self.count = 0

    def git(self, *arguments: str) -> str:
        env = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(self.source)}
        who = ("-c", "user.name=Alice", "-c", "user.email=alice@example.org")
        done = subprocess.run(
            ["git", *who, *arguments], cwd=self.source, env=env, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, description: str | None = None, files: Mapping[str, str] | None = None) -> str:
        """Commit and mirror; return the full revision."""
        self.count += 1
        written = {"catalog-info.yaml": description, "app.py": f"print({self.count})\n", **(files or {})}
        for name, text in written.items():
            if text is not None:
                (self.source / name).parent.mkdir(parents=True, exist_ok=True)
                (self.source / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", f"Change number {self.count}")
        return self.mirror()

    def mirror(self) -> str:
        Mirror.clone(str(self.source), self.mirrored, roots=(Path("/"),))
        return self.git("rev-parse", "HEAD")


class Moody:
    """The memory target's checker; the next so many looks at `bad_release` fail all the same."""

    def __init__(self, checker: Checker) -> None:
        self.checker, self.bad_release, self.bad_times = checker, 0, 0

    def look(self, check: Check, instance: Instance, env: Mapping[str, str]) -> Answer:
        if instance.release == self.bad_release and self.bad_times:
            self.bad_times -= 1
            return Answer(False, "/healthz answered 500 in 2 ms")
        return self.checker.look(check, instance, env)


def service(path: str = "catalog-info.yaml") -> Service:
    owner = Owner("group:default/payments", "Payments", (), path)
    return Service(
        CHECKOUT,
        "checkout",
        "Checkout",
        "Takes the basket to a paid order",
        "service",
        "production",
        (),
        (),
        owner,
        1,
        "https://example.org/checkout.git",
        path,
        "",
        None,
        None,
        None,
        {},
        None,
        0,
        (),
    )


@dataclass
class House:
    """The room with all it leans on. `now` is its clock, which only `go` moves, unless it has a `ticking` one.

    `before` is called before each act; the target's memory is the file `state`, when there is one.
    """

    database: Database
    mirror: Path
    now: datetime = NOON
    before: Callable[[str], None] = lambda method: None
    state: Path | None = None
    ticking: Clock | None = None
    is_copied: ClassVar[bool] = True  # may begin as a copy of another of its kind

    def __post_init__(self) -> None:
        self.jobs = SqlJobs(self.database)
        self.target = MemoryTarget(self.clock, path=self.state, before=lambda method, _: self.before(method))
        self.checker = Moody(MemoryChecker(self.target))
        targets: Mapping[str, Target] = {"memory": self.target}
        checkers: Mapping[str, Checker] = {"memory": self.checker}
        self.planner = Planner(self.database, self.jobs, lambda _: Mirror(self.mirror), frozenset(targets))
        self.actions = Actions(self.database, self.jobs, self.planner)
        self.loop = Loop(
            self.database,
            self.jobs,
            Ports(targets, checkers, self.clock),
            self.actions.bind,
            lambda _: str(self.mirror),
        )

    @property
    def fail_once(self) -> dict[str, Failed]:
        """What a method of the target answers the next time."""
        return self.target._fail_once

    def clock(self) -> datetime:
        return self.ticking() if self.ticking else self.now

    # What people do.

    def deploy(self, revision: str = "", actor: str = ALICE, **more: Any) -> int:
        return self.actions.deploy(service(), PRODUCTION, revision, actor, self.clock(), **more).id

    def rollback(self, number: int, actor: str = ALICE, **more: Any) -> int:
        return self.actions.rollback(service(), PRODUCTION, number, actor, self.clock(), **more).id

    def abort(self, deploy_id: int, actor: str = ALICE, reason: str = "") -> None:
        self.actions.abort(deploy_id, actor, self.clock(), reason)

    # What a worker does.

    def claim(self) -> Claim | None:
        return self.jobs.claim("worker", [ADVANCE], self.now)

    def work(self) -> bool:
        """Do what is due now, once; False when nothing is."""
        claim = self.claim()
        if claim is not None:
            self.loop.advance(claim)
        return claim is not None

    def go(self, until: Callable[[], bool] = lambda: False) -> None:
        """Work, moving the clock from one due moment to the next, until that is so or nothing is left to do."""
        for _ in range(10_000):
            if until():
                return
            if not self.work():
                due = self.jobs.due([ADVANCE], self.now)
                if due is None:
                    return
                assert due > self.now, "something is due and cannot be claimed"
                self.now = due
        raise AssertionError("it goes on for ever")

    def go_to(self, deploy_id: int, doing: str, wave: int = 0) -> None:
        """Work until the deploy has attempted that step."""
        self.go(lambda: self.is_doing(deploy_id, doing, wave))
        assert self.is_doing(deploy_id, doing, wave)

    # What is to be seen.

    def is_doing(self, deploy_id: int, doing: str, wave: int = 0) -> bool:
        deploy = self.deploy_of(deploy_id)
        if deploy.plan is None or deploy.state != "acting":
            return False
        step = deploy.plan.steps[deploy.step]
        return step.kind == doing and wave in (0, step.wave)

    def deploy_of(self, deploy_id: int) -> Deploy:
        with self.database.read() as session:
            return store.load(session, deploy_id)[1]

    def page(self, deploy_id: int) -> query.Page:
        with self.database.read() as session:
            return query.page(session, deploy_id, self.jobs)

    def word(self, deploy_id: int) -> str:
        return self.page(deploy_id).row.word

    def log(self, deploy_id: int) -> list[str]:
        return [line.text for line in self.page(deploy_id).log]

    def live(self) -> int | None:
        with self.database.read() as session:
            release = store.live(session, CHECKOUT, PRODUCTION)
        return release.number if release else None

    def serving(self) -> dict[int, float]:
        """Who gets how much of the traffic, asked from the target."""
        return {share.release: share.percent for share in self.target.shares(self.site()) if share.percent}

    def running(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for instance in self.target.instances(self.site()):
            found[instance.release] = found.get(instance.release, 0) + 1
        return found

    def site(self) -> Site:
        return Site(CHECKOUT, PRODUCTION, {})


def served_by(house: House, repository: Repository, description: str | None = None) -> int:
    """Let a first release serve; return its deploy. What has begun like that before in this process is copied."""
    file = description or described()
    is_new = begun.is_new(house, repository)
    if is_new and (type(house), file) in begun.KEPT:
        return begun.KEPT[type(house), file].copied(house, repository)
    repository.commit(file)
    first = house.deploy()
    house.go()
    assert house.word(first) == "healthy"
    if is_new:
        begun.keep(house, repository, file, first)
    return first


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "checkout")


@pytest.fixture
def house(database: Database, repository: Repository) -> House:
    return House(database, repository.mirrored)
