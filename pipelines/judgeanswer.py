"""The answer to a judge file, as JSON tells it: verdict, score or evidence, a sentence with numbers, and why. Pure."""

import math
from collections.abc import Sequence
from typing import Any

from pipelines.evidence import Evidence, Verdict, failed, judged, phi, taken
from pipelines.judge import Judged, judge
from pipelines.judgefile import EProcess, JudgeFile, MannWhitney

Told = dict[str, Any]


def answer(asked: JudgeFile) -> Told:
    """Judge, and tell it as JSON does."""
    return _mannwhitney(asked) if isinstance(asked, MannWhitney) else _eprocess(asked)


# Mann-Whitney.


def _mannwhitney(asked: MannWhitney) -> Told:
    thresholds = asked.score_thresholds
    metrics = [metric.metric() for metric in asked.metrics]
    found = judge(metrics, asked.group_weights, good=thresholds.good, marginal=thresholds.marginal)
    return {
        "verdict": found.verdict,
        "score": found.score,
        "evidence": None,
        "sentence": found.why,
        "method": asked.method,
        "thresholds": {"pass": thresholds.good, "marginal": thresholds.marginal},
        "groups": dict(found.groups),
        "metrics": [_metric(one) for one in found.metrics],
    }


def _metric(one: Judged) -> Told:
    shift = one.shift
    return {
        "name": one.metric.name,
        "label": one.label,
        "why": one.why,
        "critical": one.is_critical,
        "muted": one.metric.muted,
        "shift": {"estimate": shift.estimate, "low": shift.low, "high": shift.high, "z": shift.z} if shift else None,
        "effect": one.effect,
        "baseline": _side(one.metric.baseline, one.baseline),
        "canary": _side(one.metric.canary, one.canary),
    }


def _side(given: Sequence[float], kept: Sequence[float]) -> Told:
    mean = math.fsum(kept) / len(kept) if kept else None
    return {"given": len(given), "count": len(kept), "mean": mean}


# The e-process.


def _eprocess(asked: EProcess) -> Told:
    guard, noise = asked.guarded, phi(asked.history)
    evidence, decided = Evidence(), None
    at_verdict = evidence
    looks: list[Told] = []
    for interval in asked.looked_at():
        evidence = taken(
            evidence,
            interval.part,
            interval.canary_errors,
            interval.baseline_errors,
            tolerance=asked.tolerance,
            canary_requests=interval.canary_requests or 0,
            baseline_requests=interval.baseline_requests or 0,
            alpha=asked.alpha,
        )
        looks.append(_look(evidence, noise if guard == "phi" else 1.0))
        if decided is None:
            at_verdict = evidence
            decided = evidence.looks if failed(evidence, alpha=asked.alpha, phi=noise, guard=guard) else None
    verdict = judged(at_verdict, alpha=asked.alpha, phi=noise, guard=guard, tolerance=asked.tolerance)
    return _told(asked, at_verdict, verdict, noise) | {"decided_after": decided, "looks": looks}


def _look(evidence: Evidence, dampened: float) -> Told:
    log_e = evidence.log_e / dampened
    errors = {"canary_errors": evidence.canary_errors, "baseline_errors": evidence.baseline_errors}
    return {"e": math.exp(min(log_e, 700.0)), "log_e": log_e, **errors}


def _told(asked: EProcess, evidence: Evidence, verdict: Verdict, noise: float) -> Told:
    before = f" (compared with the {len(asked.history)} minutes before)" if asked.after is not None else ""
    return {
        "verdict": verdict.kind,
        "score": None,
        "evidence": verdict.e,
        "sentence": verdict.sentence + before,
        "method": asked.method,
        "bar": verdict.bar,
        "alpha": asked.alpha,
        "tolerance": asked.tolerance,
        "guard": asked.guarded,
        "phi": noise if asked.guarded == "phi" else None,
        "needed_requests": verdict.needed,
        "canary_errors": evidence.canary_errors,
        "baseline_errors": evidence.baseline_errors,
        "canary_requests": evidence.canary_requests,
        "baseline_requests": evidence.baseline_requests,
    }
