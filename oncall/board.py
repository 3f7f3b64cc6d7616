"""Who is on call now, for everything; services that are answered for alike stand together. Few statements.

Made of what `Answering` says of each service, so the board, the service's page and a page that goes out agree.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalog.brief import Described
from oncall import query
from oncall.answering import GROUP, Answering, Answers
from oncall.policy import Level, Policy, TargetKind
from oncall.terms import PRIMARY, Shift

MOST = 2000  # schedules whose answers are kept
_FOUND: dict[object, tuple[Mapping[str, Shift], ...]] = {}


@dataclass(frozen=True)
class Holder:
    """Somebody who is asked to come. `until` and `then` where a schedule says so; an empty person is nobody."""

    person: str
    schedule: str = ""
    role: str = ""
    until: datetime | None = None
    then: str = ""  # who follows; empty: nobody
    source: str = ""


@dataclass(frozen=True)
class Line:
    """One escalation and what it is followed for."""

    policy: Policy
    team: str  # who answers; empty: nobody
    why: str
    services: tuple[Described, ...]
    first: tuple[Holder, ...]
    behind: tuple[Holder, ...]  # of the second level, who are not of the first

    @property
    def is_covered(self) -> bool:
        return any(one.person for one in self.first)


def lines(answering: Answering, services: Sequence[Described], at: datetime) -> list[Line]:
    """Return who answers for these services, those whom nobody answers for first, then by the team's name."""
    answering.learn(services)
    alike: dict[tuple[str, bool, str], list[Described]] = {}  # what says who answers is the same of all of them
    for service in services:
        alike.setdefault((service.owner.ref, bool(service.owner.people), service.escalation), []).append(service)
    together: dict[tuple[str, str], list[Described]] = {}
    answers: dict[tuple[str, str], Answers] = {}
    for theirs in alike.values():
        found = answering.of(theirs[0].ref)
        key = (found.policy.name, found.team)
        answers.setdefault(key, found)
        together.setdefault(key, []).extend(theirs)
    made = [
        _line(answering, answers[key].policy, key[1], answers[key].why, tuple(its), at) for key, its in together.items()
    ]
    return sorted(made, key=lambda one: (one.is_covered, one.team.rpartition("/")[2], one.policy.name))


def line(answering: Answering, service: str, at: datetime) -> Line:
    """Return who answers for one service."""
    answers = answering.of(service)
    return _line(answering, answers.policy, answers.team, answers.why, (), at)


def _line(
    answering: Answering, policy: Policy, team: str, why: str, services: tuple[Described, ...], at: datetime
) -> Line:
    first = tuple(holders(answering, policy.levels[0], at)) if policy.levels else ()
    there = {one.person for one in first}
    behind = tuple(holders(answering, policy.levels[1], at)) if len(policy.levels) > 1 else ()
    return Line(policy, team, why, services, first, tuple(one for one in behind if one.person not in there))


def holders(answering: Answering, level: Level, at: datetime) -> Iterable[Holder]:
    """Yield whom a level names at a moment, each once."""
    found: dict[str, Holder] = {}
    for target in level.targets:
        if target.kind is TargetKind.ROLE:
            schedule, _, role = target.ref.partition("/")
            one = holder(answering, schedule, role, at)
            found.setdefault(one.person, one)
        elif target.kind is TargetKind.TEAM:
            for one in _of_team(answering, target.ref, at):
                found.setdefault(one.person, one)
        else:
            for person in answering.people(target, at):
                found.setdefault(person, Holder(person))
    return found.values()


def holder(answering: Answering, schedule: str, role: str, at: datetime) -> Holder:
    """Return who holds a role of a schedule, until when, and who then."""
    shift = _who(answering, schedule, at).get(role)
    if shift is None or not shift.person:
        return Holder("", schedule, role)
    end, then = _until(answering, schedule, shift)
    return Holder(shift.person, schedule, role, end, then, str(shift.source))


def _until(answering: Answering, schedule: str, shift: Shift) -> tuple[datetime, str]:
    """Return when somebody really goes: whoever follows herself is still there."""
    end = shift.end
    for _ in range(4):
        following = _who(answering, schedule, end).get(shift.role)
        if following is None or following.person != shift.person:
            return end, following.person if following else ""
        end = following.end
    return end, shift.person


def _who(answering: Answering, schedule: str, at: datetime) -> Mapping[str, Shift]:
    """Return who has each role; what was found for the same texts and overrides holds until the first shift ends."""
    versions = tuple(
        (one.version, one.since, one.since <= at, one.text) for one in answering.schedules.get(schedule, ())
    )
    key = (schedule, versions, tuple(answering.overrides(schedule)))
    known = answering.schedule(schedule)
    for found in _FOUND.get(key, ()):
        if all(shift.start <= at < shift.end for shift in found.values()):
            return found
    found = answering.who(schedule, at)
    if known is not None and len(found) == len(known.roles):  # else nobody knows how long a gap lasts
        if len(_FOUND) >= MOST:
            _FOUND.clear()
        _FOUND[key] = (found, *_FOUND.get(key, ())[:3])
    return found


def _of_team(answering: Answering, team: str, at: datetime) -> Iterable[Holder]:
    names = answering.schedules_of(team)
    if not names:
        return [Holder(person) for person in answering.members(team)]
    return [holder(answering, name, PRIMARY, at) for name in names]


def unreachable(answering: Answering, found: Iterable[Line]) -> list[str]:
    """Return who is on call now, or next, and would not hear of it."""
    people = dict.fromkeys(
        person
        for one in found
        for holder in (*one.first, *one.behind)
        for person in (holder.person, holder.then)
        if person and not person.startswith(GROUP)
    )
    heard = query.reached(answering.session, list(people))
    return [person for person in people if person not in heard]
