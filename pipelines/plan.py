"""What will happen: frozen steps, each with what undoes it, its deadline, and how long it should take. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from pipelines.change import Change
from pipelines.metricsettings import MetricSettings
from pipelines.proof import Before
from pipelines.spec import BUILD_DEADLINE, PATIENCE, DeploySpec, Environment, Judge
from pipelines.strategy import Wave, waves
from production.ports import Check
from production.settings import duration

GRACE = timedelta(seconds=30)  # on top of what a step may take by itself


class StepKind(StrEnum):
    MEASURE = "measure"  # the metrics are known, and how they are before
    TIDY = "tidy"  # what still stays warm of an earlier deploy ends; at the end, what a stuck one has left
    PREPARE = "prepare"  # files there and built
    START = "start"  # so many instances up, without traffic
    PROBE = "probe"  # each instance passes its checks so often in a row
    WEIGH = "weigh"  # traffic moves
    BAKE = "bake"  # traffic stays and the checks go on, for as long as the step is expected to take
    PAUSE = "pause"  # a person says when it goes on
    DRAIN = "drain"  # the other release finishes what it has begun
    STOP = "stop"  # the other release ends
    VERIFY = "verify"  # on the way back: what serves again is looked at


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
    side_by_side: bool = True  # False: starting a release replaces the other one
    irreversible: str = ""  # why it cannot be taken back; empty when it can
    keep: timedelta = timedelta(0)  # the base stays warm for so long afterwards
    patience: timedelta = PATIENCE  # a pause waits so long for a person
    judge: Judge | None = None
    before: Before = Before()  # what was answered in the time before, where it is known
    trial: bool = False  # only the first wave, and then back
    metrics: tuple[MetricSettings, ...] = ()
    base_target: dict[str, Any] | None = None  # how the base was set up, for the way back
    base_build: tuple[str, ...] = ()
    longest: timedelta = timedelta(0)  # what a program of the target's own may take in one step

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


@dataclass(frozen=True)
class Was:
    """How a release that serves was set up."""

    target: dict[str, Any]
    build: tuple[str, ...] = ()


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
    trial: bool = False,
    irreversible: str = "",
    before: Before = Before(),
    was: Was | None = None,
    stuck: bool = False,
) -> Plan:
    """Return what will happen when `release` replaces `base`. A rollback goes all at once and is not watched.

    A trial is the first wave only, and then the way back. `irreversible` says why the change cannot be taken back,
    `was` how the base was set up: going back is to that, not to the base with new settings. `stuck`: the deploy before
    is, and what it has left, of which nobody knows, ends with this one.
    """
    asked = spec.environments[environment]
    target = asked.target.model_dump(mode="json")
    instances = int(target["instances"])
    alone = base is None or base.number == release.number  # nobody else to leave a share of the traffic to
    stairs = waves(asked, instances, first=alone or rollback)[: 1 if trial else None]
    if rollback:
        stairs = tuple(replace(wave, bake=timedelta(0)) for wave in stairs)
    keep = timedelta(0) if rollback or alone or trial or not asked.target.side_by_side else asked.warm
    leaves = base.number if base is not None and not trial else None
    forward = _Forward(asked, spec, release, leaves, stairs, keep, past or {}, leftovers=stuck and not trial)
    steps = forward.steps(rollback=rollback)
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
        max(wave.bake for wave in stairs),
        asked.deadline + sum((step.expected for step in steps if step.kind is StepKind.BAKE), timedelta(0)),
        change,
        _back(steps, base),
        asked.target.side_by_side,
        irreversible,
        keep,
        asked.patience,
        None if rollback or alone else asked.judge,
        before,
        trial,
        () if rollback else asked.analysis,
        was.target if was else None,
        was.build if was else (),
        asked.target.longest,
    )


@dataclass(frozen=True)
class _Forward:
    """The steps forward. `base`: what is replaced; nothing of it is drained or stopped where there is none.

    `leftovers`: a release that is stuck may still run, and have traffic until the new one has all of it.
    """

    asked: Environment
    spec: DeploySpec
    release: ReleaseRef
    base: int | None
    stairs: tuple[Wave, ...]
    keep: timedelta
    past: Past
    leftovers: bool = False

    def steps(self, *, rollback: bool) -> tuple[Step, ...]:
        drain, steps = duration(self.asked.target.drain), []
        undo = (f"{self.base} gets its traffic again", f"{self.base} starts again")
        if self.base is None:
            undo = ("what was stuck gets no traffic again", "what was stuck stays away")
        if self.asked.analysis and not rollback:
            steps.append(self._step(StepKind.MEASURE, GRACE, "nothing to undo; it only asks"))
        if self.keep and self.base is not None and not rollback:
            steps.append(self._step(StepKind.TIDY, 2 * GRACE, "nothing to undo; it served nobody"))
        steps.append(self._step(StepKind.PREPARE, BUILD_DEADLINE + GRACE, "nothing runs yet; the files stay"))
        running = 0
        for wave in self.stairs:
            steps += self._wave(wave, started=running)
            running = max(running, wave.instances)
        if (self.base is not None or self.leftovers) and self.asked.target.side_by_side:
            longest = 2 * GRACE + self.asked.target.longest
            steps.append(self._step(StepKind.DRAIN, drain + GRACE, undo[0]))
            if not self.keep:
                steps.append(self._step(StepKind.STOP, longest, undo[1]))
            elif self.leftovers:
                steps.append(self._step(StepKind.TIDY, longest, "what was stuck stays away", self.stairs[-1]))
        return tuple(steps)

    def _wave(self, wave: Wave, *, started: int) -> Iterator[Step]:
        looks = "nothing to undo; it only looks"
        probe, preview = probing(self.asked), self.asked.strategy.blue_green
        if wave.instances > started:
            undo = "the new instances stop" if self.asked.target.side_by_side else "the release before is put back"
            yield self._step(StepKind.START, 2 * GRACE + self.asked.target.longest, undo, wave)
            yield self._step(StepKind.PROBE, probe[1] + GRACE, looks, wave)
        if preview is not None and preview.preview and wave.bake:
            yield self._bake(replace(wave, percent=0), preview.preview)
        back = "all traffic goes back" if self.base else "traffic is taken away"
        yield self._step(StepKind.WEIGH, GRACE + self.asked.target.longest, back, wave)
        if wave.bake:
            yield self._bake(wave, wave.bake)
        if wave.pause:
            yield self._step(StepKind.PAUSE, self.asked.patience, "nothing to undo; it only waits", wave)

    def _bake(self, wave: Wave, bake: timedelta) -> Step:
        return replace(self._step(StepKind.BAKE, bake + GRACE, "nothing to undo; it only looks", wave), expected=bake)

    def _step(self, kind: StepKind, deadline: timedelta, undo: str, wave: Wave | None = None) -> Step:
        usual: Past = {
            StepKind.PREPARE: timedelta(seconds=20 if self.spec.build else 1),
            StepKind.START: timedelta(seconds=1),
            StepKind.PROBE: probing(self.asked)[0],
            StepKind.DRAIN: min(duration(self.asked.target.drain), timedelta(seconds=2)),
            StepKind.STOP: timedelta(seconds=1),
        } | {kind: took for kind, took in self.past.items() if kind not in (StepKind.BAKE, StepKind.PAUSE)}
        at = (wave.number, wave.percent, wave.instances) if wave else (0, 0, 0)
        return Step(kind, self.release.number, *at, deadline, usual.get(kind, timedelta(0)), undo)


def probing(asked: Environment) -> tuple[timedelta, timedelta]:
    """Return how long probing should take, and after how long it is given up."""
    checks = [check.check() for check in asked.checks]
    usual = max((check.delay + (check.passes - 1) * check.every for check in checks), default=timedelta(0))
    return usual, max((check.delay + check.deadline for check in checks), default=timedelta(0))


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
