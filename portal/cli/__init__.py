"""The terminal door. Each command is imported when it is called, so that `--help` is quick."""

import gc
import importlib
import sys
from collections.abc import Sequence

import click

from ledger.errors import Code, Error

# Command -> the module that has it (under `COMMANDS`, by the same name) and its one line of help.
PLACES = {
    "serve": ("portal.cli.house", "the portal: web and worker under one command"),
    "web": ("portal.cli.house", "only the web process"),
    "worker": ("portal.cli.house", "only a worker; as many as you like on PostgreSQL"),
    "db": ("portal.cli.house", "the schema: upgrade, status"),
    "config": ("portal.cli.house", "what was understood of the configuration, without secrets"),
    "demo": ("portal.cli.demo", "a small company in a folder, to try everything"),
    "catalog": ("portal.cli.catalog", "files, owners and repositories: validate, owner, register, simulate, …"),
    "login": ("portal.cli.login", "let this terminal talk to a portal"),
    "plan": ("portal.cli.deploys", "what would happen; also for a file, without a portal"),
    "deploy": ("portal.cli.deploys", "deploy a service"),
    "rollback": ("portal.cli.deploys", "go back to an earlier release"),
    "abort": ("portal.cli.deploys", "stop a deploy and put it back"),
    "resume": ("portal.cli.deploys", "let a paused deploy go on"),
    "look": ("portal.cli.deploys", "have a paused deploy look again"),
    "pause": ("portal.cli.deploys", "have a deploy wait for a person before its next step"),
    "judge": ("portal.cli.judge", "is a canary as good as what served before? from a file, without a portal"),
    "schedule": ("portal.cli.schedule", "who is on call by a schedule file, without a portal: render, schema"),
    "oncall": ("portal.cli.oncall", "who is on call, shifts, gaps; take, swap and write them"),
    "page": ("portal.cli.incidents", "wake whoever answers for a service, a team or a person"),
    "ack": ("portal.cli.incidents", "take an incident: you have it"),
    "resolve": ("portal.cli.incidents", "end an incident"),
    "incidents": ("portal.cli.incidents", "what is open, or yours"),
    "lock": ("portal.cli.locks", "stop deploys of a service, an environment or everything, with a reason"),
    "unlock": ("portal.cli.locks", "lift a lock"),
    "locks": ("portal.cli.locks", "what is locked, by whom and until when"),
    "approve": ("portal.cli.locks", "say as a second person that a revision may go"),
    "deploys": ("portal.cli.deploys", "what went out lately"),
    "train": ("portal.cli.courses", "send what waits out, one small deploy after another"),
    "bisect": ("portal.cli.courses", "find the commit that made a deploy bad"),
    "status": ("portal.cli.statuses", "say what CI came to, from any CI"),
    "lift": ("portal.cli.statuses", "let a revision that was bad go out by itself again"),
    "dora": ("portal.cli.dora", "how often, how fast, what failed, how soon mended, how much rework"),
    "audit": ("portal.cli.audit", "the chain of facts: verify"),
}


class Lazy(click.Group):
    """A group that knows its commands by name and imports one when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(PLACES)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in PLACES:
            return None
        commands = importlib.import_module(PLACES[name][0]).COMMANDS
        found: click.Command = commands[name]
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in PLACES.items()])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fullcycle", prog_name="fullcycle")
def cli() -> None:
    """The portal with which a team that builds a service also runs it."""


# Exit codes: 0 fine, 1 the thing asked about is bad, 2 the call is wrong, 3 the portal does not answer.
EXITS = {Code.INVALID: 2, Code.NOT_FOUND: 2, Code.UNAVAILABLE: 3, Code.UNAUTHENTICATED: 2, Code.FORBIDDEN: 2}

# How many new objects the collector waits for. What is imported stays: by default a sixth of the time in which a worker
# starts would go into looking through it again and again.
COLLECT_AFTER = 50_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the terminal; an Error becomes its sentence and an exit code, never a traceback."""
    gc.set_threshold(COLLECT_AFTER)
    try:
        cli.main(args=list(arguments) if arguments is not None else None, prog_name="fullcycle")
    except Error as error:
        click.echo(f"fullcycle: {error}", err=True)
        sys.exit(EXITS.get(error.code, 1))
