"""Webhooks: a forge says that something was pushed, and the repository is read at once.

A call proves itself with the secret of the repository that it names; nobody is logged in. It is stored as it came
before it is acted upon, and the same call twice is refused. A lost call loses nothing: every repository is polled.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, request
from flask_limiter import Limiter

import catalog.actions
import catalog.query
from catalog import forges
from catalog.query import Repository
from ledger import events, inbox
from ledger.errors import Code, Error
from portal import auth, deliveries, repositories
from portal.deliveries import FORGES, Forge

bp = Blueprint("hooks", __name__, url_prefix="/hooks")

LIMITS = "600 per minute"  # per address; a forge sends all its repositories' calls from a few
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
    body = request.get_data(cache=False)
    told = deliveries.payload(body, request.mimetype)
    with services.database.read() as session:
        named = _named(catalog.query.repositories(session), deliveries.addresses(told))
    repository = _proven(forge, named, body)
    delivery = forge.id_of(request.headers)
    if not delivery:
        raise Error(Code.INVALID, f"A call needs its own id in the header {forge.ids[0]}.")
    event = forge.event_of(request.headers)
    is_push = event in forge.pushes
    _store(name, repository, delivery, event, body, deliveries.ref(told) if is_push else None, at)
    if is_push:
        catalog.actions.ask(services.database, repository.id, at)
        return {"message": f"{repository.name} is read again now."}, 202
    return {"message": f"Taken; {repository.name} is read when something is pushed."}, 202


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


def _store(
    name: str, repository: Repository, delivery: str, event: str, body: bytes, pushed: str | None, at: datetime
) -> None:
    """Keep the call and act upon it, together or not at all; CONFLICT when it has been here before."""
    services = auth.services()
    headers = {"event": event, "content-type": request.mimetype[:100], "repository": str(repository.id)}
    with services.database.write() as session:
        kept = inbox.receive(session, name, delivery, headers, body, at)
        # The id is not signed: who replays a call may change it, but not the body.
        digest = hashlib.sha256(body).hexdigest()
        is_new = not FORGES[name].signs or inbox.receive(session, f"{name}.signed", digest, {}, b"", at)
        if kept is None or not is_new:
            raise Error(Code.CONFLICT, AGAIN)
        if pushed is not None:
            said = {"by": name, "ref": pushed, "delivery": delivery}
            events.record(session, "repository.pushed", f"repository:{repository.id}", f"forge:{name}", at, said)
            repositories.enqueue(services, session, repository.id, at)
        inbox.mark_read(session, READER, kept, at)
