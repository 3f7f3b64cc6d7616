"""Whose turn it is to write into a SQLite file: first come, first served, among threads and among processes.

SQLite lets a writer that finds another one look again after up to 0.1 s, so one that writes without a pause keeps
others out for seconds. A turn keeps nobody out: who waits too long, or cannot lock files here, writes all the same, and
SQLite decides as ever.
"""

import contextlib
import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 30.0  # seconds; SQLite's own follows
LOOK = 0.001  # seconds between two looks at what another process holds
NEXT, TURN = 0, 1  # bytes of the file: whoever is the next waits for the turn holding the place of the next


class Turns:
    """One of these for each database of a process. `path` is a file beside the database; None: only threads."""

    def __init__(self, path: Path | None) -> None:
        self._path, self._file = path, -1
        self._lock = threading.Lock()  # over the two below
        self._holder: int | None = None
        self._waiting: deque[tuple[int, threading.Lock]] = deque()

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a turn, and give it on at the end."""
        until = time.monotonic() + PATIENCE
        if not self._enter():
            yield
            return
        try:
            locked = self._locked(until)
            try:
                yield
            finally:
                if locked:
                    fcntl.lockf(self._file, fcntl.LOCK_UN, 1, TURN)
        finally:
            self._leave()

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _enter(self) -> bool:
        """Wait among this process's threads; False for one that waited in vain, or has the turn already."""
        me = threading.get_ident()
        with self._lock:
            if self._holder is None:
                self._holder = me
                return True
            if self._holder == me:
                return False
            told = threading.Lock()
            told.acquire()
            self._waiting.append((me, told))
        if told.acquire(timeout=PATIENCE):
            return True
        with self._lock:
            if (me, told) not in self._waiting:  # it was handed over in this very moment
                return True
            self._waiting.remove((me, told))
            return False

    def _leave(self) -> None:
        with self._lock:
            self._holder = None
            if self._waiting:
                self._holder, told = self._waiting.popleft()
                told.release()

    def _locked(self, until: float) -> bool:
        """Wait among processes, as the next of this one."""
        try:
            if self._file < 0:
                if self._path is None:
                    return False
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if not self._wait(NEXT, until):
                return False
            try:
                return self._wait(TURN, until)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, NEXT)
        except OSError:
            return False

    def _wait(self, place: int, until: float) -> bool:
        while True:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
                return True
            except (BlockingIOError, PermissionError):
                if time.monotonic() > until:
                    return False
                time.sleep(LOOK)
