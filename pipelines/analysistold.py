"""How a metric has done, as one sentence with its numbers. Pure."""

from pipelines.analysis import Measurement, MetricRun, Phase, outcome
from pipelines.metricsettings import MetricSettings


def sentence(run: MetricRun, metric: MetricSettings, stopping: bool = False) -> str:
    """Say what the metric means and why: “errors = 0.031 > 0.01 in 2 of 3 measurements, the limit is 1”."""
    said = {
        Phase.FAILED: _failed,
        Phase.INCONCLUSIVE: _inconclusive,
        Phase.ERROR: _error,
        Phase.SUCCESSFUL: _successful,
        Phase.RUNNING: _running,
        Phase.PENDING: _pending,
    }[outcome(run, metric, stopping)](run, metric)
    if metric.dry_run:
        return f"{said}; this is a dry run and decides nothing"
    return f"{said}; it was so before the deploy ({run.known}), so it only warns" if run.known else said


def _failed(run: MetricRun, metric: MetricSettings) -> str:
    if not 0 <= metric.failure_limit < run.failed:
        return _too_few_in_a_row(run, metric)
    return f"{_last(run, Phase.FAILED)} in {run.failed} of {_times(run.count)}, the limit is {metric.failure_limit}"


def _inconclusive(run: MetricRun, metric: MetricSettings) -> str:
    if run.inconclusive > metric.inconclusive_limit:
        limit = metric.inconclusive_limit
        return f"{_last(run, Phase.INCONCLUSIVE)} in {run.inconclusive} of {_times(run.count)}, the limit is {limit}"
    if run.successful + run.failed:
        return _too_few_in_a_row(run, metric)
    return f"{_last(run)}, so nothing is known" if run.last else f"{run.name} was never measured, so nothing is known"


def _too_few_in_a_row(run: MetricRun, metric: MetricSettings) -> str:
    row = f"{run.consecutive_success} in a row, {metric.consecutive_success_limit} are needed"
    return f"{run.name} passed {run.successful} of {_times(run.count)} and ended with {row}"


def _error(run: MetricRun, metric: MetricSettings) -> str:
    times = f"{run.consecutive_error} times in a row, the limit is {metric.consecutive_error_limit}"
    return f"{run.name} could not be measured {times}: {run.last.said if run.last else ''}"


def _successful(run: MetricRun, _metric: MetricSettings) -> str:
    return f"{_last(run, Phase.SUCCESSFUL)}; good in {run.successful} of {_times(run.count)}"


def _running(run: MetricRun, metric: MetricSettings) -> str:
    of = f"{run.count} of {metric.times}" if metric.times is not None else f"{run.count}"
    bad = f", {run.failed} failed, the limit is {metric.failure_limit}" if run.failed else ""
    return f"{_last(run)}; {of} measurement{'' if of == '1' else 's'} so far{bad}"


def _pending(run: MetricRun, _metric: MetricSettings) -> str:
    return f"{run.name} is not measured yet"


def _last(run: MetricRun, phase: Phase | None = None) -> str:
    """Name the metric with what was last said of it in that phase; it is forgotten after ten measurements."""
    told = [one for one in run.measurements if phase in (None, one.phase)]
    return _joined(run.name, told[-1]) if told else f"{run.name} was {phase}"


def _joined(name: str, one: Measurement) -> str:
    is_number = one.said[:1].isdigit() or one.said[:1] in ("-", "+")
    return f"{name} = {one.said}" if is_number else f"{name}: {one.said}"


def _times(count: int) -> str:
    return f"{count} measurement{'' if count == 1 else 's'}"
