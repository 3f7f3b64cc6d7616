"""The frozen plan: its steps, how long it should take, and that it survives the trip through the database."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from pipelines.change import Change, Commit
from pipelines.plan import ReleaseRef, Step, StepKind, from_json, moment, plan, to_json
from tests.conftest import NOON
from tests.pure.deploys import CHECKOUT, NEW, OLD, STRATEGIES, plan_of, spec_of

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def told(steps: tuple[Step, ...]) -> list[str]:
    return [f"{step.kind} {step.percent} % on {step.instances}" if step.wave else str(step.kind) for step in steps]


def test_all_at_once_starts_asks_moves_watches_and_cleans_up() -> None:
    assert told(plan_of().steps) == [
        "prepare",
        "start 100 % on 4",
        "probe 100 % on 4",
        "weigh 100 % on 4",
        "bake 100 % on 4",
        "drain",
        "stop",
    ]


def test_a_canary_watches_each_wave_and_stops_the_old_release_last() -> None:
    assert told(plan_of(STRATEGIES["canary"]).steps) == [
        "prepare",
        *("start 10 % on 1", "probe 10 % on 1", "weigh 10 % on 1", "bake 10 % on 1"),
        *("start 50 % on 2", "probe 50 % on 2", "weigh 50 % on 2", "bake 50 % on 2"),
        *("start 100 % on 4", "probe 100 % on 4", "weigh 100 % on 4", "bake 100 % on 4"),
        "drain",
        "stop",
    ]


def test_a_wave_on_no_more_instances_starts_none() -> None:
    kinds = [step.kind for step in plan_of(STRATEGIES["canary"], instances=1).steps]

    assert kinds.count(StepKind.START) == kinds.count(StepKind.PROBE) == 1
    assert kinds.count(StepKind.WEIGH) == 3


def test_a_first_release_replaces_nobody() -> None:
    first = plan_of(STRATEGIES["canary"], base=None)

    assert told(first.steps) == [
        "prepare",
        "start 100 % on 4",
        "probe 100 % on 4",
        "weigh 100 % on 4",
        "bake 100 % on 4",
    ]
    assert first.strategy == "all at once"


def test_a_first_release_after_one_that_is_stuck_ends_what_that_has_left() -> None:
    first = plan(CHECKOUT, "production", spec_of(), NEW, None, Change(), stuck=True)

    assert told(first.steps)[-3:] == ["bake 100 % on 4", "drain", "stop"]
    assert all("None" not in step.undo for step in first.steps)


def test_what_is_stuck_is_ended_last_where_the_base_stays_warm() -> None:
    blue = spec_of(STRATEGIES["blue-green"])
    after, usual = (plan(CHECKOUT, "production", blue, NEW, OLD, Change(), stuck=stuck) for stuck in (True, False))

    assert after.steps[:-1] == usual.steps
    assert (after.steps[-1].kind, after.steps[-1].percent) == (StepKind.TIDY, 100)
    assert after.keep == usual.keep
    trial = plan(CHECKOUT, "production", blue, NEW, OLD, Change(), stuck=True, trial=True)
    back = plan(CHECKOUT, "production", blue, NEW, OLD, Change(), stuck=True, rollback=True)
    assert all(step.kind is not StepKind.TIDY for step in (*trial.steps, *back.steps))


def test_a_release_that_is_made_to_serve_again_has_nobody_to_share_with() -> None:
    again = plan_of(STRATEGIES["canary"], base=NEW)

    assert [wave.percent for wave in again.waves] == [100]


def test_a_rollback_goes_all_at_once_and_is_not_watched() -> None:
    back = plan_of(STRATEGIES["canary"], rollback=True)

    assert [step.kind for step in back.steps] == ["prepare", "start", "probe", "weigh", "drain", "stop"]
    assert back.bake == timedelta(0)


def test_the_expected_time_is_that_of_its_steps_and_grows_with_baking() -> None:
    # prepare 1 s, start 1 s, probe 2 s (3 passes, 1 s apart), bake 5 s, drain 2 s, stop 1 s
    assert plan_of().expected == 12 * SECOND
    # prepare 1 s, 3 × (start 1 s, probe 2 s, bake 10 s), drain 2 s, stop 1 s
    assert plan_of(STRATEGIES["canary"]).expected == 43 * SECOND


def test_going_back_takes_a_second_and_what_the_old_release_needs_to_end() -> None:
    assert plan_of(STRATEGIES["canary"]).back == 4 * SECOND
    assert plan_of(base=None).back == SECOND


def test_what_steps_took_lately_is_expected_again_except_for_baking() -> None:
    past = {StepKind.PREPARE: 40 * SECOND, StepKind.BAKE: 900 * SECOND}
    made = plan(CHECKOUT, "production", spec_of(), NEW, OLD, Change(), past)

    assert made.expected == 51 * SECOND


def test_a_build_is_expected_to_take_longer_than_none() -> None:
    built = spec_of().model_copy(update={"build": ("make",)})

    assert plan(CHECKOUT, "production", built, NEW, OLD, Change()).steps[0].expected == 20 * SECOND


def test_the_moments_of_the_steps_follow_one_another() -> None:
    made = plan_of()

    assert moment(made, NOON, 0) == NOON
    assert moment(made, NOON, 3) == NOON + 4 * SECOND  # after prepare, start and probe
    assert moment(made, NOON, len(made.steps)) == NOON + made.expected


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
@pytest.mark.parametrize("base", [OLD, None], ids=["with a base", "the first"])
def test_every_step_says_what_going_back_means_and_has_time_for_what_it_does(strategy: Any, base: Any) -> None:
    for step in plan_of(strategy, base).steps:
        assert step.undo
        assert step.deadline > step.expected
        assert step.release == NEW.number


def test_baking_does_not_count_against_the_deadline() -> None:
    # Three waves of five minutes are the whole default deadline; with it they could never end.
    made = plan_of({"canary": [10, 50, 100], "bake": "5m"})

    assert made.deadline == 15 * MINUTE + 3 * 5 * MINUTE
    assert made.deadline > made.expected


def test_a_plan_comes_back_the_same_from_json() -> None:
    commit = Commit("c" * 40, "Say hello – politely", "Zoë", "zoe@example.org", NOON, 2, 3, 1, ("config",))
    made = plan(
        CHECKOUT, "production", spec_of(STRATEGIES["canary"]), NEW, OLD, Change((commit,), 2, 3, 1, ("config",))
    )

    assert from_json(json.loads(json.dumps(to_json(made)))) == made


@settings(deadline=None)  # a busy machine is no failure
@given(
    strategy=some.sampled_from(list(STRATEGIES.values())),
    instances=some.integers(1, 50),
    base=some.sampled_from([OLD, None]),
    rollback=some.booleans(),
    bake=some.integers(0, 10**7),
    past=some.dictionaries(some.sampled_from(StepKind), some.timedeltas(timedelta(0), timedelta(hours=1))),
)
def test_any_plan_comes_back_the_same_and_says_what_is_true(
    strategy: Any, instances: int, base: ReleaseRef | None, rollback: bool, bake: int, past: Any
) -> None:
    spec = spec_of(strategy, instances, bake=f"{bake}ms")
    made = plan(CHECKOUT, "production", spec, NEW, base, Change(), past, rollback=rollback)

    assert from_json(json.loads(json.dumps(to_json(made)))) == made
    assert made.expected == sum((step.expected for step in made.steps), timedelta(0))
    assert [step.percent for step in made.steps if step.kind is StepKind.WEIGH][-1] == 100
    assert max(step.instances for step in made.steps) == instances
