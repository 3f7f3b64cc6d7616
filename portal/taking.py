"""Taking in what senders post: many bodies become one transaction, which is on the disk before any of them is told so.

Whoever comes first writes what has gathered; whoever comes meanwhile is written by the next. One that is refused by the
database is refused alone to its sender, who tries again.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy.exc import OperationalError

from ledger import inbox
from ledger.db import Database
from ledger.errors import Code, Error
from ledger.jobs import Jobs
from oncall import intakestore
from oncall.receiving import ALL, RECEIVE

MOST = 200  # bodies in one transaction

log = structlog.get_logger()


@dataclass(frozen=True)
class Arrived:
    """A body, and the integration that it came through. `delivery` is the sender's id, or one of ours."""

    source: str
    delivery: str
    key: int
    kind: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime


@dataclass
class _Ticket:
    arrived: Arrived
    told: threading.Event = field(default_factory=threading.Event)
    leads: bool = False
    error: Exception | None = None


class Intake:
    """One of these in a web process."""

    def __init__(self, database: Database, jobs: Jobs) -> None:
        self._database, self._jobs = database, jobs
        self._lock = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._busy = False

    def keep(self, arrived: Arrived) -> None:
        """Return when it is on the disk and will be understood; raise Error(UNAVAILABLE) when it cannot be kept."""
        ticket = _Ticket(arrived)
        with self._lock:
            self._waiting.append(ticket)
            ticket.leads, self._busy = not self._busy, True
        if not ticket.leads:
            ticket.told.wait()
        if ticket.leads:
            self._lead()
        if ticket.error is not None:
            raise Error(Code.UNAVAILABLE, "It could not be kept just now; send it again.") from ticket.error

    def _lead(self) -> None:
        """Write what has gathered, then have the first of those who came meanwhile write the rest."""
        with self._lock:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        error = self._write([ticket.arrived for ticket in batch])
        alone = error is not None and len(batch) > 1 and not isinstance(error, OperationalError)
        for ticket in batch:  # one that cannot be written must not have the others refused
            ticket.error = self._write([ticket.arrived]) if alone else error
        with self._lock:
            self._busy = bool(self._waiting)
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].told.set()
        for ticket in batch:
            ticket.told.set()

    def _write(self, arrived: Sequence[Arrived]) -> Exception | None:
        try:
            with self._database.write(durable=True) as session:
                new = inbox.receive_many(session, arrived)
                about = {(one.source, one.delivery): one for one in arrived}  # what is not new is here already
                told = [(number, about[which].key, about[which].kind) for which, number in new.items()]
                intakestore.all_wait(session, sorted(told))
                self._jobs.enqueue(session, RECEIVE, ALL, arrived[0].at)
        except Exception as error:  # noqa: BLE001 its senders are told, and nobody waits for a leader that is gone
            log.warning("could not be kept", bodies=len(arrived), kind=type(error).__name__)
            return error
        return None
