"""Keeps one program: starts it, writes its output down, ends it when it must end, and says how it ended.

A process of its own, begun by production/runs.py, which outlives whoever asked for it. In the run's folder are `pid`
(who keeps it: made once, by whoever comes first), `log` and `log.1` (the newest output), `cut` (how many bytes are not
kept) and `exit` (how it ended). Only the standard library is used. It never begins a program a second time.
"""

import contextlib
import json
import os
import pwd
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from production.launch import identity
from production.runlog import CHUNK, Log

LADDER = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
ASK = signal.SIGUSR1  # from us: begin with the ladder. Other signals are for the whole machine and not ours to follow.
SWEEPS, SWEEP_SECONDS = 200, 0.01
EXIT_BYTES = 200  # kept free from the beginning, so that a full disk does not hide how it ended


def main() -> None:
    """Read what to do from the standard input, go to the background, and return when the run has its keeper."""
    told = json.load(sys.stdin.buffer)
    heard, says = os.pipe()
    if os.fork():
        os.close(says)
        os._exit(0 if os.read(heard, 1) else 1)
    os.close(heard)
    os.setsid()
    folder = Path(told["folder"])
    _leave_streams(folder)
    wake = _listen()
    is_ours = claim(folder, identity(os.getpid()))
    os.write(says, b"x")
    os.close(says)
    if is_ours:
        _keep(told, folder, wake)


def claim(folder: Path, who: str) -> bool:
    """Be the one who keeps the run; False when somebody was first, dead or alive."""
    draft = folder / f".pid.{os.getpid()}"
    draft.write_text(who)
    try:
        os.link(draft, folder / "pid")
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def sweep(session: int) -> None:
    """Kill everything of that session but ourselves."""
    for _ in range(SWEEPS):
        left = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _is_of(pid, session)]
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(SWEEP_SECONDS)


def _is_of(pid: int, session: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] not in "ZX" and int(fields[3]) == session and pid != os.getpid()


_asked = False


def _listen() -> int:
    """Be woken by signals, through a pipe. A handler, unlike ignoring, is not passed on to the program."""

    def ask(_number: int, _frame: object) -> None:
        global _asked
        _asked = True

    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, lambda _number, _frame: None)
    signal.signal(ASK, ask)
    return wake


def _leave_streams(folder: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    faults = os.open(folder / "keeper.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream, file in ((0, nothing), (1, nothing), (2, faults)):
        os.dup2(file, stream)


def _keep(told: dict[str, Any], folder: Path, wake: int) -> None:
    log = Log(folder / "log", told["most"])
    draft = _draft(folder)
    out, into = os.pipe()
    try:
        process = subprocess.Popen(
            told["argv"],
            env={**told["env"], **told["secrets"]},
            cwd=told["cwd"],
            stdin=subprocess.DEVNULL,
            stdout=into,
            stderr=subprocess.STDOUT,
            process_group=0,
            **_account(told["user"]),
        )
    except (OSError, ValueError, LookupError) as error:
        said = getattr(error, "strerror", None) or str(error)
        log.write(f"{told['argv'][0]} could not be started: {said}\n".encode())
        return _ended(draft, folder, None, "start")
    os.close(into)
    why = Watch(process, log, told).until_it_ends(out, wake)
    sweep(os.getpid())
    log.drain(out)
    log.settle(told["secrets"])
    _ended(draft, folder, process.returncode, why)


def _account(user: str | None) -> dict[str, Any]:
    if user is None:
        return {}
    gid = pwd.getpwnam(user).pw_gid
    return {"user": user, "group": gid, "extra_groups": os.getgrouplist(user, gid)}


class Watch:
    """Looks after a program until it ends: takes its output, and climbs the ladder when its time is over."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: "Log", told: dict[str, Any]) -> None:
        self._process, self._log = process, log
        self._limit: float = told["seconds"]
        self._quiet: float | None = told["quiet_seconds"]
        self._pause: float = told["pause_seconds"]
        self._began = self._heard = time.monotonic()
        self._why, self._rung, self._next = "", 0, 0.0

    def until_it_ends(self, out: int, wake: int) -> str:
        """Return why we ended it; empty when it ended by itself."""
        poll = select.poll()
        poll.register(out, select.POLLIN)
        poll.register(wake, select.POLLIN)
        while self._process.poll() is None:
            for file, _ in poll.poll(max(0.0, self._due() - time.monotonic()) * 1000 + 1):
                if file == wake:
                    os.read(wake, CHUNK)
                elif self._log.take(out):
                    self._heard = time.monotonic()
                else:
                    poll.unregister(out)  # it has closed its output and goes on
            self._climb()
        return self._why

    def _due(self) -> float:
        """When to look again, if nothing happens before."""
        if self._why:
            return self._next
        quiet = self._heard + self._quiet if self._quiet else float("inf")
        return min(self._began + self._limit, quiet, time.monotonic() + 3600)

    def _climb(self) -> None:
        now = time.monotonic()
        if not self._why:
            late, quiet = now >= self._began + self._limit, self._quiet and now >= self._heard + self._quiet
            self._why = "asked" if _asked else "timeout" if late else "inactivity" if quiet else ""
        if self._why and now >= self._next and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, LADDER[self._rung])
            self._rung = min(self._rung + 1, len(LADDER) - 1)
            self._next = now + self._pause


def _draft(folder: Path) -> Path:
    draft = folder / ".exit"
    with contextlib.suppress(OSError):
        draft.write_text(" " * EXIT_BYTES)
    return draft


def _ended(draft: Path, folder: Path, code: int | None, why: str) -> None:
    text = json.dumps({"code": code, "why": why}).ljust(EXIT_BYTES)
    with open(draft, "r+" if draft.exists() else "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, folder / "exit")
