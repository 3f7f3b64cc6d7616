"""What `spec.deploy.environments.NAME.analysis` may say: Argo Rollouts' fields of a metric, and ours. Pure.

A condition that cannot be read, a pattern that is none and limits that can never be reached are errors of the file.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from pipelines.conditions import Condition, condition
from production.logpattern import line_finder
from production.metricsport import LONGEST_QUERY
from production.promql import filled
from production.settings import Duration, Settings

SOURCE = "prometheus"  # when none is named

# What {{…}} may stand for in the strings of a query.
PLACES = ("service", "environment", "release", "base", "revision")


class MetricSettings(Settings):
    """One metric: where its result comes from, when it is measured, and what is made of it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$", max_length=60)]
    query: str | None = Field(
        None, min_length=1, max_length=LONGEST_QUERY, description="PromQL; the result is its values"
    )
    source: str | None = Field(None, min_length=1, description="name of a metrics source; else prometheus")
    log: str | None = Field(None, description="RE2 pattern; the result is the matching lines per minute of the new")
    interval: Duration | None = None
    initial_delay: Duration = Field(timedelta(0), alias="initialDelay")
    count: int | None = Field(
        None, ge=1, le=10_000, description="measurements; else one, or with interval until the end"
    )
    success_condition: str | None = Field(None, alias="successCondition")
    failure_condition: str | None = Field(None, alias="failureCondition")
    failure_limit: int = Field(0, alias="failureLimit", ge=-1, description="failed measurements allowed; -1: any")
    inconclusive_limit: int = Field(0, alias="inconclusiveLimit", ge=0)
    consecutive_error_limit: int = Field(4, alias="consecutiveErrorLimit", ge=0)
    consecutive_success_limit: int = Field(0, alias="consecutiveSuccessLimit", ge=0, description="0: not asked for")
    before: Literal["ignore"] | None = Field(None, description="ignore: what failed before the deploy only warns")
    dry_run: bool = Field(False, alias="dryRun", description="measured and shown; decides nothing")

    @field_validator("success_condition", "failure_condition")
    @classmethod
    def _can_be_read(cls, text: str | None) -> str | None:
        if text is not None:
            condition(text)
        return text

    @field_validator("log")
    @classmethod
    def _is_a_pattern(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            line_finder(pattern)
        return pattern

    @field_validator("query")
    @classmethod
    def _can_be_filled(cls, query: str | None) -> str | None:
        if query is not None:
            filled(query, dict.fromkeys(PLACES, ""))
        return query

    @model_validator(mode="after")
    def _measures_one_thing(self) -> "MetricSettings":
        if (self.query is None) == (self.log is None):
            raise ValueError(f"{self.name} needs exactly one of query and log")
        if self.log is not None and (self.source is not None or self.before is not None):
            raise ValueError(f"{self.name} counts lines of the new instances: neither source nor before goes with log")
        if self.success_condition is None and self.failure_condition is None:
            raise ValueError(f"{self.name} needs a successCondition or a failureCondition, like result < 0.01")
        return self

    @model_validator(mode="after")
    def _can_come_to_an_end(self) -> "MetricSettings":
        if self.interval is None and (self.count or 1) > 1:
            raise ValueError(f"{self.name} is measured {self.count} times, so it needs an interval, like 30s")
        if self.interval is not None and self.interval < timedelta(seconds=1):
            raise ValueError(f"{self.name} is measured too often; its interval must be 1s or more")
        for limit, said in ((self.failure_limit, "failureLimit"), (self.inconclusive_limit, "inconclusiveLimit")):
            if self.times is not None and limit > self.times:
                raise ValueError(f"{said} of {self.name} is {limit}, but there are only {self.times} measurements")
        if self.times is not None and self.consecutive_success_limit > self.times:
            raise ValueError(f"{self.name} can never pass {self.consecutive_success_limit} times in a row: raise count")
        return self

    @property
    def times(self) -> int | None:
        """How often it is measured, None for as long as it is watched."""
        return self.count or (1 if self.interval is None else None)

    @property
    def asked(self) -> str:
        """Return the name of the metrics source that is asked."""
        return self.source or SOURCE

    def promql(self, values: Mapping[str, str]) -> str:
        """Return the query with its places filled; `values` names each of PLACES."""
        return filled(self.query or "", values)

    @property
    def success(self) -> Condition | None:
        return None if self.success_condition is None else condition(self.success_condition)

    @property
    def failure(self) -> Condition | None:
        return None if self.failure_condition is None else condition(self.failure_condition)
