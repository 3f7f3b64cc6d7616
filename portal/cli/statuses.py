"""`fullcycle status | lift`: say what CI came to, and let a revision out of quarantine.

Exit codes: 0 kept or lifted, 1 refused, 2 a wrong call, 3 the portal does not answer.
"""

from collections.abc import Mapping
from urllib.parse import quote

import click

from portal.cli.deploys import connect, default_environment, json_option, say, slug
from portal.cli.repositories import _named as repository_named

STATES = ("pending", "success", "failure", "skipped")


@click.command()
@click.argument("repository")
@click.argument("revision")
@click.argument("state", type=click.Choice(STATES))
@click.option("--check", "context", default="ci", show_default=True, help="the name of what looked at it")
@click.option("--said", default="", help="one line for people: 40 passed in 3 s")
@click.option("--url", default="", help="where to read more")
@json_option
def status(repository: str, revision: str, state: str, context: str, said: str, url: str, as_json: bool) -> None:
    """Say what a check of a commit came to, from any CI. REPOSITORY is a name, an address or a number.

    REVISION is the commit's full id: $(git rev-parse HEAD). The last word of each check counts.
    """
    portal = connect()
    number = repository_named(portal, repository)["id"]
    body = {"revision": revision, "state": state, "context": context, "said": said, "url": url}
    told = portal.post(f"/repositories/{number}/statuses", body)
    news = "" if told["news"] else " (as before)"
    say(told, as_json, f"{told['context']} of {told['revision'][:7]} is {told['state']}{news}")


@click.command()
@click.argument("service")
@click.argument("rest", nargs=-1, required=True, metavar="[ENV] REVISION")
@json_option
def lift(service: str, rest: tuple[str, ...], as_json: bool) -> None:
    """Let a revision that was bad go out by itself again. Seven digits of it are enough."""
    if len(rest) > 2:
        raise click.UsageError("say a service, an environment if it has several, and a revision")
    portal = connect()
    place = rest[0] if len(rest) == 2 else default_environment(portal, service)
    where = f"/services/{slug(service)}/environments/{quote(place, safe='')}/quarantine/lift"
    told = portal.post(where, {"revision": rest[-1]})
    say(told, as_json, f"{told['revision'][:7]} may go to {told['environment']} by itself again")


COMMANDS: Mapping[str, click.Command] = {"status": status, "lift": lift}
