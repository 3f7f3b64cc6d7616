"""Who answers: for a service the escalation that is followed, and for each of its targets the people who hold it now.

One of these is made for one transaction; it reads what it needs once, however many incidents ask. The people are those
of the catalog, their channels those that they have verified.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

import structlog
from sqlalchemy.orm import Session

import catalog.query
from catalog import refs
from catalog.brief import Described
from catalog.groups import Directory
from catalog.query import Service
from ledger.errors import Code, Error
from oncall import planstore, policyfile, reach, schedulefile
from oncall.overrides import Override
from oncall.planstore import ESCALATION, SCHEDULE, Kept, Written
from oncall.policy import Level, Policy, Target, TargetKind
from oncall.reach import Reachable, Rules
from oncall.schedule import Schedule, render, who
from oncall.terms import PRIMARY, Shift, Urgency

GROUP = "group:"
USUAL = "usual"  # the escalation of a team that has written none
_LONG = timedelta(minutes=15)
_BROKEN = (Error, ValueError, LookupError, TypeError, AttributeError, RecursionError)

log = structlog.get_logger()


@dataclass(frozen=True)
class Answers:
    """Who answers for something: the team or person, the escalation, and how that is known."""

    team: str  # group:default/payments; empty: nobody does
    policy: Policy
    why: str


@dataclass
class Answering:
    """`fallback`: the group or person who answers for what nobody else does; empty: nobody."""

    session: Session
    fallback: str = ""
    _rules: dict[str, Rules] = field(default_factory=dict)
    _known: Directory | None = None
    _schedules: Mapping[str, Sequence[Written]] | None = None
    _policies: Mapping[str, Written] | None = None
    _overrides: dict[str, list[Kept]] | None = None
    _services: dict[str, Service | None] = field(default_factory=dict)
    _learned: dict[str, Described] = field(default_factory=dict)

    # --- whose it is --------------------------------------------------------------------------------------------------

    @property
    def known(self) -> Directory:
        if self._known is None:
            self._known = catalog.query.directory(self.session)
        return self._known

    def service(self, ref: str) -> Service | None:
        """Return the component, None where the catalog has none of that name."""
        if ref not in self._services:
            try:
                self._services[ref] = catalog.query.service(self.session, ref)
            except Error as error:
                if error.code is not Code.NOT_FOUND:
                    raise
                self._services[ref] = None
        return self._services[ref]

    def learn(self, services: Sequence[Described]) -> None:
        """Take services that were read together, so that `of` asks for none of them by itself."""
        self._learned.update((one.ref, one) for one in services)

    def __contains__(self, ref: object) -> bool:
        """Say whether somebody answers for a service, or is there as a team or person, without any fallback."""
        if not isinstance(ref, str) or ref.startswith((GROUP, "user:")):
            return ref in self.known.groups or ref in self.known.people
        found = self._described(ref)
        return found is not None and (bool(found.owner.people) or self._named(found) is not None)

    def of(self, service: str) -> Answers:
        """Return who answers for a service, or for the group or person that stands in a service's place."""
        if service.startswith((GROUP, "user:")):
            return self.of_team(service, "answers for what nobody else does")
        found = self._described(service)
        if found is None:
            return self.of_team(self.fallback, f"{refs.short(service) or 'it'} is not in the catalog")
        written = self._named(found)
        if written is not None:
            return self._followed(written, written.team or found.owner.ref, "its file names it")
        named = found.escalation
        lost = f"; its file names {named}, which does not exist" if named else ""
        if not found.owner.people:
            nobody = f"there is nobody in {found.owner.title}" if found.owner.ref else "it has no owner in the catalog"
            return self.of_team(self.fallback, f"{refs.short(service) or 'it'}: {nobody}{lost}")
        return self.of_team(found.owner.ref, f"owns {found.name}{lost}")

    def _described(self, ref: str) -> Described | None:
        return self._learned.get(ref) or self.service(ref)

    def _named(self, service: Described) -> Written | None:
        """Return the escalation that a service's file names, where there is one of that name."""
        return self.policies.get(service.escalation)

    def of_team(self, team: str, why: str) -> Answers:
        """Return a team's own escalation, or the usual one."""
        own = next((one for one in self.policies.values() if one.team == team), None) if team else None
        if own is not None:
            return self._followed(own, team, why)
        return Answers(team, usual(team), why)

    def _followed(self, written: Written, team: str, why: str) -> Answers:
        """Follow an escalation as it is written; the usual one where it can be read no more, so that somebody comes."""
        policy = _policy(written.text, written.name)
        if policy is None:
            lost = f"{written.name} cannot be read any more, so the usual escalation is followed"
            return Answers(team, usual(team), f"{why}; {lost}")
        return Answers(team, policy, why)

    @property
    def policies(self) -> Mapping[str, Written]:
        if self._policies is None:
            self._policies = planstore.documents(self.session, ESCALATION)
        return self._policies

    # --- who holds it -------------------------------------------------------------------------------------------------

    def on_call(self, target: Target, urgency: Urgency, at: datetime) -> Sequence[Reachable]:
        """Return who answers for a target at a moment, and when a page would first reach each."""
        if target.kind is TargetKind.ROLE and self._is_lost(name := target.ref.partition("/")[0]):
            return [Reachable(f"schedule {name}", None, "cannot be read any more")]
        people = self.people(target, at)
        self._learn(people)
        return [self._reachable(person, urgency, at) for person in people]

    def _is_lost(self, name: str) -> bool:
        """Is there such a schedule, and nobody can read it?"""
        versions = self.schedules.get(name, ())
        return bool(versions and versions[-1].text) and self.schedule(name) is None

    def people(self, target: Target, at: datetime) -> Sequence[str]:
        match target.kind:
            case TargetKind.PERSON:
                return [target.ref]
            case TargetKind.ROLE:
                schedule, _, role = target.ref.partition("/")
                shift = self.who(schedule, at).get(role)
                return [shift.person] if shift and shift.person else []
            case TargetKind.TEAM:
                return self.of_the_team(target.ref, at)
            case TargetKind.MEMBERS:
                return self.members(target.ref)

    def of_the_team(self, team: str, at: datetime) -> Sequence[str]:
        """Return who is on call first in the team's schedules; everybody in it where it has none."""
        names = [name for name in self.schedules_of(team) if not self._is_lost(name)]
        if not names:
            return self.members(team)
        shifts = [self.who(name, at).get(PRIMARY) for name in names]
        return list(dict.fromkeys(shift.person for shift in shifts if shift and shift.person))

    def schedules_of(self, team: str) -> Sequence[str]:
        """Return the names of the team's schedules that are still there."""
        return [name for name, versions in self.schedules.items() if versions[-1].team == team and versions[-1].text]

    def members(self, team: str) -> Sequence[str]:
        if team.startswith("user:"):
            return [team]
        return [person.ref for person in self.known.people_of(team)]

    def who(self, schedule: str, at: datetime) -> Mapping[str, Shift]:
        """Return who holds each role of a schedule at a moment; nothing where there is no such schedule."""
        version = _holding(self.schedules.get(schedule, ()), at)
        written = _schedule(version.text, schedule) if version is not None and version.text else None
        return {} if written is None else who(written, at, self.overrides(schedule))

    def shifts(self, schedule: str, since: datetime, until: datetime) -> list[Shift]:
        """Return the shifts of a schedule, each by the version that held then."""
        found: list[Shift] = []
        for written, begins, ends in self.written(schedule, since, until):
            found += render(written, begins, ends, self.overrides(schedule))
        return found

    def written(self, schedule: str, since: datetime, until: datetime) -> Iterator[tuple[Schedule, datetime, datetime]]:
        """Yield what a schedule said between two moments, and from when to when it did."""
        versions = self.schedules.get(schedule, ())
        for number, version in enumerate(versions):
            begins = max(since, version.since) if number else since
            ends = min(until, versions[number + 1].since) if number + 1 < len(versions) else until
            written = _schedule(version.text, schedule) if begins < ends and version.text else None
            if written is not None:
                yield written, begins, ends

    def schedule(self, name: str) -> Schedule | None:
        """Return the schedule as it is written now; None where there is none, or it can be read no more."""
        versions = self.schedules.get(name, ())
        return _schedule(versions[-1].text, name) if versions and versions[-1].text else None

    @property
    def schedules(self) -> Mapping[str, Sequence[Written]]:
        if self._schedules is None:
            self._schedules = planstore.every_version(self.session, SCHEDULE)
        return self._schedules

    def overrides(self, schedule: str) -> Sequence[Override]:
        if self._overrides is None:
            self._overrides = {}
            for kept in planstore.overrides(self.session):
                self._overrides.setdefault(kept.schedule, []).append(kept)
        return [kept.override for kept in self._overrides.get(schedule, ())]

    # --- how they are reached -----------------------------------------------------------------------------------------

    def rules(self, person: str) -> Rules:
        self._learn([person])
        return self._rules[person]

    def reached(self, people: Sequence[str]) -> list[str]:
        """Return those of some people who have a channel that counts; asks for all at once, and for nobody twice."""
        self._learn(people)
        return [person for person in people if any(one.verified for one in self._rules[person].channels)]

    def _learn(self, people: Sequence[str]) -> None:
        unknown = [person for person in people if person not in self._rules]
        if unknown:
            self._rules.update(planstore.rules(self.session, unknown))

    def _reachable(self, person: str, urgency: Urgency, at: datetime) -> Reachable:
        if person in self.known.gone or person not in self.known.people:
            return Reachable(person, None, "has left the catalog")
        return reach.reachable(self._rules[person], urgency, at)


def usual(team: str) -> Policy:
    """Return what is followed where a team has written nothing: who is on call, then everybody, twice."""
    if not team:
        return Policy(USUAL, ())
    levels = (Level((Target(TargetKind.TEAM, team),), _LONG), Level((Target(TargetKind.MEMBERS, team),), _LONG))
    return Policy(USUAL, levels if team.startswith(GROUP) else levels[:1], repeat=1, team=team)


def _holding(versions: Sequence[Written], at: datetime) -> Written | None:
    """Return the version that holds at a moment; the first one held before it was written, too."""
    held = [version for version in versions if version.since <= at]
    return held[-1] if held else (versions[0] if versions else None)


# What was written was read before. What can be read no more was written by another version of the program, or its zone
# is gone; that must not keep anybody else from being paged. It is logged once.


@lru_cache(maxsize=2000)
def _schedule(text: str, name: str) -> Schedule | None:
    try:
        return schedulefile.read(text, name)
    except _BROKEN as error:
        log.error("a schedule cannot be read any more", schedule=name, kind=type(error).__name__)
        return None


@lru_cache(maxsize=2000)
def _policy(text: str, name: str) -> Policy | None:
    try:
        found, _ = policyfile.read(text, name)
    except _BROKEN:
        found = None
    if found is None:
        log.error("an escalation cannot be read any more", escalation=name)
    return found
