"""Does the canary make more errors than its share? An e-process over counts, which may be looked at at any time. Pure.

Without a difference the chance that e ever reaches 1/α is at most α, however often one looks. e is the mean, over a few
rates by which errors may have risen, of a likelihood ratio; each interval multiplies in with its own share of traffic,
so weights may ramp. The state is a handful of numbers, whatever the number of intervals, and travels as JSON.

Sources: Lindon, Sanden, Shirikian, “Rapid Regression Detection in Software Deployments through Sequential Testing”
(arXiv 2205.14762); Lindon, Malek, “Anytime-Valid Inference for Multinomial Count Data” (NeurIPS 2022).
"""

import math
from dataclasses import dataclass
from typing import Literal

from ledger.errors import Code, Error
from pipelines.eprocess import (
    ALPHA,
    BLIND,
    FLOOR,
    MOST,
    RATIO,
    RISES,
    about,
    before_after,
    gains,
    mean_of_logs,
    needed,
    phi,
)

__all__ = ["Evidence", "Guard", "Verdict", "before_after", "failed", "judged", "needed", "phi", "taken"]

Guard = Literal["phi", "two-looks", "none"]
Kind = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True)
class Evidence:
    """What has been counted so far. `logs` belong to `RISES`; requests are 0 where nobody counted them.

    `peak` is the highest `log_e` of all looks, `held` the highest that two looks in a row were both at or above, so
    that any bar can be asked for later. `looks_over`: how many looks in a row, up to the last, reached the bar of
    `taken`.
    """

    logs: tuple[float, ...] = (0.0,) * len(RISES)
    canary_errors: int = 0
    baseline_errors: int = 0
    canary_requests: int = 0
    baseline_requests: int = 0
    looks: int = 0
    looks_over: int = 0
    peak: float = 0.0
    held: float = 0.0
    weight: float = 0.0  # the sum of s/(1-s) times baseline errors: what the canary would have made of its own

    @property
    def log_e(self) -> float:
        return mean_of_logs(self.logs)


@dataclass(frozen=True)
class Verdict:
    """`e` and `bar` are in the sentence. `needed`: requests of the canary until a rise worth knowing would be seen."""

    kind: Kind
    e: float
    bar: float
    sentence: str
    needed: int | None = None


def taken(
    evidence: Evidence,
    share: float,
    canary_errors: int,
    baseline_errors: int,
    *,
    tolerance: float = 1.0,
    canary_requests: int = 0,
    baseline_requests: int = 0,
    alpha: float = ALPHA,
) -> Evidence:
    """Add what one interval brought: new counts, not totals. `share` is the canary's part of the requests in it.

    A rise by less than `tolerance` is no failure. At a share of 0 or 1 there is nothing to compare: errors are counted
    and e stays as it is.
    """
    counts = (canary_errors, baseline_errors, canary_requests, baseline_requests)
    if not all(0 <= count <= MOST for count in counts):
        raise Error(Code.INVALID, f"A count is between 0 and {MOST:,}; give what is new in the interval.")
    if not 0 <= share <= 1 or not 1 <= tolerance < math.inf:
        raise Error(Code.INVALID, "A share is between 0 and 1 (10 % is 0.1), and a tolerance is at least 1.")
    _check(alpha)
    logs, weight = evidence.logs, evidence.weight
    if 0 < share < 1:
        logs = tuple(
            log + canary_errors * ours + baseline_errors * theirs
            for log, (ours, theirs) in zip(logs, gains(share, tolerance), strict=True)
        )
        weight += baseline_errors * share / (1 - share)
    log_e = mean_of_logs(logs)
    return Evidence(
        logs,
        evidence.canary_errors + canary_errors,
        evidence.baseline_errors + baseline_errors,
        evidence.canary_requests + canary_requests,
        evidence.baseline_requests + baseline_requests,
        evidence.looks + 1,
        evidence.looks_over + 1 if log_e >= -math.log(alpha) else 0,
        max(evidence.peak, log_e),
        max(evidence.held, min(evidence.log_e, log_e)),
        weight,
    )


def judged(
    evidence: Evidence,
    *,
    alpha: float = ALPHA,
    phi: float = 1.0,
    guard: Guard = "phi",
    tolerance: float = 1.0,
    ratio: float = RATIO,
    floor: float = FLOOR,
) -> Verdict:
    """Decide. Once failed stays failed; a pass needs so much data that a rise worth knowing would have been seen.

    `phi` of the baseline's errors before the deploy keeps the promise on services whose errors come in bursts: log e is
    divided by it after the mean over the rises (inside the mean would be sound too, and find less). Where only that
    keeps e below the bar, it may be a burst or a rise: inconclusive.
    """
    bar, dampened = 1 / alpha, max(phi, 1.0) if guard == "phi" else 1.0
    if failed(evidence, alpha=alpha, phi=phi, guard=guard):
        e = _exp((evidence.held if guard == "two-looks" else evidence.peak) / dampened)
        return Verdict("fail", e, bar, f"{_counts(evidence)}, e = {_short(e)} ≥ {_short(bar)}")
    e = _exp(evidence.log_e / dampened)
    if dampened > 1 and evidence.log_e >= math.log(bar):
        bursts = f"errors come in bursts here (φ = {dampened:.1f}), without which e = {_short(_exp(evidence.log_e))}"
        low = f"e = {_short(e, below=bar)} < {_short(bar)}"
        return Verdict("inconclusive", e, bar, f"not enough evidence: {_counts(evidence)}, {low}; {bursts}")
    missing, need = _missing(evidence, alpha, tolerance, dampened, ratio, floor)
    if missing:
        return Verdict("inconclusive", e, bar, f"not enough data: {missing}", need)
    if e >= bar:  # with two looks, at the first of them
        once = f"{_counts(evidence)}, e = {_short(e)} ≥ {_short(bar)} once; a second look decides"
        return Verdict("inconclusive", e, bar, once, need)
    return Verdict("pass", e, bar, f"{_counts(evidence)}, e = {_short(e, below=bar)} < {_short(bar)}", need)


def failed(evidence: Evidence, *, alpha: float = ALPHA, phi: float = 1.0, guard: Guard = "phi") -> bool:
    """Say whether e, dampened as the guard wants it, has ever reached 1/α."""
    _check(alpha)
    reached = evidence.held if guard == "two-looks" else evidence.peak
    return reached / (max(phi, 1.0) if guard == "phi" else 1.0) >= -math.log(alpha)


def _check(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise Error(Code.INVALID, "alpha is between 0 and 1, like 0.01 for one false alarm in a hundred deploys.")


def _missing(
    evidence: Evidence, alpha: float, tolerance: float, phi: float, ratio: float, floor: float
) -> tuple[str, int | None]:
    """Say what is missing until a pass means something; empty when nothing is."""
    requests, others = evidence.canary_requests, evidence.baseline_requests
    if evidence.looks == 0:
        return "nothing was counted yet", None
    if requests + others == 0:
        return _missing_errors(evidence, alpha, tolerance, phi), None
    rate = evidence.baseline_errors / others if others else 0.0
    if others == 0 or requests == 0:
        return f"no requests of the {'baseline' if requests else 'canary'}", None
    need = needed(requests / (requests + others), rate, alpha, tolerance, ratio, floor=floor, phi=phi)
    if need >= MOST:
        return f"the baseline itself fails in {100 * rate:.0f} % of its requests", None
    return (f"{requests:,} of about {about(need):,} requests" if requests < need else ""), need


def _missing_errors(evidence: Evidence, alpha: float, tolerance: float, phi: float) -> str:
    """The same where requests were not counted: the baseline's errors must be enough to expect some of the canary."""
    if evidence.baseline_errors == 0:
        return "the baseline has no errors, and the numbers of requests are not given"
    if evidence.weight == 0:
        return "all requests were on one side"
    share = evidence.weight / (evidence.weight + evidence.baseline_errors)  # on the whole
    seldom = 1e-6  # any rate will do: what counts is the number of errors
    need = needed(share, seldom, alpha, tolerance, BLIND, floor=0.0, phi=phi) * seldom * (1 - share) / share
    enough = evidence.baseline_errors >= need
    return "" if enough else f"{evidence.baseline_errors:,} of about {about(need):,} errors of the baseline"


def _exp(log: float) -> float:
    return math.exp(min(log, 700.0))  # a float ends near e^709


# What people read.


def _counts(evidence: Evidence) -> str:
    def of(errors: int, requests: int) -> str:
        return f"{errors:,} in {requests:,}" if counted else f"{errors:,}"

    counted = evidence.canary_requests + evidence.baseline_requests > 0
    canary, baseline = evidence.canary_errors, evidence.baseline_errors
    errors = f"{canary:,} error" if canary == 1 else f"{canary:,} errors"
    requests = f" in {evidence.canary_requests:,} requests" if counted else ""
    return f"{errors}{requests} against {of(baseline, evidence.baseline_requests)}"


def _short(number: float, below: float = math.inf) -> str:
    """Write 0.3, 8.1, 412, 1,240 or 3e14; never rounded up to `below`."""
    if number >= 1e6:
        return f"{number:.0e}".replace("e+0", "e").replace("e+", "e")
    text = f"{number:,.1f}" if number < 9.95 else f"{number:,.0f}"
    return text if number < below - 0.5 or below == math.inf else f"{math.floor(number * 10) / 10:,}"
