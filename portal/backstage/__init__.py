"""The API that Backstage's clients speak, at /api/catalog: each module is one door, as with our own API.

Whoever is logged in, or sends a key, may read; a form's token is needed for all but reading, unless a key is sent.
Errors have Backstage's shape, which portal/errors.py gives them.
"""

from flask import Blueprint, Response

from portal.auth import public
from portal.backstage import answers, checking, document, entities, locations
from portal.errors import CATALOG


def blueprint() -> Blueprint:
    api = Blueprint("backstage", __name__, url_prefix=CATALOG)
    for door in (entities, checking, locations):
        api.register_blueprint(door.bp)
    api.add_url_rule("/openapi.json", view_func=openapi)
    api.after_request(_challenge)
    return api


@public
def openapi() -> Response:
    """This API's document."""
    return answers.as_json(document.published())


def _challenge(answer: Response) -> Response:
    if answer.status_code == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="fullcycle"'
    return answer
