"""The way back, as steps: everything runs the previous release. Pure.

Going back is told by what has been *attempted*, not by what is known to have worked: an act whose end was never
recorded may have happened. Steps are in the order in which they are done, newest act undone first.
"""

from collections.abc import Sequence
from datetime import timedelta

from pipelines.plan import GRACE, Plan, Step, StepKind
from production.settings import duration


def way_back(plan: Plan, attempted: int) -> tuple[Step, ...]:
    """Return what must be done when the steps before index `attempted` have been attempted."""
    done = {step.kind for step in plan.steps[:attempted]}
    base = plan.base.number if plan.base else 0  # 0: nothing served before, so nothing shall serve after
    steps = []
    if StepKind.STOP in done and base:
        deadline = max((check.deadline for check in plan.checks), default=timedelta(0))
        steps.append(Step(StepKind.START, base, instances=plan.instances, deadline=2 * GRACE))
        steps.append(Step(StepKind.PROBE, base, instances=plan.instances, deadline=deadline + GRACE))
    if StepKind.WEIGH in done:
        steps.append(Step(StepKind.WEIGH, base, percent=100, deadline=GRACE))
        steps.append(Step(StepKind.DRAIN, base, deadline=duration(plan.target["drain"]) + GRACE))
    if StepKind.START in done:
        steps.append(Step(StepKind.STOP, base, deadline=2 * GRACE))
    return tuple(steps)


def earlier(healthy: Sequence[tuple[int, bool]]) -> list[int]:
    """Return the releases one can go back to, newest first, from (release, was it a rollback) oldest first.

    A rollback takes what came after its release out of the history: nobody goes *back* to what was rolled back from.

    >>> earlier([(228, False), (229, False), (230, False), (228, True), (231, False)])
    [228]
    """
    served: list[int] = []
    for release, is_rollback in healthy:
        if is_rollback and release in served:
            del served[served.index(release) :]
        served = [*(one for one in served if one != release), release]
    return served[-2::-1]
