"""`fullcycle dora`: how often, how fast, what failed, how soon mended, and how much was rework."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from portal import render
from portal.cli.house import configured, data_option
from portal.cli.wording import counted, plain
from portal.render import short_ref

Told = Mapping[str, Any]
LISTED = 10  # failures


@click.command()
@click.argument("what", required=False, default="", metavar="[SERVICE|TEAM]")
@click.option("--environment", help="production, or where most is deployed to, if nothing is said")
@click.option("--days", type=click.Choice(["7", "30", "90"]), default="30", show_default=True)
@click.option("--year", type=click.Choice(["2021", "2022", "2023", "2024", "2025"]), default="2024", show_default=True)
@click.option("--rebuild", "anew", is_flag=True, help="on the portal's machine: count everything anew from the log")
@data_option
@click.option("--json", "as_json", is_flag=True, help="for programs")
def dora(
    what: str, environment: str | None, days: str, year: str, anew: bool, data: Path | None, as_json: bool
) -> None:
    """Show delivery figures of everything, or of a SERVICE or TEAM, held against the levels of a year's DORA report.

    All of it comes from the log of deploys. --rebuild reads that log from its beginning, in the database itself.
    """
    if anew:
        click.echo(f"{counted(_rebuild(data), 'fact')} of deploys read from the log")
        return
    from portal.cli.deploys import connect, say

    told = connect().get("/delivery", of=what or None, environment=environment, days=days, year=year)
    say(told, as_json, *map(plain, lines(told, int(year))))


def _rebuild(data: Path | None) -> int:
    from ledger import clock, events
    from ledger.errors import Code, Error
    from pipelines import delivery
    from portal import wiring

    config, _ = configured(data)
    if not config.database_url and not (config.data / "fullcycle.db").exists():
        raise Error(Code.NOT_FOUND, f"There is no database in {config.data}; --data says where it is.")
    database = wiring.database(config)
    try:
        events.seal(database)
        return delivery.rebuild(database, clock.now())
    finally:
        database.close()


def lines(told: Told, year: int) -> Iterator[str]:
    """The five figures with their levels, then teams, services and what failed."""
    figures, levels = told["figures"], told["levels"]
    whose = short_ref(told["service"] or told["team"]) if told["service"] or told["team"] else "everything"
    yield f"{whose} to {told['environment']}, {told['first']} to {told['last']}"
    if not figures["out"]:
        yield "  Nothing was delivered in these days."
        return
    often = f"{counted(figures['healthy'], 'healthy deploy')}, {figures['deploys_per_day']:.2f} a day"
    rate = _rate(figures["change_failure_rate"])
    failed = f"{rate}, {figures['failed']} of {figures['out']}"
    unmended = f", {figures['unmended']} not mended yet" if figures["unmended"] else ""
    lead = f"{_span(figures['lead_time_seconds'])}, median of {counted(figures['commits'], 'commit')}"
    rework = f"{_rate(figures['rework_rate'])}, {figures['rework']} of {figures['out']}"
    for name, said, level in (
        ("how often", often, levels["frequency"]),
        ("lead time", lead, levels["lead_time"]),
        ("failed", failed, levels["change_failure_rate"]),
        ("recovery", _span(figures["recovery_seconds"]) + unmended, levels["recovery_time"]),
        ("rework", rework, None),
    ):
        yield f"  {name:<10}{said}{_level(level, year)}"
    for head, rows in (("TEAM", told["teams"]), ("SERVICE", told["services"])):
        if not told["service"] and len(rows) > (head == "TEAM" and bool(told["team"])):
            yield from _table(head, rows)
    if told["failures"]:
        yield "what failed, newest first"
    for one in told["failures"][:LISTED]:
        back = f" by deploy {one['rolled_back_by']}" if one["rolled_back_by"] else ""
        span = f"users had it for {_span(one['recovery_seconds'])}" if one["recovery_seconds"] is not None else "open"
        yield f"  {short_ref(one['service'])} {one['release']}  deploy {one['deploy']}: {one['why']}{back}; {span}"


def _table(head: str, rows: list[Told]) -> Iterator[str]:
    table = [(head, "HEALTHY", "LEAD TIME", "FAILED", "RECOVERY", "REWORK")]
    for row in rows:
        told = row["figures"]
        table.append(
            (
                short_ref(row["title"]) or "nobody",
                str(told["healthy"]),
                _span(told["lead_time_seconds"]),
                f"{told['failed']} of {told['out']}",
                _span(told["recovery_seconds"]),
                _rate(told["rework_rate"]),
            )
        )
    widths = [max(len(plain(row[column])) for row in table) for column in range(len(table[0]))]
    for cells in table:
        yield "  ".join(plain(cell).ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _level(level: Told | None, year: int) -> str:
    if level is None:
        return ""
    return f"  ({level['name']} in {level['year']})" if level["name"] else f"  (below every level of {year})"


def _span(seconds: float | None) -> str:
    return "-" if seconds is None else render.duration(timedelta(seconds=seconds))


def _rate(rate: float | None) -> str:
    return "-" if rate is None else render.percent(round(rate * 100, 1))


COMMANDS: Mapping[str, click.Command] = {"dora": dora}
