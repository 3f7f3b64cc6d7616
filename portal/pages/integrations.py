"""Integrations: the addresses at which senders tell of a service. A key is shown once, when it is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, g, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from ledger.errors import Code, Error
from oncall import heartbeat, intakestore, watching
from oncall.heartbeat import Late
from oncall.intakestore import Key
from oncall.understanding import HEARTBEAT
from pipelines import query as deploys
from portal import auth, bands, duty, incidentorders, integrating, integrationforms, render
from portal.integrating import Made
from portal.integrationforms import Kind
from portal.pages import common
from portal.pages.silences import of_mine
from portal.permissions import Action

bp = Blueprint("integrations", __name__)

LENGTHS = {
    "1d": (timedelta(days=1), "for a day"),
    "7d": (timedelta(days=7), "for a week"),
    "30d": (timedelta(days=30), "for 30 days"),
    "0": (timedelta(0), "not at all: from now on"),
}  # that an old key holds
QUIET = timedelta(days=30)  # after which a sender that was never silent so long is worth a look


@dataclass(frozen=True)
class Shown:
    """An integration, and why the reader may not take it away. `beats`: how its heart is, where it has one."""

    key: Key
    kind: Kind
    said: str
    beats: Mapping[str, Any]
    old_until: datetime | None  # a former key holds until then
    refused: str


@bp.get("/integrations")
def index() -> str:
    """All integrations, or those of `service`; `change`, a number, has the form of one."""
    chosen, number = request.args.get("service", "").strip()[:300], request.args.get("change", "")
    changing = _known(int(number)) if number.isdigit() and len(number) < 13 else None
    return _page(chosen, typed=_typed(changing) if changing else None, changing=changing)


def _known(number: int) -> Key | None:
    with auth.services().database.read() as session:
        return intakestore.standing_key(session, number)


def _typed(key: Key) -> Mapping[str, str]:
    slug = common.slug(key.service) if key.service.startswith("component:") else key.service
    return {**integrationforms.form_of(key.kind, key.settings), "kind": key.kind, "name": key.name, "service": slug}


def _page(
    chosen: str,
    made: Made | None = None,
    typed: Mapping[str, str] | None = None,
    wrong: Sequence[str] = (),
    changing: Key | None = None,
) -> str:
    services, times = auth.services(), common.times()
    with services.database.read() as session:
        topic = common.live(session)
        ref = common.ref_of(chosen) if chosen else None
        everything = intakestore.keys(session)
        hearts = intakestore.hearts(session)
        old = intakestore.old_keys(session, times.now)
        shown = [_shown(session, key, hearts, old) for key in everything if ref is None or key.service == ref]
        mine = of_mine(session, Action.INTEGRATE)
        common.know(session, [key.by for key in everything])
        g.running = len(deploys.deploys(session, running=True, limit=100))
    return render_template(
        "integrations.html",
        here="Incidents",
        topic="" if made or typed else topic,
        band=_band(shown, ref),
        shown=sorted(shown, key=lambda one: (one.key.service, one.key.id)),
        chosen=chosen,
        services=mine,
        kinds=[integrationforms.BY_KIND[changing.kind]] if changing else integrationforms.KINDS,
        changing=changing,
        lengths=LENGTHS,
        made=made,
        made_kind=integrationforms.BY_KIND[made.kind] if made else None,
        pastes=integrationforms.pastes(made.kind, made.secret, services.config.address) if made else (),
        typed=typed or {},
        wrong=wrong,
        mapping=integrationforms.MAPPING,
        now=times.now,
        quiet=QUIET,
    )


def _shown(session: Session, key: Key, hearts: Mapping[int, Any], old: Mapping[int, datetime]) -> Shown:
    refused = incidentorders.refusal(auth.services(), session, auth.somebody(), Action.INTEGRATE, key.service)
    said = integrationforms.said(key.kind, key.settings)
    return Shown(key, integrationforms.BY_KIND[key.kind], said, _beats(key, hearts), old.get(key.id), refused)


def _beats(key: Key, hearts: Mapping[int, Any]) -> Mapping[str, Any]:
    """Say how a heart is, in the kit's words."""
    if key.kind != HEARTBEAT:
        return {}
    row = hearts.get(key.id)
    expected = watching.expected(key)
    state = heartbeat.standing(expected, row.last_at if row else None, key.created_at, common.times().now)
    if isinstance(state, Late):
        return {"word": "open", "text": "Silent", "due": state.due, "every": _every(expected)}
    first = row is None or row.last_at is None
    return {
        "word": "waiting" if first else "healthy",
        "text": "Not heard yet" if first else "Beats",
        "due": state.due,
        "every": _every(expected),
    }


def _every(expected: heartbeat.Expected) -> str:
    often = f"every {render.duration(expected.period)}" if expected.period else f"at {expected.cron} ({expected.zone})"
    return f"{often}, {render.duration(expected.grace)} of grace" if expected.grace else often


def _band(shown: Sequence[Shown], ref: str | None) -> bands.Band:
    of = f" of {render.short_ref(ref)}" if ref else ""
    silent = [one for one in shown if one.beats.get("word") == "open"]
    if silent:
        title = f"{silent[0].key.name} is silent." if len(silent) == 1 else f"{len(silent)} heartbeats are silent."
        text = f"The last should have come {common.times().moment(silent[0].beats['due'])}."
        return bands.Band("warn", "warn", "A heartbeat is missing", title, text)
    if not shown:
        text = "Make one for Alertmanager, Grafana, a script or a mail. It takes a minute, and its key is shown once."
        return bands.Band("", "ring", "Nothing yet", f"Nothing tells of trouble{of or ' here'} yet.", text)
    heard = [one.key.last_at for one in shown if one.key.last_at]
    title = f"{render.counted(len(shown), 'integration')}{of} may tell of trouble."
    last = f"The last one was heard of {common.times().age(max(heard))}." if heard else "None has been heard of yet."
    return bands.Band("good" if heard else "", "ok" if heard else "wait", "Connected", title, last)


# --- making and taking away -------------------------------------------------------------------------------------------


@bp.post("/integrations")
def make() -> str | tuple[str, int]:
    """Make one, and show its key this once. What was typed stays where something is wrong with it."""
    services, asks, form = auth.services(), auth.somebody(), request.form
    chosen = form.get("service", "").strip()[:300]
    ref = common.ref_of(chosen)
    with services.database.read() as session:
        duty.allowed(services, session, asks, Action.INTEGRATE, ref)
    kind = form.get("kind", "")
    try:
        with services.database.write() as session:
            made = integrating.make(session, kind, form, ref, asks.actor, common.times().now)
    except Error as error:
        return _page(chosen, typed=form, wrong=error.reasons or [error.message]), 400
    return _page(chosen, made)


@bp.post("/integrations/<int:number>/end")
def end(number: int) -> Response:
    """Take one away: its key is nobody's within seconds. What it has opened stays open."""
    services, asks, now = auth.services(), auth.somebody(), common.times().now
    with services.database.write() as session:
        key = intakestore.standing_key(session, number)
        if key is not None:  # else it is gone already
            duty.allowed(services, session, asks, Action.INTEGRATE, key.service)
            integrating.end(session, key, asks.actor, now)
    return common.back_to("integrations.index", service=request.form.get("service") or None)


@bp.post("/integrations/<int:number>/change")
def change(number: int) -> Response | str | tuple[str, int]:
    """Tell one something else: its name, service and what its kind needs."""
    services, asks, form = auth.services(), auth.somebody(), request.form
    ref = common.ref_of(form.get("service", "").strip()[:300])
    try:
        with services.database.write() as session:
            key = _mine(session, number)
            duty.allowed(services, session, asks, Action.INTEGRATE, ref)
            integrating.change(session, key, form, ref, asks.actor, common.times().now)
    except Error as error:
        if error.code is not Code.INVALID:
            raise
        typed = {**form.to_dict(), "kind": key.kind}
        return _page("", typed=typed, wrong=error.reasons or [error.message], changing=key), 400
    return common.back_to("integrations.index", _anchor=f"key-{number}")


@bp.post("/integrations/<int:number>/renew")
def renew(number: int) -> str:
    """Give one another key, and show it this once. The old one holds as long as was chosen."""
    services, asks = auth.services(), auth.somebody()
    lasts, _ = LENGTHS.get(request.form.get("for", ""), LENGTHS["7d"])
    with services.database.write() as session:
        key = _mine(session, number)
        made = integrating.renew(session, key, lasts, asks.actor, common.times().now)
    return _page("", made)


def _mine(session: Session, number: int) -> Key:
    key = intakestore.standing_key(session, number)
    if key is None:
        raise Error(Code.NOT_FOUND, "This integration was taken away meanwhile.")
    duty.allowed(auth.services(), session, auth.somebody(), Action.INTEGRATE, key.service)
    return key
