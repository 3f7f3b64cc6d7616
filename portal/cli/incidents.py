"""`fullcycle page | ack | resolve | incidents`: somebody is needed, somebody has it, it is over.

Exit codes: 0 done, 1 it cannot happen any more or nobody was reached, 2 a wrong call, 3 the portal does not answer.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import click

from ledger import clock
from oncall.saying import hours
from portal.cli.deploys import connect, json_option, reason_option, say, slug
from portal.cli.trials import table
from portal.cli.wording import plain
from portal.client import Client, Told
from portal.render import short_ref

LOOK, PATIENCE = 0.2, timedelta(seconds=5)  # for the worker to open what was asked for


@click.command()
@click.argument("whom")
@click.argument("text")
@click.option(
    "--severity", type=click.Choice(["critical", "error", "warning", "info"]), default="critical", show_default=True
)
@click.option("--details", default="", help="what else they should know")
@json_option
def page(whom: str, text: str, severity: str, details: str, as_json: bool) -> None:
    """Page WHOM: a service, group:team or user:name. It goes the way of all alerts, by their escalation."""
    portal = connect()
    asked = portal.post("/incidents", {"whom": whom, "title": text, "severity": severity, "details": details})
    row = _opened(portal, str(asked["alert"]))
    if row is None:
        said = f"asked for: {short_ref(asked['about'])}. Nothing has opened yet: it is silenced, or no worker runs."
        say({**asked, "incident": None}, as_json, said)
        sys.exit(1)
    told = portal.get(f"/incidents/{row['number']}")
    say({**asked, "incident": row}, as_json, line(row), *_paged(told))
    sys.exit(0 if told["pages"] else 1)


def _opened(portal: Client, alert: str) -> Told | None:
    end = time.monotonic() + PATIENCE.total_seconds()
    while True:
        rows = portal.get("/incidents", alert=alert)["incidents"]
        if rows:
            found: Told = rows[0]
            return found
        if time.monotonic() > end:
            return None
        time.sleep(LOOK)


def _paged(told: Told) -> Iterator[str]:
    """Say to whom it went, and what came of that so far."""
    for one in told["pages"]:
        state = one["ending"] or ("is being sent" if one["attempts"] else "waits")
        yield f"  {short_ref(one['person'])} ({one['target']}): {state}"
    if not told["pages"]:
        yield "  nobody can be reached; `fullcycle incidents` shows it"


@click.command()
@click.argument("number", type=click.IntRange(1))
@reason_option
@json_option
def ack(number: int, reason: str, as_json: bool) -> None:
    """Take an incident: you have it, and nobody else is paged."""
    row = connect().post(f"/incidents/{number}/acknowledge", {"reason": reason})
    say(row, as_json, line(row))


@click.command()
@click.argument("number", type=click.IntRange(1))
@reason_option
@json_option
def resolve(number: int, reason: str, as_json: bool) -> None:
    """End an incident, and its alerts with it."""
    row = connect().post(f"/incidents/{number}/resolve", {"reason": reason})
    say(row, as_json, line(row))


@click.command()
@click.option("--mine", is_flag=True, help="only what you have, or were paged for and nobody has")
@click.option("--all", "everything", is_flag=True, help="also what is over")
@click.option("--service", help="only of this service")
@click.option("--team", help="only of this team")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@json_option
def incidents(mine: bool, everything: bool, service: str | None, team: str | None, limit: int, as_json: bool) -> None:
    """List what is open, newest first."""
    told = connect().get(
        "/incidents",
        mine=True if mine else None,
        open=None if everything or mine else True,
        service=slug(service, quoted=False) if service else None,
        team=team,
        limit=limit,
    )
    rows = told["incidents"]
    say(told, as_json, *(lines(rows) if rows else ["Nothing is open." if not everything else "There was nothing yet."]))


def lines(rows: Sequence[Told]) -> Iterator[str]:
    found = [("NO", "SERVICE", "SEVERITY", "STATE", "WHO HAS IT", "FOR", "TITLE")]
    now = clock.now()
    for row in rows:
        opened = datetime.fromisoformat(row["opened_at"])
        ended = datetime.fromisoformat(row["resolved_at"]) if row["resolved_at"] else now
        holder = ", ".join(short_ref(one) for one in row["holder"]) or "nobody"
        lasts = hours(timedelta(seconds=int((ended - opened).total_seconds())))
        what = (str(row["number"]), short_ref(row["service"]), row["severity"], row["state"], holder, lasts)
        found.append((*what, plain(row["title"])[:60]))
    yield from table(found)


def line(row: Told) -> str:
    """Say how an incident stands, in one line."""
    holder = ", ".join(short_ref(one) for one in row["holder"])
    by = f" by {holder}" if holder and row["state"] == "acknowledged" else ""
    return f"incident {row['number']}: {plain(row['title'])}: {row['state']}{by}\n  {row['page']}"


COMMANDS: Mapping[str, click.Command] = {"page": page, "ack": ack, "resolve": resolve, "incidents": incidents}
