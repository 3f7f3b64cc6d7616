"""`fullcycle plan | deploy | rollback | abort | resume | look | pause | deploys`: what the pages do, from the terminal.

Exit codes: 0 healthy or asked for, 1 undone, stuck, paused or refused, 2 a wrong call, 3 the portal does not answer.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

import click

from ledger.errors import Code, Error
from portal import config as configs
from portal import keyring
from portal.cli import wording
from portal.client import Client, Told, printable
from portal.render import short_ref

PRODUCTION = "production"
GOOD = frozenset({"healthy", "replaced"})  # replaced: healthy, and another one has come since

json_option = click.option("--json", "as_json", is_flag=True, help="for programs")
wait_option = click.option("--wait", is_flag=True, help="show each step to its end; exit 0 only when healthy")
reason_option = click.option("--reason", default="", help="why, for the others and the history")
note_option = click.option("--note", default="", help="why, for the others and the history")


@click.command()
@click.argument("what", metavar="SERVICE|FILE")
@click.argument("environment", required=False, metavar="[ENV]")
@click.option("--revision", default="", help="branch, tag or commit; else the newest of the default branch")
@json_option
def plan(what: str, environment: str | None, revision: str, as_json: bool) -> None:
    """Show what a deploy would do; exit 1 when it may not go.

    With the path of a catalog-info.yaml (or . for the one here), show what that file means; no portal is needed.
    """
    from portal.cli import planfile

    if planfile.is_file(what):
        _plan_file(Path(what), environment, as_json)
    portal = connect()
    place = environment or default_environment(portal, what)
    told = portal.get(f"/services/{slug(what)}/plan", environment=place, revision=revision)
    say(told, as_json, *wording.plan(told))
    sys.exit(1 if told["blocked"] else 0)


def _plan_file(path: Path, environment: str | None, as_json: bool) -> NoReturn:
    from portal.cli import planfile

    found = planfile.read(path)
    plans = [planfile.told(one) for one in found.plans]
    shown = [one for one in plans if environment in (None, one["environment"])]
    for problem in found.problems:
        click.echo(printable(str(problem)), err=True)
    if as_json:
        click.echo(json.dumps({"plans": shown, "problems": [str(problem) for problem in found.problems]}))
    for told in () if as_json else shown:
        click.echo(f"{short_ref(told['service'])} to {told['environment']}")
        click.echo("\n".join(wording.shape(told)))
    if not shown and found.is_good:
        places = ", ".join(one["environment"] for one in plans)
        raise Error(Code.NOT_FOUND, f"{path} has no environment {environment}; it has {places}.")
    if not plans and not found.problems:
        click.echo(f"{path} has no spec.deploy, so there is nothing to plan; add one.", err=True)
    sys.exit(0 if found.is_good else 1)


@click.command()
@click.argument("service")
@click.argument("environment", required=False, metavar="[ENV]")
@click.option("--revision", default="", help="branch, tag or commit; else the newest of the default branch")
@click.option("--override", default="", metavar="REASON", help="an emergency: gates do not stop it; it is audited")
@click.option("--hotfix", is_flag=True, help="one approval fewer, the same checks")
@click.option("--tick", "ticks", multiple=True, metavar="POINT", help="a point of the checklist that is done")
@note_option
@wait_option
@json_option
def deploy(
    service: str,
    environment: str | None,
    revision: str,
    override: str,
    hotfix: bool,
    ticks: tuple[str, ...],
    note: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Deploy a service. Asking twice for the same is asking once."""
    portal = connect()
    place = environment or default_environment(portal, service)
    terms = {"override": override, "hotfix": hotfix, "ticks": list(ticks)}
    body = {"environment": place, "revision": revision, "note": note, **terms}
    _go(portal, portal.post(f"/services/{slug(service)}/deploys", body), wait, as_json)


@click.command()
@click.argument("service")
@click.argument("environment", required=False, metavar="[ENV]")
@click.option("--to", "release", type=click.IntRange(1), help="release number; else the last healthy one before")
@note_option
@wait_option
@json_option
def rollback(service: str, environment: str | None, release: int | None, note: str, wait: bool, as_json: bool) -> None:
    """Go back to an earlier healthy release. It jumps the queue and holds what waits."""
    portal = connect()
    place = environment or default_environment(portal, service)
    body = {"environment": place, "release": release, "note": note}
    _go(portal, portal.post(f"/services/{slug(service)}/rollbacks", body), wait, as_json)


def _go(portal: Client, started: Told, wait: bool, as_json: bool) -> None:
    """Say what has been asked for, and with --wait how it goes and ended."""
    row = started["deploy"]
    kind = "is under way already" if started["already"] else "asked for"
    said = f"deploy {started['id']}: {row['name']} {row['release']} to {row['environment']}, {kind}"
    if not wait:
        say(started, as_json, said, f"  {started['page']}")
        return
    if not as_json:
        click.echo(f"{said}\n  {started['page']}")
    page = _watched(portal, int(started["id"]), quiet=as_json)
    say(page, as_json, wording.ending(page["deploy"]))
    sys.exit(0 if page["deploy"]["state"] in GOOD else 1)


def _watched(portal: Client, deploy_id: int, *, quiet: bool) -> Told:
    from portal.cli import follow

    try:
        with follow.screen(quiet=quiet) as show:
            return follow.follow(portal, deploy_id, show)
    except KeyboardInterrupt:
        click.echo(f"\nIt goes on without you; `fullcycle abort {deploy_id}` stops it.", err=True)
        sys.exit(130)


@click.command()
@click.argument("deploy_id", metavar="ID", type=click.IntRange(1))
@reason_option
@json_option
def abort(deploy_id: int, reason: str, as_json: bool) -> None:
    """Stop a deploy and put the release before back."""
    _order("abort", deploy_id, reason, as_json, "is told to stop")


@click.command()
@click.argument("deploy_id", metavar="ID", type=click.IntRange(1))
@reason_option
@json_option
def resume(deploy_id: int, reason: str, as_json: bool) -> None:
    """Let a paused deploy go on."""
    _order("resume", deploy_id, reason, as_json, "goes on")


@click.command()
@click.argument("deploy_id", metavar="ID", type=click.IntRange(1))
@reason_option
@json_option
def look(deploy_id: int, reason: str, as_json: bool) -> None:
    """Have a paused deploy do the same step, or watch, once more."""
    _order("look", deploy_id, reason, as_json, "looks again")


@click.command()
@click.argument("deploy_id", metavar="ID", type=click.IntRange(1))
@reason_option
@json_option
def pause(deploy_id: int, reason: str, as_json: bool) -> None:
    """Have a deploy wait for a person before its next step."""
    said = f"waits before its next step; `fullcycle resume {deploy_id}` lets it go on"
    _order("pause", deploy_id, reason, as_json, said)


def _order(order: str, deploy_id: int, reason: str, as_json: bool, said: str) -> None:
    row = connect().post(f"/deploys/{deploy_id}/{order}", {"reason": reason})
    say(row, as_json, f"deploy {deploy_id}: {row['name']} {row['release']} to {row['environment']} {said}")


@click.command()
@click.option("--service", help="only of this service")
@click.option("--environment", help="only in this environment")
@click.option("--running", is_flag=True, help="only what has not ended")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@json_option
def deploys(service: str | None, environment: str | None, running: bool, limit: int, as_json: bool) -> None:
    """List deploys, newest first."""
    asked = slug(service, quoted=False) if service else None
    told = connect().get(
        "/deploys", service=asked, environment=environment, running=True if running else None, limit=limit
    )
    rows = told["deploys"]
    say(told, as_json, *(wording.deploys(rows) if rows else ["Nothing." if running else "Nothing was deployed yet."]))


def connect() -> Client:
    return Client(keyring.find(configs.environment()))


def default_environment(portal: Client, service: str) -> str:
    """Return the only environment, or production; where neither is meant, ask for one."""
    told = portal.get(f"/services/{slug(service)}")
    places = [str(one["name"]) for one in told["environments"]]
    if len(places) == 1 or PRODUCTION in places:
        return places[0] if len(places) == 1 else PRODUCTION
    said = f"it has {', '.join(places)}; say which" if places else "its catalog file has no spec.deploy"
    raise Error(Code.INVALID, f"{told['name']} has no environment production: {said}.")


def slug(service: str, *, quoted: bool = True) -> str:
    """Write a service as it stands in addresses: `checkout`, `team-a:checkout`."""
    short = service.removeprefix("component:").removeprefix("default/").replace("/", ":")
    return quote(short, safe=":") if quoted else short


def say(told: Told, as_json: bool, *lines: str) -> None:
    click.echo(json.dumps(dict(told)) if as_json else printable("\n".join(lines)))


COMMANDS: Mapping[str, click.Command] = {
    "plan": plan,
    "deploy": deploy,
    "rollback": rollback,
    "abort": abort,
    "resume": resume,
    "look": look,
    "pause": pause,
    "deploys": deploys,
}
