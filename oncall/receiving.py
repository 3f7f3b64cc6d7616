"""The job that understands what came in: each body becomes signals, each signal what it comes to, in one transaction.

One worker at a time does it, in the order in which things came. A body waits in a table of its own until it is
understood, so what was accepted is never lost and the work for it does not grow with what was before.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import structlog
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.orm import Session

import catalog.query
from ledger import events, inbox
from ledger.clock import Clock
from ledger.db import Database
from ledger.errors import Code, Error
from ledger.jobs import Claim, Jobs, Lost
from oncall import grouping, intakestore, situating, store, understanding
from oncall.answering import Answering
from oncall.grouping import Placed
from oncall.incident import Fact, Kind, Opening, State
from oncall.intakestore import Body, Key
from oncall.machine import acknowledgement
from oncall.moving import PORTAL, Mover
from oncall.policy import Strategy
from oncall.sameness import Rules
from oncall.signal import Action, Signal, to_json
from oncall.silencing import Standing, standing
from oncall.understanding import OWN, Came

RECEIVE, ALL = "oncall.receive", "all"
BATCH = 40  # in one transaction, at most
HOLD = timedelta(seconds=0.1)  # after that much of a transaction no further body, for others who write wait for its end
GATHER = 0.05  # seconds from one batch to the next where not much comes: more of them together cost less
RUSH = 200  # a second; when more comes than that, the doors come first: half of the time is theirs
REST = 0.1  # seconds, at most, that are left to them after a batch
PATIENCE = 5  # times that somebody else may have been first, in a row
ASIDE = "aside"  # stands beside the portal's word about a body that was put aside
SEVERITIES = ("info", "warning", "error", "critical")  # from the least to the worst

log = structlog.get_logger()


@dataclass(frozen=True)
class Receiver:
    """Made once by the wiring. `closed`: what else shall happen when an incident ends, in its transaction."""

    database: Database
    jobs: Jobs
    clock: Clock
    fallback: str = ""
    closed: Callable[[Session, int, datetime], None] = lambda session, incident, at: None

    def receive(self, claim: Claim, lost: Callable[[], bool] = lambda: False) -> None:
        """Understand all that waits. A body that breaks the reader is put aside and said, not in everybody's way."""
        while not lost():
            begun = self.clock()
            with self.database.read() as session:
                bodies, newest = intakestore.waiting(session, BATCH), intakestore.newest(session)
            if not bodies:
                with self.jobs.transaction() as tx:
                    again = self.clock() if intakestore.is_waiting(tx) else None
                    self.jobs.finish(tx, claim, self.clock(), again_at=again)
                return
            self._batch(bodies, claim)
            with self.database.read() as session:
                came = intakestore.newest(session) - newest
            if came > 0:
                time.sleep(rest((self.clock() - begun).total_seconds(), came))

    def _batch(self, bodies: Sequence[Body], claim: Claim) -> None:
        try:
            self._understand(bodies, claim)
        except Exception as error:  # whatever one body does must keep no other from being understood
            if is_no_fault_of_theirs(error, claim.attempt):
                raise
            if len(bodies) == 1:
                log.exception("not understood", inbox=bodies[0].inbox_id, kind=bodies[0].kind)
                self._put_aside(bodies[0], claim)
                return
            for body in bodies:
                self._batch([body], claim)

    def _understand(self, bodies: Sequence[Body], claim: Claim) -> None:
        with self.database.read() as session:
            keys = intakestore.keys_of(session, {body.key_id for body in bodies})
        came = [_came(body, keys.get(body.key_id)) for body in bodies]
        read = [understanding.understood(one) for one in came]
        with self.jobs.transaction() as tx:
            answering = Answering(tx, self.fallback)
            taken = Taking(self, tx, answering)
            taken.learn([said for reading in read for said in reading.signals])
            begun, done = self.clock(), 0
            for one, reading in zip(came, read, strict=True):
                for said in reading.signals:
                    taken.take(said, one.at)
                done += 1
                if self.clock() - begun > HOLD:
                    break
            intakestore.understood(tx, [body.inbox_id for body in bodies[:done]])
            intakestore.heard(tx, {body.key_id for body in bodies[:done] if body.key_id}, self.clock())
            self.jobs.guard(tx, claim)  # as the last of it: the doors ask for this very job with all that they take

    def _put_aside(self, body: Body, claim: Claim) -> None:
        """Have people look at it: it may have been about something that is broken."""
        now = self.clock()
        with self.jobs.transaction() as tx:
            self.jobs.guard(tx, claim)
            intakestore.understood(tx, [body.inbox_id])
            subject, said = f"inbox:{body.inbox_id}", {"key": body.key_id, "kind": body.kind}
            events.record(tx, "oncall.not_understood", subject, PORTAL, now, said)
            if not body.headers.get(ASIDE):  # else this was the very word about another
                came = _came(body, intakestore.key(tx, body.key_id))
                word = json.dumps(to_json(understanding.set_aside(came, body.inbox_id, now))).encode()
                tell(tx, self.jobs, word, f"aside:{body.inbox_id}", now, {ASIDE: "1"})


def rest(took: float, came: int) -> float:
    """Return how long to wait after a batch that took so many seconds, in which so many bodies came.

    >>> rest(0.0, 2), rest(0.09, 9), rest(0.09, 60), rest(0.5, 400)
    (0.05, 0.0, 0.09, 0.1)
    """
    return min(took, REST) if came > RUSH * took > 0 and came > BATCH // 4 else max(0.0, GATHER - took)


def is_no_fault_of_theirs(error: Exception, attempt: int) -> bool:
    """Is it only that somebody was first, or the database away? Then it is done again; a conflict not for ever."""
    if isinstance(error, Error | IntegrityError):
        is_conflict = isinstance(error, IntegrityError) or error.code is Code.CONFLICT
        return is_conflict and attempt < PATIENCE
    return isinstance(error, Lost) or (isinstance(error, DBAPIError) and not isinstance(error, DataError))


def _came(body: Body, key: Key | None) -> Came:
    if key is not None:
        return Came(body.kind, key.source, key.service, key.settings, body.at, body.headers, body.body)
    if body.key_id:  # nobody knows that integration; it is not the portal's own word
        return Came(body.kind, f"{body.kind}:{body.key_id}", "", {}, body.at, body.headers, body.body)
    return Came(OWN, OWN, "", {}, body.at, body.headers, body.body)


def tell(
    session: Session, jobs: Jobs, said: bytes, delivery: str, at: datetime, headers: Mapping[str, str] | None = None
) -> bool:
    """Let the portal itself say something in the way of all others: a signal as JSON. False: it is said already."""
    kept = inbox.receive(session, OWN, delivery, headers or {}, said, at)
    if kept is None:
        return False
    intakestore.waits(session, kept, 0, OWN)
    jobs.enqueue(session, RECEIVE, ALL, at)
    return True


@dataclass(frozen=True)
class Taking:
    """What comes of the signals of one transaction."""

    receiver: Receiver
    session: Session
    answering: Answering

    @cached_property
    def _mover(self) -> Mover:
        return Mover(self.session, self.receiver.jobs, self.answering)

    @cached_property
    def _silences(self) -> Standing:
        return standing(self.session, self.receiver.clock())

    def learn(self, signals: Sequence[Signal]) -> None:
        """Look up together the services that are going to be asked for."""
        named = {said.service for said in signals if said.service}
        self.answering.learn(list(catalog.query.services_of(self.session, named).values()) if named else ())

    def take(self, said: Signal, received: datetime) -> None:
        """Do what one signal comes to."""
        now = self.receiver.clock()
        place = grouping.placed(said, self.answering, self.receiver.fallback)
        if not place.service:  # nobody is named, not even for what is nobody's: it is shown, and the alarm is raised
            place = Placed(said.service, place.why or "it names no service, and nobody answers for what names none")
        rules = Rules()
        situation = situating.situation(self.session, said, place.service, now, rules.window)
        mute = self._silences.muted(said, place.service) if said.action is Action.TRIGGER else None
        self._act(grouping.decide(said, place, situation, rules, mute, now), said, place, now)

    def _act(self, decision: grouping.Decision, said: Signal, place: Placed, now: datetime) -> None:
        session, mover = self.session, self._mover
        match decision:
            case grouping.Opens(service, why, alert):
                self._open(mover, said, service, why, alert, now)
            case grouping.Joins(number, why, wakes, alert):
                self._join(mover, said, place.service, number, why, wakes, alert, now)
            case grouping.Appends(alert, _):
                store.repeat_alert(session, alert, said)
            case grouping.Resolves(alert, number, last):
                store.end_alert(session, alert, said.over or said.at)
                if number is not None and last:
                    incident = store.hold(session, number)
                    mover.happen(incident, [Fact(Kind.RESOLVED, reason=f"{said.source} says that it is over")], now)
                    self.receiver.closed(session, number, now)
                    vars(self).pop("_silences", None)  # one may have ended with it
            case grouping.Acknowledges(_, number):
                incident = store.hold(session, number)
                mover.happen(incident, [acknowledgement(incident, said.source, f"{said.source} says so")], now)
            case grouping.Muted(reason, _):
                store.raise_alert(session, said, None, place.service, "", reason)
            case grouping.Dropped(why, remember):
                if remember:
                    store.remember_early(session, said, place.service, now)
                self._note("oncall.dropped", said, place.service, why, now)
            case grouping.Noted(service):
                self._note("oncall.change", said, service, "", now)

    def _open(self, mover: Mover, said: Signal, service: str, why: str, alert: int | None, now: datetime) -> None:
        number = store.number(self.session)
        answers = self.answering.of(service)
        policy = answers.policy
        turns = any(level.strategy is Strategy.ROUND_ROBIN for level in policy.levels)
        turn = store.turn(self.session, policy.name, answers.team) if turns else 0
        opening = Opening(number, said.title, service, said.severity, policy, turn, said.key)
        reason = "; ".join(one for one in (why, f"{answers.team or 'nobody'}: {answers.why}") if one)
        environment = str(said.labels.get("environment", ""))[:40]
        mover.open(Fact(Kind.OPENED, reason=reason, opening=opening), answers.team, now, environment)
        self._keep(said, number, service, why, alert)

    def _join(
        self,
        mover: Mover,
        said: Signal,
        service: str,
        number: int,
        why: str,
        wakes: bool,
        alert: int | None,
        now: datetime,
    ) -> None:
        incident = store.hold(self.session, number)
        facts = [Fact(Kind.JOINED, reason=why, signal=said.key)]
        worse = SEVERITIES.index(said.severity) > SEVERITIES.index(incident.severity)
        if wakes or worse:
            facts.append(Fact(Kind.SEVERITY_CHANGED, reason="an alert that is worse joined", severity=said.severity))
        if incident.state is State.MUTED:  # what a silence covers joins nothing
            facts.append(Fact(Kind.UNMUTED, reason="an alert that no silence covers joined; it goes on at level 1"))
        self._keep(said, number, service, why, alert)
        mover.happen(incident, facts, now)

    def _keep(self, said: Signal, number: int, service: str, why: str, alert: int | None) -> None:
        if alert is None:
            store.raise_alert(self.session, said, number, service, why)
        else:
            store.bring_into(self.session, alert, number, why)
            store.repeat_alert(self.session, alert, said)

    def _note(self, kind: str, said: Signal, service: str, why: str, now: datetime) -> None:
        data = {"title": said.title, "source": said.source, "key": said.key, "action": said.action, "why": why}
        links = [link.href for link in said.links[:5]]
        subject = f"alert:{said.source}"
        events.record(self.session, kind, subject, said.source, now, data | {"links": links}, service=service or None)
