"""Webhooks: a forge says that something was pushed, and the repository is read at once; or what its CI came to.

A call proves itself with the secret of the repository that it names; nobody is logged in. It is stored as it came
before it is acted upon, and the same call twice is refused. A lost call loses nothing: every repository is polled.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint, request
from flask_limiter import Limiter
from sqlalchemy.orm import Session

import catalog.actions
import catalog.query
from catalog import forges
from catalog.query import Repository
from ledger import events, inbox
from ledger.errors import Code, Error
from portal import auth, bodies, deliveries, hearing, repositories, verdicts
from portal.deliveries import FORGES, Forge

bp = Blueprint("hooks", __name__, url_prefix="/hooks")

LIMITS = "3000 per minute"  # per address; a forge sends all its repositories' calls from a few, one per check and state
REFUSED_LIMITS = "60 per minute"  # of calls that prove nothing
READER = "catalog"
NOBODY = "This call fits no repository that is read here, or its secret is not that repository's."
AGAIN = "This call came before; nothing was done again."


def install(limiter: Limiter) -> None:
    """Count the calls, and those that are refused more strictly."""
    limiter.limit(LIMITS)(bp)
    limiter.limit(REFUSED_LIMITS, deduct_when=lambda answer: answer.status_code == 401)(bp)


@bp.post("/<any(github, gitlab, gitea):name>")
@auth.public
@auth.csrf.exempt  # type: ignore[untyped-decorator]
def receive(name: str) -> Any:
    """Take a forge's call in."""
    forge, services, at = FORGES[name], auth.services(), auth.services().clock()
    body = bodies.whole()
    told = deliveries.payload(body, request.mimetype)
    with services.database.read() as session:
        named = _named(catalog.query.repositories(session), deliveries.addresses(told))
    repository = _proven(forge, named, body)
    delivery = forge.id_of(request.headers)
    if not delivery:
        raise Error(Code.INVALID, f"A call needs its own id in the header {forge.ids[0]}.")
    event = forge.event_of(request.headers)
    call = _Call(name, repository, delivery, event, body)
    if verdicts.is_about_ci(name, event):
        return {"message": _hear(call, told, at)}, 202
    is_push = event in forge.pushes
    _take(call, deliveries.ref(told) if is_push else None, at)
    if is_push:
        catalog.actions.ask(services.database, repository.id, at)
        return {"message": f"{repository.name} is read again now."}, 202
    return {"message": f"Taken; {repository.name} is read when something is pushed."}, 202


@dataclass(frozen=True)
class _Call:
    """A call that has proven itself."""

    forge: str
    repository: Repository
    delivery: str
    event: str
    body: bytes

    @property
    def actor(self) -> str:
        return f"forge:{self.forge}"


def _named(known: Sequence[Repository], addresses: Sequence[str]) -> list[Repository]:
    return [one for one in known if any(forges.same(one.url, address) for address in addresses)]


def _proven(forge: Forge, named: Sequence[Repository], body: bytes) -> Repository:
    """Return the repository whose secret made the call. Whoever guesses learns not even whether there is one."""
    config = auth.services().config
    for one in named:
        secret = repositories.webhook_secret(config, one)
        if secret and forge.proves(request.headers, body, secret):
            return one
    if not named:  # as much work as for one that is known
        forge.proves(request.headers, body, "nobody's")
    raise Error(Code.UNAUTHENTICATED, NOBODY)


def _take(call: _Call, pushed: str | None, at: datetime) -> None:
    """Keep the call and, when it is a push, have the repository read, together or not at all."""
    services = auth.services()
    with _kept(call, at) as session:
        if pushed is not None:
            said = {"by": call.forge, "ref": pushed, "delivery": call.delivery}
            events.record(session, "repository.pushed", f"repository:{call.repository.id}", call.actor, at, said)
            repositories.enqueue(services, session, call.repository.id, at)


def _hear(call: _Call, told: Mapping[str, Any], at: datetime) -> str:
    """Keep the call and what it says of CI, together or not at all; return what was made of it."""
    said = verdicts.verdicts(call.forge, call.event, told)
    with _kept(call, at) as session:
        try:
            news = hearing.hear(auth.services(), session, call.repository.id, said, call.actor, at)
        except Error as error:  # what is wrong with it is the forge's to know, and the call stays kept
            if error.code is not Code.INVALID:
                raise
            return f"Taken, and not understood: {error.message}"
    if news:
        return f"Heard; {said[0].context} of {said[0].revision[:7]} is {said[0].state}."
    return "Heard; that is no news." if said else "Taken; it says nothing of a commit's checks that is understood."


@contextmanager
def _kept(call: _Call, at: datetime) -> Iterator[Session]:
    """Keep a call as it came, in the transaction of what is done about it; CONFLICT when it has been here before."""
    headers = {"event": call.event, "content-type": request.mimetype[:100], "repository": str(call.repository.id)}
    with auth.services().database.write() as session:
        kept = inbox.receive(session, call.forge, call.delivery, headers, call.body, at)
        # The id is not signed: who replays a call may change it, but not the body.
        digest = hashlib.sha256(call.body).hexdigest()
        is_new = not FORGES[call.forge].signs or inbox.receive(session, f"{call.forge}.signed", digest, {}, b"", at)
        if kept is None or not is_new:
            raise Error(Code.CONFLICT, AGAIN)
        yield session
        inbox.mark_read(session, READER, kept, at)
