"""What `spec.deploy` of a catalog-info.yaml may say, read strictly. Pure.

Unknown keys are errors with their place and a hint; every problem is reported at once. What is read here is frozen into
a deploy by the click, so a later change of the file cannot change a deploy that is under way.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from catalog.yamlfile import Document, Problem, problems_of
from pipelines.gatesettings import Gates, unsound
from pipelines.metricsettings import MetricSettings
from pipelines.watch import label
from production.settings import CheckSettings, Duration, Settings, TargetSettings

BAKE = timedelta(minutes=2)
DEADLINE = timedelta(minutes=15)
BUILD_DEADLINE = timedelta(minutes=10)
KEEP = timedelta(minutes=10)
PATIENCE = timedelta(hours=24)

PATH = ("spec", "deploy")
EnvironmentName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]


class Stair(Settings):
    """One wave of a canary, where more than its weight is said."""

    weight: int = Field(ge=1, le=100, description="percent of the traffic")
    bake: Duration | None = Field(None, description="how long this wave is watched")
    pause: bool = Field(False, description="afterwards a person says when it goes on")


class Rolling(Settings):
    """So many instances at a time. The first batch is watched like a canary; the others wait for `wait`."""

    limit: int | None = Field(None, ge=1, description="instances per batch")
    percent: int | None = Field(None, ge=1, le=100, description="of the instances, per batch")
    wait: Duration | None = Field(None, description="how long each batch after the first is watched")

    @model_validator(mode="after")
    def _is_one_size(self) -> "Rolling":
        if (self.limit is None) == (self.percent is None):
            raise ValueError("say how large a batch is, either by `limit` (instances) or by `percent`")
        return self

    def batch(self, instances: int) -> int:
        """Return how many instances go at a time."""
        return self.limit or max(1, instances * (self.percent or 0) // 100)


class BlueGreen(Settings):
    """All of the new release is made ready beside the old one, then all traffic moves at once."""

    preview: Duration = Field(timedelta(0), description="how long the new one is watched before it gets any traffic")


def _stair(said: Any) -> Any:
    if said == "pause":
        raise ValueError("say `{weight: 10, pause: true}` for a wave after which a person says when it goes on")
    return {"weight": said} if isinstance(said, int) and not isinstance(said, bool) else said


def _rolling(said: Any) -> Any:
    return {"limit": said} if isinstance(said, int) and not isinstance(said, bool) else said


def _blue_green(said: Any) -> Any:
    return {} if said is True else said


NAMES = ("all-at-once", "rolling", "canary", "blue-green")


class Strategy(Settings):
    """How traffic moves: `all-at-once` (the default), `rolling` by batches, `canary` by weights, or `blue-green`."""

    canary: tuple[Annotated[Stair, BeforeValidator(_stair)], ...] | None = Field(
        None, min_length=1, max_length=20, description="percent per wave, up to 100"
    )
    rolling: Annotated[Rolling, BeforeValidator(_rolling)] | None = None
    blue_green: Annotated[BlueGreen, BeforeValidator(_blue_green)] | None = Field(None, alias="blue-green")
    bake: Duration | None = Field(None, description="how long each wave is watched")

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, said: Any) -> Any:
        named: dict[Any, Any] = {"all-at-once": {}, "rolling": {"rolling": 1}, "blue-green": {"blue-green": {}}}
        if isinstance(said, str):
            if said not in named:
                raise ValueError(f"there is no strategy {said!r}; there are {', '.join(NAMES[:-1])} and {NAMES[-1]}")
            return named[said]
        return said

    @model_validator(mode="after")
    def _is_a_staircase(self) -> "Strategy":
        said = [name for name in ("canary", "rolling", "blue_green") if getattr(self, name) is not None]
        if len(said) > 1:
            raise ValueError(f"{' and '.join(said).replace('_', '-')} exclude each other; choose one")
        steps = [stair.weight for stair in self.canary] if self.canary else [100]
        if steps != sorted(set(steps)) or steps[-1] != 100:
            raise ValueError("the percentages of canary grow from 1 to 100 and end with 100, like [10, 50, 100]")
        return self

    @property
    def name(self) -> str:
        if self.blue_green is not None:
            return "blue-green"
        return "canary" if self.canary else "rolling" if self.rolling else "all at once"


class Judge(Settings):
    """How the new release's errors are weighed against the old one's while both serve."""

    alpha: float = Field(0.01, gt=0, lt=0.5, description="how often a release that is as good may be put back")
    tolerance: float = Field(1.25, ge=1, le=10, description="a rise below this factor is not worth going back")
    worst: float = Field(5.0, gt=0, le=100, description="percent of failed requests that is too much in any case")
    inconclusive: Literal["go-on", "pause"] = Field("go-on", description="with too little traffic to tell")


def _answers(target: dict[Any, Any]) -> bool:
    return bool(target.get("url") or target.get("status"))


def _judge(said: Any) -> Any:
    return None if said is False or said == "off" else {} if said is True else said


class Environment(Settings):
    """One environment: where it runs, how a change goes out, and what must hold while it does."""

    target: TargetSettings
    strategy: Strategy = Strategy()
    checks: tuple[CheckSettings, ...] = (CheckSettings(http="/healthz"),)
    bake: Duration = BAKE
    deadline: Duration = Field(
        DEADLINE, description="for the whole deploy without baking; what takes longer is put back"
    )
    keep: Duration | None = Field(
        None, description="how long the old release stays warm for the way back; blue-green: 10m, else 0s"
    )
    patience: Duration = Field(PATIENCE, description="how long a pause waits for a person before it goes back")
    judge: Annotated[Judge | None, BeforeValidator(_judge)] = Judge()
    analysis: tuple[MetricSettings, ...] = Field((), max_length=20, description="what is measured while it is watched")
    gates: Gates = Gates()
    irreversible: tuple[str, ...] = Field((), description="globs of files whose change cannot be taken back")
    reversible: tuple[str, ...] = Field((), description="globs of migrations that can be taken back, whatever they say")
    continuous: bool = Field(False, description="what is green on the default branch goes out by itself")

    @model_validator(mode="before")
    @classmethod
    def _asks_only_where_it_answers(cls, said: Any) -> Any:
        """What a script deploys has no check by default where its target does not say where it answers."""
        target = said.get("target") if isinstance(said, dict) else None
        is_deaf = isinstance(target, dict) and target.get("kind") == "command" and not _answers(target)
        return {**said, "checks": ()} if is_deaf and "checks" not in said else said

    @model_validator(mode="after")
    def _can_be_asked(self) -> "Environment":
        asks = next((check for check in self.checks if check.http or check.tcp), None)
        if asks is not None and self.target.kind == "command" and not (self.target.url or self.target.status):
            said = f"the check {label(asks.check())!r} has nowhere to ask"
            raise ValueError(f"{said}; give the target `url` or `status`, or choose a check that is a command")
        return self

    @model_validator(mode="after")
    def _can_be_shared(self) -> "Environment":
        shared = self.strategy.canary or self.strategy.rolling or self.strategy.blue_green
        if shared and not self.target.side_by_side:
            raise ValueError(
                f"{self.strategy.name} needs both releases at the same time; give the target a `weigh` command, "
                "or leave the strategy out"
            )
        return self

    @model_validator(mode="after")
    def _asks_nothing_twice(self) -> "Environment":
        names = [metric.name for metric in self.analysis]
        if double := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"the metric {double!r} stands here twice; give one of them another name")
        asked = [label(check.check()) for check in self.checks]
        twice = next((name for name in asked if asked.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the check {twice!r} stands here twice; keep one of them")
        return self

    @property
    def warm(self) -> timedelta:
        """How long the old release stays warm."""
        if self.keep is not None:
            return self.keep
        return KEEP if self.strategy.blue_green is not None else timedelta(0)

    @property
    def watched(self) -> timedelta:
        """How long each wave is watched: the strategy's own bake time, else the environment's."""
        return self.bake if self.strategy.bake is None else self.strategy.bake


class DeploySpec(Settings):
    """The whole block."""

    build: tuple[str, ...] = Field((), description="argv, run once per revision in a clean checkout")
    environments: dict[EnvironmentName, Environment] = Field(min_length=1)


def read(document: Document) -> tuple[DeploySpec | None, Sequence[Problem]]:
    """Return the block of this document, or every problem it has; (None, ()) when there is none."""
    said = document.value(PATH)
    if said is None:
        return None, ()
    try:
        spec = DeploySpec.model_validate(said)
    except ValidationError as error:
        return None, sorted(problems_of(error, document, PATH), key=lambda problem: problem.place)
    wrong = [
        Problem(document.place((*PATH, "environments", *path), key=True), "soak", message, hint)
        for path, message, hint in unsound({name: one.gates for name, one in spec.environments.items()})
    ]
    return (None, wrong) if wrong else (spec, ())


def problems(document: Document, _path: tuple[str, ...] = PATH) -> Sequence[Problem]:
    """The block's reader as catalog.validate wants it."""
    return read(document)[1]
