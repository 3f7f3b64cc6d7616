"""Continuous delivery on a service's page: why it waits, what is in quarantine, and the button that lifts that."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from catalog import query as catalog
from catalog.query import Service
from ledger.errors import Error
from pipelines import decided, quarantine, query, situations
from pipelines.decided import Decided
from pipelines.quarantine import Quarantined
from portal import auth, hearing, whose
from portal.pages import common
from portal.permissions import Action

bp = Blueprint("continuous", __name__)

MOST_SHOWN = 5  # in quarantine


@dataclass(frozen=True)
class Shown:
    """What `continuous.html` shows. `quarantine`: newest first, and only what is so there and waits to go out."""

    on: bool
    last: Decided | None
    quarantine: Sequence[Quarantined]

    @property
    def waits(self) -> Decided | None:
        return self.last if self.on and self.last is not None and self.last.word == "wait" else None


def look(session: Session, service: Service, environment: str) -> Shown:
    """Return what a service's page shows of continuous delivery there."""
    is_on = environment in situations.environments(service)
    last = decided.last(session, service.ref, environment) if is_on else None
    change = query.waiting_change(session, service.ref, environment)
    waiting = {commit.sha for commit in change.commits} if change else set()
    bad = [one for one in quarantine.active(session, service.ref, environment) if one.revision in waiting]
    return Shown(is_on, last, bad[:MOST_SHOWN])


@bp.post("/services/<name>/<environment>/quarantine/lift")
def lift(name: str, environment: str) -> Response:
    """Let a revision go out by itself again."""
    services, ref = auth.services(), common.ref_of(name)
    at = services.clock()
    with services.database.read() as session:
        service = catalog.service(session, ref)
    common.require(Action.RELEASE, whose.owned(service))
    try:
        with services.database.write() as session:
            revision = request.form.get("revision", "")[:100]
            quarantine.lift(session, ref, environment, revision, auth.somebody().actor, at)
            hearing.ask(services, session, service.repository_id, at)
    except Error as error:
        common.say(error)
    return common.back_to("services.show", name=name, environment=environment)
