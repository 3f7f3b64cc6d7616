"""`fullcycle catalog register | repositories | sync | webhook`: which repositories the portal reads, from the terminal.

Exit codes: 0 all is read or asked for, 1 something was not taken in or cannot be read, 2 a wrong call, 3 no portal.
"""

import json
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

import click

from catalog import forges
from catalog.places import did_you_mean, quoted
from ledger.errors import Code, Error

Told = Mapping[str, Any]
BREATH = 0.5  # seconds between two looks
AT_ONCE = 200  # addresses in one call

wait_option = click.option("--wait", is_flag=True, help="until they are read; exit 0 only when all can be")
json_option = click.option("--json", "as_json", is_flag=True, help="for programs")


@click.command()
@click.argument("urls", nargs=-1, metavar="URL…")
@click.option("--list", "list_file", type=click.File(), help="addresses, one a line, or YAML with `repositories:`")
@wait_option
@json_option
def register(urls: Sequence[str], list_file: Any, wait: bool, as_json: bool) -> None:
    """Have the portal read repositories; each address is answered by itself."""
    asked = [*urls, *(_listed(list_file) if list_file else ())]
    if not asked:
        raise click.UsageError("name at least one address, or a --list")
    portal = _connect()
    answers: list[Told] = []
    for begin in range(0, len(asked), AT_ONCE):
        answers += portal.post("/repositories/list", {"urls": asked[begin : begin + AT_ONCE]})["answers"]
    if as_json:
        click.echo(json.dumps({"answers": answers}))
    for one in () if as_json else answers:
        click.echo(_line(f"NO    {one['url']}: {one['wrong']}" if one["wrong"] else f"ok    {one['url']}"))
    is_good = all(one["id"] for one in answers)
    if wait:
        is_good = _waited(portal, {one["id"] for one in answers if one["id"]}, quiet=as_json) and is_good
    sys.exit(0 if is_good else 1)


def _listed(file: Any) -> Sequence[str]:
    from portal import addresses

    try:
        return addresses.read(file.read(), file.name)
    except UnicodeDecodeError:
        raise Error(Code.INVALID, f"{file.name} is no text in UTF-8") from None


@click.command()
@json_option
def repositories(as_json: bool) -> None:
    """List what the portal reads: state, as of which commit, and when it was looked at."""
    told = _connect().get("/repositories")
    if as_json:
        return click.echo(json.dumps(told))
    for line in _table(told["repositories"]):
        click.echo(_line(line))
    progress = told["progress"]
    if progress["waiting"]:
        click.echo(_progress(progress["read"], progress["total"]))


@click.command()
@click.argument("name", required=False)
@wait_option
def sync(name: str | None, wait: bool) -> None:
    """Have the repository NAME read now, or all of them."""
    portal = _connect()
    number = _named(portal, name)["id"] if name else None
    ids = portal.post(f"/repositories/{number}/read" if number else "/repositories/read")["ids"]
    is_good = _waited(portal, set(ids), quiet=False) if wait else True
    if not wait:
        click.echo(f"{len(ids)} {'repository is' if len(ids) == 1 else 'repositories are'} read soon")
    sys.exit(0 if is_good else 1)


@click.command()
@click.argument("name")
@json_option
def webhook(name: str, as_json: bool) -> None:
    """Say what the forge of NAME must be told, so that it says when something was pushed. It holds a secret."""
    portal = _connect()
    told = portal.post(f"/repositories/{_named(portal, name)['id']}/webhook")
    if as_json:
        return click.echo(json.dumps(told))
    for forge, address in told["addresses"].items():
        click.echo(_line(f"{forge:<8}{address}"))
    click.echo(f"secret  {told['secret']}")


def _connect() -> Any:
    from portal.cli.deploys import connect  # not sooner: `catalog validate` should not wait for it

    return connect()


def _named(portal: Any, name: str) -> Told:
    """Return the one repository of that name, address or number."""
    known: Sequence[Told] = portal.get("/repositories")["repositories"]
    found = [one for one in known if name in (one["name"], str(one["id"])) or forges.same(one["url"], name)]
    if not found:
        hint = did_you_mean(name, [one["name"] for one in known]) or "`fullcycle catalog repositories` lists them"
        raise Error(Code.NOT_FOUND, f"The portal reads no repository {quoted(name)}; {hint}")
    if len(found) > 1:
        reasons = [f"{one['id']}  {one['url']}" for one in found]
        raise Error(
            Code.INVALID, f"{len(found)} repositories are called {quoted(name)}; say its number", reasons=reasons
        )
    return found[0]


def _state(one: Told) -> str:
    if one["error"]:
        return "cannot be read"
    if one["doing"] or one["waits"]:
        return str(one["doing"] or "waits")
    return "read" if one["head"] else "not read yet"


def _table(rows: Sequence[Told]) -> Iterator[str]:
    table = [("ID", "NAME", "STATE", "AS OF", "LOOKED AT", "ADDRESS")]
    for one in rows:
        at = one["looked_at"] or one["synced_at"]
        moment = f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M}" if at else "-"
        table.append((str(one["id"]), one["name"], _state(one), (one["head"] or "-")[:7], moment, one["url"]))
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for cells in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _progress(read: int, total: int) -> str:
    return f"{read} of {total} {'repository' if total == 1 else 'repositories'} read"


class Show(Protocol):
    """Where a person sees it."""

    def say(self, text: str) -> None: ...

    def update(self, read: int, total: int) -> None: ...


class Lines:
    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def say(self, text: str) -> None:
        if not self._quiet:
            click.echo(_line(text))

    def update(self, read: int, total: int) -> None:
        pass


class Bar:
    def __init__(self, progress: Any) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=1)

    def say(self, text: str) -> None:
        self._progress.console.print(_line(text), markup=False, highlight=False)

    def update(self, read: int, total: int) -> None:
        self._progress.update(self._task, total=total or 1, completed=read, description=_progress(read, total))


@contextmanager
def _screen(*, quiet: bool) -> Iterator[Show]:
    """Show it as a bar on a terminal, else as lines."""
    if quiet or not sys.stdout.isatty():
        yield Lines(quiet=quiet)
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True) as progress:
        yield Bar(progress)


def _waited(portal: Any, ids: Collection[int], *, quiet: bool) -> bool:
    """Wait until all of these are read; say of each what came of it, and whether all could be."""
    done: dict[int, Told] = {}
    with _screen(quiet=quiet) as show:
        while True:
            known = {one["id"]: one for one in portal.get("/repositories")["repositories"]}
            there = {number: known[number] for number in ids if number in known}  # or it was let go meanwhile
            for number, one in there.items():
                if number not in done and not one["waits"]:
                    done[number] = one
                    show.say(_ended(one))
            show.update(len(done), len(there))
            if done.keys() >= there.keys():
                break
            time.sleep(BREATH)
        bad = sum(bool(one["error"]) for one in done.values())
        show.say(_progress(len(done) - bad, len(done)) + (f", {bad} cannot be" if bad else ""))
    return not bad


def _ended(one: Told) -> str:
    if one["error"]:
        return f"NO    {one['name']}: {one['error']}"
    return f"read  {one['name']}  {(one['head'] or '')[:7]} {one['head_subject'] or ''}".rstrip()


def _line(text: str) -> str:
    """Keep a line one line: a name and a subject are written by anybody."""
    return "".join(sign if sign.isprintable() else "·" for sign in text)


COMMANDS = (register, repositories, sync, webhook)
