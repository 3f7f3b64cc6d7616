"""The body of a call, bounded. What says that it is too long is not even read; what comes in chunks says nothing."""

from flask import current_app, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge


def at_most(most: int, *, cache: bool = False) -> bytes | None:
    """Return the whole body; None when it has more bytes than that, whether it says so beforehand or not.

    `cache`: it is read again, as a form.
    """
    if (request.content_length or 0) > most:
        return None
    request.max_content_length = most + 1  # what is longer is cut off there without a word
    try:
        body = request.get_data(cache=cache)
    except RequestEntityTooLarge:
        return None
    except ParseException:  # chunks that are none, which only the web server can tell
        raise BadRequest from None
    return body if len(body) <= most else None


def whole() -> bytes:
    """Return the body of a call that may be as long as any; refuse with 413 what is longer."""
    body = at_most(int(current_app.config["MAX_CONTENT_LENGTH"]))
    if body is None:
        raise RequestEntityTooLarge
    return body
