"""A few courier processes that are kept ready, each with one page at a time and ended when it is too late.

They get an environment of their own: no proxy, no home, no variable of the portal. A page goes over a pipe, never over
the command line, which everybody on a machine can read.
"""

import contextlib
import json
import select
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import Any

MOST_PAGES = 500  # of one process, then a fresh one takes its place
START = timedelta(seconds=30)
READY: Mapping[str, Any] = {"ready": True}  # asks whether it is, and is no page
_ANSWER = 4096  # bytes


class Lost(Exception):
    """The courier did not come back in time, or ended. `sent`: it had the page, which may have arrived."""

    def __init__(self, sent: bool) -> None:
        super().__init__("no answer from the courier")
        self.sent = sent


class Couriers:
    """A pool. Any thread may use it, and is served in the order of coming."""

    def __init__(self, count: int = 2, *, ca_file: str | None = None, proxy: str | None = None) -> None:
        self._ca_file, self._proxy = ca_file, proxy
        self._lock = threading.Lock()
        self._idle: list[_Courier | None] = [None] * count  # nobody is started before there is a page
        self._waiting: deque[SimpleQueue[_Courier | None]] = deque()
        self._closed = False

    def carry(self, task: Mapping[str, Any], limit: timedelta) -> Mapping[str, Any]:
        """Return what a courier answers; raise Lost."""
        until = time.monotonic() + limit.total_seconds()
        courier = self._taken(limit)
        try:
            if courier is None or not courier.is_fit():
                if courier is not None:
                    courier.end()
                courier = None
                courier = _Courier(self._ca_file, self._proxy)
            return courier.carry(task, until)
        except OSError:
            raise Lost(sent=False) from None
        except Lost:
            if courier is not None:
                courier.end()
            raise
        finally:
            self._give_back(courier)

    def warm(self, limit: timedelta = START) -> None:
        """Start those that are not started yet, and wait until they are ready."""
        for courier in self._all_idle():
            fit = courier if courier and courier.is_fit() else _Courier(self._ca_file, self._proxy)
            try:
                fit.carry(READY, time.monotonic() + limit.total_seconds())
            except Lost:
                fit.end()
            self._give_back(fit)

    def close(self) -> None:
        """End all that are idle; those on their way end when they are back."""
        self._closed = True
        for courier in self._all_idle():
            self._give_back(courier)

    def _taken(self, limit: timedelta) -> "_Courier | None":
        mine: SimpleQueue[_Courier | None] = SimpleQueue()
        with self._lock:
            if self._idle:
                return self._idle.pop()
            self._waiting.append(mine)
        try:
            return mine.get(timeout=limit.total_seconds())
        except Empty:
            with self._lock:
                if mine in self._waiting:
                    self._waiting.remove(mine)
                    raise Lost(sent=False) from None
            return mine.get_nowait()  # it came in this very moment

    def _give_back(self, courier: "_Courier | None") -> None:
        """Hand it to whoever waits the longest, or nobody else would get it before who has just had it."""
        if self._closed and courier is not None:
            courier.end()
            courier = None
        with self._lock:
            if self._waiting:
                self._waiting.popleft().put(courier)
            else:
                self._idle.append(courier)

    def _all_idle(self) -> "list[_Courier | None]":
        """Take all that are not on their way."""
        with self._lock:
            taken, self._idle = self._idle, []
        return taken


class _Courier:
    def __init__(self, ca_file: str | None, proxy: str | None) -> None:
        trust = {"REQUESTS_CA_BUNDLE": ca_file, "SSL_CERT_FILE": ca_file} if ca_file else {}
        through = {"HTTPS_PROXY": proxy, "HTTP_PROXY": proxy} if proxy else {}
        self._pages = 0
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-m", "oncall.paging.courier", *([ca_file] if ca_file else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"HOME": "/nonexistent", "LANG": "C.UTF-8", **trust, **through},
            cwd="/",
            start_new_session=True,
            bufsize=0,
        )

    def is_fit(self) -> bool:
        return self._pages < MOST_PAGES and self._process.poll() is None

    def carry(self, task: Mapping[str, Any], until: float) -> Mapping[str, Any]:
        self._pages += 1
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise Lost(sent=False)
        try:
            stdin.write(json.dumps(task).encode() + b"\n")
        except OSError:
            raise Lost(sent=False) from None
        said = b""
        while not said.endswith(b"\n"):
            left = until - time.monotonic()
            ready = select.select([stdout], [], [], max(left, 0))[0]
            part = stdout.read(_ANSWER) if ready else b""
            if not part or len(said) > _ANSWER:
                raise Lost(sent=True)
            said += part
        try:
            answer: Mapping[str, Any] = json.loads(said)
        except ValueError:
            raise Lost(sent=True) from None
        return answer

    def end(self) -> None:
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()
