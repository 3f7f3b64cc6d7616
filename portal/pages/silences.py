"""Silences and maintenance: what pages nobody now and why, who wants it so, until when, and what it kept quiet."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, g, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from catalog import query as catalog
from catalog.query import Service
from ledger import events
from ledger.errors import Code, Error
from oncall import intakestore, query, silencing
from oncall.answering import Answering
from oncall.query import Quiet
from oncall.silences import LONGEST, Silence, covers
from pipelines import query as deploys
from portal import auth, bands, duty, incidentorders, render, silenceforms, whose
from portal.pages import common
from portal.permissions import Action
from portal.silenceforms import Typed

bp = Blueprint("silences", __name__)

Row = Any  # a silence as its store returns it
MOST_QUIET = 100  # alerts on the page
AGAIN = timedelta(minutes=1)  # within which the very same silence is a second press of the button
_NAMED = re.compile(r"\b(?:silence|maintenance) (\d+) of ")


@dataclass(frozen=True)
class Shown:
    """A silence, what it is for in words, what it has kept quiet, and why the reader may not change it."""

    row: Row
    words: str
    alerts: int
    times: int
    refused: str


@bp.get("/silences")
def index() -> str:
    """All that hold and are planned; `service`, `title` and `incident` fill in the form."""
    return _page(silenceforms.typed(request.args))


def _page(said: Typed, wrong: Sequence[str] = (), looked: Sequence[tuple[Any, str]] | None = None) -> str:
    services, times = auth.services(), common.times()
    with services.database.read() as session:
        topic = common.live(session)
        rows = intakestore.silences(session)
        quiet = query.quiet(session, times.now - LONGEST)
        shown = [_shown(session, row, quiet) for row in rows if row.end > times.now]
        mine = of_mine(session, Action.SILENCE)
        refused_all = incidentorders.refusal(services, session, auth.somebody(), Action.SILENCE)
        common.know(session, [row.by for row in rows])
        open_ones = query.incidents(session, is_open=True, limit=100)
        g.running = len(deploys.deploys(session, running=True, limit=100))
    now = [one for one in shown if one.row.start <= times.now]
    still = [one for one in quiet if one.resolved_at is None]
    return render_template(
        "silences.html",
        here="Incidents",
        topic=topic if not said.reason else "",
        band=_band([one.row for one in now], still),
        now=now,
        planned=[one for one in shown if one.row.start > times.now],
        quiet=[(one, _NAMED.findall(one.why)) for one in quiet[:MOST_QUIET]],
        services=mine,
        refused_all=f"Every service at once is for {_last_resort()}." if refused_all else "",
        lengths=[(value, text) for value, (_, text) in silenceforms.LENGTHS.items()],
        incidents=open_ones,
        said=said,
        wrong=wrong,
        looked=looked,
    )


def _last_resort() -> str:
    fallback = auth.services().oncall.fallback
    return f"{render.short_ref(fallback)} or an admin" if fallback else "an admin"


def of_mine(session: Session, action: Action) -> list[Service]:
    """Return the services whose alerts are the reader's to decide about."""
    asks, fallback = auth.somebody(), auth.services().oncall.fallback
    everything = catalog.services(session)
    if asks.is_admin or (fallback and fallback in asks.teams | {asks.user_ref}):
        return everything
    return [one for one in everything if not common.refusal(action, whose.owned(one))]


def _shown(session: Session, row: Row, quiet: Sequence[Quiet]) -> Shown:
    kept = [one for one in quiet if str(row.id) in _NAMED.findall(one.why)]
    words = silenceforms.words(silencing.silence(row).matchers)
    return Shown(row, words, len(kept), sum(one.count for one in kept), _refusal(session, row))


def _refusal(session: Session, row: Row) -> str:
    asks = auth.somebody()
    if asks.actor == row.by:
        return ""
    return incidentorders.refusal(auth.services(), session, asks, Action.SILENCE, *([row.team] if row.team else []))


def _band(rows: Sequence[Row], still: Sequence[Quiet]) -> bands.Band:
    if not rows:
        return bands.Band("good", "ok", "Nothing is silenced", "Every alert may page somebody.", "")
    count = render.counted(len(rows), "silence holds", "silences hold")
    kept = f"{render.counted(len(still), 'open alert is', 'open alerts are')} kept quiet." if still else ""
    first = min(rows, key=lambda row: row.end)
    ends = f"The first ends {common.times().moment(first.end)}."
    title = kept or f"{render.counted(len(rows), 'silence')}, and nothing to be kept quiet now."
    return bands.Band("warn" if still else "", "pause", count, title, f"{ends} What is still wrong then pages.")


# --- making one -------------------------------------------------------------------------------------------------------


@bp.post("/silences")
def make() -> Response | str | tuple[str, int]:
    """Set one; with `do` = `look` only show what it would keep quiet. What was typed stays where something is wrong."""
    services, asks, times = auth.services(), auth.somebody(), common.times()
    said = silenceforms.typed(request.form)
    ref = common.ref_of(said.service) if said.service else ""
    with services.database.read() as session:
        # Without a service only who answers for everything may.
        duty.allowed(services, session, asks, Action.SILENCE, *([ref] if ref else []))
        team = Answering(session, services.oncall.fallback).of(ref).team if ref else services.oncall.fallback
        alerts = query.open_alerts(session)
    try:
        made = silenceforms.silence(said, ref, asks.actor, times.zone, times.now)
        if made.incident is not None:
            _must_be_open(made.incident)
    except Error as error:
        return _page(said, error.reasons or [error.message]), 400
    if request.form.get("do") == "look":
        return _page(said, looked=[one for one in alerts if covers(made, *one)])
    _keep(made, team, ref)
    return common.back_to("silences.index")


def _must_be_open(number: int) -> None:
    with auth.services().database.read() as session:
        if not duty.row(session, number).is_open:
            raise Error(Code.INVALID, f"Incident {number} is over; say for how long instead.")


def _keep(made: Silence, team: str, service: str) -> None:
    """Write it; a second press of the same button finds it there."""
    services, now = auth.services(), common.times().now
    values = {
        "kind": made.kind,
        "team": team,
        "matchers": [str(one) for one in made.matchers],
        "reason": made.reason,
        "by": made.owner,
        "start": made.start,
        "end": made.end,
        "until_resolved": made.incident,
    }
    with services.database.write() as session:
        if any(_is_same(row, values, now) for row in intakestore.silences(session)):
            return
        number = intakestore.add_silence(session, **values, created_at=now)
        _record(session, "silenced", number, values | {"words": silenceforms.words(made.matchers)}, service)


def _is_same(row: Row, values: Mapping[str, Any], now: datetime) -> bool:
    same = all(getattr(row, name) == values[name] for name in ("kind", "matchers", "reason", "by", "until_resolved"))
    return same and now - row.created_at < AGAIN


def _record(session: Session, kind: str, number: int, data: Mapping[str, Any], service: str = "") -> None:
    said = {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in data.items()}
    now, actor = common.times().now, auth.somebody().actor
    events.record(session, f"oncall.{kind}", f"silence:{number}", actor, now, said, service=service or None)


# --- changing one -----------------------------------------------------------------------------------------------------


@bp.post("/silences/<int:number>/end")
def end(number: int) -> Response:
    """End it now. What is still wrong pages within a minute."""
    services = auth.services()
    with services.database.write() as session:
        row = _mine(session, number)
        if row is not None:
            intakestore.end_silences(session, [number], common.times().now)
            _record(session, "silence_ended", number, {"reason": row.reason})
    return common.back_to("silences.index")


@bp.post("/silences/<int:number>/extend")
def extend(number: int) -> Response:
    """Let it last longer, from its end on."""
    services, now = auth.services(), common.times().now
    length = silenceforms.LENGTHS.get(request.form.get("for", ""))
    with services.database.write() as session:
        row = _mine(session, number)
        if row is not None and length is not None:
            until = max(row.end, now) + length[0]
            if until - now > LONGEST:
                common.say(Error(Code.INVALID, f"It may last {LONGEST.days} days from now, not longer."))
            else:
                intakestore.extend_silence(session, number, until)
                _record(session, "silence_extended", number, {"end": until})
    return common.back_to("silences.index")


def _mine(session: Session, number: int) -> Row | None:
    """Return a silence that holds or is planned and is the reader's to change; None when it is over already."""
    row = next((row for row in intakestore.silences(session) if row.id == number), None)
    if row is not None and (reason := _refusal(session, row)):
        raise Error(Code.FORBIDDEN, reason)
    return row
