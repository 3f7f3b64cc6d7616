"""Measures what the file asks for: once before anything changes, then while a release is watched.

A metric that its source has never heard of is a mistake in the file, and stops a deploy before it has begun.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from pipelines import analysis
from pipelines.analysis import Measurement, MetricRun, Phase
from pipelines.analysistold import sentence
from pipelines.deploy import Deploy, Fact, Kind
from pipelines.metricsettings import MetricSettings
from pipelines.plan import Plan
from pipelines.proof import Proof
from pipelines.world import Came, Ports
from production import logcount
from production.metricsport import Answer, Tail, Trouble

AGAIN = timedelta(seconds=2)  # until a source that could not be asked is asked again


def before(deploy: Deploy, plan: Plan, ports: Ports) -> Came:
    """Ask each source whether it knows what it will be asked for, and how a metric is that may have failed before."""
    now = ports.clock()
    unheard, troubles, earlier = [], [], []
    for metric in plan.metrics:
        if metric.query is None:
            continue
        promql = metric.promql(_places(plan))
        told = ports.metrics.unknown(metric.asked, promql)
        if isinstance(told, Trouble):
            troubles.append(f"{metric.name}: {told.why}")
            if told.permanent:
                unheard.append(f"{metric.name}: {told.why}")
        else:
            unheard += [f"{metric.name}: {one.said}" for one in told]
        if metric.before == "ignore":
            measured = analysis.measurement(metric, ports.metrics.query(metric.asked, promql, now), now)
            earlier.append((metric.name, measured))
    proof = replace(deploy.proof, earlier=tuple(earlier))
    if unheard:
        return Came(Fact(Kind.STEP_FAILED, "; ".join(unheard), proof=proof))
    if troubles:
        return Came(Fact(Kind.OBSERVED, "; ".join(troubles), lines=tuple(troubles)), now + AGAIN)
    known = [f"{name} failed already: {one.said}" for name, one in earlier if one.phase is Phase.FAILED]
    count = f"{len(plan.metrics)} metric{'' if len(plan.metrics) == 1 else 's'} known"
    return Came(Fact(Kind.STEP_DONE, "; ".join([count, *known]), tuple(known), proof=proof))


def measured(
    proof: Proof, plan: Plan, began: datetime, files: Sequence[Path], ports: Ports
) -> tuple[Proof, tuple[str, ...]]:
    """Measure what is due; return the proof, and lines for the log."""
    if not plan.metrics:
        return proof, ()
    if not proof.runs or proof.runs[0].began < began:
        proof = _anew(proof, plan, began, files)
    runs, tails, lines = [], dict(proof.tails), []
    for run, metric in zip(proof.runs, plan.metrics, strict=True):
        now = ports.clock()
        if analysis.due(run, metric, now):
            answer, tail = _asked(metric, run, plan, tails.get(metric.name, Tail()), files, ports, now)
            run = analysis.measured(run, metric, answer, now)
            tails[metric.name] = tail
            last = run.last
            if last is not None and (last.phase is not Phase.SUCCESSFUL or run.count == 1):
                lines.append(f"{metric.name}: {last.said or last.value}, {last.phase}")
        runs.append(run)
    return replace(proof, runs=tuple(runs), tails=tuple(tails.items())), tuple(lines)


def _anew(proof: Proof, plan: Plan, began: datetime, files: Sequence[Path]) -> Proof:
    """Each wave is measured for itself. Lines are counted from where the first one began."""
    earlier: Mapping[str, Measurement] = dict(proof.earlier)
    runs = tuple(analysis.began(metric, began, earlier.get(metric.name)) for metric in plan.metrics)
    tails = proof.tails or tuple((metric.name, logcount.ends(files)) for metric in plan.metrics if metric.log)
    return replace(proof, runs=runs, tails=tails)


def _asked(
    metric: MetricSettings, run: MetricRun, plan: Plan, tail: Tail, files: Sequence[Path], ports: Ports, now: datetime
) -> tuple[Answer, Tail]:
    if metric.log is None:
        return ports.metrics.query(metric.asked, metric.promql(_places(plan)), now), tail
    counted = logcount.count(files, metric.log, tail)
    return counted.answer(now - (run.last.at if run.last else run.began)), counted.tail


def _places(plan: Plan) -> Mapping[str, str]:
    """Return what {{…}} stands for in a query."""
    return {
        "service": plan.service.rpartition("/")[2],
        "environment": plan.environment,
        "release": str(plan.release.number),
        "base": str(plan.base.number) if plan.base else "",
        "revision": plan.release.revision,
    }


def verdict(proof: Proof, plan: Plan, *, stopping: bool) -> tuple[Phase, str]:
    """Return what the metrics say together, and the sentence of the one that decides."""
    phase = analysis.meant(proof.runs, plan.metrics, stopping)
    by_name = {metric.name: metric for metric in plan.metrics}
    told = [
        sentence(run, by_name[run.name], stopping)
        for run in proof.runs
        if run.name in by_name
        and analysis.outcome(run, by_name[run.name], stopping) is phase
        and analysis.decides(run, by_name[run.name])
    ]
    return phase, "; ".join(told[:3])


def next_look(proof: Proof, plan: Plan, now: datetime) -> datetime | None:
    """Return when something is to be measured next."""
    return analysis.next_look(proof.runs, plan.metrics, now)
