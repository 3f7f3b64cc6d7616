"""`fullcycle oncall pager | holidays`: by what a whole team is paged, and whose days are free."""

from collections.abc import Iterator
from datetime import date
from urllib.parse import urlencode

import click

from ledger import clock
from ledger.errors import Code, Error
from portal.cli import files
from portal.cli.deploys import connect, json_option, say, slug
from portal.cli.trials import table
from portal.cli.wording import plain
from portal.client import Told
from portal.render import short_ref

SHOWN = 20  # days


@click.command()
@click.argument("team")
@click.option("--secret", default=None, help="have PagerDuty page it, by the team's secret of this name")
@click.option("--none", "ends", is_flag=True, help="have PagerDuty page it no more")
@json_option
def pager(team: str, secret: str | None, ends: bool, as_json: bool) -> None:
    """Say which pager a whole TEAM has, or change it."""
    if secret and ends:
        raise Error(Code.INVALID, "Say --secret or --none, not both.")
    portal, path = connect(), f"/oncall/teams/{slug(team.removeprefix('group:'))}/pager"
    told = portal.put(path, {"pagerduty": secret or ""}) if secret or ends else portal.get(path)
    by = f"through PagerDuty first (secret {told['pagerduty']})" if told["pagerduty"] else "over its people's channels"
    say(told, as_json, f"{short_ref(told['team'])} is paged {by}")


@click.command()
@click.argument("of", default="me", metavar="[OF]")
@click.option("--file", "calendar", default="", help="an iCal file with public holidays; - reads standard input")
@click.option("--none", "ends", is_flag=True, help="end the calendar that there is")
@json_option
def holidays(of: str, calendar: str, ends: bool, as_json: bool) -> None:
    """List public holidays, or give them: of me, user:ada, group:payments or schedule:nights.

    A person's own go before the schedule's, and those before its team's.
    """
    if calendar and ends:
        raise Error(Code.INVALID, "Say --file or --none, not both.")
    portal, path = connect(), "/oncall/holidays"
    if ends:
        told = portal.delete(f"{path}?{urlencode({'of': of})}")
    elif calendar:
        told = portal.put(path, {"calendar": _text(calendar)}, of=of)
    else:
        told = portal.get(path, of=of)
    say(told, as_json, *_days(told))


def _days(told: Told) -> Iterator[str]:
    whose, today = short_ref(told["of"]), clock.now().date()
    coming = [one for one in told["days"] if date.fromisoformat(one["day"]) >= today]
    if not coming:
        yield f"{whose} has no public holidays to come"
        return
    yield from table([("DAY", "HOLIDAY"), *((one["day"], plain(one["name"])) for one in coming[:SHOWN])])
    if len(coming) > SHOWN:
        yield f"and {len(coming) - SHOWN:,} more, until {coming[-1]['day']}"


def _text(file: str) -> str:
    try:
        return files.text(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Error(Code.INVALID, f"{file} is not text in UTF-8.") from None
