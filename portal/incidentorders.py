"""What people order for an incident, read from a form: who may, what was meant, and the order itself.

Whoever is logged in may take an incident and note something; whose it is decides the rest, and so does the team that
answers in the last place. Whoever has it may call others to help.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from catalog.groups import Directory
from catalog.places import did_you_mean
from ledger.errors import Code, Error
from oncall import bounds
from oncall.actions import LONGEST_NOTE
from oncall.answering import Answering
from oncall.query import Row
from oncall.terms import Severity
from portal import duty
from portal.permissions import Action, Person
from portal.render import short_ref
from portal.services import Services

Form = Mapping[str, str]

SNOOZES = {
    "15m": (timedelta(minutes=15), "15 minutes"),
    "1h": (timedelta(hours=1), "an hour"),
    "4h": (timedelta(hours=4), "4 hours"),
    "12h": (timedelta(hours=12), "12 hours"),
    "1d": (timedelta(days=1), "a day"),
    "3d": (timedelta(days=3), "3 days"),
}
FREE = frozenset({"acknowledge", "note"})  # for whoever is logged in
HELPING = frozenset({"help", "role"})  # for whoever has it, too
MOST = 1000  # characters of a reason


@dataclass(frozen=True)
class Rights:
    """Why the reader may not: decide, or call others; empty where she may."""

    decide: str
    help: str


def refusal(services: Services, session: Session, person: Person, action: Action, *whose: str) -> str:
    """Return why somebody may not, empty when she may."""
    try:
        duty.allowed(services, session, person, action, *whose)
    except Error as error:
        return error.message
    return ""


def rights(services: Services, session: Session, person: Person, row: Row) -> Rights:
    decide = refusal(services, session, person, Action.DECIDE, row.service, row.team)
    return Rights(decide, "" if person.actor in row.holder else decide)


def give(services: Services, person: Person, number: int, order: str, form: Form) -> None:
    """Do what is ordered. FORBIDDEN says who may; what is repeated changes nothing."""
    with services.database.read() as session:
        answering = Answering(session)
        row, known = duty.row(session, number), answering.known
        may_do = rights(services, session, person, row)
        if order == "merge" and not may_do.decide:  # the other one gets more to do, so it must be hers as well
            may_do = rights(services, session, person, duty.row(session, _number(form.get("into", ""))))
    refused = "" if order in FREE else may_do.help if order in HELPING else may_do.decide
    if refused:
        raise Error(Code.FORBIDDEN, refused)
    actions, by, why = services.oncall.actions, person.actor, bounds.text(form.get("reason", ""), MOST)
    match order:
        case "acknowledge":
            actions.acknowledge(number, by, why)
        case "resolve":
            actions.resolve(number, by, why)
        case "reopen":
            actions.reopen(number, by, why)
        case "snooze":
            actions.snooze(number, by, services.clock() + _snooze(form.get("for", "")), why)
        case "reassign":
            actions.reassign(number, by, somebody(known, form.get("person", "")), why)
        case "help":
            actions.add_responder(number, by, somebody(known, form.get("person", "")), why)
        case "note":
            actions.note(number, by, bounds.text(form.get("text", ""), LONGEST_NOTE))
        case "role":
            said = form.get("person", "").strip()
            actions.give_role(number, by, form.get("role", ""), somebody(known, said) if said else "")
        case "severity":
            actions.change_severity(number, by, _severity(form.get("severity", "")), why)
        case "merge":
            actions.merge(number, by, _number(form.get("into", "")), why)


def somebody(known: Directory, said: str) -> str:
    """Return who is meant by a full name, a short one or a reference; NOT_FOUND says who was probably meant."""
    said = bounds.line(said, 300)
    if not said:
        raise Error(Code.INVALID, "Say who: a name like those that the field proposes.")
    there = {ref: person.name for ref, person in known.people.items() if ref not in known.gone}
    lower = said.lower()
    ref = lower if lower.startswith("user:") else f"user:{lower}" if "/" in lower else f"user:default/{lower}"
    if ref in there or (ref := f"user:default/{lower.removeprefix('user:')}") in there:
        return ref
    found = [ref for ref, name in there.items() if name.lower() == lower or f"{name} ({short_ref(ref)})" == said]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(map(short_ref, found))
        raise Error(Code.INVALID, f"There are {len(found)} people called {said}: {names}. Write which.")
    hint = did_you_mean(said, [*there.values(), *map(short_ref, there)])
    raise Error(Code.NOT_FOUND, f"The catalog knows nobody called {said[:80]}" + (f"; {hint}" if hint else "."))


def _snooze(said: str) -> timedelta:
    if said not in SNOOZES:
        raise Error(Code.INVALID, f"Snooze it for one of these: {', '.join(text for _, text in SNOOZES.values())}.")
    return SNOOZES[said][0]


def _severity(said: str) -> Severity:
    try:
        return Severity(said)
    except ValueError:
        raise Error(Code.INVALID, f"There is no severity “{said[:40]}”; there are {', '.join(Severity)}.") from None


def _number(said: str) -> int:
    said = said.strip().removeprefix("#")
    if not said.isdigit() or len(said) > 12:
        raise Error(Code.INVALID, "Say into which incident, by its number.")
    return int(said)
