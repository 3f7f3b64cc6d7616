"""Files as locks and as whole values: what is written here is there entirely or not at all."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import psutil


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`, waiting for it; the system lets it go when the process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def seized(path: Path) -> Iterator[bool]:
    """Hold the lock file if it can be had at once; yields whether it is held.

    A holder that is frozen (SIGSTOP) would keep everybody waiting, so its lock file is replaced by a new one; when it
    wakes, its fence is too old for anything that it still wants to do.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _seize(path)
    if file is None and _is_frozen(path):
        path.unlink(missing_ok=True)
        file = _seize(path)
    try:
        yield file is not None
    finally:
        if file is not None:
            os.close(file)


def _seize(path: Path) -> int | None:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file).st_ino != path.stat().st_ino:  # replaced by somebody else in this moment
            raise BlockingIOError
    except (BlockingIOError, FileNotFoundError):
        os.close(file)
        return None
    os.ftruncate(file, 0)
    os.pwrite(file, str(os.getpid()).encode(), 0)
    return file


def _is_frozen(path: Path) -> bool:
    try:
        return psutil.Process(int(path.read_text())).status() == psutil.STATUS_STOPPED
    except (OSError, ValueError, psutil.Error):
        return False


def write_whole(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace the file at `path` in one step; a reader sees the old text or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
            file.write(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
