"""The history of deploys, and the page of one: how is it going, can I stop it?"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, g, render_template, request
from werkzeug.wrappers import Response as Answer

from catalog import query as catalog
from ledger.errors import Code, Error
from pipelines import query
from pipelines.deploy import ENDED, Deploy
from pipelines.plan import StepKind
from pipelines.query import Page
from portal import auth, bands, checking, coursing, evidence, ground, ordering, ranwith, render, telling, whose
from portal.checking import Checked
from portal.ground import Ground
from portal.ordering import Order
from portal.pages import common
from portal.permissions import Action
from portal.render import Times

bp = Blueprint("deploys", __name__)

DAY = timedelta(hours=24)
PAGE = 50  # rows
LOG = 400  # lines on the page; the download has all
OUTPUT = 60  # lines
EVERY = 5  # seconds between two looks at a deploy under way, beside what the stream tells
STATES = (
    ("running", "under way"),
    ("healthy", "that became healthy"),
    ("undone", "that were undone"),
    ("aborted", "that were aborted"),
    ("tried", "that were trials"),
    ("stuck", "that got stuck"),
)
ENDINGS = frozenset(value for value, _ in STATES[1:])


@bp.get("/deploys")
def index() -> str:
    """All deploys, newest first; filters are `service`, `environment`, `state` and `by`, `before` pages on."""
    chosen = {name: request.args.get(name, "").strip()[:300] for name in ("service", "environment", "state", "by")}
    before = request.args.get("before", "")
    with auth.services().database.read() as session:
        topic = common.live(session, service=chosen["service"] or None)
        rows = query.deploys(
            session,
            service=chosen["service"] or None,
            environment=chosen["environment"] or None,
            actor=chosen["by"] or None,
            running=True if chosen["state"] == "running" else None,
            ended=chosen["state"] if chosen["state"] in ENDINGS else None,
            before=int(before) if before.isdigit() and len(before) < 18 else None,
            limit=PAGE + 1,
        )
        known = catalog.service_names(session)
        common.know(session, [*(row.actor for row in rows), chosen["by"]])
        going = query.deploys(session, running=True, limit=100)
        day = query.deploys(session, since=common.times().now - DAY, limit=500)
        g.running = len(going)
    args = {name: said for name, said in chosen.items() if said}
    return render_template(
        "deploys.html",
        here="Deploys",
        rooms="History",
        topic="" if before else topic,
        band=bands.deploys(going, day),
        rows=rows[:PAGE],
        older=len(rows) > PAGE,
        said=_said(args, len(rows)),
        services=known,
        states=STATES,
        mine=auth.somebody().actor,
        chosen=chosen,
        chosen_args=args,
        filtered=bool(args),
    )


def _said(args: dict[str, str], count: int) -> str:
    shown = "newest first" if count > PAGE else render.counted(count, "deploy")
    return f"{shown}, those that fit" if args else shown


@bp.get("/deploys/<int:deploy_id>")
def show(deploy_id: int) -> str:
    services, times = auth.services(), common.times()
    with services.database.read() as session:
        topic = common.live(session, subject=f"deploy:{deploy_id}")
        page = query.page(session, deploy_id, services.jobs)
        owned = whose.owned_by_ref(session, page.row.service)
        answered = (one.actor for one in page.deploy.answered)
        common.know(session, [*(row.actor for row in page.queue), page.row.actor, *answered])
        bisect_offer = coursing.bisect_offer(session, page)
        g.running = len(query.deploys(session, running=True, limit=100))
    only_steps = request.args.get("log") == "steps"
    lines = [line for line in page.log if line.head or not only_steps]
    settings = _settings(page)
    there = ground.look(services, page.row.service, page.row.environment, settings)
    checks = checking.checks(page.deploy)
    return render_template(
        "deploy.html",
        here="Deploys",
        topic=topic,
        every=EVERY if page.deploy.state not in ENDED else None,
        page=page,
        row=page.row,
        plan=page.deploy.plan,
        going=page.row.word in ("going out", "baking"),
        pause=page.deploy.pause,
        shown_evidence=evidence.evidence(page.deploy, times),
        can_pause=page.row.word in ("going out", "baking") and not page.abort_ordered,
        band=bands.deploy(page, times, common.face(page.row.actor).said),
        stairs=telling.stairs(page.deploy, times.now, times.zone),
        story=telling.story(page.deploy, times.zone, lambda who: common.face(who).said),
        left=telling.left(page.deploy, times.now),
        checks=checks,
        tally=_tally(checks),
        watched=_watched(page.deploy, times),
        log=lines,
        shown=lines[-LOG:],
        only_steps=only_steps,
        there=there,
        secrets=ranwith.secrets(page.deploy.plan.target if page.deploy.plan else settings),
        output=_output(page, there, settings),
        others=[row for row in page.queue if row.id != deploy_id],
        can_abort=page.row.word in ("queued", "going out", "baking", "paused") and not page.abort_ordered,
        refused=common.refusal(Action.ABORT, owned),
        bisect_offer=bisect_offer,
    )


def _settings(page: Page) -> dict[str, Any]:
    return page.asked.spec.environments[page.asked.environment].target.model_dump(mode="json")


def _tally(checks: Sequence[Checked]) -> str:
    counts = Counter(check.state for check in checks)
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def _watched(deploy: Deploy, times: Times) -> str:
    if deploy.plan is None or deploy.state in ENDED or not deploy.story or deploy.story[-1].undo:
        return ""
    last = deploy.story[-1]
    if last.kind != StepKind.BAKE or last.ended is not None:
        return ""
    bake = deploy.plan.steps[min(deploy.step, len(deploy.plan.steps) - 1)].expected
    so_far = min(times.since(last.began), bake)
    return f"watched {render.duration(_whole(so_far))} of {render.duration(bake)}"


def _whole(span: timedelta) -> timedelta:
    return timedelta(seconds=max(round(span.total_seconds()), 1))


def _output(page: Page, there: Ground, settings: dict[str, Any]) -> Sequence[str]:
    """Return what the release wrote, where that helps: it did not become healthy."""
    is_script = settings.get("kind") == "command"  # what it says is all there is to see
    if (page.row.word not in ("undone", "undoing", "stuck") and not is_script) or there.trouble:
        return ()
    return ground.output(auth.services(), page.row.service, page.row.environment, settings, page.row.release, OUTPUT)


@bp.get("/deploys/<int:deploy_id>/log.txt")
def log(deploy_id: int) -> Response:
    services, times = auth.services(), common.times()
    with services.database.read() as session:
        page = query.page(session, deploy_id, services.jobs)
    text = "".join(f"{render.iso(line.at)} {line.text}\n" for line in page.log)
    answer = Response(text, mimetype="text/plain")
    name = f"{page.row.name}-{page.row.release}-{page.row.environment}-{times.now:%Y%m%d}.log"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@bp.post("/deploys/<int:deploy_id>/<any(abort, resume, look, pause):order>")
def order(deploy_id: int, order: Order) -> Answer:
    """Order it to stop and go back, to go on after a pause, to look once more, or to wait before its next step.

    What came too late is said on the page.
    """
    services = auth.services()
    with services.database.read() as session:
        service = query.page(session, deploy_id, services.jobs).row.service
    try:
        ordering.give(services, auth.somebody(), deploy_id, service, order, request.form.get("reason", ""))
    except Error as error:
        if error.code is not Code.CONFLICT:
            raise
        common.say(error)
    return common.back_to("deploys.show", deploy_id=deploy_id)
