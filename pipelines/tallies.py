"""Sums of deliveries, over services and over days; a histogram stands for many times. Pure.

Counts that are added up stay exact. A median is read from a histogram, which is right to about a tenth.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pipelines.dora import Deployed, Figures, Stretch, deploy_days

COUNTS = ("healthy", "out", "failed", "unmended", "rework")

# The upper ends of the histograms' cells. The ends of all published levels are among them: a level is never guessed.
LEAD_EDGES = (
    *(timedelta(minutes=count) for count in (2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90)),
    *(timedelta(hours=count) for count in (2, 3, 4, 6, 8, 12, 18, 24, 36)),
    *(timedelta(days=count) for count in (2, 3, 4, 5, 7, 10, 14, 21, 30, 60, 90, 182)),
)
RECOVERY_EDGES = (
    *(timedelta(seconds=count) for count in (5, 10, 15, 20, 30, 45, 60, 90)),
    *(timedelta(minutes=count) for count in (2, 3, 5, 7, 10, 15, 20, 30, 45, 60)),
    *(timedelta(hours=count) for count in (2, 4, 8, 16, 24)),
    *(timedelta(days=count) for count in (2, 4, 7, 14, 30, 90, 182)),
)
LEAD_CELLS, RECOVERY_CELLS = len(LEAD_EDGES) + 1, len(RECOVERY_EDGES) + 1


def cell(span: timedelta, edges: Sequence[timedelta]) -> int:
    """Return the cell of the histogram in which it lies."""
    return bisect_right(edges, span)


def middle_of(cells: Sequence[int], edges: Sequence[timedelta]) -> timedelta | None:
    """Return about the median of what a histogram counts, evenly spread within its cell; None of nothing.

    >>> middle_of([0] * 9 + [4] + [0] * 23, LEAD_EDGES)
    datetime.timedelta(seconds=3150)
    """
    total = sum(cells)
    before = 0
    for number, count in enumerate(cells):
        if count and before + count >= total / 2:
            low = edges[number - 1] if number else edges[0] / 2
            high = edges[number] if number < len(edges) else 2 * low
            return low + (high - low) * ((total / 2 - before) / count)
        before += count
    return None


@dataclass(frozen=True)
class Tally:
    """What can be added up."""

    healthy: int = 0
    out: int = 0
    failed: int = 0
    unmended: int = 0
    rework: int = 0
    leads: tuple[int, ...] = (0,) * LEAD_CELLS
    recoveries: tuple[int, ...] = (0,) * RECOVERY_CELLS

    @property
    def numbers(self) -> tuple[int, ...]:
        """All of it in one row: COUNTS, then the cells."""
        return (self.healthy, self.out, self.failed, self.unmended, self.rework, *self.leads, *self.recoveries)


def tally(deploys: Iterable[Deployed]) -> Tally:
    """Count the deploys that count."""
    counted = [one for one in deploys if one.counts]
    leads = Counter(cell(span, LEAD_EDGES) for one in counted for span in one.leads)
    spans = [one.recovery for one in counted]
    recoveries = Counter(cell(span, RECOVERY_EDGES) for span in spans if span is not None)
    return Tally(
        sum(one.ending == "healthy" for one in counted),
        len(counted),
        sum(bool(one.failed) for one in counted),
        sum(one.is_unmended for one in counted),
        sum(bool(one.rework) for one in counted),
        tuple(leads[number] for number in range(LEAD_CELLS)),
        tuple(recoveries[number] for number in range(RECOVERY_CELLS)),
    )


def together(tallies: Iterable[Tally]) -> Tally:
    """Add them up."""
    found = list(tallies)
    if len(found) < 2:
        return found[0] if found else Tally()
    return tally_of([sum(column) for column in zip(*(one.numbers for one in found), strict=True)])


def tally_of(numbers: Sequence[int]) -> Tally:
    """Read back what `Tally.numbers` gives."""
    healthy, out, failed, unmended, rework, *cells = numbers
    return Tally(healthy, out, failed, unmended, rework, tuple(cells[:LEAD_CELLS]), tuple(cells[LEAD_CELLS:]))


def added(within: Stretch, sums: Tally, days: Sequence[date] = ()) -> Figures:
    """Return figures from sums; `days` are those with a healthy deploy."""
    return Figures(
        within.days,
        sums.healthy,
        sums.out,
        sums.failed,
        sums.unmended,
        sums.rework,
        sum(sums.leads),
        middle_of(sums.leads, LEAD_EDGES),
        middle_of(sums.recoveries, RECOVERY_EDGES),
        deploy_days(days, within) if days else 0.0,
    )
