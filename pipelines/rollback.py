"""The way back, as steps: everything runs the previous release. Pure.

Going back is told by what has been *attempted*, not by what is known to have worked: an act whose end was never
recorded may have happened. Steps are in the order in which they are done, newest act undone first.
"""

from collections.abc import Sequence
from datetime import timedelta

from pipelines.plan import GRACE, Plan, Step, StepKind
from production.settings import duration

VERIFIED = timedelta(seconds=5)  # what serves again is looked at for as long as the last wave was, at most so long


def way_back(plan: Plan, attempted: int) -> tuple[Step, ...]:
    """Return what must be done when the steps before index `attempted` have been attempted."""
    done = {step.kind for step in plan.steps[:attempted]}
    base = plan.base.number if plan.base else 0  # 0: nothing served before, so nothing shall serve after
    looks = max((check.delay + check.deadline for check in plan.checks), default=timedelta(0)) + GRACE
    acts = 2 * GRACE + plan.longest
    again = [
        Step(StepKind.START, base, instances=plan.instances, deadline=acts),
        Step(StepKind.PROBE, base, instances=plan.instances, deadline=looks),
    ]
    if not plan.side_by_side:
        return _replaced(plan, base, again, acts, looks) if StepKind.START in done else ()
    steps = again if StepKind.STOP in done and base else []
    if StepKind.WEIGH in done:
        steps.append(Step(StepKind.WEIGH, base, percent=100, deadline=acts))
        steps.append(Step(StepKind.DRAIN, base, deadline=duration(plan.target["drain"]) + GRACE))
    if StepKind.START in done:
        steps.append(Step(StepKind.STOP, base, deadline=acts))
    if StepKind.WEIGH in done and base:
        steps.append(_verify(plan, base, looks))
    return tuple(steps)


def _replaced(plan: Plan, base: int, again: list[Step], acts: timedelta, looks: timedelta) -> tuple[Step, ...]:
    """Starting the new release has replaced the old one, so the old one is started the same way."""
    if not base:
        return (Step(StepKind.STOP, base, deadline=acts),)
    return (*again, Step(StepKind.WEIGH, base, percent=100, deadline=acts), _verify(plan, base, looks))


def _verify(plan: Plan, base: int, deadline: timedelta) -> Step:
    watched = min(VERIFIED, plan.bake)
    return Step(StepKind.VERIFY, base, instances=plan.instances, deadline=deadline + watched, expected=watched)


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
