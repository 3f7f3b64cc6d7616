"""The arithmetic of the e-process: what an error adds, how many requests it takes, how bursty errors are. Pure.

With a share s of the traffic and no difference, an error is the canary's with probability s; with a rise by r it is
θ = s·r / (s·r + 1 - s). An error of the canary multiplies the likelihood ratio by θ/s, one of the baseline by
(1-θ)/(1-s). A tolerance δ puts s·δ / (s·δ + 1 - s) in the place of s.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

from ledger.errors import Code, Error

ALPHA = 0.01  # of a hundred deploys without a difference, at most one is failed
RISES = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0)  # by which the canary's errors may have risen, each believed in alike
RATIO, FLOOR = 3.0, 0.05  # a rise worth knowing: to three times the rate, or to 5 % of requests where that is more
BLIND = 5.0  # the same where requests were not counted, so that nobody knows the rate: five times the errors
SURE = 0.84  # standard deviations: the rise is then seen in about 4 of 5 deploys
MOST = 10**12  # requests or errors; more than anybody has


@lru_cache(maxsize=1024)
def gains(share: float, tolerance: float) -> tuple[tuple[float, float], ...]:
    """Return, for each rise, what an error of the canary and one of the baseline add to the log."""
    null = share * tolerance / (share * tolerance + 1 - share)
    rises = [null * rise / (null * rise + 1 - null) for rise in RISES]
    # Not (1 - risen) / (1 - null): near a share of 1 that would be 0 / 0.
    return tuple(
        (math.log(risen / null), math.log(risen / null / rise)) for rise, risen in zip(RISES, rises, strict=True)
    )


def mean_of_logs(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + math.log(math.fsum(math.exp(log - top) for log in logs) / len(logs))


def phi(per_minute: Sequence[int]) -> float:
    """Return how much more the counts vary than chance alone would have them: variance over mean, at least 1.

    >>> phi([3, 2, 4, 3, 3]), phi([0, 0, 12, 0, 0, 0])
    (1.0, 12.0)
    """
    mean = sum(per_minute) / len(per_minute) if len(per_minute) > 1 else 0.0
    if mean == 0:
        return 1.0
    variance = sum((count - mean) ** 2 for count in per_minute) / (len(per_minute) - 1)
    return max(1.0, variance / mean)


def before_after(history: Sequence[int], intervals: int) -> tuple[float, tuple[int, ...]]:
    """Return the share and the baseline's errors of each interval, where nothing old runs beside the new.

    Each interval after the deploy is compared with an equal number of minutes before it, none of them used twice, so
    the share is t_after / (t_before + t_after) and e may still be looked at at any time. What differs between then and
    now for another reason (the time of day, a campaign) is taken for the deploy's doing: say so.

    >>> before_after([1, 0, 2, 0, 0, 1, 5], 3)
    (0.3333333333333333, (2, 0, 6))
    """
    each = len(history) // intervals if intervals > 0 else 0
    if each == 0:
        raise Error(Code.INVALID, "The time before must be at least as long as the time after.")
    late = history[len(history) - each * intervals :]
    return 1 / (1 + each), tuple(sum(late[at : at + each]) for at in range(0, len(late), each))


def needed(
    share: float,
    base_rate: float,
    alpha: float = ALPHA,
    tolerance: float = 1.0,
    ratio: float = RATIO,
    *,
    floor: float = FLOOR,
    phi: float = 1.0,
) -> int:
    """Return how many requests of the canary it takes to see a rise worth knowing in about 4 of 5 deploys.

    The rise worth knowing is to `ratio` times the baseline's rate of errors, or to `floor` where that is more; a floor
    of 0 asks for the ratio alone.
    """
    if not 0 < share < 1:
        return MOST
    risen = worth(base_rate, ratio, floor)
    bar = -math.log(alpha) * max(phi, 1.0)
    low, high = 0, 1
    while high < MOST and _foreseen(high, share, base_rate, risen, tolerance) < bar:
        low, high = high, high * 2
    while high - low > max(1, high // 1000):
        middle = (low + high) // 2
        low, high = (low, middle) if _foreseen(middle, share, base_rate, risen, tolerance) >= bar else (middle, high)
    return min(high, MOST)


def worth(base_rate: float, ratio: float = RATIO, floor: float = FLOOR) -> float:
    """Return the rate of errors that is a rise worth knowing."""
    return min(max(base_rate * ratio, floor), 1.0)


def _foreseen(requests: float, share: float, base_rate: float, risen: float, tolerance: float) -> float:
    """Return the log e that a canary of that rate reaches, but for bad luck, after so many of its requests."""
    mean = requests * risen
    errors = max(mean - SURE * math.sqrt(mean), 0.0)
    before = requests * (1 - share) / share * base_rate
    return mean_of_logs(tuple(errors * ours + before * theirs for ours, theirs in gains(share, tolerance)))


def about(number: float) -> int:
    """Round up to two figures.

    >>> about(117), about(38), about(1234)
    (120, 38, 1300)
    """
    size: int = 10 ** max(len(str(math.ceil(number))) - 2, 0)
    return math.ceil(number / size) * size
