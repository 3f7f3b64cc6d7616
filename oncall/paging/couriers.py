"""A few courier processes that are kept ready, each with one page at a time and ended when it is too late.

They get an environment of their own: no proxy, no home, no variable of the portal. A page goes over a pipe, never over
the command line, which everybody on a machine can read.
"""

import contextlib
import json
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
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
    """A pool. Any thread may use it."""

    def __init__(self, count: int = 2, *, ca_file: str | None = None, proxy: str | None = None) -> None:
        self._ca_file, self._proxy = ca_file, proxy
        self._places: queue.LifoQueue[_Courier | None] = queue.LifoQueue()
        self._closed = threading.Event()
        for _ in range(count):
            self._places.put(None)  # nobody is started before there is a page

    def carry(self, task: Mapping[str, Any], limit: timedelta) -> Mapping[str, Any]:
        """Return what a courier answers; raise Lost."""
        until = time.monotonic() + limit.total_seconds()
        try:
            courier = self._places.get(timeout=limit.total_seconds())
        except queue.Empty:
            raise Lost(sent=False) from None
        back: _Courier | None = None
        try:
            if courier is None or not courier.is_fit():
                if courier is not None:
                    courier.end()
                courier = _Courier(self._ca_file, self._proxy)
            try:
                answer = courier.carry(task, until)
                back = courier
                return answer
            except Lost:
                courier.end()
                raise
        except OSError:
            raise Lost(sent=False) from None
        finally:
            if self._closed.is_set() and back is not None:
                back.end()
                back = None
            self._places.put(back)

    def warm(self, limit: timedelta = START) -> None:
        """Start those that are not started yet, and wait until they are ready."""
        for courier in self._idle():
            fit = courier if courier and courier.is_fit() else _Courier(self._ca_file, self._proxy)
            try:
                fit.carry(READY, time.monotonic() + limit.total_seconds())
            except Lost:
                fit.end()
            self._places.put(fit)

    def close(self) -> None:
        """End all that are idle; those on their way end when they are back."""
        self._closed.set()
        for courier in self._idle():
            if courier is not None:
                courier.end()
            self._places.put(None)

    def _idle(self) -> list["_Courier | None"]:
        """Take all that are not on their way."""
        idle = []
        with contextlib.suppress(queue.Empty):
            while True:
                idle.append(self._places.get_nowait())
        return idle


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
