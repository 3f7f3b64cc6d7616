"""What a trial says about its commit: bad only when something bad was seen of it, never because nobody looked."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pipelines.deciding import Record, decide
from pipelines.deploy import Fact, Kind
from pipelines.machine import apply
from pipelines.plan import Plan, StepKind
from pipelines.watch import Look, Watch
from tests.conftest import NOON
from tests.pure.deploys import during, plan_of, told

TRIAL: Plan = replace(plan_of({"canary": [10, 100], "bake": "10s"}), trial=True)


def looked(fails: int) -> Watch:
    return (Look("/healthz", "checkout-2-1", 0 if fails else 1, fails, "200 in 2 ms", timedelta(0), NOON, NOON),)


@pytest.mark.parametrize(
    ("kind", "watch", "expected"),
    [
        (StepKind.PROBE, looked(3), "bad"),
        (StepKind.PROBE, looked(0), "failed"),  # its time ran out while no worker looked
        (StepKind.PROBE, None, "failed"),
        (StepKind.BAKE, looked(3), "bad"),
        (StepKind.BAKE, looked(0), "bad"),  # the judge saw its visitors fail
        (StepKind.BAKE, None, "failed"),  # the whole deploy took too long
        (StepKind.START, None, "failed"),
    ],
)
def test_how_a_trial_that_went_back_ends(kind: StepKind, watch: Watch | None, expected: str) -> None:
    back = apply(during(kind, TRIAL), Fact(Kind.STEP_FAILED, "it failed", watch=watch), NOON)

    assert back.ending == expected


@pytest.mark.parametrize(
    ("plan", "said", "expected"),
    [
        (TRIAL, "", "0 requests: not enough data to say more than its checks do, which passed"),
        (TRIAL, "not enough data: 38 of about 120 requests", "not enough data: 38 of about 120 requests"),
        (replace(TRIAL, judge=None), "", "its checks passed; errors are not weighed here"),
    ],
    ids=["nobody came", "what the judge said", "no judge"],
)
def test_a_good_trial_always_says_what_it_rests_on(plan: Plan, said: str, expected: str) -> None:
    through = told(*[Kind.ATTEMPTED, Kind.STEP_DONE] * len(plan.steps), plan=plan)
    through = replace(through, proof=replace(through.proof, said=said))

    act = decide(through, [], NOON)

    assert act == Record(Fact(Kind.TRIED, expected))
    assert apply(through, act.fact, NOON).reason == expected
