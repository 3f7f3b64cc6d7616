"""What is promised of deploys, whatever is interleaved with them: a model of its own, held against what happened."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from pipelines.deciding import Act, Record, decide
from pipelines.deploy import ENDED, Kind, State
from pipelines.spec import DeploySpec
from pipelines.store import lane
from production.ports import Site
from production.targets.memory import MemoryTarget
from tests.rooms.memoryhouse import START, Kept, KeptJobs, Recorded, Weigher

SERVICES, PRODUCTION = ("component:default/checkout", "component:default/basket"), "production"
UNDER_WAY = (State.GOING, State.ACTING, State.PAUSED, State.UNDOING)
ENDINGS = tuple(f"deploy.{state}" for state in ENDED)
SHAPES: tuple[dict[str, Any], ...] = (
    {"strategy": "all-at-once"},
    {"strategy": {"canary": [10, 100]}},
    {"strategy": {"canary": [{"weight": 50, "pause": True}, 100]}, "patience": "1m"},
    {"strategy": {"blue-green": {"preview": "1s"}}, "keep": "20s"},
    {"strategy": "all-at-once", "fails": {"*": "start"}},
    {"strategy": {"canary": [10, 100]}, "fails": {"*": "check"}},
    {"strategy": {"canary": [10, 100]}, "fails": {"*": "undo"}},
    {"strategy": {"canary": [10, 100]}, "gates": {"approvals": 1}},
    {"strategy": {"rolling": 1}, "gates": {"approvals": 1}},
)
IRREVERSIBLE = 1  # of the shapes, the one whose every second revision cannot be taken back


def spec_of(shape: dict[str, Any]) -> DeploySpec:
    target = {"kind": "memory", "instances": 2, "fails": shape.get("fails", {})}
    check = {"http": "/healthz", "passes": 2, "every": "1s", "deadline": "5s"}
    told = {key: value for key, value in shape.items() if key != "fails"}
    environment = {"target": target, "checks": [check], "bake": "2s", **told}
    return DeploySpec.model_validate({"environments": {PRODUCTION: environment}})


SPECS = {f"{index:02x}" * 20: spec_of(SHAPES[index % len(SHAPES)]) for index in range(1, 3 * len(SHAPES))}
FINAL = frozenset(list(SPECS)[IRREVERSIBLE - 1 :: 2 * len(SHAPES)])


@dataclass
class Promised:
    """What was promised of one deploy."""

    id: int
    lane: str
    rollback: bool
    attempts: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    again: int = 0  # how often a person has had a step done again
    bound: int = 0
    ended: int = 0
    must_stop: bool = False  # an abort was ordered, and nobody had decided on its end already
    must_pause: bool = False


class Promises:
    """All that must hold, during a play and at its end."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now: datetime = START
        self.count: Counter[str] = Counter()
        self.promised: dict[int, Promised] = {}
        self.inflight: list[tuple[int, Act]] = []  # what workers have decided and not written
        self.kept = Kept(heard=self.heard)
        self.jobs = KeptJobs(self.kept, self.writing)
        self.target = MemoryTarget(lambda: self.now)
        self.weigher = Weigher(self.kept, self.jobs, SPECS, FINAL)

    def writing(self) -> None:
        """All is written and nothing is committed."""

    def barred(self, service: str, revision: str) -> str:
        """Return why it may not go, as it is promised to people."""
        if any(one.hard and one.service in (None, service) for one in self.weigher.locks):
            return "locked"
        if SPECS[revision].environments[PRODUCTION].gates.approvals and revision not in self.weigher.approvals:
            return "not approved"
        return "serves already" if self.serves(service, revision) else ""

    def serves(self, service: str, revision: str) -> bool:
        live = self.kept.live(None, service, PRODUCTION)
        return live is not None and live.revision == revision and not self.kept.is_stuck(None, service, PRODUCTION)

    def new(self, deploy_id: int, *, rollback: bool) -> None:
        assert deploy_id not in self.promised, "two orders share a deploy"
        self.promised[deploy_id] = Promised(deploy_id, self.kept.deploys[deploy_id][0].lane, rollback)

    def heard(self, fact: Recorded) -> None:
        """A fact is about to be written."""
        if not fact.subject.startswith("deploy:") or fact.kind == "deploy.requested":
            return
        one = self.promised[int(fact.subject.partition(":")[2])]
        if fact.kind == "deploy.bound":
            self._takes_its_turn(one)
        if fact.kind == "deploy.attempted":
            assert not one.must_pause, "it went on although a person had it wait"
        if fact.kind in ("deploy.paused", "deploy.aborted", "deploy.step_failed", "deploy.tried", *ENDINGS):
            one.must_pause = False

    def _takes_its_turn(self, one: Promised) -> None:
        waiting = [other for other in self.of(one.lane) if self.state(other.id) is State.QUEUED and other is not one]
        if not one.rollback:
            assert not any(other.rollback for other in waiting), "a rollback did not jump the queue"
            assert one.lane not in self.jobs._tables.holds, "it went although somebody holds the lane"
        assert all(other.id > one.id for other in waiting if other.rollback is one.rollback), "out of turn"

    def check(self) -> None:
        for service in SERVICES:
            going = [one.id for one in self.of(lane(service, PRODUCTION)) if self.state(one.id) in UNDER_WAY]
            assert len(going) <= 1, f"{going} at one time in one lane"

    def all_ended(self) -> None:
        assert set(self.promised) == set(self.kept.deploys), "a deploy was lost, or nobody asked for it"
        for fact in self.kept.facts:
            if fact.subject.startswith("deploy:"):
                self._count(self.promised[int(fact.subject.partition(":")[2])], fact)
        for one in self.promised.values():
            self._ended_well(one)
        for service in SERVICES:
            self._serves(service)

    @staticmethod
    def _count(one: Promised, fact: Recorded) -> None:
        one.bound += fact.kind == "deploy.bound"
        one.ended += fact.kind in ENDINGS
        one.again += fact.kind in ("deploy.resumed", "deploy.looked_again")
        if fact.kind == "deploy.attempted":
            one.attempts[fact.data["step"], fact.data["wave"], fact.data["percent"]] += 1

    def _ended_well(self, one: Promised) -> None:
        deploy = self.kept.deploys[one.id][1]
        assert deploy.state in ENDED, f"deploy {one.id} is lost: it is {deploy.state}"
        assert one.ended == 1, f"deploy {one.id} ended {one.ended} times"
        assert one.bound <= 1, f"deploy {one.id} was bound twice"
        assert all(times <= 1 + one.again for times in one.attempts.values()), f"done twice: {one.attempts}"
        assert deploy.ending, "it does not say how it ended"
        assert deploy.reason or deploy.ending in ("healthy", "good"), "it does not say why"
        assert not (one.must_stop and deploy.state is State.HEALTHY), "it went on although a person had stopped it"
        self.count[f"ended {deploy.ending}"] += 1

    def _serves(self, service: str) -> None:
        site = Site(service, PRODUCTION, {})
        live = self.kept.live(None, service, PRODUCTION)
        serving = {share.release: share.percent for share in self.target.shares(site) if share.percent}
        running = {one.release for one in self.target.instances(site)}
        if not self.kept.is_stuck(None, service, PRODUCTION):
            assert serving == ({live.number: 100.0} if live else {}), f"{serving} serve, and {live} should"
            assert running == set(serving), f"{running} run, and {serving} serve"

    # Whom it is about.

    def service(self) -> Any:
        return SimpleNamespace(ref=self.chance.choice(SERVICES))

    def of(self, lane: str) -> list[Promised]:
        return [one for one in self.promised.values() if one.lane == lane]

    def state(self, deploy_id: int) -> State:
        return self.kept.deploys[deploy_id][1].state

    def some(self, *states: State) -> int | None:
        found = [one for one in self.kept.deploys if self.state(one) in states]
        return self.chance.choice(found) if found else None

    def _is_ending(self, deploy_id: int) -> bool:
        """Has a worker decided already that it is through?"""
        _, deploy, orders = self.kept.load(None, deploy_id)
        act = decide(deploy, orders, self.now)
        return isinstance(act, Record) and act.fact.kind is Kind.COMPLETED
