"""Home: what is going on?"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from flask import Blueprint, g, render_template
from markupsafe import Markup

from catalog import browsing
from catalog import query as catalog
from catalog.brief import briefs, listed
from oncall import query as incidents
from pipelines import query
from pipelines.query import Row
from portal import auth, bands, incidentbands, overviews, pictures, render
from portal.pages import common, dutynow
from portal.pages.services import deployed_from_here, looks
from portal.pictures import Mark
from portal.render import Times

bp = Blueprint("home", __name__)

DAY = timedelta(hours=24)
MOST = 500  # deploys on the tape
MOST_OPEN = 300  # incidents
KINDS = {"healthy": "good", "replaced": "good", "undone": "undone", "stuck": "bad", "aborted": "off"}


@bp.get("/")
def show() -> str:
    times, asks = common.times(), auth.somebody()
    with auth.services().database.read() as session:
        topic = common.live(session)
        directory = catalog.directory(session)
        everything = {service.ref: service for service in listed(session, directory)}
        look = browsing.needing_a_look(session, everything.values())
        teams = asks.teams | {asks.user_ref}
        mine = {ref: service for ref, service in everything.items() if service.owner.ref in teams}
        known = query.summaries(session, list(mine)) if mine else {}
        stuck = query.stuck(session)
        going = query.deploys(session, running=True, limit=50)
        day = query.deploys(session, since=times.now - DAY, limit=MOST)
        troubles = incidents.incidents(session, is_open=True, limit=MOST_OPEN)
        duty = dutynow.card(session, briefs(session, directory, list(mine)) if mine else [], directory)
        common.know(session, [*(row.actor for row in going), *(who for one in troubles for who in one.holder)])
    g.running = len(going)
    rows = [(mine[ref], environment, summary) for (ref, environment), summary in known.items() if ref in mine]
    rows.sort(key=lambda row: (row[0].name, row[1] != "production", row[1]))
    there = {service.ref for service, _, _ in rows}
    hurt = incidentbands.home(troubles, lambda who: common.face(who).said, times)
    return render_template(
        "home.html",
        here="Home",
        topic=topic,
        band=hurt[0]
        if hurt
        else overviews.home(deployed_from_here(everything.values()), len(everything), stuck, going, day, look, looks()),
        hurt=hurt[1] if hurt else 0,
        going=going,
        incidents=[one for one in troubles if one.team in teams or asks.actor in one.holder],
        stuck=stuck,
        rows=[(service, environment, summary, bands.service_state(summary)) for service, environment, summary in rows],
        silent=sorted((mine[ref] for ref in mine if ref not in there), key=lambda one: (not one.deploys, one.name)),
        duty=duty,
        teams=sorted(asks.teams),
        everything=len(everything),
        tape=_tape(day, times),
        tally=_tally(day),
        is_admin=asks.is_admin,
    )


def _tape(day: Sequence[Row], times: Times) -> Markup:
    marks = []
    for row in reversed(day):
        at = row.ended_at or row.started_at or row.requested_at
        title = f"{row.name} {row.release} to {row.environment}, {row.word}, {times.moment(at)}"
        marks.append(Mark(-(times.now - at) / timedelta(hours=1), KINDS.get(row.word, "run"), title))
    local = times.now.astimezone(times.zone)
    return pictures.tape(marks, local.hour + local.minute / 60, f"Deploys of the last 24 hours: {_tally(day)}")


def _tally(day: Sequence[Row]) -> str:
    """Write `14 deploys: 12 healthy, 1 undone, 1 going out`."""
    if not day:
        return "no deploy"
    counts = Counter(
        "healthy" if row.word == "replaced" else "going out" if row.word == "baking" else row.word for row in day
    )
    parts = [f"{counts[word]} {word}" for word in query.WORDS if counts[word]]
    return f"{render.counted(len(day), 'deploy')}: {', '.join(parts)}"
