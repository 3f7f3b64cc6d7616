"""Continuous delivery over the API: what it decided last and why, what is in quarantine, and lifting that."""

from datetime import datetime
from typing import Any, Literal

from apiflask import APIBlueprint
from pydantic import Field

from pipelines import decided, quarantine
from portal import auth, hearing
from portal.api import asking
from portal.api.asked import In, Word
from portal.api.shapes import Out
from portal.permissions import Action

bp = APIBlueprint("continuous", __name__, tag="Deploys")


class LiftIn(In):
    revision: Word = Field(description="seven digits of the commit, or more")


class Quarantined(Out):
    environment: str
    revision: str
    reason: str
    deploy_id: int
    at: datetime


class Decision(Out):
    """What was decided last. `wait`: `why` says all that keeps it."""

    word: Literal["deploy", "wait", "nothing"]
    why: list[str]
    revision: str
    since: datetime | None
    until: datetime | None = Field(description="when it looks again at the latest, where that is known")
    deploy_id: int | None
    at: datetime


class ContinuousDelivery(Out):
    decided: Decision | None = Field(description="nothing where nobody asked for it")
    quarantine: list[Quarantined] = Field(description="what does not go out by itself, nor anything older")


@bp.get("/services/<name>/environments/<environment>/continuous")
@bp.output(ContinuousDelivery)
def show(name: str, environment: str) -> Any:
    """What continuous delivery decided last, and what it leaves out"""
    with auth.services().database.read() as session:
        ref = asking.service(session, name).ref
        last = decided.last(session, ref, environment)
        bad = quarantine.active(session, ref)
    return ContinuousDelivery(
        decided=Decision.model_validate(last) if last else None,
        quarantine=[Quarantined.model_validate(one) for one in bad],
    )


@bp.post("/services/<name>/environments/<environment>/quarantine/lift")
@bp.input(LiftIn, location="json_or_form", arg_name="asked")
@bp.output(Quarantined, description="It may go out by itself again")
@bp.doc(responses={403: "Not yours to do", 404: "That is not in quarantine there"})
def lift(name: str, environment: str, asked: LiftIn) -> Any:
    """Let a revision out of quarantine"""
    services, at = auth.services(), asking.now()
    with services.database.read() as session:
        service = asking.service(session, name)
        actor = asking.allowed(session, Action.RELEASE, service.ref)
    with services.database.write() as session:
        lifted = quarantine.lift(session, service.ref, environment, asked.revision, actor, at)
        hearing.ask(services, session, service.repository_id, at)
    return Quarantined.model_validate(lifted)
