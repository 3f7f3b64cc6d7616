"""A worker killed at every step of a three-wave canary, of its way back, and of a rollback; on SQLite and PostgreSQL.

Each case kills one worker with SIGKILL at one place (before the act, after it, with all written and nothing committed,
after the commit) and lets another finish, with the dead one's lease made to end. What must hold is in tests/crash.
`--sample N` tries each Nth place only; `--sqlite` leaves PostgreSQL out.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger.clock import stopwatch
from ledger.jobs import LEASE
from tests import postgres
from tests.crash.deploys import LIMIT, Company, killed

STORIES = {"canary": "three-wave canary", "bad": "canary that goes back", "rollback": "rollback"}


@contextmanager
def companies(with_postgres: bool) -> Iterator[dict[str, Company]]:
    with tempfile.TemporaryDirectory(prefix="fullcycle-kills-") as folder:
        made = {"sqlite": Company(Path(folder) / "sqlite")}
        if not with_postgres:
            yield made
            return
        with postgres.server() as url:
            yield made | {"postgres": Company(Path(folder) / "postgres", url)}


def tried(company: Company, story: str, each: int) -> dict[str, Any]:
    """Try every place of a story; return what came of it."""
    ends: Counter[str] = Counter()
    seconds, broken = [], []
    for where in company.wheres(story)[::each]:
        try:
            seconds.append(killed(company, story, where))
            ends["undone" if story == "bad" else "healthy"] += 1
        except AssertionError as error:
            broken.append(f"{where}: {error}")
            print(f"{story}, {where}: {error}", file=sys.stderr, flush=True)
    return {
        "kills": len(seconds) + len(broken),
        "ended": dict(ends),
        "broken": broken,
        "seconds_to_the_end_median": round(statistics.median(seconds), 2) if seconds else None,
        "seconds_to_the_end_most": round(max(seconds), 2) if seconds else None,
    }


def main() -> None:
    asked = argparse.ArgumentParser(prog="bench kills")
    asked.add_argument("--sample", type=int, default=1)
    asked.add_argument("--sqlite", action="store_true")
    chosen = asked.parse_args(sys.argv[2:])
    took = stopwatch()
    figures: dict[str, Any] = {}
    with companies(not chosen.sqlite) as made:
        for database, company in made.items():
            figures[database] = {story: tried(company, story, chosen.sample) for story in STORIES}
    every = [told for stories in figures.values() for told in stories.values()]
    kills, broken = sum(told["kills"] for told in every), sum(len(told["broken"]) for told in every)
    summary = {
        "kills": kills,
        "ended_well": kills - broken,
        "limit_seconds": LIMIT,
        "lease_seconds_left_out": LEASE.total_seconds(),
        "bench_seconds": round(took().total_seconds()),
    }
    print(json.dumps({"bench": "kills", **summary, **figures}))
    sys.exit(1 if broken else 0)
