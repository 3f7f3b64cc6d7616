"""Measures what the file asks for: once before anything changes, then while a release is watched.

A metric that its source has never heard of is a mistake in the file, and stops a deploy before it has begun.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from catalog import refs
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
LEAST = timedelta(seconds=1)  # in which lines are counted, before their rate says anything


def before(deploy: Deploy, plan: Plan, ports: Ports) -> Came:
    """Ask each source whether it knows what it will be asked for, and how a metric is that may have failed before."""
    now = ports.clock()
    unheard, troubles, warnings, earlier = [], [], [], []
    for metric in plan.metrics:
        if metric.query is None:
            continue
        wrong, trouble, answer = _tried(metric, plan, ports, now)
        told = [f"{metric.name}: {why}" for why in (*wrong, trouble) if why]
        if metric.dry_run:
            warnings += told  # it decides nothing, so it stops nothing
        else:
            unheard += told if wrong else []
            troubles += [] if wrong else told
        if metric.before == "ignore":
            earlier.append((metric.name, analysis.measurement(metric, answer, now)))
    proof = replace(deploy.proof, earlier=tuple(earlier))
    if unheard:
        return Came(Fact(Kind.STEP_FAILED, "; ".join(unheard), proof=proof))
    if troubles and _is_late(deploy, plan, now):
        return Came(Fact(Kind.STEP_FAILED, f"nothing was changed, for nobody can measure: {'; '.join(troubles)}"))
    if troubles:
        return Came(Fact(Kind.OBSERVED, "; ".join(troubles), lines=tuple(troubles)), now + AGAIN)
    known = [f"{name} failed already: {one.said}" for name, one in earlier if one.phase is Phase.FAILED]
    count = f"{len(plan.metrics)} metric{'' if len(plan.metrics) == 1 else 's'} known"
    return Came(Fact(Kind.STEP_DONE, "; ".join([count, *known, *warnings]), (*known, *warnings), proof=proof))


def _tried(metric: MetricSettings, plan: Plan, ports: Ports, now: datetime) -> tuple[Sequence[str], str, Answer]:
    """Return what is wrong with the metric itself, else why it could not be asked now, and its answer."""
    promql = metric.promql(_places(plan))
    told = ports.metrics.unknown(metric.asked, promql)
    answer = told if isinstance(told, Trouble) else ports.metrics.query(metric.asked, promql, now)
    if isinstance(told, Trouble) or not told:
        if not isinstance(answer, Trouble):
            return (), "", answer
        return ((answer.why,), "", answer) if answer.permanent else ((), answer.why, answer)
    return [one.said for one in told], "", answer


def _is_late(deploy: Deploy, plan: Plan, now: datetime) -> bool:
    return deploy.began_at is not None and now > deploy.began_at + plan.steps[deploy.step].deadline


def measured(
    proof: Proof, plan: Plan, began: datetime, over_at: datetime, files: Sequence[Path], ports: Ports
) -> tuple[Proof, tuple[str, ...]]:
    """Measure what is due; return the proof, and lines for the log. `over_at`: when watching ends."""
    if not plan.metrics:
        return proof, ()
    if not proof.runs or proof.runs[0].began < began:
        proof = _anew(proof, plan, began)
    runs, tails, lines = list[MetricRun](), dict(proof.tails), list[str]()
    for run, metric in zip(proof.runs, plan.metrics, strict=True):
        now = ports.clock()
        if analysis.due(run, metric, now):
            if metric.log is not None and metric.name not in tails:
                tails[metric.name] = logcount.ends(files)
                run = _counting(run, metric, now, over_at)
            else:
                answer, tails = _asked(metric, run, plan, tails, files, ports, now)
                run = analysis.measured(run, metric, answer, now)
                lines += _said(run, metric)
        runs.append(run)
    return replace(proof, runs=tuple(runs), tails=tuple(tails.items())), tuple(lines)


def _anew(proof: Proof, plan: Plan, began: datetime) -> Proof:
    """Each wave is measured for itself, and lines are counted from where it is first due."""
    earlier: Mapping[str, Measurement] = dict(proof.earlier)
    runs = tuple(analysis.began(metric, began, earlier.get(metric.name)) for metric in plan.metrics)
    return replace(proof, runs=runs, tails=())


def _counting(run: MetricRun, metric: MetricSettings, now: datetime, over_at: datetime) -> MetricRun:
    """Lines are counted from now on, and first looked at when some time is over: none in no time is no success."""
    first = over_at if metric.interval is None else min(now + metric.interval, over_at)
    return replace(run, began=now, next_at=max(first, now + LEAST))


def _said(run: MetricRun, metric: MetricSettings) -> Sequence[str]:
    """Return a line for the log: the first measurement, and every one that is not good."""
    last = run.last
    if last is None or (last.phase is Phase.SUCCESSFUL and run.count > 1):
        return ()
    return (f"{metric.name}: {last.said or last.value}, {last.phase}",)


def _asked(
    metric: MetricSettings,
    run: MetricRun,
    plan: Plan,
    tails: Mapping[str, Tail],
    files: Sequence[Path],
    ports: Ports,
    now: datetime,
) -> tuple[Answer, dict[str, Tail]]:
    if metric.log is None:
        return ports.metrics.query(metric.asked, metric.promql(_places(plan)), now), dict(tails)
    counted = logcount.count(files, metric.log, tails[metric.name])
    answer = counted.answer(now - (run.last.at if run.last else run.began))
    return answer, {**tails, metric.name: counted.tail}


def _places(plan: Plan) -> Mapping[str, str]:
    """Return what {{…}} stands for in a query."""
    return {
        "service": refs.short(plan.service),
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
