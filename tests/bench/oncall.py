"""Alerts into a real web process at a steady pace, and how long until somebody's phone is tried; then a burst.

Each alert opens an incident of its own and is resolved a while later. `--minutes 10`: as long as the promise says;
`--postgres`: there instead of SQLite; `--phones`: with the portal's own phones, a file written whole at each page.
The burst is cut off by SIGKILL: each event that was answered 202 must be in the inbox.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import func, select

from ledger import clock
from ledger.clock import stopwatch
from ledger.db import Database
from oncall.intaketables import WaitsRow
from oncall.tables import AlertRow, IncidentRow, PageRow
from tests import postgres
from tests.bench._oncallburst import SERVICES, Sender, body, burst, founded, in_threads, seconds
from tests.bench._oncallcompany import Company, heard, running

SENDERS = 8
LIMIT_MS, LIMIT_RATE = 1000, 500
PARTS = ("web", "worker", "machine")
PATIENCE = 60.0  # seconds for what is under way at the end


@dataclass
class Steady:
    """What was sent, and when it was answered."""

    port: int
    per_second: float
    seconds: float
    open_for: float
    accepted: dict[str, float] = field(default_factory=dict)
    answers: list[float] = field(default_factory=list)  # seconds that each answer took
    late: float = 0.0  # by how much the senders themselves were late, at most
    failed: int = 0

    def run(self) -> None:
        triggers = [
            (number / self.per_second, number, "trigger") for number in range(int(self.per_second * self.seconds))
        ]
        resolves = [(at + self.open_for, number, "resolve") for at, number, _ in triggers]
        todo = iter(sorted(triggers + resolves))
        lock, begun = threading.Lock(), time.monotonic()

        def send() -> None:
            sender = Sender(self.port)
            while True:
                with lock:
                    at, number, action = next(todo, (0.0, -1, ""))
                if number < 0:
                    return
                time.sleep(max(0.0, begun + at - time.monotonic()))
                if action == "trigger":
                    self.late = max(self.late, time.monotonic() - begun - at)
                self._one(sender, number, action)

        in_threads(SENDERS, send)

    def _one(self, sender: Sender, number: int, action: str) -> None:
        dedup, took = f"k{number}", stopwatch()
        try:
            status = sender.post(body(number % SERVICES, dedup, action))
        except OSError:
            status = 0
        if status != 202:
            self.failed += 1
        elif action == "trigger":
            self.accepted[dedup] = clock.now().timestamp()
            self.answers.append(took().total_seconds())


def steady(folder: Path, url: str, asked: argparse.Namespace) -> dict[str, Any]:
    company, database = founded(folder, url)
    with company.web() as web, served(company, asked.phones) as worker:
        time.sleep(4)  # until the worker has begun
        before, busy = [seconds(one) for one in (web, worker)], machine()
        sent, took, load = (
            Steady(company.port, asked.rate, asked.minutes * 60, asked.open),
            stopwatch(),
            os.getloadavg()[0],
        )
        sent.run()
        waited = settle(database)
        elapsed = took().total_seconds()
        spent = [seconds(one) - was for one, was in zip((web, worker), before, strict=True)] + [machine() - busy]
        rss = [one.memory_info().rss / 1024 / 1024 for one in (web, worker)]
    tried = first_tries(database)
    times = sorted(1000 * (tried[dedup] - at) for dedup, at in sent.accepted.items() if dedup in tried)
    lost = [dedup for dedup in sent.accepted if dedup not in tried]
    lags = heard_after(database, company.data, sent.accepted) if not asked.phones else []
    database.close()
    return {
        "alerts": len(sent.accepted),
        "failed": sent.failed,
        "without_a_page": len(lost),
        "first_attempt_ms": told(times),
        "p95_ms_of_each_tenth": tenths(tried, sent.accepted),  # whether it stays so while the past grows
        "provider_called_ms": told(lags),
        "answer_ms": told(sorted(1000 * one for one in sent.answers)),
        "cpu_percent": dict(zip(PARTS, [round(100 * one / elapsed) for one in spent], strict=True)),
        "cpu_ms_per_alert": dict(zip(PARTS, [round(1000 * one / len(times), 1) for one in spent], strict=True)),
        "rss_mb": {"web": round(rss[0]), "worker": round(rss[1])},
        "left_over_seconds": waited,
        "senders_late_ms": round(1000 * sent.late),
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
    }


def machine() -> float:
    """Return the seconds that all cores together have worked; a database server's are among them."""
    told = psutil.cpu_times()
    return float(told.user + told.system + told.nice)


@contextmanager
def served(company: Company, with_phones: bool) -> Iterator[psutil.Process]:
    if not with_phones:
        with company.worker() as process:
            yield process
        return
    with running([sys.executable, "-m", "portal.cli", "worker"], company.environ) as process:
        yield process


def settle(database: Database) -> float:
    """Wait until all is understood and sent; return how long that took after the last event."""
    took = stopwatch()
    while took().total_seconds() < PATIENCE:
        with database.read() as session:
            waits = session.scalar(select(func.count()).select_from(WaitsRow))
            due = session.scalar(select(func.count()).select_from(PageRow).where(PageRow.ended_at.is_(None)))
            still = session.scalar(
                select(func.count()).select_from(IncidentRow).where(IncidentRow.resolved_at.is_(None))
            )
        if not (waits or due or still):
            break
        time.sleep(0.1)
    return round(took().total_seconds(), 1)


def first_tries(database: Database) -> dict[str, float]:
    """Return when the first page of each alert was first tried, by its key."""
    query = select(AlertRow.key, func.min(PageRow.begun_at)).join(PageRow, PageRow.incident_id == AlertRow.incident_id)
    with database.read() as session:
        rows = session.execute(query.where(PageRow.begun_at.is_not(None)).group_by(AlertRow.key)).all()
    return {str(row[0]): row[1].timestamp() for row in rows if row[1]}


def heard_after(database: Database, data: Path, accepted: dict[str, float]) -> list[float]:
    """Return how long after its 202 the provider was called for each alert, in milliseconds."""
    with database.read() as session:
        keys = {row.incident_id: str(row.key) for row in session.execute(select(AlertRow.incident_id, AlertRow.key))}
    first: dict[str, float] = {}
    for one in heard(data):
        first.setdefault(keys.get(one["incident"], ""), one["at"])
    return sorted(1000 * (first[dedup] - at) for dedup, at in accepted.items() if dedup in first)


def tenths(tried: dict[str, float], accepted: dict[str, float]) -> list[int]:
    """Return the p95 of each tenth of the run, in milliseconds."""
    begun, ended = min(accepted.values()), max(accepted.values()) + 0.001
    parts: list[list[float]] = [[] for _ in range(10)]
    for dedup, moment in accepted.items():
        if dedup in tried:
            parts[int(10 * (moment - begun) / (ended - begun))].append(1000 * (tried[dedup] - moment))
    return [at(sorted(part), 0.95) for part in parts]


def told(times: Sequence[float]) -> dict[str, int]:
    return {f"p{share}": at(times, share / 100) for share in (50, 95, 99, 100)}


def at(times: Sequence[float], share: float) -> int:
    return round(times[min(int(len(times) * share), len(times) - 1)]) if times else -1


def main() -> None:
    asked = argparse.ArgumentParser(prog="bench oncall")
    asked.add_argument("--minutes", type=float, default=1.0)
    asked.add_argument("--rate", type=float, default=50.0, help="alerts per second")
    asked.add_argument("--open", type=float, default=20.0, help="seconds from an alert to its resolve")
    asked.add_argument("--postgres", action="store_true")
    asked.add_argument("--phones", action="store_true")
    asked.add_argument("--only", choices=("steady", "burst"), default="")
    chosen = asked.parse_args(sys.argv[2:])
    figures: dict[str, Any] = {}
    parts: list[tuple[str, Callable[[Path, str], dict[str, Any]]]] = []
    if chosen.only != "burst":
        parts.append(("steady", lambda folder, url: steady(folder, url, chosen)))
    if chosen.only != "steady":
        parts.append(("burst", lambda folder, url: burst(folder, url, kill=False)))
        parts.append(("burst_killed", lambda folder, url: burst(folder, url, kill=True)))
    with ExitStack() as stack:
        server = stack.enter_context(postgres.server()) if chosen.postgres else ""
        for name, part in parts:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fullcycle-oncall-")))
            url = stack.enter_context(postgres.fresh(server)) if server else ""
            figures[name] = part(folder, url)
            print(json.dumps({name: figures[name]}), file=sys.stderr, flush=True)
    about = {"rate": chosen.rate, "minutes": chosen.minutes, "postgres": chosen.postgres}
    print(json.dumps({"bench": "oncall", **about, "limit_ms": LIMIT_MS, "limit_per_second": LIMIT_RATE, **figures}))
    calm = figures.get("steady", {"without_a_page": 0, "failed": 0, "first_attempt_ms": {"p95": 0}})
    lost = (
        calm["without_a_page"] or calm["failed"] or any(one.get("accepted_and_not_on_disk") for one in figures.values())
    )
    slow = (
        calm["first_attempt_ms"]["p95"] > LIMIT_MS
        or figures.get("burst", {}).get("per_second", LIMIT_RATE) < LIMIT_RATE
    )
    sys.exit(1 if lost or slow else 0)


if __name__ == "__main__":
    main()
