"""What the yearly DORA reports published as levels, each with its year, and which level a figure keeps. Pure.

A level is never said without its year: what was elite in one report is only high in another. Where a report leaves a
gap between two levels, a figure has the best level whose printed end it keeps.
"""

from dataclasses import dataclass
from datetime import timedelta

from pipelines.dora import DAY, HOUR, Figures, Pace

WEEK, MONTH, HALF_YEAR = 7 * DAY, 30 * DAY, 182 * DAY
SOURCE = "https://dora.dev/publications/"


@dataclass(frozen=True)
class Level:
    """The slowest that still has the level; None: there is no end. Rates are 0 to 1."""

    name: str
    pace: Pace
    lead: timedelta | None
    failure: float
    recovery: timedelta | None


@dataclass(frozen=True)
class Year:
    """One report: its levels, best first, and what one has to know of them."""

    year: int
    levels: tuple[Level, ...]
    note: str = ""


# Where two levels of a report print the same figure, the better one has it.
YEARS = {
    one.year: one
    for one in (
        Year(
            2021,
            (
                Level("elite", Pace.DAILY, HOUR, 0.15, HOUR),
                Level("high", Pace.MONTHLY, WEEK, 0.30, DAY),
                Level("medium", Pace.HALF_YEARLY, HALF_YEAR, 0.30, WEEK),
                Level("low", Pace.SELDOM, None, 0.30, None),
            ),
        ),
        Year(
            2022,
            (
                Level("high", Pace.DAILY, WEEK, 0.15, DAY),
                Level("medium", Pace.MONTHLY, MONTH, 0.30, WEEK),
                Level("low", Pace.HALF_YEARLY, HALF_YEAR, 0.60, MONTH),
            ),
            "2022 found no elite.",
        ),
        Year(
            2023,
            (
                Level("elite", Pace.DAILY, DAY, 0.05, HOUR),
                Level("high", Pace.WEEKLY, WEEK, 0.10, DAY),
                Level("medium", Pace.MONTHLY, MONTH, 0.15, WEEK),
                Level("low", Pace.MONTHLY, MONTH, 0.64, HALF_YEAR),
            ),
        ),
        Year(
            2024,
            (
                Level("elite", Pace.DAILY, DAY, 0.05, HOUR),
                Level("high", Pace.WEEKLY, WEEK, 0.20, DAY),
                Level("medium", Pace.MONTHLY, MONTH, 0.10, DAY),
                Level("low", Pace.HALF_YEARLY, HALF_YEAR, 0.40, MONTH),
            ),
            "In 2024 the medium teams failed less often (10 %) than the high ones (20 %).",
        ),
        Year(2025, (), "2025 sorts nobody into levels any more, and adds the rework rate."),
    )
}
USUAL = 2024  # the last report with levels
REWORK_YEAR = 2025  # the report that defines it


@dataclass(frozen=True)
class Band:
    """The level that a figure has in a year's report; no name: slower or worse than every level of it."""

    year: int
    name: str

    @property
    def said(self) -> str:
        return f"{self.name} in {self.year}" if self.name else f"below every level of {self.year}"


def frequency(figures: Figures, year: int) -> Band | None:
    """Return the level of how often; None where the year has no levels or there is nothing to judge, as below."""
    pace = figures.pace
    return None if pace is None else _first(year, [one.name for one in _levels(year) if pace >= one.pace])


def lead(figures: Figures, year: int) -> Band | None:
    """Return the level of the median lead time."""
    span = figures.lead
    return None if span is None else _first(year, [one.name for one in _levels(year) if _within(span, one.lead)])


def failure(figures: Figures, year: int) -> Band | None:
    """Return the level of the change failure rate."""
    rate = figures.failure_rate
    return None if rate is None else _first(year, [one.name for one in _levels(year) if rate <= one.failure])


def recovery(figures: Figures, year: int) -> Band | None:
    """Return the level of the median recovery time."""
    span = figures.recovery
    return None if span is None else _first(year, [one.name for one in _levels(year) if _within(span, one.recovery)])


def _levels(year: int) -> tuple[Level, ...]:
    return YEARS[year].levels if year in YEARS else ()


def _within(span: timedelta, limit: timedelta | None) -> bool:
    return limit is None or span <= limit


def _first(year: int, names: list[str]) -> Band | None:
    return Band(year, names[0] if names else "") if _levels(year) else None
