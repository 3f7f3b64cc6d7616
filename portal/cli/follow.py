"""Watching a deploy from the terminal until it has ended: lines as things happen, and on a terminal a bar."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any, Protocol

import click

from portal.cli import wording
from portal.client import Client, Told, printable

PATIENCE = timedelta(minutes=1)  # a portal that starts again meanwhile is waited for
BREATH = 0.5  # seconds between two looks where no stream tells of news


class Show(Protocol):
    """Where a person sees it. `answers`: somebody is there who can answer a pause."""

    answers: bool

    def say(self, text: str) -> None: ...

    def update(self, page: Told) -> None: ...


def follow(portal: Client, deploy_id: int, show: Show) -> Told:
    """Return the deploy's page once it has ended, or pauses and nobody is there to answer."""
    last: Any = None
    doing, asked = "", None
    while True:
        page = portal.get(f"/deploys/{deploy_id}", PATIENCE)
        for line in _after(page["log"], last):
            show.say(wording.line(line))
        last = page["log"][-1] if page["log"] else None
        if page["place"] is not None and wording.doing(page) != doing:
            show.say(f"waits: {wording.doing(page)}")
        doing = wording.doing(page)
        if page["pause"] and page["pause"] != asked:
            show.say("\n".join(wording.pause(page)))
        asked = page["pause"]
        show.update(page)
        if page["deploy"]["ended"] or (page["pause"] and not show.answers):
            return page
        _wait(portal, deploy_id, page["position"])


def _after(log: Sequence[Told], last: Told | None) -> Sequence[Told]:
    """Return the lines behind the last one that was shown."""
    shown = max((index for index, line in enumerate(log) if line == last), default=-1)
    return log[shown + 1 :]


def _wait(portal: Client, deploy_id: int, position: int) -> None:
    """Wait for the next fact, or a moment where there is no stream of them."""
    for _ in portal.news(f"/deploys/{deploy_id}/events", position):
        return
    time.sleep(BREATH)


class Lines:
    """Plain lines, for files and pipes; none at all where `quiet`."""

    answers = False

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet

    def say(self, text: str) -> None:
        if not self._quiet:
            click.echo(printable(text))

    def update(self, page: Told) -> None:
        pass


class Bar:
    """Lines, and below them one bar: the steps behind it, the wave and the traffic."""

    answers = True

    def __init__(self, progress: Any) -> None:
        self._progress = progress
        self._task = progress.add_task("waits", total=1, traffic="")

    def say(self, text: str) -> None:
        self._progress.console.print(printable(text), markup=False, highlight=False)

    def update(self, page: Told) -> None:
        deploy = page["deploy"]
        steps = [one for one in page["steps"] if not one["undo"]]
        wave = f"wave {max(deploy['wave'], 1)} of {deploy['waves']}" if deploy["waves"] else ""
        self._progress.update(
            self._task,
            total=len(steps) or 1,
            completed=sum(one["state"] == "done" for one in steps),
            description=printable(f"{wave}  {wording.doing(page)}".strip()),
            traffic=f"{deploy['percent']} % of the traffic",
        )


def screen(*, quiet: bool) -> AbstractContextManager[Show]:
    """Return where to show it: a bar on a terminal, else lines."""
    return _bar() if sys.stdout.isatty() and not quiet else _lines(quiet)


@contextmanager
def _lines(quiet: bool) -> Iterator[Show]:
    yield Lines(quiet=quiet)


@contextmanager
def _bar() -> Iterator[Show]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[traffic]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, transient=True) as progress:
        yield Bar(progress)
