"""A burst of events into a real web process, as fast as it takes them, and one that SIGKILL cuts off in the middle."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import select

from ledger.clock import stopwatch
from ledger.db import Database
from ledger.inbox import DeliveryRow
from oncall import understanding
from portal import wiring
from tests.bench._oncallcompany import Company, found, key
from tests.conftest import with_tables

SERVICES = 50
BURST, BURST_SENDERS = 6000, 24


def body(service: int, dedup: str, action: str = "trigger") -> bytes:
    """One event: a fault of a kind of its own, so that it joins no other incident."""
    payload = {"summary": f"fault {dedup} of service {service}", "source": "web-1", "severity": "critical"}
    event = {"routing_key": key(service), "event_action": action, "dedup_key": dedup}
    return json.dumps({**event, "payload": {**payload, "class": f"fault-{dedup}"}}).encode()


class Sender:
    """One connection that stays open, as senders hold it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def post(self, said: bytes) -> int:
        headers = {"Content-Type": "application/json"}
        for last in (False, True):
            try:
                self._connection.request("POST", "/v2/enqueue", said, headers)
                answer = self._connection.getresponse()
                answer.read()
                return answer.status
            except (http.client.HTTPException, OSError):
                self._connection.close()
                if last:
                    raise
        return 0


def founded(folder: Path, url: str) -> tuple[Company, Database]:
    company = Company(folder / "data", url)
    company.data.mkdir(exist_ok=True)
    database = with_tables(wiring.database(company.config))
    found(database, SERVICES)
    return company, database


def in_threads(count: int, act: Callable[[], None]) -> None:
    threads = [threading.Thread(target=act) for _ in range(count)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


def burst(folder: Path, url: str, kill: bool) -> dict[str, Any]:
    """Send as fast as it is taken; with `kill` end the web process in the middle."""
    company, database = founded(folder, url)
    numbers, lock = iter(range(BURST)), threading.Lock()
    accepted: list[str] = []
    gone = threading.Event()
    run = "cut" if kill else "all"

    def send() -> None:
        sender = Sender(company.port)
        while not gone.is_set():
            with lock:
                number = next(numbers, -1)
            if number < 0:
                return
            try:
                if sender.post(body(number % SERVICES, f"{run}{number}")) == 202:
                    accepted.append(f"{run}{number}")
            except (http.client.HTTPException, OSError):
                return  # never answered: its sender would send it again

    with company.web() as web, company.worker() if not kill else ExitStack():
        time.sleep(1)
        took = stopwatch()
        if kill:
            threading.Thread(target=_kill_in_the_middle, args=(web, accepted, gone)).start()
        in_threads(BURST_SENDERS, send)
        elapsed = took().total_seconds()
    with database.read() as session:
        rows = session.scalars(select(DeliveryRow.headers))
        kept = {headers.get(understanding.DEDUP, "") for headers in rows}
    database.close()
    missing = [one for one in accepted if one not in kept]
    figures = {"accepted": len(accepted), "accepted_and_not_on_disk": len(missing), "killed": kill}
    return figures | ({} if kill else {"per_second": round(len(accepted) / elapsed)})


def _kill_in_the_middle(web: psutil.Process, accepted: list[str], gone: threading.Event) -> None:
    while len(accepted) < BURST // 2:
        time.sleep(0.001)
    parent = web.parent()
    for one in (parent, web):
        if one is not None:
            one.kill()
    gone.set()
