"""Where the memory target keeps what it remembers: in this process, or in a JSON file that several processes share."""

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from production.locks import locked, write_whole

PUBLIC_PORT = 20_000  # of the first site; nothing listens there

State = dict[str, Any]  # of one site, see `_empty`; release numbers are text, for JSON knows no other keys


class Notebook:
    """One page per site. With a `path` it is read and written under a file lock, and replaced in one step."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._text = "{}"

    @contextlib.contextmanager
    def changing(self, site: str) -> Iterator[State]:
        """The site's page, kept as it is at the end, or left as it was on an exception."""
        lock = locked(self._path.with_suffix(".lock")) if self._path else contextlib.nullcontext()
        with self._lock, lock:
            whole = self.whole()
            yield whole.setdefault(site, _empty(PUBLIC_PORT + len(whole)))
            self._keep(json.dumps(whole))

    def seen(self, site: str) -> State:
        """The site's page, to read only."""
        return self.whole().get(site) or _empty(PUBLIC_PORT)

    def whole(self) -> dict[str, State]:
        """All pages, to read only."""
        there = self._path is not None and self._path.exists()
        pages: dict[str, State] = json.loads(self._path.read_text() if self._path and there else self._text)
        return pages

    def _keep(self, text: str) -> None:
        if self._path is None:
            self._text = text
        else:
            write_whole(self._path, text)


def _empty(public: int) -> State:
    return {
        "fence": 0,
        "site": None,  # service and environment
        "fails": {},
        "public": public,
        "revisions": {},
        "instances": {},  # release -> [port, since] of each
        "weights": {},
        "traffic": {},  # release -> requests, errors
        "output": {},
        "journal": [],
    }
