"""What the tests of deploys build with: specs, plans, deploys that have come so far, and a small world to act on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pipelines.change import Change
from pipelines.deciding import Bind, Nothing, Perform, Record, Wait, decide
from pipelines.deploy import Deploy, Fact, Kind, Order
from pipelines.machine import apply
from pipelines.plan import Plan, ReleaseRef, Step, StepKind, plan
from pipelines.spec import DeploySpec
from tests.conftest import NOON

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
CHECKOUT = "component:default/checkout"
OLD = ReleaseRef(1, "a" * 40, "the release before")
NEW = ReleaseRef(2, "b" * 40, "a small change")
CHECK = {"http": "/healthz", "passes": 3, "every": "1s", "deadline": "30s"}
STRATEGIES: dict[str, Any] = {
    "all at once": "all-at-once",
    "rolling": {"rolling": 1},
    "canary": {"canary": [10, 50, 100], "bake": "10s"},
    "canary with a pause": {"canary": [{"weight": 20, "pause": True}, 100], "bake": "10s"},
    "blue-green": {"blue-green": {"preview": "5s"}, "bake": "10s"},
}


def spec_of(strategy: Any = "all-at-once", instances: int = 4, **more: Any) -> DeploySpec:
    environment = {
        "target": {"kind": "memory", "instances": instances},
        "strategy": strategy,
        "checks": [CHECK],
        "bake": "5s",
        **more,
    }
    return DeploySpec.model_validate({"environments": {"production": environment}})


def plan_of(
    strategy: Any = "all-at-once",
    base: ReleaseRef | None = OLD,
    *,
    rollback: bool = False,
    trial: bool = False,
    irreversible: str = "",
    **more: Any,
) -> Plan:
    told: dict[str, Any] = {"rollback": rollback, "trial": trial, "irreversible": irreversible}
    return plan(CHECKOUT, "production", spec_of(strategy, **more), NEW, base, Change(), **told)


def told(*facts: Kind | Fact, plan: Plan, at: datetime = NOON) -> Deploy:
    """Return a deploy to which this has happened, first of all that it was bound to the plan."""
    deploy = apply(Deploy(7), Fact(Kind.BOUND, plan=plan), at)
    for fact in facts:
        deploy = apply(deploy, fact if isinstance(fact, Fact) else Fact(fact), at)
    return deploy


def before(kind: StepKind, plan: Plan, wave: int | None = None, at: datetime = NOON) -> Deploy:
    """Return a deploy that has done every step before that one."""
    index = next(i for i, step in enumerate(plan.steps) if step.kind is kind and wave in (None, step.wave))
    return told(*[Kind.ATTEMPTED, Kind.STEP_DONE] * index, plan=plan, at=at)


def during(kind: StepKind, plan: Plan, wave: int | None = None, at: datetime = NOON) -> Deploy:
    """Return a deploy that has attempted that step and knows nothing of how it went."""
    return apply(before(kind, plan, wave, at), Fact(Kind.ATTEMPTED), at)


@dataclass
class World:
    """What runs and who gets the traffic, by release. Written apart from production/, so that both can be wrong."""

    running: dict[int, int] = field(default_factory=dict)
    weights: dict[int, int] = field(default_factory=dict)

    @classmethod
    def serving(cls, release: ReleaseRef | None, instances: int) -> "World":
        return cls({release.number: instances}, {release.number: 100}) if release else cls()

    def make(self, step: Step, plan: Plan) -> None:
        """Make the step true. May be done twice."""
        if step.kind is StepKind.START and not plan.side_by_side:
            self.running, self.weights = {step.release: step.instances}, {step.release: 100}
        elif step.kind is StepKind.START:
            self.running[step.release] = max(self.running.get(step.release, 0), step.instances)
        elif step.kind is StepKind.WEIGH:
            rest = {plan.base.number: 100 - step.percent} if plan.base and step.release == NEW.number else {}
            self.weights = {who: share for who, share in {step.release: step.percent, **rest}.items() if who and share}
        elif step.kind is StepKind.STOP:
            self.running = {who: count for who, count in self.running.items() if who == step.release}
            self.weights = {who: share for who, share in self.weights.items() if who in self.running}

    def is_sound(self) -> bool:
        """Whoever gets traffic runs, and all of it goes somewhere."""
        return set(self.weights) <= set(self.running) and sum(self.weights.values()) in (0, 100)


def walk(deploy: Deploy, world: World, at: datetime = NOON, orders: Sequence[Order] = ()) -> Deploy:
    """Go on until it has ended, in a world in which everything works."""
    while True:
        act = decide(deploy, orders, at)
        match act:
            case Nothing():
                return deploy
            case Record(fact):
                deploy = apply(deploy, fact, at)
            case Perform(step, undo):
                assert deploy.plan is not None
                world.make(step, deploy.plan)
                deploy = apply(deploy, Fact(Kind.UNDO_STEP_DONE if undo else Kind.STEP_DONE), at)
            case Wait():
                orders = [*orders, Order("resume", "user:default/alice", at, "", len(orders) + 1)]
            case Bind():
                raise AssertionError("it has no plan yet")
