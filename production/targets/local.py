"""Runs releases on the portal's own machine: supervised instances, each release from its own checkout, behind HAProxy.

What shall run is written to the database first, then made so; `converge` makes it so again after a restart. A method
that cannot do its work answers Failed with a sentence, and what was serving goes on serving.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from ledger.clock import Clock, now
from ledger.db import Database
from ledger.errors import Code, Error
from production import sockets
from production.checkouts import Checkouts, Export, from_mirror, last_lines
from production.haproxy import Proxy
from production.locks import seized
from production.machine import INLINE_SECONDS, Machine
from production.masking import Mask
from production.ports import Done, Failed, Instance, Pending, Progress, Release, Share, Site
from production.refusals import in_words, refuse_command, refuse_folder, refuse_user
from production.rundir import own_first_port, short_folder, spread
from production.secrets import Masking, Values, names_of, no_secrets, unmasked
from production.settings import LocalSettings, written
from production.store import FIRST_PUBLIC_PORT, Store
from production.supervise import Supervisor, until

AGAIN = timedelta(milliseconds=40)

Act = Callable[[LocalSettings, Callable[[], None]], Progress]


class LocalTarget:
    """The target of kind `local`. Makes nothing run until it is asked to.

    `folder` is its own; `path_dirs` come before the system's PATH for builds and instances; `host` is where HAProxy
    and the instances listen; `export` makes a folder of a revision's files; `run` holds the sockets; `secrets` are a
    site's values by name, asked for when instances are started; `mask` takes them out of what people read.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        *,
        path_dirs: Sequence[Path] = (),
        host: str = "127.0.0.1",
        export: Export = from_mirror,
        clock: Clock = now,
        run: Path | None = None,
        first_public_port: int = FIRST_PUBLIC_PORT,
        first_port: int | None = None,
        secrets: Values = no_secrets,
        mask: Masking = unmasked,
    ) -> None:
        self._folder = folder.absolute()
        self._host, self._path_dirs, self._clock = host, tuple(path_dirs), clock
        self._secrets, self._mask = secrets, mask
        self._run = run or short_folder(self._folder)
        self._store = Store(database, first_public_port, first_port or own_first_port(self._folder))
        self._supervisor = Supervisor(self._folder, self._run)
        self._checkouts = Checkouts(self._folder, self._supervisor, export, clock)
        proxy = Proxy(self._folder, self._run, host, self._supervisor)
        self._machine = Machine(self._store, self._supervisor, proxy, self._checkouts, self._run, host, secrets)

    # What shall be true.

    def prepare(self, site: Site, release: Release, fence: int) -> Progress:
        def act(settings: LocalSettings, guard: Callable[[], None]) -> Progress:
            refuse_user(settings.user)
            checkout = self._checkouts.have(site.name, release, settings.user)
            refuse_folder(settings.user, checkout)
            progress: Progress = Done(f"release {release.number} is in {checkout.name}")
            if release.build:
                self._machine.ready()
                guard()
                env = self._env(site, release, settings, checkout)
                progress = self._checkouts.build(site.name, release, env, settings.user)
            wanted = self._store.known(site.name)
            self._checkouts.prune(site.name, [release.number, *(one.release for one in wanted.placed)])
            return progress

        return self._act(site, fence, act)

    def start(self, site: Site, release: Release, instances: int, fence: int) -> Progress:
        def act(settings: LocalSettings, guard: Callable[[], None]) -> Progress:
            checkout = self._checkouts.at(site.name, release.number, release.revision)
            if not checkout.is_dir():
                return Failed(f"release {release.number} is not prepared; prepare it first")
            env = self._env(site, release, settings, checkout)
            refuse_user(settings.user)
            refuse_command(settings, checkout, env["PATH"])

            if self._store.known(site.name).count(release.number) < instances:
                self._secrets(site)  # who cannot have them changes nothing

            def launch(port: int) -> dict[str, Any]:
                told = {**env, "PORT": str(port), "HOST": self._host}
                how = {"argv": list(settings.command), "env": told, "cwd": str(checkout), "user": settings.user}
                return {**how, "secrets": dict(settings.secrets)} if settings.secrets else how

            self._store.place(site.name, release, instances, launch, self._is_free)
            self._machine.run(site.name, guard)
            self._machine.open(site.name, settings.port, guard, elsewhere=spread(self._folder))
            return self._started(site, release, instances)

        return self._act(site, fence, act)

    def weigh(self, site: Site, percents: Mapping[int, float], fence: int) -> Progress:
        def act(settings: LocalSettings, guard: Callable[[], None]) -> Progress:
            wanted = self._store.known(site.name)
            for number, percent in percents.items():
                if percent > 0 and not wanted.count(number):
                    return Failed(f"release {number} has no instance, so it can get no traffic; start it first")
            self._store.weigh(site.name, percents)
            self._machine.serve(site.name, guard)
            return Done(", ".join(f"{number}: {percent:g} %" for number, percent in percents.items()) or "no traffic")

        return self._act(site, fence, act)

    def drain(self, site: Site, keep: int, fence: int) -> Progress:
        def act(settings: LocalSettings, guard: Callable[[], None]) -> Progress:
            self._store.drain(site.name, keep, self._clock())
            self._machine.serve(site.name, guard)
            if until(lambda: self._machine.busy(site.name, keep) == 0, INLINE_SECONDS):
                return Done("no connection is left")
            since = self._store.known(site.name).since or self._clock()
            open_still = _connections(self._machine.busy(site.name, keep))
            if self._clock() >= since + settings.drain:
                return Done(f"{open_still} did not end within {written(settings.drain)}")
            return Pending(f"waiting for {open_still}", AGAIN)

        return self._act(site, fence, act)

    def stop(self, site: Site, keep: int, fence: int, warm: int | None = None) -> Progress:
        def act(settings: LocalSettings, guard: Callable[[], None]) -> Progress:
            self._store.keep_only(site.name, keep, warm)
            self._machine.serve(site.name, guard)
            gone = self._machine.clear(site.name, guard)
            return Done("nothing else is running") if gone else Pending("instances are ending", AGAIN)

        return self._act(site, fence, act)

    # What is true.

    def instances(self, site: Site) -> Sequence[Instance]:
        return self._machine.instances(site.name)

    def shares(self, site: Site) -> Sequence[Share]:
        return self._machine.shares(site.name)

    def counts(self) -> Sequence[tuple[str, str, Sequence[Share]]]:
        """Return service, environment and who gets the traffic, of everything here, asking the proxy once."""
        return [(wanted.service, wanted.environment, shares) for wanted, shares in self._machine.counts()]

    def address(self, site: Site) -> str | None:
        wanted = self._store.wanted(site.name)
        return f"http://{self._host}:{wanted.public_port}" if wanted and wanted.public_port else None

    def output(self, site: Site, release: int, lines: int = 200) -> Sequence[str]:
        checkout = self._checkouts.found(site.name, release)
        if checkout is None:
            return []
        logs = sorted((self._folder / "output" / site.name / checkout.name).glob("*.log"), key=_by_number)
        each = max(1, lines // max(1, len(logs)))
        mask = partial(self.masked, site)
        return [f"{_source(log)} | {line}" for log in logs for line in last_lines(log, each, mask)][-lines:]

    def logs(self, site: Site, release: int) -> Sequence[Path]:
        checkout = self._checkouts.found(site.name, release)
        folder = self._folder / "output" / site.name / (checkout.name if checkout else "none")
        return sorted((log for log in folder.glob("*.log") if log.stem.isdigit()), key=_by_number)

    def masked(self, site: Site, text: str) -> str:
        """Take the values out that the site's programs were started with, and those of others that it names."""
        known, wanted = self._supervisor.values(site.name), self._store.wanted(site.name)
        masked = Mask(known)(text)
        named = dict(names_of(site))
        for one in wanted.placed if wanted else ():
            named |= one.launch.get("secrets", {})
        if named.keys() <= {name for name, _value in known}:
            return masked
        return self._mask(replace(site, settings={"secrets": named}), masked)

    def checkout(self, service: str, environment: str, release: int) -> Path | None:
        """Return where a release's files are, for checks that are commands."""
        return self._checkouts.found(Site(service, environment, {}).name, release)

    # What only this target does.

    def converge(self) -> Sequence[str]:
        """Make everything so as the database says, after a restart of the portal or the machine; return what is not."""
        problems: list[str] = []
        if not self._store.all():
            return problems
        self._machine.ready()
        for wanted in self._store.all():
            with seized(self._lock(wanted.name)) as mine:
                if not mine:
                    continue  # a worker is at it
                try:
                    self._machine.settle(wanted.name, lambda: None)
                except Error as error:
                    problems.append(f"{wanted.name}: {error.message}")
                except OSError as error:
                    problems.append(f"{wanted.name}: {in_words(error).reason}")
        return problems

    def shutdown(self) -> None:
        """Stop everything that was started here, also what a crashed run has left. What shall run stays known."""
        self._supervisor.shutdown()
        shutil.rmtree(self._run, ignore_errors=True)

    # How.

    def _act(self, site: Site, fence: int, act: Act) -> Progress:
        settings = LocalSettings.model_validate(dict(site.settings))
        self._store.claim(site, fence)
        with seized(self._lock(site.name)) as mine:
            if not mine:
                return Pending("another worker is still busy with this site")

            def guard() -> None:
                self._store.guard(site.name, fence)

            guard()
            try:
                return self._told(site, act(settings, guard))
            except Error as error:
                if error.code is Code.CONFLICT:
                    raise
                log = tuple(error.detail.splitlines()[-20:])
                return self._told(site, Failed(error.message, log, error.permanent))
            except OSError as error:
                return in_words(error)

    def _told(self, site: Site, progress: Progress) -> Progress:
        """What programs said is masked, or withheld when it cannot be; in our own sentences nothing is withheld."""
        if not isinstance(progress, Failed):
            return progress
        reason = Mask(self._supervisor.values(site.name))(progress.reason)
        log = self.masked(site, "\n".join(progress.log)).splitlines() if progress.log else ()
        return replace(progress, reason=reason, log=tuple(log))

    def _started(self, site: Site, release: Release, count: int) -> Progress:
        def waiting() -> Sequence[Instance]:
            return [one for one in self.instances(site) if one.release == release.number and one.state != "up"]

        def settled() -> bool:
            return not waiting() or self._machine.hopeless(site.name, release.number) is not None

        until(settled, INLINE_SECONDS)
        if failed := self._machine.hopeless(site.name, release.number):
            return failed
        left = waiting()
        if not left:
            return Done(f"{count} of release {release.number} are up")
        return Pending(f"{', '.join(one.name for one in left)} not up yet", AGAIN)

    def _env(self, site: Site, release: Release, settings: LocalSettings, checkout: Path) -> Mapping[str, str]:
        return {
            "PATH": self._checkouts.search_path(checkout, self._path_dirs),
            **settings.env,
            "REVISION": release.revision,
            "SERVICE": site.service,
            "ENVIRONMENT": site.environment,
        }

    def _is_free(self, port: int) -> bool:
        return sockets.is_free(self._host, port)

    def _lock(self, name: str) -> Path:
        return self._folder / "locks" / f"{name}.lock"


def _by_number(log: Path) -> int:
    return int(log.stem) if log.stem.isdigit() else 0


def _source(log: Path) -> str:
    return f"instance {log.stem}" if log.stem.isdigit() else log.stem


def _connections(count: int) -> str:
    return f"{count} connection" if count == 1 else f"{count} connections"
