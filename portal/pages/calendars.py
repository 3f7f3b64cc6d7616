"""Calendars that other programs read at a secret address: one's own, a team's, a schedule's; shown once, taken back."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, g, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from ledger.errors import Code, Error
from oncall import calendarfile, calendars, planstore
from oncall.answering import Answering
from oncall.calendarfile import Entry
from oncall.calendars import PERSON, SCHEDULE, TEAM, Calendar
from pipelines import query as deploys
from portal import auth, duty
from portal.pages import common
from portal.pages.rotashared import plans_refusal, speak
from portal.permissions import Person
from portal.rotaweeks import together

bp = Blueprint("calendars", __name__)

BEFORE, AFTER = timedelta(days=35), timedelta(days=180)
EDGE = timedelta(days=35)  # so much further is looked, for whole shifts
KEPT = 900  # seconds that a calendar program may keep what it read
NOWHERE = "There is no such calendar; its address may have been taken back."


@bp.get("/calendar/<token>.ics")
@auth.public
def read(token: str) -> Answer:
    """The shifts, for whoever knows the address. Nothing else is asked of her, so nothing else is told."""
    services, now = auth.services(), auth.services().clock()
    with services.database.read() as session:
        row = calendars.find(session, token) if len(token) <= 80 else None
        if row is None:
            raise Error(Code.NOT_FOUND, NOWHERE)
        number, kind, of = row.id, row.kind, row.of
        answering = Answering(session, services.oncall.fallback)
        entries = list(_entries(answering, kind, of))
        zone = _zone(session, answering, kind, of)
        names = {one.ref: one.name for one in answering.known.people.values()}
        title = f"On call: {_title(answering, kind, of)}"
    address = services.config.address
    links = {one.schedule: f"{address}/oncall/{one.schedule}" for one in entries}
    stamp = now.replace(minute=0, second=0, microsecond=0)
    body = calendarfile.feed(entries, title, stamp, zone, links=links, names=names)
    with services.database.write() as session:
        calendars.was_read(session, number, now)
    # The moment of writing is no part of the mark: it changes with each hour, and the shifts do not.
    mark = hashlib.sha256("\n".join(sorted(f"{one.uid}{one.shift.end}{one.shift.source}" for one in entries)).encode())
    answer = Response(body, mimetype="text/calendar")
    answer.headers["Cache-Control"] = f"private, max-age={KEPT}"
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.set_etag(mark.hexdigest()[:32])
    return answer.make_conditional(request)


def _entries(answering: Answering, kind: str, of: str) -> Iterable[Entry]:
    """Yield whole shifts: one that is cut at an edge would be another event with every read."""
    now = common.times().now
    since, until = now - BEFORE, now + AFTER
    names = [of] if kind == SCHEDULE else answering.schedules_of(of) if kind == TEAM else list(answering.schedules)
    for name in names:
        if kind == PERSON and not _is_in(answering, name, of):
            continue
        found = together(answering.shifts(name, since - EDGE, until + EDGE))
        for shift in calendarfile.whole(found, since - EDGE, until + EDGE):
            if shift.start < until and since < shift.end and (kind != PERSON or shift.person == of):
                yield Entry(name, shift)


def _is_in(answering: Answering, name: str, person: str) -> bool:
    schedule = answering.schedule(name)
    if schedule is None:
        return False
    return any(person in one.people for one in schedule.rotations) or any(
        one.person == person for one in (*schedule.overrides, *answering.overrides(name))
    )


def _zone(session: Session, answering: Answering, kind: str, of: str) -> ZoneInfo:
    if kind == PERSON:
        return common.zone(planstore.zones(session, [of]).get(of))
    names = [of] if kind == SCHEDULE else answering.schedules_of(of)
    found = [one.zone for name in names if (one := answering.schedule(name)) is not None]
    return found[0] if found else common.UTC


def _title(answering: Answering, kind: str, of: str) -> str:
    known = answering.known
    return known.people[of].name if of in known.people else known.groups.get(of, of.rpartition("/")[2])


# --- the page ---------------------------------------------------------------------------------------------------------


def of_schedule(session: Session, name: str, by: str) -> Sequence[Calendar]:
    """Return the reader's addresses for one schedule."""
    return [one for one in calendars.standing(session, by, [name]) if one.kind == SCHEDULE]


@bp.get("/account/calendars")
def index() -> str:
    """My addresses, and a form for one more; `kind` and `of` choose in it."""
    return _page(request.args.get("kind", ""), request.args.get("of", "")[:300])


def _page(kind: str = "", of: str = "", made: str = "", wrong: str = "") -> str:
    services, asks = auth.services(), auth.somebody()
    with services.database.read() as session:
        answering = Answering(session, services.oncall.fallback)
        rows = calendars.standing(session, asks.actor)
        titles = {row.id: _title(answering, row.kind, row.of) for row in rows}
        choices = _choices(answering, asks)
        speak(answering)
        g.running = len(deploys.deploys(session, running=True, limit=100))
    chosen = f"{kind} {of}".strip()
    return render_template(
        "calendars.html", here="", rows=rows, titles=titles, choices=choices, chosen=chosen, made=made, wrong=wrong
    )


def _choices(answering: Answering, asks: Person) -> list[tuple[str, str]]:
    """Return what there can be a calendar of: the value of the form, and how it is called."""
    mine = [(f"{PERSON} {asks.user_ref}", "My own shifts")] if asks.user_ref else []
    teams = [(f"{TEAM} {one}", f"Team {_title(answering, TEAM, one)}") for one in sorted(asks.teams)]
    names = [name for name, found in answering.schedules.items() if found[-1].text]
    return [*mine, *teams, *((f"{SCHEDULE} {name}", f"Schedule {name}") for name in names)]


@bp.post("/account/calendars")
def make() -> str | tuple[str, int]:
    """Make an address, and show it this once."""
    services, asks = auth.services(), auth.somebody()
    kind, _, of = request.form.get("what", "").partition(" ")
    with services.database.read() as session:
        answering = Answering(session, services.oncall.fallback)
        is_one = f"{kind} {of}" in dict(_choices(answering, asks))
    if not is_one:
        return _page(wrong="Choose one of the list."), 400
    try:
        with services.database.write() as session:
            secret = calendars.make(session, kind, of, asks.actor, services.clock())
    except Error as error:
        return _page(kind, of, wrong=error.message), 400
    return _page(made=f"{services.config.address}{url_for('calendars.read', token=secret)}")


@bp.post("/account/calendars/<int:number>/revoke")
def revoke(number: int) -> Answer:
    """Take an address back: one's own, or as a member of the team whose shifts it shows."""
    services, asks = auth.services(), auth.somebody()
    with services.database.write() as session:
        row = calendars.one(session, number)
        if row is None:
            raise Error(Code.NOT_FOUND, NOWHERE)
        if row.by != asks.actor and (refused := _refused(session, row)):
            raise Error(Code.FORBIDDEN, refused)
        calendars.revoke(session, row, asks.actor, services.clock())
    return common.back_to("calendars.index")


def _refused(session: Session, row: Calendar) -> str:
    if row.kind == PERSON:
        return "" if auth.somebody().is_admin else "Only whoever made it or an admin may take it back."
    team = duty.of_schedule(session, row.of).team if row.kind == SCHEDULE else row.of
    return plans_refusal(session, team)
