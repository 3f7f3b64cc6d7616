"""Silences and maintenance: what pages nobody now and why, who wants it so, until when, and what it kept quiet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, g, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from catalog import query as catalog
from catalog.query import Service
from ledger.errors import Code, Error
from oncall import intakestore, query, silencing
from oncall.intakestore import SilenceRow
from oncall.query import Quiet
from oncall.silences import LONGEST, Silence, covers, named
from pipelines import query as deploys
from portal import auth, bands, duty, incidentorders, quieting, render, silenceforms, whose
from portal.pages import common
from portal.permissions import Action
from portal.silenceforms import Typed

bp = Blueprint("silences", __name__)

MOST_QUIET = 100  # alerts on the page
PAST = timedelta(days=30)  # how long one that is over is shown


@dataclass(frozen=True)
class Shown:
    """A silence, what it is for in words, what it has kept quiet and muted, and why the reader may not change it."""

    row: SilenceRow
    words: str
    alerts: int
    times: int
    incidents: Sequence[int]
    refused: str

    @property
    def over(self) -> datetime:
        return min(self.row.end, self.row.ended_at or self.row.end)

    @property
    def was_ended(self) -> bool:
        """Before its time, by somebody or by its incident."""
        return self.over < self.row.end


@bp.get("/silences")
def index() -> str:
    """All that hold, are planned and were; `service`, `title`, `incident` or `again`, a number, fill in the form."""
    return _page(_again(request.args.get("again", "")) or silenceforms.typed(request.args))


def _again(number: str) -> Typed | None:
    """Return the form that sets a silence again; None for what is no silence, or can be read no more."""
    if not number.isdigit() or len(number) > 12:
        return None
    with auth.services().database.read() as session:
        row = intakestore.silence(session, int(number))
        found = silencing.readable([row] if row is not None else [])
    return silenceforms.again(found[0]) if found else None


def _page(
    said: Typed,
    wrong: Sequence[str] = (),
    looked: Sequence[tuple[Any, str]] | None = None,
    meant: Silence | None = None,
) -> str:
    services, times = auth.services(), common.times()
    with services.database.read() as session:
        topic = common.live(session)
        rows = [row for row in intakestore.silences(session) if row.end > times.now]
        past = intakestore.past_silences(session, times.now - PAST, times.now)
        kept = query.quiet(session, times.now - LONGEST)
        quiet = [one for one in kept if one.incident is None]
        muted = query.muted_incidents(session, times.now - LONGEST)
        shown = [_shown(session, row, kept, muted) for row in rows]
        over = [_shown(session, row, kept, muted) for row in past]
        mutes = silencing.would_mute(session, meant, times.now) if meant and meant.is_on(times.now) else ()
        mine = of_mine(session, Action.SILENCE)
        refused_all = incidentorders.refusal(services, session, auth.somebody(), Action.SILENCE)
        common.know(session, [row.by for row in (*rows, *past)])
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
        over=over,
        mutes=mutes,
        quiet=[(one, named(one.why)) for one in quiet[:MOST_QUIET]],
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


def _shown(session: Session, row: SilenceRow, quiet: Sequence[Quiet], muted: Mapping[int, Sequence[str]]) -> Shown:
    kept = [one for one in quiet if str(row.id) in named(one.why)]
    incidents = [number for number, whys in muted.items() if any(str(row.id) in named(why) for why in whys)]
    words = silenceforms.words(silencing.silence(row).matchers)
    return Shown(row, words, len(kept), sum(one.count for one in kept), sorted(incidents), _refusal(session, row))


def _refusal(session: Session, row: SilenceRow) -> str:
    asks = auth.somebody()
    if asks.actor == row.by:
        return ""
    return incidentorders.refusal(auth.services(), session, asks, Action.SILENCE, *([row.team] if row.team else []))


def _band(rows: Sequence[SilenceRow], still: Sequence[Quiet]) -> bands.Band:
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
        alerts = query.open_alerts(session)
    try:
        made = silenceforms.silence(said, ref, asks.actor, times.zone, times.now)
        if made.incident is not None:
            _must_be_open(made.incident)
    except Error as error:
        return _page(said, error.reasons or [error.message]), 400
    if request.form.get("do") == "look":
        return _page(said, looked=[one for one in alerts if covers(made, *one)], meant=made)
    with services.oncall.jobs.transaction() as session:
        quieting.keep(session, services.oncall, made, times.now)
    return common.back_to("silences.index")


def _must_be_open(number: int) -> None:
    with auth.services().database.read() as session:
        if not duty.row(session, number).is_open:
            raise Error(Code.INVALID, f"Incident {number} is over; say for how long instead.")


# --- changing one -----------------------------------------------------------------------------------------------------


@bp.post("/silences/<int:number>/end")
def end(number: int) -> Response:
    """End it now. What it muted pages at once, what it kept quiet within a minute."""
    services = auth.services()
    with services.oncall.jobs.transaction() as session:
        row = _mine(session, number)
        if row is not None:
            quieting.end(session, services.oncall, row, auth.somebody().actor, common.times().now)
    return common.back_to("silences.index")


@bp.post("/silences/<int:number>/extend")
def extend(number: int) -> Response:
    """Let it last longer, from its end on."""
    services = auth.services()
    length = silenceforms.LENGTHS.get(request.form.get("for", ""))
    with services.oncall.jobs.transaction() as session:
        row = _mine(session, number)
        if row is not None and length is not None:
            try:
                quieting.extend(session, services.oncall, row, length[0], auth.somebody().actor, common.times().now)
            except Error as error:  # before anything was written
                common.say(error)
    return common.back_to("silences.index")


def _mine(session: Session, number: int) -> SilenceRow | None:
    """Return a silence that holds or is planned and is the reader's to change; None when it is over already."""
    row = next((row for row in intakestore.silences(session) if row.id == number), None)
    if row is not None and (reason := _refusal(session, row)):
        raise Error(Code.FORBIDDEN, reason)
    return row
