"""What `spec.objectives` and `spec.oncall` of a catalog-info.yaml may say, read strictly. Pure.

Unknown keys are errors with their place and a hint; every problem is reported at once. Nothing here asks whether a
query can be answered or an escalation exists.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, RootModel, ValidationError, model_validator

from catalog.places import Document, Problem
from catalog.rules import Text, link
from catalog.wording import problems_of
from production.settings import Duration, Settings

DAY = timedelta(days=1)
LONGEST = 366 * DAY


def _percent(target: float) -> float:
    if not 1 <= target < 100:
        raise ValueError("needs percent, from 1 to less than 100, like 99.9")
    return target


def _whole_days(window: timedelta) -> timedelta:
    if not DAY <= window <= LONGEST or window % DAY:
        raise ValueError("needs whole days, from 1d to 366d, like 30d")
    return window


class Objective(Settings):
    """So much of what is asked of a service shall be good, over the last days."""

    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    target: Annotated[float, AfterValidator(_percent)] = Field(description="percent that shall be good, like 99.9")
    window: Annotated[Duration, AfterValidator(_whole_days)] = Field(description="whole days, like 30d")
    errors: Text = Field(description="query of the metrics: how many went wrong")
    total: Text = Field(description="query of the metrics: how many there were")


class Objectives(RootModel[Annotated[tuple[Objective, ...], Field(min_length=1, max_length=50)]]):
    """The whole block: a list of objectives, each with a name of its own."""

    @model_validator(mode="after")
    def _names_none_twice(self) -> "Objectives":
        names = [objective.name for objective in self.root]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f'"{twice}" stands here twice; give one of them another name')
        return self


class OnCall(Settings):
    """Who is called, and what they open first."""

    escalation: Text = Field(description="name of the escalation that is followed")
    runbook: Annotated[str, AfterValidator(link)] | None = Field(None, description="address of the page to open first")


def objectives(document: Document, path: tuple[str, ...]) -> Sequence[Problem]:
    """The reader of `spec.objectives` as catalog.validate wants it."""
    return _problems(Objectives, document, path)


def oncall(document: Document, path: tuple[str, ...]) -> Sequence[Problem]:
    """The reader of `spec.oncall` as catalog.validate wants it."""
    return _problems(OnCall, document, path)


def _problems(model: type[BaseModel], document: Document, path: tuple[str, ...]) -> Sequence[Problem]:
    try:
        model.model_validate(document.value(path))
    except ValidationError as error:
        return problems_of(error, document, path, model=model)
    return ()
