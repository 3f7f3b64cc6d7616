"""What chat says when somebody only looks: who is on call, shifts, incidents, locks."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from catalog import refs
from catalog.places import did_you_mean
from ledger.errors import Code, Error
from oncall import query, saying
from oncall.answering import Answering
from oncall.policy import Target
from oncall.terms import PRIMARY, Shift, Urgency
from pipelines import locks

AHEAD = timedelta(days=7)
MOST = 8  # lines of a list


def schedule_of(answering: Answering, what: str) -> str:
    """Return the schedule that is meant by its name, its team or a service. Raises Error with what there is."""
    names = [name for name, versions in answering.schedules.items() if versions[-1].text]
    same = [name for name in names if name.lower() == what.lower()]
    if same:
        return same[0]
    team = _team(answering, what)
    theirs = [name for name in names if team and answering.schedules[name][-1].team == team]
    if len(theirs) == 1:
        return theirs[0]
    if theirs:
        raise Error(Code.INVALID, f"{what} has {len(theirs)} schedules: {', '.join(theirs)}. Say which.")
    hint = did_you_mean(what, names) or f"there are {', '.join(names[:MOST]) or 'none yet'}"
    raise Error(Code.NOT_FOUND, f"There is no schedule {what}; {hint}")


def _team(answering: Answering, what: str) -> str:
    ref = _ref(what, "group")
    if ref in answering.known.groups:
        return ref
    service = _ref(what, "component")
    return answering.of(service).team if service and service in answering else ""


def _ref(what: str, kind: str) -> str:
    try:
        return str(refs.parse(what, kind))
    except ValueError:
        return ""


def who(session: Session, fallback: str, what: str, at: datetime) -> Sequence[str]:
    """Return who is on call: of everything, of a service level by level, of a team or a schedule."""
    answering = Answering(session, fallback)
    names = [name for name, versions in answering.schedules.items() if versions[-1].text]
    if not what:
        return [line for name in names for line in holders(answering, name, at)] or ["There is no schedule yet."]
    for kind in ("component", "group"):
        ref = _ref(what, kind)
        if ref.startswith(kind) and ref in answering:
            return _levels(answering, ref, at)
    return holders(answering, schedule_of(answering, what), at)


def _levels(answering: Answering, ref: str, at: datetime) -> Sequence[str]:
    answers = answering.of(ref)
    if not answers.team:
        return [f"Nobody answers for {refs.short(ref)}: {answers.why}."]
    first = f"{refs.short(answers.team)} answers for {refs.short(ref)} ({answers.why})"
    if answers.team == ref:
        first = f"{refs.short(ref)}, by the escalation {answers.policy.name}"
    lines = [f"{first}:"]
    for number, level in enumerate(answers.policy.levels, start=1):
        people = [one for target in level.targets for one in _people(answering, target, at)]
        lines.append(f"{number}. {', '.join(people) or 'nobody is on call'}")
    return lines


def _people(answering: Answering, target: Target, at: datetime) -> Sequence[str]:
    return [
        f"{name(answering, one.person)} ({target})" + (f", who cannot be reached: {one.why}" if one.at is None else "")
        for one in answering.on_call(target, Urgency.HIGH, at)
    ]


def holders(answering: Answering, schedule: str, at: datetime) -> Sequence[str]:
    """Return who holds each role of a schedule, until when, and who follows in the first."""
    zone = zone_of(answering, schedule)
    held = [shift for shift in answering.who(schedule, at).values() if shift.person]
    if not held:
        return [f"{schedule}: nobody is on call now."]
    lines = [
        f"{schedule}: {name(answering, one.person)} is {one.role} until {saying.moment(one.end, zone)}" for one in held
    ]
    first = next((one for one in held if one.role == PRIMARY), None)
    following = answering.who(schedule, first.end).get(PRIMARY) if first else None
    if first is not None and following is not None and following.person:
        lines[held.index(first)] += f", then {name(answering, following.person)}"
    lines[-1] += f". Times of {zone.key}."
    return lines


def shifts(session: Session, fallback: str, what: str, now: datetime) -> Sequence[str]:
    """Return the coming shifts of the first role of a schedule."""
    answering = Answering(session, fallback)
    schedule = schedule_of(answering, what)
    zone = zone_of(answering, schedule)
    coming = [one for one in answering.shifts(schedule, now, now + AHEAD) if one.person and one.role == PRIMARY]
    lines = [f"{saying.stretch(one.start, one.end, zone)}  {_held(answering, one)}" for one in coming[:MOST]]
    more = [f"and {len(coming) - MOST} more"] if len(coming) > MOST else []
    return [f"{schedule}, times of {zone.key}:", *(lines or ["nobody in the next seven days"]), *more]


def _held(answering: Answering, shift: Shift) -> str:
    why = f" ({shift.source.kind}{': ' + shift.source.reason if shift.source.reason else ''})"
    return name(answering, shift.person) + (why if shift.source.kind != "rotation" else "")


def incidents(session: Session, at: datetime) -> Sequence[str]:
    found = query.incidents(session, is_open=True, limit=MOST + 1)
    if not found:
        return ["Nothing is open."]
    answering = Answering(session)
    lines = []
    for row in found[:MOST]:
        holder = ", ".join(name(answering, one) for one in row.holder)
        state = f"{row.state} by {holder}" if holder else row.state
        lines.append(f"#{row.number} {row.title} ({row.severity}, {state}, {saying.hours(at - row.opened_at)})")
    return [*lines, f"and {query.open_count(session) - MOST} more"] if len(found) > MOST else lines


def standing_locks(session: Session, at: datetime) -> Sequence[str]:
    found = locks.standing(session, at)
    lines = [f"{one.scope}: {one.reason} ({refs.short(one.owner)})" for one in found[:MOST]]
    return lines or ["Nothing is locked."]


def zone_of(answering: Answering, schedule: str) -> ZoneInfo:
    found = answering.schedule(schedule)
    assert found is not None  # its name came out of schedule_of
    return found.zone


def name(answering: Answering, ref: str) -> str:
    known = answering.known.people.get(ref)
    return known.name if known else refs.short(ref)
