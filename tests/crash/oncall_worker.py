"""A worker of the on-call room alone, to be killed: python -m tests.crash.oncall_worker DATABASE_URL FOLDER NAME.

Its provider takes a while, and notes each page when it is asked and when it has answered.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from ledger.clock import now
from ledger.db import Database
from ledger.jobs import SqlJobs
from ledger.runner import Runner
from oncall.loop import Loop
from oncall.moving import ADVANCE, SEND
from oncall.paging.ports import LIMIT, Delivered, Outcome, Page
from oncall.receiving import RECEIVE, Receiver
from oncall.sending import Sender
from tests.rooms.oncallhouse import PHONE, TEAM, links

TAKES = 0.06  # seconds
CALLS = "calls.jsonl"


class Provider:
    """What is noted before it answers is there whatever happens to the worker: a line is one write."""

    limit = LIMIT

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / CALLS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def send(self, page: Page) -> Outcome:
        key = [page.incident, page.key.step, page.person, page.key.channel]
        os.write(self._file, (json.dumps({"key": key, "repeat": page.repeat}) + "\n").encode())
        time.sleep(TAKES)
        return Delivered(now())


def main(url: str, folder: str, name: str) -> None:
    database = Database(url)
    jobs = SqlJobs(database)
    receiver = Receiver(database, jobs, now, TEAM)
    sender = Sender(database, jobs, now, {PHONE: Provider(Path(folder))}, links, TEAM)
    loop = Loop(jobs, now, TEAM)
    handlers = {
        RECEIVE: lambda work: receiver.receive(work.claim, work.lost),
        ADVANCE: lambda work: loop.advance(work.claim),
        SEND: lambda work: sender.send(work.claim, work.lost),
    }
    runner = Runner(jobs, handlers, name, now, database.changes)
    signal.signal(signal.SIGTERM, lambda *_: runner.stop())
    print("ready", flush=True)
    runner.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
