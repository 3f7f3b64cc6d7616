"""The way back: whatever has been attempted, in the end exactly the base serves."""

from typing import Any

import pytest

from pipelines.deploy import Fact, Kind, Order, State
from pipelines.machine import apply
from pipelines.plan import Plan, ReleaseRef, StepKind
from pipelines.rollback import earlier, way_back
from tests.conftest import NOON
from tests.pure.deploys import OLD, STRATEGIES, World, plan_of, told, walk

WITH_BASE = [OLD, None]


def index(plan: Plan, kind: StepKind, wave: int | None = None) -> int:
    return next(i for i, step in enumerate(plan.steps) if step.kind is kind and wave in (None, step.wave))


def back_after(kind: StepKind, plan: Plan, wave: int | None = None) -> list[str]:
    return [f"{step.kind} {step.release}" for step in way_back(plan, index(plan, kind, wave) + 1)]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("prepare", []),
        ("start", ["stop 1"]),
        ("probe", ["stop 1"]),
        ("weigh", ["weigh 1", "drain 1", "stop 1", "verify 1"]),
        ("bake", ["weigh 1", "drain 1", "stop 1", "verify 1"]),
        ("drain", ["weigh 1", "drain 1", "stop 1", "verify 1"]),
        ("stop", ["start 1", "probe 1", "weigh 1", "drain 1", "stop 1", "verify 1"]),
    ],
)
def test_the_newest_act_is_undone_first(kind: str, expected: list[str]) -> None:
    assert back_after(StepKind(kind), plan_of()) == expected


@pytest.mark.parametrize(("kind", "expected"), [("start", ["stop 0"]), ("weigh", ["weigh 0", "drain 0", "stop 0"])])
def test_a_first_release_leaves_nothing_behind(kind: str, expected: list[str]) -> None:
    assert back_after(StepKind(kind), plan_of(base=None)) == expected


def test_nothing_attempted_is_nothing_to_undo() -> None:
    assert way_back(plan_of(), 0) == ()


def test_a_later_wave_goes_back_at_once_and_not_wave_by_wave() -> None:
    assert back_after(StepKind.BAKE, plan_of(STRATEGIES["canary"]), wave=2) == [
        *("weigh 1", "drain 1", "stop 1", "verify 1")
    ]


def test_a_base_that_was_stopped_gets_all_its_instances_and_is_asked_before_it_gets_traffic() -> None:
    plan = plan_of(STRATEGIES["canary"])
    start, probe, weigh, *_ = way_back(plan, len(plan.steps))

    assert (start.instances, probe.instances) == (4, 4)
    assert probe.deadline > plan.checks[0].deadline
    assert weigh.percent == 100


def cases() -> list[Any]:
    found = []
    for name, strategy in STRATEGIES.items():
        for base in WITH_BASE:
            plan = plan_of(strategy, base)
            for step, act in enumerate(plan.steps):
                of = f"{name}{'' if base else ', first'}, {step}: {act.kind} {act.wave or ''}".strip()
                found.append(pytest.param(strategy, base, step, id=of))
    return found


@pytest.mark.parametrize("was_done", [True, False], ids=["done", "not done"])
@pytest.mark.parametrize(("strategy", "base", "step"), cases())
def test_a_failure_at_any_step_ends_with_exactly_what_served_before(
    strategy: Any, base: ReleaseRef | None, step: int, was_done: bool
) -> None:
    plan = plan_of(strategy, base)
    world = World.serving(base, plan.instances)
    for past in plan.steps[: step + was_done]:
        world.make(past, plan)
    deploy = told(*[Kind.ATTEMPTED, Kind.STEP_DONE] * step, Kind.ATTEMPTED, Kind.STEP_FAILED, plan=plan)

    ended = walk(deploy, world)

    assert ended.state is State.UNDONE
    assert world == World.serving(base, plan.instances)


@pytest.mark.parametrize("acting", [True, False], ids=["within", "before"])
@pytest.mark.parametrize(("strategy", "base", "step"), cases())
def test_an_abort_at_any_step_ends_with_exactly_what_served_before(
    strategy: Any, base: ReleaseRef | None, step: int, acting: bool
) -> None:
    plan = plan_of(strategy, base)
    world = World.serving(base, plan.instances)
    for past in plan.steps[: step + acting]:
        world.make(past, plan)
    deploy = told(*[Kind.ATTEMPTED, Kind.STEP_DONE] * step, *[Kind.ATTEMPTED] * acting, plan=plan)

    ended = walk(deploy, world, orders=[Order("abort", "user:default/alice", NOON)])

    assert (ended.state, ended.ending) == (State.UNDONE, "aborted")
    assert world == World.serving(base, plan.instances)


def test_the_way_back_may_be_walked_twice() -> None:
    plan = plan_of(STRATEGIES["canary"])
    world = World.serving(OLD, plan.instances)
    deploy = apply(told(*[Kind.ATTEMPTED, Kind.STEP_DONE] * len(plan.steps), plan=plan), Fact(Kind.ABORTED), NOON)

    walk(deploy, world)
    walk(deploy, world)

    assert world == World.serving(OLD, plan.instances)


def test_nobody_goes_back_to_what_was_rolled_back_from() -> None:
    went_back = [(1, False), (2, False), (3, False), (2, True)]

    assert earlier(went_back) == [1]
    assert earlier([*went_back, (1, True)]) == []
    assert earlier([*went_back, (3, False)]) == [2, 1]  # it was let out again, and one may go back from it


def test_before_the_second_release_there_is_nothing_to_go_back_to() -> None:
    assert earlier([]) == []
    assert earlier([(1, False)]) == []
    assert earlier([(1, False), (1, False)]) == []
