"""Public holidays: calendars of one's own, of one's teams and their schedules; and who is on call on such a day."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, g, render_template, request
from werkzeug.wrappers import Response

from ledger.errors import Code, Error
from oncall import freedays, holidays, planstore
from oncall.answering import Answering
from oncall.freedays import Free, Homes
from oncall.schedule import Schedule
from oncall.terms import Shift
from pipelines import query as deploys
from portal import auth, holidaying, oncalltelling
from portal.pages import common
from portal.pages.rotashared import moment, speak
from portal.permissions import Person
from portal.render import counted

bp = Blueprint("holidays", __name__)

SHOWN = 30  # shifts


@dataclass(frozen=True)
class Calendar:
    """Whose it is, the value of the form, and its days to come."""

    of: str
    title: str
    days: Free
    coming: Free


@dataclass(frozen=True)
class Duty:
    """What of somebody's shift lies on a free day, and whether others were asked to take it."""

    schedule: str
    day: date
    name: str  # of the free day
    shift: Shift
    hours: str  # by the clocks where that person lives
    asked: bool


@bp.get("/account/holidays")
def show() -> str:
    """What there is, and a form for one more; `of` chooses in it."""
    return _page(chosen=request.args.get("of", "")[:300])


@bp.post("/account/holidays")
def change() -> Response | tuple[str, int]:
    """Keep a file that is given, or end a calendar."""
    services, asks, of = auth.services(), auth.somebody(), request.form.get("of", "")[:300]
    given = request.files.get("file")
    try:
        data = given.stream.read(holidays.MOST_BYTES + 1) if given else b""
        with services.database.write() as session:
            said = holidaying.subject(session, of, asks)
            actor = holidaying.allowed(services, session, asks, said)
            if request.form.get("do") == "remove":
                freedays.take_away(session, said, actor, services.clock())
                common.done("That calendar has ended.")
            else:
                if not data:
                    raise Error(Code.INVALID, "Choose a file: public holidays as iCal (.ics).")
                days = freedays.put(session, said, data, actor, services.clock())
                common.done(f"Kept: {counted(len(days), 'free day')}.")
    except Error as error:
        if error.code not in (Code.INVALID, Code.CONFLICT):
            raise
        return _page(of, error.message), 400
    return common.back_to("holidays.show")


@bp.post("/account/holidays/ask")
def ask() -> Response:
    """Ask the others of a rota to take a shift."""
    form = request.form
    at = moment(form.get("at", ""))
    if at is None:
        raise Error(Code.INVALID, "Say which shift is meant.")
    name = form.get("schedule", "")[:120]
    asked = holidaying.ask_to_cover(auth.services(), auth.somebody(), name, form.get("role", "")[:60], at)
    common.done(f"{oncalltelling.names_listed([common.face(one).said for one in asked], 4)}: asked.")
    return common.back_to("holidays.show")


def _page(chosen: str = "", wrong: str = "") -> str:
    services, asks, times = auth.services(), auth.somebody(), common.times()
    with services.database.read() as session:
        answering = Answering(session, services.oncall.fallback)
        schedules = {name: found for name in answering.schedules if (found := answering.schedule(name)) is not None}
        titles = _titles(answering, asks, schedules)
        kept = freedays.calendars(session, list(titles))
        said = planstore.announced(session)
        duties = [one for name, found in schedules.items() for one in _duties(answering, asks, name, found, said)]
        speak(answering)
        g.running = len(deploys.deploys(session, running=True, limit=100))
    today = times.now.astimezone(times.zone).date()
    calendars = [Calendar(of, title, kept[of], _coming(kept[of], today)) for of, title in titles.items() if of in kept]
    duties.sort(key=lambda one: (one.shift.start, one.schedule))
    return render_template(
        "holidays.html",
        here="",
        calendars=calendars,
        titles=titles,
        chosen=chosen,
        wrong=wrong,
        duties=duties[:SHOWN],
        told=oncalltelling,
    )


def _coming(days: Free, today: date) -> Free:
    return {day: name for day, name in days.items() if day >= today}


def _titles(answering: Answering, asks: Person, schedules: dict[str, Schedule]) -> dict[str, str]:
    """Return whose holidays the reader may give, and how each is called."""
    known = answering.known
    mine = {asks.user_ref: "Yours"} if asks.user_ref and asks.user_ref in known.people else {}
    teams = {one: f"Team {known.groups[one]}" for one in sorted(known.groups) if one in asks.teams or asks.is_admin}
    names = {f"{freedays.SCHEDULE}{one}": f"Schedule {one}" for one in schedules if _plans(answering, asks, one)}
    return {**mine, **names, **teams}


def _plans(answering: Answering, asks: Person, name: str) -> bool:
    return asks.is_admin or answering.schedules[name][-1].team in asks.teams


def _duties(
    answering: Answering, asks: Person, name: str, schedule: Schedule, announced: Collection[str]
) -> list[Duty]:
    """Return the shifts on free days that concern the reader: her own, and those of her teams' schedules."""
    now = common.times().now
    plans = _plans(answering, asks, name)
    found = holidaying.coming(answering, name, schedule, now, now + holidaying.AHEAD)
    made = []
    for one in found.worked:
        if plans or one.shift.person == asks.user_ref:
            part, asked = freedays.part(one.shift, one.day, found.homes), holidaying.asked_key(name, one.shift, one)
            made.append(Duty(name, one.day, one.name, part, _hours(part, found.homes), asked in announced))
    return made


def _hours(part: Shift, there: Homes) -> str:
    """Write `all day`, or `09:00 to 24:00 CET`."""
    zone = there.zones.get(part.person, there.zone)
    start, end = part.start.astimezone(zone), part.end.astimezone(zone)
    if (start.hour, start.minute, end.hour, end.minute) == (0, 0, 0, 0):
        return "all day"
    until = f"{end:%H:%M}" if start.date() == end.date() else "24:00"
    return f"{start:%H:%M} to {until} {end:%Z}"
