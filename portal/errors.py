"""What HTTP makes of an error: the only place that knows status codes.

People get a page in our language, programs get JSON. What nobody expected carries a number that the log knows.
"""

import secrets
from http import HTTPStatus
from typing import Any

import structlog
from apiflask import APIFlask, HTTPError
from flask import Response, make_response, redirect, render_template, request, url_for
from flask_limiter import RateLimitExceeded
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from ledger.errors import Code, Error

log = structlog.get_logger()

STATUS = {
    Code.INVALID: 400,
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.CONFLICT: 409,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}
CODES = {
    401: Code.UNAUTHENTICATED,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    409: Code.CONFLICT,
    429: Code.UNAVAILABLE,
    500: Code.INTERNAL,
    503: Code.UNAVAILABLE,
}
# What a person reads who meets the web server's own refusals.
SAID = {
    400: "That request could not be understood.",
    404: "There is nothing at this address.",
    405: "This address does not take that kind of request.",
    413: "That is too large to be taken in.",
    415: "That kind of content is not understood here; send JSON.",
    429: "Too many tries. Wait a minute, then try again.",
}
FOR_PROGRAMS = ("/api/", "/v2/", "/hooks/", "/export/", "/chat/slack", "/chat/mattermost")
CATALOG = "/api/catalog"  # speaks Backstage's language, in its errors too
NAMES = {
    400: "InputError",
    401: "AuthenticationError",
    403: "NotAllowedError",
    404: "NotFoundError",
    409: "ConflictError",
    413: "PayloadTooLargeError",
    501: "NotImplementedError",
    503: "ServiceUnavailableError",
}


def install(app: APIFlask) -> None:
    """Turn every error of this application into an answer."""
    app.register_error_handler(Error, _ours)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(RateLimitExceeded, _too_often)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(HTTPError, _api)
    app.register_error_handler(Exception, _unexpected)


def _place() -> str:
    """Return where it happened, for the log; what an address holds may be a key, so only its form is told."""
    return request.url_rule.rule if request.url_rule else "nowhere"


def for_program() -> bool:
    return request.path.startswith(FOR_PROGRAMS)


def answer(status: int, error: Error, number: str = "", fields: Any = None) -> Response:
    """Return the error as a page or as JSON."""
    if request.path.startswith(CATALOG + "/"):
        return _catalog(status, error)
    if for_program():
        said: dict[str, Any] = {"code": error.code.value, "message": error.message, "reasons": list(error.reasons)}
        said |= {"number": number} if number else {}
        said |= {"fields": fields} if fields else {}
        return make_response({"error": said}, status)
    page = render_template(
        "error.html", error=error, status=status, number=number, title=TITLES.get(status, "Not possible")
    )
    return make_response(page, status)


def _catalog(status: int, error: Error) -> Response:
    """Return the error as the clients of Backstage's catalog read it; an unknown address has nothing to say."""
    if status == 404 and request.url_rule is None:
        return make_response("", 404)
    asked = {"method": request.method, "url": request.full_path.removeprefix(CATALOG).rstrip("?")}
    said = {"name": NAMES.get(status, "Error"), "message": "; ".join((error.message, *error.reasons))}
    answered = make_response({"error": said, "request": asked, "response": {"statusCode": status}})
    answered.status = f"{status} {HTTPStatus(status).phrase}"  # it stands in what their client raises
    return answered


TITLES = {
    403: "Not yours to do",
    404: "Not found",
    409: "Not any more",
    429: "Too often",
    500: "Our fault",
    503: "Not now",
}


def _ours(error: Error) -> Response:
    if error.code is Code.UNAUTHENTICATED and not for_program():
        return to_login()
    if error.code is Code.INTERNAL:
        return _unexpected(error)
    if error.detail:
        log.info("refused", path=_place(), code=error.code.value, detail=error.detail)
    return answer(STATUS[error.code], error)


def to_login() -> Response:
    """Send a browser to the login page and back; a page that refreshes itself is sent as a whole."""
    back = request.full_path.rstrip("?") if request.method == "GET" else ""
    target = url_for("login.show", next=request.script_root + back) if back else url_for("login.show")
    if request.headers.get("HX-Request"):
        answered = make_response("", 401)
        answered.headers["HX-Redirect"] = url_for("login.show")
        return answered
    return make_response(redirect(target, HTTPStatus.SEE_OTHER))


def _csrf(error: CSRFError) -> Response:
    return answer(400, Error(Code.INVALID, "This form is too old or was not ours. Open the page again and repeat it."))


def _too_often(error: RateLimitExceeded) -> Response:
    answered = answer(429, Error(Code.UNAVAILABLE, SAID[429]))
    answered.headers["Retry-After"] = "60"
    return answered


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())
    said = SAID.get(status) or str(error.description or error.name)
    answered = answer(status, Error(CODES.get(status, Code.INVALID), said))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            answered.headers[name] = value
    return answered


def _api(error: HTTPError) -> Response:
    """Input that does not fit its schema, as the API's frame found it."""
    status = error.status_code
    fields = error.detail if status in (400, 422) else None
    return answer(
        status, Error(CODES.get(status, Code.INVALID), error.message or "This cannot be taken as it is."), fields=fields
    )


def _unexpected(error: Exception) -> Response:
    number = secrets.token_hex(4)
    log.error("unexpected", number=number, path=_place(), method=request.method, exc_info=error)
    said = f"Something broke on our side. The log knows it as {number}. Trying again may help."
    return answer(500, Error(Code.INTERNAL, said), number)
