"""Workers killed at every step of every kind of deploy: canary, blue-green, trial, pause, script, and the ways back.

Each case kills one worker with SIGKILL at one place (before the act, while its script runs, after it, with all written
and nothing committed, after the commit), with a second worker beside it, and has the dead one's lease end. What must
hold is in tests/crash. `--sample N` tries each Nth place only; `--stories A,B` those; `--sqlite` leaves PostgreSQL out.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ledger.clock import stopwatch
from ledger.jobs import LEASE
from tests import postgres
from tests.crash.company import Company
from tests.crash.deploys import killed, undisturbed
from tests.crash.killed_deployer import LIMIT, Where
from tests.crash.stories import STORIES


@contextmanager
def servers(with_postgres: bool) -> Iterator[dict[str, str]]:
    if not with_postgres:
        yield {"sqlite": ""}
        return
    with postgres.server() as url:
        yield {"sqlite": "", "postgres": url}


def tried(company: Company, story: str, each: int, at_once: int) -> dict[str, Any]:
    """Try every place of a story; return what came of it."""
    wheres = company.wheres(story)[::each]
    undisturbed(company, story)
    with ThreadPoolExecutor(at_once) as pool:
        came = list(pool.map(partial(_one, company, story), wheres))
    seconds = [one for one in came if isinstance(one, float)]
    return {
        "what": STORIES[story].what,
        "kills": len(came),
        "ended_well": len(seconds),
        "broken": [one for one in came if isinstance(one, str)],
        "seconds_to_the_end_median": round(statistics.median(seconds), 2) if seconds else None,
        "seconds_to_the_end_most": round(max(seconds), 2) if seconds else None,
    }


def _one(company: Company, story: str, where: Where) -> float | str:
    """Return how many seconds it took to the end, or what went wrong."""
    try:
        return killed(company, story, where, two=True)
    except AssertionError as error:
        print(f"{story}, {where}: {error}", file=sys.stderr, flush=True)
        return f"{where}: {error}"


def main() -> None:
    asked = argparse.ArgumentParser(prog="bench kills")
    asked.add_argument("--sample", type=int, default=1)
    asked.add_argument("--stories", default=",".join(STORIES))
    asked.add_argument("--at-once", type=int, default=1)
    asked.add_argument("--sqlite", action="store_true")
    chosen = asked.parse_args(sys.argv[2:])
    took = stopwatch()
    figures: dict[str, dict[str, Any]] = {}
    with servers(not chosen.sqlite) as urls, tempfile.TemporaryDirectory(prefix="fullcycle-kills-") as folder:
        for database, url in urls.items():
            companies: dict[str, Company] = {}
            figures[database] = {}
            for story in chosen.stories.split(","):
                kind = STORIES[story].house
                if kind not in companies:
                    companies[kind] = Company(Path(folder) / database / kind, url, kind)
                told = tried(companies[kind], story, chosen.sample, chosen.at_once)
                figures[database][story] = told
                print(f"{database}, {story}: {told['ended_well']} of {told['kills']}", file=sys.stderr, flush=True)
    every = [told for stories in figures.values() for told in stories.values()]
    kills, well = sum(told["kills"] for told in every), sum(told["ended_well"] for told in every)
    summary = {
        "kills": kills,
        "ended_well": well,
        "limit_seconds": LIMIT,
        "lease_seconds_left_out": LEASE.total_seconds(),
        "bench_seconds": round(took().total_seconds()),
    }
    print(json.dumps({"bench": "kills", **summary, **figures}))
    sys.exit(1 if well < kills else 0)
