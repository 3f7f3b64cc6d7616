"""Whether those who share the work carry what is theirs: a score per measure, and who carries too much. Pure.

A share is what somebody is expected to carry beside the others: 1 for full time, 0.5 for half of it. The formula and a
worked example are in docs/fairness.md.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from oncall.almanac import ZULU, instant
from oncall.load import Load
from oncall.saying import NAMES, called

THRESHOLD = 1.5  # times a fair share
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Measure:
    """One thing that is shared."""

    name: str
    of: Callable[[Load], float]
    least: float  # so much more than fair is chance, not a task
    scored: bool = True


MEASURES = (
    Measure("hours", lambda load: load.carried.time / HOUR, least=24),
    Measure("nights", lambda load: len(load.carried.nights), least=3),
    Measure("weekend hours", lambda load: load.carried.weekend / HOUR, least=24),
    Measure("broken nights", lambda load: load.interrupted, least=3, scored=False),  # luck, but somebody's
)


@dataclass(frozen=True)
class Quarter:
    """Three months of a zone's calendar."""

    name: str  # `2026-Q4`
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Uneven:
    """Somebody carries so much more than a share that the team should talk about it."""

    person: str
    measure: str
    ratio: float
    sentence: str


def quarter(at: datetime, zone: ZoneInfo = ZULU) -> Quarter:
    """Return the quarter that a moment is in.

    >>> from datetime import UTC
    >>> quarter(datetime(2026, 12, 31, 23, 30, tzinfo=UTC)).name
    '2026-Q4'
    """
    local = at.astimezone(zone)
    number = (local.month - 1) // 3
    following = (local.year + number // 3, (number * 3 + 3) % 12 + 1)
    return Quarter(
        f"{local.year}-Q{number + 1}",
        instant(date(local.year, number * 3 + 1, 1), time(0), zone),
        instant(date(*following, 1), time(0), zone),
    )


def expected(amounts: Mapping[str, float], shares: Mapping[str, float]) -> dict[str, float]:
    """Return what each would carry if all of it were shared fairly; who has no share would carry nothing."""
    whole = sum(shares.values())
    total = sum(amounts.values())
    return {who: total * shares.get(who, 0) / whole if whole else 0.0 for who in {**shares, **amounts}}


def balance(amounts: Mapping[str, float], shares: Mapping[str, float]) -> float:
    """Return how fairly amounts are spread: 100 when all carry their share, 0 when one with the smallest carries all.

    >>> nights = {"ada": 46, "bo": 27, "cy": 19}
    >>> round(balance(nights, {"ada": 1, "bo": 1, "cy": 0.5}))
    87
    """
    whole, total = sum(shares.values()), sum(amounts.values())
    if whole <= 0 or total <= 0:
        return 100.0
    fair = expected(amounts, shares)
    too_much = sum(max(0.0, amounts.get(who, 0) - share) for who, share in fair.items())
    at_worst = total * (1 - min(shares.get(who, 0) for who in fair) / whole)
    return min(100.0, max(0.0, 100 * (1 - too_much / at_worst))) if at_worst > 0 else 100.0


def scores(loads: Sequence[Load], shares: Mapping[str, float]) -> dict[str, float]:
    """Return the balance of each measure that is scored."""
    return {
        measure.name: balance({load.person: measure.of(load) for load in loads}, shares)
        for measure in MEASURES
        if measure.scored
    }


def score(loads: Sequence[Load], shares: Mapping[str, float]) -> float:
    """Return the balance of all: as fair as the least fair measure is."""
    return min(scores(loads, shares).values())


def uneven(
    loads: Sequence[Load],
    shares: Mapping[str, float],
    when: str,
    *,
    threshold: float = THRESHOLD,
    names: Mapping[str, str] = NAMES,
) -> list[Uneven]:
    """Return who carries far more than a fair share of something, the most uneven first; each is worth a task.

    Whoever has no share has come to help, which is for no task to forbid.
    """
    found = []
    for measure in MEASURES:
        amounts = {load.person: measure.of(load) for load in loads}
        fair = expected(amounts, shares)
        for who, amount in amounts.items():
            ratio = amount / fair[who] if fair[who] else 0.0
            if ratio >= threshold and amount - fair[who] >= measure.least:
                sentence = (
                    f"{called(who, names)} carries {ratio:.1f} times a fair share of {measure.name} in {when}: "
                    f"{amount:.0f} of {sum(amounts.values()):.0f}, where {fair[who]:.0f} would be fair"
                )
                found.append(Uneven(who, measure.name, ratio, sentence))
    return sorted(found, key=lambda each: (-each.ratio, each.person, each.measure))
