"""What is remembered of a site whose work the repository's programs do: its fence, what ran last, what came of it.

A file per site in the data folder, read whole and replaced in one step. Nothing here starts or ends anything.
"""

import contextlib
import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ledger.errors import Code, Error
from production.locks import write_whole

REMEMBERED = 50  # releases
TRIES = 20  # to read a page that is being replaced again and again


class Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Wish(Value):
    """What shall be so. For `verify`, `about` is the run that is doubted, and `of` its step."""

    step: str
    release: int
    instances: int = 0
    percents: Mapping[int, float] = Field(default_factory=dict)
    about: str = ""
    of: str = ""

    def covers(self, other: "Wish") -> bool:
        """Is the other one so, when this one is? More instances than asked for are fine."""
        same = (self.of or self.step, self.release, self.percents) == (other.step, other.release, other.percents)
        return same and self.instances >= other.instances


class Ran(Value):
    """The newest run of a step. `run` is its folder in the site's output; `end` is what came of it, as it was told."""

    wish: Wish
    run: str
    end: Literal["", "done", "failed", "unknown"] = ""
    doubt: int = 0  # other than 0: whether it is still so shall be verified


class Page(Value):
    """All that is known of a site. `order` has the releases as they were last deployed, newest last."""

    fence: int = 0
    settings: Mapping[str, Any] = Field(default_factory=dict)
    count: int = 0  # runs
    prepared: int = 0
    revisions: Mapping[int, str] = Field(default_factory=dict)
    order: tuple[int, ...] = ()
    running: Mapping[int, int] = Field(default_factory=dict)  # release -> instances asked for
    weights: Mapping[int, float] = Field(default_factory=dict)
    since: Mapping[int, datetime] = Field(default_factory=dict)  # release -> when its newest deploy was through
    last: Mapping[str, Ran] = Field(default_factory=dict)  # by step
    current: Ran | None = None  # the newest of all; only it can be alive

    def changed(self, **news: Any) -> "Page":
        return self.model_copy(update=news)

    def preparing(self, release: int, revision: str) -> "Page":
        """A new try begins: what failed before is forgotten, and what was done may be doubted."""
        revisions = {**self.revisions, release: revision}
        last = {step: ran for step, ran in self.last.items() if step in ("build", "verify") or ran.end == "done"}
        if (ran := last.get("deploy")) is not None and ran.wish.release == release:
            last["deploy"] = ran.model_copy(update={"doubt": ran.doubt or self.count + 1})
        newest = dict(sorted(revisions.items())[-REMEMBERED:])
        return self.changed(prepared=release, revisions={**newest, release: revision}, last=last)

    def beginning(self, wish: Wish, run: str, alone: bool) -> "Page":
        """A run is about to begin; what was done and will not be so any more is forgotten. `alone`: one at a time."""
        ran = Ran(wish=wish, run=run)
        gone: list[str] = []
        order = self.order
        if wish.step == "deploy":
            gone = ["stop", "weigh"] if alone else ["stop"]
            order = (*(one for one in self.order if one != wish.release), wish.release)[-REMEMBERED:]
        elif wish.step == "stop":
            gone = self._stopped_by(wish.release)
        last = {step: other for step, other in self.last.items() if step not in gone} | {wish.step: ran}
        return self.changed(count=self.count + 1, order=order, last=last, current=ran)

    def _stopped_by(self, keep: int) -> list[str]:
        deploy, weigh = self.last.get("deploy"), self.last.get("weigh")
        gone = ["deploy"] if deploy is not None and deploy.wish.release != keep else []
        return [*gone, "weigh"] if weigh is not None and set(weigh.wish.percents) - {keep} else gone

    def being(self, wish: Wish, alone: bool, at: datetime) -> "Page":
        """What was wished for is so now."""
        match wish.step:
            case "deploy" if alone:
                running, weights = {wish.release: wish.instances}, {wish.release: 100.0}
                return self.changed(running=running, weights=weights, since={wish.release: at})
            case "deploy":
                running, since = {**self.running, wish.release: wish.instances}, {**self.since, wish.release: at}
                return self.changed(running=running, since=since)
            case "weigh":
                return self.changed(weights={one: percent for one, percent in wish.percents.items() if percent > 0})
            case "stop":
                running = {one: count for one, count in self.running.items() if one == wish.release}
                weights = {one: percent for one, percent in self.weights.items() if one == wish.release}
                since = {one: was for one, was in self.since.items() if one == wish.release}
                return self.changed(running=running, weights=weights, since=since)
        return self

    def ended(self, ran: Ran, end: str, doubt: int = 0) -> "Page":
        return self.changed(last={**self.last, ran.wish.step: ran.model_copy(update={"end": end, "doubt": doubt})})

    def uptime(self, release: int, now: datetime) -> timedelta:
        """Return for how long the release serves; nothing where nobody knows, as of pages from before."""
        return max(now - self.since.get(release, now), timedelta(0))

    def in_use(self) -> Sequence[int]:
        """The releases whose files and runs are still needed."""
        return [self.prepared, *self.running, *self.order[-1:], *(ran.wish.release for ran in self.last.values())]

    def before(self, release: int) -> int:
        """The release that was deployed last besides that one; 0 when there was none."""
        return next((one for one in reversed(self.order) if one != release), 0)


class Book:
    """A page is a file named after its fence, and the highest counts: who was frozen while it wrote changes nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def page(self, site: str) -> Page:
        for _ in range(TRIES):
            files = self._files(site)
            if not files and not (self._folder / site).is_dir():
                return Page()
            with contextlib.suppress(FileNotFoundError, IndexError):  # replaced while we looked
                return _read(site, files[-1])
        return Page()

    def sites(self) -> Sequence[str]:
        return sorted(folder.name for folder in self._folder.glob("*"))

    def keep(self, site: str, page: Page) -> None:
        """Write the page down for good, unless somebody with a newer fence has been here."""
        self.guard(site, page.fence)
        file = self._folder / site / f"{page.fence:020d}.json"
        write_whole(file, page.model_dump_json())
        for path in (file, file.parent):
            with _opened(path) as opened:
                os.fsync(opened)
        for older in self._files(site):
            if older.name < file.name:
                older.unlink(missing_ok=True)

    def _files(self, site: str) -> Sequence[Path]:
        return sorted((self._folder / site).glob("[0-9]*.json"))

    def guard(self, site: str, fence: int) -> None:
        """Raise CONFLICT when somebody with a newer fence has been here."""
        if fence < (seen := self.page(site).fence):
            said = f"{site} has been taken over by another worker; nothing was changed"
            raise Error(Code.CONFLICT, said, f"fence {fence} is below {seen}")


def _read(site: str, file: Path) -> Page:
    try:
        return Page.model_validate_json(file.read_bytes())
    except ValueError as error:
        said = f"what is remembered of {site} cannot be read; look what runs, remove {file}, and deploy again"
        raise Error(Code.UNAVAILABLE, said, str(error)) from None


@contextlib.contextmanager
def _opened(path: Path) -> Any:
    opened = os.open(path, os.O_RDONLY)
    try:
        yield opened
    finally:
        os.close(opened)
