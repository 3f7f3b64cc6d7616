"""What will happen: frozen steps, each with what undoes it, its deadline, and how long it should take. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from pipelines.change import Change
from pipelines.spec import BUILD_DEADLINE, DeploySpec, Environment
from pipelines.strategy import Wave, waves
from production.ports import Check
from production.settings import duration

GRACE = timedelta(seconds=30)  # on top of what a step may take by itself


class StepKind(StrEnum):
    PREPARE = "prepare"  # files there and built
    START = "start"  # so many instances up, without traffic
    PROBE = "probe"  # each instance passes its checks so often in a row
    WEIGH = "weigh"  # traffic moves
    BAKE = "bake"  # traffic stays and the checks go on
    DRAIN = "drain"  # the other release finishes what it has begun
    STOP = "stop"  # the other release ends


@dataclass(frozen=True)
class Step:
    """One act. `release` is the number it acts for; `undo` is a sentence for people: what going back means here."""

    kind: StepKind
    release: int
    wave: int = 0
    percent: int = 0
    instances: int = 0
    deadline: timedelta = GRACE
    expected: timedelta = timedelta(0)
    undo: str = "nothing to undo"


@dataclass(frozen=True)
class ReleaseRef:
    number: int
    revision: str
    subject: str = ""


@dataclass(frozen=True)
class Plan:
    """Everything a worker needs to carry a release out or back, frozen. `base` is what serves until then."""

    service: str
    environment: str
    release: ReleaseRef
    base: ReleaseRef | None
    rollback: bool
    strategy: str
    instances: int
    waves: tuple[Wave, ...]
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    target: dict[str, Any]  # settings of production/settings.py, as JSON
    build: tuple[str, ...]
    bake: timedelta
    deadline: timedelta
    change: Change = field(default_factory=Change)
    back: timedelta = timedelta(0)  # expected time to be back on the base

    @property
    def expected(self) -> timedelta:
        """How long it should take until it is healthy, when nothing goes wrong."""
        return sum((step.expected for step in self.steps), timedelta(0))

    @property
    def said(self) -> str:
        """What this does, in a sentence for the log."""
        if self.base is None:
            return f"{self.release.number} is the first"
        if self.base.number == self.release.number:
            return f"{self.release.number} is made to serve again"
        return f"{self.release.number} replaces {self.base.number}"


Past = dict[StepKind, timedelta]  # how long a kind of step took lately for this service, where known


def plan(
    service: str,
    environment: str,
    spec: DeploySpec,
    release: ReleaseRef,
    base: ReleaseRef | None,
    change: Change,
    past: Past | None = None,
    *,
    rollback: bool = False,
) -> Plan:
    """Return what will happen when `release` replaces `base`. A rollback goes all at once and is not watched."""
    asked = spec.environments[environment]
    target = asked.target.model_dump(mode="json")
    instances = int(target["instances"])
    alone = base is None or base.number == release.number  # nobody else to leave a share of the traffic to
    stairs = waves(asked.strategy, instances, first=alone or rollback)
    bake = timedelta(0) if rollback else asked.watched
    steps = _forward(asked, spec, release, base, stairs, bake, past or {})
    return Plan(
        service,
        environment,
        release,
        base,
        rollback,
        asked.strategy.name if len(stairs) > 1 else "all at once",
        instances,
        stairs,
        steps,
        tuple(check.check() for check in asked.checks),
        target,
        spec.build,
        bake,
        asked.deadline + bake * len(stairs),
        change,
        _back(steps, base),
    )


def _forward(
    asked: Environment,
    spec: DeploySpec,
    release: ReleaseRef,
    base: ReleaseRef | None,
    stairs: tuple[Wave, ...],
    bake: timedelta,
    past: Past,
) -> tuple[Step, ...]:
    number, drain = release.number, duration(asked.target.drain)
    probe = probing(asked)
    usual: Past = {
        StepKind.PREPARE: timedelta(seconds=20 if spec.build else 1),
        StepKind.START: timedelta(seconds=1),
        StepKind.PROBE: probe[0],
        StepKind.BAKE: bake,
        StepKind.DRAIN: min(drain, timedelta(seconds=2)),
        StepKind.STOP: timedelta(seconds=1),
    } | {kind: took for kind, took in past.items() if kind is not StepKind.BAKE}

    def step(kind: StepKind, deadline: timedelta, undo: str, wave: Wave | None = None) -> Step:
        at = (wave.number, wave.percent, wave.instances) if wave else (0, 0, 0)
        return Step(kind, number, *at, deadline, usual.get(kind, timedelta(0)), undo)

    steps = [step(StepKind.PREPARE, BUILD_DEADLINE + GRACE, "nothing runs yet; the files stay")]
    running = 0
    for wave in stairs:
        if wave.instances > running:
            steps.append(step(StepKind.START, 2 * GRACE, "the new instances stop", wave))
            steps.append(step(StepKind.PROBE, probe[1] + GRACE, "nothing to undo; it only looks", wave))
            running = wave.instances
        steps.append(step(StepKind.WEIGH, GRACE, "all traffic goes back" if base else "traffic is taken away", wave))
        if bake:
            steps.append(step(StepKind.BAKE, bake + GRACE, "nothing to undo; it only looks", wave))
    if base is not None:
        steps.append(step(StepKind.DRAIN, drain + GRACE, f"{base.number} gets its traffic again"))
        steps.append(step(StepKind.STOP, 2 * GRACE, f"{base.number} starts again"))
    return tuple(steps)


def probing(asked: Environment) -> tuple[timedelta, timedelta]:
    """Return how long probing should take, and after how long it is given up."""
    checks = [check.check() for check in asked.checks]
    usual = max(((check.passes - 1) * check.every for check in checks), default=timedelta(0))
    return usual, max((check.deadline for check in checks), default=timedelta(0))


def _back(steps: tuple[Step, ...], base: ReleaseRef | None) -> timedelta:
    """Going back is weighing, draining and stopping; the base still runs until the last step."""
    if base is None:
        return timedelta(seconds=1)
    kinds = (StepKind.DRAIN, StepKind.STOP)
    return timedelta(seconds=1) + sum((step.expected for step in steps if step.kind in kinds), timedelta(0))


_ADAPTER = TypeAdapter(Plan)


def to_json(frozen: Plan) -> dict[str, Any]:
    told: dict[str, Any] = _ADAPTER.dump_python(frozen, mode="json")
    return told


def from_json(told: dict[str, Any]) -> Plan:
    return _ADAPTER.validate_python(told)


def moment(frozen: Plan, began: datetime, index: int) -> datetime:
    """Return when step `index` should begin, counted from `began`."""
    return began + sum((step.expected for step in frozen.steps[:index]), timedelta(0))
