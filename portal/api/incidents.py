"""Incidents over the API: what is open, one with its story and its pages, and what people order for it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint
from sqlalchemy.orm import Session

from ledger.errors import Code, Error
from oncall import query, store
from oncall.actions import Actions
from oncall.incident import Incident
from oncall.query import Row, Told
from oncall.understanding import OWN
from portal import auth, duty, manual
from portal.api import asking
from portal.api import incidentshapes as shapes
from portal.api.asked import OrderIn
from portal.permissions import Person
from production.settings import duration

bp = APIBlueprint("incidents", __name__, tag="Incidents")

ORDERED = {403: "Not yours to decide", 409: "That cannot happen to it any more"}
NAMING = {400: "That names nobody", **ORDERED}
SNOOZE_MOST = timedelta(days=366)  # what is too long is refused where it is ordered
MINE = 200  # open incidents that are looked through for what is mine

Do = Callable[[Actions, str], Incident]


@bp.get("/incidents")
@bp.input(shapes.IncidentsQuery, location="query")
@bp.output(shapes.Incidents)
@bp.doc(responses={400: "That names nobody", 404: "That can be no service's name"})
def index(query_data: shapes.IncidentsQuery) -> Any:
    """Incidents, newest first"""
    asked = query_data
    with auth.services().database.read() as session:
        if asked.alert is not None:
            found = store.incident_of(session, OWN, asked.alert)
            rows = [duty.row(session, found)] if found else []
        elif asked.mine:
            rows = mine(session, auth.somebody(), asked.before, asked.limit + 1)
        else:
            rows = list(_narrowed(session, asked))
    shown = rows[: asked.limit]
    more = shown[-1].number if len(rows) > len(shown) else None
    return shapes.Incidents(incidents=[_incident(row) for row in shown], before=more)


def _narrowed(session: Session, asked: shapes.IncidentsQuery) -> Any:
    return query.incidents(
        session,
        is_open=asked.open,
        services=[_about(asked.service)] if asked.service else None,
        teams=[duty.ref(asked.team, "group")] if asked.team else None,
        before=asked.before,
        limit=asked.limit + 1,
    )


def mine(session: Session, asks: Person, before: int | None = None, most: int = 51) -> list[Row]:
    """Return what is open and hers, newest first: what she has, and what she was paged for and nobody has."""
    rows = query.incidents(session, is_open=True, before=before, limit=MINE)
    paged = query.paged_for(session, asks.actor, [row.number for row in rows if not row.holder])
    return [row for row in rows if asks.actor in row.holder or row.number in paged][:most]


@bp.get("/incidents/<int:number>")
@bp.output(shapes.IncidentPage)
def show(number: int) -> Any:
    """One incident: its story, its alerts, and each page that went out for it"""
    with auth.services().database.read() as session:
        duty.row(session, number)
        return _page(query.page(session, number, others=0))


@bp.post("/incidents")
@bp.input(shapes.PageIn, arg_name="asked")
@bp.output(shapes.Paging, 202, description="It is taken like every alert, so silences and escalations hold")
@bp.doc(responses={400: "That names nobody", 403: "Nobody in particular may not", 404: "There is nobody of that name"})
def page(asked: shapes.PageIn) -> Any:
    """Page whoever answers for a service or a team, or one person"""
    made = manual.page(auth.services(), auth.somebody(), asked.whom, asked.title, asked.severity, asked.details)
    return shapes.Paging.model_validate(made), 202


def _about(said: str) -> str:
    """Return the service, or the team or person in a service's place, that a query means."""
    return asking.ref(said)


# --- orders -----------------------------------------------------------------------------------------------------------


@bp.post("/incidents/<int:number>/acknowledge")
@bp.input(OrderIn, location="json_or_form", arg_name="asked")
@bp.output(shapes.Incident)
@bp.doc(responses=ORDERED)
def acknowledge(number: int, asked: OrderIn) -> Any:
    """Take an incident: you have it, and nobody else is paged"""
    return _ordered(number, "acknowledge", lambda actions, by: actions.acknowledge(number, by, asked.reason))


@bp.post("/incidents/<int:number>/resolve")
@bp.input(OrderIn, location="json_or_form", arg_name="asked")
@bp.output(shapes.Incident)
@bp.doc(responses=ORDERED)
def resolve(number: int, asked: OrderIn) -> Any:
    """End an incident"""
    return _ordered(number, "resolve", lambda actions, by: actions.resolve(number, by, asked.reason))


@bp.post("/incidents/<int:number>/reopen")
@bp.input(OrderIn, location="json_or_form", arg_name="asked")
@bp.output(shapes.Incident)
@bp.doc(responses=ORDERED)
def reopen(number: int, asked: OrderIn) -> Any:
    """Open an incident again"""
    return _ordered(number, "reopen", lambda actions, by: actions.reopen(number, by, asked.reason))


@bp.post("/incidents/<int:number>/snooze")
@bp.input(shapes.SnoozeIn, arg_name="asked")
@bp.output(shapes.Incident)
@bp.doc(responses={400: "Say `until` or `for`: a minute to seven days", **ORDERED})
def snooze(number: int, asked: shapes.SnoozeIn) -> Any:
    """Have an incident wait; then it goes on at level 1"""
    if (asked.until is None) == (asked.lasts is None):
        raise Error(Code.INVALID, "Say until when: `until` or `for`.")
    until = asked.until or asking.now() + _span(asked.lasts or "")
    return _ordered(number, "snooze", lambda actions, by: actions.snooze(number, by, until, asked.reason))


def _span(said: str) -> timedelta:
    try:
        return min(duration(said.strip()), SNOOZE_MOST)
    except (ValueError, OverflowError):
        raise Error(Code.INVALID, f"“{said[:40]}” is no length of time; write 30m, 2h or 3d.") from None


@bp.post("/incidents/<int:number>/reassign")
@bp.input(shapes.ReassignIn, arg_name="asked")
@bp.output(shapes.Incident)
@bp.doc(responses=NAMING)
def reassign(number: int, asked: shapes.ReassignIn) -> Any:
    """Give an incident to somebody, who is paged at once"""
    to = duty.person(asked.to, auth.somebody())
    return _ordered(number, "reassign", lambda actions, by: actions.reassign(number, by, to, asked.reason))


@bp.post("/incidents/<int:number>/responders")
@bp.input(shapes.ResponderIn, arg_name="asked")
@bp.output(shapes.Incident)
@bp.doc(responses=NAMING)
def add_responder(number: int, asked: shapes.ResponderIn) -> Any:
    """Ask somebody to help; she is paged, and the escalation stays where it is"""
    who = duty.person(asked.person, auth.somebody())
    return _ordered(number, "responder", lambda actions, by: actions.add_responder(number, by, who, asked.reason))


@bp.post("/incidents/<int:number>/notes")
@bp.input(shapes.NoteIn, arg_name="asked")
@bp.output(shapes.Incident)
@bp.doc(responses={400: "A note needs some words", **ORDERED})
def note(number: int, asked: shapes.NoteIn) -> Any:
    """Write something on an incident's timeline"""
    return _ordered(number, "note", lambda actions, by: actions.note(number, by, asked.text))


@bp.post("/incidents/<int:number>/severity")
@bp.input(shapes.SeverityIn, arg_name="asked")
@bp.output(shapes.Incident)
@bp.doc(responses=ORDERED)
def change_severity(number: int, asked: shapes.SeverityIn) -> Any:
    """Say how much it hurts"""

    def act(actions: Actions, by: str) -> Incident:
        return actions.change_severity(number, by, asked.severity, asked.reason)

    return _ordered(number, "severity", act)


@bp.post("/incidents/<int:number>/roles")
@bp.input(shapes.RoleIn, arg_name="asked")
@bp.output(shapes.Incident)
@bp.doc(responses=NAMING)
def give_role(number: int, asked: shapes.RoleIn) -> Any:
    """Say who leads, writes, or speaks to others"""
    who = duty.person(asked.person, auth.somebody()) if asked.person.strip() else ""
    return _ordered(number, "role", lambda actions, by: actions.give_role(number, by, asked.role, who))


@bp.post("/incidents/<int:number>/merge")
@bp.input(shapes.MergeIn, arg_name="asked")
@bp.output(shapes.Incident)
@bp.doc(responses={400: "An incident cannot be merged into itself", **ORDERED})
def merge(number: int, asked: shapes.MergeIn) -> Any:
    """Have an incident go on as part of another one, which gets more to do and so is the caller's to decide as well"""
    services = auth.services()
    with services.database.read() as session:
        duty.decides(services, session, auth.somebody(), duty.number(asked.into), "merge")
    return _ordered(number, "merge", lambda actions, by: actions.merge(number, by, asked.into, asked.reason))


def _ordered(number: int, order: str, do: Do) -> shapes.Incident:
    services = auth.services()
    with services.database.read() as session:
        by = duty.decides(services, session, auth.somebody(), number, order)
    do(services.oncall.actions, by)
    with services.database.read() as session:
        return _incident(duty.row(session, number))


# --- telling ----------------------------------------------------------------------------------------------------------


def _incident(row: Row) -> shapes.Incident:
    return shapes.Incident.model_validate({**vars(row), "page": _where(row.number)})


def _where(number: int) -> str:
    return f"{auth.services().config.address}/incidents/{number}"


def _page(found: query.Page) -> shapes.IncidentPage:
    incident = found.incident
    return shapes.IncidentPage(
        incident=_incident(found.row),
        responders=list(incident.responders),
        roles=dict(incident.roles),
        until=incident.until,
        merged_into=incident.merged_into or None,
        reason=incident.reason,
        story=[_told(one) for one in found.story],
        alerts=[shapes.Alert.model_validate(one) for one in found.alerts],
        pages=[shapes.Paged.model_validate({**vars(one), "why": one.because}) for one in found.pages],
    )


def _told(one: Told) -> shapes.Told:
    said = one.data
    return shapes.Told(
        at=one.at,
        kind=one.kind,
        actor=one.actor,
        text=str(said.get("reason", "")),
        person=str(said.get("person", "")),
        channel=str(said.get("channel", "")),
    )
