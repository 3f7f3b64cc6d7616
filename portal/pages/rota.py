"""A schedule: who has it when, where each shift comes from, what is coming that should not, and whether it is fair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from flask import Blueprint, g, render_template, request, url_for

from ledger.errors import Code, Error
from oncall import ahead, board, fairwatch, freedays, overrides, planstore
from oncall.answering import Answering
from oncall.board import Holder
from oncall.coverage import Finding, Trouble
from oncall.schedule import Schedule
from oncall.terms import Shift
from pipelines import query as deploys
from portal import auth, duty, oncalltelling, render, rotapictures, rotaweeks
from portal.bands import Band
from portal.pages import common
from portal.pages.calendars import of_schedule as calendars_of
from portal.pages.rotashared import NAME, heading, plans_refusal, speak
from portal.people import Face
from portal.render import Times

bp = Blueprint("rota", __name__)

AHEAD = timedelta(days=28)  # gaps are shown for so long
SHOWN = (Trouble.GAP, Trouble.AWAY)  # in a card of their own, with what can be done
WEEKS, STEP = 5, 4  # in a month, and by how many it is turned
LISTED, CHANGED = 14, 8
FARTHEST = timedelta(days=800)


@dataclass(frozen=True)
class Gap:
    """When nobody has a role, and who could be asked."""

    role: str
    start: datetime
    end: datetime
    sentence: str
    ask: tuple[str, ...]


@bp.get(f"/oncall/<{NAME}:name>")
def show(name: str) -> str:
    """The calendar; `from` is a day of its first week, `view` month, week or list."""
    services, asks = auth.services(), auth.somebody()
    view = request.args.get("view", "month")
    with services.database.read() as session:
        answering = Answering(session, services.oncall.fallback)
        written, schedule = duty.of_schedule(session, name), heading(answering, name)
        times = common.times()
        topic = common.live(session, subject=f"schedule:{name}")
        first = _first(times, view)
        count = 1 if view == "week" else WEEKS
        since, until = rotaweeks.bounds(first, count, times.zone)
        shifts = _rows(answering, name, schedule, since, until)
        coming = _rows(answering, name, schedule, times.now, times.now + AHEAD)
        now = {role: board.holder(answering, name, role, times.now) for role in schedule.roles}
        wrong = ahead.findings(answering, name, times.now, times.now + AHEAD, times.zone)
        gaps = _gaps(answering, schedule, coming, wrong, asks.user_ref)
        fair = fairwatch.carried(answering, name, times.now)
        kept = planstore.overrides(session, name, times.now - timedelta(days=7))
        policy = next((one for one in answering.policies.values() if one.team == written.team), None)
        answers = answering.of_team(written.team, "")
        versions = len(planstore.versions(session, planstore.SCHEDULE, name))
        calendars = calendars_of(session, name, asks.actor)
        troubles = [one for one in wrong if one.kind not in SHOWN]
        there = freedays.homes(answering, name, times.zone, [one.person for one in coming if one.person])
        today = times.now.astimezone(times.zone).date()
        holidays = [one for one in freedays.worked(coming, there) if today <= one.day < today + AHEAD]
        speak(answering)
        g.running = len(deploys.deploys(session, running=True, limit=100))
        refused = plans_refusal(session, written.team)
        known = answering.known
    faces = tinted(schedule, times.now, [one.person for one in (*shifts, *coming)])
    roles = schedule.roles
    return render_template(
        "rota.html",
        here="On call",
        topic=topic,
        name=name,
        team=known.groups.get(written.team, render.short_ref(written.team)),
        band=_band(name, now, roles),
        big=faces.get(now[roles[0]].person) if roles else None,
        mine=_mine(coming, asks.user_ref),
        gaps=gaps,
        troubles=troubles,
        free=there.everybody,
        holidays=[(one, freedays.part(one.shift, one.day, there)) for one in holidays],
        weeks=rotaweeks.weeks(shifts, roles, first, count, times.now, times.zone, lambda ref: faces[ref]),
        whole=rotaweeks.WHOLE,
        per_day=rotaweeks.PER_DAY,
        months=_months(first, count),
        view=view,
        earlier=_turned(name, view, first, -1 if view == "week" else -STEP),
        later=_turned(name, view, first, 1 if view == "week" else STEP),
        listed=(coming if first <= times.now.astimezone(times.zone).date() else shifts)[:LISTED],
        roles=roles,
        faces=faces,
        fair=fair,
        bars=rotapictures.bars(fair.loads, fair.fair("hours"), faces) if fair else {},
        changes=list(reversed(kept))[:CHANGED],
        steps=oncalltelling.steps(answers.policy, known.groups, called),
        escalation=policy.name if policy else "",
        versions=versions,
        calendars=calendars,
        refused=refused,
        is_somebody=bool(asks.user_ref),
        me_ref=asks.user_ref or "",
        told=oncalltelling,
        called=called,
        is_over=overrides.is_over,
    )


def called(ref: str) -> str:
    return common.face(ref).said


def _rows(answering: Answering, name: str, schedule: Schedule, since: datetime, until: datetime) -> list[Shift]:
    """Return the shifts of a time, with nobody's where somebody is wanted."""
    first, last = since - rotaweeks.EDGE, until + rotaweeks.EDGE
    shifts = rotaweeks.together(answering.shifts(name, first, last))
    found = rotaweeks.with_gaps(shifts, schedule.roles, ahead.wanted(schedule, first, last))
    return rotaweeks.touching(found, since, until)


def _first(times: Times, view: str) -> date:
    """Return the Monday that the page begins with: the one asked for, else last week's; this week's for a week."""
    asked = request.args.get("from", "")
    today = rotaweeks.monday(times.now, times.zone)
    try:
        day = date.fromisoformat(asked)
    except ValueError:
        return today if view == "week" else today - timedelta(weeks=1)
    if abs(day - today) > FARTHEST:
        raise Error(Code.INVALID, "A schedule is shown for two years around today.")
    return day - timedelta(days=day.weekday())


def _turned(name: str, view: str, first: date, by: int) -> str:
    day = (first + timedelta(weeks=by)).isoformat()
    asked = {"from": day} | ({} if view == "month" else {"view": view})
    return f"{url_for('rota.show', name=name)}?{urlencode(asked)}"


def _months(first: date, count: int) -> str:
    """Write `November, December`."""
    days = (first, first + timedelta(weeks=count, days=-1))
    names = dict.fromkeys(f"{day:%B}" for day in days)
    year = f" {days[1].year}" if days[1].year != common.times().now.year else ""
    return ", ".join(names) + year


def tinted(schedule: Schedule, at: datetime, more: Sequence[str] = ()) -> Mapping[str, Face]:
    """Return the faces of a schedule's people, with tints in the order of the rota."""
    order = dict.fromkeys([*fairwatch.in_rotation(schedule, at), *(one for one in more if one)])
    return rotaweeks.tints(list(order), {ref: common.face(ref) for ref in order})


def _band(name: str, now: Mapping[str, Holder], roles: Sequence[str]) -> Band:
    """Return name and until when, then who."""
    times = common.times()
    first = now[roles[0]] if roles else Holder("")
    behind = [common.face(now[role].person).said for role in roles[1:] if now[role].person]
    after = f"Behind: {', '.join(behind)}." if behind else ""
    if not first.person:
        return Band("bad", "gap", "Nobody", f"Nobody is on call for {name} now.", after)
    face = common.face(first.person)
    until = oncalltelling.day_and_clock(first.until, times.now, times.zone) if first.until else "further notice"
    left = f"{render.duration(first.until - times.now)} left. " if first.until else ""
    then = f"Then {common.face(first.then).said}. " if first.then else "Then nobody. "
    who = "You" if face.you else face.name
    return Band("run", "ring-on", "On call now", f"{who}, until {until}.", f"{left}{then}{after}")


def _mine(shifts: Sequence[Shift], ref: str | None) -> list[Shift]:
    return [one for one in shifts if ref and one.person == ref][:3]


def _gaps(
    answering: Answering, schedule: Schedule, shifts: Sequence[Shift], wrong: Sequence[Finding], me: str | None
) -> list[Gap]:
    """Return the first gaps, and for each the two of the rota who can be reached and are free then."""
    found = [one for one in wrong if one.kind is Trouble.GAP][:4]
    if not found:
        return []
    reached = answering.reached(fairwatch.in_rotation(schedule, common.times().now))
    made = []
    for one in found:
        busy = {shift.person for shift in shifts if shift.start < one.end and one.start < shift.end}
        free = [person for person in reached if person not in busy and person != me]
        made.append(Gap(one.role, one.start, one.end, one.sentence, tuple(free[:2])))
    return made
