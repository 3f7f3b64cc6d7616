"""Runs that outlive whoever began them: a program in a session of its own, with its keeper, log and exit in a folder.

A run is its folder. Whoever knows the folder can begin the run (it still happens only once), look how it is, and have
it ended; nobody waits for it. What has neither ended nor is alive was cut off, and nobody begins it again.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from ledger.errors import Code, Error
from production import keeper, launch

KEPT_BYTES = 64_000_000  # of a run's output, its end
TAIL_BYTES = 65_536
LINE_BYTES = 4096  # the beginning of a line that is cut anyway is left out, for half a secret cannot be masked
LADDER_PAUSE = timedelta(seconds=5)  # between INT, TERM and KILL
BEGIN_SECONDS = 30.0
TICKS = os.sysconf("SC_CLK_TCK")
NEVER = "0 0 never"  # who keeps a run that was called off before it began
START = "import sys; sys.path.append(sys.argv[1]); from production.keeper import main; main()"
ROOT = str(Path(__file__).parents[1])


@dataclass(frozen=True)
class Order:
    """What a run does. `env` is all that the program gets; it is handed to the keeper and never in a file."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    timeout: timedelta
    inactivity: timedelta | None = None
    user: str | None = None
    patience: timedelta = LADDER_PAUSE
    secrets: Mapping[str, str] = field(default_factory=dict)  # added to `env`, and taken out of the log at the end


@dataclass(frozen=True)
class Asked:
    """Nobody keeps it yet: it was only asked for."""


@dataclass(frozen=True)
class Alive:
    since: timedelta


@dataclass(frozen=True)
class Ended:
    """`why` is empty when it ended by itself; else start, timeout, inactivity or asked. A negative code is a signal."""

    code: int | None
    why: str = ""


@dataclass(frozen=True)
class Lost:
    """Its keeper is gone and has not said how it ended: killed, or the machine was."""


Look = Asked | Alive | Ended | Lost


class Run:
    def __init__(self, folder: Path, most: int = KEPT_BYTES) -> None:
        self.folder, self._most = folder.absolute(), most

    def begin(self, order: Order) -> None:
        """Have it begun. Asked again, or by two at once, it begins once."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        told = {
            "folder": str(self.folder),
            "argv": order.argv,
            "env": dict(order.env),
            "secrets": dict(order.secrets),
            "cwd": str(order.cwd),
            "user": order.user,
            "seconds": order.timeout.total_seconds(),
            "quiet_seconds": order.inactivity.total_seconds() if order.inactivity else None,
            "pause_seconds": order.patience.total_seconds(),
            "most": self._most,
        }
        begun = subprocess.run(
            [sys.executable, "-I", "-S", "-c", START, ROOT],
            input=json.dumps(told).encode(),
            env={"LANG": "C.UTF-8"},
            cwd="/",
            capture_output=True,
            timeout=BEGIN_SECONDS,
        )
        if begun.returncode != 0:
            detail = begun.stderr.decode(errors="replace") or _text(self.folder / "keeper.log")
            said = "a run could not be begun on this machine; try again"
            raise Error(Code.UNAVAILABLE, said, detail, permanent=False)

    def look(self) -> Look:
        who = _text(self.folder / "pid")
        if not who:
            return Asked() if self.folder.is_dir() else Lost()
        if who == NEVER:
            return Ended(None, "asked")
        if ended := self._ended():
            return ended
        if _is_alive(who):
            return Alive(_age(who))
        return self._ended() or Lost()  # it may have ended between the two looks

    def end(self) -> None:
        """Have it ended: INT, then TERM, then KILL, by its keeper. What nobody keeps yet will never begin."""
        if not (who := _text(self.folder / "pid")):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if keeper.claim(self.folder, NEVER):
                return
            who = _text(self.folder / "pid")
        if _is_alive(who):
            with contextlib.suppress(ProcessLookupError):
                os.kill(_number(who), keeper.ASK)

    def bury(self) -> None:
        """Kill what is left of a run whose keeper is gone."""
        who = _text(self.folder / "pid")
        pid = _number(who)
        if pid > 1 and who.endswith(launch.boot()) and launch.identity(pid) in ("", who):
            keeper.sweep(pid)  # a session's number is not given away while one of its processes lives

    def kill(self) -> None:
        """End it at once, and its keeper."""
        who = _text(self.folder / "pid")
        if _is_alive(who):
            keeper.sweep(_number(who))

    def tail(self) -> str:
        """Return the end of its output, from the beginning of a line on."""
        data = _end(self.folder / "log", TAIL_BYTES)
        if len(data) < TAIL_BYTES:
            data = _end(self.folder / "log.1", TAIL_BYTES - len(data)) + data
        if len(data) >= TAIL_BYTES:
            cut = data.find(b"\n", 0, LINE_BYTES)
            data = data[cut + 1 if cut >= 0 else LINE_BYTES :]
        return data.decode(errors="replace")

    def cut(self) -> int:
        """Return how many bytes of its output are not kept."""
        return int(_text(self.folder / "cut") or 0)

    def _ended(self) -> Ended | None:
        try:
            said = json.loads(_text(self.folder / "exit"))
            return Ended(said["code"], said["why"])
        except ValueError:
            return None  # not there, or not whole after the machine lost its power


def _is_alive(who: str) -> bool:
    return who != "" and launch.identity(_number(who)) == who


def _number(who: str) -> int:
    return int(who.partition(" ")[0] or 0)


def _age(who: str) -> timedelta:
    """How long a process lives, by the clock that no one sets."""
    return timedelta(seconds=max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - int(who.split()[1]) / TICKS))


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except FileNotFoundError:
        return ""


def _end(file: Path, most: int) -> bytes:
    try:
        with file.open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - most))
            return log.read(most)
    except FileNotFoundError:
        return b""
