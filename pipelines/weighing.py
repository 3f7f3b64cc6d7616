"""Weighs the errors of a new release against those of the old one while both serve, or against the time before. Pure.

Each look brings what both have answered since the last one; the verdict is the e-process's (pipelines/evidence.py), and
besides it a share of failed requests that is too much in any case.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import exp, sqrt

from pipelines import evidence
from pipelines.evidence import Verdict
from pipelines.plan import Plan, Step, StepKind
from pipelines.proof import Counted, Point, Proof
from pipelines.situation import counted
from production.ports import Share

POINTS = 60  # of one deploy that are kept for the plot; then every other one goes
ENOUGH = 20  # requests before a share of them says anything
EACH = 5  # requests of either side that an interval has at least: with one or two, every error is a side's own
HISTORY = 10  # minutes before the deploy that say how errors usually vary
CERTAIN = 2.33  # standard deviations: a share that is only just too much is called so once in a hundred times
MINUTE = timedelta(minutes=1)
EVERY = timedelta(seconds=5)  # between two looks where no check asks for more


def begun(proof: Proof, plan: Plan) -> Proof:
    """Return the proof at the beginning of another step: what was answered between the steps is nobody's."""
    return replace(_flushed(proof, plan), counted=(), since=None, again=(0, 0))


def seen(proof: Proof, plan: Plan, step: Step, shares: Sequence[Share], now: datetime, over_at: datetime) -> Proof:
    """Add what has been answered since the last look. `over_at`: when the step's time is over."""
    if plan.judge is None or plan.base is None or not shares:
        return proof
    told = _told(proof.counted, shares)
    if not proof.counted:
        return replace(proof, counted=told, since=max(now, over_at - step.expected))
    after = replace(proof, counted=told)
    if step.kind is StepKind.VERIFY:
        return replace(after, again=_sum(proof.again, _since(proof.counted, told, step.release)))
    if step.percent == 0:
        return after  # a preview has no visitors
    new = _since(proof.counted, told, plan.release.number)
    old = _since(proof.counted, told, plan.base.number)
    if step.percent < 100:
        after = _beside(after, plan, new, old, over=now >= over_at)
    else:
        after = _alone(after, plan, step, new, now, over_at)
    return replace(after, points=_plotted(after, plan, step, now))


def _told(before: Sequence[Counted], shares: Sequence[Share]) -> tuple[Counted, ...]:
    """Return the counts by now; of a release that is not told of this time, the last ones."""
    told = tuple(Counted(one.release, one.requests, one.errors) for one in shares)
    releases = {one.release for one in told}
    return (*told, *(one for one in before if one.release not in releases))


def _since(before: Sequence[Counted], now: Sequence[Counted], release: int) -> tuple[int, int]:
    """Return new requests and errors; a count that went back has begun anew."""
    was = next((one for one in before if one.release == release), Counted(release, 0, 0))
    told = next((one for one in now if one.release == release), was)
    if told.requests < was.requests or told.errors < was.errors:
        was = Counted(release, 0, 0)
    return told.requests - was.requests, told.errors - was.errors


def _sum(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]


def _beside(proof: Proof, plan: Plan, new: tuple[int, int], old: tuple[int, int], *, over: bool) -> Proof:
    """Wait until both have some requests. When an interval ends depends on requests alone, so e stays what it is."""
    after = replace(proof, pending=_sum(proof.pending, new), pending_old=_sum(proof.pending_old, old))
    enough = min(after.pending[0], after.pending_old[0]) >= EACH
    return _flushed(after, plan) if enough or over else after


def _flushed(proof: Proof, plan: Plan) -> Proof:
    """The share is what it really was: given how many requests each got, errors fall on them alike or they do not."""
    new, old = proof.pending, proof.pending_old
    if new == old == (0, 0):
        return proof
    share = min(1.0, new[0] / (new[0] + old[0])) if new[0] + old[0] else 0.0
    return replace(proof, evidence=_taken(proof, plan, share, new, old), pending=(0, 0), pending_old=(0, 0))


def _alone(proof: Proof, plan: Plan, step: Step, new: tuple[int, int], now: datetime, over_at: datetime) -> Proof:
    """All traffic is on the new release: whole intervals of it are weighed against the time before."""
    pending, since = _sum(proof.pending, new), proof.since or now
    length = min(MINUTE, step.expected)
    if now < min(since + length, over_at) or pending == (0, 0):
        return replace(proof, pending=pending, since=since)
    intervals = max(1, round(step.expected / length))
    old, before = (0, 0), plan.before
    if proof.alone < intervals <= len(before.errors):
        _, errors = evidence.before_after(before.errors, intervals)
        _, requests = evidence.before_after(before.requests, intervals)
        old = (requests[proof.alone], errors[proof.alone])
    after = replace(proof, pending=pending, pending_old=old, since=now, alone=proof.alone + 1)
    return _flushed(after, plan)


def _taken(proof: Proof, plan: Plan, share: float, new: tuple[int, int], old: tuple[int, int]) -> evidence.Evidence:
    assert plan.judge is not None
    return evidence.taken(
        proof.evidence,
        share,
        new[1],
        old[1],
        tolerance=plan.judge.tolerance,
        canary_requests=new[0],
        baseline_requests=old[0],
        alpha=plan.judge.alpha,
    )


def _plotted(proof: Proof, plan: Plan, step: Step, now: datetime) -> tuple[Point, ...]:
    new, old = proof.new, proof.old
    e = exp(min(proof.evidence.log_e / _phi(plan), 700.0))  # as the verdict has it; a float ends near e^709
    points = (*proof.points, Point(now, step.percent, *new, *old, e))
    return points if len(points) <= POINTS else (*points[:-1:2], points[-1])


def _phi(plan: Plan) -> float:
    history = plan.before.errors
    return evidence.phi(history) if len(history) >= HISTORY else 1.0


def verdict(proof: Proof, plan: Plan) -> Verdict | None:
    """Return what the counts say; None where there is nobody to compare with, or nothing is counted."""
    if plan.judge is None or plan.base is None or not proof.counted:
        return None
    judge = plan.judge
    found = evidence.judged(
        proof.evidence,
        alpha=judge.alpha,
        phi=_phi(plan),
        guard="phi" if len(plan.before.errors) >= HISTORY else "two-looks",
        tolerance=judge.tolerance,
    )
    if not proof.evidence.looks and (numbers := counts(proof)):  # too few for a first interval
        found = replace(found, sentence=f"not enough data: {numbers}")
    if found.kind != "fail" and (much := _too_much(proof, plan)):
        return replace(found, kind="fail", sentence=much)
    if proof.alone and proof.evidence.baseline_requests:
        return replace(found, sentence=f"{found.sentence}; at 100 % against the time before the deploy")
    return found


def _too_much(proof: Proof, plan: Plan) -> str:
    """Return why the share of failed requests is too much, whatever was before; empty when it is not."""
    assert plan.judge is not None
    (requests, errors), (old_requests, old_errors) = proof.new, _was(proof, plan)
    before = f" against {old_errors:,} in {old_requests:,}" if old_requests else ""
    told = f"{_errors(errors, requests)}{before}, {_over(requests, errors, plan.judge.worst)}"
    return told if _is_too_much(proof, plan, requests, errors) else ""


def _is_too_much(proof: Proof, plan: Plan, requests: int, errors: int) -> bool:
    """Is that surely more than the team's worst, and not about as bad as before, when going back would not help?"""
    worst = plan.judge.worst if plan.judge else 100.0
    old_requests, old_errors = _was(proof, plan)
    as_before = old_requests > 0 and errors * old_requests <= 2 * old_errors * requests
    return _surely_over(worst, requests, errors) and not as_before


def _over(requests: int, errors: int, worst: float) -> str:
    return f"{100 * errors / max(requests, 1):.1f} % is more than {worst:g} %"


def _surely_over(percent: float, requests: int, errors: int) -> bool:
    """Is that the share of errors, and not bad luck with a few requests? By Wilson's lower bound."""
    if requests < ENOUGH:
        return False
    share, square = min(1.0, errors / requests), CERTAIN**2
    middle = share + square / (2 * requests)
    spread = CERTAIN * sqrt(share * (1 - share) / requests + square / (4 * requests**2))
    return (middle - spread) / (1 + square / requests) * 100 > percent


def _was(proof: Proof, plan: Plan) -> tuple[int, int]:
    """Return requests and errors of the old release beside the new, else of the time before; (0, 0): nobody knows."""
    old = proof.old
    before = (sum(plan.before.requests), sum(plan.before.errors))
    return next((told for told in (old, before) if told[0] >= ENOUGH), (0, 0))


def counts(proof: Proof) -> str:
    """Say what both have answered: “3 errors in 9 requests against 0 in 87”; empty when nothing is counted."""
    (requests, errors), (before, wrong) = proof.new, proof.old
    if not requests:
        return ""
    told = _errors(errors, requests)
    return f"{told} against {wrong:,} in {before:,}" if before else told


def raw(proof: Proof) -> str:
    """Say what visitors got from the release that serves again, counted since it was looked at."""
    requests, errors = proof.again
    return f"{_errors(errors, requests)}, " if requests else ""


def still_bad(proof: Proof, plan: Plan) -> str:
    """Say how what serves again fails its visitors, more than it did before; empty when it does not."""
    requests, errors = proof.again
    if plan.judge is None or not _is_too_much(proof, plan, requests, errors):
        return ""
    return f"{_errors(errors, requests)}, {_over(requests, errors, plan.judge.worst)}"


def _errors(errors: int, requests: int) -> str:
    return f"{counted(errors, 'error')} in {counted(requests, 'request')}"
