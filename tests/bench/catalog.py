"""How fast a catalog of 5,000 components is read from git and answers; then how each figure grows with 100,000.

A real git repository for every 5,000 (50 files of 100 components and a group), a SQLite file, and requests through the
whole application with a token. What reads and what answers are two processes, as they are in a portal.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from catalog import gitcommand
from ledger import clock, db
from portal import accounts, wiring
from portal.config import Config
from tests.conftest import with_tables

FILES, COMPONENTS = 50, 100  # files of a repository, components of a file
ROUNDS = 40
LIMITS = {  # milliseconds where nothing else is said
    "cold_ingest_s": 5.0,
    "rescan_s": 1.0,
    "worker_peak_mb": 200.0,
    "web_peak_mb": 200.0,
    "by_name": 4.0,
    "by_query_20": 10.0,
    "owner_100": 15.0,
    "facets_by_owner": 15.0,
    "all": 200.0,
    "full_text": 10.0,
    "by_refs_100": 15.0,
}


def main() -> None:
    if len(sys.argv) > 2:
        part, folder = {"worker": worker, "web": web}[sys.argv[2]], Path(sys.argv[3])
        return print(json.dumps(part(folder)))
    small, large = measured(1), measured(20)
    over = [name for name, limit in LIMITS.items() if small[name] > limit]
    print(json.dumps({"bench": "catalog", "limits": LIMITS, "over_limit": over, "5k": small, "100k": large}))
    sys.exit(1 if over else 0)


def measured(repositories: int) -> dict[str, Any]:
    """Have a worker read, then a web process answer, each by itself, so that its peak memory is its own."""
    with tempfile.TemporaryDirectory(prefix="fullcycle-catalog-") as folder:
        for number in range(repositories):
            source(Path(folder) / "sources" / f"{number:02}", number)
        database = with_tables(db.sqlite(Path(folder) / "data" / "fullcycle.db"))
        database.close()
        said: dict[str, Any] = {"entities": repositories * FILES * (COMPONENTS + 1)}
        for part in ("worker", "web"):
            command = [sys.executable, "-m", "tests.bench", "catalog", part, folder]
            found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            said |= json.loads(found.splitlines()[-1])
        said["database_mb"] = round((Path(folder) / "data" / "fullcycle.db").stat().st_size / 1e6)
    return said


def worker(folder: Path) -> dict[str, Any]:
    services = wiring.wire(Config(data=folder / "data"))
    known = [services.register(str(path), "user:default/bench") for path in sorted((folder / "sources").iterdir())]
    cold = _seconds(lambda: [_sync(services, one) for one in known])
    rescan = _seconds(lambda: [_sync(services, one) for one in known])
    services.database.close()
    return {"cold_ingest_s": round(cold, 2), "rescan_s": round(rescan, 2), "worker_peak_mb": _peak()}


def web(folder: Path) -> dict[str, Any]:
    from portal.app import create_app, settle  # here, since a worker has no need of it

    services = wiring.wire(Config(data=folder / "data"))
    app = create_app(services)
    settle(app)
    with services.database.write() as session:
        accounts.create(session, "bench", "correct horse battery", "admin", None, clock.now(), "setup")
        me = accounts.all_of_them(session)[0]
        token = accounts.new_key(session, me, "bench", clock.now(), "setup")
    figures = requests(app.test_client(), token)
    services.database.close()
    return figures | {"web_peak_mb": _peak()}


def _sync(services: Any, repository: int) -> None:
    """What a worker does: read a repository, and look through the whole catalog when something has changed."""
    if wiring.sync(services, repository, services.clock(), check=False) and repository % 20 in (0, 1):
        wiring.check(services)


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _peak() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


# The repositories.


def source(folder: Path, number: int) -> Path:
    folder.mkdir(parents=True)
    git = folder / ".git"
    gitcommand.run(git, ["init", "--quiet", "--initial-branch=main"])
    gitcommand.run(git, ["fast-import", "--quiet"], stdin=commit(number))
    return folder


def commit(number: int) -> bytes:
    parts = [b"commit refs/heads/main\ncommitter Bench <bench@example.org> 1767225600 +0000\ndata 5\nfirst\n"]
    for file in range(FILES):
        text = "---\n".join([group(number, file), *(component(number, file, n) for n in range(COMPONENTS))]).encode()
        parts.append(f"M 100644 inline area-{file:02}/catalog-info.yaml\ndata {len(text)}\n".encode() + text + b"\n")
    return b"".join(parts)


def group(number: int, file: int) -> str:
    return f"""\
apiVersion: backstage.io/v1alpha1
kind: Group
metadata:
  name: team-{number}-{file}
  description: Looks after area {file}
spec:
  type: team
  profile: {{displayName: Team {file}, email: team-{file}@example.org}}
  children: []
"""


def component(number: int, file: int, n: int) -> str:
    name = f"service-{number}-{file}-{n}"
    return f"""\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: {name}
  title: Service {file} {n}
  description: Does one thing of area {file} and does it well
  labels: {{tier: "{n % 3}"}}
  annotations:
    github.com/project-slug: example/{name}
    example.org/cost-centre: "{4000 + file}"
  tags: [python, area-{file}]
  links:
    - {{url: "https://example.org/runbooks/{name}", title: Runbook}}
spec:
  type: {("service", "website", "library")[n % 3]}
  lifecycle: {("production", "experimental")[n % 2]}
  owner: group:team-{number}-{file}
  dependsOn: [component:service-{number}-{file}-{(n + 1) % COMPONENTS}]
"""


# The questions.


def requests(client: FlaskClient, token: str) -> dict[str, float]:
    refs = [f"component:default/service-0-7-{n}" for n in range(100)]
    query, ordered, mine = (
        "/entities/by-query?limit=",
        "&orderField=metadata.name,asc",
        "relations.ownedBy=group:default/team-0-7",
    )
    asked: dict[str, str] = {
        "by_name": "/entities/by-name/component/default/service-0-7-42",
        "by_query_20": f"{query}20{ordered}",
        "by_query_20_components": f"{query}20{ordered}&filter=kind=component",
        "owner_100": f"{query}100&filter=kind=component,{mine}",
        "facets_by_owner": "/entity-facets?facet=relations.ownedBy&filter=kind=component",
        "full_text": f"{query}20&fullTextFilterTerm=7-42&fullTextFilterFields=metadata.name",
        "all": "/entities",
    }
    found = {name: _median(client, token, "GET", path) for name, path in asked.items()}
    return found | {"by_refs_100": _median(client, token, "POST", "/entities/by-refs", {"entityRefs": refs})}


def _median(client: FlaskClient, token: str, method: str, path: str, body: Any = None) -> float:
    headers = {"Authorization": f"Bearer {token}"}
    times = []
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        answer = client.open("/api/catalog" + path, method=method, json=body, headers=headers)
        times.append((time.perf_counter() - begun) * 1000)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])
        answer.close()
    return round(sorted(times[1:])[ROUNDS // 2], 1)
