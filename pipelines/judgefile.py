"""What a file for `fullcycle judge` may say: JSON or YAML, for one of the two methods. Pure: text in, settings out.

Unknown keys are errors with a hint, and all problems are reported at once with their place. Nothing that can be written
into such a file makes `read` raise or run for long.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from catalog.places import Document, Place, Problem, did_you_mean, quoted
from catalog.yamlfile import problems_of
from catalog.yamlfile import read as read_yaml
from pipelines.evidence import Guard, before_after
from pipelines.judge import MARGINAL, PASS, Effect, Metric
from production.settings import Settings

METHODS = ("mannwhitney", "eprocess")
NO_NUMBERS = {"nan": math.nan, "null": math.nan, "infinity": math.inf, "inf": math.inf}  # as Prometheus writes them


def _point(said: Any) -> float:
    if said is None:
        return math.nan
    if isinstance(said, str) and said.lower().lstrip("+-") in NO_NUMBERS:
        return NO_NUMBERS[said.lower().lstrip("+-")]  # neither is a value, so the sign is none either
    if isinstance(said, bool) or not isinstance(said, int | float):
        raise ValueError(f"a value is a number, or null or NaN where there is none, not {quoted(said)}")
    return float(said) if abs(said) < 1e308 else math.inf


def _share(said: Any) -> float:
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 < said < 1:
        raise ValueError(f"a share is more than 0 and less than 1, so 10 % is 0.1, not {quoted(said)}")
    return float(said)


Points = tuple[Annotated[float, BeforeValidator(_point)], ...]
Count = Annotated[int, Field(strict=True, ge=0, le=10**12)]
Ratio = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Percent = Annotated[float, Field(strict=True, ge=0, le=100)]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class CamelSettings(Settings, alias_generator=to_camel):
    """Keys as Kayenta writes them."""


class EffectSize(CamelSettings):
    measure: Literal["meanRatio", "cles"] = "meanRatio"
    allowed_increase: Ratio | None = None
    allowed_decrease: Ratio | None = None
    critical_increase: Ratio | None = None
    critical_decrease: Ratio | None = None


class Outliers(CamelSettings):
    strategy: Literal["keep", "remove"] = "keep"
    outlier_factor: Ratio = 3.0


class MetricSettings(CamelSettings):
    name: Text
    baseline: Points
    canary: Points
    direction: Literal["increase", "decrease", "either"] = "either"
    nan_strategy: Literal["remove", "replace"] = "remove"
    outliers: Outliers = Outliers()
    effect_size: EffectSize = EffectSize()
    critical: bool = Field(False, strict=True)
    must_have_data: bool = Field(False, strict=True)
    muted: bool = Field(False, strict=True)
    groups: tuple[Text, ...] = Field(("metrics",), min_length=1)

    def metric(self) -> Metric:
        return Metric(
            self.name,
            self.baseline,
            self.canary,
            self.direction,
            self.nan_strategy,
            self.outliers.strategy,
            self.outliers.outlier_factor,
            Effect(**self.effect_size.model_dump()),
            self.critical,
            self.must_have_data,
            self.muted,
            self.groups,
        )


class Thresholds(Settings):
    good: Percent = Field(PASS, alias="pass")
    marginal: Percent = MARGINAL

    @model_validator(mode="after")
    def _in_order(self) -> "Thresholds":
        if self.marginal > self.good:
            raise ValueError("marginal cannot be above pass")
        return self


class MannWhitney(CamelSettings):
    method: Literal["mannwhitney"]
    metrics: tuple[MetricSettings, ...] = Field(min_length=1, max_length=1000)
    group_weights: dict[str, Percent] = Field({}, description="percent; groups without one share what is left of 100")
    score_thresholds: Thresholds = Thresholds()

    @model_validator(mode="after")
    def _weights_come_to_100(self) -> "MannWhitney":
        groups = {group for metric in self.metrics for group in metric.groups}
        unknown = next((group for group in self.group_weights if group not in groups), None)
        if unknown is not None:
            hint = did_you_mean(unknown, groups)
            raise ValueError(f"groupWeights: no metric is in {quoted(unknown)}" + (f"; {hint}" if hint else ""))
        total = math.fsum(self.group_weights.values())
        complete = groups == set(self.group_weights)
        if total > 100.001 or (complete and total < 99.999):
            raise ValueError(f"groupWeights: the weights come to {total:g}, and should to 100")
        return self


class Interval(Settings):
    """What came in between two looks: new errors of each side, and their requests where they were counted."""

    canary_errors: Count
    baseline_errors: Count
    canary_requests: Count | None = None
    baseline_requests: Count | None = None
    share: Annotated[float, BeforeValidator(_share)] | None = Field(None, description="the canary's, of the requests")

    @model_validator(mode="after")
    def _has_a_share(self) -> "Interval":
        if (self.canary_requests is None) != (self.baseline_requests is None):
            raise ValueError("canary_requests and baseline_requests belong together; give both or none")
        ours, theirs = self.canary_requests, self.baseline_requests
        if ours is not None and theirs is not None and (self.canary_errors > ours or self.baseline_errors > theirs):
            raise ValueError("more errors than requests")
        if self.share is None and not (ours and theirs):
            raise ValueError("share is missing; give it, or the requests of both sides")
        return self

    @property
    def part(self) -> float:
        ours, theirs = self.canary_requests or 0, self.baseline_requests or 0
        return self.share if self.share is not None else ours / (ours + theirs)


class EProcess(Settings):
    method: Literal["eprocess"]
    alpha: float = Field(0.01, strict=True, ge=1e-12, lt=1, description="false alarms that are put up with")
    tolerance: float = Field(1.0, strict=True, ge=1, le=1000, description="a rise by less is no failure")
    guard: Guard | None = Field(None, description="phi where there is a history, else two-looks")
    intervals: tuple[Interval, ...] | None = None
    after: tuple[Count, ...] | None = Field(None, description="errors per minute since, where nothing old runs beside")
    history: tuple[Count, ...] = Field((), description="errors per minute in the hour before")

    @model_validator(mode="after")
    def _can_be_judged(self) -> "EProcess":
        if (self.intervals is None) == (self.after is None):
            raise ValueError("give either intervals, or after with a history")
        if self.after is not None and len(self.history) < max(len(self.after), 1):
            raise ValueError("after needs a history of at least as many minutes")
        if self.guard == "phi" and len(self.history) < 2:
            raise ValueError("guard: phi comes from a history of some minutes; give one, or another guard")
        return self

    @property
    def guarded(self) -> Guard:
        return self.guard or ("phi" if len(self.history) > 1 else "two-looks")

    def looked_at(self) -> Sequence[Interval]:
        """Return what there is to look at, one after the other; of a comparison with before, each minute since."""
        if self.intervals is not None:
            return self.intervals
        if not self.after:
            return ()
        share, before = before_after(self.history, len(self.after))
        return [
            Interval(share=share, canary_errors=new, baseline_errors=old)
            for new, old in zip(self.after, before, strict=True)
        ]


JudgeFile = MannWhitney | EProcess


def read(text: bytes | str, path: str) -> tuple[JudgeFile | None, Sequence[Problem]]:
    """Return what the file asks, or everything that is wrong with it."""
    documents, problems = read_yaml(_without_tabs(text), path)
    if problems:
        return None, problems
    if len(documents) != 1:
        said = "there is nothing in it" if not documents else f"{len(documents)} documents; one is judged at a time"
        return None, [Problem(Place(path, 1, 1), "documents", said)]
    return _validated(documents[0])


def _without_tabs(text: bytes | str) -> bytes | str:
    """JSON may be indented with tabs, YAML may not; a space in the place of each keeps every place."""
    if isinstance(text, bytes):
        return text.replace(b"\t", b" ") if text.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else text
    return text.replace("\t", " ") if text.lstrip("\ufeff \t\r\n").startswith("{") else text


def _validated(document: Document) -> tuple[JudgeFile | None, Sequence[Problem]]:
    method = document.data.get("method")
    if method not in METHODS:
        said = f"method: needs {' or '.join(METHODS)}, not {quoted(method)}" if method else '"method" is missing'
        hint = did_you_mean(str(method), METHODS) if method else f"it is {' or '.join(METHODS)}"
        return None, [Problem(document.place(("method",), key=True), "method", said, hint)]
    model: type[JudgeFile] = MannWhitney if method == "mannwhitney" else EProcess
    try:
        return model.model_validate(document.data), ()
    except ValidationError as error:
        found = problems_of(error, document, model=model)
        return None, sorted(found, key=lambda problem: problem.place)
