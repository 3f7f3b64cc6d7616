"""What every door of the API does first: find the thing that is meant, and ask whether she who asks may."""

from datetime import datetime

from flask import url_for
from sqlalchemy.orm import Session

import catalog.query
from catalog import refs
from catalog.query import Service
from ledger.errors import Code, Error
from pipelines import query
from pipelines.query import Row
from portal import auth, whose
from portal.api.asked import LARGEST_ID
from portal.permissions import Action, Refused, may


def service(session: Session, name: str) -> Service:
    """Return the service that an address calls `checkout`, or `team-a:checkout`. Raises Error(NOT_FOUND)."""
    return catalog.query.service(session, name.replace(":", "/", 1))


def ref(name: str) -> str:
    """Return the reference that such a name means, known or not. Raises Error(NOT_FOUND) for what can be no name."""
    try:
        return str(refs.parse(name.replace(":", "/", 1), "component"))
    except ValueError as error:
        raise Error(Code.NOT_FOUND, f"There is no such service: {error}.") from None


def row(session: Session, deploy_id: int) -> Row:
    """Return one deploy as in a list. Raises Error(NOT_FOUND)."""
    found = query.deploys(session, before=deploy_id + 1, limit=1) if deploy_id < LARGEST_ID else []
    if not found or found[0].id != deploy_id:
        raise Error(Code.NOT_FOUND, f"There is no deploy {deploy_id}.")
    return found[0]


def allowed(session: Session, action: Action, ref: str | None = None) -> str:
    """Return the actor's name for the facts. Raises Error(FORBIDDEN) with the sentence that says who can."""
    person = auth.somebody()
    answer = may(person, action, whose.owned_by_ref(session, ref) if ref else None)
    if isinstance(answer, Refused):
        raise Error(Code.FORBIDDEN, answer.reason)
    return person.actor


def now() -> datetime:
    return auth.services().clock()


def page_of(deploy_id: int) -> str:
    """Return where people watch it."""
    return f"{auth.services().config.address}{url_for('deploys.show', deploy_id=deploy_id)}"
