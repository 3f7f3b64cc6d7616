"""Alertmanagers that are asked each minute what they know, for what their webhook could not bring while we were away.

What is missed here comes in by the ordinary way, raw and on the disk; what is open here and has long been unknown there
is said to be over. One that does not answer holds nobody up, and says nothing of its alerts.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

import httpx2
import structlog
from sqlalchemy.orm import Session

from ledger import inbox
from ledger.clock import Clock
from ledger.db import Database
from ledger.jobs import Claim, Jobs
from ledger.runner import round_time
from oncall import alertmanager, intakestore, store
from oncall.alertmanager import Open, Polled
from oncall.intakestore import Key
from oncall.paging.networks import Network
from oncall.paging.wire import Forbidden, Wire, in_time
from oncall.receiving import ALL, RECEIVE, tell
from oncall.understanding import ALERTMANAGER, POLLED, door_of
from oncall.watching import plain

POLLS, POLL, POLLS_EVERY = "oncall.polls", "oncall.poll", timedelta(minutes=1)
LIMIT = timedelta(seconds=10)
ALERTS = "/api/v2/alerts?active=true&silenced=true&inhibited=true&unprocessed=true"

log = structlog.get_logger()


def polled_at(key: Key) -> str:
    """Return the address at which an integration's Alertmanager is asked, empty where it is not."""
    said = key.settings.get("poll") if key.kind == ALERTMANAGER else None
    parts = urlsplit(said) if isinstance(said, str) else None
    is_web = parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)
    return str(said).rstrip("/") + ALERTS if is_web else ""


@dataclass
class Poller:
    """Made once by the wiring. `_answering`: since when each has answered without a break, as this process knows."""

    database: Database
    jobs: Jobs
    clock: Clock
    allowed: Sequence[Network] = ()
    ca_file: str | None = None
    limit: timedelta = LIMIT
    _answering: dict[int, datetime] = field(default_factory=dict)

    def polls(self) -> None:
        """Have each that is polled asked, each by a job of its own."""
        with self.database.read() as session:
            asked = [key.id for key in intakestore.keys(session) if polled_at(key)]
        if asked:
            now = self.clock()
            with self.jobs.transaction() as tx:
                for key in asked:
                    self.jobs.enqueue(tx, POLL, str(key), now)

    def poll(self, claim: Claim, lost: Callable[[], bool] = lambda: False) -> None:
        """Ask one, and take in what is new."""
        with self.database.read() as session:
            key = next((one for one in intakestore.keys(session) if str(one.id) == claim.key), None)
        body = self._asked(key) if key is not None else None
        with self.jobs.transaction() as tx:
            self.jobs.guard(tx, claim)
            if key is not None and body is not None and not lost():
                self._take(tx, key, body)
            self.jobs.finish(tx, claim, self.clock())

    def _asked(self, key: Key) -> bytes | None:
        address = polled_at(key)
        body = self._get(address, key.id) if address else None
        if body is None:
            self._answering.pop(key.id, None)
        else:
            self._answering.setdefault(key.id, self.clock())
        return body

    def _get(self, address: str, key: int) -> bytes | None:
        """Return what it answers; its address is nobody's business in a log, so only the kind of a fault is told."""
        wire = Wire(self.limit * 0.9, allowed=self.allowed, ca_file=self.ca_file)
        try:
            answer = in_time(partial(_fetch, wire, address), self.limit)
            if answer.is_success:
                return answer.content
            log.warning("an Alertmanager does not tell its alerts", key=key, status=answer.status_code)
        except Forbidden:
            log.warning("an Alertmanager lies in a network that is not allowed", key=key)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            log.warning("an Alertmanager does not answer", key=key, kind=type(error).__name__)
        return None

    def _take(self, session: Session, key: Key, body: bytes) -> None:
        now = self.clock()
        door = door_of(key.source, key.service, key.settings)
        read = alertmanager.polled(body, door, now)
        opened = store.open_alerts(session, key.source)
        known = {one.key for one in opened}
        if read.problems or any(said.key not in known for said in read.signals):
            self._keep(session, key, body, now)
        store.seen(session, key.source, known & read.there, now)
        self._over(session, key, opened, read, now)

    def _keep(self, session: Session, key: Key, body: bytes, now: datetime) -> None:
        """Once a minute at most, so that an answer that nobody can read is not kept again and again."""
        delivery = f"poll:{key.id}:{round_time(now, POLLS_EVERY).isoformat()}"
        headers = {POLLED: "1", "content-type": "application/json"}
        kept = inbox.receive(session, f"oncall.{key.kind}", delivery, headers, body, now)
        if kept is not None:
            intakestore.waits(session, kept, key.id, key.kind)
            self.jobs.enqueue(session, RECEIVE, ALL, now)

    def _over(self, session: Session, key: Key, opened: Sequence[Open], read: Polled, now: datetime) -> None:
        door, since = door_of(key.source, key.service, key.settings), self._answering.get(key.id, now)
        for said in alertmanager.gone(opened, read, door, since, now):
            tell(session, self.jobs, plain(said), f"{key.source}@gone@{said.key}@{now.isoformat()}"[:200], now)


def _fetch(wire: Wire, address: str) -> httpx2.Response:
    try:
        headers = {"Accept": "application/json", "User-Agent": "fullcycle"}
        url = httpx2.URL(address)
        if url.username:  # a name and password in the address prove who asks
            said = b64encode(f"{url.username}:{url.password}".encode()).decode()
            headers["Authorization"] = f"Basic {said}"
        answer = wire.handle_request(httpx2.Request("GET", url.copy_with(userinfo=b""), headers=headers))
        answer.read()
        return answer
    finally:
        wire.close()
