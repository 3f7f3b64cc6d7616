"""Who is on call over the API, now or then: of everything, a schedule, a service or a team; shifts, gaps to come."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from apiflask import APIBlueprint
from sqlalchemy.orm import Session

from ledger.errors import Code, Error
from oncall import ahead
from oncall.answering import Answering, Answers
from oncall.coverage import Finding
from oncall.policy import Target
from oncall.schedule import Schedule
from oncall.terms import Shift, Urgency
from portal import auth, duty
from portal.api import asking
from portal.api import oncallshapes as shapes
from portal.render import short_ref

bp = APIBlueprint("oncall", __name__, tag="On-call")

USUAL, LONGEST = timedelta(weeks=2), timedelta(days=366)
UNKNOWN = {404: "There is no such schedule, service or team"}


@bp.get("/oncall")
@bp.input(shapes.WhoQuery, location="query")
@bp.output(shapes.OnCall)
@bp.doc(responses={400: "That names nobody", **UNKNOWN})
def who(query_data: shapes.WhoQuery) -> Any:
    """Who is on call

    Of every schedule, or of one; for a service or a team also who is asked to come, level by level.
    """
    asked = query_data
    at = asked.at or asking.now()
    with auth.services().database.read() as session:
        answering = Answering(session, auth.services().oncall.fallback)
        answer = _answer(session, answering, asked, at)
        if asked.schedule:
            duty.of_schedule(session, asked.schedule)
        names = [name for name, versions in answering.schedules.items() if versions[-1].text]
        if asked.schedule:
            names = [asked.schedule]
        elif answer is not None:
            names = [name for name in names if answering.schedules[name][-1].team == answer.team]
        duties = [_duty(answering, name, at) for name in names]
    return shapes.OnCall(at=at, schedules=duties, answer=answer)


def _answer(session: Session, answering: Answering, asked: shapes.WhoQuery, at: datetime) -> shapes.Answer | None:
    if asked.service:
        ref = asking.service(session, asked.service).ref
        return _levels(answering, ref, answering.of(ref), at)
    if asked.team:
        ref = duty.ref(asked.team, "group")
        if ref not in answering.known.groups:
            raise Error(Code.NOT_FOUND, f"The catalog knows no team {short_ref(ref)}.")
        return _levels(answering, ref, answering.of_team(ref, "is who was asked for"), at)
    return None


def _levels(answering: Answering, about: str, answers: Answers, at: datetime) -> shapes.Answer:
    levels = [
        shapes.Rung(
            level=number,
            delay_seconds=level.delay.total_seconds(),
            people=[one for target in level.targets for one in _asked(answering, target, at)],
        )
        for number, level in enumerate(answers.policy.levels, start=1)
    ]
    return shapes.Answer(about=about, team=answers.team, escalation=answers.policy.name, why=answers.why, levels=levels)


def _asked(answering: Answering, target: Target, at: datetime) -> list[shapes.Asked]:
    return [
        shapes.Asked(
            person=one.person,
            name=_name(answering, one.person),
            through=str(target),
            reached_at=one.at,
            why=one.why,
        )
        for one in answering.on_call(target, Urgency.HIGH, at)
    ]


def _duty(answering: Answering, name: str, at: datetime) -> shapes.Duty:
    version = answering.schedules[name][-1]
    held = answering.who(name, at)
    return shapes.Duty(
        schedule=name,
        team=version.team,
        zone=_schedule(answering, name).zone.key,
        roles=[holder(shift, _names(answering)) for shift in held.values() if shift.person],
    )


def _schedule(answering: Answering, name: str) -> Schedule:
    found = answering.schedule(name)
    if found is None:
        raise Error(Code.NOT_FOUND, f"There is no schedule {name}.")
    return found


def holder(shift: Shift, names: Mapping[str, str]) -> shapes.Holder:
    return shapes.Holder(
        role=shift.role,
        person=shift.person,
        name=names.get(shift.person) or short_ref(shift.person),
        start=shift.start,
        end=shift.end,
        source=str(shift.source),
        by=shift.source.by,
        reason=shift.source.reason,
    )


def _names(answering: Answering) -> Mapping[str, str]:
    return {ref: person.name for ref, person in answering.known.people.items()}


def _name(answering: Answering, ref: str) -> str:
    known = answering.known.people.get(ref)
    return known.name if known else short_ref(ref)


@bp.get("/oncall/schedules/<name>/shifts")
@bp.input(shapes.SpanQuery, location="query")
@bp.output(shapes.Shifts)
@bp.doc(responses={400: "`until` is not after `from`, or more than a year after it", **UNKNOWN})
def shifts(name: str, query_data: shapes.SpanQuery) -> Any:
    """The shifts of a schedule between two moments, clipped to them"""
    asked = query_data
    since = asked.since or asking.now().replace(microsecond=0)
    until = asked.until or since + USUAL
    if not timedelta(0) < until - since <= LONGEST:
        raise Error(Code.INVALID, "`until` must come after `from`, and at most a year after it.")
    with auth.services().database.read() as session:
        duty.of_schedule(session, name)
        answering = Answering(session, auth.services().oncall.fallback)
        found = answering.shifts(name, since, until)
        names, zone = _names(answering), _schedule(answering, name).zone.key
    told = [holder(one, names) for one in found if one.person and asked.role in (None, one.role)]
    return shapes.Shifts(schedule=name, zone=zone, since=since, until=until, shifts=told)


@bp.get("/oncall/gaps")
@bp.input(shapes.GapsQuery, location="query")
@bp.output(shapes.Findings)
@bp.doc(responses=UNKNOWN)
def gaps(query_data: shapes.GapsQuery) -> Any:
    """What will be wrong

    Gaps, double bookings, rotas of one, and people on call whom no page would reach, who are away, or who have left.
    """
    asked, now = query_data, asking.now()
    with auth.services().database.read() as session:
        if asked.schedule:
            duty.of_schedule(session, asked.schedule)
        answering = Answering(session, auth.services().oncall.fallback)
        there = [name for name, versions in answering.schedules.items() if versions[-1].text]
        wrong = ahead.all_findings(
            answering, [asked.schedule] if asked.schedule else there, now, now + timedelta(days=asked.days)
        )
    found = [_finding(name, one) for name, findings in wrong.items() for one in findings]
    return shapes.Findings(findings=sorted(found, key=lambda one: (one.start, one.schedule, one.role)))


def _finding(schedule: str, one: Finding) -> shapes.Finding:
    return shapes.Finding(
        kind=one.kind,
        schedule=schedule,
        role=one.role,
        start=one.start,
        end=one.end,
        people=list(one.people),
        sentence=one.sentence,
    )
