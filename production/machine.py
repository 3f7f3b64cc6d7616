"""This machine brought to what the database says: programs under the supervisor, doors and weights in the proxy."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from ledger.errors import Code, Error
from production import balance, sockets
from production.balance import Door, Server
from production.checkouts import Checkouts, last_lines
from production.haproxy import Proxy
from production.ports import Failed, Instance, Share, Site
from production.rundir import own
from production.secrets import Values, no_secrets
from production.store import Placed, Store, Wanted
from production.supervise import Program, Supervisor, until

INLINE_SECONDS = 1.0  # what is done within it is waited for; else the caller is told to ask again
OPENINGS = 3  # tries to open a door, each at another port, before the caller is told
HOPELESS = 2  # starts that ended at once, after which an instance is given up

Guard = Callable[[], None]  # raises when somebody with a newer fence has been here

ENDED = ("BACKOFF", "EXITED", "FATAL")

State = Literal["starting", "up", "exited", "stopped"]
STATES: Mapping[str, State] = {"RUNNING": "up", "STARTING": "starting", "STOPPING": "stopped", "STOPPED": "stopped"}


class Machine:
    """What is wanted is read from the store each time, so that every call may be repeated by anybody."""

    def __init__(
        self,
        store: Store,
        supervisor: Supervisor,
        proxy: Proxy,
        checkouts: Checkouts,
        run: Path,
        host: str,
        secrets: Values = no_secrets,
    ) -> None:
        self._store, self._supervisor, self._proxy = store, supervisor, proxy
        self._checkouts, self._run, self._host, self._secrets = checkouts, run, host, secrets

    def settle(self, name: str, guard: Guard) -> bool:
        """Make everything of one site so as the database says; False while something is still ending.

        Who cannot be started raises when the others serve.
        """
        self.ready()
        guard()
        refused = self._put([self._store.known(name)])
        self.serve(name, guard)
        gone = self.clear(name, guard)
        if refused:
            raise refused[0]
        return gone

    def run(self, name: str, guard: Guard) -> None:
        """Have every wanted instance running; raises for one whose secrets cannot be had, when the others are."""
        self.ready()
        guard()
        if refused := self._put([self._store.known(name)]):
            raise refused[0]

    def open(self, name: str, asked: int | None, guard: Guard, elsewhere: int) -> None:
        """Open the site's door. A port that was only found free, and was lost before it served, is found anew.

        Two portals that begin at once look for the same ports; who has lost one looks `elsewhere`, where only we do.
        """
        for tries in range(OPENINGS):
            self._store.publish(name, asked, partial(sockets.is_free, self._host), beyond=tries * elsewhere)
            try:
                return self.serve(name, guard)
            except Error as error:
                if error.code is not Code.UNAVAILABLE or tries + 1 == OPENINGS:
                    raise
                if not self._store.unpublish(name, asked):
                    raise

    def serve(self, name: str, guard: Guard) -> None:
        """Have the public port open and the weights so. Needs no room on the disk if the port is open already."""
        self.ready()
        guard()
        if self._store.known(name).public_port is not None:
            self._proxy.bring(self._doors, name)

    def clear(self, name: str, guard: Guard) -> bool:
        """Have no instance running that is not wanted; False while one is still ending."""
        guard()
        wanted = self._store.known(name)
        extra = self._extra(wanted)
        self._supervisor.stop(extra)
        gone = until(lambda: self._supervisor.gone(extra), INLINE_SECONDS) if extra else True
        if gone and wanted.public_port is not None:
            gone = until(lambda: self._proxy.forget(self._doors, name), INLINE_SECONDS)
        return gone

    def ready(self) -> None:
        """Have the supervisor there; one that was started just now gets all programs of all sites that can be had."""
        own(self._run)
        if self._supervisor.ensure():
            self._put(self._store.all())
            self._supervisor.sweep()

    def _put(self, sites: Sequence[Wanted]) -> Sequence[Error]:
        names, refused = [], []
        for wanted in sites:
            for one in wanted.placed:
                log = self._checkouts.logs(wanted.name, one.release, one.revision) / f"{one.number}.log"
                named = Site(wanted.service, wanted.environment, {"secrets": one.launch.get("secrets", {})})
                name, secrets = _program(wanted.name, one), partial(self._secrets, named)
                try:
                    self._supervisor.put(name, one.launch, log, secrets=secrets)
                    names.append(name)
                except Error as error:
                    refused.append(error)
        self._supervisor.add(names)
        return refused

    def _extra(self, wanted: Wanted) -> Sequence[str]:
        ours = re.compile(re.escape(wanted.name) + r"-\d+-\d+")
        keep = {_program(wanted.name, one) for one in wanted.placed}
        return [name for name in self._supervisor.programs() if ours.fullmatch(name) and name not in keep]

    def hopeless(self, name: str, release: int) -> Failed | None:
        placed = [one for one in self._store.known(name).placed if one.release == release]
        programs = self._supervisor.programs([_program(name, one) for one in placed])
        for one in placed:
            program = programs.get(_program(name, one))
            if program is None:
                continue
            if program.state in ENDED and program.starts >= HOPELESS:
                log = self._checkouts.logs(name, one.release, one.revision) / f"{one.number}.log"
                called = f"{_short(name)}-{one.release}-{one.number}"
                how = f" with code {program.code}" if program.code is not None else ""
                return Failed(f"{called} exits at once{how}; its last lines say why", last_lines(log, 20))
        return None

    def instances(self, name: str) -> Sequence[Instance]:
        wanted = self._store.wanted(name)
        if wanted is None:
            return []
        programs = self._supervisor.programs([_program(name, one) for one in wanted.placed])
        return [self._instance(name, one, programs) for one in wanted.placed]

    def _instance(self, site: str, one: Placed, programs: Mapping[str, Program]) -> Instance:
        name = f"{_short(site)}-{one.release}-{one.number}"
        program = programs.get(_program(site, one))
        if program is None:
            return Instance(name, one.release, self._host, one.port, "stopped")
        state: State = STATES.get(program.state, "exited")
        if state == "starting" and sockets.listens(self._host, one.port):
            state = "up"
        return Instance(name, one.release, self._host, one.port, state, program.uptime, program.pid, program.code)

    def shares(self, name: str) -> Sequence[Share]:
        wanted = self._store.wanted(name)
        if wanted is None or wanted.public_port is None:
            return []
        return _shares(wanted, self._proxy.servers(_door(wanted)))

    def counts(self) -> Sequence[tuple[Wanted, Sequence[Share]]]:
        """Return who gets the traffic of every site, asking the proxy once."""
        backends: dict[str, dict[str, Mapping[str, str]]] = {}
        for one in self._proxy.stats():
            backends.setdefault(one["pxname"], {})[one["svname"]] = one
        return [(wanted, _shares(wanted, backends.get(_door(wanted).backend, {}))) for wanted in self._store.all()]

    def busy(self, name: str, keep: int) -> int:
        """Return how many connections other releases than `keep` still have to do with."""
        others = [share for share in self.shares(name) if share.release != keep]
        leaving = self._proxy.leaving(_door(self._store.known(name))) if others else 0
        return leaving + sum(share.connections for share in others)

    def _doors(self) -> Sequence[Door]:
        return [_door(wanted) for wanted in self._store.all() if wanted.public_port is not None]


def _shares(wanted: Wanted, stats: Mapping[str, Mapping[str, str]]) -> Sequence[Share]:
    servers = {name: one for name, one in stats.items() if name not in ("FRONTEND", "BACKEND")}
    total = sum(map(_weight, servers.values())) or 1
    return [_share(release, servers, total) for release in sorted({one.release for one in wanted.placed})]


def _door(wanted: Wanted) -> Door:
    counts = {release: wanted.count(release) for release in {one.release for one in wanted.placed}}
    weights = balance.weights(wanted.weights, counts)
    left = {release: iter(whole) for release, whole in weights.items()}
    servers = (Server(f"{one.release}-{one.number}", one.port, next(left[one.release])) for one in wanted.placed)
    assert wanted.public_port is not None
    return Door(wanted.name, wanted.public_port, tuple(servers))


def _share(release: int, servers: Mapping[str, Mapping[str, str]], total: int) -> Share:
    ours = [one for name, one in servers.items() if name.startswith(f"{release}-")]
    open_now, requests, errors = (sum(int(one[key] or 0) for one in ours) for key in ("scur", "stot", "hrsp_5xx"))
    return Share(release, 100.0 * sum(map(_weight, ours)) / total, open_now, requests, errors)


def _weight(server: Mapping[str, str]) -> int:
    return 0 if server["status"].startswith("MAINT") else int(server["weight"] or 0)


def _program(site: str, one: Placed) -> str:
    return f"{site}-{one.release}-{one.number}"


def _short(site: str) -> str:
    return site.rpartition("@")[0]
