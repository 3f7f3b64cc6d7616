"""Incidents: what is open and whose it is, and the page of one: what do users feel, what did it, how back?"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, current_app, flash, g, render_template, request, url_for
from werkzeug.wrappers import Response

from ledger.errors import Code, Error
from oncall import intakestore, planstore, query, silencing, store
from oncall.actions import ROLES as ROLE_NAMES
from oncall.answering import Answering
from oncall.incident import ENDED, Incident, State
from oncall.query import Row
from oncall.terms import Severity
from pipelines import query as deploys
from portal import auth, duty, incidentbands, incidentlooks, incidentorders, render, silenceforms, suspects, whose
from portal.incidenttelling import ROLES, Teller, story
from portal.pages import common
from portal.pages.catalog import entity_url
from portal.permissions import Action
from portal.suspects import Suspect

bp = Blueprint("incidents", __name__)

PAGE = 40  # incidents that have ended
MOST_OPEN = 300
ORDERS = "acknowledge, resolve, reopen, snooze, reassign, help, note, role, severity, merge"
NAMING = ("reassign", "help", "role", "merge")  # orders that name somebody or something else
VIEWS = (("open", "Open"), ("mine", "Mine"), ("all", "All"))


ROOMS = (  # name, endpoint
    ("Incidents", "incidents.index"),
    ("Silences", "silences.index"),
    ("Integrations", "integrations.index"),
    ("Phones", "phones.index"),
)


@bp.app_context_processor
def _everywhere() -> dict[str, Any]:
    return {"incident_rooms": _rooms}


def _rooms() -> list[tuple[str, str, bool]]:
    """Return the rooms beside the incidents that there are: name, address, whether the reader is in it."""
    here = (request.endpoint or "").partition(".")[0]
    there = [(name, endpoint) for name, endpoint in ROOMS if endpoint in current_app.view_functions]
    shown = [one for one in there if one[0] != "Phones" or auth.services().config.oncall.phones]
    return [(name, url_for(endpoint), endpoint.startswith(f"{here}.")) for name, endpoint in shown]


# --- the list ---------------------------------------------------------------------------------------------------------


@bp.get("/incidents")
def index() -> str:
    """What is open, yours first, then what was. `view`: open, mine or all; `team` and `service` narrow it."""
    services, times, asks = auth.services(), common.times(), auth.somebody()
    chosen = {name: request.args.get(name, "").strip()[:300] for name in ("view", "team", "service")}
    view = chosen["view"] if chosen["view"] in dict(VIEWS) else "open"
    before = request.args.get("before", "")
    before_id = int(before) if before.isdigit() and len(before) < 18 else None
    with services.database.read() as session:
        topic = common.live(session)
        mine = asks.teams | ({asks.user_ref} if asks.user_ref else set())
        narrow: dict[str, Any] = {"teams": [chosen["team"]]} if chosen["team"] else {}
        narrow |= {"services": [chosen["service"]]} if chosen["service"] else {}
        narrow |= {"teams": sorted(mine)} if view == "mine" and not chosen["team"] else {}
        everything = query.incidents(session, is_open=True, limit=MOST_OPEN)
        found = query.incidents(session, is_open=True, limit=MOST_OPEN, **narrow) if narrow else everything
        over = (
            query.incidents(session, is_open=False, before=before_id, limit=PAGE + 1, **narrow)
            if view != "open"
            else ()
        )
        last = query.incidents(session, is_open=False, limit=1)
        told = {one.number: one for one in store.everything_open(session)}
        teams = sorted({row.team for row in [*everything, *over]} | asks.teams | {chosen["team"]})
        common.know(session, _named([*everything, *over], told.values()))
        is_heard = bool(intakestore.keys(session)) or last or everything
        g.running = len(deploys.deploys(session, running=True, limit=100))
    rows = sorted(found, key=lambda row: _order(row, mine, asks.actor))
    alarm = [one for one in told.values() if one.exhausted_at is not None and one.state is State.OPEN]
    return render_template(
        "incidents.html",
        here="Incidents",
        topic="" if before else topic,
        band=incidentbands.inbox(everything, alarm, last[0] if last else None, _said, times),
        alarm=alarm,
        rows=[_listed(row, told.get(row.number), mine) for row in rows] if not before else [],
        over=[_listed(row, None, mine) for row in over[:PAGE]],
        older=over[PAGE - 1].number if len(over) > PAGE else 0,
        before=before,
        view=view,
        views=VIEWS,
        chosen=chosen,
        teams=[team for team in teams if team],
        is_heard=is_heard,
        on_team=bool(asks.teams),
        me_ref=asks.actor,
        said=_said,
    )


@dataclass(frozen=True)
class Listed:
    """An incident in the list: its state as the kit says it, and one line why it is there."""

    row: Row
    word: str
    text: str
    why: str
    mine: bool


def _listed(row: Row, told: Incident | None, mine: frozenset[str] | set[str]) -> Listed:
    nobody = told is not None and told.exhausted_at is not None
    word, text = incidentbands.word(row.state, nobody=nobody)
    why = incidentbands.in_short(told, _said, common.times()) if told is not None else _over(row)
    return Listed(row, word, text, why, row.team in mine)


def _over(row: Row) -> str:
    lasted = render.duration(row.resolved_at - row.opened_at) if row.resolved_at else ""
    return f"Lasted {lasted}, {render.counted(row.alerts, 'alert')}." if lasted else ""


def _order(row: Row, mine: frozenset[str] | set[str], me: str) -> tuple[bool, bool, bool, int]:
    """Yours first, then what nobody has, then what is urgent, then the newest."""
    is_mine = row.team in mine or me in row.holder
    return not is_mine, row.state != "open", row.urgency != "high", -row.number


def _named(rows: Iterable[Row], told: Iterable[Incident]) -> Iterator[str]:
    for row in rows:
        yield from row.holder
    for one in told:
        yield from one.step.people if one.step else ()


def _said(who: str) -> str:
    return common.face(who).said


# --- one incident -----------------------------------------------------------------------------------------------------


@bp.get("/incidents/<int:number>")
def show(number: int) -> str:
    services, times, asks = auth.services(), common.times(), auth.somebody()
    with services.database.read() as session:
        topic = common.live(session, subject=f"incident:{number}")
        duty.row(session, number)
        page = query.page(session, number)
        answering = Answering(session, services.oncall.fallback)
        service = answering.service(page.row.service)
        uses = service.depends_on if service else ()
        found = suspects.suspects(session, page.row.service, uses, page.row.opened_at, page.row.environment)
        changed = query.changes(session, number, page.row.service, page.row.opened_at - suspects.BEFORE)
        channels = {
            str(way.id): f"{way.label or way.kind}"
            for ways in planstore.ways(session, {one.person for one in page.pages}).values()
            for way in ways
        }
        following = incidentlooks.following(page.incident, answering)
        may_do = incidentorders.rights(services, session, asks, page.row)
        refused_back = {
            one.row.service: common.refusal(Action.ROLL_BACK, whose.owned_by_ref(session, one.row.service))
            for one in found
            if one.back is not None
        }
        senders = incidentlooks.senders(session, page, changed)
        silenced = [
            silencing.silence(row) for row in intakestore.silences(session, times.now) if row.until_resolved == number
        ]
        common.know(session, [*incidentlooks.everybody(page), *following, *(one.row.actor for one in found)])
        others = query.incidents(session, is_open=True, limit=MOST_OPEN)
        people = incidentlooks.people(answering, page.row.team)
        g.running = len(deploys.deploys(session, running=True, limit=100))
    teller = Teller(_said, times, len(page.incident.policy.levels), channels, incidentlooks.called(senders))
    told = replace(page.incident, reason=teller.plain(page.incident.reason))
    follows = incidentbands.next_step(page.incident, following, _said, times)
    back = next((one for one in found if one.back and one.row.service == page.row.service), None)
    reached = any(one.ending == "delivered" for one in page.pages)
    band = incidentbands.incident(page.row, told, _said, times, _cause(found, follows), reached=reached)
    return render_template(
        "incident.html",
        here="Incidents",
        topic=topic,
        page=page,
        row=page.row,
        told=page.incident,
        ended=page.incident.state in ENDED,
        has_it=asks.actor in page.row.holder and page.incident.state is State.ACKNOWLEDGED,
        band=band,
        service=service,
        suspects=found,
        changed=incidentlooks.changed(changed, senders),
        back=back,
        refused_back=refused_back,
        may=may_do,
        story=story(page.story, teller),
        asked=incidentbands.asked(page.pages, page.incident, channels, times.moment),
        follows=follows,
        alerts=incidentlooks.shown(page, senders),
        hidden=max(len(page.alerts) - incidentlooks.ALERTS, 0),
        runbook=incidentlooks.runbook(page, service, entity_url(service.ref) if service else ""),
        links=incidentlooks.links(page),
        silenced=[(silenceforms.words(one.matchers), one.reason) for one in silenced],
        others=sorted((one for one in others if one.number != number), key=lambda one: one.service != page.row.service),
        people=people,
        snoozes=[(value, text) for value, (_, text) in incidentorders.SNOOZES.items()],
        severities=list(Severity),
        roles=[(role, ROLES[role]) for role in ROLE_NAMES],
        window=suspects.BEFORE,
        silence_url=url_for(
            "silences.index",
            service=common.slug(service.ref) if service else None,
            title=page.row.title,
            incident=number,
        ),
    )


def _cause(found: Sequence[Suspect], follows: str) -> str:
    first = found[0] if found else None
    if first is None or first.word != suspects.LIKELY:
        return follows
    what = f"deploy {first.row.release} of {first.row.name}"
    return f"Most likely cause: {what}. {first.why} {follows}".strip()


# --- orders -----------------------------------------------------------------------------------------------------------


@bp.post(f"/incidents/<int:number>/<any({ORDERS}):order>")
def give(number: int, order: str) -> Response:
    """Do what somebody orders. What came too late or was not understood is said on the page."""
    try:
        incidentorders.give(auth.services(), auth.somebody(), number, order, request.form)
    except Error as error:
        if error.code in (Code.FORBIDDEN, Code.UNAVAILABLE):
            raise
        if error.code is Code.NOT_FOUND and order not in NAMING:
            raise
        common.say(error)
        if text := request.form.get("text", "").strip() or request.form.get("reason", "").strip():
            flash(f"You wrote: {text[:500]}", "warn")
    if request.form.get("back") == "list":
        return common.back_to("incidents.index")
    return common.back_to("incidents.show", number=number)
