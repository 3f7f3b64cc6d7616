"""A day of a company's deploys, replayed at 100 times its pace: how long they queue, and what the worker takes for it.

Services lie in real git repositories of ten (those with continuous delivery in one of their own); each deploy begins
with a push that a real worker process fetches. Two deploys a day for each service by office hours: in bursts, some
going out by themselves, some bad, some rollbacks. The target only remembers, and no step takes longer than it must, so
what is measured is ours. `--hours 24` replays the whole day (864 s for each size); without it, the busiest hours.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import select, text

import catalog.query
from catalog.query import Service
from ledger import clock
from ledger.errors import Error
from pipelines import query
from pipelines.ci import State as Word
from pipelines.tables import DeployRow
from portal import config as configs
from portal import hearing, wiring
from portal.config import Config
from portal.services import Services
from portal.verdicts import Verdict
from tests import postgres
from tests.bench._company import PRODUCTION, Company, settled
from tests.conftest import with_tables

SIZES = (10, 100, 500, 1000)  # services
A_DAY = 2  # deploys of each service
PACE = 100
# What share of a day's deploys begins in each hour: none at night, most before and after lunch.
HOURS = (0, 0, 0, 0, 0, 0, 1, 4, 9, 13, 14, 10, 6, 11, 13, 10, 6, 2, 1, 0, 0, 0, 0, 0)
BUSIEST = 10  # o'clock
BURSTS, IN_BURSTS = 16, 0.3  # a day; the share of all deploys that begins within a minute of one
BACK, BAD = 0.03, 0.05  # the shares of deploys that are a rollback, and that bring a bad release
AHEAD = 2.0  # seconds of ours from a push to the click
PEOPLE = 8  # who click at once, at most
PATIENCE = 45.0  # seconds for what is under way at the end
MB = 1024 * 1024


@dataclass(frozen=True)
class Click:
    """A deploy that is asked for, `after` so many seconds of the day. `back`: to what served before."""

    after: float
    service: int
    back: bool = False
    bad: bool = False


def day(services: int, chance: random.Random) -> list[Click]:
    """Return the clicks of a day, in order."""
    bursts = [_moment(chance) for _ in range(BURSTS)]
    found = []
    for _ in range(services * A_DAY):
        crowd = chance.random() < IN_BURSTS
        after = chance.choice(bursts) + chance.uniform(0, 60) if crowd else _moment(chance)
        mood = chance.random()
        found.append(Click(after, chance.randrange(services), mood < BACK, BACK <= mood < BACK + BAD))
    return sorted(found, key=lambda click: click.after)


def _moment(chance: random.Random) -> float:
    return (chance.choices(range(24), HOURS)[0] + chance.random()) * 3600


@dataclass
class Watched:
    """What worker processes take, with the programs that they start."""

    processes: Sequence[psutil.Process]
    rss: float = 0
    begun: float = 0
    took: Any = field(default_factory=clock.stopwatch)

    def __post_init__(self) -> None:
        self.begun = self.seconds()

    def seconds(self) -> float:
        return sum(sum(one.cpu_times()[:4]) for one in self.processes)

    def look(self) -> None:
        self.rss = max(self.rss, *(one.memory_info().rss / MB for one in self.processes))

    def told(self, deploys: int) -> dict[str, float]:
        spent, elapsed = self.seconds() - self.begun, self.took().total_seconds()
        about = {
            "cpu_percent": round(100 * spent / elapsed, 1),
            "cpu_ms_per_deploy": round(1000 * spent / max(deploys, 1)),
        }
        return {**about, "rss_mb_most": round(self.rss, 1), "seconds": round(elapsed, 1)}


@contextmanager
def workers(config: Config, count: int) -> Iterator[list[psutil.Process]]:
    environ = {**configs.environment(), "FULLCYCLE_LOG_LEVEL": "error"}
    command = [sys.executable, "-m", "tests.bench._company", str(config.data), config.database_url]
    running = [subprocess.Popen(command, env=environ) for _ in range(count)]
    try:
        time.sleep(4)  # until they have begun, which is not what is measured
        yield [psutil.Process(one.pid) for one in running]
    finally:
        for one in running:
            one.terminate()
        for one in running:
            one.wait(30)


@dataclass
class Crowd:
    """All who push and click."""

    company: Company
    services: Services
    known: Sequence[Service]
    clicks: list[float] = field(default_factory=list)  # seconds that each took in our process
    late: int = 0  # clicks before the worker had fetched what they were for
    refused: Counter[str] = field(default_factory=Counter)

    def push(self, click: Click) -> str:
        """Push, and tell the portal as a webhook does; CI is green at once."""
        service = self.known[click.service]
        revision = self.company.push(click.service, bad=click.bad)
        if self.company.is_continuous(click.service):
            said = [Verdict(revision, "tests", Word.SUCCESS)]
            with self.services.database.write() as session:
                hearing.hear(self.services, session, service.repository_id, said, "ci", clock.now())
        wiring.read_again(self.services, service.repository_id)
        return revision

    def click(self, click: Click, revision: str) -> None:
        try:
            self._back(click) if click.back else self._deploy(click, revision)
        except Error as error:
            self.refused[str(error.reasons[0] if error.reasons else error.message)[:60]] += 1

    def _deploy(self, click: Click, revision: str) -> None:
        service, mirror = self.known[click.service], self.services.planner.mirror
        while not self.company.has(mirror(self.known[click.service].repository_id).path, revision):
            self.late += 1
            time.sleep(0.25)
        took = clock.stopwatch()
        self.services.actions.deploy(service, PRODUCTION, revision, "user:default/alice", clock.now())
        self.clicks.append(took().total_seconds())

    def _back(self, click: Click) -> None:
        service, actions = self.known[click.service], self.services.actions
        with self.services.database.read() as session:
            (to, *_) = query.way_back(session, service.ref, PRODUCTION)
        actions.rollback(service, PRODUCTION, to.number, "user:default/bob", clock.now())
        actions.let_go(service.ref, PRODUCTION, "user:default/bob", clock.now())


def replay(crowd: Crowd, clicks: Sequence[Click], begin: float, watched: Watched) -> None:
    """Push and click when it is time; return when all that was asked for has ended."""
    took = clock.stopwatch()

    def until(moment: float) -> None:
        while (left := moment - took().total_seconds()) > 0:
            watched.look()
            time.sleep(min(left, 0.5))

    def due(click: Click) -> float:
        return AHEAD + (click.after - begin) / PACE

    acts = [(due(one) - AHEAD, "push", one) for one in clicks if not one.back]
    acts += [(due(one), "click", one) for one in clicks]
    pushed: dict[Click, str] = {}
    with ThreadPoolExecutor(PEOPLE) as people:
        for moment, what, click in sorted(acts, key=lambda act: act[0]):
            until(moment)
            if what == "push":
                pushed[click] = crowd.push(click)
            elif click.back or not crowd.company.is_continuous(click.service):
                people.submit(crowd.click, click, pushed.get(click, ""))
    for _ in range(int(PATIENCE * 2)):
        watched.look()
        if settled(crowd.services):
            return
        time.sleep(0.5)
    # Then the figures are of what has begun, and `left` says how many have not ended.


def measured(size: int, hours: float, count: int, folder: Path, url: str) -> dict[str, Any]:
    config = Config(data=folder / "data", database_url=url)
    services = wiring.wire(config, opened=with_tables(wiring.database(config)))
    company = Company(folder, size)
    took = clock.stopwatch()
    first = company.found(services)
    founded, before = took().total_seconds(), database_mb(services)
    with services.database.read() as session:
        known = catalog.query.services(session)
    crowd = Crowd(company, services, known)
    begin = 0.0 if hours >= 24 else BUSIEST * 3600.0
    clicks = [one for one in day(size, random.Random(size)) if begin <= one.after < begin + hours * 3600]
    load = os.getloadavg()[0]
    with workers(config, count) as processes:
        watched = Watched(processes)
        replay(crowd, clicks, begin, watched)
        figures = results(services, first)
        work = watched.told(figures["deploys"])
    grown = 1024 * (database_mb(services) - before) / max(figures["deploys"], 1)
    about = {"services": size, "founded_seconds": round(founded, 1), "load": [round(load, 1), os.getloadavg()[0]]}
    times = sorted(crowd.clicks)
    more = {"click_p50_ms": at(times, 0.5), "click_p95_ms": at(times, 0.95), "fetches_waited_for": crowd.late}
    size_now = {"database_mb": round(before), "database_kb_per_deploy": round(grown)}
    services.database.close()
    return {**about, **figures, **more, "worker": work, **size_now, "refused": dict(crowd.refused)}


def results(services: Services, first: int) -> dict[str, Any]:
    """Return how long the deploys waited, and how they ended. `free`: nobody was before them in their lane."""
    columns = (DeployRow.service, DeployRow.requested_at, DeployRow.started_at, DeployRow.ended_at, DeployRow.state)
    with services.database.read() as session:
        rows = session.execute(select(*columns).where(DeployRow.id > first).order_by(DeployRow.id)).all()
    busy: dict[str, Any] = {}
    waits, free = [], []
    for row in rows:
        if row.started_at is not None:
            wait = (row.started_at - row.requested_at).total_seconds()
            waits.append(wait)
            if row.service not in busy or busy[row.service] < row.requested_at:
                free.append(wait)
        busy[row.service] = max(row.ended_at or clock.now(), busy.get(row.service, row.requested_at))
    waits, free = sorted(waits), sorted(free)
    told = {"wait_p50_ms": at(waits, 0.5), "wait_p99_ms": at(waits, 0.99), "wait_most_ms": at(waits, 1)}
    alone = {"free_lane": len(free), "free_p50_ms": at(free, 0.5), "free_p99_ms": at(free, 0.99)}
    told["left"] = sum(row.ended_at is None for row in rows)
    return {"deploys": len(rows), "ended": dict(Counter(row.state for row in rows)), **told, **alone}


def at(times: Sequence[float], share: float) -> int:
    return round(1000 * times[min(int(len(times) * share), len(times) - 1)]) if times else 0


def database_mb(services: Services) -> float:
    base = services.database
    if base.is_sqlite:
        files = (services.config.data / f"fullcycle.db{end}" for end in ("", "-wal"))
        return sum(one.stat().st_size for one in files if one.exists()) / MB
    with base.read() as session:
        return int(session.scalar(text("SELECT pg_database_size(current_database())")) or 0) / MB


def main() -> None:
    asked = argparse.ArgumentParser(prog="bench replay")
    asked.add_argument("--sizes", type=lambda said: [int(one) for one in said.split(",")], default=SIZES)
    asked.add_argument("--hours", type=float, default=1.0)
    asked.add_argument("--workers", type=int, default=1)
    asked.add_argument("--postgres", action="store_true")
    chosen = asked.parse_args(sys.argv[2:])
    every = []
    for size in chosen.sizes:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fullcycle-replay-")))
            url = stack.enter_context(postgres.server()) if chosen.postgres else ""
            every.append(measured(size, chosen.hours, chosen.workers, folder, url))
            print(json.dumps(every[-1]), file=sys.stderr, flush=True)
    about = {"pace": PACE, "hours": chosen.hours, "workers": chosen.workers, "postgres": chosen.postgres}
    # At most linear: a deploy costs among many services at most what it costs among a hundred.
    large = [told["worker"]["cpu_ms_per_deploy"] for told in every if told["services"] >= 100]
    growth = round(large[-1] / large[0], 2) if len(large) > 1 else None
    print(json.dumps({"bench": "replay", **about, "cpu_per_deploy_growth": growth, "sizes": every}))


if __name__ == "__main__":
    main()
