"""What `spec.deploy` of a catalog-info.yaml may say, read strictly. Pure.

Unknown keys are errors with their place and a hint; every problem is reported at once. What is read here is frozen into
a deploy by the click, so a later change of the file cannot change a deploy that is under way.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from catalog.yamlfile import Document, Problem, problems_of
from pipelines.watch import label
from production.settings import CheckSettings, Duration, Settings, TargetSettings

BAKE = timedelta(minutes=2)
DEADLINE = timedelta(minutes=15)
BUILD_DEADLINE = timedelta(minutes=10)

PATH = ("spec", "deploy")
EnvironmentName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")]


class Strategy(Settings):
    """How traffic moves: `all-at-once` (the default), `rolling` by so many instances, or `canary` by percentages."""

    canary: tuple[int, ...] | None = Field(None, min_length=1, max_length=20, description="percent per wave, up to 100")
    rolling: int | None = Field(None, ge=1, description="instances per wave")
    bake: Duration | None = Field(None, description="how long each wave is watched")

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, said: Any) -> Any:
        if said == "all-at-once":
            return {}
        if said == "rolling":
            return {"rolling": 1}
        if isinstance(said, str):
            raise ValueError(f"there is no strategy {said!r}; there are all-at-once, rolling and canary")
        return said

    @model_validator(mode="after")
    def _is_a_staircase(self) -> "Strategy":
        if self.canary is not None and self.rolling is not None:
            raise ValueError("canary and rolling exclude each other; choose one")
        steps = self.canary or (100,)
        if list(steps) != sorted(set(steps)) or steps[0] < 1 or steps[-1] != 100:
            raise ValueError("the percentages of canary grow from 1 to 100 and end with 100, like [10, 50, 100]")
        return self

    @property
    def name(self) -> str:
        return "canary" if self.canary else "rolling" if self.rolling else "all at once"


class Environment(Settings):
    """One environment: where it runs, how a change goes out, and what must hold while it does."""

    target: TargetSettings
    strategy: Strategy = Strategy()
    checks: tuple[CheckSettings, ...] = (CheckSettings(http="/healthz"),)
    bake: Duration = BAKE
    deadline: Duration = Field(
        DEADLINE, description="for the whole deploy without baking; what takes longer is put back"
    )

    @model_validator(mode="after")
    def _asks_nothing_twice(self) -> "Environment":
        asked = [label(check.check()) for check in self.checks]
        twice = next((name for name in asked if asked.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the check {twice!r} stands here twice; keep one of them")
        return self

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
        return DeploySpec.model_validate(said), ()
    except ValidationError as error:
        return None, sorted(problems_of(error, document, PATH), key=lambda problem: problem.place)


def problems(document: Document, _path: tuple[str, ...] = PATH) -> Sequence[Problem]:
    """The block's reader as catalog.validate wants it."""
    return read(document)[1]
