"""The portal with an on-call room and a clock of its own: ada, bob and eve are payments, carol is a stranger."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from apiflask import APIFlask
from werkzeug.security import generate_password_hash

from ledger.jobs import Claim
from oncall import notices, planstore
from oncall.answering import Answering
from oncall.planstore import ESCALATION, SCHEDULE
from portal import accounts, wiring
from portal.app import create_app
from portal.config import Config
from portal.services import Services
from tests import cataloging
from tests.conftest import NOON, with_tables
from tests.doors.browsing import Browser
from tests.doors.served import PASSWORD

TEAM = "group:default/payments"
ADA, BOB, EVE, CAROL = (f"user:default/{name}" for name in ("ada", "bob", "eve", "carol"))
WEEKLY = """\
# payments answers for the money
timezone: Europe/Berlin
rotations:
  - name: main
    order: [user:ada, user:bob, user:eve]   # as agreed in January
    every: 1 week
    starts: 2026-01-05 09:00
    roles: {primary: 0, secondary: 1}
"""
STEPS = """\
name: payments
team: group:payments
repeat: 1
levels:
  - {targets: [payments/primary], delay: 5m}
  - {targets: [payments/secondary], delay: 10m}
  - {targets: [{team: group:payments, who: everybody}], delay: 15m}
"""


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


@dataclass
class OnCallServed:
    """The portal with three people on call by turns, each with a phone that only remembers."""

    services: Services
    app: APIFlask
    clock: Clock
    browsers: dict[str, Browser] = field(default_factory=dict)

    def as_(self, who: str) -> Browser:
        """Return somebody at the pages, logged in once."""
        if who not in self.browsers:
            self.browsers[who] = Browser(self.app, who)
        return self.browsers[who]

    def write(self, text: str, name: str = "payments", team: str = TEAM) -> None:
        with self.services.database.write() as session:
            planstore.write(session, SCHEDULE, name, team, text, self.clock.now, ADA, "because")

    def phone(self, person: str, verified: bool = True) -> int:
        with self.services.database.write() as session:
            nothing = timedelta(0)
            way = planstore.add_way(session, person, "memory", "my phone", f"memory://{person}", nothing, nothing)
            if verified:
                planstore.change_way(session, way, verified_at=self.clock.now)
        return way

    def holder(self, at: datetime, role: str = "primary", name: str = "payments") -> str:
        with self.services.database.read() as session:
            shift = Answering(session).who(name, at).get(role)
        return shift.person if shift else ""

    def heard(self, person: str) -> list[str]:
        with self.services.database.read() as session:
            return [f"{one.title} {one.text}" for one in notices.unseen(session, person)]

    def work(self, *kinds: str) -> None:
        """Do the jobs of some kinds that are due."""
        handlers = self.services.oncall.handlers()
        while claim := self.services.jobs.claim("worker", kinds, self.clock.now):
            handlers[claim.kind](_Work(claim))  # type: ignore[arg-type]


@dataclass(frozen=True)
class _Work:
    claim: Claim


@contextmanager
def oncall_portal(folder: Path) -> Iterator[OnCallServed]:
    clock = Clock()
    config = Config(data=folder, oncall={"phones": True})
    services = wiring.wire(config, clock, opened=with_tables(wiring.database(config)))
    cataloging.fill(
        services.database,
        cataloging.group("payments"),
        cataloging.group("search"),
        *(cataloging.user(name, "payments") for name in ("ada", "bob", "eve")),
        cataloging.user("carol", "search"),
        cataloging.component("checkout", "payments", oncall={"escalation": "payments"}),
        cataloging.component("ledger", "payments"),
        cataloging.component("finder", "search"),
    )
    served = OnCallServed(services, create_app(services), clock)
    at = NOON - timedelta(days=56)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "generate_password_hash", partial(generate_password_hash, method="scrypt:1024:8:1"))
        with services.database.write() as session:
            planstore.write(session, SCHEDULE, "payments", TEAM, WEEKLY, at, ADA, "the first")
            planstore.write(session, ESCALATION, "payments", TEAM, STEPS, at, ADA, "the first")
            for name in ("admin", "ada", "bob", "eve", "carol"):
                role, ref = ("admin", None) if name == "admin" else ("member", f"user:default/{name}")
                accounts.create(session, name, PASSWORD, role, ref, at, "system")
    for person in (ADA, BOB, EVE):
        served.phone(person)
    try:
        yield served
    finally:
        served.app.extensions["fullcycle-live"].close()
        services.database.close()
