"""Coming in and going out."""

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from ledger import events
from portal import accounts, auth
from portal.auth import public

bp = Blueprint("login", __name__)


@bp.get("/login")
@public
def show() -> str | Response:
    target = auth.safe_next(request.args.get("next"))
    if g.account is not None:
        return redirect(target or url_for("home.show"))
    return _page(target)


@bp.post("/login")
@public
def enter() -> str | Response | tuple[str, int]:
    """Check name and password; the answer does not tell which of the two was wrong."""
    name, target = request.form.get("name", ""), auth.safe_next(request.form.get("next"))
    services = auth.services()
    with services.database.read() as session:
        account = accounts.check(session, name, request.form.get("password", ""))
    if account is None:
        return _page(target, name[:80], "Name and password do not fit together."), 400
    auth.log_in(account)
    with services.database.write() as session:
        actor = account.user_ref or f"account:{account.name}"
        events.record(session, "account.logged_in", f"account:{account.name}", actor, services.clock())
    return redirect(target or url_for("home.show"), 303)


@bp.post("/logout")
@public
def leave() -> Response:
    auth.log_out()
    flash("You are logged out.")
    return redirect(url_for("login.show"), 303)


def _page(target: str | None, name: str = "", wrong: str = "") -> str:
    first = (auth.services().config.data / "first-password").exists()
    return render_template("login.html", next=target, name=name, wrong=wrong, first=first, here="")
