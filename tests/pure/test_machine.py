"""The deploy as a machine: what may follow what, and that it always comes to an end."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from ledger.errors import Code, Error
from pipelines.deciding import TRIES, Bind, Nothing, Perform, Record, Wait, decide, failed, in_time
from pipelines.deploy import ENDED, Deploy, Fact, Kind, Order, State
from pipelines.machine import TRANSITIONS, apply
from pipelines.plan import Plan, StepKind
from pipelines.watch import seen
from production.ports import Answer, Instance
from tests.conftest import NOON
from tests.pure.deploys import MINUTE, NEW, OLD, SECOND, STRATEGIES, World, before, during, plan_of, told, walk

ABORT = Order("abort", "user:default/alice", NOON, "wrong branch")
BASES = [OLD, None]


def in_state(state: State) -> Deploy:
    """Any deploy that is in that state."""
    plan = plan_of()
    made = {
        State.QUEUED: Deploy(7),
        State.GOING: told(plan=plan),
        State.ACTING: during(StepKind.WEIGH, plan),
        State.UNDOING: told(Kind.ATTEMPTED, Kind.STEP_DONE, Kind.ATTEMPTED, Kind.STEP_FAILED, plan=plan),
    }
    return made.get(state) or replace(made[State.GOING], state=state)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("kind", Kind)
def test_what_is_in_the_table_happens_and_nothing_else_can(state: State, kind: Kind) -> None:
    deploy, fact = in_state(state), Fact(kind, plan=plan_of())
    if kind is Kind.UNDO_STEP_DONE:
        deploy = replace(deploy, attempted=True)

    if (state, kind) in TRANSITIONS:
        assert apply(deploy, fact, NOON).state is TRANSITIONS[state, kind]
    else:
        with pytest.raises(Error) as refused:
            apply(deploy, fact, NOON)
        assert refused.value.code is Code.CONFLICT
        assert refused.value.message == f"a deploy that is {state} cannot become {kind}"


def test_nothing_follows_an_ending() -> None:
    assert not {state for state, _ in TRANSITIONS} & ENDED
    for state in ENDED:
        assert decide(in_state(state), [ABORT], NOON + timedelta(days=1)) == Nothing()


def test_the_states_are_drawn_as_the_table_says() -> None:
    drawn = [f"    {before} --> {after}: {kind}" for (before, kind), after in TRANSITIONS.items()]
    endings = [f"    {state} --> [*]" for state in State if state in ENDED]
    picture = "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> queued", *drawn, *endings, "```"])

    assert picture in (Path(__file__).parents[2] / "docs" / "states.md").read_text()


def test_the_picture_explains_every_state_and_every_fact() -> None:
    page = (Path(__file__).parents[2] / "docs" / "states.md").read_text()

    for word in (*State, *Kind):
        assert f"| `{word}` |" in page


# What comes next.


def test_what_waits_is_bound_first() -> None:
    assert decide(Deploy(7), (), NOON) == Bind()


def test_an_attempt_is_recorded_before_its_act() -> None:
    deploy = told(plan=plan_of())

    assert decide(deploy, (), NOON) == Record(Fact(Kind.ATTEMPTED))
    attempted = apply(deploy, Fact(Kind.ATTEMPTED), NOON)
    assert decide(attempted, (), NOON) == Perform(plan_of().steps[0])


def test_an_abort_goes_before_everything_but_the_way_back() -> None:
    order = Record(Fact(Kind.ABORTED, "wrong branch", actor="user:default/alice"))

    assert decide(Deploy(7), [ABORT], NOON) == order
    assert decide(told(plan=plan_of()), [ABORT], NOON) == order
    assert decide(during(StepKind.BAKE, plan_of()), [ABORT], NOON) == order
    assert decide(in_state(State.UNDOING), [ABORT], NOON) != order


def test_what_is_aborted_in_the_queue_has_done_nothing_and_goes_back_from_nothing() -> None:
    deploy = apply(Deploy(7), Fact(Kind.ABORTED, "wrong branch"), NOON)

    assert (deploy.state, deploy.ending, deploy.reason) == (State.UNDONE, "aborted", "wrong branch")
    assert deploy.way_back == ()


def test_what_is_refused_at_the_head_of_the_lane_says_why() -> None:
    deploy = apply(Deploy(7), Fact(Kind.REFUSED, "Nothing to do: release 2 serves already"), NOON)

    assert (deploy.state, deploy.ending) == (State.UNDONE, "refused")
    assert deploy.reason == "Nothing to do: release 2 serves already"


def test_a_step_whose_time_is_over_is_looked_at_once_more() -> None:
    deploy, why = during(StepKind.WEIGH, plan_of()), "weigh was not done within 30 s"
    late = Perform(plan_of().steps[3], late=why)

    assert decide(deploy, (), NOON + 30 * SECOND) == Perform(plan_of().steps[3])
    assert decide(deploy, (), NOON + 31 * SECOND) == late

    assert in_time(late, deploy, Fact(Kind.STEP_DONE)) == Fact(Kind.STEP_DONE)  # no worker was there to see it
    waits = Fact(Kind.OBSERVED, "checkout-2-1 not up yet")
    assert in_time(late, deploy, waits) == Fact(Kind.STEP_FAILED, f"{why}: checkout-2-1 not up yet")


def test_a_late_step_of_the_way_back_is_tried_again() -> None:
    deploy = replace(during(StepKind.BAKE, plan_of()), state=State.UNDOING, attempted=True)
    late = Perform(plan_of().steps[3], undo=True, late="weigh was not done within 30 s")

    assert in_time(late, deploy, Fact(Kind.OBSERVED, "not yet")).kind is Kind.UNDO_RETRIED


def test_a_deploy_that_is_not_through_in_its_time_is_put_back() -> None:
    plan = plan_of(deadline="15m", bake="0s")
    overdue = Record(Fact(Kind.STEP_FAILED, "it was not through within 15 min, the deadline of the deploy"))

    assert decide(told(plan=plan), (), NOON + 15 * MINUTE) == Record(Fact(Kind.ATTEMPTED))
    assert decide(told(plan=plan), (), NOON + 15 * MINUTE + SECOND) == overdue


def test_a_deploy_whose_last_step_is_done_is_healthy_however_late() -> None:
    plan = plan_of()
    done = told(*[Kind.ATTEMPTED, Kind.STEP_DONE] * len(plan.steps), plan=plan)

    assert decide(done, (), NOON + timedelta(days=1)) == Record(Fact(Kind.COMPLETED))


def test_a_failed_step_of_the_way_back_is_tried_again_and_then_a_person_is_needed() -> None:
    deploy = during(StepKind.BAKE, plan_of())
    deploy = apply(deploy, Fact(Kind.STEP_FAILED, "worse"), NOON)
    kinds = []
    for _ in range(TRIES):
        deploy = apply(deploy, Fact(Kind.UNDO_ATTEMPTED), NOON)
        fact = failed(deploy, Fact(Kind.STEP_FAILED, "the proxy does not answer"))
        kinds.append(fact.kind)
        deploy = apply(deploy, fact, NOON)

    assert kinds == [Kind.UNDO_RETRIED, Kind.UNDO_RETRIED, Kind.GAVE_UP]
    assert (deploy.state, deploy.ending, deploy.reason) == (State.STUCK, "stuck", "the proxy does not answer")


def test_tries_count_anew_for_the_next_step_of_the_way_back() -> None:
    deploy = apply(during(StepKind.BAKE, plan_of()), Fact(Kind.STEP_FAILED, "worse"), NOON)
    for kind in (Kind.UNDO_ATTEMPTED, Kind.UNDO_RETRIED, Kind.UNDO_ATTEMPTED, Kind.UNDO_STEP_DONE):
        deploy = apply(deploy, Fact(kind), NOON)

    assert (deploy.undo_step, deploy.tries, deploy.attempted) == (1, 0, False)


def test_why_it_went_back_stays_known_to_the_end() -> None:
    deploy = apply(during(StepKind.BAKE, plan_of()), Fact(Kind.STEP_FAILED, "/healthz answered 503"), NOON)

    ended = walk(deploy, World())

    assert (ended.state, ended.ending, ended.reason) == (State.UNDONE, "failed", "/healthz answered 503")
    assert ended.ended_at == NOON


def test_an_abort_without_a_reason_says_that_it_was_a_person() -> None:
    deploy = apply(during(StepKind.BAKE, plan_of()), Fact(Kind.ABORTED), NOON)

    assert (deploy.reason, deploy.ending) == ("stopped by a person", "aborted")


def test_the_look_that_failed_stays_to_be_seen() -> None:
    plan = plan_of()
    one = Instance("checkout-2-1", 2, "127.0.0.1", 30_001, "up")
    watch = seen((), plan.checks[0], one, Answer(False, "/healthz answered 503 in 1 ms"), NOON)

    deploy = apply(during(StepKind.PROBE, plan), Fact(Kind.STEP_FAILED, "it did not pass", watch=watch), NOON)
    ended = walk(deploy, World())

    assert deploy.watch == watch
    assert ended.watch == watch


def test_the_story_says_when_each_step_began_and_ended() -> None:
    deploy = told(Kind.ATTEMPTED, plan=plan_of())
    deploy = apply(deploy, Fact(Kind.STEP_DONE, "release 2 is prepared"), NOON + SECOND)
    deploy = apply(deploy, Fact(Kind.ATTEMPTED), NOON + 2 * SECOND)
    deploy = apply(deploy, Fact(Kind.STEP_FAILED, "no port is free"), NOON + 3 * SECOND)

    assert [(took.kind, took.began, took.ended, took.said) for took in deploy.story] == [
        ("prepare", NOON, NOON + SECOND, "release 2 is prepared"),
        ("start", NOON + 2 * SECOND, NOON + 3 * SECOND, "no port is free"),
    ]


@pytest.mark.parametrize(
    ("step", "wave", "percent"),
    [("start", 1, 0), ("weigh", 1, 10), ("bake", 1, 10), ("probe", 2, 10), ("weigh", 2, 50), ("drain", None, 100)],
)
def test_the_share_of_the_traffic_follows_the_waves(step: str, wave: int | None, percent: int) -> None:
    assert during(StepKind(step), plan_of(STRATEGIES["canary"]), wave).percent == percent


def test_the_share_is_nothing_once_the_traffic_is_back() -> None:
    deploy = apply(during(StepKind.BAKE, plan_of(STRATEGIES["canary"]), 2), Fact(Kind.STEP_FAILED), NOON)
    assert deploy.percent == 50

    for kind in (Kind.UNDO_ATTEMPTED, Kind.UNDO_STEP_DONE):
        deploy = apply(deploy, Fact(kind), NOON)

    assert deploy.way_back[0].kind is StepKind.WEIGH
    assert deploy.percent == 0


# In any world.


class Fate:
    """What a world may do: an act works, takes longer, fails, or its worker dies before or after it."""

    WORDS = ("done", "pending", "failed", "half failed", "dies before", "dies after", "unclear")

    def __init__(self, plan: Plan, words: list[str], spans: list[float], world: World) -> None:
        self.plan, self.words, self.spans, self.world = plan, words, spans, world

    def act(self, act: Perform, deploy: Deploy) -> Fact | None:
        word = self.words.pop() if self.words else "done"
        if word in ("done", "half failed", "dies after"):
            self.world.make(act.step, self.plan)
        if word == "done":
            return Fact(Kind.UNDO_STEP_DONE if act.undo else Kind.STEP_DONE)
        if word == "unclear" and not act.undo and act.step.kind is StepKind.BAKE:
            return Fact(Kind.PAUSED, "not enough data", asks="inconclusive")
        if word == "unclear":
            return Fact(Kind.UNDO_RETRIED if act.undo else Kind.OBSERVED)
        if word == "pending":
            return in_time(act, deploy, Fact(Kind.OBSERVED, "not yet"))
        return failed(deploy, Fact(Kind.STEP_FAILED, "it broke")) if "failed" in word else None


def live(fate: Fate, abort: tuple[int, Order] | None, people: list[str]) -> tuple[Deploy, list[Deploy]]:
    """Live a deploy to its end; return it and all that it was on the way. `people` say what to do when asked."""
    deploy, at, was = apply(Deploy(7), Fact(Kind.BOUND, plan=fate.plan), NOON), NOON, []
    said: list[Order] = []
    for round_ in range(10_000):
        was.append(deploy)
        orders = [*said, abort[1]] if abort and round_ >= abort[0] else said
        act = decide(deploy, orders, at)
        assert decide(deploy, orders, at) == act
        if isinstance(act, Wait):
            if deploy.pause and deploy.pause.asks == "irreversible" and not people:
                people.append("abort")
            at = at + SECOND if people else act.until
            said += [Order(people.pop(), "user:default/bob", at, "", round_ + 1)] if people else []
            continue
        if isinstance(act, Nothing):
            return deploy, was
        assert isinstance(act, Record | Perform)
        fact = act.fact if isinstance(act, Record) else fate.act(act, deploy)
        assert fate.world.is_sound()
        at += timedelta(seconds=fate.spans.pop() if fate.spans else 0.1)
        deploy = deploy if fact is None else apply(deploy, fact, at)
    raise AssertionError("it goes on for ever")


fates = {
    "strategy": some.sampled_from(list(STRATEGIES.values())),
    "base": some.sampled_from(BASES),
    "rollback": some.booleans(),
    "words": some.lists(some.sampled_from(Fate.WORDS) | some.just("done"), max_size=40),
    "spans": some.lists(some.sampled_from([0.0, 0.5, 40.0, 1200.0]), max_size=40),
    "abort": some.none() | some.tuples(some.integers(0, 60), some.just(ABORT)),
    "trial": some.booleans(),
    "irreversible": some.sampled_from(["", "migrations/7.sql drops a column"]),
    "people": some.lists(some.sampled_from(["resume", "look", "abort", "pause"]), max_size=5),
}


@pytest.mark.long
@settings(max_examples=400, deadline=None)
@given(**fates)
def test_whatever_happens_it_ends_and_serves_what_it_says(
    strategy: Any,
    base: Any,
    rollback: bool,
    words: list[str],
    spans: list[float],
    abort: Any,
    trial: bool,
    irreversible: str,
    people: list[str],
) -> None:
    plan = plan_of(strategy, base, rollback=rollback, trial=trial, irreversible=irreversible)
    world = World.serving(base, plan.instances)

    ended, was = live(Fate(plan, words, spans, world), abort, people)

    assert ended.state in ENDED
    assert ended.ended_at is not None
    assert ended.ending
    assert not (trial and ended.state is State.HEALTHY)
    if ended.state is State.HEALTHY and plan.keep and base:
        assert (world.running, world.weights) == ({1: 4, 2: 4}, {NEW.number: 100})
    elif ended.state is State.HEALTHY:
        assert (world.running, world.weights) == ({NEW.number: plan.instances}, {NEW.number: 100})
    if ended.state is State.UNDONE:
        assert (world.running, world.weights) == (
            ({OLD.number: plan.instances}, {OLD.number: 100}) if base else ({}, {})
        )
        assert ended.reason or ended.ending == "good"
    turned = [deploy.state in (State.UNDOING, State.UNDONE, State.STUCK) for deploy in was]
    assert turned == sorted(turned)  # once it goes back it never goes forward again


@settings(max_examples=100, deadline=None)
@given(**{name: fate for name, fate in fates.items() if name in ("strategy", "base", "rollback")})
def test_where_nothing_goes_wrong_it_is_healthy(strategy: Any, base: Any, rollback: bool) -> None:
    plan = plan_of(strategy, base, rollback=rollback)
    world = World.serving(base, plan.instances)

    assert walk(told(plan=plan), world).state is State.HEALTHY
    assert (world.running, world.weights) == ({2: 4, **({1: 4} if plan.keep else {})}, {2: 100})


def moments_of(plan: Plan) -> list[datetime]:
    deploy, at, moments = told(plan=plan), NOON, []
    while not isinstance(act := decide(deploy, (), at), Nothing):
        at += SECOND
        moments.append(at)
        assert isinstance(act, Record | Perform)
        deploy = apply(deploy, act.fact if isinstance(act, Record) else Fact(Kind.STEP_DONE), at)
    return moments


def test_nothing_stands_still_on_the_straight_way() -> None:
    plan = plan_of(STRATEGIES["canary"])

    assert len(moments_of(plan)) == 2 * len(plan.steps) + 1  # each is attempted and done; then it is healthy
    assert before(StepKind.STOP, plan).step == len(plan.steps) - 1
