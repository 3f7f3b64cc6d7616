"""How long a deploy takes beside a bare shell script that does the same, and how soon it begins after the click.

Both: two instances, `/healthz` so many times in a row each, all at once, drained, no bake; the same app, the same
HAProxy binary, alternating. The portal's side is the real thing: worker process, durable jobs, SQLite, local target.
Twice: with the checks that a service has if it says nothing (three passes, 1 s apart), which has the limit, and with
hasty ones (two passes, 0.2 s apart), where there is little else than our own work.
"""

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import ceil
from pathlib import Path

from catalog import query
from ledger import clock
from pipelines import query as deploys
from portal import config as configs
from portal import schema, wiring
from portal.services import Services
from production.haproxy import binary

DEADLINE = 30  # seconds, for one round
ME = "user:default/alice"
APP = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *args): pass
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
# round %d
"""
FILE = """
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: shop}
spec:
  type: service
  lifecycle: production
  owner: group:default/shop
  deploy:
    environments:
      production:
        target: {kind: local, command: [PYTHON, app.py], instances: 2, drain: 10s}
        checks: [{http: /healthz, passes: PASSES, every: EVERYms}]
        bake: 0s
"""


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True).stdout.strip()


def commit(repository: Path, number: int, passes: int, every: float) -> str:
    (repository / "app.py").write_text(APP % number)
    said = (
        FILE.replace("PYTHON", sys.executable).replace("PASSES", str(passes)).replace("EVERY", str(round(every * 1000)))
    )
    (repository / "catalog-info.yaml").write_text(said)
    git(repository, "add", ".")
    git(repository, "-c", "user.name=Alice", "-c", "user.email=a@example.org", "commit", "-q", "-m", f"round {number}")
    return git(repository, "rev-parse", "HEAD")


@contextmanager
def worker(data: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process of its own, stopped at the end."""
    environ = {**configs.environment(), "FULLCYCLE_DATA": str(data), "FULLCYCLE_LOG_LEVEL": "error"}
    process = subprocess.Popen([sys.executable, "-m", "portal.cli", "worker"], env=environ)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def bare_proxy(folder: Path) -> Iterator[int]:
    """An HAProxy for the script alone, told over a local TCP socket."""
    front, admin = (free_port() for _ in range(2))
    (folder / "haproxy.cfg").write_text(
        f"global\n  stats socket ipv4@127.0.0.1:{admin} level admin\n"
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n"
        f"frontend front\n  bind 127.0.0.1:{front}\n  default_backend app\nbackend app\n"
    )
    process = subprocess.Popen([binary(), "-db", "-f", str(folder / "haproxy.cfg")], stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield admin
    finally:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def portal_round(services: Services, revision: str) -> tuple[float, float]:
    """Deploy and return the wall time to healthy and the time from the click to the first step, in seconds."""
    with services.database.read() as session:
        service = query.service(session, "shop")
    begun, clicked = time.perf_counter(), clock.now()
    started = services.actions.deploy(service, "production", revision, ME, clicked)
    while True:
        with services.database.read() as session:
            page = deploys.page(session, started.id, services.jobs)
        if page.row.ended:
            break
        if time.perf_counter() - begun > DEADLINE:
            raise SystemExit(f"deploy {started.id} is still {page.row.word} after {DEADLINE} s")
        time.sleep(0.01)
    took = time.perf_counter() - begun
    if page.row.word != "healthy":
        raise SystemExit(f"the deploy ended {page.row.word}: {page.row.reason}")
    return took, (page.deploy.story[0].began - clicked).total_seconds()


def bare_round(mirror: Path, folder: Path, revision: str, number: int, admin: int, passes: int, every: float) -> float:
    old = f"r{number - 1}" if number > 1 else ""
    # Below the ephemeral ports, or an early probe might connect to itself and take the port away.
    words = [str(mirror), revision, str(folder), f"r{number}", str(24_000 + 10 * number), old, str(admin)]
    begun = time.perf_counter()
    words += [str(passes), str(every), "2", sys.executable]
    subprocess.run([str(Path(__file__).parent / "bare.sh"), *words], check=True, timeout=DEADLINE)
    return time.perf_counter() - begun


def end_bare(folder: Path) -> None:
    """End what the script has left running, and nothing else that got one of its numbers since."""
    for file in folder.glob("r*/pid.*"):
        with suppress(ProcessLookupError, FileNotFoundError):
            if Path(f"/proc/{file.read_text().strip()}/cwd").readlink() == file.parent:
                os.kill(int(file.read_text()), signal.SIGTERM)


def measure(rounds: int, passes: int, every: float) -> dict[str, float]:
    """Deploy so many times each way, and compare."""
    folder = Path(tempfile.mkdtemp(prefix="fc-bench-"))
    repository = folder / "shop"
    repository.mkdir()
    git(repository, "init", "-q", "-b", "main")
    config = configs.load({"FULLCYCLE_DATA": str(folder / "data"), "HOME": str(folder)})
    config.data.mkdir(mode=0o700)
    schema.migrate(wiring.database(config), post=True)
    services = wiring.wire(config)
    revisions = [commit(repository, number, passes, every) for number in range(rounds + 1)]
    wiring.sync(services, services.register(str(repository), ME), clock.now())
    ours: list[float] = []
    bare: list[float] = []
    clicks: list[float] = []
    try:
        with worker(config.data), bare_proxy(folder) as admin:
            for number, revision in enumerate(revisions, start=1):
                took, click = portal_round(services, revision)
                shell = bare_round(repository, folder / "bare", revision, number, admin, passes, every)
                if number > 1:  # the first has nothing to replace
                    ours.append(took)
                    bare.append(shell)
                    clicks.append(click)
    finally:
        end_bare(folder / "bare")
        wiring.local(config, services.database).shutdown()
        services.database.close()
        shutil.rmtree(folder, ignore_errors=True)
    ratios = [mine / other for mine, other in zip(ours, bare, strict=True)]
    return {
        "rounds": rounds,
        "portal_median_s": round(statistics.median(ours), 3),
        "shell_median_s": round(statistics.median(bare), 3),
        "ratio_median": round(statistics.median(ratios), 3),
        "ratio_max": round(max(ratios), 3),
        "click_to_first_step_p95_ms": round(sorted(clicks)[ceil(rounds * 0.95) - 1] * 1000),
    }


def main() -> None:
    usual, hasty = measure(12, 3, 1.0), measure(12, 2, 0.2)
    limits = {"usual.ratio_median": 1.25, "click_to_first_step_p95_ms": 250}
    print(json.dumps({"usual": usual, "hasty": hasty, "limits": limits}))


if __name__ == "__main__":
    main()
