"""From the rooms' values to the API's shapes. Pure."""

from collections.abc import Sequence
from datetime import datetime
from math import exp

from catalog.places import Problem
from catalog.query import Service
from ledger import jobs
from ledger.events import Event
from pipelines import analysis, analysistold
from pipelines import plan as plans
from pipelines.analysis import MetricRun
from pipelines.change import Change
from pipelines.deploy import ENDED, State, Took
from pipelines.deploy import Deploy as Machine
from pipelines.metricsettings import MetricSettings
from pipelines.planning import Preview
from pipelines.proof import Before
from pipelines.query import Page, Row, Summary
from pipelines.strategy import Wave
from portal.api import deployshapes, records, shapes
from production.ports import Check

HIGHEST = 700.0  # a float ends near e^709


def deploy(row: Row) -> shapes.Deploy:
    return shapes.Deploy.model_validate({**vars(row), "state": row.word, "name": row.name, "ended": row.ended})


def service(told: Service, environments: list[shapes.Environment]) -> shapes.Service:
    return shapes.Service(
        ref=told.ref,
        name=told.name,
        title=told.title,
        description=told.description,
        owner=told.owner.ref or None,
        people=[person.name for person in told.owner.people],
        repository_id=told.repository_id,
        repository_url=told.repository_url,
        path=told.path,
        head=told.head,
        stale_since=told.stale_since,
        stale_revision=told.stale_revision,
        removed_at=told.removed_at,
        removed_revision=told.removed_revision,
        problems=told.problems,
        environments=environments,
    )


def environment(name: str, told: Summary, hold: jobs.Hold | None) -> shapes.Environment:
    return shapes.Environment(
        name=name,
        live=shapes.Live.model_validate(told.live) if told.live else None,
        waiting=shapes.Waiting.model_validate(told.waiting) if told.waiting else None,
        running=deploy(told.running) if told.running else None,
        last=deploy(told.last) if told.last else None,
        queued=told.queued,
        hold=held(hold),
    )


def held(hold: jobs.Hold | None) -> shapes.Hold | None:
    return shapes.Hold.model_validate(hold) if hold else None


def step(one: plans.Step) -> shapes.Step:
    seconds = {"deadline_seconds": one.deadline.total_seconds(), "expected_seconds": one.expected.total_seconds()}
    return shapes.Step.model_validate({**vars(one), **seconds})


def check(one: Check) -> shapes.Check:
    return shapes.Check(
        kind=one.kind,
        what=list(one.what),
        passes=one.passes,
        every_seconds=one.every.total_seconds(),
        deadline_seconds=one.deadline.total_seconds(),
        delay_seconds=one.delay.total_seconds(),
    )


def change(one: Change) -> shapes.Change:
    return shapes.Change.model_validate(one)


def preview(one: Preview, values: Sequence[str]) -> shapes.Preview:
    """`values`: what is said of variables and secrets."""
    gates = [shapes.Gate.model_validate(gate) for gate in one.gates]
    told = dict(plan(one.plan))
    return shapes.Preview(**told, gates=gates, blocked=list(one.blocked), is_head=one.head, values=list(values))


def wave(one: Wave) -> shapes.Wave:
    return shapes.Wave.model_validate({**vars(one), "bake_seconds": one.bake.total_seconds()})


def before(one: Before) -> shapes.Before | None:
    if not one.requests:
        return None
    return shapes.Before(minutes=len(one.requests), requests=sum(one.requests), errors=sum(one.errors))


def plan(one: plans.Plan) -> shapes.Plan:
    return shapes.Plan(
        service=one.service,
        environment=one.environment,
        release=shapes.Release.model_validate(one.release),
        base=shapes.Release.model_validate(one.base) if one.base else None,
        rollback=one.rollback,
        strategy=one.strategy,
        instances=one.instances,
        waves=[wave(each) for each in one.waves],
        steps=[step(each) for each in one.steps],
        checks=[check(each) for each in one.checks],
        change=change(one.change),
        expected_seconds=one.expected.total_seconds(),
        back_seconds=one.back.total_seconds(),
        bake_seconds=one.bake.total_seconds(),
        keep_seconds=one.keep.total_seconds(),
        patience_seconds=one.patience.total_seconds(),
        irreversible=one.irreversible,
        trial=one.trial,
        judge=shapes.Judge.model_validate(one.judge) if one.judge else None,
        before=before(one.before),
        metrics=[metric.name for metric in one.metrics],
    )


def page(told: Page, address: str, position: int, warm_until: datetime | None) -> deployshapes.DeployPage:
    looks = [{**vars(look), "took_seconds": look.took.total_seconds()} for look in told.deploy.looks]
    return deployshapes.DeployPage(
        deploy=deploy(told.row),
        plan=plan(told.deploy.plan) if told.deploy.plan else None,
        steps=steps(told.deploy),
        checks=[deployshapes.Look.model_validate(look) for look in looks],
        log=[deployshapes.Line.model_validate(line) for line in told.log],
        place=told.place,
        queue=[deploy(row) for row in told.queue],
        hold=held(told.hold),
        abort_ordered=told.abort_ordered,
        pause=pause(told.deploy),
        proof=proof(told.deploy),
        metrics=metrics(told.deploy),
        warm_until=warm_until,
        terms=deployshapes.Terms.model_validate(told.asked.terms),
        page=address,
        position=position,
    )


def pause(one: Machine) -> deployshapes.Pause | None:
    """What cannot be taken back never goes back by itself, so its pause has no end."""
    if one.pause is None or one.plan is None:
        return None
    until = None if one.pause.asks == "irreversible" else one.pause.at + one.plan.patience
    return deployshapes.Pause.model_validate({**vars(one.pause), "until": until})


def proof(one: Machine) -> deployshapes.Proof | None:
    if one.plan is None or one.plan.judge is None or one.plan.base is None:
        return None
    new, old = one.proof.new, one.proof.old
    return deployshapes.Proof(
        verdict=one.proof.verdict,
        said=one.proof.said,
        canary=deployshapes.Count(requests=new[0], errors=new[1]),
        baseline=deployshapes.Count(requests=old[0], errors=old[1]),
        e=exp(min(one.proof.evidence.log_e, HIGHEST)),
        bar=1 / one.plan.judge.alpha,
    )


def metrics(one: Machine) -> list[deployshapes.Metric]:
    """Every metric that is asked for, with how it has done so far."""
    runs = {run.name: run for run in one.proof.runs}
    return [_metric(metric, runs.get(metric.name), over=one.state in ENDED) for metric in _planned_metrics(one)]


def _planned_metrics(one: Machine) -> Sequence[MetricSettings]:
    return one.plan.metrics if one.plan else ()


def _metric(metric: MetricSettings, run: MetricRun | None, *, over: bool) -> deployshapes.Metric:
    if run is None:
        return deployshapes.Metric(name=metric.name, phase="pending", said=f"{metric.name} is not measured yet")
    phase = analysis.outcome(run, metric, over)
    return deployshapes.Metric(name=metric.name, phase=phase.value, said=analysistold.sentence(run, metric, over))


def steps(one: Machine) -> list[deployshapes.Done]:
    """Every step of the plan and, once it goes back, of the way back, each with how far it is."""
    planned = one.plan.steps if one.plan else ()
    forward = [took for took in one.story if not took.undo]
    back = [took for took in one.story if took.undo]
    return [
        *(_done(each, took, _went(one, index, took), undo=False) for index, (each, took) in _beside(planned, forward)),
        *(_done(each, took, _undid(one, index), undo=True) for index, (each, took) in _beside(one.way_back, back)),
    ]


def _beside(
    planned: Sequence[plans.Step], story: Sequence[Took]
) -> Sequence[tuple[int, tuple[plans.Step, Took | None]]]:
    """Put to each step when it was done last; where the story does not say which step it tells of, it is in order."""
    took = {order if one.step is None else one.step: one for order, one in enumerate(story)}
    return [(index, (each, took.get(index))) for index, each in enumerate(planned)]


def _went(one: Machine, index: int, took: Took | None) -> str:
    if index < one.step:
        return "done"
    if one.state in (State.UNDOING, State.UNDONE, State.STUCK):
        return "failed" if took is not None else "left out"
    if index == one.step and one.state is State.PAUSED:
        return "paused"
    return "doing" if index == one.step and one.state is State.ACTING else "todo"


def _undid(one: Machine, index: int) -> str:
    if index < one.undo_step:
        return "done"
    if one.state in ENDED:
        return "failed" if index == one.undo_step else "left out"
    return "doing" if index == one.undo_step and one.attempted else "todo"


def _done(each: plans.Step, took: Took | None, state: str, *, undo: bool) -> deployshapes.Done:
    return deployshapes.Done.model_validate(
        {
            "step": step(each),
            "undo": undo,
            "state": state,
            "began_at": took.began if took else None,
            "ended_at": took.ended if took else None,
            "said": took.said if took else "",
        }
    )


def problem(one: Problem) -> records.Problem:
    return records.Problem.model_validate({**vars(one), **vars(one.place)})


def event(one: Event) -> records.Event:
    return records.Event.model_validate(one)
