"""The supervisor that keeps instances running: one daemon per data folder, which outlives the portal.

Programs are started through launch.py, so they see nothing of the supervisor's environment. Nobody waits for the second
of `startsecs`; it gives the supervisor its growing pause before each restart.
"""

import contextlib
import http.client
import os
import re
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from ledger.errors import Code, Error
from production import launch, shell, sockets, supervisorfile
from production.locks import locked, write_whole
from production.programfiles import ProgramFile, values_of
from production.supervisorfile import STOP_SECONDS
from production.unixrpc import UnixTransport

POLL_SECONDS = 0.02
START_SECONDS = 15.0
END_SECONDS = 3.0
ALREADY_ADDED, ALREADY_STARTED, BAD_NAME, NOT_RUNNING, STILL_RUNNING = 90, 60, 10, 70, 91  # supervisor's faults
ALIVE = ("STARTING", "RUNNING", "STOPPING")

Secrets = Callable[[], Mapping[str, str]]  # by the names that the program sees; raises when one cannot be had


def no_secrets() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Program:
    """What the supervisor says of one program. `starts`: how often it has been started since it was put there."""

    name: str
    state: str
    pid: int | None
    uptime: timedelta
    code: int | None
    starts: int

    @property
    def is_alive(self) -> bool:
        return self.state in ALIVE


class Supervisor:
    """`folder` is ours alone; `run` is a short 0700 folder for the socket (see `short_folder`)."""

    def __init__(self, folder: Path, run: Path) -> None:
        self._folder = folder.absolute()
        self._socket = run / "supervisor.sock"
        self._pid = self._folder / "supervisord.pid"
        self._log = self._folder / "supervisord.log"
        self._config = self._folder / "supervisord.conf"
        self._programs = self._folder / "programs"

    # What is.

    def answers(self) -> bool:
        try:
            return bool(self._call("getState")["statecode"] == 1)
        except (OSError, http.client.HTTPException):
            return False

    def programs(self, names: Sequence[str] | None = None) -> Mapping[str, Program]:
        """Return those programs that there are, by name, or all of them; none when no supervisor runs."""
        try:
            said = self._call("getAllProcessInfo") if names is None else self._info(names)
        except (OSError, http.client.HTTPException):
            return {}
        return {one["name"]: self._program(one) for one in said}

    def _info(self, names: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """Ask for a few of many programs, in one call; who is not there has no name in its answer."""
        calls = [{"methodName": "supervisor.getProcessInfo", "params": [name]} for name in names]
        return [one for one in self._proxy().system.multicall(calls) if "name" in one] if calls else []

    def alive(self, names: Sequence[str] | None = None) -> Sequence[str]:
        return [name for name, one in self.programs(names).items() if one.is_alive]

    def _program(self, said: Mapping[str, Any]) -> Program:
        name, state = said["name"], said["statename"]
        alive = state in ("STARTING", "RUNNING")
        return Program(
            name,
            state,
            said["pid"] or None,
            timedelta(seconds=max(0, said["now"] - said["start"])) if alive else timedelta(),
            None if alive or state == "STOPPED" else self._code(name, said["exitstatus"]),
            _size(self._programs / f"{name}.starts"),
        )

    def _code(self, name: str, said: int) -> int | None:
        """The supervisor forgets the code of a program that ended within a second; its log has it."""
        if said:
            return said
        with contextlib.suppress(OSError), self._log.open("rb") as file:
            file.seek(max(0, _size(self._log) - 50_000))
            ended = rf"exited: {re.escape(name)} \((?:exit status (\d+)|terminated)"
            codes = re.findall(ended, file.read().decode(errors="replace"))
            return int(codes[-1]) if codes and codes[-1] else None
        return None

    # What shall be.

    def ensure(self) -> bool:
        """Have a supervisor running; True when it was started just now, so that it has no program yet.

        What a dead one has left behind is ended first, for it holds the ports.
        """
        if self.answers():
            return False
        with locked(self._folder / "supervisor.lock"):
            if self.answers():
                return False
            if sockets.takes(self._socket):  # slow, not dead
                said = "the supervisor of the instances is busy or ending; try again in a moment"
                raise Error(Code.UNAVAILABLE, said, permanent=False)
            self._bury()
            for config in (self._folder / "conf.d").glob("*.conf"):
                config.unlink()  # it may name a Python that an update has removed
            self._start()
            return True

    def put(
        self, name: str, spec: Mapping[str, Any], log: Path, *, once: bool = False, secrets: Secrets = no_secrets
    ) -> None:
        """Write down how a program is started; `add` starts it. One that is there already and is the same stays.

        `secrets` is asked only for one that is to be started, before anything is ended. When they cannot be had, one
        that ended with its supervisor is started with those it had.
        """
        config, file = self._folder / "conf.d" / f"{name}.conf", self._file(name)
        if config.exists() and file.says(spec):
            return
        try:
            values: Mapping[str, str] | None = secrets()
        except Error:
            if config.exists() or not file.says(spec):
                raise
            values = None
        if config.exists():
            self._end(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        argv = [sys.executable, "-I", "-S", launch.__file__, str(file.path)]
        write_whole(config, supervisorfile.program(name, argv, log, once=once))  # first, or `sweep` may take the file
        if values is not None:
            file.write(spec, values, log)

    def add(self, names: Sequence[str]) -> None:
        """Have those programs running that were `put`; starts nothing twice."""
        there = self.programs(names)
        if any(name not in there for name in names):
            self._call("reloadConfig")
        for name in names:
            if name not in there:
                with _unless(ALREADY_ADDED):
                    self._call("addProcessGroup", name)
            if name not in there or there[name].state in ("STOPPED", "EXITED", "FATAL"):
                with _unless(ALREADY_STARTED):
                    self._call("startProcess", name, False)

    def _end(self, name: str) -> None:
        """End a program that is to be started in another way."""
        self.stop([name])
        if not until(lambda: self.gone([name]), END_SECONDS):
            raise Error(Code.UNAVAILABLE, f"an earlier {name} is still ending; try again", permanent=False)

    def signal(self, name: str, signal: str) -> None:
        self._call("signalProcess", name, signal)

    def stop(self, names: Sequence[str]) -> None:
        """Ask those programs to end; `gone` says when they have."""
        for name in names:
            with _unless(NOT_RUNNING, BAD_NAME):
                self._call("stopProcess", name, False)

    def gone(self, names: Sequence[str]) -> bool:
        """Forget those of the programs that have ended; True when all have."""
        there = self.programs(names)
        for name in names:
            if name in there and (there[name].is_alive or there[name].state == "BACKOFF"):
                continue
            self._forget(name)
            if name in there:
                with _unless(BAD_NAME, STILL_RUNNING):
                    self._call("removeProcessGroup", name)
        return not self.programs(names)

    def sweep(self) -> None:
        """Forget what earlier supervisors ran and this one does not."""
        for file in self._programs.glob("*.json"):
            if not (self._folder / "conf.d" / f"{file.stem}.conf").exists():
                ProgramFile(file).forget()

    def values(self, site: str) -> Sequence[tuple[str, str]]:
        """Return the names and values of the secrets that a site's programs were started with."""
        return values_of(self._programs, site)

    def shutdown(self) -> None:
        """End every program and the supervisor, and whatever an earlier one has left."""
        with locked(self._folder / "supervisor.lock"):
            if self._daemon() is not None:
                with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Fault):
                    # All at once, for the supervisor's own shutdown ends one after the other.
                    self.stop(list(self.programs()))
                    until(lambda: not self.alive(), STOP_SECONDS + 5.0)
                    self._call("shutdown")
                # Asking wakes it up; left alone it looks around once a second.
                until(lambda: not self.answers() and self._daemon() is None, STOP_SECONDS + 5.0)
            self._bury()
            self._socket.unlink(missing_ok=True)

    # How.

    def _start(self) -> None:
        (self._folder / "conf.d").mkdir(parents=True, exist_ok=True)
        for ours in (self._programs, self._folder / "output"):  # who may enter the data folder need not read these
            ours.mkdir(mode=0o700, exist_ok=True)
            ours.chmod(0o700)
        files = (self._socket, self._log, self._pid, self._folder)
        write_whole(self._config, supervisorfile.daemon(*files, as_root=os.geteuid() == 0))
        argv = [sys.executable, "-I", "-m", "supervisor.supervisord", "-c", str(self._config)]
        env = {"PATH": shell.search_path(), "LANG": "C.UTF-8"}
        ended = subprocess.run(argv, env=env, cwd="/", capture_output=True, stdin=subprocess.DEVNULL, timeout=30)
        if ended.returncode != 0 or not until(self.answers, START_SECONDS):
            said = (ended.stderr or ended.stdout).decode(errors="replace").strip()
            last = said.splitlines()[-1] if said else f"see {self._log}"
            raise Error(Code.UNAVAILABLE, f"the supervisor could not be started: {last}", said, permanent=False)

    def _bury(self) -> None:
        if (pid := self._daemon()) is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
            until(lambda: self._daemon() is None, 5.0)
        for file in self._programs.glob("*.pid"):
            launch.bury(str(file))
            file.unlink(missing_ok=True)

    def _daemon(self) -> int | None:
        """Return the number of our supervisor's process, by its pid file and its command line."""
        try:
            process = psutil.Process(int(self._pid.read_text()))
            ours = str(self._config) in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE
        except (OSError, ValueError, psutil.Error):
            return None
        return process.pid if ours else None

    def _forget(self, name: str) -> None:
        (self._folder / "conf.d" / f"{name}.conf").unlink(missing_ok=True)
        self._file(name).forget()

    def _file(self, name: str) -> ProgramFile:
        return ProgramFile(self._programs / f"{name}.json")

    def _call(self, method: str, *arguments: Any) -> Any:
        return getattr(self._proxy().supervisor, method)(*arguments)

    def _proxy(self) -> Any:
        # One per call: the portal's threads must not share a connection.
        return xmlrpc.client.ServerProxy("http://supervisor", transport=UnixTransport(str(self._socket)))


def until(is_so: Callable[[], bool], seconds: float) -> bool:
    """Look again and again until it is so; False when it is not within that time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


@contextlib.contextmanager
def _unless(*faults: int) -> Any:
    """Let those answers of the supervisor pass: it is as we want it already."""
    try:
        yield
    except xmlrpc.client.Fault as fault:
        if fault.faultCode not in faults:
            said = f"the supervisor refused: {fault.faultString}"
            raise Error(Code.UNAVAILABLE, said, permanent=False) from fault


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
