"""`fullcycle demo`: a small company in a folder, to try everything; `--tour` plays its story by itself."""

import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from portal import config as configs
from portal.cli.house import configure_logs, open_house
from portal.config import PREFIX, Config
from portal.demo import people, tips

if TYPE_CHECKING:
    from portal.demo.ground import Notes

Say = Callable[[str], None]

DATA = Path(".fullcycle/demo")


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help=f"the demo's folder; {DATA} if nothing is said")
@click.option(
    "--tour", "is_tour", is_flag=True, help="play the story, one JSON line per step; exit 0 when all went well"
)
@click.option("--step", "steps", multiple=True, metavar="NAME", help="of the tour, only this step; may be said again")
@click.option("--port", type=click.IntRange(1, 65535), help="8000, or the next free one, if nothing is said")
@click.option("--json", "as_json", is_flag=True, help="for programs: nothing but JSON")
def demo(data: Path | None, is_tour: bool, steps: tuple[str, ...], port: int | None, as_json: bool) -> None:
    """Make a small company with services, people and a past, and run a portal for it until told to stop."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    signal.signal(signal.SIGHUP, lambda _number, _frame: os.kill(os.getpid(), signal.SIGTERM))  # the terminal is gone
    say: Say = (lambda _line: None) if as_json else (lambda line: click.echo(line, err=is_tour))
    if steps and not is_tour:
        raise click.UsageError("--step is for --tour; a demo without it is yours to click through.")
    if is_tour:
        chosen = _chosen(steps)
        with _folder(data, say) as folder:
            sys.exit(0 if _tour(folder, port, say, chosen) else 1)
    _demo((data or DATA).absolute(), port, say, as_json=as_json)


def _chosen(steps: tuple[str, ...]) -> Sequence[str]:
    """Return the steps that are played, in the order of the story; all of them when none is named."""
    from portal.demo import tour

    unknown = [name for name in steps if name not in tour.CHAPTERS]
    if unknown:
        raise click.UsageError(f"The tour has no step {unknown[0]!r}; it has: {', '.join(tour.CHAPTERS)}.")
    return [name for name in tour.CHAPTERS if name in steps or not steps]


@contextlib.contextmanager
def _folder(data: Path | None, say: Say) -> Iterator[Path]:
    """The folder that was named, else, and where somebody's demo is in that, one that is gone afterwards."""
    from portal.demo import ground

    notes = ground.read(data) if data else None
    if data is not None and (notes is None or notes.tour):
        yield data.absolute()
        return
    folder = Path(tempfile.mkdtemp(prefix="fullcycle-tour-"))
    if notes:
        say(f"{data} holds a demo, which stays as it is; the tour plays in {folder}.")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tour(folder: Path, port: int | None, say: Say, steps: Sequence[str]) -> bool:
    from portal.demo import alerting, ground, metricsource, tour

    with contextlib.ExitStack() as stack:
        stack.enter_context(ground.alone(folder))
        number = stack.enter_context(ground.port(port))
        metrics = stack.enter_context(metricsource.opened(folder))
        ground.configure(folder)
        environ = dict(ground.environment(configs.environment(), folder, number))
        config = configs.load(environ)
        if config.database_url and not config.database_url.startswith("sqlite"):
            name = f"fullcycle_tour_{secrets.token_hex(4)}"
            environ[PREFIX + "DATABASE_URL"] = stack.enter_context(tour.own_schema(config.database_url, name))
            environ.pop(PREFIX + "DATABASE_URL_FILE", None)
            config = configs.load(environ)
        quiet_logs(config)
        stack.enter_context(alerting.watching(folder, config.address, metrics, alerting.FOR_THE_TOUR))
        return tour.play(config, environ, say, steps)


def quiet_logs(config: Config) -> None:
    """Between lines for people there is room for warnings only."""
    configure_logs(config.model_copy(update={"log_level": "warning"}))


def _demo(folder: Path, port: int | None, say: Say, *, as_json: bool) -> None:
    from portal.demo import alerting, ground, metricsource, running, setup
    from portal.demo.story import FOR_PEOPLE

    with ground.alone(folder), ground.port(port) as number, metricsource.opened(folder) as metrics:
        ground.configure(folder)
        environ = ground.environment(configs.environment(), folder, number)
        config = configs.load(environ)
        quiet_logs(config)
        try:
            is_new, notes = setup.ready(config, FOR_PEOPLE, say)
            open_house(config)
            if is_new and not notes.left_out:
                running.begin_with_ourselves(config)
            _open_doors(config, notes, metrics, as_json=as_json)
            with alerting.watching(folder, config.address, metrics, alerting.FOR_PEOPLE):
                code = running.run(config, environ)
            say("Stopping everything; the next `fullcycle demo` goes on from here.")
        finally:
            setup.stop_all(config)
    sys.exit(code)


def _open_doors(config: Config, notes: "Notes", metrics: str, *, as_json: bool) -> None:
    """Say where it is, who can log in, and where its metrics are. Passwords are shown on a terminal only."""
    from portal.demo import setup

    logins, company = config.data / setup.LOGINS, config.data / "company"
    if as_json:
        told = {"address": config.address, "logins": str(logins), "company": str(company), "metrics": metrics}
        told |= {"left_out": notes.left_out}
        click.echo(json.dumps(told))
        return
    click.echo(f"\nThe Corner Shop is open at {config.address}\n\nLog in as one of them:")
    passwords = setup.logins(config.data) if sys.stdout.isatty() else {}
    for one in people.EMPLOYEES:
        team = f"{one.team}, admin" if one.role == "admin" else one.team
        click.echo(f"  {one.login:<7}{one.name:<15}{team:<18}{passwords.get(one.login, '')}".rstrip())
    click.echo(f"Passwords are in {logins}, which only you can read.\n\nTry this:")
    for number, tip in enumerate(tips.TIPS, start=1):
        click.echo(f"  {number}. {tip.title} (as {tip.login}). {tip.told}")
    click.echo("\nBe on call:")
    for number, night in enumerate(tips.NIGHTS, start=len(tips.TIPS) + 1):
        click.echo(f"  {number}. {night.title} (as {night.login}). {night.told}")
    click.echo("\nLook at this in the catalog:")
    for number, look in enumerate(tips.LOOKS, start=len(tips.TIPS) + len(tips.NIGHTS) + 1):
        click.echo(f"  {number}. {look.title}. {look.told}")
    click.echo(f"\nThe repositories are in {company}: what you commit there waits to go out within a minute.")
    click.echo(f"What its HAProxy counts is at {metrics}, which answers a few queries as a Prometheus would.")
    click.echo(f"From a terminal: FULLCYCLE_DATA={config.data} fullcycle deploy search --wait")
    click.echo("Ctrl-C stops everything that this started.")


COMMANDS: Mapping[str, click.Command] = {"demo": demo}
