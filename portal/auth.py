"""Who is asking: a session cookie from a browser, or a bearer key from a program. Closed unless said otherwise.

Every address needs somebody logged in, except views marked `public`. Every form needs its CSRF token; a request with a
key in its header needs none, because a browser never sends that by itself.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import flask_login
from flask import Flask, current_app, g, request, session
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFProtect

from ledger.errors import Code, Error
from portal import accounts, whose
from portal.accounts import Account
from portal.permissions import Person
from portal.services import Services

View = TypeVar("View", bound=Callable[..., Any])
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_ENDPOINTS = frozenset({"static"})
LOGIN_LIMITS = "10 per minute; 60 per hour"  # per address
NAME_LIMITS = "20 per minute"  # per account, wherever the tries come from

csrf = CSRFProtect()


def public(view: View) -> View:
    """Mark a view that nobody needs to log in for."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


class Visitor:
    """An account as flask-login wants it. The id carries the password's stamp: a new password ends old sessions."""

    is_authenticated = is_active = True
    is_anonymous = False

    def __init__(self, account: Account) -> None:
        self.account = account

    def get_id(self) -> str:
        return f"{self.account.id}:{self.account.stamp}"


def services() -> Services:
    return cast(Services, current_app.extensions["fullcycle"])


def install(app: Flask) -> Limiter:
    """Put the guard before every request."""
    manager = flask_login.LoginManager(app)
    manager.session_protection = None  # a phone changes its address all day
    manager.user_loader(_load)
    csrf.init_app(app)
    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://", default_limits=[])
    app.before_request(_guard)
    return limiter


def _load(told: str) -> Visitor | None:
    number, _, stamp = told.partition(":")
    with services().database.read() as database:
        account = accounts.find(database, int(number)) if number.isdigit() else None
    return Visitor(account) if account is not None and account.stamp == stamp else None


def _guard() -> None:
    """Find out who asks, refuse nobody's requests, and refuse forms that are not ours."""
    g.by_key = False
    g.account = _by_header() or getattr(flask_login.current_user, "account", None)
    view = current_app.view_functions.get(request.endpoint or "")
    is_open = request.endpoint is None or request.endpoint in OPEN_ENDPOINTS or getattr(view, "is_public", False)
    if g.account is None and not is_open:
        raise Error(Code.UNAUTHENTICATED, "Log in first, or send a key as “Authorization: Bearer …”.")
    if request.method not in SAFE and not g.by_key and request.endpoint is not None:
        csrf.protect(apply_exemptions=True)


def _by_header() -> Account | None:
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer":
        return None
    account = accounts.by_key(services().database, key.strip(), services().clock())
    if account is None:
        raise Error(Code.UNAUTHENTICATED, "This key is not known, has ended or was deleted. Make a new one.")
    g.by_key = True
    return account


def tried_name() -> str:
    """Return the key by which tries for one account are counted."""
    return "name:" + request.form.get("name", "").strip().lower()[:80]


def log_in(account: Account) -> None:
    """Begin a session of its own: nothing of what the browser brought stays in it."""
    session.clear()
    session.permanent = True
    flask_login.login_user(Visitor(account))


def log_out() -> None:
    flask_login.logout_user()
    session.clear()


def account() -> Account:
    """Return who asks. Only behind the guard."""
    found: Account | None = g.get("account")
    if found is None:
        raise Error(Code.UNAUTHENTICATED, "Log in first.")
    return found


def person() -> Person | None:
    """Return who asks, with her teams; None on public pages."""
    if "person" not in g:
        g.person = _person(g.account) if g.get("account") else None
    return cast(Person | None, g.person)


def _person(found: Account) -> Person:
    with services().database.read() as database:
        name, teams = whose.somebody(database, found.user_ref) if found.user_ref else (found.name, frozenset())
    return Person(found.name, name, found.user_ref, found.role, teams)


def somebody() -> Person:
    asks = person()
    if asks is None:
        raise Error(Code.UNAUTHENTICATED, "Log in first.")
    return asks


def safe_next(target: str | None) -> str | None:
    """Return where to go after the login, if that is a page of ours; never another host."""
    if not target or not target.startswith("/") or "\\" in target or any(ord(sign) < 32 for sign in target):
        return None
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc and not target.startswith("//") else None
