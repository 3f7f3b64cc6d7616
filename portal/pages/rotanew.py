"""A team's first schedule, from a form; and escalations as they are written."""

import re
from collections.abc import Mapping, Sequence

from flask import g, render_template, request
from werkzeug.wrappers import Response

from ledger.errors import Code, Error
from oncall import planstore, policyfile
from oncall.answering import Answering
from oncall.planstore import ESCALATION, SCHEDULE, Written
from pipelines import query as deploys
from portal import auth, duty, oncalltelling, rotawriting
from portal.pages import common
from portal.pages.rotaedit import LONGEST, TAKEN, Fault, editor, faults, team_of
from portal.pages.rotaedit import bp as bp
from portal.pages.rotashared import NAME, plans_refusal, speak
from portal.rotawriting import First


@bp.get("/oncall/new")
def new() -> str:
    """Choose a team, then who takes turns."""
    return _new(request.args.get("team", "")[:300])


def _new(team: str, typed: Mapping[str, str] | None = None, wrong: Sequence[Fault] = ()) -> str:
    services, asks = auth.services(), auth.somebody()
    with services.database.read() as session:
        answering = Answering(session, services.oncall.fallback)
        groups = answering.known.groups
        mine = sorted(
            one for one in groups if asks.is_admin or one in asks.teams or services.oncall.fallback in asks.teams
        )
        chosen = team if team in groups else (mine[0] if mine else "")
        members = answering.members(chosen) if chosen else []
        refused = plans_refusal(session, chosen) if chosen else "You are on no team that the catalog knows."
        speak(answering)
        taken = set(answering.schedules) | TAKEN
        g.running = len(deploys.deploys(session, running=True, limit=100))
    name = re.sub(r"[^a-z0-9-]+", "-", chosen.rpartition("/")[2].lower()).strip("-")
    return render_template(
        "rotanew.html",
        here="On call",
        teams=[(one, groups[one]) for one in mine],
        chosen=chosen,
        members=members,
        name=name if name not in taken else f"{name}-2",
        refused=refused,
        typed=typed or {},
        wrong=wrong,
        lengths=rotawriting.LENGTHS,
        days=rotawriting.DAYS,
        zone=common.times().zone.key,
    )


@bp.post("/oncall/new")
def begin() -> str | tuple[str, int]:
    """Write both texts from the form, and show what they would do; nothing is kept yet."""
    form = request.form
    name, team = form.get("name", "").strip().lower()[:120], form.get("team", "")[:300]
    try:
        team_of(name, team)
        with auth.services().database.read() as session:
            if name in planstore.documents(session, SCHEDULE):
                raise Error(Code.INVALID, f"There is a schedule {name} already; choose another name, or edit that one.")
            members = Answering(session).members(team)
            has_one = any(one.team == team for one in planstore.documents(session, ESCALATION).values())
        people = sorted(
            (one for one in members if form.get(f"at-{one}", "").isdigit()), key=lambda one: _number(form, one)
        )
        day = form.get("day", "0")
        two, clock = form.get("two") == "1", form.get("clock", "").strip()[:10]
        every, zone = form.get("every", ""), form.get("zone", "").strip()[:80]
        said = First(name, team, people, every, int(day) % 7 if day.isdigit() else 0, clock, zone, two)
        text = rotawriting.schedule(said, auth.services().clock().date())
        proposal = auth.services().oncall.plans.propose(name, text)
    except Error as error:
        if error.code is not Code.INVALID:
            raise
        return _new(team, dict(form), faults(error)), 400
    along = "" if has_one else rotawriting.escalation(said)
    return editor(name, team, text, "The first schedule.", proposal=proposal, escalation=along)


def _number(form: Mapping[str, str], person: str) -> tuple[int, str]:
    return int(form.get(f"at-{person}", "0")[:4]), person


# --- an escalation ----------------------------------------------------------------------------------------------------


@bp.get(f"/oncall/escalations/<{NAME}:name>/edit")
def escalation(name: str) -> str:
    with auth.services().database.read() as session:
        written = duty.document(session, ESCALATION, name)
    return _policy(name, written, written.text)


def _policy(name: str, written: Written, text: str, why: str = "", wrong: Sequence[Fault] = ()) -> str:
    services = auth.services()
    with services.database.read() as session:
        answering = Answering(session, services.oncall.fallback)
        speak(answering)
        policy, problems = policyfile.read(text, name, _known(answering))
        refused = plans_refusal(session, written.team)
        versions = planstore.versions(session, ESCALATION, name)
        groups = answering.known.groups
        g.running = len(deploys.deploys(session, running=True, limit=100))
    found = [Fault(one.place.line, one.place.column, str(one).partition(" ")[2]) for one in problems]
    return render_template(
        "rotapolicy.html",
        here="On call",
        name=name,
        title=groups.get(written.team, written.team.rpartition("/")[2]),
        text=text,
        why=why,
        wrong=[*found, *(one for one in wrong if not found)],
        steps=oncalltelling.steps(policy, groups, lambda ref: common.face(ref).said) if policy else (),
        versions=list(reversed(versions))[:50],
        refused=refused,
        has_changed=text != written.text,
    )


def _known(answering: Answering) -> policyfile.Known:
    """Return what an escalation may name."""
    named = [(name, answering.schedule(name)) for name in answering.schedules]
    roles = [f"{name}/{role}" for name, one in named if one is not None for role in one.roles]
    return policyfile.Known(list(answering.known.people), list(answering.known.groups), roles)


@bp.post(f"/oncall/escalations/<{NAME}:name>/edit")
def write_escalation(name: str) -> Response | str | tuple[str, int]:
    form, services, asks = request.form, auth.services(), auth.somebody()
    text = form.get("text", "")[:LONGEST].replace("\r\n", "\n")
    why = form.get("why", "").strip()[:500]
    with services.database.read() as session:
        written = duty.document(session, ESCALATION, name)
        actor = duty.plans(services, session, asks, written.team)
    if form.get("do") != "save":
        return _policy(name, written, text, why)
    try:
        services.oncall.plans.save_escalation(name, written.team, text, actor, why)
    except Error as error:
        if error.code is not Code.INVALID:
            raise
        return _policy(name, written, text, why, faults(error)), 400
    common.done("It counts from the next incident on; those that are open go on with theirs.")
    return common.back_to("rotaedit.escalation", name=name)
