"""What visitors got from the new release and from the old one, look by look, as a plot and its words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from pipelines.deploy import Deploy
from pipelines.proof import Point
from portal import render, telling
from portal.plots import Line, Mark, plot
from portal.render import Times


@dataclass(frozen=True)
class Evidence:
    """`errors` and `odds` are plots; `rows` the same as numbers: what, new, old."""

    errors: Markup
    odds: Markup
    said: str
    new: int
    old: int
    rows: Sequence[tuple[str, str, str]]


def evidence(deploy: Deploy, times: Times) -> Evidence | None:
    """Return what there is to see; None while too little has been counted to draw a line."""
    points, plan = deploy.proof.points, deploy.plan
    if plan is None or plan.base is None or plan.judge is None or len(points) < 3:
        return None
    began, span = points[0].at, (points[-1].at - points[0].at).total_seconds() or 1.0
    places = [(point.at - began).total_seconds() / span for point in points]
    written = times.clock if span < telling.QUICK else times.short_clock
    ends = (written(points[0].at), written(points[-1].at))
    new = list(zip(places[1:], _rates(points, new=True), strict=True))
    old = list(zip(places[1:], _rates(points, new=False), strict=True))
    top = min(max([rate for _, rate in (*new, *old)] + [0.5]) * 1.15, 100)
    waves = _waves(points, places)
    said = f"Errors in percent of requests, release {plan.release.number} against {plan.base.number}"
    errors = plot([Line(old, "old"), Line(new)], top, " %", said, waves, ends)
    bar = 1 / plan.judge.alpha
    heights = [min(point.e, bar * 1.5) for point in points]
    odds = plot(
        [Line([(0.0, bar), (1.0, bar)], "bad"), Line(list(zip(places, heights, strict=True)))],
        bar * 1.5,
        "",
        f"Evidence that it is worse: {_short(points[-1].e)}, the bar is {bar:g}",
        waves,
        ends,
    )
    last = points[-1]
    rows = [
        ("Requests", render.number(last.new_requests), render.number(last.old_requests)),
        ("Errors", render.number(last.new_errors), render.number(last.old_errors)),
    ]
    return Evidence(errors, odds, deploy.proof.said, plan.release.number, plan.base.number, rows)


def _waves(points: Sequence[Point], places: Sequence[float]) -> Sequence[Mark]:
    """Return where the share of the traffic changed."""
    before, marks = 0, []
    for point, place in zip(points, places, strict=True):
        if point.percent != before:
            marks.append(Mark(place, render.percent(point.percent)))
        before = point.percent
    return marks


def _rates(points: Sequence[Point], *, new: bool) -> list[float]:
    """Return the share of failed requests between two looks, in percent; without a request it is as it was."""
    rates, last = [], 0.0
    for before, after in pairwise(points):
        requests = after.new_requests - before.new_requests if new else after.old_requests - before.old_requests
        errors = after.new_errors - before.new_errors if new else after.old_errors - before.old_errors
        last = 100 * errors / requests if requests > 0 else last
        rates.append(last)
    return rates


def _short(e: float) -> str:
    """Write it without a hundred digits."""
    return f"{e:.0e}" if e >= 1e6 else render.number(round(e, 1))
