"""What the tour plays on: a portal that runs as its own processes, spoken to through its API as its people would."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from catalog import gitcommand
from ledger.errors import Code, Error
from portal.client import Client
from portal.config import Config
from portal.demo import setup
from portal.demo.load import PAUSE, Load
from portal.demo.past import ENVIRONMENT
from portal.demo.waiting import until
from portal.keyring import Login
from production.ports import Hosting, Site

Told = Mapping[str, Any]

# `fullcycle serve`, which ends when the tour ends, however that goes.
SERVE = "from portal import cli, serve; serve.end_with_parent(); cli.main(['serve'])"
# However slow the machine is; alone on two cores each takes a tenth of that at most.
UP = timedelta(minutes=4)
DEPLOYED = timedelta(minutes=4)  # from the click to the end, for any deploy of the tour
SOON = timedelta(minutes=2)
LOOK = 0.25  # seconds between two looks at whether a deploy has ended: each is a page for the portal to make
STOP_SECONDS = 60.0
LOG = "serve.log"


class Serving:
    """The portal's processes."""

    def __init__(self, environ: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-c", SERVE],
                env=dict(environ),
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def worker(self) -> psutil.Process | None:
        """Return the worker's process, None while there is none."""
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self._process.pid).children():
                if "worker" in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE:
                    return child
        return None

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@dataclass(frozen=True)
class Stage:
    """The portal, who is logged in to it, and where the company's repositories are."""

    config: Config
    environ: Mapping[str, str]
    serving: Serving
    target: Hosting
    people: Mapping[str, Client]
    left_out: str

    # What people do.

    def deploy(self, login: str, service: str, revision: str = "") -> int:
        body = {"environment": ENVIRONMENT, "revision": revision}
        return int(self.people[login].post(f"/services/{service}/deploys", body)["id"])

    def roll_back(self, login: str, service: str, release: int) -> int:
        body = {"environment": ENVIRONMENT, "release": release, "note": "the tour goes back"}
        return int(self.people[login].post(f"/services/{service}/rollbacks", body)["id"])

    def answer(self, login: str, deploy: int, word: str) -> None:
        """Say what a paused deploy shall do: resume, or look once more."""
        self.people[login].post(f"/deploys/{deploy}/{word}", {"reason": "the tour says so"})

    def abort(self, login: str, deploy: int) -> None:
        self.people[login].post(f"/deploys/{deploy}/abort", {"reason": "the tour stops it"})

    def let_go(self, login: str, service: str) -> None:
        self.people[login].post(f"/services/{service}/environments/{ENVIRONMENT}/let-go")

    # What they see.

    def plan(self, login: str, service: str, revision: str = "") -> Told:
        told: Told = self.people[login].get(f"/services/{service}/plan", environment=ENVIRONMENT, revision=revision)
        return told

    def facts(self, deploy: int, kind: str) -> Sequence[Told]:
        """Return what the log of facts has of that kind about a deploy."""
        facts: Sequence[Told] = self.people["kofi"].get("/events", subject=f"deploy:{deploy}", limit=500)["events"]
        return [fact for fact in facts if fact["kind"] == kind]

    def page(self, deploy: int) -> Told:
        return self.people["kofi"].get(f"/deploys/{deploy}")

    def live(self, service: str) -> Told:
        """Return the release that serves."""
        environments = self.people["kofi"].get(f"/services/{service}")["environments"]
        found: Told = next(one["live"] for one in environments if one["name"] == ENVIRONMENT)
        return found

    def ended(self, deploy: int, *, as_: str, longest: timedelta = DEPLOYED) -> Told:
        """Wait for the end, and return the deploy. Raises Error when it ends in another way."""

        def look() -> Told | None:
            told: Told = self.page(deploy)["deploy"]
            return told if told["ended"] else None

        told = until(look, longest, f"the end of deploy {deploy}", LOOK)
        if told["state"] != as_:
            said = (
                f"{told['name']} {told['release']} became {told['state']}, not {as_}: {told['reason'] or 'no reason'}"
            )
            raise Error(Code.CONFLICT, said)
        return told

    def in_wave(self, deploy: int, wave: int) -> Told:
        """Wait until that wave's traffic is on the release, and return the deploy."""

        def look() -> Told | None:
            told: Told = self.page(deploy)["deploy"]
            if told["ended"]:
                raise Error(Code.CONFLICT, f"deploy {deploy} is {told['state']} before wave {wave}: {told['reason']}")
            return told if told["wave"] >= wave and told["percent"] > 0 else None

        return until(look, SOON, f"wave {wave} of deploy {deploy}", every=0.1)

    # What visitors see.

    def address(self, service: str) -> str:
        address = self.target.address(Site(f"component:default/{service}", ENVIRONMENT, {}))
        if address is None:
            raise Error(Code.CONFLICT, f"{service} has no public address; nothing of it is deployed")
        return address

    def load(self, service: str, pause: float = PAUSE) -> Load:
        """Have visitors there, each with so many seconds between two visits."""
        return Load(self.address(service), pause)

    def commits(self, service: str) -> Sequence[str]:
        """Return the commits of the default branch, newest first."""
        git = self.config.data / "company" / service / ".git"
        return gitcommand.run(git, ["log", "--format=%H", "main"]).decode().split()


@contextlib.contextmanager
def opened(config: Config, environ: Mapping[str, str], target: Hosting, left_out: str) -> Iterator[Stage]:
    """Start the portal, log people in, and stop everything at the end."""
    serving = Serving(environ, config.data / LOG)
    try:
        known = Client(Login(config.address, ""))
        logins = setup.logins(config.data)
        people = {login: _logged_in(known, login, password) for login, password in logins.items()}
        yield Stage(config, environ, serving, target, people, left_out)
    finally:
        serving.stop()
        target.shutdown()


def _logged_in(known: Client, login: str, password: str) -> Client:
    def look() -> Told | None:
        try:
            return known.post("/tokens", {"account": login, "password": password, "name": "tour"})
        except Error as error:
            if error.code is Code.UNAVAILABLE:
                return None
            raise

    return Client(Login(known.url, str(until(look, UP, f"the portal at {known.url}")["token"])))


def log(config: Config) -> str:
    """Return the last lines that the portal's processes have written."""
    path = config.data / LOG
    return "\n".join(path.read_text(errors="replace").splitlines()[-20:]) if path.exists() else ""


def left_behind(folder: Path, seconds: float = 30.0) -> Sequence[str]:
    """Return the commands of processes that still run from that folder; wait a moment for those that are ending."""
    for _ in range(int(seconds / 0.1)):
        if not (found := _running(folder)):
            return []
        time.sleep(0.1)
    return found


def _running(folder: Path) -> Sequence[str]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            is_ours = Path(process.cwd()).is_relative_to(folder) or str(folder) in " ".join(process.cmdline())
            if is_ours and process.pid != psutil.Process().pid and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()[:4]))
    return found
