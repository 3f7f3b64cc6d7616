"""What admins keep: who may come in. Which repositories are read stands in portal/pages/repositories.py."""

from flask import Blueprint, g, render_template, request
from werkzeug.wrappers import Response

from catalog import query as catalog
from ledger.errors import Code, Error
from pipelines import query
from portal import accounts, auth
from portal.pages import common
from portal.permissions import Action

bp = Blueprint("settings", __name__, url_prefix="/settings")


@bp.get("/accounts")
def people() -> str:
    common.require(Action.MANAGE)
    return _accounts()


def _accounts(wrong: tuple[str, ...] = (), typed: dict[str, str] | None = None) -> str:
    with auth.services().database.read() as session:
        known = accounts.all_of_them(session)
        users = sorted(catalog.people(session).values(), key=lambda one: one.name)
        g.running = len(query.deploys(session, running=True, limit=100))
    return render_template(
        "accounts.html",
        here="",
        accounts=known,
        users=users,
        names={one.ref: one.name for one in users},
        wrong=wrong,
        typed=typed or {},
        mine=auth.account().name,
    )


@bp.post("/accounts")
def add() -> Response | tuple[str, int]:
    """Make an account with a first password, which its person changes."""
    common.require(Action.MANAGE)
    services, form = auth.services(), request.form
    typed = {name: form.get(name, "").strip()[:300] for name in ("name", "role", "user")}
    try:
        with services.database.write() as session:
            user = typed["user"] or None
            if user and user not in catalog.people(session):
                raise Error(Code.INVALID, "The catalog does not know that person.")
            password, at, by = form.get("password", ""), services.clock(), auth.somebody().actor
            accounts.create(session, typed["name"], password, typed["role"], user, at, by)
    except Error as error:
        return _accounts(error.reasons or (error.message,), typed), 400
    common.done(f"{typed['name'].lower()} can log in now.")
    return common.back_to("settings.people")


@bp.post("/accounts/<name>/<any(close, open):what>")
def switch(name: str, what: str) -> Response:
    """Lock somebody out, or let her in again."""
    common.require(Action.MANAGE)
    services = auth.services()
    try:
        with services.database.write() as session:
            accounts.set_disabled(session, name, what == "close", services.clock(), auth.somebody().actor)
    except Error as error:
        common.say(error)
    return common.back_to("settings.people")
