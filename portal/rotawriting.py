"""A team's first schedule and escalation, written from a form into the texts that people edit from then on. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta

import yaml

from ledger.errors import Code, Error
from oncall import policyfile, zones
from oncall.policy import Level, Policy, Target, TargetKind
from oncall.terms import PRIMARY
from portal.render import short_ref

SECONDARY = "secondary"
LENGTHS = (("1 week", "a week"), ("2 weeks", "two weeks"), ("1 day", "a day"))
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FIRST, SECOND, TEAM = timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=15)


@dataclass(frozen=True)
class First:
    """What the form says."""

    name: str
    team: str  # group:default/payments
    people: Sequence[str]
    every: str
    day: int  # Monday is 0
    clock: str  # 09:00
    zone: str
    two: bool  # a second behind the first


def schedule(said: First, today: date) -> str:
    """Return the text of the schedule; its turns are counted from the last such day before today."""
    problems = _problems(said)
    if problems:
        raise Error(Code.INVALID, problems[0], reasons=problems)
    begins = today - timedelta(days=(today.weekday() - said.day) % 7 or 7)
    roles = {PRIMARY: 0} | ({SECONDARY: 1} if said.two else {})
    rotation = {
        "name": "main",
        "order": [_short(person) for person in said.people],
        "every": said.every,
        "starts": f"{begins.isoformat()} {said.clock}",
        "roles": roles,
    }
    body = {"timezone": said.zone, "rotations": [rotation]}
    head = f"# Who is on call for {short_ref(said.team)}. Whoever stands first in `order` had the turn of {begins}.\n"
    return head + yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=110)


def escalation(said: First) -> str:
    """Return the text of the escalation: first, second, then everybody, twice."""
    levels = [Level((Target(TargetKind.ROLE, f"{said.name}/{PRIMARY}"),), FIRST)]
    if said.two:
        levels.append(Level((Target(TargetKind.ROLE, f"{said.name}/{SECONDARY}"),), SECOND))
    levels.append(Level((Target(TargetKind.MEMBERS, said.team),), TEAM))
    return policyfile.write(Policy(said.name, tuple(levels), repeat=1, team=said.team))


def _problems(said: First) -> list[str]:
    found = []
    if not said.people:
        found.append("Give at least one person a place in the order.")
    if said.two and len(said.people) < 2:
        found.append("A second needs two people at least.")
    if said.every not in dict(LENGTHS):
        found.append("A turn lasts a day, a week or two weeks.")
    try:
        time.fromisoformat(said.clock)
    except ValueError:
        found.append(f"Write the hour of the hand-off like 09:00, not “{said.clock[:20]}”.")
    try:
        zones.zone(said.zone)
    except ValueError as error:
        found.append(f"{str(error)[:1].upper()}{str(error)[1:]}.")
    return found


def _short(ref: str) -> str:
    return ref.replace(":default/", ":", 1)
