"""How long the portal thinks with 1,000 services and 20,000 past deploys in SQLite, each with its plan and its facts.

Server time through Flask's test client, logged in; and the queries alone. The limit is 50 ms for 95 of 100 requests,
of whoever is on call for everything 100 ms. Each team of ten services has a rota.
"""

import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from pydantic import TypeAdapter
from sqlalchemy import insert
from sqlalchemy.orm import Session

from catalog.tables import RepositoryRow
from ledger import clock, db, events
from ledger.clock import stopwatch
from ledger.db import Database
from ledger.jobs import SqlJobs
from pipelines import query, store
from pipelines.change import Change, Commit
from pipelines.deploy import Deploy, Fact, Kind, State
from pipelines.machine import apply
from pipelines.plan import Plan, plan
from pipelines.store import Asked
from pipelines.tables import CounterRow, DeployRow, LiveRow, ReleaseRow, WaitingRow
from portal import accounts, auth, wiring
from portal.app import create_app
from portal.config import Config
from tests import cataloging
from tests.bench import _oncallcompany
from tests.conftest import with_tables
from tests.pure.deploys import CHECKOUT, NEW, OLD, STRATEGIES, World, spec_of, told, walk

SERVICES, DEPLOYS, FACTS = 1_000, 20_000, 12  # facts are per deploy
TEAMS, PEOPLE = 100, 500
LIMIT = 50.0  # ms, p95
BOARD = "page on call"
LIMITS = {BOARD: 100.0}  # all services in one answer
ROUNDS = 60
PRODUCTION = "production"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="fullcycle-scale-") as folder:
        config = Config(data=Path(folder))
        database = with_tables(db.sqlite(config.data / "fullcycle.db"))
        filled = stopwatch()
        fill(database)
        seconds = filled().total_seconds()
        gc.collect()
        gc.freeze()  # what filling has left in memory is not the portal's to look through
        figures = {**queries(database), **pages(config, database)}
        size = (config.data / "fullcycle.db").stat().st_size
        database.close()
    over = [name for name, told in figures.items() if told["p95_ms"] > LIMITS.get(name, LIMIT)]
    about = {"services": SERVICES, "deploys": DEPLOYS, "facts": DEPLOYS * FACTS, "database_mb": round(size / 1e6)}
    print(json.dumps({"bench": "scale", **about, "filled_seconds": round(seconds), "over_limit": over, **figures}))
    sys.exit(1 if over else 0)


# The company.


def fill(database: Database) -> None:
    """Write what 20,000 deploys leave behind, without carrying them out."""
    now = clock.now()
    templates = {ended: template(database, ended, now) for ended in (True, False)}
    with database.write() as session:
        put(session, RepositoryRow, (repository(n, now) for n in range(SERVICES + 1)))
        for n in range(SERVICES):
            cataloging.put(session, n + 1, {cataloging.FILE: component(n)}, now)
        cataloging.put(session, SERVICES + 1, {cataloging.FILE: "---\n".join(people())}, now)
        put(session, CounterRow, ({"service": ref(n), "last": DEPLOYS // SERVICES} for n in range(SERVICES)))
        put(session, ReleaseRow, (release(n, now) for n in range(DEPLOYS)))
        put(session, DeployRow, (deploy(n, now, templates) for n in range(DEPLOYS)))
        put(session, LiveRow, (live(n, now) for n in range(SERVICES)))
        put(session, WaitingRow, (waiting(n, now) for n in range(SERVICES)))
        put(session, events.EventRow, (fact(n, now) for n in range(DEPLOYS * FACTS)))
        _oncallcompany.rotas(session, {f"team-{n}": members(n) for n in range(TEAMS)}, now)
    events.seal(database)


def put(session: Session, table: Any, rows: Any) -> None:
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == 2_000:
            session.execute(insert(table), batch)
            batch = []
    if batch:
        session.execute(insert(table), batch)


def template(database: Database, healthy: bool, at: datetime) -> dict[str, Any]:
    """Return a real deploy's row, to be copied; it is written by the store and taken out again."""
    asked = Asked(CHECKOUT, PRODUCTION, 1, NEW, spec_of(STRATEGIES["canary"]), "user:default/user-1")
    frozen: Plan = plan(CHECKOUT, PRODUCTION, asked.spec, NEW, OLD, change(5, at))
    begun = told(*([] if healthy else [Kind.ATTEMPTED, Kind.STEP_DONE] * 4), plan=frozen, at=at)
    ended = walk(begun if healthy else apply(begun, Fact(Kind.STEP_FAILED, "/healthz answered 503"), at), World(), at)
    with database.write() as session:
        deploy_id = store.add(session, asked, at)
        store.save(session, Deploy(deploy_id), ended)
        row = session.get_one(DeployRow, deploy_id)
        values = {column.key: getattr(row, column.key) for column in row.__mapper__.column_attrs}
        session.delete(row)
    return values


def change(commits: int, at: datetime) -> Change:
    commit = Commit(
        "c" * 40, "Make the basket a little faster", "Alice", "alice@example.org", at, 3, 40, 12, ("config",)
    )
    return Change((commit,) * commits, 6, 200, 60, ("config",))


def ref(service: int) -> str:
    return f"component:default/service-{service:03}"


def repository(n: int, at: datetime) -> dict[str, Any]:
    url = f"https://git.example.org/company/service-{n:03}.git"
    head = {"head": f"{n:040x}", "head_at": at, "head_subject": "Make the basket a little faster"}
    return {"id": n + 1, "url": url, "name": f"company/service-{n:03}", "registered_at": at, "synced_at": at, **head}


def component(n: int) -> str:
    deploys = spec_of(STRATEGIES["canary"]).model_dump(mode="json")
    spec = {"type": "service", "lifecycle": "production", "owner": f"team-{n % TEAMS}", "deploy": deploys}
    spec |= {"oncall": {"escalation": f"team-{n % TEAMS}"}} if n % 10 == 0 else {}
    about = {"tags": ["python", "money"], "links": [{"url": "https://example.org/runbook"}]}
    said = "Takes the basket to a paid order, and tells everybody who has to know"
    return cataloging.document("Component", f"service-{n:03}", spec, description=said, **about)


def people() -> Iterator[str]:
    yield from (cataloging.group(f"team-{n}") for n in range(TEAMS))
    yield from (cataloging.user(f"user-{n}", f"team-{n % TEAMS}") for n in range(PEOPLE))


def members(team: int) -> list[str]:
    return [f"user-{n}" for n in range(team, PEOPLE, TEAMS)]


def release(n: int, at: datetime) -> dict[str, Any]:
    number, about = n // SERVICES + 1, {"subject": "Make the basket a little faster", "created_at": at}
    return {"service": ref(n % SERVICES), "number": number, "revision": f"{n:040x}", **about}


def deploy(n: int, now: datetime, templates: dict[bool, dict[str, Any]]) -> dict[str, Any]:
    """One in ten went back; the newest of every tenth service is still going out."""
    at = now - timedelta(minutes=5) * (DEPLOYS - n)
    going = n >= DEPLOYS - SERVICES and n % 10 == 0
    row = templates[n % 10 != 3] | {
        "id": n + 1,
        "service": ref(n % SERVICES),
        "release": n // SERVICES + 1,
        "revision": f"{n:040x}",
        "base": n // SERVICES or None,
        "actor": f"user:default/user-{n % PEOPLE}",
        "repository": n % SERVICES + 1,
        "requested_at": at,
        "started_at": at,
        "ended_at": None if going else at + timedelta(minutes=4),
    }
    return row | ({"state": State.ACTING, "doing": "bake", "ending": ""} if going else {})


def live(n: int, at: datetime) -> dict[str, Any]:
    newest = DEPLOYS - 2 * SERVICES + n
    about = {"revision": f"{newest:040x}", "subject": "Make the basket a little faster", "since": at}
    release = newest // SERVICES + 1
    return {"service": ref(n), "environment": PRODUCTION, "release": release, "deploy_id": newest + 1, **about}


def waiting(n: int, at: datetime) -> dict[str, Any]:
    told = TypeAdapter(Change).dump_python(change(5, at), mode="json")
    about = {"base": "a" * 40, "head": "b" * 40, "commits": 5, "oldest_at": at, "measured_at": at}
    return {"service": ref(n), "environment": PRODUCTION, "change": told, **about}


def fact(n: int, now: datetime) -> dict[str, Any]:
    number, kind = n // FACTS, ("requested", "bound", "attempted", "step_done")[n % 4]
    data = {
        "release": number // SERVICES + 1,
        "environment": PRODUCTION,
        "step": "weigh",
        "percent": 50,
        "lines": ["so"],
    }
    return {
        "at": now - timedelta(minutes=5) * (DEPLOYS - number),
        "kind": f"deploy.{kind}",
        "subject": f"deploy:{number + 1}",
        "service": ref(number % SERVICES),
        "actor": f"user:default/user-{number % PEOPLE}",
        "data": data,
    }


# The figures.


def measured(act: Callable[[], object]) -> dict[str, float]:
    """Return the time on the wall, and of the processor, which says more on a machine that is busy otherwise."""
    act()  # the first time compiles templates and statements
    walls, processors = [], []
    for _ in range(ROUNDS):
        took, before = stopwatch(), time.process_time()
        act()
        walls.append(took().total_seconds() * 1000)
        processors.append((time.process_time() - before) * 1000)
    return {"median_ms": at(walls, 0.5), "p95_ms": at(walls, 0.95), "p95_cpu_ms": at(processors, 0.95)}


def at(times: list[float], share: float) -> float:
    return round(sorted(times)[int(len(times) * share)], 1)


def queries(database: Database) -> dict[str, Any]:
    jobs, one = SqlJobs(database), ref(7)
    asked: dict[str, Callable[[Session], object]] = {
        "query deploys": lambda session: query.deploys(session),
        "query deploys of a service": lambda session: query.deploys(session, service=one, environment=PRODUCTION),
        "query deploys by a person": lambda session: query.deploys(session, actor="user:default/user-7"),
        "query deploys running": lambda session: query.deploys(session, running=True),
        "query deploys stuck": lambda session: query.deploys(session, ended="stuck"),
        "query deploys far back": lambda session: query.deploys(session, before=500),
        "query summaries of all": lambda session: query.summaries(session),
        "query summaries of 60": lambda session: query.summaries(session, [ref(n) for n in range(60)]),
        "query way back": lambda session: query.way_back(session, one, PRODUCTION),
        "query lane": lambda session: query.lane_order(session, one, PRODUCTION),
        "query stuck": query.stuck,
        "query page": lambda session: query.page(session, DEPLOYS - 5, jobs),
    }

    def timed(ask: Callable[[Session], object]) -> dict[str, float]:
        def act() -> None:
            with database.read() as session:
                ask(session)

        return measured(act)

    return {name: timed(ask) for name, ask in asked.items()}


def pages(config: Config, database: Database) -> dict[str, Any]:
    app = create_app(wiring.wire(config, opened=database))
    with app.test_client() as client:
        log_in(client, database)
        addresses = {
            "page services": "/services",
            "page service": "/services/service-007",
            "page home": "/",
            BOARD: "/oncall",
            "page on call, searched": "/oncall?q=team-7",
            "page deploys": "/deploys",
            "page deploy": f"/deploys/{DEPLOYS - 5}",
            "page audit": "/audit",
        }
        return {name: measured(lambda one=address: get(client, one)) for name, address in addresses.items()}  # type: ignore[misc]


def log_in(client: FlaskClient, database: Database) -> None:
    with database.write() as session:
        accounts.create(
            session, "alice", "a long enough password", "member", "user:default/user-7", clock.now(), "test"
        )
    with database.read() as session:
        account = accounts.all_of_them(session)[0]
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = auth.Visitor(account).get_id(), True


def get(client: FlaskClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200, f"{address} answered {answer.status}"
