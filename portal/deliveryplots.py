"""Two pictures of the last weeks as SVG: how often and what failed, and lead time beside a year's levels.

Pure: figures in, markup out. Every week leads to its deploys. uPlot draws the same where scripts run (delivery.js).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import log10

from markupsafe import Markup, escape

from pipelines.dora import DAY, HOUR, MINUTE, Figures
from portal import render

TOP, BOTTOM, HEIGHT = 16, 22, 168  # pixels
TICKS = ((MINUTE, "1 min"), (HOUR, "1 h"), (DAY, "1 d"), (7 * DAY, "1 wk"), (30 * DAY, "1 mo"), (182 * DAY, "6 mo"))
LATEST = 2  # weeks between two labels


@dataclass(frozen=True)
class Point:
    """A week: where its deploys are listed, and those of them that failed."""

    first: date
    figures: Figures
    href: str
    failed_href: str

    @property
    def epoch(self) -> int:
        return (self.first - date(1970, 1, 1)).days * 86400

    @property
    def label(self) -> str:
        return f"{self.first.day} {self.first:%b}"

    @property
    def said(self) -> str:
        """The week in words, for those who do not see it."""
        count = render.counted(self.figures.healthy, "healthy deploy")
        return f"Week of {self.label}: {count}, {self.figures.failed} failed{_lead(self.figures)}"


def _lead(figures: Figures) -> str:
    return f", lead time {render.duration(figures.lead)}" if figures.lead is not None else ""


@dataclass(frozen=True)
class Limit:
    """A dashed line with its words."""

    span: timedelta
    text: str


def bars(points: Sequence[Point], label: str) -> Markup:
    """Healthy deploys of each week as bars, those that failed as dots."""
    end = top(points)
    ground, room = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    parts = [
        f'<line class="grid" x1="0" x2="100%" y1="{ground - room * share:.1f}" y2="{ground - room * share:.1f}"/>'
        f'<text x="0" y="{ground - room * share - 4:.1f}">{render.number(end * share)}</text>'
        for share in (0.5, 1.0)
        if (end * share).is_integer()
    ]
    for number, one in enumerate(points):
        x, wide = number / len(points) * 100, 100 / len(points)
        tall = one.figures.healthy / end * room
        parts.append(_link(one.href, one.said, x, wide))
        if one.figures.healthy:
            bar = f'x="{x + wide * 0.18:.2f}%" width="{wide * 0.64:.2f}%" y="{ground - tall:.1f}" height="{tall:.1f}"'
            parts.append(f'<rect class="f-new still" {bar}/>')
        if one.figures.failed:
            y = ground - one.figures.failed / end * room
            parts.append(f'<circle class="dot still" cx="{x + wide / 2:.2f}%" cy="{y:.1f}" r="4"/>')
    parts.append(f'<line class="axis" x1="0" x2="100%" y1="{ground}" y2="{ground}"/>')
    return _svg(label, parts + _weeks(points))


def leads(points: Sequence[Point], limits: Sequence[Limit], label: str) -> Markup:
    """The median lead time of each week, on a scale from minutes to months; levels as dashed lines."""
    low, high = _scale(points, limits)
    ground, room = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP

    def y(span: timedelta) -> float:
        return ground - (_log(span) - _log(low)) / (_log(high) - _log(low)) * room

    parts = []
    for tick, text in TICKS:
        if low <= tick <= high:
            parts.append(f'<line class="grid" x1="0" x2="100%" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
            parts.append(f'<text x="0" y="{y(tick) - 4:.1f}">{text}</text>')
    for limit in limits:
        if low <= limit.span <= high:
            parts.append(f'<line class="lim" x1="0" x2="100%" y1="{y(limit.span):.1f}" y2="{y(limit.span):.1f}"/>')
            words = f'x="100%" y="{y(limit.span) - 4:.1f}" text-anchor="end"'
            parts.append(f'<text class="b halo" {words}>{escape(limit.text)}</text>')
    before: tuple[float, float] | None = None
    dots = []
    for number, one in enumerate(points):
        x, wide = number / len(points) * 100, 100 / len(points)
        here = None
        if one.figures.lead is not None:
            here = (x + wide / 2, y(one.figures.lead))
            parts.append(_link(one.href, one.said, x, wide))
            dots.append(f'<circle class="mid still" cx="{here[0]:.2f}%" cy="{here[1]:.1f}" r="3.5"/>')
        if here and before:
            ends = f'x1="{before[0]:.2f}%" y1="{before[1]:.1f}" x2="{here[0]:.2f}%" y2="{here[1]:.1f}"'
            parts.append(f'<line class="ln still" {ends}/>')
        before = here
    parts.append(f'<line class="axis" x1="0" x2="100%" y1="{ground}" y2="{ground}"/>')
    return _svg(label, parts + dots + _weeks(points))


def top(points: Sequence[Point]) -> float:
    """Return the upper end of the scale of deploys."""
    return nice(max((max(one.figures.healthy, one.figures.failed) for one in points), default=0))


def reached(points: Sequence[Point], limits: Sequence[Limit]) -> str:
    """Return both ends of the scale of lead times, in seconds, for the script."""
    low, high = _scale(points, limits)
    return f"{low.total_seconds():g} {high.total_seconds():.0f}"


def _scale(points: Sequence[Point], limits: Sequence[Limit]) -> tuple[timedelta, timedelta]:
    spans = [one.figures.lead for one in points if one.figures.lead is not None]
    return reach([*spans, *(limit.span for limit in limits[:1])])


def nice(most: float) -> float:
    """Return a round end of a scale on which so many fit.

    >>> [nice(most) for most in (0, 3, 7, 23, 180)]
    [2.0, 4.0, 8.0, 40.0, 200.0]
    """
    size = 1.0
    while True:
        for step in (2, 4, 8):
            if most <= step * size:
                return step * size
        size *= 10


def reach(spans: Sequence[timedelta]) -> tuple[timedelta, timedelta]:
    """Return a scale on which they fit, from one tick to another."""
    known = [span for span in spans if span > timedelta(0)] or [HOUR]
    ticks = [tick for tick, _ in TICKS]
    low = max((tick for tick in ticks if tick <= min(known)), default=min(known) / 2)
    high = min((tick for tick in ticks if tick > max(known)), default=max(known) * 2)
    return low, high


def _log(span: timedelta) -> float:
    return log10(max(span.total_seconds(), 1))


def _link(href: str, said: str, x: float, wide: float) -> str:
    area = f'class="hit" x="{x:.2f}%" width="{wide:.2f}%" y="0" height="{HEIGHT}"'
    return f'<a href="{escape(href)}" aria-label="{escape(said)}"><rect {area}><title>{escape(said)}</title></rect></a>'


def _weeks(points: Sequence[Point]) -> list[str]:
    wide = 100 / max(len(points), 1)
    return [
        f'<text x="{(number + 0.5) * wide:.2f}%" y="{HEIGHT - 6}" text-anchor="middle"'
        f"{' class=broad' if (len(points) - 1 - number) % (2 * LATEST) else ''}>{one.label}</text>"
        for number, one in enumerate(points)
        if (len(points) - 1 - number) % LATEST == 0
    ]


def _svg(label: str, parts: Sequence[str]) -> Markup:
    return Markup(
        f'<svg width="100%" height="{HEIGHT}" role="group" aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
