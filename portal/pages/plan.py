"""What happens if I press? And the press itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, g, render_template, request
from werkzeug.wrappers import Response

from catalog import query as catalog
from catalog.query import Service
from ledger.errors import Code, Error
from pipelines import query
from pipelines.actions import Started
from pipelines.plan import Plan
from pipelines.planning import Preview
from pipelines.situation import LockedBy, Yes
from pipelines.terms import Terms
from portal import approving, auth, bands, coursing, gatekeeping, planpress, plantelling, ranwith, telling, whose
from portal.pages import common
from portal.permissions import Action, Owned
from portal.services import Services

bp = Blueprint("plan", __name__)

NOTE = 300  # characters
MOST_TICKS = 20


@bp.get("/services/<name>/<environment>/plan")
def show(name: str, environment: str) -> str:
    """The plan for `revision` (the newest when empty), or for going back `to` an earlier release."""
    services, times = auth.services(), common.times()
    with services.database.read() as session:
        known = catalog.service(session, common.ref_of(name))
        owned = whose.owned(known)
        g.running = len(query.deploys(session, running=True, limit=100))
    to = request.args.get("to", "")
    if to:
        if not to.isdigit() or len(to) > 9:
            raise Error(Code.INVALID, f"“{to[:40]}” is not the number of a release.")
        preview = services.planner.preview_rollback(known, environment, int(to), times.now)
    else:
        asked = request.args.get("revision", "").strip()
        preview = services.planner.preview(known, environment, asked, times.now, auth.somebody().actor)
    plan, pressing = preview.plan, planpress.pressing(preview)
    click = _click(owned) if approving.has_approved(preview) else ""
    if click:
        preview = approving.for_another(preview)
    with services.database.read() as session:
        train_offer = coursing.train_offer(services, session, known, preview)
        values = ranwith.said(services, session, plan)
    return render_template(
        "plan.html",
        here="Services",
        service=known,
        environment=environment,
        preview=preview,
        plan=plan,
        change=plan.change,
        band=approving.band(preview, known.name, click) if click else bands.plan(preview, known.name),
        click=click,
        button=_button(plan),
        oldest=_oldest(preview),
        train_offer=train_offer,
        values=values,
        strategy=plantelling.strategy(plan),
        stairs=telling.planned_stairs(plan, times.now, times.zone),
        stages=plantelling.stages(plan),
        weighs=plantelling.weighs(plan),
        uncounted=plantelling.uncounted(plan),
        by_itself=plantelling.by_itself(plan),
        pressing=pressing,
        asking=_asking(preview),
        lifts=_lifts(services, preview),
        refused=common.refusal(Action.ROLL_BACK if to else Action.DEPLOY, owned),
        refused_approval=common.refusal(Action.APPROVE, owned),
        refused_override=common.refusal(Action.OVERRIDE, owned),
        is_admin=auth.somebody().is_admin,
    )


def _click(owned: Owned) -> str:
    return approving.click([name for name in owned.people if not common.face(name).you], owned.team)


@dataclass(frozen=True)
class Asking:
    """The approvals of this plan, as the reader may see to them. `why_not`: why hers would not count."""

    given: Sequence[Yes]
    mine: bool
    why_not: str
    address: str  # to send to somebody else


def _asking(preview: Preview) -> Asking | None:
    """Return what there is to approve, where approvals are asked for."""
    of, plan = preview.situation, preview.plan
    if plan.rollback or not of.settings.approvals:
        return None
    me = auth.somebody().actor
    where = common.service_url(plan.service, plan.environment, "plan.show", revision=plan.release.revision)
    why = "All of this change is yours, so your approval does not count." if of.authors == {me} else ""
    mine = any(one.actor == me for one in of.approvals)
    return Asking(of.approvals, mine, why, f"{auth.services().config.address}{where}")


def _lifts(services: Services, preview: Preview) -> Sequence[tuple[LockedBy, str]]:
    """Return every lock that counts here, with why the reader may not lift it."""
    found, person = preview.situation.locks, auth.somebody()
    with services.database.read() as session:
        return [(one, gatekeeping.lift_refusal(session, person, one.by, one.service)) for one in found]


def _button(plan: Plan) -> str:
    if plan.rollback:
        return f"Roll back to {plan.release.number}"
    if plan.change.back or not plan.change.commits:
        return f"Deploy {plan.release.number}"
    return f"Deploy {bands.commits(len(plan.change.commits))}"


def _oldest(preview: Preview) -> str:
    """Return the oldest waiting commit, where there is more than one: small deploys are safer."""
    commits = preview.plan.change.commits
    is_many = len(commits) > 1 and not preview.plan.rollback and not preview.plan.change.back
    return commits[-1].sha if is_many and preview.plan.base is not None else ""


@bp.post("/services/<name>/<environment>/deploy")
def deploy(name: str, environment: str) -> Response:
    """Freeze spec and revision, and queue the deploy."""
    services, service = _for(name, Action.DEPLOY)
    revision = request.form.get("revision", "").strip()
    if not revision:
        raise Error(Code.INVALID, "Say which revision shall go out.")
    note = request.form.get("note", "").strip()[:NOTE]
    terms = _terms(service)
    actor = auth.somebody().actor
    return _to(services.actions.deploy(service, environment, revision, actor, services.clock(), note, terms))


def _terms(service: Service) -> Terms:
    """Read on which terms it shall go; an emergency needs a reason."""
    override = request.form.get("override", "").strip()[:NOTE]
    if "emergency" in request.form:
        common.require(Action.OVERRIDE, whose.owned(service))
        if not override:
            raise Error(Code.INVALID, "An emergency needs its reason: what is broken, and why it cannot wait.")
    ticks = tuple(point[:NOTE] for point in request.form.getlist("tick")[:MOST_TICKS])
    return Terms(override if "emergency" in request.form else "", request.form.get("hotfix") == "1", ticks)


@bp.post("/services/<name>/<environment>/approve")
def approve(name: str, environment: str) -> Response:
    """Say as a second person that a revision may go, or take that back."""
    revision, ref = request.form.get("revision", "").strip(), common.ref_of(name)
    try:
        if "withdraw" in request.form:
            gatekeeping.withdraw(auth.services(), auth.somebody(), ref, environment, revision)
        else:
            note = request.form.get("note", "").strip()[:NOTE]
            gatekeeping.approve(auth.services(), auth.somebody(), ref, environment, revision, note)
    except Error as error:
        if error.code is not Code.CONFLICT:
            raise
        common.say(error)
    return common.back_to("plan.show", name=name, environment=environment, revision=revision)


@bp.post("/services/<name>/<environment>/rollback")
def roll_back(name: str, environment: str) -> Response:
    """Go back to an earlier healthy release; it jumps the queue."""
    services, service = _for(name, Action.ROLL_BACK)
    number = request.form.get("release", "")
    if not number.isdigit() or len(number) > 9:
        raise Error(Code.INVALID, "Say by its number which release shall come back.")
    note = request.form.get("note", "").strip()[:NOTE]
    actor = auth.somebody().actor
    return _to(services.actions.rollback(service, environment, int(number), actor, services.clock(), note))


def _for(name: str, action: Action) -> tuple[Services, Service]:
    services = auth.services()
    with services.database.read() as session:
        known = catalog.service(session, common.ref_of(name))
        owned = whose.owned(known)
    common.require(action, owned)
    return services, known


def _to(started: Started) -> Response:
    return common.back_to("deploys.show", deploy_id=started.id)
