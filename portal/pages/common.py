"""What every page may use: the reader, her clock and zone, faces, addresses, and the filters of the templates."""

import contextlib
from collections.abc import Iterable
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apiflask import APIFlask
from flask import abort, current_app, flash, g, redirect, request, url_for
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from ledger import events
from ledger.errors import Code, Error
from oncall import query as incidents
from portal import auth, people, pictures, render, whose
from portal.people import Face
from portal.permissions import Action, Allowed, Owned, may
from portal.render import Times

SERVICE = "component:default/"
UTC = ZoneInfo("UTC")


def install(app: APIFlask) -> None:
    """Give the templates their filters and what stands on every page."""
    filters: dict[str, Any] = {
        "age": lambda at: times().age(at),
        "moment": lambda at: times().moment(at),
        "clock": lambda at: times().clock(at),
        "exact": lambda at: times().exact(at),
        "since": lambda at: render.span(times().since(at)),
        "iso": render.iso,
        "duration": render.duration,
        "span": render.span,
        "about": render.about,
        "number": render.number,
        "percent": render.percent,
        "counted": render.counted,
        "sentence": render.sentence,
        "short_ref": render.short_ref,
    }
    app.jinja_env.filters.update(filters)
    app.jinja_env.globals.update(
        face=face, service_url=service_url, service_slug=slug, deploys_by=deploys_by, lane=pictures.lane
    )
    app.context_processor(_everywhere)


def _everywhere() -> dict[str, Any]:
    now = times()
    account = g.get("account")
    return {
        "times": now,
        "topic": "",
        "zone_name": render.zone_name(now.zone, now.now),
        "me": me(),
        "theme": account.theme if account else None,
        "running": g.get("running", 0),
        "head_rooms": head_rooms,
        "here_url": request.script_root + request.full_path.rstrip("?"),
    }


ROOMS = (  # name, icon, where, the key after g
    ("Home", "home", "home.show", "h"),
    ("Catalog", "box", "services.index", "s"),
    ("Deploys", "up", "deploys.index", "d"),
    ("On call", "bell", "oncall.index", "o"),
    ("Incidents", "pulse", "incidents.index", "i"),
)


def head_rooms(running: int = 0) -> list[tuple[str, str, str, str, int, str]]:
    """Return the rooms that there are, each with what is counted beside its name."""
    counts = {"Deploys": (running, "running"), "Incidents": (open_incidents(), "open")}
    return [
        (name, icon, url_for(endpoint), key, *counts.get(name, (0, "")))
        for name, icon, endpoint, key in ROOMS
        if endpoint in current_app.view_functions
    ]


def open_incidents() -> int:
    """Return how many incidents are open; asked once for a page, and only by pages that show it."""
    if "open_incidents" not in g:
        g.open_incidents = 0  # also where the database is what the page has to tell of
        with contextlib.suppress(SQLAlchemyError), auth.services().database.read() as session:
            g.open_incidents = incidents.open_count(session)
    return int(g.open_incidents)


def times() -> Times:
    """Return now and the reader's zone, the same for the whole request."""
    if "times" not in g:
        account = g.get("account")
        g.times = Times(auth.services().clock(), zone(account.zone if account else None))
    return cast(Times, g.times)


def zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC  # a zone that this machine no longer knows


def me() -> Face | None:
    """Return the reader's own face."""
    asks = auth.person()
    if asks is None:
        return None
    return Face(asks.name, people.initials(asks.name), people.tint(asks.name), True, asks.user_ref or "")


def face(who: str) -> Face:
    """Return the face of whoever did something; `know` has looked the names up before."""
    return people.face(who, g.get("names", {}), _mine())


def _mine() -> frozenset[str]:
    if "mine" not in g:
        asks = auth.person()
        g.mine = frozenset({asks.actor, f"account:{asks.account}", asks.name}) if asks else frozenset()
    return cast("frozenset[str]", g.mine)


def know(session: Session, whos: Iterable[str]) -> None:
    """Look up the full names of these actors, all in one query."""
    refs = {who for who in whos if who.startswith("user:")}
    if refs:
        g.names = {**g.get("names", {}), **whose.names(session, refs)}


def live(session: Session, *, subject: str | None = None, service: str | None = None) -> str:
    """Return the address of the stream that says when this page is no longer true. Call it before reading."""
    # None leaves a part out of the address.
    return url_for("live.stream", after=events.head(session), subject=subject or None, service=service or None)


def refusal(action: Action, owned: Owned | None = None) -> str:
    """Return why the reader may not, empty when she may."""
    answer = may(auth.somebody(), action, owned)
    return "" if isinstance(answer, Allowed) else answer.reason


def require(action: Action, owned: Owned | None = None) -> None:
    """Raise Error(FORBIDDEN) with the reason unless the reader may."""
    if reason := refusal(action, owned):
        raise Error(Code.FORBIDDEN, reason)


def slug(ref: str) -> str:
    """Write a service's reference as it stands in addresses: `checkout`, `team-a:checkout`."""
    namespace, _, name = ref.partition(":")[2].rpartition("/")
    return name if namespace in ("", "default") else f"{namespace}:{name}"


def ref_of(told: str) -> str:
    """Read `slug` back."""
    namespace, colon, name = told.rpartition(":")
    if not name or "/" in told:
        abort(404)
    return f"component:{namespace if colon else 'default'}/{name}".lower()


def service_url(ref: str, environment: str | None = None, endpoint: str = "services.show", **more: Any) -> str:
    return url_for(endpoint, name=slug(ref), environment=environment, **more)


def deploys_by(who: str) -> str:
    return url_for("deploys.index", by=who)


def back_to(endpoint: str, **values: Any) -> Response:
    """Answer a form: the page shows what is so now."""
    return redirect(url_for(endpoint, **values), 303)


def say(error: Error) -> None:
    """Show on the next page what could not be done."""
    flash(error.message, "bad")
    for reason in error.reasons:
        if reason != error.message:
            flash(reason, "bad")


def done(text: str) -> None:
    """Show on the next page what has been done, where the page itself does not."""
    flash(text, "good")
