"""One's own account: how pages look, the password, and keys for programs."""

from datetime import timedelta

from flask import Blueprint, g, render_template, request
from werkzeug.wrappers import Response

from ledger.errors import Code, Error
from pipelines import query
from portal import accounts, auth
from portal.pages import common

bp = Blueprint("account", __name__)

LASTS = {"30": timedelta(days=30), "90": timedelta(days=90), "365": timedelta(days=365), "": None}


@bp.get("/account")
def show() -> str:
    return _page()


def _page(wrong: dict[str, str] | None = None, key: str = "", typed: str = "") -> str:
    with auth.services().database.read() as session:
        keys = accounts.keys(session, auth.account())
        g.running = len(query.deploys(session, running=True, limit=100))
    return render_template(
        "account.html",
        here="",
        account=auth.account(),
        person=auth.somebody(),
        keys=keys,
        wrong=wrong or {},
        key=key,
        typed=typed,
        themes=(("", "as the system"), ("light", "light"), ("dark", "dark")),
    )


@bp.post("/account/looks")
def looks() -> Response | tuple[str, int]:
    """Keep theme and zone; a zone that does not exist comes back with the nearest that does."""
    theme, zone = request.form.get("theme", ""), request.form.get("zone", "").strip()
    try:
        with auth.services().database.write() as session:
            accounts.set_looks(session, auth.account(), theme, zone)
    except Error as error:
        return _page({"zone": error.message}, typed=zone[:80]), 400
    return common.back_to("account.show")


@bp.post("/account/password")
def password() -> Response | tuple[str, int]:
    """Change the password; every other session of this account ends."""
    services, asks = auth.services(), auth.somebody()
    old, new = request.form.get("old", ""), request.form.get("new", "")
    try:
        with services.database.write() as session:
            accounts.change_password(session, auth.account(), old, new, services.clock(), asks.actor)
    except Error as error:
        return _page({"password": error.message}), 400
    with services.database.read() as session:
        fresh = accounts.find(session, auth.account().id)
    if fresh is not None:
        auth.log_in(fresh)
    common.done("Your password is changed. Other browsers are logged out.")
    return common.back_to("account.show")


@bp.post("/account/keys")
def new_key() -> str | tuple[str, int]:
    """Make a key and show it this once."""
    services, asks = auth.services(), auth.somebody()
    days = request.form.get("lasts", "90")
    if days not in LASTS:
        raise Error(Code.INVALID, "A key lasts 30, 90 or 365 days, or for ever.")
    name = request.form.get("name", "")
    try:
        with services.database.write() as session:
            key = accounts.new_key(session, auth.account(), name, services.clock(), asks.actor, LASTS[days])
    except Error as error:
        return _page({"key": error.message}), 400
    return _page(key=key)


@bp.post("/account/keys/<int:key_id>/delete")
def drop_key(key_id: int) -> Response:
    services, asks = auth.services(), auth.somebody()
    with services.database.write() as session:
        accounts.drop_key(session, auth.account(), key_id, services.clock(), asks.actor)
    return common.back_to("account.show")
