"""Delivery figures in words: the band of their page, its five tiles, and why they may be old. Figures in, words out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pipelines import dora
from pipelines.benchmarks import Band as Level
from pipelines.deliveryquery import Read
from pipelines.dora import Figures, Pace
from portal import render
from portal.bands import Band
from portal.deliveryboard import Board

PACES = {
    Pace.DAILY: "daily",
    Pace.WEEKLY: "weekly",
    Pace.MONTHLY: "monthly",
    Pace.HALF_YEARLY: "half-yearly",
    Pace.SELDOM: "less",
}


@dataclass(frozen=True)
class Tile:
    """One figure: its name, the number, from what, how it compares, and where its deploys are."""

    title: str
    value: str
    said: str
    href: str
    level: Level | None = None
    before: str = ""


def weeks(board: Board) -> str:
    found = board.report.weeks
    most = max(found, key=lambda week: week.figures.healthy)
    failed = sum(week.figures.failed for week in found)
    if not most.figures.healthy:
        return f"No healthy deploy in {len(found)} weeks, {failed} failed"
    label = f"{most.first.day} {most.first:%b}"
    return f"{len(found)} weeks, at most {most.figures.healthy} healthy deploys, in that of {label}; {failed} failed"


def band(board: Board) -> Band:
    told, whose = board.figures, f" of {board.scope.title}" if board.scope.title else ""
    where = f"to {board.environment} in {render.unit(str(told.days), 'd')}"
    if not told.out:
        text = "Every deploy that becomes healthy, or fails after it had traffic, counts here by itself."
        return Band("", "ring", "Delivery", f"Nothing{whose} was delivered {where}.", text)
    failed = f"{told.failed} of {told.out} failed" if told.failed else "none failed"
    title = f"{render.counted(told.healthy, 'healthy deploy')}{whose} {where}; {failed}."
    lead = f"Half of the commits get there within {render.duration(told.lead)}. " if told.lead else ""
    back = f"What fails is mended in {render.duration(told.recovery)}. " if told.recovery is not None else ""
    if told.unmended:
        back += f"{told.unmended} {'is' if told.unmended == 1 else 'are'} not mended yet."
    return Band("", "warn" if told.unmended else "up", "Delivery", title, (lead + back).strip())


def late(read: Read, now: datetime) -> str:
    """Return why figures may be old, empty when they are not."""
    if read.until is None:
        return "Nothing has been counted yet. A worker reads the log every minute; then figures stand here."
    today = now.astimezone(UTC).date()
    if read.until < today:
        return f"These figures end on {_date(read.until)}: no worker has read the log since."
    return ""


def _date(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b}"


def tiles(board: Board, href: Callable[[str], str]) -> Sequence[Tile]:
    """Return the five figures; `href` leads to the deploys behind one: all, those that failed, or rework."""
    told, past = board.figures, board.report.before
    levels = board.levels

    def tile(title: str, kind: str, only: str, value: Callable[[Figures], str], said: str) -> Tile:
        before = f"{value(past)} in the {render.unit(str(board.days), 'd')} before" if past and past.out else ""
        return Tile(title, value(told), said, href(only), levels.get(kind), before)

    nothing = "nothing went out"
    commits = f"median of {render.counted(told.commits, 'commit')}" if told.commits else "no commit is known of"
    deploys = f"{render.counted(told.healthy, 'healthy deploy')} in {render.unit(str(told.days), 'd')}"
    failed = f"{told.failed} of {told.out}" if told.out else nothing
    rework = f"{told.rework} of {told.out}" if told.out else nothing
    return (
        tile("How often", "frequency", "", often, deploys),
        tile("Lead time", "lead_time", "", lambda one: span(one.lead), commits),
        tile("Failed", "change_failure_rate", "failed", lambda one: rate(one.failure_rate), failed),
        tile("Recovery", "recovery_time", "failed", lambda one: span(one.recovery), _mended(told)),
        tile("Rework", "", "rework", lambda one: rate(one.rework_rate), rework),
    )


def _mended(told: Figures) -> str:
    if not told.failed:
        return "nothing to mend"
    mended = told.failed - told.unmended
    parts = [f"median of {mended}" if mended else "", f"{told.unmended} not mended yet" if told.unmended else ""]
    return ", ".join(filter(None, parts))


def often(told: Figures) -> str:
    """Write it per day, per week or as a count, whichever says the most.

    >>> often(Figures(30, healthy=3)), often(Figures(30))
    ('3', 'none')
    """
    if told.per_day >= 1:
        return render.unit(render.number(round(told.per_day, 1)), "/d")
    if told.per_day * dora.WEEK >= 1:
        return render.unit(render.number(round(told.per_day * dora.WEEK, 1)), "/wk")
    return render.number(told.healthy) if told.healthy else "none"


def rate(share: float | None) -> str:
    return "–" if share is None else render.percent(round(share * 100, 1))


def span(length: timedelta | None) -> str:
    return "–" if length is None else render.duration(length)


def limit(length: timedelta) -> str:
    """Write the end of a level in its one unit.

    >>> limit(dora.HOUR).replace(render.NARROW, "_"), limit(182 * dora.DAY).replace(render.NARROW, "_")
    ('1_h', '6_mo')
    """
    months = length.days // 30
    return render.unit(str(months), "mo") if months else render.span(length)
