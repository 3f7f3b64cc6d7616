"""Public holidays, as all doors ask for them: whose they are, who may, and who is asked to cover.

A person's are for herself and admins; a team's, and those of its schedules, for who may plan its shifts.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from sqlalchemy.orm import Session

from ledger.errors import Code, Error
from oncall import fairwatch, freedays, notices, planstore
from oncall.answering import GROUP, Answering
from oncall.freedays import SCHEDULE, Homes, Worked
from oncall.schedule import Schedule
from oncall.terms import Shift
from portal import duty
from portal.oncalltelling import stretch
from portal.permissions import Person
from portal.render import Times, iso, short_ref
from portal.services import Services

AHEAD = timedelta(days=56)
ASKED = 20  # people at once


@dataclass(frozen=True)
class Coming:
    """What a schedule has to do with holidays for a while: whose days are free, and who is on call on one."""

    homes: Homes
    worked: Sequence[Worked]


def subject(session: Session, said: str, asks: Person) -> str:
    """Return whose holidays are meant: `me`, user:ada, group:payments, schedule:nights. Raises Error."""
    if said.startswith(SCHEDULE):
        return f"{SCHEDULE}{duty.of_schedule(session, said.removeprefix(SCHEDULE)).name}"
    known = Answering(session).known
    if said.startswith(GROUP):
        if (found := duty.ref(said, "group")) not in known.groups:
            raise Error(Code.NOT_FOUND, f"The catalog has no team {said[:80]}.")
        return found
    if (found := duty.person(said, asks)) not in known.people:
        raise Error(Code.NOT_FOUND, f"The catalog knows nobody called {said[:80]}.")
    return found


def allowed(services: Services, session: Session, asks: Person, of: str) -> str:
    """Return the actor who may change those holidays. Raises Error(FORBIDDEN) with who can."""
    if of.startswith(SCHEDULE):
        return duty.plans(services, session, asks, duty.of_schedule(session, of.removeprefix(SCHEDULE)).team)
    if of.startswith(GROUP):
        return duty.plans(services, session, asks, of)
    if of != asks.user_ref and not asks.is_admin:
        raise Error(Code.FORBIDDEN, "A person's holidays are changed by that person or by an admin.")
    return asks.actor


def coming(answering: Answering, name: str, schedule: Schedule, now: datetime, until: datetime) -> Coming:
    """Return who of a schedule is on call on a free day, from now on."""
    shifts = answering.shifts(name, now, until)
    people = list(dict.fromkeys(shift.person for shift in shifts if shift.person))
    there = freedays.homes(answering, name, schedule.zone, people)
    return Coming(there, list(freedays.worked(shifts, there)))


def ask_to_cover(services: Services, asks: Person, name: str, role: str, at: datetime) -> Sequence[str]:
    """Ask the others of a rota, once, to take a shift; of one on a free day only that day. Return who is asked.

    Raises Error, with who may.
    """
    now = services.clock()
    with services.jobs.transaction() as tx:
        answering = Answering(tx, services.oncall.fallback)
        schedule, shift = answering.schedule(name), answering.who(name, at).get(role)
        if schedule is None or shift is None or not shift.person or shift.end <= now:
            raise Error(Code.NOT_FOUND, f"Nobody is {role[:60]} of {name[:80]} then.")
        by = duty.puts_in(services, tx, asks, name, shift.person)
        there = freedays.homes(answering, name, schedule.zone, [shift.person])
        free = next(freedays.worked([replace(shift, start=at, end=at + timedelta.resolution)], there), None)
        part = freedays.part(shift, free.day, there) if free else shift
        part = replace(part, start=max(part.start, now))
        if (key := asked_key(name, shift, free)) in planstore.announced(tx):
            raise Error(Code.CONFLICT, "They are asked already; you will be told when somebody takes it.")
        people = _others(answering, name, schedule, part)
        if not people:
            raise Error(Code.CONFLICT, "There is nobody else in the rota who could be asked.")
        title, text, path = _question(answering, name, part, by, free.name if free else "", Times(now, schedule.zone))
        for person in people:
            notices.notify(tx, services.jobs, person, title, text, path, now)
        planstore.announce(tx, [key], now)
    return people


def asked_key(name: str, shift: Shift, free: Worked | None) -> str:
    """Return by what it is known that a shift, or a day of it, was asked for."""
    said = f"{name}:{shift.role}:{shift.person}:{free.day if free else shift.start.isoformat()}"
    return f"cover:{hashlib.sha256(said.encode()).hexdigest()[:32]}"


def _question(answering: Answering, name: str, part: Shift, by: str, free: str, times: Times) -> tuple[str, str, str]:
    """Return title, text and path of what they are asked."""
    names = {one.ref: one.name for one in answering.known.people.values()}
    asker, holder = names.get(by, short_ref(by)), names.get(part.person, short_ref(part.person))
    who = "I am" if by == part.person else f"{holder} is"
    because = f", and that is a holiday: {free}" if free else ""
    text = (
        f"{asker} asks: {who} {part.role} of {name} {stretch(part.start, part.end, times)} ({times.zone.key}){because}."
    )
    start, end = iso(part.start), iso(part.end)
    asked = urlencode({"role": part.role, "at": start, "start": start, "end": end})
    return f"Can you be {part.role} of {name} instead?", text, f"/oncall/{quote(name)}/change?{asked}"[:300]


def _others(answering: Answering, name: str, schedule: Schedule, shift: Shift) -> Sequence[str]:
    """Return who of the rota is not on call meanwhile; where it is nobody, the rest of the team."""
    busy = {shift.person, *(one.person for one in answering.shifts(name, shift.start, shift.end))}
    known = answering.known.people
    rota, team = fairwatch.in_rotation(schedule, shift.start), answering.members(answering.schedules[name][-1].team)
    for people in (rota, team):
        free = [one for one in people if one in known and one not in busy]
        if free:
            return free[:ASKED]
    return [one for one in rota if one in known and one != shift.person][:ASKED]
