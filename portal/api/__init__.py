"""The API: what the pages do, for programs. Each module is one door, as with the pages."""

from typing import Any

from apiflask import APIBlueprint, HTTPError
from flask import Response
from flask.blueprints import BlueprintSetupState

from ledger.errors import Code, Error
from portal import auth, errors
from portal.api import (
    alerts,
    channels,
    continuous,
    courses,
    delivery,
    deploys,
    document,
    facts,
    holidays,
    incidents,
    locks,
    oncall,
    owners,
    people,
    plans,
    problems,
    repositories,
    scorecards,
    simulate,
    statuses,
)
from portal.api import services as doors
from portal.services import Services

PREFIX = "/api/v1"
SAID = {"Field required": "is missing", "Extra inputs are not permitted": "is not known here"}


def blueprint(services: Services) -> APIBlueprint:
    """Return the whole API; it belongs on an APIFlask application, which makes its document."""
    api = APIBlueprint("api", __name__, url_prefix=PREFIX)
    for door in (
        doors,
        owners,
        courses,
        deploys,
        delivery,
        continuous,
        scorecards,
        facts,
        locks,
        repositories,
        statuses,
        simulate,
        problems,
        people,
        oncall,
        plans,
        holidays,
        incidents,
        alerts,
        channels,
    ):
        api.register_blueprint(door.bp)
    api.register_error_handler(HTTPError, _misunderstood)
    api.after_request(_challenge)
    api.record_once(lambda state: _installed(state, services.config.address))
    return api


def _installed(state: BlueprintSetupState, address: str) -> None:
    app: Any = state.app
    app.config["AUTO_SERVERS"] = False
    app.spec_processor(lambda told: document.finished(told, address))
    auth.public(app.view_functions["openapi.spec"])


def _misunderstood(error: HTTPError) -> Response:
    """Say each problem of a body or a query as a sentence with its place."""
    fields: dict[str, Any] = error.detail if isinstance(error.detail, dict) else {}
    reasons = [
        f"{place}: {_sentence(said)}" if place != "_schema" else _sentence(said)
        for places in fields.values()
        for place, sentences in places.items()
        for said in sentences
    ]
    return errors.answer(error.status_code, Error(Code.INVALID, "This cannot be taken as it is.", reasons=reasons))


def _sentence(said: str) -> str:
    if said.startswith("Input should be a valid dictionary"):
        return "a JSON object is needed"
    said = SAID.get(said) or said.removeprefix("Value error, ").removeprefix("Input ").removeprefix("String ")
    return said[0].lower() + said[1:]


def _challenge(answer: Response) -> Response:
    if answer.status_code == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="fullcycle"'
    return answer
