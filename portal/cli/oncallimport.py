"""`fullcycle oncall import pagerduty`: schedules and policies of PagerDuty as files of ours, and what was lost."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from ledger import clock
from ledger.errors import Code, Error
from oncall.pdimport import Everything, Imported, imported
from portal.cli.deploys import json_option
from portal.client import printable

LARGEST = 100 * 1024 * 1024  # bytes of a file
KEYS = ("users", "schedules", "schedules_v3", "policies", "skipped")


@click.group("import")
def group() -> None:
    """Bring schedules and escalations here from elsewhere."""


@group.command()
@click.option("--key-file", type=click.Path(path_type=Path), help="a file with a read-only REST API key")
@click.option("--file", "dump", type=click.Path(path_type=Path), help=f"instead: JSON with {', '.join(KEYS[:4])}")
@click.option("--people", type=click.Path(path_type=Path), help="JSON: mail address to user:name of the catalog")
@click.option("--into", type=click.Path(path_type=Path), required=True, help="a folder for the files")
@click.option("--url", default=None, help="of PagerDuty's REST API; https://api.eu.pagerduty.com in the EU")
@json_option
def pagerduty(
    key_file: Path | None, dump: Path | None, people: Path | None, into: Path, url: str | None, as_json: bool
) -> None:
    """Write one file per schedule and policy; what could not be carried over is said. Nothing is changed there.

    Look the files through, put names right, then `fullcycle oncall apply` each.
    """
    if (key_file is None) == (dump is None):
        raise Error(Code.INVALID, "Say --key-file, or --file with what was read before.")
    now = clock.now()
    everything = _fetched(key_file, now, url) if key_file else _kept(dump or Path())
    known = _json(people) if people else {}
    if not isinstance(known, dict) or not all(isinstance(one, str) for one in known.values()):
        raise Error(Code.INVALID, f"{people} must be one object: mail address to user:name.")
    made = imported(everything, known, now)
    written = [_write(into, one) for one in made]
    if as_json:
        found = [{**vars(one), "file": str(path) if path else None} for one, path in zip(made, written, strict=True)]
        click.echo(json.dumps([{key: value for key, value in one.items() if key != "text"} for one in found]))
        return
    for one, path in zip(made, written, strict=True):
        click.echo(printable(f"{one.kind} {one.title}: {path or 'nothing could be carried over'}"))
        for loss in one.losses:
            click.echo(printable(f"  ! {loss}"))
    for said in everything.skipped:
        click.echo(printable(f"! {said}"))


def _fetched(key_file: Path, now: datetime, url: str | None) -> Everything:
    from portal import teampaging

    try:
        key = key_file.expanduser().read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise Error(Code.NOT_FOUND, f"{key_file} cannot be read.") from None
    return teampaging.read_account(key, now, url or teampaging.REST)


def _kept(file: Path) -> Everything:
    said = _json(file)
    if not isinstance(said, Mapping) or not any(key in said for key in KEYS):
        raise Error(Code.INVALID, f"{file} has none of {', '.join(KEYS[:4])}.")
    lists = {key: said.get(key) or () for key in KEYS[:4]}
    for key, entries in lists.items():
        if not isinstance(entries, list | tuple) or not all(isinstance(one, Mapping) for one in entries):
            raise Error(Code.INVALID, f"{file}: {key} must be a list of objects, as PagerDuty's API gives them.")
    return Everything(**{key: tuple(entries) for key, entries in lists.items()})


def _json(file: Path) -> Any:
    try:
        with file.open("rb") as opened:
            return json.loads(opened.read(LARGEST))
    except OSError as error:
        raise Error(Code.NOT_FOUND, f"{file} cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError):
        raise Error(Code.INVALID, f"{file} is not JSON.") from None


def _write(into: Path, one: Imported) -> Path | None:
    """Write one file; its name is one that we made of the title, and nothing is written over."""
    if not one.text:
        return None
    folder = into / f"{one.kind}s"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{one.name}.yaml"
    try:
        with path.open("x") as file:
            file.write(one.text)
    except FileExistsError:
        raise Error(Code.CONFLICT, f"{path} is there already; choose another folder.") from None
    return path
