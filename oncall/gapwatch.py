"""Announces what will be wrong within a week: gaps, rotas of one, people out of reach. Each is said once, to the team.

Looks further ahead than it announces, so that a gap without an end is not announced anew each day.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from ledger.jobs import Jobs
from oncall import ahead, coverage, notices, planstore
from oncall.answering import Answering
from oncall.coverage import Finding, Trouble

LOOKS = timedelta(days=28)
KEY = "coverage"
SAID = frozenset({Trouble.GAP, Trouble.ALONE, Trouble.UNREACHABLE, Trouble.LEFT})


def look(session: Session, jobs: Jobs, now: datetime, fallback: str = "") -> int:
    """Tell the members of each team what comes within a week and was not told before; return how many things."""
    answering, said = Answering(session, fallback), list(planstore.announced(session))
    told = 0
    for name, versions in answering.schedules.items():
        if not versions[-1].text:
            continue
        found = [one for one in ahead.findings(answering, name, now, now + LOOKS) if one.kind in SAID]
        due = coverage.to_announce(found, list(_before(said, name, found)), now)
        if due:
            planstore.announce(session, [_key(name, one) for one in due], now)
            _tell(session, jobs, answering, name, versions[-1].team, due, now)
        told += len(due)
    return told


def _tell(
    session: Session,
    jobs: Jobs,
    answering: Answering,
    name: str,
    team: str,
    due: Sequence[Finding],
    now: datetime,
) -> None:
    title = f"{name}: {coverage.said(due)} within a week"
    text = "\n".join(f"{one.sentence[:1].upper()}{one.sentence[1:]}." for one in due)
    people = [*answering.members(team), *(person for one in due for person in one.people)]
    for person in dict.fromkeys(one for one in people if one in answering.known.people):
        notices.notify(session, jobs, person, title, text, f"/oncall/{name}", now)


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
