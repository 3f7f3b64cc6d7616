"""What a trial says about its commit: bad only when something bad was seen of it, never because nobody looked."""

from dataclasses import replace
from datetime import timedelta

import pytest

from pipelines.deploy import Fact, Kind
from pipelines.machine import apply
from pipelines.plan import Plan, StepKind
from pipelines.watch import Look, Watch
from tests.conftest import NOON
from tests.pure.deploys import during, plan_of

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
