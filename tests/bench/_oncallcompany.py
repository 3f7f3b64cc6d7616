"""A company on call, for the benches: services with a rota, an escalation and an integration each, and its processes.

The web process is the product's. The worker is, too, but for its pager: that takes as long as a provider takes, and
writes down when each page reached it. The product's own file of phones is for looking at, and far slower.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import psutil
from sqlalchemy.orm import Session

from ledger import clock
from ledger.db import Database
from oncall import intakestore, planstore, understanding
from oncall.overrides import Override
from oncall.paging.ports import LIMIT, Delivered, Outcome, Page
from oncall.planstore import ESCALATION, SCHEDULE
from oncall.terms import PRIMARY
from portal import config as configs
from portal import wiring, worker
from portal.config import Config
from portal.oncalling import PHONES
from tests import cataloging

PROVIDER = 0.05  # seconds that a provider takes to answer
LATER = timedelta(0)
TEAM = 5  # services of one team, and people in it
HEARD = "heard.jsonl"

ROTA = """
timezone: {zone}
rotations:
  - {{name: main, order: [{order}], every: 1 week, starts: 2026-01-05 09:00, roles: {{primary: 0, secondary: 1}}}}
"""
ZONES = ("Europe/Paris", "America/Chicago", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC")
STEPS = """
name: {name}
team: group:{team}
repeat: 1
levels:
  - {{targets: [{name}/primary], delay: 5m}}
  - {{targets: [{name}/secondary], delay: 10m}}
"""


def key(number: int) -> str:
    """Return the routing key of a service."""
    return f"{number:032x}"


def names(services: int) -> list[str]:
    return [f"service-{number:03}" for number in range(services)]


def found(database: Database, services: int) -> None:
    """Describe teams, people and services, and give each service what it takes to be answered for."""
    now = clock.now()
    teams = [f"team-{number:02}" for number in range(-(-services // TEAM))]
    people = {team: [f"{team}-{number}" for number in range(TEAM)] for team in teams}
    documents = [cataloging.group(team) for team in teams]
    documents += [cataloging.user(name, team) for team, its in people.items() for name in its]
    owners = {name: teams[number // TEAM] for number, name in enumerate(names(services))}
    documents += [cataloging.component(name, owner, oncall={"escalation": name}) for name, owner in owners.items()]
    cataloging.fill(database, *documents, at=now)
    with database.write() as session:
        for number, (name, team) in enumerate(owners.items()):
            order = people[team][number % TEAM :] + people[team][: number % TEAM]
            rota = ROTA.format(zone=ZONES[number % len(ZONES)], order=", ".join(f"user:{one}" for one in order))
            about = (name, f"group:default/{team}")
            planstore.write(session, SCHEDULE, *about, rota, now - timedelta(days=1), "bench")
            planstore.write(session, ESCALATION, *about, STEPS.format(name=name, team=team), now, "bench")
            service = f"component:default/{name}"
            intakestore.add_key(session, key(number), understanding.EVENTS, name, service, {}, "bench", now)
        for person in (f"user:default/{one}" for its in people.values() for one in its):
            way = planstore.add_way(session, person, PHONES, "phone", "memory://", timedelta(0), timedelta(0))
            planstore.change_way(session, way, verified_at=now)


def rotas(session: Session, teams: Mapping[str, Sequence[str]], now: datetime) -> None:
    """Give each team a rota, an escalation of its name and people who can be reached, and a third of them a cover."""
    for number, (team, people) in enumerate(teams.items()):
        order = ", ".join(f"user:{one}" for one in people)
        about, zone = (team, f"group:default/{team}"), ZONES[number % len(ZONES)]
        rota = ROTA.format(zone=zone, order=order)
        planstore.write(session, SCHEDULE, *about, rota, now - timedelta(days=1), "bench")
        planstore.write(session, ESCALATION, *about, STEPS.format(name=team, team=team), now, "bench")
        for one in people:
            way = planstore.add_way(session, f"user:default/{one}", PHONES, "phone", "memory://", LATER, LATER)
            planstore.change_way(session, way, verified_at=now)
        if number % 3 == 0:
            start, person = now + timedelta(hours=2), f"user:default/{people[-1]}"
            cover = Override(0, PRIMARY, person, start, start + timedelta(hours=3), now)
            planstore.put_override(session, team, cover)


class Provider:
    """A pager whose provider takes a while, and which writes down when each page came."""

    limit = LIMIT

    def __init__(self, path: Path, seconds: float = PROVIDER) -> None:
        self._file: TextIO = path.open("a", buffering=1)
        self._seconds = seconds

    def send(self, page: Page) -> Outcome:
        at = clock.now().timestamp()
        time.sleep(self._seconds)
        about = {"at": at, "incident": page.incident, "step": page.key.step, "person": page.person}
        self._file.write(json.dumps({**about, "channel": page.key.channel, "repeat": page.repeat}) + "\n")
        return Delivered(clock.now())


def heard(data: Path) -> list[dict[str, Any]]:
    """Return what has reached the provider; a line that a kill has cut off is none."""
    path, told = data / HEARD, []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            told.append(json.loads(line))
        except ValueError:
            continue
    return told


@dataclass
class Company:
    """One installation and its processes."""

    data: Path
    url: str = ""
    rate: int = 100_000
    port: int = field(default_factory=lambda: free_port())

    @property
    def config(self) -> Config:
        oncall = {"phones": True, "rate": self.rate}
        return Config(data=self.data, database_url=self.url, port=self.port, oncall=oncall)

    @property
    def environ(self) -> Mapping[str, str]:
        told = {"DATA": str(self.data), "PORT": str(self.port), "LOG_LEVEL": "error", "DATABASE_URL": self.url}
        told |= {"ONCALL_PHONES": "true", "ONCALL_RATE": str(self.rate)}
        ours = {f"FULLCYCLE_{name}": value for name, value in told.items() if value}
        return {**configs.environment(), **ours}

    @contextmanager
    def web(self) -> Iterator[psutil.Process]:
        """Serve; the process that is yielded is the one that answers. It may be killed meanwhile."""
        with running([sys.executable, "-m", "portal.cli", "web"], self.environ) as parent:
            for _ in range(300):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield parent.children()[0]

    @contextmanager
    def worker(self) -> Iterator[psutil.Process]:
        command = [sys.executable, "-m", "tests.bench._oncallcompany", str(self.data), self.url]
        with running(command, self.environ) as process:
            yield process


@contextmanager
def running(command: list[str], environ: Mapping[str, str]) -> Iterator[psutil.Process]:
    process = subprocess.Popen(command, env=dict(environ), start_new_session=True)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)


def free_port() -> int:
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)):
                return port


def main() -> None:
    """Be a worker."""
    data, url = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    config = Config(data=data, database_url=url, oncall={"phones": True})
    services = wiring.wire(config)
    vars(services.oncall)["phones"] = Provider(data / HEARD)
    if profile := configs.environment().get("PROFILE"):
        _profiled(services, Path(profile))
    worker.run(services)


def _profiled(services: Any, path: Path) -> None:
    """Write a sample of what all threads do, every 5 ms of time, to find out where it goes."""
    import collections
    import threading
    import traceback

    found: collections.Counter[str] = collections.Counter()

    def sample() -> None:
        me = threading.get_ident()
        for number in range(10_000_000):
            time.sleep(0.005)
            for ident, frame in sys._current_frames().items():
                if ident != me:
                    stack = traceback.StackSummary.extract(traceback.walk_stack(frame), limit=40, lookup_lines=False)
                    ours = [f"{Path(one.filename).stem}.{one.name}:{one.lineno}" for one in stack]
                    found[" < ".join(ours)] += 1
            if number % 400 == 0:
                path.write_text("\n".join(f"{count} {what}" for what, count in found.most_common(3000)))

    threading.Thread(target=sample, daemon=True).start()


if __name__ == "__main__":
    main()
