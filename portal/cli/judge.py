"""`fullcycle judge`: a verdict with numbers from a file; no portal is needed. Trials are in portal/cli/trials.py."""

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
from click.core import ParameterSource

from pipelines import judgefile
from pipelines.eprocess import about
from pipelines.judgeanswer import answer
from portal.cli import files, trials
from portal.cli.trials import table
from portal.client import printable

BARS = "▁▂▃▄▅▆▇█"
MARKS = {"pass": "green", "fail": "red", "inconclusive": "yellow"}


@click.command()
@click.argument("file", metavar="[FILE]", required=False)
@click.option("--json", "as_json", is_flag=True, help="for programs")
@click.option("--simulate", is_flag=True, help="made-up deploys instead of a file: which bake time is long enough?")
@click.option(
    "--requests", type=trials.Number(0, 1e7, min_open=True), default=100.0, help="per minute, both sides [100]"
)
@click.option("--share", type=trials.Part(), default="10%", help="of the requests that the canary gets [10%]")
@click.option("--error-rate", type=trials.Part(), default="0.3%", help="now [0.3%]")
@click.option("--bad-rate", type=trials.Part(), help="of a bad release [three times as much, at least 5%]")
@click.option("--minutes", type=click.IntRange(1, 1440), default=30, help="the longest bake to try [30]")
@click.option("--tolerance", type=trials.Number(1, 1000), default=1.0, help="a rise by less is no failure [1]")
@click.option(
    "--alpha", type=trials.Number(1e-12, 1, max_open=True), default=0.01, help="false alarms put up with [0.01]"
)
@click.option("--burst", type=trials.Number(0.01, 1000), help="how bursty: 2 is, 0.5 is very [not at all]")
@click.option("--guard", type=click.Choice(["phi", "two-looks", "none"]), default="phi", help="against bursts [phi]")
@click.option("--runs", type=click.IntRange(1, 1_000_000), default=1000, help="deploys of each kind [1000]")
@click.option("--seed", type=int, default=1, help="the same seed, the same answer [1]")
@click.pass_context
def judge(ctx: click.Context, /, file: str | None, as_json: bool, simulate: bool, **options: Any) -> None:
    """Say whether what FILE tells of a canary and its baseline is a pass; - reads standard input.

    FILE is JSON or YAML: {"method": "mannwhitney", "metrics": [...]} for latencies and other gauges, or
    {"method": "eprocess", "intervals": [...]} for counts of errors; docs/judge.md has all keys. Exit 0 for a pass, 1
    when it fails or nobody can say yet, 2 when the file cannot be read.
    """
    if simulate == (file is not None):
        raise click.UsageError("give a FILE (or - for standard input), or --simulate with the options of your service")
    if simulate:
        tried = trials.simulate(**options)
        click.echo(_as_json(tried) if as_json else "\n".join(trials.lines(tried)))
        return
    given = [name for name in options if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        raise click.UsageError(f"--{given[0].replace('_', '-')} is for --simulate")
    asked, problems = judgefile.read(files.text(file or ""), file or "")
    if asked is None:
        files.complain(problems, as_json, 2)
    told = answer(asked)
    click.echo(_as_json(told) if as_json else "\n".join(_lines(told)))
    sys.exit(0 if told["verdict"] == "pass" else 1)


def _as_json(told: Mapping[str, Any]) -> str:
    return json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False)


# What people read.


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    verdict = click.style(told["verdict"], fg=MARKS[told["verdict"]], bold=True)
    yield f"{verdict}: {printable(told['sentence'])}"
    yield from _metrics(told) if told["method"] == "mannwhitney" else _looks(told)


def _metrics(told: Mapping[str, Any]) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [("METRIC", "LABEL", "CANARY", "BASELINE", "SHIFT", "98 % BETWEEN", "VALUES")]
    for one in told["metrics"]:
        shift, sides = one["shift"], (one["canary"], one["baseline"])
        marks = " (muted)" if one["muted"] else " (critical)" if one["critical"] else ""
        between = f"{shift['low']:+.4g} and {shift['high']:+.4g}" if shift else ""
        means = ("" if side["mean"] is None else f"{side['mean']:.4g}" for side in sides)
        values = " / ".join(str(side["count"]) for side in sides)
        moved = f"{shift['estimate']:+.4g}" if shift else ""
        rows.append((printable(one["name"])[:40], one["label"] + marks, *means, moved, between, values))
    yield from table(rows)
    scores = ", ".join(f"{printable(name)} {score:.3g}" for name, score in told["groups"].items())
    thresholds = told["thresholds"]
    yield f"groups: {scores}; a pass needs {thresholds['pass']:g}, below {thresholds['marginal']:g} is a failure"


def _looks(told: Mapping[str, Any]) -> Iterator[str]:
    bar, looks = told["bar"], told["looks"]
    noise = told["phi"] or 1.0
    bursts = "errors came in bursts" if noise > 1.5 else "hardly any bursts of errors"
    guards = {
        "phi": f"φ = {noise:.2g}: {bursts} before; log e is divided by it",
        "two-looks": "two looks in a row must be at or above the bar, since there is no history",
        "none": "no guard against bursts",
    }
    if looks:
        after = f", decided after look {told['decided_after']}" if told["decided_after"] else ""
        yield f"  {sparkline([look['e'] for look in looks], bar)}  e after each of {len(looks)} looks{after}"
    yield f"  {guards[told['guard']]}"
    if told["needed_requests"]:
        yield f"  a rise worth knowing shows after about {about(told['needed_requests']):,} requests of the canary"


def sparkline(values: Sequence[float], bar: float, width: int = 60) -> str:
    """Draw e on the way from 1 to the bar, the highest block being at or above it; the peaks where there are many."""
    size = -(-len(values) // width)
    peaks = [max(values[at : at + size]) for at in range(0, len(values), size)]
    return "".join(BARS[_height(peak, bar)] for peak in peaks)


def _height(e: float, bar: float) -> int:
    if e >= bar:
        return len(BARS) - 1
    return min(int(max(math.log(e), 0.0) / math.log(bar) * (len(BARS) - 1)), len(BARS) - 2) if e > 0 else 0


COMMANDS = {"judge": judge}
