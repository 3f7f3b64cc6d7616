"""The doors for alerts: PagerDuty's Events API v2, Alertmanager, any JSON, mails, and hearts that beat.

A call proves itself by its integration's key; nobody is logged in. It is on the disk before it is answered with 202,
and understood later. The key itself is neither kept nor logged.
"""

import json
import uuid
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, current_app, make_response, request

from ledger.errors import Code, Error
from oncall import bounds, eventsapi, heartbeat, intakestore, understanding
from oncall.eventsapi import Accepted, Refused
from oncall.intakestore import Key
from oncall.understanding import ALERTMANAGER, EVENTS, GENERIC, HEARTBEAT, MAIL
from oncall.watching import expected
from portal import auth, bodies
from portal.pacing import Pace
from portal.taking import Arrived, Intake

bp = Blueprint("enqueue", __name__)

KNOWN_FOR = timedelta(seconds=2)  # how long a key that was looked up is not looked up again
SIGNS = "0" * eventsapi.ROUTING_KEY  # what stands in a kept body where its key was
PATHS = {"alertmanager": ALERTMANAGER, "generic": GENERIC, "mail": MAIL}
NOBODYS = "This address belongs to no integration. Look at the service's integrations for the right one."


class Door:
    """What a web process keeps between calls."""

    def __init__(self, intake: Intake, pace: Pace) -> None:
        self.intake, self.pace = intake, pace
        self._known: dict[str, tuple[datetime, Key | None]] = {}

    def key(self, secret: str, now: datetime) -> Key | None:
        """Return whose key that is; asked again after two seconds, so that one that was taken away is soon nobody's."""
        digest = intakestore.digest(secret)
        since, found = self._known.get(digest, (None, None))
        if since is None or not timedelta(0) <= now - since <= KNOWN_FOR:  # clocks may be set back
            with auth.services().database.read() as session:
                found = intakestore.key_of(session, secret, now)
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[digest] = (now, found)
        return found


def door() -> Door:
    found: Door = current_app.extensions["fullcycle-intake"]
    return found


@bp.post("/v2/enqueue")
@auth.public
@auth.csrf.exempt  # type: ignore[untyped-decorator]
def enqueue() -> Response:
    """Take an event in."""
    return _event(is_change=False)


@bp.post("/v2/change/enqueue")
@auth.public
@auth.csrf.exempt  # type: ignore[untyped-decorator]
def enqueue_change() -> Response:
    """Take in that something was changed on purpose."""
    return _event(is_change=True)


def _event(*, is_change: bool) -> Response:
    body = _body()
    read = eventsapi.read_change if is_change else eventsapi.read
    event = eventsapi.too_large() if body is None else read(body, uuid.uuid4().hex)
    if isinstance(event, Accepted):
        now = auth.services().clock()
        key = door().key(event.routing_key, now)
        wait = door().pace.too_fast(event.routing_key, now)
        if key is None or key.kind != EVENTS:
            event = eventsapi.unknown_key()
        elif wait is not None:
            event = eventsapi.too_many(wait)
        else:
            headers = {understanding.DEDUP: event.dedup_key} | ({understanding.IS_CHANGE: "1"} if is_change else {})
            _keep(key, _without_key(body or b"", event.routing_key), headers, now)
    answered = make_response(dict(event.answer), event.status)
    if isinstance(event, Refused) and event.retry_after is not None:
        answered.headers["Retry-After"] = str(max(1, round(event.retry_after.total_seconds())))
    return answered


@bp.post("/hooks/<any(alertmanager, generic, mail):kind>/<secret>")
@auth.public
@auth.csrf.exempt  # type: ignore[untyped-decorator]
def hook(kind: str, secret: str) -> Any:
    """Take in what an Alertmanager, a mail server or anybody else posts to an integration's own address."""
    now = auth.services().clock()
    key = _proven(secret, PATHS[kind], now)
    body = bodies.whole()
    _keep(key, body, {"content-type": request.mimetype[:100]}, now)
    return {"message": "Taken."}, 202


@bp.route("/hooks/heartbeat/<secret>", methods=["GET", "POST", "HEAD"])
@auth.public
@auth.csrf.exempt  # type: ignore[untyped-decorator]
def beat(secret: str) -> Any:
    """Note that something is alive."""
    services, now = auth.services(), auth.services().clock()
    key = _proven(secret, HEARTBEAT, now)
    state = heartbeat.standing(expected(key), now, key.created_at, now)
    until = state.until if isinstance(state, heartbeat.Fine) else now
    with services.database.write(durable=True) as session:
        if intakestore.beat(session, key.id, now, until):
            services.oncall.back(session, key, now)
        intakestore.heard(session, [key.id], now)
    return {"message": f"Heard. The next one is due by {until:%Y-%m-%d %H:%M:%S} UTC."}, 202


def _proven(secret: str, kind: str, now: datetime) -> Key:
    key = door().key(secret, now)
    if key is None or key.kind != kind:
        raise Error(Code.UNAUTHENTICATED, NOBODYS)
    if door().pace.too_fast(secret, now) is not None:
        raise Error(Code.UNAVAILABLE, "Too many calls of this integration; send it again in a minute.")
    return key


def _keep(key: Key, body: bytes, headers: dict[str, str], now: datetime) -> None:
    door().intake.keep(Arrived(f"oncall.{key.kind}", uuid.uuid4().hex, key.id, key.kind, headers, body, now))


def _without_key(body: bytes, key: str) -> bytes:
    """Return a body without its key, which JSON may also write with escapes."""
    if key.encode() in body and b"\\u" not in body:
        return body.replace(key.encode(), SIGNS.encode())
    kept = {**bounds.parse(body), "routing_key": SIGNS}
    return json.dumps(kept).replace(key, SIGNS).encode()


def _body() -> bytes | None:
    """Return the body; None when it is larger than may be. What says so itself, or comes in chunks, is not read on."""
    return bodies.at_most(eventsapi.LARGEST)
