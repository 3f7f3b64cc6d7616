"""Moving incidents: what happened is recorded, what follows is decided, and the pages of it are put into the outbox.

All of it in the caller's transaction, so whoever is killed has lost nothing and doubled nothing. Nothing is sent here.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from ledger import events
from ledger.jobs import Jobs
from oncall import outbox, pagerdutying, planstore, reach, silencing, store
from oncall.answering import Answering
from oncall.deciding import Record, Wait, decide
from oncall.incident import ENDED, Fact, Incident, Kind, Page, fact_to_json
from oncall.machine import apply
from oncall.policy import Target, TargetKind
from oncall.terms import Urgency
from oncall.unwritten import Unwritten

ADVANCE, SEND = "oncall.advance", "oncall.send"
PORTAL = "oncall"  # who did what nobody did


@dataclass(frozen=True)
class _Carried:
    """What was due: each fact with the incident right after it, and when to look again."""

    happened: Sequence[tuple[Incident, Fact]]
    until: datetime | None


@dataclass(frozen=True)
class Mover:
    """Made for one transaction."""

    session: Session
    jobs: Jobs
    answering: Answering
    _asked: dict[str, datetime] = field(default_factory=dict)  # when each kind of pager is to send next
    _held: dict[int, Incident] = field(default_factory=dict)
    _over: dict[str, datetime] = field(default_factory=dict)  # since when nobody need look at which incident

    def open(self, fact: Fact, team: str, at: datetime, environment: str, into: Unwritten) -> Incident:
        """Open an incident and do what is due at once. Its rows are for whoever calls `write`."""
        opened = apply(None, fact, at)
        record(self.session, opened, fact, at)
        after, carried = self._carried(opened, at)
        into.incidents.append(store.row(after, team, environment))
        for then, one in carried.happened:
            into.pages.extend(self._pages(then, one, at))
        if carried.until is not None:
            into.looks[str(after.number)] = carried.until
        return after

    def write(self, new: Unwritten) -> None:
        """Write what is new."""
        for page in new.pages:
            self.send(page["kind"], page["due_at"])
        new.write(self.session, self.jobs, ADVANCE)

    def hold(self, incidents: Collection[int]) -> None:
        """Hold incidents that are going to be moved; nobody else writes them until the transaction ends."""
        self._held.update(store.hold_all(self.session, incidents))

    def held(self, incident: int) -> Incident:
        """Return an incident as it is now, held."""
        return self._held.get(incident) or store.hold(self.session, incident)

    def happen(self, incident: Incident, facts: Sequence[Fact], at: datetime) -> Incident:
        """Let facts happen to an incident and do what is due then. CONFLICT when one cannot."""
        after = incident
        for fact in facts:
            before, after = after, apply(after, fact, at)
            record(self.session, after, fact, at)
            self._tell_pagerduty(before, after, fact, at)
        if after == incident:
            return incident  # it is only told; whatever is due has a job already
        if incident.urgency is Urgency.LOW and after.urgency is Urgency.HIGH:
            for kind in outbox.wake(self.session, incident.number, (Kind.CALLED, Kind.REMINDED), at):
                self.send(kind, at)
        return self.carry(after, at, before=incident)

    def carry(self, incident: Incident, at: datetime, before: Incident | None = None) -> Incident:
        """Do all that is due, write the incident, and have it looked at again in time."""
        before = before or incident
        after, carried = self._carried(incident, at, is_new=False)
        if after is not before:
            after = store.save(self.session, before, after, at)
            self._held[after.number] = after
        for then, fact in carried.happened:
            self._tell_pagerduty(incident, then, fact, at)
            for page in self._pages(then, fact, at):
                if outbox.put(self.session, page):
                    self.send(page["kind"], page["due_at"])
            incident = then
        if carried.until is not None:
            self.jobs.enqueue(self.session, ADVANCE, str(incident.number), carried.until)
        elif after.state in ENDED and before.state not in ENDED:
            self._at_the_end()
            self._over[str(after.number)] = at
        return after

    def _carried(self, incident: Incident, at: datetime, *, is_new: bool = True) -> tuple[Incident, _Carried]:
        """Let all that is due happen; return what it came to, and what it brings. What is new is known to be wanted."""
        happened: list[tuple[Incident, Fact]] = []
        act = decide(incident, self.answering.on_call, at)
        while isinstance(act, Record):
            for fact in act.facts if is_new else silencing.instead(self.session, incident, act.facts, at):
                incident = apply(incident, fact, at)
                record(self.session, incident, fact, at)
                happened.append((incident, fact))
            act = decide(incident, self.answering.on_call, at)
        return incident, _Carried(happened, act.until if isinstance(act, Wait) else None)

    def _pages(self, incident: Incident, fact: Fact, at: datetime) -> Iterator[Mapping[str, Any]]:
        """Yield what a fact puts into the outbox of an incident that is written."""
        first = at
        if pagerdutying.concerns(fact) and (team := self._by_pagerduty(incident)):
            yield pagerdutying.page(incident, fact, team, at)
            first = at + pagerdutying.GRACE
        for page in fact.pages:
            yield from self._pages_of(incident, page, at, first)
        if fact.kind is Kind.EXHAUSTED:
            yield from self._pages_of_the_team(incident, at)

    def _pages_of(self, incident: Incident, page: Page, at: datetime, first: datetime) -> Iterator[Mapping[str, Any]]:
        """Yield one person's page, once per channel of hers, due at `first` at the earliest."""
        urgent = incident.urgency is Urgency.HIGH
        rules = self.answering.rules(page.person)
        kinds = {channel.ref: channel.kind for channel in rules.channels}
        for one in reach.notifications(rules, incident.urgency, at):
            kind, due = kinds[one.channel], max(one.at, first)
            about = (page.step, page.kind.value, page.person, str(page.target), one.channel, kind, due)
            yield outbox.row(incident.number, *about, page.loop, page.level, 0 if urgent else 1)

    def send(self, kind: str, at: datetime) -> None:
        """Have a kind of pager send at that moment. It is asked for as the last of this transaction.

        Its job is wanted by many who each hold incidents; who asked earlier would wait for them, and they for it.
        """
        self._at_the_end()
        self._asked[kind] = min(at, self._asked.get(kind, at))

    def _at_the_end(self) -> None:
        if not (self._asked or self._over):
            event.listen(self.session, "before_commit", self._ask, once=True)

    def _ask(self, session: Session) -> None:
        if self._over:
            self.jobs.drop_all(session, ADVANCE, self._over, max(self._over.values()))
        for kind in sorted(self._asked):
            self.jobs.enqueue(session, SEND, kind, self._asked[kind])

    def _team(self, incident: Incident) -> str:
        return incident.policy.team or self.answering.of(incident.service).team

    @cached_property
    def _connected(self) -> Collection[str]:
        return planstore.with_pagerduty(self.session)

    def _tell_pagerduty(self, before: Incident, after: Incident, fact: Fact, at: datetime) -> None:
        told = pagerdutying.news(before, after, fact)
        if told and (team := self._by_pagerduty(after)):
            pagerdutying.tell(self.session, self.send, before, told, team, at)

    def _by_pagerduty(self, incident: Incident) -> str:
        """Return the team whose PagerDuty pages for an incident; empty: nobody's."""
        if not self._connected:
            return ""
        team = self._team(incident)
        return team if team in self._connected else ""

    def _pages_of_the_team(self, incident: Incident, at: datetime) -> Iterator[Mapping[str, Any]]:
        """Nobody came: everybody in the team hears of it, whoever is on call. The pages tell of it, too."""
        team = self._team(incident)
        everybody = Target(TargetKind.MEMBERS, team)
        step = -(incident.run + 1)
        for person in self.answering.people(everybody, at) if team else ():
            yield from self._pages_of(incident, Page(Kind.EXHAUSTED, step, 0, 0, person, everybody, at), at, at)


def record(session: Session, incident: Incident, fact: Fact, at: datetime) -> None:
    """Write a fact for the timeline, the audit and the live pages."""
    data: dict[str, Any] = fact_to_json(fact)
    data.pop("by", None)
    if fact.opening is not None:
        opening = fact.opening
        data["opening"] = {"title": opening.title, "severity": opening.severity, "policy": opening.policy.name}
    data["title"] = incident.title
    data["state"] = incident.state
    if incident.state in ENDED and fact.kind in (Kind.RESOLVED, Kind.MERGED):
        data["opened_at"] = incident.opened_at.isoformat()
    kind, subject = f"incident.{fact.kind}", f"incident:{incident.number}"
    events.record(session, kind, subject, fact.by or PORTAL, at, data, service=incident.service or None)
