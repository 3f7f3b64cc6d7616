"""Services over the API: the list, one of them, what would go out, and letting a held lane go on."""

from collections.abc import Mapping, Sequence
from typing import Any

from apiflask import APIBlueprint
from sqlalchemy.orm import Session

import catalog.query
from catalog.query import Service
from ledger.errors import Code, Error
from pipelines import query, store
from pipelines.query import Summary
from pipelines.terms import Terms
from portal import auth, ranwith
from portal.api import asking, shapes, tell
from portal.api.asked import PlanQuery
from portal.permissions import Action

bp = APIBlueprint("services", __name__, tag="Services")


@bp.get("/services")
@bp.output(shapes.Services)
def every() -> Any:
    """All services, each with its environments"""
    with auth.services().database.read() as session:
        return shapes.Services(services=_told(session, catalog.query.services(session)))


@bp.get("/services/<name>")
@bp.output(shapes.Service)
def show(name: str) -> Any:
    """One service with its environments

    A service outside the default namespace is called `namespace:name`.
    """
    with auth.services().database.read() as session:
        return _told(session, [asking.service(session, name)])[0]


@bp.get("/services/<name>/plan")
@bp.input(PlanQuery, location="query")
@bp.output(shapes.Preview)
@bp.doc(
    responses={
        400: "That can be no revision, or its catalog file cannot be deployed by; every problem is said",
        409: "That release was never healthy there",
        503: "The repository cannot be read now",
    }
)
def plan(name: str, query_data: PlanQuery) -> Any:
    """What a deploy, or going back to a release, would do

    Nothing happens by this. `blocked` says every reason why it may not go.
    """
    services, asked = auth.services(), query_data
    with services.database.read() as session:
        service = asking.service(session, name)
    if asked.release is not None:
        made = services.planner.preview_rollback(service, asked.environment, asked.release, asking.now())
    else:
        terms = Terms(asked.override.strip(), asked.hotfix)
        actor = auth.somebody().actor
        made = services.planner.preview(service, asked.environment, asked.revision, asking.now(), actor, terms)
    with services.database.read() as session:
        return tell.preview(made, ranwith.said(services, session, made.plan))


@bp.post("/services/<name>/environments/<environment>/let-go")
@bp.output(shapes.Lane, 202)
@bp.doc(responses={403: "Not yours to do", 409: "Nothing is held there"})
def let_go(name: str, environment: str) -> Any:
    """Let a held lane go on"""
    services = auth.services()
    with services.database.read() as session:
        service = asking.service(session, name)
        actor = asking.allowed(session, Action.RELEASE, service.ref)
        places = _places(service, query.summaries(session, [service.ref]))
    if environment not in places:
        raise Error(Code.NOT_FOUND, f"{service.name} has no environment {environment!r}; it has {', '.join(places)}")
    services.actions.let_go(service.ref, environment, actor, asking.now())
    return shapes.Lane(service=service.ref, environment=environment, hold=None)


def _told(session: Session, found: Sequence[Service]) -> list[shapes.Service]:
    """A fixed number of questions to each room, however many services there are."""
    known = query.summaries(session, [service.ref for service in found])
    places = {service.ref: _places(service, known) for service in found}
    lanes = {(ref, name): store.lane(ref, name) for ref, names in places.items() for name in names}
    holds = auth.services().jobs.held(session, list(lanes.values()))

    def environment(ref: str, name: str) -> shapes.Environment:
        return tell.environment(name, known.get((ref, name), Summary()), holds.get(lanes[(ref, name)]))

    return [
        tell.service(service, [environment(service.ref, name) for name in places[service.ref]]) for service in found
    ]


def _places(service: Service, known: Mapping[tuple[str, str], Summary]) -> Sequence[str]:
    """Name its environments: those that its file describes now, and those where something was deployed once."""
    said = (service.deploy or {}).get("environments")
    described = [str(name) for name in said] if isinstance(said, Mapping) else []
    return list(dict.fromkeys([*described, *sorted(name for ref, name in known if ref == service.ref)]))
