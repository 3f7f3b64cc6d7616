"""Who may do what in on-call, asked by the API and the chat alike. Everybody may look, take an incident and note.

What decides about an incident is for whose it is, the team that answers, the fallback team and admins; what changes
shifts is for the team, and for whoever's own shifts they are. A refusal says who can.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from catalog import refs
from ledger.errors import Code, Error
from oncall import planstore, query
from oncall.answering import GROUP, Answering
from oncall.planstore import SCHEDULE, Kept, Written
from oncall.query import Row
from portal import whose
from portal.permissions import Action, Owned, Person, Refused, may
from portal.services import Services

LARGEST = 2**62  # number of anything
FREE = frozenset({"acknowledge", "note"})  # for whoever is logged in
HELPING = frozenset({"responder", "role"})  # for whoever has it, too


def person(said: str, asks: Person) -> str:
    """Return the reference that `ada`, `user:ada` or `me` means. Raises Error(INVALID)."""
    if said.strip().lower() == "me":
        return own(asks)
    return ref(said, "user")


def own(asks: Person) -> str:
    """Return who asks as the catalog knows her. Raises Error(CONFLICT) where it does not."""
    if asks.user_ref is None:
        said = f"The account {asks.account} stands for nobody in the catalog; say who is meant, like user:ada."
        raise Error(Code.CONFLICT, said)
    return asks.user_ref


def ref(said: str, kind: str) -> str:
    """Return the whole reference; `kind` where none is said, and otherwise that one. Raises Error(INVALID)."""
    try:
        found = refs.parse(said.strip(), kind)
    except ValueError as error:
        raise Error(Code.INVALID, f"“{said[:80]}” names nobody: {error}.") from None
    if found.kind != kind:
        raise Error(Code.INVALID, f"“{said[:80]}” is no {kind}; write {kind}:name.")
    return str(found)


def number(said: int) -> int:
    """Return a number that a database can hold. Raises Error(NOT_FOUND) for what can be no number of anything."""
    if not 0 < said < LARGEST:
        raise Error(Code.NOT_FOUND, "There is nothing of that number.")
    return said


def row(session: Session, number: int) -> Row:
    """Return an incident as in a list. Raises Error(NOT_FOUND)."""
    found = query.incidents(session, before=number + 1, limit=1) if 0 < number < LARGEST else ()
    if not found or found[0].number != number:
        raise Error(Code.NOT_FOUND, f"There is no incident {number}; look at the list of all.")
    return found[0]


def decides(services: Services, session: Session, asks: Person, number: int, order: str) -> str:
    """Return the actor, who may order that for an incident. Raises Error(FORBIDDEN) with who can."""
    found = row(session, number)
    if order in FREE or (order in HELPING and asks.actor in found.holder):
        return asks.actor
    return allowed(services, session, asks, Action.DECIDE, found.service, found.team)


def plans(services: Services, session: Session, asks: Person, team: str) -> str:
    """Return the actor who may change a team's schedules and escalations. Raises Error(FORBIDDEN) with who can."""
    return allowed(services, session, asks, Action.PLAN, team)


def of_schedule(session: Session, name: str) -> Written:
    """Return a schedule as it is written now. Raises Error(NOT_FOUND)."""
    return document(session, SCHEDULE, name)


def document(session: Session, kind: str, name: str) -> Written:
    known = planstore.documents(session, kind)
    if name not in known:
        there = ", ".join(list(known)[:8]) or "none yet"
        raise Error(Code.NOT_FOUND, f"There is no {kind} {name[:80]}; there are {there}.")
    return known[name]


def puts_in(services: Services, session: Session, asks: Person, schedule: str, *people: str) -> str:
    """Return the actor who may change these people's shifts: one of them is she, or the schedule is her team's."""
    found = of_schedule(session, schedule)
    if asks.user_ref and asks.user_ref in people:
        return asks.actor
    return plans(services, session, asks, found.team)


def holder(services: Services, session: Session, schedule: str, role: str, at: datetime) -> str:
    """Return who holds a role at a moment; empty: nobody."""
    shift = Answering(session, services.oncall.fallback).who(schedule, at).get(role)
    return shift.person if shift else ""


def gives_back(services: Services, session: Session, asks: Person, number: int) -> str:
    """Return the actor who may take an override away: hers, made by her, or of her team's schedule."""
    kept: Kept | None = planstore.override(session, number) if 0 < number < LARGEST else None
    if kept is None:
        raise Error(Code.NOT_FOUND, f"There is no override {number}; it may have been taken away already.")
    both = [kept, planstore.override(session, kept.pair or 0)]
    people = [one.override.person for one in both if one is not None]
    if kept.override.by == asks.actor:
        return asks.actor
    return puts_in(services, session, asks, kept.schedule, *people)


def allowed(services: Services, session: Session, asks: Person, action: Action, *whose_: str) -> str:
    """Return the actor when one of those, or the fallback, is hers. Raises Error(FORBIDDEN) with the first refusal."""
    owners = owned(session, [*whose_, services.oncall.fallback])
    answers = [may(asks, action, one) for one in owners] or [may(asks, action)]
    refusals = [one.reason for one in answers if isinstance(one, Refused)]
    if len(refusals) == len(answers):
        raise Error(Code.FORBIDDEN, refusals[0])
    return asks.actor


def owned(session: Session, said: Sequence[str]) -> Sequence[Owned]:
    """Return whose those are: services, teams, people; what is empty is nobody's."""
    found = []
    known = Answering(session).known
    for one in dict.fromkeys(ref for ref in said if ref):
        if one.startswith(GROUP):
            names = tuple(someone.name for someone in known.people_of(one))
            found.append(Owned(refs.short(one), one, known.groups.get(one, refs.short(one)), names))
        elif one.startswith("user:"):
            who = known.people.get(one)
            found.append(Owned(refs.short(one), one, who.name if who else "", (who.name,) if who else ()))
        else:
            found.append(whose.owned_by_ref(session, one))
    return found
