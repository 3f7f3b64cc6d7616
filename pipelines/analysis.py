"""What the measurements of metrics mean, by the rules of Argo Rollouts' analysis; two of ours are stricter. Pure.

Ours (`outcome`): a metric past two limits is Failed first, and one that never had a number is no success.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import isnan

from pipelines.conditions import Condition, Unevaluable, shown
from pipelines.metricsettings import MetricSettings
from production.metricsport import Answer, NoData, Trouble, Values

KEPT = 10  # measurements
AFTER_AN_ERROR = timedelta(seconds=10)  # when a measurement that could not be made is made again


class Phase(StrEnum):
    """Of a measurement, a metric or all metrics; each is worse than the one above it."""

    SUCCESSFUL = "successful"
    RUNNING = "running"
    PENDING = "pending"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    FAILED = "failed"


WORST_LAST = tuple(Phase)


@dataclass(frozen=True)
class Measurement:
    """One look. `value` is written for people; `said` is why it is what it is, with the numbers."""

    phase: Phase
    at: datetime
    value: str
    said: str


@dataclass(frozen=True)
class MetricRun:
    """How a metric has done so far. `ended`: no more is measured. `known`: how it failed before the deploy already."""

    name: str
    began: datetime
    next_at: datetime
    successful: int = 0
    failed: int = 0
    error: int = 0
    inconclusive: int = 0
    consecutive_success: int = 0
    consecutive_error: int = 0
    measurements: tuple[Measurement, ...] = ()  # the last ones
    ended: Phase | None = None
    known: str = ""

    @property
    def count(self) -> int:
        """How many measurements count; errors are repeated and do not."""
        return self.successful + self.failed + self.inconclusive

    @property
    def last(self) -> Measurement | None:
        return self.measurements[-1] if self.measurements else None


def began(metric: MetricSettings, at: datetime, before: Measurement | None = None) -> MetricRun:
    """Return the run that begins now. `before`: what the metric said before the deploy, if it asks for that."""
    known = before.said if before is not None and before.phase is Phase.FAILED else ""
    return MetricRun(metric.name, at, at + metric.initial_delay, known=known)


def due(run: MetricRun, metric: MetricSettings, now: datetime) -> bool:
    """Is it time to measure? A clock that was set back does not hold it up."""
    last = run.last.at if run.last else run.began
    return run.ended is None and (now >= run.next_at or now < last)


def next_look(runs: Sequence[MetricRun], metrics: Sequence[MetricSettings], now: datetime) -> datetime | None:
    """Return when the next measurement is due, at the earliest now; None when all have ended."""
    times = [now if due(run, metric, now) else run.next_at for run, metric in _pairs(runs, metrics) if not run.ended]
    return max(now, min(times)) if times else None


def measurement(metric: MetricSettings, answer: Answer, at: datetime) -> Measurement:
    """Return what one answer means for this metric."""
    match answer:
        case Trouble(why):
            return Measurement(Phase.ERROR, at, "", why)
        case NoData(why, partial=True):
            return Measurement(Phase.INCONCLUSIVE, at, "", f"no data: {why}")
        case NoData(why):
            return _judged(metric, (), at, f"no data: {why}")
        case Values():
            return _judged(metric, answer.numbers, at, "no data: the result is NaN")


def _judged(metric: MetricSettings, numbers: Sequence[float], at: datetime, unknown: str) -> Measurement:
    """A failure wins; what nobody knows, and what is neither good nor bad, is inconclusive."""
    value, success, failure = written(numbers), metric.success, metric.failure
    try:
        good = success.holds(numbers) if success else None
        bad = failure.holds(numbers) if failure else None
    except Unevaluable as error:
        return Measurement(Phase.ERROR, at, value, str(error))
    if failure and bad:
        return Measurement(Phase.FAILED, at, value, _why(failure, numbers))
    if (success and good is None) or (failure and bad is None):
        why = unknown if not numbers or any(isnan(one) for one in numbers) else "nobody knows"
        return Measurement(Phase.INCONCLUSIVE, at, value, why)
    if success is None and failure:
        return Measurement(Phase.SUCCESSFUL, at, value, _why(failure, numbers))
    if success and (good or failure is None):
        return Measurement(Phase.SUCCESSFUL if good else Phase.FAILED, at, value, _why(success, numbers))
    return Measurement(Phase.INCONCLUSIVE, at, value, f"{value or 'nothing'} is neither a success nor a failure")


def _why(decided: Condition, numbers: Sequence[float]) -> str:
    return decided.reason(numbers) or decided.text


def written(numbers: Sequence[float]) -> str:
    """Write a result for people.

    >>> written([0.031]), written([1, 2, 3, 4, 5, 6])
    ('0.031', '[1, 2, 3, 4, 5 and 1 more]')
    """
    if len(numbers) == 1:
        return shown(numbers[0])
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return f"[{', '.join(shown(one) for one in numbers[:5])}{more}]" if numbers else ""


def measured(run: MetricRun, metric: MetricSettings, answer: Answer, at: datetime) -> MetricRun:
    """Return the run with one more measurement in it; one that has ended stays as it is."""
    if run.ended is not None:
        return run
    new = measurement(metric, answer, at)
    error, success = new.phase is Phase.ERROR, new.phase is Phase.SUCCESSFUL
    run = replace(
        run,
        successful=run.successful + success,
        failed=run.failed + (new.phase is Phase.FAILED),
        error=run.error + error,
        inconclusive=run.inconclusive + (new.phase is Phase.INCONCLUSIVE),
        consecutive_success=run.consecutive_success + 1 if success else 0,
        consecutive_error=run.consecutive_error + 1 if error else 0,
        measurements=(*run.measurements, new)[-KEPT:],
        next_at=at + (AFTER_AN_ERROR if error or metric.interval is None else metric.interval),
    )
    phase = assess(run, metric)
    return run if phase is Phase.RUNNING else replace(run, ended=phase)


def assess(run: MetricRun, metric: MetricSettings, stopping: bool = False) -> Phase:
    """Return the phase of one metric in Argo Rollouts' order. `stopping`: no more will be measured."""
    if run.ended is not None:
        return run.ended
    if run.last is None:
        return Phase.SUCCESSFUL if stopping else Phase.PENDING
    over = [phase for phase, is_over in _limits(run, metric) if is_over]
    if over:
        return over[-1]  # the later overwrites the earlier
    wanted = metric.consecutive_success_limit
    if wanted and run.consecutive_success >= wanted:
        return Phase.SUCCESSFUL
    if metric.times is not None and run.count >= metric.times:
        if wanted:
            return Phase.FAILED if metric.failure_limit < 0 else Phase.INCONCLUSIVE
        return Phase.SUCCESSFUL
    return Phase.SUCCESSFUL if stopping else Phase.RUNNING


def _limits(run: MetricRun, metric: MetricSettings) -> Sequence[tuple[Phase, bool]]:
    return (
        (Phase.FAILED, 0 <= metric.failure_limit < run.failed),
        (Phase.INCONCLUSIVE, run.inconclusive > metric.inconclusive_limit),
        (Phase.ERROR, run.consecutive_error > metric.consecutive_error_limit),
    )


def outcome(run: MetricRun, metric: MetricSettings, stopping: bool = False) -> Phase:
    """Return what a deploy goes by: past two limits is Failed, and without a single number there is no success."""
    phase = assess(run, metric, stopping)
    if 0 <= metric.failure_limit < run.failed:
        return Phase.FAILED
    if phase is Phase.SUCCESSFUL and run.successful + run.failed == 0:
        return Phase.INCONCLUSIVE
    return phase


def decides(run: MetricRun, metric: MetricSettings) -> bool:
    """Does this metric decide anything, or does it only warn?"""
    return not metric.dry_run and not run.known


def meant(runs: Sequence[MetricRun], metrics: Sequence[MetricSettings], stopping: bool = False) -> Phase:
    """Return the worst outcome of the metrics that decide; Successful when there are none."""
    phases = [outcome(run, metric, stopping) for run, metric in _pairs(runs, metrics) if decides(run, metric)]
    return max(phases, key=WORST_LAST.index, default=Phase.SUCCESSFUL)


def _pairs(runs: Sequence[MetricRun], metrics: Sequence[MetricSettings]) -> Sequence[tuple[MetricRun, MetricSettings]]:
    by_name = {metric.name: metric for metric in metrics}
    return [(run, by_name[run.name]) for run in runs if run.name in by_name]
