"""What a kept program writes, of any length: only the end is kept, and no secret stays when the program has ended.

Used by production/keeper.py, so only the standard library and what needs no more are imported.
"""

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

CHUNK = 65_536
DRAIN_SECONDS = 1.0  # for output that is still in the pipe when the program has ended


class Log:
    """The newest output: two files of at most half of `most` bytes each. What cannot be written is left out."""

    def __init__(self, path: Path, most: int) -> None:
        self._path, self._half = path, most // 2
        self._before = path.with_name(f"{path.name}.1")
        self._cut = 0
        self._open()

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = 0

    def take(self, out: int) -> bool:
        """Take what there is to read; False at its end, or when there is nothing now."""
        try:
            data = os.read(out, CHUNK)
        except BlockingIOError:
            return False
        if self._size + len(data) > self._half:
            whole, newline, data = data.rpartition(b"\n")
            self.write(whole + newline)
            self._turn()
            self.write(data)
            return True
        self.write(data)
        return bool(data)

    def drain(self, out: int) -> None:
        os.set_blocking(out, False)
        deadline = time.monotonic() + DRAIN_SECONDS
        while self.take(out) and time.monotonic() < deadline:
            pass

    def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            while data:
                written = os.write(self._file, data)
                self._size, data = self._size + written, data[written:]

    def settle(self, secrets: Mapping[str, str]) -> None:
        """Take the values of secrets out, now that no more is written; what a full disk cannot hold stays as it is."""
        if not secrets:
            return
        from production.masking import mask_of  # only a few runs need it, and it takes longer than all the rest

        draft = self._path.with_name(f".{self._path.name}")
        with contextlib.suppress(OSError):
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                for text in mask_of(secrets).stream(self._texts()):
                    file.write(text)
            os.replace(draft, self._path)
            self._before.unlink(missing_ok=True)

    def _texts(self) -> Iterator[str]:
        for path in (self._before, self._path):
            if path.exists():
                with open(path, encoding="utf-8", errors="replace", newline="") as file:
                    yield from iter(lambda file=file: file.read(CHUNK), "")  # type: ignore[misc]

    def _turn(self) -> None:
        if self._before.exists():
            self._cut += self._before.stat().st_size
        with contextlib.suppress(OSError):
            os.replace(self._path, self._before)
            os.close(self._file)
            self._open()
            if self._cut:
                self._path.with_name("cut").write_text(str(self._cut))
