"""Doing what a line of chat asks for, as the person whose chat it is. Every answer says what was done, or what is near.

The same rights hold as on the pages. Nothing of a line becomes a path, an option or a query; it is a name that is
looked up, a number, a time, or words for people.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

import catalog.query
from catalog import refs
from ledger.errors import Code, Error
from oncall import saying
from oncall.answering import Answering
from oncall.incident import Incident
from oncall.plans import Plans, Proposal
from oncall.terms import PRIMARY, Severity
from pipelines import query as deploys
from pipelines.actions import Started
from portal import duty, manual, whose
from portal.chat import grammar, linking, looking, when
from portal.chat.grammar import Order, Unclear
from portal.chat.linking import Chatter
from portal.permissions import Action, Person, Refused, may
from portal.services import Services

Look = Callable[[Session, str], Sequence[str]]
Do = Callable[[int, str, str], Incident]

PRODUCTION = "production"
NOTE = "asked for in chat"
STRANGER = "I do not know yet who you are here. Say `link`, and open the address that you get."


def answer(services: Services, chatter: Chatter, line: str) -> str:
    """Return what is said to a line. Raises nothing that somebody in chat can do something about."""
    order = grammar.read(line)
    if isinstance(order, Unclear):
        return order.sentence
    if order.verb == "help":
        return grammar.help_text()
    if order.verb == "link":
        minutes = int(linking.HOLDS.total_seconds() // 60)
        return f"Open this within {minutes} minutes, logged in: {linking.address(services, chatter)}"
    try:
        with services.database.read() as session:
            person = linking.known(services, session, chatter)
        if person is None:
            return STRANGER
        return "\n".join(Acting(services, person, chatter, services.clock()).do(order))
    except Error as error:
        if error.code is Code.INTERNAL:
            raise
        reasons = [reason for reason in error.reasons if reason != error.message][: looking.MOST]
        return "\n".join([_sentence(error.message), *reasons])
    except ValueError as error:  # of a time; its sentence says how one is written
        return _sentence(str(error)) + "."


def _sentence(said: str) -> str:
    return said[:1].upper() + said[1:]


@dataclass(frozen=True)
class Acting:
    """One order of one person."""

    services: Services
    person: Person
    chatter: Chatter
    now: datetime

    def do(self, order: Order) -> list[str]:
        acts: Mapping[str, Callable[[Order], list[str]]] = {
            "who": partial(self._look, lambda session, what: looking.who(session, self._fallback, what, self.now)),
            "oncall": partial(
                self._look, lambda session, what: looking.shifts(session, self._fallback, what, self.now)
            ),
            "incidents": partial(self._look, lambda session, what: looking.incidents(session, self.now)),
            "locks": partial(self._look, lambda session, what: looking.standing_locks(session, self.now)),
            "take": self._take,
            "swap": self._swap,
            "give": self._give,
            "ack": self._ack,
            "resolve": self._resolve,
            "note": self._note,
            "page": self._page,
            "deploy": self._deploy,
            "rollback": self._rollback,
            "unlink": self._unlink,
        }
        return acts[order.verb](order)

    @property
    def _fallback(self) -> str:
        return self.services.oncall.fallback

    @property
    def _plans(self) -> Plans:
        return self.services.oncall.plans

    def _look(self, look: Look, order: Order) -> list[str]:
        with self.services.database.read() as session:
            return list(look(session, order["what"]))

    # --- shifts -------------------------------------------------------------------------------------------------------

    def _take(self, order: Order) -> list[str]:
        me, role = duty.own(self.person), order["role"] or PRIMARY
        with self.services.database.read() as session:
            answering = Answering(session, self._fallback)
            schedule = looking.schedule_of(answering, order["what"])
            zone = looking.zone_of(answering, schedule)
            span = when.span(order["when"], self.now, zone)
            actor = duty.puts_in(self.services, session, self.person, schedule, me)
            moment = self.now if span is None else max(when.noon(span, zone) if span.whole else span.start, self.now)
            shift = answering.who(schedule, moment).get(role)
        if (span is None or span.whole) and shift is not None and shift.person:  # the whole shift of that day
            made = self._plans.cover(schedule, role, moment, me, actor, reason=NOTE)
            start, end = max(shift.start, self.now), shift.end
        elif span is None:
            return [f"Nobody is {role} of {schedule} now. Say from when to when you take it; {when.SPANS}."]
        else:
            made = self._plans.override(schedule, role, me, span.start, span.end, actor, NOTE)
            start, end = max(span.start, self.now), span.end
        return [f"You are {role} of {schedule}, {saying.stretch(start, end, zone)} ({zone.key}).", *self._effects(made)]

    def _swap(self, order: Order) -> list[str]:
        with self.services.database.read() as session:
            answering = Answering(session, self._fallback)
            schedule = looking.schedule_of(answering, order["what"])
            zone = looking.zone_of(answering, schedule)
            one, other = (when.at(order[word], self.now, zone) for word in ("when", "other"))
            both = [answering.who(schedule, at).get(PRIMARY) for at in (one, other)]
            people = [shift.person for shift in both if shift is not None]
            actor = duty.puts_in(self.services, session, self.person, schedule, *people)
            names = [looking.name(answering, person) for person in people]
        made = self._plans.swap(schedule, PRIMARY, one, other, actor, NOTE)
        spans = [saying.stretch(max(shift.start, self.now), shift.end, zone) for shift in both if shift is not None]
        said = f"Swapped in {schedule}: {names[1]} has {spans[0]}, {names[0]} has {spans[1]} ({zone.key})."
        return [said, *self._effects(made)]

    def _give(self, order: Order) -> list[str]:
        with self.services.database.read() as session:
            actor = duty.gives_back(self.services, session, self.person, order.number)
        made = self._plans.give_back(order.number, actor)
        return [f"Override {order.number} is taken back.", *self._effects(made)]

    def _effects(self, made: Proposal) -> list[str]:
        """Say what it does to whom, what is wrong now, and how it is taken back."""
        wrong = [one.sentence for one in (*made.review.opened, *made.review.doubles, *made.review.absent)]
        return [
            *made.review.sentences[: looking.MOST],
            *wrong[: looking.MOST],
            f"{self._address}/oncall/{made.schedule}",
        ]

    @property
    def _address(self) -> str:
        return self.services.config.address

    # --- incidents ----------------------------------------------------------------------------------------------------

    def _ack(self, order: Order) -> list[str]:
        return self._ordered(order, "acknowledge", "You have it. Nobody else is paged; you are reminded.")

    def _resolve(self, order: Order) -> list[str]:
        return self._ordered(order, "resolve", "It is over, and its alerts with it.")

    def _note(self, order: Order) -> list[str]:
        return self._ordered(order, "note", "Noted on its timeline.")

    def _ordered(self, order: Order, act: str, said: str) -> list[str]:
        number, text = order.number, order["text"]
        with self.services.database.read() as session:
            actor = duty.decides(self.services, session, self.person, number, act)
            before = duty.row(session, number)
        actions = self.services.oncall.actions
        acts: Mapping[str, Do] = {"acknowledge": actions.acknowledge, "resolve": actions.resolve, "note": actions.note}
        after = acts[act](number, actor, text)
        where = f"{self._address}/incidents/{number}"
        if act != "note" and after.state == before.state and (act != "acknowledge" or actor in before.holder):
            said = f"Nothing has changed: it is {before.state} already."
        return [f"#{number} {before.title}", said, where]

    def _page(self, order: Order) -> list[str]:
        made = manual.page(self.services, self.person, order["what"], order["text"], Severity.CRITICAL)
        with self.services.database.read() as session:
            answering = Answering(session, self._fallback)
            first = manual.first(answering, made.about, self.now)
        who = ", ".join(looking.name(answering, one) for one in first)
        said = f"{who} is paged first" if who else "nobody is on call there, so it goes on at once to whoever is next"
        return [f"Asked for: “{order['text']}”, {refs.short(made.about)}; {said}.", "`incidents` shows its number."]

    # --- deploys ------------------------------------------------------------------------------------------------------

    def _deploy(self, order: Order) -> list[str]:
        service, place = self._service(order, Action.DEPLOY)
        started = self.services.actions.deploy(service, place, "", self.person.actor, self.now, NOTE)
        return self._started(started)

    def _rollback(self, order: Order) -> list[str]:
        service, place = self._service(order, Action.ROLL_BACK)
        with self.services.database.read() as session:
            earlier = deploys.way_back(session, service.ref, place, limit=1)
        if not earlier:
            said = f"{service.name} has no earlier healthy release in {place} to go back to."
            raise Error(Code.CONFLICT, said)
        number = earlier[0].number
        return self._started(self.services.actions.rollback(service, place, number, self.person.actor, self.now, NOTE))

    def _service(self, order: Order, action: Action) -> tuple[catalog.query.Service, str]:
        """Return the service and the environment that are meant, when she may; alone or as production."""
        with self.services.database.read() as session:
            service = catalog.query.service(session, order["what"].replace(":", "/", 1))
            allowed = may(self.person, action, whose.owned_by_ref(session, service.ref))
        if isinstance(allowed, Refused):
            raise Error(Code.FORBIDDEN, allowed.reason)
        places = whose.environments(service)
        place = order["other"] or (places[0] if len(places) == 1 else PRODUCTION)
        if place not in places:
            said = f"it has {', '.join(places)}; say which" if places else "its catalog file has no spec.deploy"
            raise Error(Code.INVALID, f"{service.name} has no environment {place}: {said}.")
        return service, place

    def _started(self, started: Started) -> list[str]:
        with self.services.database.read() as session:
            row = deploys.deploys(session, before=started.id + 1, limit=1)[0]
        kind = "is under way already" if started.already else "asked for"
        name, number = refs.short(row.service), row.release
        return [
            f"Deploy {started.id}: {name} {number} to {row.environment}, {kind}.",
            f"{self._address}/deploys/{row.id}",
        ]

    def _unlink(self, order: Order) -> list[str]:
        with self.services.database.write() as session:
            linking.unlink(self.services, session, self.chatter, self.person.actor)
        return ["This chat is nobody's any more."]
