"""Which instances there are, as a site's `status` program says, or one that stands for each release without one.

The program only looks, so it may be run at any time; for a second its last answer is good enough, and one that fails
now and then is no reason to believe that everything is gone.
"""

import contextlib
import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ledger.errors import Error
from production.ports import Instance
from production.runs import Alive, Ended, Order, Run
from production.supervise import until
from production.targets.commandbook import Page

FRESH_SECONDS = 1.0
STALE_SECONDS = 30.0  # an older answer is not believed any more
LEFT_SECONDS = 600.0
WAIT_SECONDS = 25.0  # for its end: the program's own time limit and the ladder


class Told(BaseModel):
    """One instance as `status` prints it. Without `release` or `revision` it belongs to the newest release."""

    model_config = ConfigDict(extra="ignore")
    name: Annotated[str, Field(min_length=1, max_length=200)]
    host: str = ""
    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    state: Literal["starting", "up", "exited", "stopped"] = "up"
    release: int | None = None
    revision: str | None = None


_LIST = TypeAdapter(list[Told])


@dataclass
class _Answer:
    at: float = -STALE_SECONDS
    asked_at: float = -STALE_SECONDS
    instances: tuple[Instance, ...] = ()
    lock: threading.Lock = field(default_factory=threading.Lock)


class Status:
    def __init__(self, folder: Path, run: Callable[[Path], Run]) -> None:
        self._folder, self._run = folder, run
        self._answers: dict[str, _Answer] = {}

    def instances(self, name: str, order: Callable[[], Order], page: Page) -> Sequence[Instance]:
        answer = self._answers.setdefault(name, _Answer())
        with answer.lock:
            if time.monotonic() - answer.asked_at >= FRESH_SECONDS:
                code, output = self._asked(order)
                answer.asked_at = time.monotonic()
                instances = read(output, page) if code == 0 else None
                if instances is not None:
                    answer.at, answer.instances = answer.asked_at, instances
                elif answer.asked_at - answer.at > STALE_SECONDS:
                    answer.instances = (_silent(name, page, code),)
            return answer.instances

    def forget(self, name: str) -> None:
        """What was just changed must be looked at anew."""
        if (answer := self._answers.get(name)) is not None:
            answer.asked_at = -STALE_SECONDS

    def _asked(self, order: Callable[[], Order]) -> tuple[int | None, str]:
        self._folder.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        self._clear(folder)
        try:
            run = self._run(folder)
            run.begin(order())
            until(lambda: not isinstance(run.look(), Alive), WAIT_SECONDS)
            look = run.look()
            return (look.code if isinstance(look, Ended) else None), run.tail()
        except Error:
            return None, ""  # its files or secrets cannot be had
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _clear(self, newest: Path) -> None:
        """Remove what somebody who was killed while asking has left."""
        for other in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if newest.stat().st_mtime - other.stat().st_mtime > LEFT_SECONDS:
                    shutil.rmtree(other, ignore_errors=True)


def read(output: str, page: Page) -> tuple[Instance, ...] | None:
    """Return the instances that the end of the output lists as JSON; None when it does not.

    >>> page = Page(order=(7,), running={7: 1})
    >>> read('a warning\\n[{"name": "a", "host": "h", "port": 1}]', page)
    (Instance(name='a', release=7, host='h', port=1, state='up', uptime=datetime.timedelta(0), pid=None, code=None),)
    >>> read("no resources found", page)
    """
    lines = output.splitlines()
    for first, line in enumerate(lines):
        if line.lstrip().startswith("["):
            try:
                told = _LIST.validate_python(json.loads("\n".join(lines[first:])))
            except (ValueError, ValidationError):
                continue
            found = [Instance(one.name, _release(one, page), one.host, one.port, one.state) for one in told]
            return tuple(sorted(found, key=lambda one: one.release))
    return None


def pseudo(name: str, url: str | None, page: Page) -> Sequence[Instance]:
    """Return one instance for each release that is believed to run; checks ask at the URL."""
    place = urlsplit(url or "")
    host, port = place.hostname or "", place.port or (80 if url else 0)
    return [Instance(f"{_short(name)}-{release}", release, host, port, "up") for release in sorted(page.running)]


def _release(told: Told, page: Page) -> int:
    newest = next((one for one in reversed(page.order) if one in page.running), 0)
    if told.release is not None:
        return told.release
    of = [number for number, revision in page.revisions.items() if told.revision and revision.startswith(told.revision)]
    return max(of, default=newest)


def _silent(name: str, page: Page, code: int | None) -> Instance:
    """`status` itself stands where nobody knows what runs, so that a check fails and a page shows it."""
    return Instance(f"{_short(name)}-status", page.order[-1], "", 0, "exited", code=code)


def _short(name: str) -> str:
    return name.partition("@")[0]
