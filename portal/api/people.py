"""Who asks, over the API, and a token in exchange for a password."""

from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import current_app

from ledger.errors import Code, Error
from portal import accounts, auth
from portal.api import asking, records
from portal.api.asked import TokenIn
from portal.auth import LOGIN_LIMITS
from portal.permissions import Person

bp = APIBlueprint("people", __name__, tag="People")
LASTS = timedelta(days=90)


@bp.get("/me")
@bp.output(records.Me)
def me() -> Any:
    """Who you are here, and the teams that count you in"""
    person = auth.somebody()
    return records.Me(
        account=person.account,
        name=person.name,
        actor=person.actor,
        user=person.user_ref,
        role=person.role,
        teams=sorted(person.teams),
    )


@auth.public
@auth.csrf.exempt  # type: ignore[untyped-decorator]
@bp.post("/tokens")
@bp.input(TokenIn)
@bp.output(records.Token, 201, description="A token for 90 days")
@bp.doc(responses={401: "Name or password is wrong", 429: "Too many tries"}, security=[{}])
def log_in(json_data: TokenIn) -> Any:
    """Exchange an account's name and password for a token"""
    services, asked, at = auth.services(), json_data, asking.now()
    (limiter,) = current_app.extensions["limiter"]
    with limiter.limit(LOGIN_LIMITS), services.database.read() as session:
        account = accounts.check(session, asked.account, asked.password)
    if account is None:
        raise Error(Code.UNAUTHENTICATED, "That name and password do not belong together.")
    actor = Person(account.name, account.name, account.user_ref).actor
    with services.database.write() as session:
        key = accounts.new_key(session, account, asked.name, at, actor, LASTS)
    return records.Token(token=key, name=asked.name, expires_at=at + LASTS)
