"""A team on call whose workers are killed by SIGKILL while pages are under way, and what must hold afterwards.

After each kill the dead one's lease is ended, another takes over, and all is waited for; so of each message nobody
knows once at most whether it came: it may come twice, and then says so.
"""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select, text, update

from ledger.clock import now, stopwatch
from ledger.db import Database
from ledger.jobs_sql import JOBS
from oncall.intaketables import WaitsRow
from oncall.tables import IncidentRow, PageRow
from tests.crash.oncall_worker import CALLS
from tests.rooms.oncallhouse import ADA, BOB, House

ROOT = Path(__file__).parents[2]
AT_ONCE = 8  # alerts before each kill
LATEST = 0.5  # seconds after them, for the kill
PATIENCE = 120.0  # for what takes a second or two alone

Key = tuple[int, int, str, str]  # incident, step, person, channel


@dataclass
class Team:
    """Ada and bob with two phones each, and two workers at any time."""

    database: Database
    folder: Path
    seed: int = 0
    workers: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    hired: int = 0
    sent: int = 0
    count: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.house = House(self.database, now=now()).found()
        for person in (ADA, BOB):
            self.house.phone(person)

    def hire(self) -> None:
        self.hired += 1
        name, url = f"worker-{self.hired}", self.database.url.render_as_string(hide_password=False)
        command = [sys.executable, "-m", "tests.crash.oncall_worker", url, str(self.folder), name]
        self.workers[name] = worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"

    def round(self) -> None:
        """Some alerts, a kill in the midst of what comes of them, and all of it in the end."""
        self.house.now = now()
        for _ in range(AT_ONCE):
            self.sent += 1
            self.house.event(f"k{self.sent}", **{"class": f"fault {self.sent}"})
        time.sleep(self.chance.uniform(0, LATEST))
        self.kill()
        self.hire()
        self.settle()

    def kill(self) -> None:
        """Kill one who is at it, as far as anybody is, and end the lease that would have to be waited for."""
        with self.database.read() as session:
            busy = set(session.scalars(select(JOBS.c.leased_by).where(JOBS.c.leased_by.is_not(None))))
            trying = session.scalar(select(func.count()).where(PageRow.trying)) or 0
        victim = next((name for name in self.workers if name in busy), next(iter(self.workers)))
        self.end(victim)
        self.count["kills"] += 1
        self.count["kills of one at work"] += victim in busy
        self.count["pages under way"] += trying
        with self.database.write() as session:
            session.execute(update(JOBS).where(JOBS.c.leased_by == victim).values(lease_until=now()))

    def end(self, name: str) -> None:
        process = self.workers.pop(name)
        process.kill()
        process.wait(PATIENCE)
        if process.stdout is not None:
            process.stdout.close()

    def settle(self) -> None:
        """Wait until all that came in is understood and all that is due is sent."""
        took = stopwatch()
        while True:
            with self.database.read() as session:
                waits = session.scalar(select(func.count()).select_from(WaitsRow))
                due = session.scalar(
                    select(func.count()).select_from(PageRow).where(PageRow.ended_at.is_(None), PageRow.due_at <= now())
                )
                incidents = session.scalar(select(func.count()).select_from(IncidentRow))
            if not waits and not due and incidents == self.sent:
                return
            assert took().total_seconds() < PATIENCE, f"{waits} not understood, {due} not sent, {incidents} incidents"
            time.sleep(0.06)

    def calls(self) -> Mapping[Key, Sequence[bool]]:
        """Return for each message how often the provider was asked, and whether it was said to be a repeat."""
        found: dict[Key, list[bool]] = {}
        path = self.folder / CALLS
        for line in path.read_text().splitlines() if path.exists() else ():
            told = json.loads(line)
            incident, step, person, channel = told["key"]
            found.setdefault((incident, step, person, channel), []).append(told["repeat"])
        return found

    def held(self) -> Counter[str]:
        """Nobody was missed, and what came twice says so. A page without an ending is due later: all is settled."""
        calls = self.calls()
        with self.database.read() as session:
            pages = session.execute(text("SELECT incident_id, step, person, channel, ending FROM pages")).all()
        for incident, step, person, channel, ending in pages:
            its = calls.get((incident, step, person, channel), ())
            what = f"{person} for #{incident}, step {step}, on {channel}"
            assert its or ending in ("withdrawn", ""), f"nobody paged {what}"
            assert len(its) <= 2, f"{person} was paged {len(its)} times for #{incident}, step {step}, on {channel}"
            assert all(its[1:]), f"the second page to {person} for #{incident} does not say that it is one"
            self.count["messages"] += len(its)
            self.count["marked duplicates"] += len(its) == 2
        first = {(incident, person) for incident, step, person, _, _ in pages if step == 1}
        assert len({incident for incident, _ in first}) == self.sent, "an alert came to nothing"
        return self.count


@contextmanager
def team(database: Database, folder: Path, seed: int = 0) -> Iterator[Team]:
    made = Team(database, folder, seed)
    try:
        for _ in range(2):
            made.hire()
        yield made
    finally:
        for name in list(made.workers):
            made.end(name)
