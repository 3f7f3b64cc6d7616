"""How git is run: through GitPython, with an environment and a configuration of our own, and never for ever.

The child gets only what is named here: no user's or system's configuration, no hooks, no prompt, no protocol but the
allowed ones. It is killed, with all that it started, when it takes too long, says too much or fetches too much.
"""

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from git import Git
from git.exc import GitCommandNotFound

from catalog.address import shown
from ledger.clock import stopwatch
from ledger.errors import Code, Error

QUICK = timedelta(seconds=30)  # for what needs no network
LOOK = timedelta(milliseconds=100)  # how often the room is measured
MAX_OUTPUT = 64 * 1024 * 1024  # bytes that git may write to us
MAX_SAID = 64 * 1024  # bytes of what it complains about that are kept

SSH = "ssh -o BatchMode=yes -o ConnectTimeout=10"
_CONFIG = (
    "protocol.ext.allow=never",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "credential.helper=",
    "core.askPass=",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "core.bigFileThreshold=8m",  # larger files are never held in memory
    "maintenance.auto=false",
    "gc.autoDetach=false",
    "http.followRedirects=initial",
    "http.lowSpeedLimit=1000",  # bytes per second, for
    "http.lowSpeedTime=30",  # seconds
    "i18n.logOutputEncoding=UTF-8",
    "safe.directory=*",  # the mirror is ours; a source is named in `trusted`
)


class Refused(Exception):
    """git ended with an error. `said` is what it wrote, without secrets; `code` how it ended, None: killed in time."""

    def __init__(self, code: int | None, said: str) -> None:
        super().__init__(said)
        self.code, self.said = code, said


class TooLarge(Refused):
    """git was stopped because it wrote or fetched more than was allowed."""

    def __init__(self, most: int) -> None:
        super().__init__(None, f"stopped above {most} bytes")
        self.most = most


@dataclass(frozen=True)
class Room:
    """How many bytes a folder may hold while git fills it."""

    folder: Path
    most: int

    def is_exceeded(self) -> bool:
        return size(self.folder) > self.most


def size(folder: Path) -> int:
    """Return how many bytes the files below a folder have. What vanishes while this looks counts nothing."""
    total = 0
    for below, _folders, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(below, name)).st_size
    return total


def run(
    repository: Path,
    arguments: Sequence[str],
    *,
    timeout: timedelta = QUICK,
    config: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    most: int = MAX_OUTPUT,
    room: Room | None = None,
) -> bytes:
    """Run git on a bare repository and return what it wrote; raise Refused when it fails or takes too long.

    TooLarge when it writes more than `most` bytes, or fills `room`.
    """
    git = shutil.which("git")
    if git is None:
        raise Error(Code.UNAVAILABLE, "git is not installed on the portal's machine; install it and try again")
    settings = [part for setting in (*_CONFIG, *config) for part in ("-c", setting)]
    named = _environment(git, repository) | dict(env or {})
    clean = ["env", "-i", *(f"{name}={value}" for name, value in named.items())]
    command = [*clean, git, "--no-replace-objects", *settings, *arguments]
    with tempfile.TemporaryFile() if stdin else open(os.devnull, "rb") as given:
        if stdin:
            given.write(stdin)
            given.seek(0)
        try:
            # A session of its own, so that a hanging ssh or https helper is killed together with git.
            started = Git("/").execute(
                command, istream=given, as_process=True, start_new_session=True, with_exceptions=False
            )
        except GitCommandNotFound:
            raise Error(Code.UNAVAILABLE, "git cannot be started; see that it is installed") from None
        process = started.proc
        assert process is not None
        out, said = _collected(process, timeout, most, room)
    if process.returncode != 0:
        raise Refused(process.returncode, shown(said.decode("utf-8", "replace").strip()))
    return out


def _collected(
    process: "subprocess.Popen[bytes]", timeout: timedelta, most: int, room: Room | None
) -> tuple[bytes, bytes]:
    """Return what the process wrote, once it has ended; kill it when it takes too long or too much."""
    assert process.stdout is not None
    assert process.stderr is not None
    out, said = bytearray(), bytearray()
    written = {process.stdout.fileno(): out, process.stderr.fileno(): said}
    spent = stopwatch()
    try:
        with selectors.DefaultSelector() as waiting:
            for number in written:
                waiting.register(number, selectors.EVENT_READ)
            while waiting.get_map():
                left = timeout - spent()
                if left <= timedelta():
                    raise Refused(None, f"killed after {timeout.total_seconds():.0f} s")
                wait = min(left, LOOK) if room else left
                for key, _ in waiting.select(wait.total_seconds()):
                    part = os.read(key.fd, 65536)
                    written[key.fd] += part
                    if not part:
                        waiting.unregister(key.fd)
                del said[MAX_SAID:]
                if len(out) > most:
                    raise TooLarge(most)
                if room and room.is_exceeded():
                    raise TooLarge(room.most)
        _ended(process, timeout - spent())
        return bytes(out), bytes(said)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    finally:
        process.stdout.close()
        process.stderr.close()


def _ended(process: "subprocess.Popen[bytes]", left: timedelta) -> None:
    try:
        process.wait(max(left.total_seconds(), 0.1))
    except subprocess.TimeoutExpired:
        raise Refused(None, "closed its output and did not end") from None


def _environment(git: str, repository: Path) -> dict[str, str]:
    return {
        "PATH": f"{Path(git).parent}:/usr/local/bin:{os.defpath}",
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_DIR": str(repository),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_SSH_COMMAND": SSH,
    }
