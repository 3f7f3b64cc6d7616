"""A burst of events into a real web process, as fast as it takes them, and one that SIGKILL cuts off in the middle.

Senders live on other machines, so they are made to take as little of this one as they can: what they send is written
before the watch starts, and an answer is read no further than its status asks for. The worker runs all the while.
"""

import json
import os
import re
import socket
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
WARM = 4.0  # seconds until the worker has begun


def body(service: int, dedup: str, action: str = "trigger") -> bytes:
    """One event: a fault of a kind of its own, so that it joins no other incident."""
    payload = {"summary": f"fault {dedup} of service {service}", "source": "web-1", "severity": "critical"}
    event = {"routing_key": key(service), "event_action": action, "dedup_key": dedup}
    return json.dumps({**event, "payload": {**payload, "class": f"fault-{dedup}"}}).encode()


class Sender:
    """One connection that stays open, as senders hold it. ConnectionError where it was cut off."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def post(self, said: bytes) -> int:
        """Post an event and return the status; again where the connection had been closed while it was idle."""
        request = asked(self._port, said)
        for last in (False, True):
            try:
                return self.send(request)
            except OSError:
                if last:
                    raise
        return 0

    def send(self, request: bytes) -> int:
        """Send a request that is written already; return the status of its answer."""
        try:
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=30)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(request)
            return self._answer(self._socket)
        except OSError:
            if self._socket is not None:
                self._socket.close()
            self._socket = None
            raise

    def _answer(self, connection: socket.socket) -> int:
        came = b""
        while True:
            more = connection.recv(65536)
            if not more:
                raise ConnectionError("it was cut off in the middle of an answer")
            came += more
            head, _, rest = came.partition(b"\r\n\r\n")
            length = LENGTH.search(head)
            if length is not None and len(rest) >= int(length[1]):
                return int(head[9:12])


LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def asked(port: int, said: bytes) -> bytes:
    """Return the whole request that posts an event."""
    about = f"Host: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {len(said)}"
    return f"POST /v2/enqueue HTTP/1.1\r\n{about}\r\n\r\n".encode() + said


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
    run = "cut" if kill else "all"
    dedups = [f"{run}{number}" for number in range(BURST)]
    written = [asked(company.port, body(number % SERVICES, dedup)) for number, dedup in enumerate(dedups)]
    todo, lock = iter(zip(dedups, written, strict=True)), threading.Lock()
    accepted: list[str] = []
    gone = threading.Event()

    def send() -> None:
        sender = Sender(company.port)
        while not gone.is_set():
            with lock:
                dedup, request = next(todo, ("", b""))
            if not dedup:
                return
            try:
                if sender.send(request) == 202:
                    accepted.append(dedup)
            except OSError:
                return  # never answered: its sender would send it again

    with company.web() as web, ExitStack() as stack:
        processes = {"senders": psutil.Process(), "web": web}
        if not kill:
            processes["worker"] = stack.enter_context(company.worker())
            time.sleep(WARM)
        before = {name: seconds(one) for name, one in processes.items()}
        took = stopwatch()
        if kill:
            threading.Thread(target=_kill_in_the_middle, args=(web, accepted, gone)).start()
        in_threads(BURST_SENDERS, send)
        elapsed = took().total_seconds()
        spent = {} if kill else {name: seconds(one) - before[name] for name, one in processes.items()}
    with database.read() as session:
        rows = session.scalars(select(DeliveryRow.headers))
        kept = {headers.get(understanding.DEDUP, "") for headers in rows}
    database.close()
    missing = [one for one in accepted if one not in kept]
    figures = {"accepted": len(accepted), "accepted_and_not_on_disk": len(missing), "killed": kill}
    if kill:
        return figures
    each = {name: round(1000 * one / max(1, len(accepted)), 2) for name, one in spent.items()}
    load = round(os.getloadavg()[0], 1)
    return figures | {"per_second": round(len(accepted) / elapsed), "cpu_ms_per_event": each, "load": load}


def seconds(process: psutil.Process) -> float:
    """Return how long a process has kept a core busy."""
    return float(sum(process.cpu_times()[:2]))


def _kill_in_the_middle(web: psutil.Process, accepted: list[str], gone: threading.Event) -> None:
    while len(accepted) < BURST // 2:
        time.sleep(0.001)
    parent = web.parent()
    for one in (parent, web):
        if one is not None:
            one.kill()
    gone.set()
