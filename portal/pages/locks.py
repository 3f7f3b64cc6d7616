"""What is locked, by whom, why and until when; and setting and lifting a lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, g, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from catalog import query as catalog
from catalog.query import Service
from ledger.errors import Code, Error
from pipelines import locks, query
from pipelines.locks import Lock
from portal import auth, bands, gatekeeping, render, whose
from portal.pages import common
from portal.permissions import Action

bp = Blueprint("locks", __name__)

LENGTHS = (
    ("30m", "30 minutes"),
    ("2h", "2 hours"),
    ("8h", "8 hours"),
    ("1d", "a day"),
    ("7d", "a week"),
    ("", "until somebody lifts it"),
)
OVER = 30  # locks


@dataclass(frozen=True)
class Shown:
    """A lock, and why the reader may not lift it."""

    lock: Lock
    refused: str


@bp.get("/locks")
def index() -> str:
    """All locks; `service` and `environment` fill in the form."""
    return _page({name: request.args.get(name, "").strip()[:300] for name in ("service", "environment")})


def _page(typed: dict[str, str], wrong: str = "") -> str:
    services, times = auth.services(), common.times()
    with services.database.read() as session:
        topic = common.live(session)
        shown = of_all(session, locks.standing(session, times.now))
        over = locks.over(session, times.now, OVER)
        known = catalog.services(session)
        common.know(
            session,
            [who for one in [*(each.lock for each in shown), *over] for who in (one.owner, one.lifted_by or "")],
        )
        mine = [one for one in known if not common.refusal(Action.LOCK, whose.owned(one))]
        g.running = len(query.deploys(session, running=True, limit=100))
    return render_template(
        "locks.html",
        here="Deploys",
        rooms="Locks",
        topic=topic,
        band=_band([one.lock for one in shown]),
        shown=shown,
        over=over,
        services=[one for one in mine if one.deploy is not None],
        environments=sorted({place for one in known for place in whose.environments(one)}),
        refused_all=common.refusal(Action.LOCK_ALL),
        lengths=LENGTHS,
        typed=typed,
        wrong=wrong,
    )


def of_all(session: Session, found: Sequence[Lock]) -> Sequence[Shown]:
    """Return locks with why the reader may not lift each of them."""
    person = auth.somebody()
    return [Shown(one, gatekeeping.lift_refusal(session, person, one.owner, one.service)) for one in found]


def card(session: Session, service: Service, environment: str) -> dict[str, Any]:
    """Return what `lockcard.html` needs besides `service` and `environment`."""
    found = locks.active(session, service.ref, environment, common.times().now)
    common.know(session, [one.owner for one in found])
    refused = common.refusal(Action.LOCK, whose.owned(service))
    return {"locks": of_all(session, found), "refused_lock": refused, "lock_lengths": LENGTHS}


def _band(found: Sequence[Lock]) -> bands.Band:
    hard = [one for one in found if one.hard]
    if not found:
        text = "Whoever owns a service may deploy it, Fridays too."
        return bands.Band("good", "ok", "Open", "Nothing is locked.", text)
    text = "; ".join(f"{one.scope}: {one.reason}" for one in found[:3])
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    if not hard:
        title = f"{render.counted(len(found), 'warning')} for those who deploy, nothing is locked."
        return bands.Band("warn", "warn", "Warned", title, render.sentence(text + more))
    verb = "lock stops" if len(hard) == 1 else "locks stop"
    title = f"{render.number(len(hard))} {verb} deploys. Going back is possible all the same."
    return bands.Band("warn", "pause", "Locked", title, render.sentence(text + more))


@bp.post("/locks")
def lock() -> Response | tuple[str, int]:
    """Set a lock; what was typed stays where something is wrong with it."""
    services, person, form = auth.services(), auth.somebody(), request.form
    typed = {name: form.get(name, "").strip()[:300] for name in ("service", "environment", "reason", "for")}
    try:
        until = gatekeeping.ending(typed["for"], services.clock())
        ref = common.ref_of(typed["service"]) if typed["service"] else None
        if not typed["service"] and form.get("all") != "1":
            raise Error(Code.INVALID, "Say which service, or that all are meant.")
        hard = form.get("warn") != "1"
        gatekeeping.lock(services, person, ref, typed["environment"] or None, typed["reason"], until=until, hard=hard)
    except Error as error:
        if error.code is not Code.INVALID:
            raise
        return _page(typed, error.message), 400
    return _back()


@bp.post("/locks/<int:lock_id>/lift")
def lift(lock_id: int) -> Response:
    try:
        gatekeeping.lift(auth.services(), auth.somebody(), lock_id)
    except Error as error:
        if error.code is not Code.CONFLICT:
            raise
        common.say(error)
    return _back()


def _back() -> Response:
    """Return to the page the form stood on: that of a service, a plan, or all locks."""
    name, environment = request.form.get("back_name", ""), request.form.get("back_environment", "")
    if name and environment:
        common.ref_of(name)  # or it is no service's name
        endpoint = "plan.show" if request.form.get("back_plan") else "services.show"
        revision = request.form.get("back_plan") or None
        return common.back_to(endpoint, name=name, environment=environment, revision=revision)
    return common.back_to("locks.index")
