"""How long the delivery page's data takes: 500 services, 90 days, 1,000 deploys a day, each told by the log.

The log is written by hand and read as the job reads it; so is how many facts of deploys it takes in a second. The limit
is on the processor's time for 95 of 100 reads; `wall_p50_ms` also has what others on the machine took.
"""

import json
import random
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update

from ledger import db, events
from ledger.clock import stopwatch
from ledger.db import Database
from ledger.events import ChainRow, EventRow
from pipelines import delivery, deliveryquery
from tests.conftest import NOON, with_tables
from tests.rooms.delivering import PRODUCTION, Log

SERVICES, DAYS, A_DAY = 500, 90, 1000
FAILS = 0.05  # of the deploys
LIMIT = 50.0  # ms, p95
ROUNDS = 30
TEAM = 10  # services


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="fullcycle-delivery-") as folder:
        database = with_tables(db.sqlite(Path(folder) / "delivery.db"))
        facts = fill(database)
        took = stopwatch()
        read = delivery.catch_up(database, NOON)
        seconds = took().total_seconds()
        figures = {name: times(database, **asked) for name, asked in ASKED.items()}
        size = (Path(folder) / "delivery.db").stat().st_size
        database.close()
    over = [name for name, told in figures.items() if told["p95_ms"] > LIMIT]
    about = {"services": SERVICES, "days": DAYS, "deploys": DAYS * A_DAY, "facts": facts, "read": read}
    rate = {"rebuilt_seconds": round(seconds, 1), "facts_per_second": round(read / seconds), "mb": round(size / 1e6)}
    print(json.dumps({"bench": "delivery", **about, **rate, "over_limit": over, **figures}))
    sys.exit(1 if over else 0)


def service(number: int) -> str:
    return f"component:default/service-{number:03}"


ASKED: dict[str, dict[str, Any]] = {
    "all_90_days": {"days": 90, "services": None},
    "all_30_days": {"days": 30, "services": None},
    "all_7_days": {"days": 7, "services": None},
    "team_90_days": {"days": 90, "services": [service(number) for number in range(TEAM)]},
    "service_90_days": {"days": 90, "services": [service(0)]},
}


def times(database: Database, days: int, services: list[str] | None) -> dict[str, float]:
    taken, walls = [], []
    for _ in range(ROUNDS):
        took, before = stopwatch(), time.process_time()
        with database.read() as session:
            told = deliveryquery.report(session, PRODUCTION, days, NOON.date(), services)
            for ref in told.tallies:
                told.of([ref])
        taken.append((time.process_time() - before) * 1000)
        walls.append(took().total_seconds() * 1000)
    half, most = ROUNDS // 2, int(ROUNDS * 0.95)
    cpu, wall = sorted(taken), sorted(walls)
    return {"p50_ms": round(cpu[half], 1), "p95_ms": round(cpu[most], 1), "wall_p50_ms": round(wall[half], 1)}


def fill(database: Database) -> int:
    """Write the log of all days, with its positions; return how many facts that are."""
    chance, log, position = random.Random(4), Log(), 0
    for day in range(DAYS - 1, -1, -1):
        for number in range(A_DAY):
            at = NOON - timedelta(days=day) + timedelta(minutes=number / 2 - 300)
            committed = [at - timedelta(minutes=chance.expovariate(1 / 300)) for _ in range(chance.randint(1, 5))]
            ending = "undone" if chance.random() < FAILS else "healthy"
            log.deploy(at, ending, service=service(chance.randrange(SERVICES)), committed=committed)
        rows = []
        for one in log.facts:
            position += 1
            told = {"at": one.at, "kind": one.kind, "subject": f"deploy:{one.deploy}", "service": one.service}
            rows.append({**told, "actor": "worker", "data": dict(one.data), "position": position, "hash": "-"})
        with database.write() as session:
            session.execute(insert(EventRow), rows)
            session.execute(update(ChainRow).where(ChainRow.id == events.HEAD).values(position=position))
        log.facts.clear()
    return position
