"""What a change of a schedule would do: two futures compared, and what would be wrong with the second. Only reads."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from oncall import coverage, freedays, reviewing
from oncall.answering import Answering
from oncall.coverage import Finding
from oncall.overrides import Override
from oncall.reviewing import Review
from oncall.schedule import Schedule, render
from oncall.terms import Shift

AHEAD = timedelta(days=56)  # as far as a change is looked at before it is saved


@dataclass(frozen=True)
class Proposal:
    """What a change would do: per person, to who is on call now, and what would be wrong afterwards."""

    schedule: str
    review: Review
    findings: Sequence[Finding]  # of the time to come, as it would be
    shifts: Sequence[Shift]  # as they would be
    zone: ZoneInfo
    since: datetime
    until: datetime
    more: Sequence[Override] = ()  # that it would add
    but: Sequence[int] = ()  # that it would take away


def proposal(
    answering: Answering,
    name: str,
    schedule: Schedule,
    now: datetime,
    more: Sequence[Override] = (),
    but: Sequence[int] = (),
) -> Proposal:
    """`more`: overrides that would be added, `but`: those that would go."""
    until = now + AHEAD
    before = answering.shifts(name, now, until)
    standing = [one for one in answering.overrides(name) if one.number not in but]
    last = [replace(one, created=one.created + timedelta.resolution) for one in more]  # as they will be once numbered
    after = render(schedule, now, until, [*standing, *last])
    people = list(dict.fromkeys(shift.person for shift in (*before, *after) if shift.person))
    reachable = answering.reached(people)
    there = freedays.homes(answering, name, schedule.zone, people)
    known = answering.known.people
    names = {person: known[person].name for person in people if person in known}
    about = (before, after, now, until, now)
    review = reviewing.review(
        *about, reachable=reachable, known=list(known), home=there.home, homes=there.of_people, names=names
    )
    wanted = (after, schedule.roles, now, until, reachable, list(known))
    findings = coverage.findings(*wanted, zone=schedule.zone, names=names)
    return Proposal(name, review, findings, after, schedule.zone, now, until, more, but)
