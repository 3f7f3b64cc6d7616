"""Schedules and escalations as they are written: the text with what is wrong beside it, what it would change, and why.

The common changes need no YAML: who joins, who leaves, another order, each from a moment on, written into the text.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, g, render_template, request
from werkzeug.wrappers import Response

from ledger.errors import Code, Error
from oncall import lineups, planstore, scheduleedit, schedulefile
from oncall import schedule as schedules
from oncall.answering import Answering
from oncall.lineups import RollOut
from oncall.plans import Proposal
from oncall.planstore import SCHEDULE
from oncall.rotation import Rotation
from pipelines import query as deploys
from portal import auth, duty, oncalltelling, rotaweeks
from portal.pages import common
from portal.pages.rotashared import NAME, heading, plans_refusal, speak

bp = Blueprint("rotaedit", __name__)

LONGEST = 200_000  # characters of a text
WEEKS = 4  # of a preview
GOOD_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
TAKEN = frozenset({"new", "escalations", "notices", "tasks"})
_AT = re.compile(r"^(?P<path>.*?):(?P<line>\d+):(?P<column>\d+) (?P<said>.*)$", re.DOTALL)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a text; line 0: of the whole."""

    line: int
    column: int
    said: str


def faults(error: Error) -> list[Fault]:
    """Return what is wrong, with its place where one is said."""
    found = []
    for reason in error.reasons or [error.message]:
        at = _AT.match(reason)
        found.append(Fault(int(at["line"]), int(at["column"]), at["said"]) if at else Fault(0, 0, reason))
    return found


# --- a schedule -------------------------------------------------------------------------------------------------------


@bp.get(f"/oncall/<{NAME}:name>/edit")
def edit(name: str) -> str:
    with auth.services().database.read() as session:
        written = duty.of_schedule(session, name)
    return editor(name, written.team, written.text)


def editor(
    name: str,
    team: str,
    text: str,
    why: str = "",
    wrong: Sequence[Fault] = (),
    proposal: Proposal | None = None,
    escalation: str = "",
) -> str:
    """`escalation`: the text of one that is written along, for a team's first schedule."""
    services = auth.services()
    with services.database.read() as session:
        answering = Answering(session, services.oncall.fallback)
        written = answering.schedules.get(name, ())
        if answering.schedule(name) is not None:
            heading(answering, name)
        rotations = _rotations(text, name)
        speak(answering)
        refused = plans_refusal(session, team)
        people = [(one, common.face(one).name) for one in answering.members(team) if one in answering.known.people]
        g.running = len(deploys.deploys(session, running=True, limit=100))
        title = answering.known.groups.get(team, team.rpartition("/")[2])
    times = common.times()
    shown = proposal.shifts if proposal else ()
    until = times.now + WEEKS * rotaweeks.DAYS * rotaweeks.PER_DAY * rotaweeks.COLUMN
    return render_template(
        "rotaedit.html",
        here="On call",
        name=name,
        team=team,
        title=title,
        text=text,
        why=why,
        wrong=wrong,
        proposal=proposal,
        ahead=[one for one in rotaweeks.together(shown) if one.start < until][:24],
        remarks=_remarks(text, name) if proposal else (),
        rotations=rotations,
        people=people,
        roll_outs=[*RollOut],
        versions=list(reversed(written))[:50],
        is_new=not any(one.text for one in written[-1:]),
        escalation=escalation,
        refused=refused,
        told=oncalltelling,
        now=times.now,
    )


def _rotations(text: str, name: str) -> Sequence[Rotation]:
    try:
        return schedulefile.read(text, name).rotations
    except Error:
        return ()


def _remarks(text: str, name: str) -> Sequence[str]:
    return schedules.findings(schedulefile.read(text, name))


@bp.post(f"/oncall/<{NAME}:name>/edit")
def write(name: str) -> Response | str | tuple[str, int]:
    """`do`: preview, save, or a change of an order that is written into the text."""
    form = request.form
    text, why, order = form.get("text", "")[:LONGEST], form.get("why", "").strip()[:500], form.get("do", "preview")
    text = text.replace("\r\n", "\n")
    along = form.get("escalation", "")[:LONGEST].replace("\r\n", "\n")
    team, actor = team_of(name, form.get("team", "")[:300])
    plans = auth.services().oncall.plans
    try:
        if order == "save":
            plans.save(name, team, text, actor, why)
        elif order not in ("preview", "save"):
            text = _with_order(text, name, order, form)
        proposal = None if order == "save" else plans.propose(name, text)
        if order == "save" and along:
            plans.save_escalation(name, team, along, actor, why)
    except Error as error:
        if error.code not in (Code.INVALID, Code.CONFLICT, Code.NOT_FOUND):
            raise
        return editor(name, team, text, why, faults(error), escalation=along), 400
    if proposal is not None:
        return editor(name, team, text, why, proposal=proposal, escalation=along)
    common.done("It holds from now on. Whoever's shifts change hears of it.")
    return common.back_to("rota.show", name=name)


def team_of(name: str, said: str) -> tuple[str, str]:
    """Return the team of a schedule, who may write it, and the actor; a new one belongs to the team that is said."""
    services, asks = auth.services(), auth.somebody()
    with services.database.read() as session:
        there = planstore.documents(session, SCHEDULE).get(name)
        team = there.team if there else said
        if not there and (not GOOD_NAME.fullmatch(name) or name in TAKEN):
            raise Error(Code.INVALID, "A schedule's name has small letters, digits and dashes, like payments.")
        if not there and team not in Answering(session).known.groups:
            raise Error(Code.INVALID, "Say which team it is for.")
        return team, duty.plans(services, session, asks, team)


def _with_order(text: str, name: str, order: str, form: Mapping[str, str]) -> str:
    """Write another line-up into the text: `join-0`, `leave-0` or `order-0` for the text's first rotation."""
    rotations = dict(enumerate(schedulefile.read(text, name).rotations))
    verb, _, number = order.partition("-")
    found = rotations.get(int(number)) if number.isdigit() and len(number) < 5 else None
    if found is None:
        raise Error(Code.NOT_FOUND, "There is no such rotation in the text.")
    when = next((one for one in RollOut if one == form.get(f"when-{number}")), RollOut.AFTER_SHIFT)
    at, person = auth.services().clock().replace(second=0, microsecond=0), form.get(f"person-{number}", "")[:300]
    if verb == "join":
        changed = lineups.added(found, person, at, when)
    elif verb == "leave":
        changed = lineups.removed(found, person, at, when)
    else:
        changed = lineups.reordered(found, _places(found.lineup(at).order, form, number), at, when)
    return scheduleedit.with_lineups(text, name, found.name, changed.lineups)


def _places(order: Sequence[str], form: Mapping[str, str], number: str) -> list[str]:
    """Return an order by the numbers that stand beside its people; who has none keeps its own."""

    def place(at: int) -> tuple[float, int]:
        said = form.get(f"place-{number}-{at}", "").strip()
        return (float(said) if said.isdigit() and len(said) < 5 else at + 1.0), at

    return [order[at] for at in sorted(range(len(order)), key=place)]
