"""Weighs the errors of a new release against those of the old one while both serve, or against the time before. Pure.

Each look brings what both have answered since the last one; the verdict is the e-process's (pipelines/evidence.py), and
besides it a share of failed requests that is too much in any case.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import exp

from pipelines import evidence
from pipelines.evidence import Verdict
from pipelines.plan import Plan, Step, StepKind
from pipelines.proof import Counted, Point, Proof
from production.ports import Share

POINTS = 60  # of one deploy that are kept for the plot; then every other one goes
ENOUGH = 20  # requests before a share of them says anything
MINUTE = timedelta(minutes=1)
EVERY = timedelta(seconds=5)  # between two looks where no check asks for more


def begun(proof: Proof) -> Proof:
    """Return the proof at the beginning of another wave: what was counted before does not count as its own."""
    return replace(proof, counted=(), pending=(0, 0), since=None)


def seen(proof: Proof, plan: Plan, step: Step, shares: Sequence[Share], now: datetime) -> Proof:
    """Add what has been answered since the last look."""
    if plan.judge is None or plan.base is None or not shares:
        return proof
    told = tuple(Counted(one.release, one.requests, one.errors) for one in shares)
    if not proof.counted:
        return replace(proof, counted=told, since=now)
    if step.kind is StepKind.VERIFY:
        new = _since(proof.counted, told, step.release)
        return replace(proof, counted=told, again=(proof.again[0] + new[0], proof.again[1] + new[1]))
    new = _since(proof.counted, told, plan.release.number)
    old = _since(proof.counted, told, plan.base.number)
    after = replace(proof, counted=told)
    after = _beside(after, plan, new, old) if step.percent < 100 else _alone(after, plan, step, new, now)
    return replace(after, points=_plotted(after, step, now))


def _since(before: Sequence[Counted], now: Sequence[Counted], release: int) -> tuple[int, int]:
    """Return new requests and errors; a count that went back has begun anew."""
    was = next((one for one in before if one.release == release), Counted(release, 0, 0))
    told = next((one for one in now if one.release == release), was)
    if told.requests < was.requests or told.errors < was.errors:
        was = Counted(release, 0, 0)
    return told.requests - was.requests, told.errors - was.errors


def _beside(proof: Proof, plan: Plan, new: tuple[int, int], old: tuple[int, int]) -> Proof:
    """The share is what it really was: given how many requests each got, errors fall on them alike or they do not."""
    requests = new[0] + old[0]
    if requests == 0:
        return proof
    return replace(proof, evidence=_taken(proof, plan, new[0] / requests, new, old))


def _alone(proof: Proof, plan: Plan, step: Step, new: tuple[int, int], now: datetime) -> Proof:
    """All traffic is on the new release: whole intervals of it are weighed against the time before."""
    pending = (proof.pending[0] + new[0], proof.pending[1] + new[1])
    since = proof.since or now
    length = min(MINUTE, step.expected) if step.expected else MINUTE
    if now - since < length:
        return replace(proof, pending=pending, since=since)
    intervals = max(1, round(step.expected / length))
    before = plan.before
    if len(before.errors) < intervals or proof.alone >= intervals:
        counted = _taken(proof, plan, 1.0, pending, (0, 0))
        return replace(proof, evidence=counted, pending=(0, 0), since=now, alone=proof.alone + 1)
    _, errors = evidence.before_after(before.errors, intervals)
    _, requests = evidence.before_after(before.requests, intervals)
    old = (requests[proof.alone], errors[proof.alone])
    share = pending[0] / (pending[0] + old[0]) if pending[0] + old[0] else 1.0
    counted = _taken(proof, plan, share, pending, old)
    return replace(proof, evidence=counted, pending=(0, 0), since=now, alone=proof.alone + 1)


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


def _plotted(proof: Proof, step: Step, now: datetime) -> tuple[Point, ...]:
    counted = proof.evidence
    e = exp(min(counted.log_e, 700.0))  # a float ends near e^709
    point = Point(
        now,
        step.percent,
        counted.canary_requests + proof.pending[0],
        counted.canary_errors + proof.pending[1],
        counted.baseline_requests,
        counted.baseline_errors,
        e,
    )
    points = (*proof.points, point)
    return points if len(points) <= POINTS else (*points[:-1:2], point)


def verdict(proof: Proof, plan: Plan) -> Verdict | None:
    """Return what the counts say; None where there is nobody to compare with, or nothing is counted."""
    if plan.judge is None or plan.base is None or not proof.counted:
        return None
    told, judge = proof.evidence, plan.judge
    history = plan.before.errors
    found = evidence.judged(
        told,
        alpha=judge.alpha,
        phi=evidence.phi(history) if history else 1.0,
        guard="phi" if history else "two-looks",
        tolerance=judge.tolerance,
    )
    if found.kind != "fail" and (much := _too_much(proof, plan)):
        return replace(found, kind="fail", sentence=much)
    return found


def _too_much(proof: Proof, plan: Plan) -> str:
    """Return why the share of failed requests is too much, whatever was before; empty when it is not."""
    assert plan.judge is not None
    told = proof.evidence
    requests, errors = told.canary_requests + proof.pending[0], told.canary_errors + proof.pending[1]
    if requests < ENOUGH or errors * 100 <= plan.judge.worst * requests:
        return ""
    old_requests, old_errors = told.baseline_requests, told.baseline_errors
    if old_requests >= ENOUGH and errors * old_requests <= 2 * old_errors * requests:
        return ""  # it was about as bad before, so going back would not help
    share = 100 * errors / requests
    before = f" against {old_errors:,} in {old_requests:,}" if old_requests else ""
    return f"{errors:,} errors in {requests:,} requests{before}, {share:.1f} % is more than {plan.judge.worst:g} %"


def raw(proof: Proof) -> str:
    """Say what visitors got from the release that serves again, counted since it was looked at."""
    requests, errors = proof.again
    return f"{errors:,} errors in {requests:,} requests, " if requests else ""


def still_bad(proof: Proof, plan: Plan) -> bool:
    """Does what serves again fail its visitors, more than it did before?"""
    requests, errors = proof.again
    worst = plan.judge.worst if plan.judge else 100.0
    told = proof.evidence
    was = told.baseline_errors / told.baseline_requests if told.baseline_requests else 0.0
    return requests >= ENOUGH and errors * 100 > worst * requests and errors > 2 * was * requests
