"""What a place to run things must be able to do, and what a check answers. Values and protocols only.

A site is one service in one environment. Every method of a target is declarative and idempotent: it says what shall be
true, and may be called again at any time, by a worker that took over. `fence` only grows; a call with a smaller one
than the target has seen for that site changes nothing and raises Error(CONFLICT).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable


@dataclass(frozen=True)
class Site:
    """One service in one environment, and how its target is set up (`spec.deploy.environments.NAME.target`)."""

    service: str  # component:default/checkout
    environment: str
    settings: Mapping[str, Any]  # kind, command, instances, port, env, user, drain_seconds, build …

    @property
    def name(self) -> str:
        """`checkout@production`: short, safe in file names, unique together with the namespace."""
        namespace, _, name = self.service.partition(":")[2].rpartition("/")
        return (
            f"{name}@{self.environment}" if namespace in ("", "default") else f"{namespace}.{name}@{self.environment}"
        )


@dataclass(frozen=True)
class Release:
    """A revision with its number. `source` is a bare git repository that has it, `build` an argv or empty."""

    number: int
    revision: str
    source: str = ""
    build: tuple[str, ...] = ()


@dataclass(frozen=True)
class Done:
    """It is so now. `detail` is one sentence for the log."""

    detail: str = ""


@dataclass(frozen=True)
class Pending:
    """It is on its way; ask again after `again`. `detail` says what is being waited for."""

    detail: str = ""
    again: timedelta = timedelta(milliseconds=200)


@dataclass(frozen=True)
class Failed:
    """It cannot be so. `reason` is a sentence for people, `log` the last lines of output that show why."""

    reason: str
    log: tuple[str, ...] = ()
    permanent: bool = True  # False: a later try may help


Progress = Done | Pending | Failed


@dataclass(frozen=True)
class Instance:
    """One running copy of a release. `state`: starting, up, exited (with `code`) or stopped."""

    name: str  # checkout-231-1
    release: int
    host: str
    port: int
    state: Literal["starting", "up", "exited", "stopped"]
    uptime: timedelta = timedelta()
    pid: int | None = None
    code: int | None = None


@dataclass(frozen=True)
class Share:
    """What a release gets of the traffic: percent, and the connections open to it now."""

    release: int
    percent: float
    connections: int = 0
    requests: int = 0
    errors: int = 0  # 5xx answers


class Target(Protocol):
    """A kind of place to run releases."""

    def prepare(self, site: Site, release: Release, fence: int) -> Progress:
        """Have the release's files there and built (once per revision); nothing runs yet."""

    def start(self, site: Site, release: Release, instances: int, fence: int) -> Progress:
        """Have at least that many instances of it running; they get no traffic by this."""

    def weigh(self, site: Site, percents: Mapping[int, float], fence: int) -> Progress:
        """Give each release (by number) that percentage of new connections, all others none."""

    def drain(self, site: Site, keep: int, fence: int) -> Progress:
        """Wait until releases other than `keep` have no connection left, at most the site's drain time."""

    def stop(self, site: Site, keep: int, fence: int, warm: int | None = None) -> Progress:
        """Have no instance of another release than `keep` running. Their files and output stay.

        `warm` names one more that stays; whoever cannot end the others without it ends nothing.
        """

    def instances(self, site: Site) -> Sequence[Instance]:
        """Return what is there now, oldest release first."""

    def shares(self, site: Site) -> Sequence[Share]:
        """Return who gets the traffic now."""

    def address(self, site: Site) -> str | None:
        """Return the public URL, None before the first release."""

    def output(self, site: Site, release: int, lines: int = 200) -> Sequence[str]:
        """Return the last lines that the release's build and instances have written, instance by instance."""

    def logs(self, site: Site, release: int) -> Sequence[Path]:
        """Return the files that the release's instances write to, for counting; what they hold is not masked."""


@runtime_checkable
class Counting(Protocol):
    """A target that sees the traffic, so that what each release has answered is known minute by minute."""

    def counts(self) -> Sequence[tuple[str, str, Sequence[Share]]]:
        """Return service, environment and who gets the traffic, of everything here."""


class Hosting(Target, Counting, Protocol):
    """A target that keeps programs on this very machine, which outlive the portal."""

    def converge(self) -> Sequence[str]:
        """Bring what runs back to what shall run, after a restart of either; return what could not be, in sentences."""

    def shutdown(self) -> None:
        """Stop everything that was started here, also what a crashed run has left. What shall run stays known."""


@dataclass(frozen=True)
class Check:
    """What is asked of an instance. `kind`: http (what: path), tcp, alive, command (what: argv as one tuple)."""

    kind: Literal["http", "tcp", "alive", "command"]
    what: tuple[str, ...] = ()
    status: tuple[int, ...] = ()  # accepted; empty means any 2xx. A redirect never passes unless listed.
    passes: int = 3  # in a row
    every: timedelta = timedelta(seconds=1)
    timeout: timedelta = timedelta(seconds=5)
    deadline: timedelta = timedelta(seconds=30)
    delay: timedelta = timedelta(0)  # before the first look, and not part of the deadline


@dataclass(frozen=True)
class Answer:
    """What one look at one instance gave. `said` is a sentence: “/healthz answered 503 in 12 ms”."""

    passed: bool
    said: str
    took: timedelta = timedelta()


class Checker(Protocol):
    """Asks; never raises for what the instance does wrong."""

    def look(self, check: Check, instance: Instance, env: Mapping[str, str]) -> Answer: ...
