"""On call: who answers now, for everything; my own shifts; what is coming that should not; what waits for me."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, g, render_template, request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from catalog.brief import Described, briefs
from ledger.errors import Code, Error
from oncall import ahead, board, notices, planstore
from oncall.answering import Answering
from oncall.board import Line
from oncall.coverage import Finding, Trouble
from pipelines import query as deploys
from portal import auth, duty, myshifts, oncalltelling, render
from portal.bands import Band
from portal.pages import common
from portal.permissions import Person
from portal.services import Services

bp = Blueprint("oncall", __name__)

AHEAD = timedelta(days=28)
MOST = 50  # lines on one page
SHIFTS, NAMED = 6, 8
MENDED = (Trouble.GAP, Trouble.LEFT, Trouble.ALONE, Trouble.AWAY)


@dataclass(frozen=True)
class Coming:
    """Something that will be wrong with a schedule."""

    schedule: str
    finding: Finding


@bp.get("/oncall")
def index() -> str:
    """Who is on call; `q` looks into the names of services, teams and people, `after` lines a page begins."""
    services, times, asks = auth.services(), common.times(), auth.somebody()
    asked, after = request.args.get("q", "").strip()[:100], _after(request.args.get("after", ""))
    with services.database.read() as session:
        topic = common.live(session)
        answering = Answering(session, services.oncall.fallback)
        everything = briefs(session, answering.known)
        lines = board.lines(answering, everything, times.now)
        mine = schedules_of(answering, asks)
        shifts = myshifts.had(answering, mine, asks.user_ref or "", times.now)
        coming = _coming(answering, mine)
        unreachable = board.unreachable(answering, lines)
        waiting = notices.unseen(session, asks.user_ref) if asks.user_ref else ()
        tasks = planstore.tasks(session, None if asks.is_admin else [*asks.teams, services.oncall.fallback])
        known = answering.known
        g.names = {**g.get("names", {}), **{one.ref: one.name for one in known.people.values()}}
        g.running = len(deploys.deploys(session, running=True, limit=100))
        schedules = {name: found[-1].team for name, found in answering.schedules.items() if found[-1].text}
        escalations = {name: found.team for name, found in answering.policies.items()}
    shown = [one for one in lines if _fits(one, asked, known.groups)] if asked else lines
    return render_template(
        "oncall.html",
        here="On call",
        topic=topic,
        band=band(lines, shifts, unreachable, bool(everything)),
        lines=shown[after : after + MOST],
        count=sum(len(one.services) for one in shown),
        after=after,
        last=min(after + MOST, len(shown)),
        found=len(shown),
        asked=asked,
        shifts=shifts[:SHIFTS],
        coming=coming[:NAMED],
        unreachable=unreachable[:NAMED],
        is_unreachable=bool(asks.user_ref and asks.user_ref in unreachable),
        notices=waiting,
        tasks=tasks,
        schedules=schedules,
        escalations=escalations,
        teams=known.groups,
        mine=mine,
        is_somebody=bool(asks.user_ref),
        told=oncalltelling,
    )


def warm(services: Services) -> None:
    """Read who is on call once, when a process begins: the first reader does not wait for every schedule's text."""
    with suppress(SQLAlchemyError), services.database.read() as session:
        answering = Answering(session, services.oncall.fallback)
        board.lines(answering, briefs(session, answering.known), services.clock())


def _after(said: str) -> int:
    """Read after how many lines a page begins; a number that nobody could have been given is the first page."""
    return int(said) if said.isascii() and said.isdigit() and len(said) < 6 else 0


def schedules_of(answering: Answering, asks: Person) -> list[str]:
    """Return the schedules of the reader's teams, and those that she is in."""
    found = []
    for name in answering.schedules:
        schedule = answering.schedule(name)
        if schedule is None:
            continue
        people = {person for one in schedule.rotations for person in one.people}
        people |= {one.person for one in (*schedule.overrides, *answering.overrides(name))}
        if answering.schedules[name][-1].team in asks.teams or (asks.user_ref and asks.user_ref in people):
            found.append(name)
    return found


def _coming(answering: Answering, mine: Iterable[str]) -> list[Coming]:
    """Return what will be wrong with those schedules, the soonest first."""
    times = common.times()
    wrong = ahead.all_findings(answering, mine, times.now, times.now + AHEAD, times.zone)
    found = [Coming(name, one) for name, findings in wrong.items() for one in findings]
    return sorted((one for one in found if one.finding.kind in MENDED), key=lambda one: one.finding.start)


def _fits(line: Line, asked: str, teams: Mapping[str, str]) -> bool:
    people = [common.face(one.person).name for one in (*line.first, *line.behind) if one.person]
    names = [service.name for service in line.services]
    said = " ".join([*people, *names, line.team, teams.get(line.team, ""), line.policy.name]).lower()
    return all(word in said for word in asked.lower().split())


def band(lines: Sequence[Line], shifts: Sequence[myshifts.Mine], unreachable: Sequence[str], is_there: bool) -> Band:
    """Return the sentence that opens the page: the worst thing, or whose turn it is."""
    times = common.times()
    bare: list[Described] = [one for line in lines if not line.is_covered for one in line.services]
    now = [one for one in shifts if one.shift.start <= times.now]
    if bare:
        names = oncalltelling.names_listed(sorted(one.name for one in bare), 3)
        title = f"Nobody is on call for {names}."
        return Band("bad", "gap", "Nobody", title, "A page about them would reach nobody. Each has its reason below.")
    if unreachable:
        names = oncalltelling.names_listed([common.face(one).name for one in unreachable], 3)
        many = "has" if len(unreachable) == 1 else "have"
        title = f"{names} {many} no way to be reached."
        return Band("warn", "warn", "Out of reach", title, "A page would go past them, to the next level.")
    if now:
        until = oncalltelling.day_and_clock(now[0].shift.end, times.now, times.zone)
        roles = render.counted(len(lines), "rota") if len(now) > 1 else f"for {now[0].schedule}"
        return Band("run", "ring-on", "On call now", f"You are on call {roles}, until {until}.", _then(shifts))
    if not is_there:
        return Band(
            "", "ring", "Nothing yet", "No service is in the catalog yet.", "Services bring their owners along."
        )
    people = {one.person for line in lines for one in line.first}
    title = "Somebody answers for everything."
    said = f"{render.counted(len(people), 'person is', 'people are')} on call now. {_then(shifts)}"
    return Band("good", "ok", "Covered", title, said.strip())


def _then(shifts: Sequence[myshifts.Mine]) -> str:
    times = common.times()
    following = next((one for one in shifts if one.shift.start > times.now), None)
    if following is None:
        return ""
    at = oncalltelling.day_and_clock(following.shift.start, times.now, times.zone)
    return f"Your next shift begins {at}, {following.schedule}."


@bp.post("/oncall/notices/<int:number>/seen")
def seen(number: int) -> Response:
    """Mark one of my notices as seen."""
    services, asks = auth.services(), auth.somebody()
    with services.database.write() as session:
        notices.seen(session, duty.own(asks), number, services.clock())
    return common.back_to("oncall.index")


@bp.post("/oncall/tasks/<int:number>/done")
def done(number: int) -> Response:
    """Say that a task is done; for the team's members and admins."""
    services, asks = auth.services(), auth.somebody()
    with services.database.write() as session:
        found = _task(session, number)
        duty.plans(services, session, asks, found)
        planstore.done_task(session, number, asks.actor, services.clock())
    return common.back_to("oncall.index")


def _task(session: Session, number: int) -> str:
    """Return whose task that is; NOT_FOUND for one that is done."""
    for one in planstore.tasks(session):
        if one.id == number:
            return one.team
    raise Error(Code.NOT_FOUND, "There is no such task any more; somebody may have done it.")
