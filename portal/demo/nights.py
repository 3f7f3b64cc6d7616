"""What woke people at the company before: real alerts, through the real intake and the real machine, with the clock set
back to that day. Who took it, after how long, and when it was over is told here; all the rest comes of it.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Protocol

from ledger.clock import Clock
from ledger.jobs import Claim
from oncall import intakestore, outbox, query
from oncall.loop import Loop
from oncall.moving import ADVANCE, SEND
from oncall.notices import NOTICE, Messenger
from oncall.paging.ports import LIMIT, Delivered, Outcome, Page
from oncall.receiving import RECEIVE
from oncall.sending import Sender
from oncall.understanding import ALERTMANAGER
from portal.demo import duty, webhooks
from portal.demo.people import BY_LOGIN
from portal.demo.rotas import ZONE
from portal.demo.webhooks import Alert
from portal.oncalling import PHONES
from portal.services import Services
from portal.taking import Arrived, Intake

REFUSED = timedelta(minutes=4)  # until somebody looks at a deploy that was put back
DONE = timedelta(minutes=25)  # until she has seen why
PUT_BACK = "put back by itself; it is mended with the next release"


@dataclass(frozen=True)
class Night:
    """`days` before the company was made, at that time on its wall; taken by whoever was paged last by then."""

    days: int
    at: str
    service: str
    name: str
    summary: str
    taken: timedelta
    over: timedelta
    severity: str = "critical"
    note: str = ""

    def began(self, made_at: datetime) -> datetime:
        day = made_at.astimezone(ZONE).date() - timedelta(days=self.days)
        return datetime.combine(day, time.fromisoformat(self.at), ZONE).astimezone(made_at.tzinfo)


def _minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


NIGHTS = (
    Night(23, "03:12", "ledger", "BookingsLate", "Bookings wait for more than a minute", _minutes(4), _minutes(38)),
    Night(
        21, "14:20", "search", "SearchSlow", "Searches take longer than a second", _minutes(2), _minutes(31), "warning"
    ),
    Night(22, "10:05", "checkout", "PaymentsFail", "One payment in twenty fails", _minutes(2), _minutes(17)),
    Night(
        *(20, "02:40", "checkout", "PaymentsFail", "One payment in eight fails", _minutes(8), _minutes(52)),
        note="The bank had changed a certificate. The new one is in the next release.",
    ),
    Night(18, "19:30", "search", "SearchEmpty", "Searches find nothing", _minutes(3), _minutes(24)),
    Night(
        *(16, "04:55", "search", "SearchEmpty", "Searches find nothing", _minutes(47), _minutes(95)),
        note="Both of us slept through it. From now on our phones ring aloud at night.",
    ),
    Night(13, "16:10", "checkout", "TotalsWrong", "Totals are off by a cent", _minutes(1), _minutes(22), "error"),
    Night(9, "08:15", "reports", "ReportMissing", "Yesterday's report is not there", _minutes(6), _minutes(41)),
    Night(
        *(7, "23:48", "ledger", "DiskFull", "The disk of the ledger is nearly full", _minutes(2), _minutes(30)),
        note="Old batches filled it; removed.",
    ),
    Night(6, "05:20", "ledger", "BookingsLate", "Bookings wait for more than a minute", _minutes(7), _minutes(26)),
    Night(
        3, "15:10", "search", "SearchSlow", "Searches take longer than a second", _minutes(3), _minutes(19), "warning"
    ),
    Night(2, "03:33", "checkout", "PaymentsFail", "One payment in thirty fails", _minutes(3), _minutes(28)),
)


class Clockwork(Protocol):
    """A clock that can be set forward."""

    def __call__(self) -> datetime: ...

    def forward(self, moment: datetime) -> None: ...


@dataclass(frozen=True)
class Act:
    """Something that happened at a moment."""

    at: datetime
    do: Callable[[], None]


class Muffled:
    """A pager of the past: it takes every page, and no phone of today rings."""

    limit = LIMIT

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def send(self, page: Page) -> Outcome:
        return Delivered(self._clock())


class Nights:
    """On-call while the past is played: one thread does each job at the moment at which it was due."""

    def __init__(self, services: Services, clock: Clockwork) -> None:
        self._services, self._clock = services, clock
        self._oncall = services.oncall
        self._intake = Intake(services.database, services.jobs)
        pagers = {PHONES: Muffled(clock)}
        about = (services.database, services.jobs, clock)
        sender = Sender(*about, pagers, self._oncall.links, self._oncall.fallback)
        loop = Loop(services.jobs, clock, self._oncall.fallback)
        messenger = Messenger(*about, pagers, services.config.address)
        self._handlers: Mapping[str, Callable[[Claim], None]] = {
            RECEIVE: self._oncall.receiver.receive,
            ADVANCE: loop.advance,
            SEND: sender.send,
            NOTICE: messenger.send,
        }

    def play(self, acts: Sequence[Act]) -> None:
        """Do all of them, each at its moment; they are in that order."""
        for act in acts:
            self.until(act.at)
            act.do()

    def until(self, moment: datetime) -> None:
        """Let time go by to that moment, and do each job when it is due."""
        kinds, jobs = list(self._handlers), self._services.jobs
        self._work(kinds)
        while (due := jobs.due(kinds, self._clock())) is not None and due <= moment:
            self._clock.forward(due)
            self._work(kinds)
        self._clock.forward(moment)

    def _work(self, kinds: Sequence[str]) -> None:
        while claim := self._services.jobs.claim("the past", kinds, self._clock()):
            self._handlers[claim.kind](claim)

    # --- what happens -------------------------------------------------------------------------------------------------

    def acts(self, made_at: datetime) -> Sequence[Act]:
        """Return everything that happened at night, and on some days."""
        return [act for night in NIGHTS for act in self._of(night, night.began(made_at))]

    def put_back(self, service: str, login: str, at: datetime) -> Sequence[Act]:
        """Return what comes of a deploy that was undone: its author looks at why."""

        def seen() -> None:
            self._oncall.actions.acknowledge(self._open(service), BY_LOGIN[login].ref)

        def done() -> None:
            self._oncall.actions.resolve(self._open(service), BY_LOGIN[login].ref, PUT_BACK)

        return Act(at + REFUSED, seen), Act(at + DONE, done)

    def _of(self, night: Night, began: datetime) -> Sequence[Act]:
        alert = Alert(night.name, night.service, night.summary, began, night.severity)

        def taken() -> None:
            number = self._open(night.service)
            who = self._paged(number)
            self._oncall.actions.acknowledge(number, who)
            if night.note:
                self._oncall.actions.note(number, who, night.note)

        return (
            Act(began, lambda: self._post(alert)),
            Act(began + night.taken, taken),
            Act(began + night.over, lambda: self._post(alert, over=began + night.over)),
        )

    def _post(self, alert: Alert, over: datetime | None = None) -> None:
        """Let an Alertmanager of then post it."""
        with self._services.database.read() as session:
            key = intakestore.key_of(session, duty.key_of(self._services, alert.service))
        assert key is not None
        told = json.dumps(webhooks.body(alert, over)).encode()
        headers = {"content-type": "application/json"}
        arrived = Arrived("oncall.alertmanager", uuid.uuid4().hex, key.id, ALERTMANAGER, headers, told, self._clock())
        self._intake.keep(arrived)

    def _open(self, service: str) -> int:
        with self._services.database.read() as session:
            return query.open_of(session, [f"component:default/{service}"])[0].number

    def _paged(self, number: int) -> str:
        with self._services.database.read() as session:
            return outbox.of_incident(session, number)[-1].person
