"""Who is due to be paged now, which levels nobody can answer for, and when to look again. Pure.

`due` asks who is on call at this moment, and the incident for all the rest. What it names is recorded as facts, each
of which leaves an incident that names the others again: whoever is killed between two of them has lost nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from catalog.refs import short
from oncall.incident import ENDED, Fact, Incident, Kind, Page, State
from oncall.machine import apply
from oncall.policy import Strategy, Target, person
from oncall.reach import Reachable
from oncall.silences import ended
from oncall.terms import Urgency

LOOK = timedelta(minutes=5)  # between two looks whether anybody is back, when nobody could be reached at all

# Who answers for a target at a moment, in a fixed order, and when a page of that urgency would first reach them.
OnCall = Callable[[Target, Urgency, datetime], Sequence[Reachable]]


@dataclass(frozen=True)
class Due:
    """All that is due now, as facts to be recorded in this order, and when to look again (None: only after a fact)."""

    facts: tuple[Fact, ...]
    again_at: datetime | None

    @property
    def pages(self) -> tuple[Page, ...]:
        """Who is paged, with reminders and added responders."""
        return tuple(page for fact in self.facts for page in fact.pages)

    @property
    def skipped(self) -> tuple[Fact, ...]:
        return tuple(fact for fact in self.facts if fact.kind is Kind.LEVEL_SKIPPED)

    @property
    def exhausted(self) -> Fact | None:
        """The team and the portal's own alarm are told."""
        return next((fact for fact in self.facts if fact.kind is Kind.EXHAUSTED), None)

    @property
    def reminder(self) -> Fact | None:
        return next((fact for fact in self.facts if fact.kind is Kind.REMINDED), None)


def due(incident: Incident, on_call: OnCall, now: datetime) -> Due:
    """Return all that is due now. Asked twice, it answers the same."""
    facts = []
    while (fact := next_fact(incident, on_call, now)) is not None:
        facts.append(fact)
        incident = apply(incident, fact, now)
    return Due(tuple(facts), _again_at(incident, now))


def next_fact(incident: Incident, on_call: OnCall, now: datetime) -> Fact | None:
    """Return the first of what is due now."""
    if incident.state in ENDED:
        return None
    if incident.called:
        return _call(incident, on_call, now)
    return _NEXT[incident.state](incident, on_call, now)


def _again_at(incident: Incident, now: datetime) -> datetime | None:
    if incident.state is State.OPEN:
        return now + LOOK if _nobody(incident) and incident.exhausted_at else incident.due_at
    return incident.reminder_at if incident.state is State.ACKNOWLEDGED else incident.until


def _nobody(incident: Incident) -> bool:
    """Was every level skipped, one after the other?"""
    return incident.empty >= len(incident.policy.levels)


def _open(incident: Incident, on_call: OnCall, now: datetime) -> Fact | None:
    if incident.exhausted_at is not None:
        return _back(incident, on_call, now)
    if incident.due_at is None or now < incident.due_at:
        return None
    if incident.level == 0:
        return _named(incident, on_call, now)
    if incident.is_past_the_end or _nobody(incident):
        return Fact(Kind.EXHAUSTED, reason=_why_exhausted(incident))
    return _level(incident, on_call, now)


def _level(incident: Incident, on_call: OnCall, now: datetime) -> Fact:
    """Page the people of the next level, or skip it."""
    level = incident.policy.level(incident.level)
    found = _people(level.targets, incident, on_call, now)
    there = [(target, one) for target, one in found if one.at is not None]
    asked = [(target, one) for target, one in there if one.person not in incident.acked]
    if not there:
        why = _nobody_there(incident.level, [one for _, one in found])
        return Fact(Kind.LEVEL_SKIPPED, reason=why, loop=incident.loop, level=incident.level)
    if not asked:
        said = f"everybody who can be reached at level {incident.level} has acknowledged"
        return Fact(Kind.ACKNOWLEDGED, reason=said)
    if level.strategy is Strategy.ROUND_ROBIN:
        asked = [asked[(incident.turn + incident.run + incident.loop) % len(asked)]]
    missing = [one for _, one in found if one.at is None]
    return _paged(Kind.PAGED, incident, asked, f"not reached: {_whys(missing)}" if missing else "")


def _people(
    targets: Sequence[Target], incident: Incident, on_call: OnCall, now: datetime
) -> list[tuple[Target, Reachable]]:
    """Return each person once, through the first target that names her."""
    found: dict[str, tuple[Target, Reachable]] = {}
    for target in targets:
        for one in on_call(target, incident.urgency, now):
            known = found.get(one.person)
            if known is None or (known[1].at is None and one.at is not None):
                found[one.person] = (target, one)
    return list(found.values())


def _paged(kind: Kind, incident: Incident, asked: Sequence[tuple[Target, Reachable]], reason: str = "") -> Fact:
    step = incident.steps + 1
    loop, level = (incident.loop, incident.level) if kind is Kind.PAGED else (0, 0)
    pages = [Page(kind, step, loop, level, one.person, target, one.at) for target, one in asked if one.at is not None]
    return Fact(kind, reason=reason, step=step, loop=loop, level=level, pages=tuple(pages))


def _named(incident: Incident, on_call: OnCall, now: datetime) -> Fact:
    """Page whom it was reassigned to; the levels follow if she does not come."""
    found = _people([person(incident.named)], incident, on_call, now)
    if any(one.at is not None for _, one in found):
        return _paged(Kind.PAGED, incident, found)
    why = f"{_unreachable(incident.named, [one for _, one in found])}, so it goes on at level 1"
    return Fact(Kind.LEVEL_SKIPPED, reason=why, loop=incident.loop, level=0, person=incident.named)


def _call(incident: Incident, on_call: OnCall, now: datetime) -> Fact:
    """Page an added responder; the escalation stays where it is."""
    called = incident.called[0]
    found = _people([person(called)], incident, on_call, now)
    reached = any(one.at is not None for _, one in found)
    why = "" if reached else _unreachable(called, [one for _, one in found])
    fact = _paged(Kind.CALLED, incident, found, why)
    return Fact(fact.kind, reason=why, step=fact.step, pages=fact.pages, person=called)


def _acknowledged(incident: Incident, on_call: OnCall, now: datetime) -> Fact | None:
    """Remind who has it; nobody answers for ever, so at last it escalates again and says so."""
    if incident.reminder_at is None or now < incident.reminder_at:
        return None
    who = " and ".join(map(short, incident.assigned)) or "nobody"
    if incident.reminded >= incident.policy.reminders:
        times = incident.reminded
        said = f"{who} answered none of {times} reminders" if times else f"the acknowledgement of {who} has lapsed"
        return Fact(Kind.RESTARTED, reason=f"{said}; it escalates again")
    found = _people([person(one) for one in incident.assigned], incident, on_call, now)
    if not any(one.at is not None for _, one in found):
        return Fact(Kind.RESTARTED, reason=f"{who} cannot be reached any more; it escalates again")
    count = f"reminder {incident.reminded + 1} of {incident.policy.reminders}"
    return _paged(Kind.REMINDED, incident, found, f"{count}: is {who} still on it?")


def _until(incident: Incident, on_call: OnCall, now: datetime) -> Fact | None:
    if incident.until is None or now < incident.until:
        return None
    if incident.state is State.SNOOZED:
        return Fact(Kind.UNSNOOZED, reason="the snooze is over; it goes on at level 1")
    return Fact(Kind.UNMUTED, reason=f"{ended(incident.reason)}; it goes on at level 1")


def _back(incident: Incident, on_call: OnCall, now: datetime) -> Fact | None:
    """When nobody could be reached at all, begin again as soon as somebody can."""
    if not _nobody(incident):
        return None
    for level in incident.policy.levels:
        for _, one in _people(level.targets, incident, on_call, now):
            if one.at is not None:
                return Fact(Kind.RESTARTED, reason=f"{short(one.person)} can be reached again")
    return None


_NEXT = {
    State.OPEN: _open,
    State.ACKNOWLEDGED: _acknowledged,
    State.SNOOZED: _until,
    State.MUTED: _until,
}


def _nobody_there(level: int, found: Sequence[Reachable]) -> str:
    """Say why nobody is paged.

    >>> _nobody_there(1, [])
    'nobody is on call at level 1'
    >>> _nobody_there(2, [Reachable("user:default/ada", None, "has no verified channel")])
    'nobody at level 2 can be reached: ada has no verified channel'
    """
    if not found:
        return f"nobody is on call at level {level}"
    return f"nobody at level {level} can be reached: {_whys(found)}"


def _whys(found: Sequence[Reachable]) -> str:
    return ", ".join(f"{short(one.person)} {one.why or 'cannot be reached'}" for one in found)


def _unreachable(ref: str, found: Sequence[Reachable]) -> str:
    return _whys(found) if found else f"{short(ref)} cannot be reached"


def _why_exhausted(incident: Incident) -> str:
    levels, rounds = len(incident.policy.levels), incident.policy.rounds
    of_levels = f"{levels} level" + "s" * (levels != 1)
    if _nobody(incident):
        return f"unacknowledged, exhausted: nobody at any of {of_levels} can be reached"
    return f"unacknowledged, exhausted: nobody came in {rounds} round" + "s" * (rounds != 1) + f" of {of_levels}"


def is_wanted(incident: Incident, page: Page) -> bool:
    """Shall a notification of this page still go out? Not once somebody has it, or it began again without her."""
    if incident.state in ENDED:
        return False
    if page.kind is Kind.CALLED:
        return page.person not in incident.acked
    if page.step <= incident.before:
        return False
    if page.kind is Kind.REMINDED:
        return incident.state is State.ACKNOWLEDGED and incident.reminded > 0 and page.person in incident.assigned
    return incident.state is State.OPEN and page.person not in incident.acked
