"""Runs one program to its end: with an explicit environment, a time limit, and nothing of it left behind."""

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

STANDARD_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
OUTPUT_BYTES = 64_000  # as much of the end of the output as is kept


@dataclass(frozen=True)
class Ended:
    """How a program ended. `code` is None when it ran out of time; a negative one is the signal that killed it."""

    code: int | None
    output: str

    def last(self, lines: int = 20) -> tuple[str, ...]:
        return tuple(self.output.splitlines()[-lines:])


def search_path(first: Sequence[Path | str] = ()) -> str:
    """Return a PATH that begins with `first` and ends with the system's standard one."""
    return os.pathsep.join([*(str(folder) for folder in first), *STANDARD_PATH])


def run(argv: Sequence[str], env: Mapping[str, str], cwd: Path | None, limit: timedelta) -> Ended:
    """Run `argv` to its end, or kill its whole process group at the limit. Raises OSError when it cannot be started.

    The program is looked for in the PATH of `env`. Its output goes to a file, for a grandchild may keep a pipe open.
    """
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            argv,
            env=dict(env),
            cwd=cwd or "/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code: int | None = process.wait(limit.total_seconds())
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _kill_group(process)
        return Ended(code, _end(output.fileno()))


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _end(file: int) -> str:
    size = os.fstat(file).st_size
    return os.pread(file, OUTPUT_BYTES, max(0, size - OUTPUT_BYTES)).decode(errors="replace")
