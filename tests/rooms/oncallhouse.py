"""A house with its on-call room and nothing else: a database, jobs, phones that only remember, and a clock of its own.

`work` does every job that is due, one after the other, as a worker would; `until` lets time go by to each next one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update

from ledger import events, inbox
from ledger.db import Database
from ledger.jobs import Claim, SqlJobs
from ledger.jobs_sql import JOBS
from oncall import eventsapi, intakestore, muting, outbox, planstore, store, understanding
from oncall.actions import Actions
from oncall.auditing import Auditor
from oncall.eventsapi import Accepted
from oncall.incident import Incident
from oncall.loop import Loop
from oncall.moving import ADVANCE, SEND
from oncall.outbox import Waiting
from oncall.paging.memory import MemoryPager
from oncall.paging.ports import Pager
from oncall.planstore import ESCALATION, SCHEDULE
from oncall.receiving import ALL, RECEIVE, Receiver
from oncall.sending import Sender
from oncall.tables import IncidentRow
from tests import cataloging
from tests.conftest import NOON

PHONE = "memory"
TEAM = "group:default/payments"
CHECKOUT = "component:default/checkout"
EVERYTHING, MINUTE = f"service={CHECKOUT}", timedelta(minutes=1)
ADA, BOB, EVE = "user:default/ada", "user:default/bob", "user:default/eve"
KEY = "k" * 32
SOON = timedelta(milliseconds=1)

ROTA = """
timezone: UTC
rotations:
  - {name: main, order: [user:bob, user:ada], every: 1 day, starts: 2026-03-01 09:00, roles: {primary: 0, secondary: 1}}
"""
STEPS = """
name: payments
team: group:payments
repeat: 1
levels:
  - {targets: [payments/primary], delay: 5m}
  - {targets: [payments/secondary], delay: 10m}
"""


@dataclass
class House:
    """Ada is on call at noon of that Monday, bob is second; both have a phone."""

    database: Database
    now: datetime = NOON
    pagers: dict[str, Pager] = field(default_factory=dict)
    fallback: str = TEAM
    sent: int = 0

    def __post_init__(self) -> None:
        self.phones = MemoryPager(self.clock, keeps_one=False)
        self.pagers = {PHONE: self.phones, **self.pagers}
        self.jobs = SqlJobs(self.database)
        self.receiver = Receiver(self.database, self.jobs, self.clock, self.fallback)
        self.sender = Sender(self.database, self.jobs, self.clock, self.pagers, links, self.fallback)
        self.loop = Loop(self.jobs, self.clock, self.fallback)
        self.actions = Actions(self.database, self.jobs, self.clock, self.fallback)
        self.fine: list[datetime] = []
        self.auditor = Auditor(self.database, self.jobs, self.clock, self.fallback, lambda: self.fine.append(self.now))

    def clock(self) -> datetime:
        return self.now

    def found(self) -> "House":
        """Describe the team, write its rota and its escalation, and give it phones and a key."""
        cataloging.fill(
            self.database,
            cataloging.group("payments"),
            *(cataloging.user(name, "payments") for name in ("ada", "bob", "eve")),
            cataloging.component("checkout", "payments", oncall={"escalation": "payments"}),
            cataloging.component("ledger", "payments"),
        )
        with self.database.write() as session:
            planstore.write(session, SCHEDULE, "payments", TEAM, ROTA, NOON - timedelta(days=1), ADA)
            planstore.write(session, ESCALATION, "payments", TEAM, STEPS, NOON - timedelta(days=1), ADA)
            self.key = intakestore.add_key(session, KEY, understanding.EVENTS, "checkout", CHECKOUT, {}, ADA, NOON)
        for person in (ADA, BOB, EVE):
            self.phone(person)
        return self

    def phone(self, person: str, high: timedelta | None = timedelta(0), verified: bool = True) -> int:
        """Give somebody one more phone."""
        with self.database.write() as session:
            way = planstore.add_way(session, person, PHONE, "phone", f"memory://{person}", high, timedelta(0))
            if verified:
                planstore.change_way(session, way, verified_at=self.now)
        return way

    # --- what comes in ------------------------------------------------------------------------------------------------

    def event(self, key: str = "k1", action: str = "trigger", **said: Any) -> Mapping[str, Any]:
        """Send an event as a sender does; return the answer."""
        payload = {"summary": "checkout answers slowly", "source": "web-1", "severity": "critical"} | said
        body = {"routing_key": KEY, "event_action": action, "dedup_key": key, "payload": payload}
        return self.post(json.dumps(body).encode())

    def post(self, body: bytes) -> Mapping[str, Any]:
        self.sent += 1
        event = eventsapi.read(body, f"made-{self.sent}")
        assert isinstance(event, Accepted), event
        with self.jobs.transaction() as tx:
            headers = {understanding.DEDUP: event.dedup_key}
            kept = inbox.receive(tx, "events", str(self.sent), headers, body, self.now)
            assert kept is not None
            intakestore.waits(tx, kept, self.key, understanding.EVENTS)
            self.jobs.enqueue(tx, RECEIVE, ALL, self.now)
        return event.answer

    # --- the worker ---------------------------------------------------------------------------------------------------

    def work(self) -> None:
        """Do all that is due now."""
        while claim := self.jobs.claim("worker", [RECEIVE, ADVANCE, SEND], self.now):
            self.do(claim)

    def do(self, claim: Claim) -> None:
        {RECEIVE: self.receiver.receive, ADVANCE: self.loop.advance, SEND: self.sender.send}[claim.kind](claim)

    def until(self, moment: datetime) -> None:
        """Let time go by, and do each job when it is due."""
        self.work()
        while (due := self.next_due()) is not None and due <= moment:
            self.now = max(self.now + SOON, due)
            self.work()
        self.now = max(moment, self.now)

    def next_due(self) -> datetime | None:
        with self.database.read() as session:
            due: datetime | None = session.scalar(select(func.min(JOBS.c.run_at)).where(JOBS.c.done_at.is_(None)))
            return due

    # --- what came of it ----------------------------------------------------------------------------------------------

    def incident(self, number: int = 1) -> Incident:
        with self.database.read() as session:
            return store.load(session, number)

    def numbers(self) -> Sequence[int]:
        with self.database.read() as session:
            return [one.number for one in store.everything_open(session)]

    def pages(self, number: int = 1) -> Sequence[Waiting]:
        with self.database.read() as session:
            return outbox.of_incident(session, number)

    def rang(self, person: str) -> int:
        """Return how often somebody's phone has rung."""
        return len(self.phones.messages(person))

    def story(self, number: int = 1) -> Sequence[str]:
        """Return the kinds of facts of an incident, oldest first."""
        with self.database.read() as session:
            query = select(events.EventRow.kind).where(events.EventRow.subject == f"incident:{number}")
            return [kind.removeprefix("incident.") for kind in session.scalars(query.order_by(events.EventRow.id))]

    def reasons(self, number: int = 1) -> Sequence[str]:
        with self.database.read() as session:
            query = select(events.EventRow.data).where(events.EventRow.subject == f"incident:{number}")
            return [data.get("reason", "") for data in session.scalars(query.order_by(events.EventRow.id))]


def links(incident: int, person: str) -> tuple[str, str]:
    return f"http://portal/incidents/{incident}", f"http://portal/ack/{incident}"


def spoil(house: House, number: int) -> None:
    """Have an incident in the database that no program can read."""
    with house.database.write() as session:
        session.execute(update(IncidentRow).where(IncidentRow.id == number).values(told={"number": number}))


def silence(house: House, minutes: int, *matchers: str, since: int = 0, incident: int | None = None) -> int:
    """Set one that ends so many minutes after noon, as the portal does: what is open is muted with it."""
    values: dict[str, Any] = {"kind": "silence", "team": TEAM, "reason": "we move it", "by": EVE}
    values |= {"matchers": list(matchers) or [EVERYTHING], "until_resolved": incident, "created_at": house.now}
    times = {"start": max(house.now, NOON + since * MINUTE), "end": NOON + minutes * MINUTE}
    with house.jobs.transaction() as tx:
        number = intakestore.add_silence(tx, **values, **times)
        muting.settle(tx, house.jobs, TEAM, house.now)
    return number
