"""What a target's promises are tried with: a target, sites on it, and releases that are good, or die at once.

A stage hides how a kind of target is told about a bad release, so that a promise is written once for all of them.
"""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger import db
from ledger.clock import now
from production.ports import Failed, Pending, Progress, Release, Site, Target
from production.targets.local import LocalTarget
from production.targets.memory import MemoryTarget
from tests.conftest import with_tables

DIES = 9  # the number of the release that exits at once
# Of these tests: below 30000, from where on portals that run beside them place their instances.
FIRST_PUBLIC_PORT, FIRST_PORT, CHOSEN_PORT = 21_000, 24_000, 29_000

APP = """
import json, os, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.startswith("/slow"):
            time.sleep(float(self.path.partition("=")[2]))
        said = dict(os.environ) if self.path == "/env" else {"release": RELEASE, "pid": os.getpid()}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

print("release", RELEASE, "listens on", os.environ["PORT"], flush=True)
ThreadingHTTPServer.request_queue_size = 128
ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
DYING = """
import sys
for line in range(30):
    print("line", line)
sys.exit("no database is configured")
"""


@dataclass
class Stage:
    """`source` and `revisions` are the repository's; `settings` are a site's."""

    target: Target
    settings: Mapping[str, Any]
    revisions: Mapping[int, str]
    source: str = ""
    made: int = field(default=0)

    def site(self, **settings: Any) -> Site:
        """A site that nobody has used yet."""
        self.made += 1
        return Site(f"component:default/shop{self.made}", "production", {**self.settings, **settings})

    def release(self, number: int, **more: Any) -> Release:
        return Release(number, self.revisions[number], self.source, **more)

    def live(self, site: Site, number: int, fence: int = 1, instances: int = 2) -> None:
        """Put a release out, alone."""
        release = self.release(number)
        settled(lambda: self.target.prepare(site, release, fence))
        settled(lambda: self.target.start(site, release, instances, fence))
        settled(lambda: self.target.weigh(site, {number: 100}, fence))
        settled(lambda: self.target.drain(site, number, fence))
        settled(lambda: self.target.stop(site, number, fence))

    def started(self, site: Site, number: int, fence: int = 1, instances: int = 2) -> Progress:
        """Prepare and start a release; it gets no traffic."""
        release = self.release(number)
        prepared = settled(lambda: self.target.prepare(site, release, fence))
        if isinstance(prepared, Failed):
            return prepared
        return settled(lambda: self.target.start(site, release, instances, fence))

    def visit(self, site: Site, release: int, times: int) -> None:
        """Have that many requests answered by the release, which has all of the traffic."""
        if isinstance(self.target, MemoryTarget):
            self.target.serve(site, release, times)
            return
        for _ in range(times):
            with urllib.request.urlopen(str(self.target.address(site)), timeout=60) as answer:
                answer.read()

    def seen(self, site: Site) -> tuple[Any, ...]:
        """Everything that an act could change, but for the time that passes."""
        instances = [(one.name, one.port, one.pid, one.state) for one in self.target.instances(site)]
        shares = [(share.release, share.percent) for share in self.target.shares(site)]
        return instances, shares, self.target.address(site)


def settled(act: Callable[[], Progress], seconds: float = 120) -> Progress:
    """Ask as the worker does, until the answer is no longer Pending."""
    deadline = time.monotonic() + seconds
    while isinstance(answer := act(), Pending):
        assert time.monotonic() < deadline, answer.detail
        time.sleep(answer.again.total_seconds())
    return answer


def memory_stage(path: Path | None = None) -> Stage:
    revisions = {number: f"{number:040x}" for number in range(1, 10)}
    fails = {revisions[DIES]: "start"}
    return Stage(MemoryTarget(now, path=path), {"kind": "memory", "fails": fails}, revisions)


def local_stage(folder: Path, worker: str) -> Stage:
    """A real target with a real repository; the caller must call its `shutdown`."""
    repository, revisions = folder / "repository", {}
    repository.mkdir(parents=True)
    _git(repository, "init", "-q", "-b", "main")
    for number in range(1, 10):
        app = DYING if number == DIES else APP.replace("RELEASE", str(number))
        (repository / "app.py").write_text(app)
        _git(repository, "add", "app.py")
        _git(repository, "commit", "-q", "-m", f"release {number}")
        revisions[number] = _git(repository, "rev-parse", "HEAD")
    settings = {"kind": "local", "command": ["python", "app.py"]}
    return Stage(local_target(folder, worker), settings, revisions, str(repository / ".git"))


def local_target(folder: Path, worker: str) -> LocalTarget:
    """The target over that folder; made again, it is what another process would have.

    `worker` is the name that pytest-xdist gives its process: tests that run beside each other look at other ports.
    """
    path = folder / "test.db"
    database = db.sqlite(path) if path.exists() else with_tables(db.sqlite(path))
    shift = 200 * int(worker.removeprefix("gw")) if worker.startswith("gw") else 0
    return LocalTarget(
        database,
        folder / "local",
        path_dirs=[Path(sys.executable).parent],
        first_public_port=FIRST_PUBLIC_PORT + shift,
        first_port=FIRST_PORT + shift,
    )


def _git(repository: Path, *arguments: str) -> str:
    who = ["-c", "user.name=alice", "-c", "user.email=alice@example.org", "-c", "commit.gpgsign=false"]
    argv = ["git", "-C", str(repository), *who, *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
