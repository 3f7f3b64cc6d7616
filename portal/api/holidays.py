"""Public holidays over the API: an iCal file for a schedule, a team or a person, and who is on call on such a day."""

from datetime import date, datetime
from typing import Annotated, Any

from apiflask import APIBlueprint
from pydantic import Field

from oncall import freedays
from oncall.answering import Answering
from portal import auth, duty, holidaying
from portal.api import asking
from portal.api.asked import In, Word
from portal.api.oncallshapes import Moment
from portal.api.shapes import Out

bp = APIBlueprint("holidays", __name__, tag="On-call")

REFUSED = {400: "It is no calendar of holidays", 403: "Not yours to change", 404: "There is none of that name"}


class OfQuery(In):
    of: Word = Field("me", description="me, user:ada, group:payments or schedule:nights")


class HolidaysIn(In):
    calendar: Annotated[str, Field(min_length=1, max_length=1_000_000, description="an iCal file; its all-day events")]


class Holiday(Out):
    day: date
    name: str


class Holidays(Out):
    of: str
    days: list[Holiday]


class Worked(Out):
    """Somebody is on call on a day that is free for her."""

    day: date
    name: str
    role: str
    person: str
    start: datetime
    end: datetime


class WorkedOnes(Out):
    shifts: list[Worked]


class AskIn(In):
    role: Word = "primary"
    at: Moment = Field(description="a moment in the shift that is meant")


class Asked(Out):
    people: list[str] = Field(description="who is asked")


@bp.get("/oncall/holidays")
@bp.input(OfQuery, location="query", arg_name="asked")
@bp.output(Holidays)
@bp.doc(responses=REFUSED)
def holidays(asked: OfQuery) -> Any:
    """The public holidays of a schedule, a team or a person; none where no calendar was given"""
    with auth.services().database.read() as session:
        of = holidaying.subject(session, asked.of, auth.somebody())
        return _told(of, freedays.calendars(session, [of]).get(of, {}))


@bp.put("/oncall/holidays")
@bp.input(HolidaysIn, arg_name="said")
@bp.input(OfQuery, location="query", arg_name="asked")
@bp.output(Holidays)
@bp.doc(responses=REFUSED)
def write(said: HolidaysIn, asked: OfQuery) -> Any:
    """Give a calendar of public holidays, in place of the one before

    Its all-day events of the next ten years are kept. Events with a time of day are left out.
    """
    services, asks = auth.services(), auth.somebody()
    with services.database.write() as session:
        of = holidaying.subject(session, asked.of, asks)
        actor = holidaying.allowed(services, session, asks, of)
        return _told(of, freedays.put(session, of, said.calendar.encode(), actor, asking.now()))


@bp.delete("/oncall/holidays")
@bp.input(OfQuery, location="query", arg_name="asked")
@bp.output(Holidays)
@bp.doc(responses=REFUSED)
def take_away(asked: OfQuery) -> Any:
    """End a calendar of public holidays"""
    services, asks = auth.services(), auth.somebody()
    with services.database.write() as session:
        of = holidaying.subject(session, asked.of, asks)
        freedays.take_away(session, of, holidaying.allowed(services, session, asks, of), asking.now())
    return _told(of, {})


@bp.get("/oncall/schedules/<name>/holidays")
@bp.output(WorkedOnes)
@bp.doc(responses=REFUSED)
def worked(name: str) -> Any:
    """Who of a schedule is on call on a public holiday, in the next eight weeks"""
    services, now = auth.services(), asking.now()
    with services.database.read() as session:
        duty.of_schedule(session, name)
        answering = Answering(session, services.oncall.fallback)
        schedule = answering.schedule(name)
        found = holidaying.coming(answering, name, schedule, now, now + holidaying.AHEAD).worked if schedule else ()
    return WorkedOnes(
        shifts=[
            Worked(
                day=one.day,
                name=one.name,
                role=one.shift.role,
                person=one.shift.person,
                start=one.shift.start,
                end=one.shift.end,
            )
            for one in found
        ]
    )


@bp.post("/oncall/schedules/<name>/ask")
@bp.input(AskIn, arg_name="asked")
@bp.output(Asked, 201, description="They are asked")
@bp.doc(responses={**REFUSED, 409: "They were asked already, or there is nobody to ask"})
def ask(name: str, asked: AskIn) -> Any:
    """Ask the others of a rota to take a shift, once"""
    return Asked(
        people=list(holidaying.ask_to_cover(auth.services(), auth.somebody(), name, asked.role, asked.at))
    ), 201


def _told(of: str, days: freedays.Free) -> Holidays:
    return Holidays(of=of, days=[Holiday(day=day, name=name) for day, name in days.items()])
