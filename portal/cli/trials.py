"""`fullcycle judge --simulate`: deploys made up on a service's own traffic, so that a team can choose its bake time."""

import math
import random
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import click

from ledger.clock import stopwatch
from pipelines import trials
from pipelines.eprocess import FLOOR, RATIO, about, needed, worth
from pipelines.evidence import Guard

MOST_MINUTES = 3_000_000  # made up in one call: runs times minutes; a minute or two of our own time
PATIENCE = timedelta(seconds=1)  # before a bar is shown


class Part(click.ParamType[float]):
    """A part of the whole, as `10%` or `0.1`."""

    name = "part"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{0,20})?|\.\d{1,20})\s*(%?)\s*", str(value))
        part = float(found[1]) / (100 if found[2] else 1) if found else -1.0
        if not 0 <= part <= 1:
            self.fail(f"{value!r} is no part of a whole; write 10% or 0.1", param, ctx)
        return part


class Number(click.FloatRange):
    """A number in a range; NaN, which is in every range for click, is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is no number", param, ctx)
        return number


def simulate(
    *,
    requests: float,
    share: float,
    error_rate: float,
    bad_rate: float | None,
    minutes: int,
    tolerance: float,
    alpha: float,
    burst: float | None,
    guard: Guard,
    runs: int,
    seed: int,
) -> dict[str, Any]:
    """Try deploys, and return what came of them as JSON tells it."""
    if not 0 < share < 1:
        raise click.UsageError("--share is more than 0 and less than 1: without both sides there is nothing to compare")
    if runs * minutes > MOST_MINUTES:
        raise click.UsageError(f"{runs:,} runs of {minutes} minutes are too many; together at most {MOST_MINUTES:,}")
    bad = worth(error_rate, RATIO, FLOOR) if bad_rate is None else bad_rate
    traffic = trials.Traffic(requests, (share,), error_rate, bad, burst)
    rules = trials.Rules(minutes, tolerance, alpha, guard)
    with _bar(runs) as done:
        found = trials.trials(traffic, rules, runs, random.Random(seed), done)
    enough = needed(share, error_rate, alpha, tolerance)
    asked = {
        "requests": requests,
        "share": share,
        "error_rate": error_rate,
        "bad_rate": bad,
        "burst": burst,
        "seed": seed,
    }
    return {
        **asked,
        "alpha": alpha,
        "tolerance": tolerance,
        "guard": guard,
        "runs": runs,
        "needed_requests": enough,
        "needed_minutes": enough / (requests * share),
        "bakes": [
            {
                "minutes": line.minutes,
                "false_alarms": line.false_alarms,
                "found": line.found,
                "median_minutes": line.median_minutes,
            }
            for line in found
        ],
    }


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    where = f"{told['requests']:,.10g} requests a minute, {_percent(told['share'])} of them to the canary"
    bursts = f", errors in bursts of shape {told['burst']:g}" if told["burst"] else ""
    yield f"{told['runs']:,} good and {told['runs']:,} bad deploys: {where}{bursts}"
    yield f"errors: {_percent(told['error_rate'])} now, {_percent(told['bad_rate'])} of a bad release"
    rows: list[tuple[str, ...]] = [("BAKE", "FALSE ALARMS", "FOUND", "IN HALF OF THEM BY")]
    for line in told["bakes"]:
        median = f"{line['median_minutes']} min" if line["median_minutes"] else ""
        rows.append((f"{line['minutes']} min", _percent(line["false_alarms"]), _percent(line["found"]), median))
    yield from table(rows)
    need, wait = about(told["needed_requests"]), max(1, round(told["needed_minutes"]))
    yield f"a pass needs about {need:,} requests of the canary, which take about {wait:,} min;"
    yield f"a rise to {_percent(worth(told['error_rate'], RATIO, FLOOR))} shows by then in 4 of 5 deploys"


def _percent(part: float) -> str:
    return f"{100 * part:.3g} %"


@contextmanager
def _bar(runs: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on a terminal, once it has taken a second."""
    waited = stopwatch()
    if not sys.stderr.isatty():
        yield lambda run: None
        return
    with ExitStack() as stack:
        bar: Any = None

        def done(run: int) -> None:
            nonlocal bar
            if bar is None and waited() > PATIENCE:
                bar = stack.enter_context(click.progressbar(length=runs, label="deploys", file=sys.stderr))
            if bar is not None:
                bar.update(run - bar.pos)

        yield done


def table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Line up columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for cells in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
