"""Announces what will be wrong within a week: gaps, rotas of one, people out of reach or away. Each is said once.

Looks further ahead than it announces, so that a gap without an end is not announced anew each day.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from ledger.jobs import Jobs
from oncall import ahead, coverage, notices, planstore
from oncall.answering import Answering
from oncall.coverage import Finding, Trouble

LOOKS = timedelta(days=28)
KEY = "coverage"
SAID = frozenset({Trouble.GAP, Trouble.ALONE, Trouble.UNREACHABLE, Trouble.LEFT, Trouble.AWAY})


@dataclass(frozen=True)
class Due:
    """What is to be announced of one schedule, and to whom."""

    schedule: str
    found: Sequence[Finding]
    people: Sequence[str]


def look(session: Session, jobs: Jobs, now: datetime, fallback: str = "") -> int:
    """Tell the members of each team what comes within a week and was not told before; return how many things."""
    found = due(session, now, fallback)
    say(session, jobs, found, now)
    return sum(len(one.found) for one in found)


def due(session: Session, now: datetime, fallback: str = "") -> list[Due]:
    """Return what is to be told now. Only reads."""
    answering, said = Answering(session, fallback), list(planstore.announced(session))
    made, there = [], [name for name, versions in answering.schedules.items() if versions[-1].text]
    for name, wrong in ahead.all_findings(answering, there, now, now + LOOKS).items():
        found = [one for one in wrong if one.kind in SAID]
        fresh = coverage.to_announce(found, list(_before(said, name, found)), now)
        people = [
            *answering.members(answering.schedules[name][-1].team),
            *(person for one in fresh for person in one.people),
        ]
        known = [person for person in dict.fromkeys(people) if person in answering.known.people]
        made += [Due(name, fresh, known)] if fresh else []
    return made


def say(session: Session, jobs: Jobs, found: Iterable[Due], now: datetime) -> None:
    """Tell it, and keep that it was told, in the caller's transaction."""
    for one in found:
        planstore.announce(session, [_key(one.schedule, each) for each in one.found], now)
        title = f"{one.schedule}: {coverage.said(one.found)} within a week"
        text = "\n".join(f"{each.sentence[:1].upper()}{each.sentence[1:]}." for each in one.found)
        for person in one.people:
            notices.notify(session, jobs, person, title, text, f"/oncall/{one.schedule}", now)


def _key(schedule: str, one: Finding) -> str:
    """Return what is kept of an announcement: what it was about, and from when to when."""
    return f"{KEY}:{_about(schedule, one)}:{int(one.start.timestamp())}:{int(one.end.timestamp())}"


def _about(schedule: str, one: Finding) -> str:
    said = "\n".join((schedule, one.kind, one.role, *one.people))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _before(said: Iterable[str], schedule: str, found: Iterable[Finding]) -> Iterable[Finding]:
    """Yield what was announced about the same things before."""
    about = {_about(schedule, one): one for one in found}
    for key in said:
        parts = key.split(":")
        if len(parts) == 4 and parts[0] == KEY and (same := about.get(parts[1])) is not None:
            start, end = (datetime.fromtimestamp(int(part), same.start.tzinfo) for part in parts[2:])
            yield Finding(same.kind, start, end, same.role, same.people, "")
