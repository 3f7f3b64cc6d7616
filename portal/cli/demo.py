"""`fullcycle demo`: a small company in a folder, to try everything; `--tour` plays its story by itself."""

import contextlib
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click

from portal import config as configs
from portal.config import PREFIX

DATA = Path(".fullcycle/demo")


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help=f"the demo's folder; {DATA} if nothing is said")
@click.option(
    "--tour", "is_tour", is_flag=True, help="play the story, one JSON line per step; exit 0 when all went well"
)
@click.option("--port", type=click.IntRange(1, 65535), help="8000, or the next free one, if nothing is said")
@click.option("--json", "as_json", is_flag=True, help="for programs: nothing but JSON")
def demo(data: Path | None, is_tour: bool, port: int | None, as_json: bool) -> None:
    """Make a small company with services, people and a past, and run a portal for it until told to stop."""
    for told in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(told, lambda number, _frame: sys.exit(128 + number))
    say: Callable[[str], None] = (lambda _line: None) if as_json else (lambda line: click.echo(line, err=is_tour))
    if is_tour:
        with _folder(data) as folder:
            sys.exit(0 if _tour(folder, port, say) else 1)
    _demo((data or DATA).absolute(), port, say, as_json=as_json)


@contextlib.contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    """The folder that was named, else one that is gone afterwards."""
    if data is not None:
        yield data.absolute()
        return
    folder = Path(tempfile.mkdtemp(prefix="fullcycle-tour-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tour(folder: Path, port: int | None, say: Callable[[str], None]) -> bool:
    from portal.demo import ground, tour

    with ground.alone(folder), contextlib.ExitStack() as stack:
        environ = dict(ground.environment(configs.environment(), folder, port or ground.free_port()))
        config = configs.load(environ)
        if config.database_url and not config.database_url.startswith("sqlite"):
            name = f"fullcycle_tour_{secrets.token_hex(4)}"
            environ[PREFIX + "DATABASE_URL"] = stack.enter_context(tour.own_schema(config.database_url, name))
            environ.pop(PREFIX + "DATABASE_URL_FILE", None)
            config = configs.load(environ)
        return tour.play(config, environ, say)


def _demo(folder: Path, port: int | None, say: Callable[[str], None], *, as_json: bool) -> None:
    raise NotImplementedError


COMMANDS: Mapping[str, click.Command] = {"demo": demo}
