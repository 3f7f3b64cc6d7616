"""A worker for tests/crash/test_jobs_killed.py: takes one job and goes on with it until it is killed, frozen or lost.

Run as: python -m tests.crash.killed_worker DATABASE_URL NAME. It says on standard output what it does, a line each.
"""

import signal
import sys
import time
from datetime import timedelta

from ledger import events
from ledger.clock import now
from ledger.db import Database
from ledger.jobs import SqlJobs
from ledger.runner import Runner, Work


def say(line: str) -> None:
    print(line, flush=True)


def main(url: str, name: str) -> None:
    database = Database(url)
    jobs = SqlJobs(database)

    def advance(work: Work) -> None:
        """Two steps; the first never ends by itself, so that the test says when the worker goes."""
        claim = work.claim
        say(f"claimed {claim.key} {claim.fence}")
        while claim.payload["slow"] and claim.attempt == 1 and not work.lost():
            time.sleep(0.01)
        say(f"{'lost' if work.lost() else 'writes'} {claim.key} {claim.fence}")
        try:
            with jobs.transaction() as tx:  # on purpose without asking lost(): the database must refuse it
                events.record(tx, "step.done", claim.key, name, now(), {"fence": claim.fence})
                jobs.finish(tx, claim, now())
        except BaseException as error:
            say(f"refused {claim.key} {type(error).__name__}")
            raise
        say(f"finished {claim.key} {claim.fence}")

    runner = Runner(jobs, {"advance": advance}, name, now, database.changes, grace=timedelta(seconds=0.5))
    signal.signal(signal.SIGTERM, lambda *_: runner.stop())
    say("ready")
    runner.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
