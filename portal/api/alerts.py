"""Silences and integrations over the API. A key is shown once, to whoever makes it."""

from typing import Any

from apiflask import APIBlueprint

from ledger.errors import Code, Error
from oncall import intakestore
from oncall.silences import Kind, Silence, checked, matcher
from portal import auth, duty, integrating, integrationforms, quieting
from portal.api import alertshapes as shapes
from portal.api import asking
from portal.permissions import Action
from production.settings import duration

bp = APIBlueprint("alerts", __name__, tag="Alerts")

NOT_YOURS = {403: "Not yours to do"}
REFUSED = {400: "Every problem is said", **NOT_YOURS}


@bp.get("/silences")
@bp.output(shapes.Silences)
def silences() -> Any:
    """What is silenced now or will be"""
    now = asking.now()
    with auth.services().database.read() as session:
        rows = [row for row in intakestore.silences(session) if row.end > now]
    return shapes.Silences(silences=[_told(row) for row in rows])


@bp.post("/silences")
@bp.input(shapes.SilenceIn, arg_name="asked")
@bp.output(shapes.Silence, 201, description="It holds")
@bp.doc(responses=REFUSED)
def silence(asked: shapes.SilenceIn) -> Any:
    """Keep alerts quiet, with a reason and an end

    What is quiet is kept, and opens an incident when the silence ends and the alert has not. What is open already and
    covered is muted with it.
    """
    services, asks, now = auth.services(), auth.somebody(), asking.now()
    made = checked(_meant(asked, asks.actor), now)
    with services.oncall.jobs.transaction() as session:
        service = quieting.service_of(made)
        # Of every service, only who answers for everything may.
        duty.allowed(services, session, asks, Action.SILENCE, *([service] if service else []))
        if made.incident is not None and not duty.row(session, made.incident).is_open:
            raise Error(Code.INVALID, f"Incident {made.incident} is over; say for how long instead.")
        number = quieting.keep(session, services.oncall, made, now)
        return _told(_row(session, number)), 201


def _meant(asked: shapes.SilenceIn, owner: str) -> Silence:
    start = asked.since or asking.now()
    if (asked.until is None) == (asked.lasts is None):
        raise Error(Code.INVALID, "Say until when: `until` or `for`.")
    try:
        end = asked.until or start + duration((asked.lasts or "").strip())
        matchers = tuple(matcher(one) for one in asked.matchers)
    except (ValueError, OverflowError) as error:
        raise Error(Code.INVALID, "This silence cannot be set", reasons=[str(error)]) from None
    about = (0, matchers, owner, asked.reason.strip(), start, end, Kind(asked.kind), asked.incident)
    return Silence(*about)


@bp.post("/silences/<int:silence_id>/end")
@bp.output(shapes.Silence)
@bp.doc(responses={**NOT_YOURS, 404: "No such silence, or it is over"})
def end_silence(silence_id: int) -> Any:
    """End a silence now; what is still wrong pages within a minute"""
    services, asks, now = auth.services(), auth.somebody(), asking.now()
    with services.oncall.jobs.transaction() as session:
        row = _row(session, silence_id)
        if row.by != asks.actor:
            duty.allowed(services, session, asks, Action.SILENCE, *([row.team] if row.team else []))
        told = _told(row)
        quieting.end(session, services.oncall, row, asks.actor, now)
    return told.model_copy(update={"active": False, "end": now})


def _row(session: Any, number: int) -> Any:
    found = next((row for row in intakestore.silences(session) if row.id == number), None)
    if found is None:
        raise Error(Code.NOT_FOUND, f"There is no silence {number}, or it is over.")
    return found


def _told(row: Any) -> shapes.Silence:
    now = asking.now()
    return shapes.Silence(
        id=row.id,
        kind=row.kind,
        matchers=list(row.matchers),
        reason=row.reason,
        by=row.by,
        team=row.team or "",
        start=row.start,
        end=row.end,
        incident=row.until_resolved,
        active=row.start <= now < row.end,
    )


# --- integrations -----------------------------------------------------------------------------------------------------


@bp.get("/integrations")
@bp.input(shapes.IntegrationsQuery, location="query")
@bp.output(shapes.Integrations)
@bp.doc(responses={404: "That can be no service's name"})
def integrations(query_data: shapes.IntegrationsQuery) -> Any:
    """What may tell of trouble, without the keys"""
    service = asking.ref(query_data.service) if query_data.service else None
    with auth.services().database.read() as session:
        found = intakestore.keys(session, service)
    return shapes.Integrations(integrations=[_integration(one) for one in found])


@bp.post("/integrations")
@bp.input(shapes.IntegrationIn, arg_name="asked")
@bp.output(shapes.IntegrationMade, 201, description="Its key is shown this once")
@bp.doc(responses={**REFUSED, 404: "No such service"})
def make(asked: shapes.IntegrationIn) -> Any:
    """Make an integration of a service"""
    services, asks = auth.services(), auth.somebody()
    form = {**asked.settings, "name": asked.name}
    with services.database.write() as session:
        service = asking.service(session, asked.service).ref
        duty.allowed(services, session, asks, Action.INTEGRATE, service)
        made = integrating.make(session, asked.kind, form, service, asks.actor, asking.now())
    return _made(made), 201


def _made(made: integrating.Made) -> shapes.IntegrationMade:
    pastes = integrationforms.pastes(made.kind, made.secret, auth.services().config.address)
    told = [shapes.Paste(what=what, text=text) for what, text in pastes]
    return shapes.IntegrationMade(id=made.id, kind=made.kind, name=made.name, key=made.secret, pastes=told)


def _integration(key: intakestore.Key) -> shapes.Integration:
    told = integrationforms.form_of(key.kind, key.settings)
    about = (key.id, key.kind, key.name, key.service, key.hint, key.by, key.created_at, key.last_at, told)
    return shapes.Integration(**dict(zip(shapes.Integration.model_fields, about, strict=True)))


@bp.put("/integrations/<int:integration_id>")
@bp.input(shapes.IntegrationChange, arg_name="asked")
@bp.output(shapes.Integration)
@bp.doc(responses={**REFUSED, 404: "No such integration or service"})
def change(integration_id: int, asked: shapes.IntegrationChange) -> Any:
    """Tell an integration something else; its key stays"""
    services, asks = auth.services(), auth.somebody()
    with services.database.write() as session:
        key = _key(session, integration_id)
        service = key.service if asked.service is None else asking.service(session, asked.service).ref
        duty.allowed(services, session, asks, Action.INTEGRATE, service)
        form = {**integrationforms.form_of(key.kind, key.settings), **(asked.settings or {})}
        form["name"] = key.name if asked.name is None else asked.name
        integrating.change(session, key, form, service, asks.actor, asking.now())
        return _integration(_key(session, integration_id))


@bp.post("/integrations/<int:integration_id>/renew")
@bp.input(shapes.RenewIn, arg_name="asked")
@bp.output(shapes.IntegrationMade, description="Its new key is shown this once")
@bp.doc(responses={**REFUSED, 404: "No such integration"})
def renew(integration_id: int, asked: shapes.RenewIn) -> Any:
    """Give an integration a new key; the old one holds for a while"""
    try:
        lasts = duration(asked.lasts.strip())
    except (ValueError, OverflowError) as error:
        raise Error(Code.INVALID, "This key cannot be renewed", reasons=[str(error)]) from None
    with auth.services().database.write() as session:
        key = _key(session, integration_id)
        return _made(integrating.renew(session, key, lasts, auth.somebody().actor, asking.now()))


def _key(session: Any, number: int) -> intakestore.Key:
    """Return an integration that is the caller's to change."""
    key = intakestore.standing_key(session, number)
    if key is None:
        raise Error(Code.NOT_FOUND, f"There is no integration {number}.")
    duty.allowed(auth.services(), session, auth.somebody(), Action.INTEGRATE, key.service)
    return key


@bp.delete("/integrations/<int:integration_id>")
@bp.output(shapes.Integration, description="Its key is nobody's within seconds")
@bp.doc(responses=NOT_YOURS)
def end(integration_id: int) -> Any:
    """Take an integration away; what it has opened stays open"""
    services, asks = auth.services(), auth.somebody()
    with services.database.write() as session:
        key = _key(session, integration_id)
        integrating.end(session, key, asks.actor, asking.now())
    return _integration(key)
