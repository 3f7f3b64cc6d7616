"""Deploys over the API: ask for one, go back, stop or hold one, answer one, and look at what happened."""

from typing import Any

from apiflask import APIBlueprint
from flask import url_for

from ledger import events
from ledger.errors import Code, Error
from pipelines import query, warmth
from pipelines.actions import Started
from pipelines.terms import Terms
from portal import auth, ordering
from portal.api import asking, deployshapes, shapes, tell
from portal.api.asked import DeployIn, DeploysQuery, OrderIn, RollbackIn
from portal.ordering import Order
from portal.permissions import Action

bp = APIBlueprint("deploys", __name__, tag="Deploys")

Answer = tuple[shapes.Out, int, dict[str, str]]
REFUSED = {
    400: "Not JSON, no revision, or a catalog file that cannot be deployed by; every problem is said",
    403: "Not yours to do",
    409: "It may not go; every reason is said",
    503: "The repository cannot be read now",
}


@bp.post("/services/<name>/deploys")
@bp.input(DeployIn)
@bp.output(deployshapes.Started, 202, description="Asked for; it goes when its turn comes")
@bp.doc(responses={200: "The very same is queued or under way already; this is it", **REFUSED})
def deploy(name: str, json_data: DeployIn) -> Any:
    """Deploy a service

    Freezes the revision and what its catalog file says of deploys. Asking twice for the same gives the same deploy.
    """
    services, asked = auth.services(), json_data
    with services.database.read() as session:
        service = asking.service(session, name)
        actor = asking.allowed(session, Action.DEPLOY, service.ref)
        if asked.override.strip():
            asking.allowed(session, Action.OVERRIDE, service.ref)
    terms = Terms(asked.override.strip(), asked.hotfix, tuple(asked.ticks))
    started = services.actions.deploy(
        service, asked.environment, asked.revision, actor, asking.now(), asked.note.strip(), terms
    )
    return _started(started)


@bp.post("/services/<name>/rollbacks")
@bp.input(RollbackIn)
@bp.output(deployshapes.Started, 202, description="Asked for; it jumps the queue and holds what waits")
@bp.doc(responses={200: "The very same is queued or under way already; this is it", **REFUSED})
def roll_back(name: str, json_data: RollbackIn) -> Any:
    """Go back to an earlier healthy release"""
    services, asked = auth.services(), json_data
    with services.database.read() as session:
        service = asking.service(session, name)
        actor = asking.allowed(session, Action.ROLL_BACK, service.ref)
        number = asked.release
        if number is None:
            earlier = query.way_back(session, service.ref, asked.environment, limit=1)
            if not earlier:
                said = f"{service.name} has no earlier healthy release in {asked.environment} to go back to."
                raise Error(Code.CONFLICT, said)
            number = earlier[0].number
    started = services.actions.rollback(service, asked.environment, number, actor, asking.now(), asked.note.strip())
    return _started(started)


def _started(started: Started) -> Answer:
    with auth.services().database.read() as session:
        row = asking.row(session, started.id)
    told = deployshapes.Started(
        id=started.id, already=started.already, page=asking.page_of(started.id), deploy=tell.deploy(row)
    )
    where = url_for("api.deploys.show", deploy_id=started.id)
    return told, 200 if started.already else 202, {"Location": where}


@bp.post("/deploys/<int:deploy_id>/abort")
@bp.input(OrderIn, location="json_or_form", arg_name="asked")
@bp.output(shapes.Deploy, 202, description="Ordered; it stops at its next look, which is at once")
@bp.doc(responses={403: "Not yours to do", 409: "It has ended already"})
def abort(deploy_id: int, asked: OrderIn) -> Any:
    """Stop a deploy and put the release before back"""
    return _ordered("abort", deploy_id, asked)


@bp.post("/deploys/<int:deploy_id>/resume")
@bp.input(OrderIn, location="json_or_form", arg_name="asked")
@bp.output(shapes.Deploy, 202, description="Ordered; it goes on at once")
@bp.doc(responses={403: "Not yours to do", 409: "It does not wait for anybody, or somebody was first"})
def resume(deploy_id: int, asked: OrderIn) -> Any:
    """Let a paused deploy go on

    With the next step after a look or a pause of the strategy; with the same one after a step that failed.
    """
    return _ordered("resume", deploy_id, asked)


@bp.post("/deploys/<int:deploy_id>/look")
@bp.input(OrderIn, location="json_or_form", arg_name="asked")
@bp.output(shapes.Deploy, 202, description="Ordered; the step begins anew at once")
@bp.doc(responses={403: "Not yours to do", 409: "It does not wait for anybody, or somebody was first"})
def look(deploy_id: int, asked: OrderIn) -> Any:
    """Have the step at which a deploy paused done, or watched, once more"""
    return _ordered("look", deploy_id, asked)


@bp.post("/deploys/<int:deploy_id>/pause")
@bp.input(OrderIn, location="json_or_form", arg_name="asked")
@bp.output(shapes.Deploy, 202, description="Ordered; it pauses before its next step")
@bp.doc(responses={403: "Not yours to do", 409: "It is not going out now"})
def pause(deploy_id: int, asked: OrderIn) -> Any:
    """Have a deploy wait for a person before its next step"""
    return _ordered("pause", deploy_id, asked)


def _ordered(order: Order, deploy_id: int, asked: OrderIn) -> shapes.Deploy:
    services = auth.services()
    with services.database.read() as session:
        service = asking.row(session, deploy_id).service
    ordering.give(services, auth.somebody(), deploy_id, service, order, asked.reason)
    with services.database.read() as session:
        return tell.deploy(asking.row(session, deploy_id))


@bp.get("/deploys")
@bp.input(DeploysQuery, location="query")
@bp.output(deployshapes.Deploys)
@bp.doc(responses={404: "That can be no service's name"})
def index(query_data: DeploysQuery) -> Any:
    """Deploys, newest first"""
    asked = query_data
    with auth.services().database.read() as session:
        rows = query.deploys(
            session,
            service=asking.ref(asked.service) if asked.service else None,
            environment=asked.environment,
            actor=auth.somebody().actor if asked.actor == "me" else asked.actor,
            running=asked.running,
            before=asked.before,
            limit=asked.limit + 1,
        )
    shown = rows[: asked.limit]
    more = shown[-1].id if len(rows) > len(shown) else None
    return deployshapes.Deploys(deploys=[tell.deploy(row) for row in shown], before=more)


@bp.get("/deploys/<int:deploy_id>")
@bp.output(deployshapes.DeployPage)
def show(deploy_id: int) -> Any:
    """One deploy: its plan, steps, checks, log and place in the queue"""
    services = auth.services()
    with services.database.read() as session:
        asking.row(session, deploy_id)
        position = events.head(session)  # before the rest, so that nothing falls between
        page = query.page(session, deploy_id, services.jobs)
        row = page.row
        warm = warmth.until(session, row.service, row.environment) if row.word == "healthy" else None
    warm_until = warm if warm is not None and warm > asking.now() else None
    return tell.page(page, asking.page_of(deploy_id), position, warm_until)
