"""From the rooms' values to the API's shapes. Pure."""

from collections.abc import Sequence
from itertools import zip_longest

from catalog.places import Problem
from catalog.query import Service
from ledger import jobs
from ledger.events import Event
from pipelines import plan as plans
from pipelines.change import Change
from pipelines.deploy import ENDED, State, Took
from pipelines.deploy import Deploy as Machine
from pipelines.planning import Preview
from pipelines.query import Page, Row, Summary
from portal.api import records, shapes
from production.ports import Check


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
    )


def change(one: Change) -> shapes.Change:
    return shapes.Change.model_validate(one)


def preview(one: Preview) -> shapes.Preview:
    gates = [shapes.Gate.model_validate(gate) for gate in one.gates]
    return shapes.Preview(**dict(plan(one.plan)), gates=gates, blocked=list(one.blocked), is_head=one.head)


def plan(one: plans.Plan) -> shapes.Plan:
    return shapes.Plan(
        service=one.service,
        environment=one.environment,
        release=shapes.Release.model_validate(one.release),
        base=shapes.Release.model_validate(one.base) if one.base else None,
        rollback=one.rollback,
        strategy=one.strategy,
        instances=one.instances,
        waves=[shapes.Wave.model_validate(wave) for wave in one.waves],
        steps=[step(each) for each in one.steps],
        checks=[check(each) for each in one.checks],
        change=change(one.change),
        expected_seconds=one.expected.total_seconds(),
        back_seconds=one.back.total_seconds(),
        bake_seconds=one.bake.total_seconds(),
    )


def page(told: Page, address: str, position: int) -> shapes.DeployPage:
    looks = [{**vars(look), "took_seconds": look.took.total_seconds()} for look in told.deploy.watch]
    return shapes.DeployPage(
        deploy=deploy(told.row),
        plan=plan(told.deploy.plan) if told.deploy.plan else None,
        steps=steps(told.deploy),
        checks=[shapes.Look.model_validate(look) for look in looks],
        log=[shapes.Line.model_validate(line) for line in told.log],
        place=told.place,
        queue=[deploy(row) for row in told.queue],
        hold=held(told.hold),
        abort_ordered=told.abort_ordered,
        page=address,
        position=position,
    )


def steps(one: Machine) -> list[shapes.Done]:
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
    return [
        (index, (each, took))
        for index, (each, took) in enumerate(zip_longest(planned, story[: len(planned)]))
        if each is not None
    ]


def _went(one: Machine, index: int, took: Took | None) -> str:
    if index < one.step:
        return "done"
    if one.state in (State.UNDOING, State.UNDONE, State.STUCK):
        return "failed" if took is not None else "left out"
    return "doing" if index == one.step and one.state is State.ACTING else "todo"


def _undid(one: Machine, index: int) -> str:
    if index < one.undo_step:
        return "done"
    if one.state in ENDED:
        return "failed" if index == one.undo_step else "left out"
    return "doing" if index == one.undo_step and one.attempted else "todo"


def _done(each: plans.Step, took: Took | None, state: str, *, undo: bool) -> shapes.Done:
    return shapes.Done.model_validate(
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
