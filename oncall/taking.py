"""What comes of signals: each is decided upon by what is known of it, and what was decided is done.

The signals of one transaction are taken together: what is known of them is read together, what is new because of them
is written together. Where one concerns what another has changed, that is written first and this asks anew.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from sqlalchemy.orm import Session

import catalog.query
from ledger import events
from ledger.clock import Clock
from ledger.jobs import Jobs
from oncall import grouping, intakestore, silencing, situating, store
from oncall.answering import Answering
from oncall.grouping import Placed
from oncall.incident import Fact, Kind, Opening, State
from oncall.machine import acknowledgement
from oncall.moving import Mover
from oncall.policy import Strategy
from oncall.sameness import Rules
from oncall.signal import Action, Signal
from oncall.silencing import Standing, standing
from oncall.situating import Ahead
from oncall.terms import is_worse
from oncall.unwritten import Unwritten

RULES = Rules()


@contextmanager
def taking(session: Session, jobs: Jobs, clock: Clock, fallback: str, signals: Sequence[Signal]) -> Iterator["Taking"]:
    """Take some of those signals, in their order; all of it is written at the end."""
    one = Taking(session, clock, fallback, Mover(session, jobs, Answering(session, fallback)))
    with events.together(session):
        one.learn(signals)
        yield one
        one.write()


@dataclass(frozen=True)
class Taking:
    """Made for one transaction, by `taking`."""

    session: Session
    clock: Clock
    fallback: str
    mover: Mover
    _new: Unwritten = field(default_factory=Unwritten)

    @property
    def answering(self) -> Answering:
        return self.mover.answering

    @cached_property
    def _ahead(self) -> Ahead:
        return Ahead(self.session, RULES.window)

    @cached_property
    def _silences(self) -> Standing:
        return standing(self.session, self.clock())

    @cached_property
    def _numbers(self) -> Iterator[int]:
        return store.numbers(self.session)

    def learn(self, signals: Sequence[Signal]) -> None:
        """Look up together what is going to be asked for."""
        named = {said.service for said in signals if said.service}
        if named:
            self.answering.learn(list(catalog.query.services_of(self.session, named).values()))
        asked, now = [(said, self._place(said).service) for said in signals], self.clock()
        self.mover.hold(self._ahead.learn(asked, now))
        opening = {service for said, service in asked if self._ahead.may_open(said)}
        self.answering.reached(sorted({one for service in opening for one in self._asked_first(service, now)}))

    def _asked_first(self, service: str, now: datetime) -> Iterator[str]:
        for level in self.answering.of(service).policy.levels[:1]:
            for target in level.targets:
                yield from self.answering.people(target, now)

    def _place(self, said: Signal) -> Placed:
        place = grouping.placed(said, self.answering, self.fallback)
        if place.service:
            return place
        # Nobody is named, not even for what is nobody's: it is shown, and the alarm is raised.
        return Placed(said.service, place.why or "it names no service, and nobody answers for what names none")

    def take(self, said: Signal) -> None:
        """Do what one signal comes to."""
        now, place = self.clock(), self._place(said)
        situation = self._ahead.situation(said, place.service)
        if situation is None:
            self.write()
            (situation,) = situating.situations(self.session, [(said, place.service)], now, RULES.window)
        mute = self._silences.muted(said, place.service) if said.action is Action.TRIGGER else None
        self._act(grouping.decide(said, place, situation, RULES, mute, now), said, place, now)

    def write(self) -> None:
        """Write what is not written yet."""
        self.mover.write(self._new)

    def _act(self, decision: grouping.Decision, said: Signal, place: Placed, now: datetime) -> None:
        changed = self._ahead.changed
        match decision:
            case grouping.Opens(service, why, alert):
                self._open(said, service, why, alert, now)
                changed(said.key, service)
            case grouping.Joins(number, why, wakes, alert):
                self._join(said, place.service, number, why, wakes, alert, now)
                changed(said.key, place.service, number)
            case grouping.Appends(alert, number):
                store.repeat_alert(self.session, alert, said)
                changed(said.key, incident=number)
            case grouping.Resolves(alert, number, last):
                self._new.ended[alert] = said.over or said.at
                if number is not None and last:
                    self._end(number, f"{said.source} says that it is over", now)
                changed(said.key, incident=number, is_over=last)
            case grouping.Acknowledges(_, number):
                self.write()
                incident = self.mover.held(number)
                fact = acknowledgement(incident, said.source, f"{said.source} says so")
                self.mover.happen(incident, [fact], now)
            case grouping.Muted(reason, _):
                self._new.alerts.append(store.alert(said, None, place.service, "", reason))
                changed(said.key)
            case grouping.Dropped(why, remember):
                if remember:
                    self._new.alerts.append(store.early(said, place.service, now))
                    changed(said.key)
                self._note("oncall.dropped", said, place.service, why, now)
            case grouping.Noted(service):
                self._note("oncall.change", said, service, "", now)

    def _open(self, said: Signal, service: str, why: str, alert: int | None, now: datetime) -> None:
        number = next(self._numbers)
        answers = self.answering.of(service)
        policy, turn = answers.policy, 0
        if any(level.strategy is Strategy.ROUND_ROBIN for level in policy.levels):
            self.write()
            turn = store.turn(self.session, policy.name, answers.team)
        opening = Opening(number, said.title, service, said.severity, policy, turn, said.key)
        reason = "; ".join(one for one in (why, f"{answers.team or 'nobody'}: {answers.why}") if one)
        environment = str(said.labels.get("environment", ""))[:40]
        fact = Fact(Kind.OPENED, reason=reason, opening=opening)
        self.mover.open(fact, answers.team, now, environment, self._new)
        if alert is None:
            self._new.alerts.append(store.alert(said, number, service, why))
        else:
            self.write()
            store.bring_into(self.session, alert, number, why, said)

    def _join(
        self, said: Signal, service: str, number: int, why: str, wakes: bool, alert: int | None, now: datetime
    ) -> None:
        self.write()
        incident = self.mover.held(number)
        facts = [Fact(Kind.JOINED, reason=why, signal=said.key)]
        if wakes or is_worse(said.severity, incident.severity):
            facts.append(Fact(Kind.SEVERITY_CHANGED, reason="an alert that is worse joined", severity=said.severity))
        if incident.state is State.MUTED:  # what a silence covers joins nothing
            facts.append(Fact(Kind.UNMUTED, reason="an alert that no silence covers joined; it goes on at level 1"))
        if alert is None:
            store.raise_alerts(self.session, [store.alert(said, number, service, why)])
        else:
            store.bring_into(self.session, alert, number, why, said)
        self.mover.happen(incident, facts, now)

    def _end(self, number: int, why: str, now: datetime) -> None:
        self.mover.happen(self.mover.held(number), [Fact(Kind.RESOLVED, reason=why)], now)
        if number in self._awaited:
            silencing.end_with(self.session, number, now)
            vars(self).pop("_silences", None)

    @cached_property
    def _awaited(self) -> set[int]:
        return intakestore.awaited(self.session)

    def _note(self, kind: str, said: Signal, service: str, why: str, now: datetime) -> None:
        data = {"title": said.title, "source": said.source, "key": said.key, "action": said.action, "why": why}
        links = [link.href for link in said.links[:5]]
        subject = f"alert:{said.source}"
        events.record(self.session, kind, subject, said.source, now, data | {"links": links}, service=service or None)
