"""The list of services, and the page of one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, g, render_template, request, url_for
from werkzeug.wrappers import Response

from catalog import browsing
from catalog import query as catalog
from catalog.brief import Brief, listed
from catalog.query import Service
from ledger.errors import Code, Error
from pipelines import query, store, warmth
from pipelines.query import Summary
from portal import auth, bands, coursetelling, coursing, ground, lockbands, overviews, ranwith, whose
from portal.ground import Ground
from portal.pages import common
from portal.pages.continuous import look as look_at_continuous
from portal.pages.delivery import card as delivery_card
from portal.pages.locks import card as lock_card
from portal.pages.oncallcard import card as oncall_card
from portal.permissions import Action

bp = Blueprint("services", __name__)

PRODUCTION = "production"
PAGE = 60  # services
LAST = 8  # deploys shown on a service's page

Summaries = Mapping[tuple[str, str], Summary]


@dataclass(frozen=True)
class Listed:
    """One service in the list: its main environment in full, the others by name and state."""

    service: Service
    environment: str
    summary: Summary
    state: bands.Shown
    others: tuple[tuple[str, Summary, bands.Shown], ...]
    goes_out: bool  # from here, or did once


@bp.get("/services")
def index() -> str:
    """All services, a page at a time; `q` looks into names, owners and descriptions, `after` pages on."""
    looked_for, after = request.args.get("q", "").strip()[:100], request.args.get("after", "")[:200]
    with auth.services().database.read() as session:
        topic = common.live(session)
        directory = catalog.directory(session)
        everything = listed(session, directory)
        look = browsing.needing_a_look(session, everything)
        found = [service for service in everything if _fits(service, looked_for)]
        rest = sorted((one for one in found if _order(one) > _after(after)), key=_order)
        shown = [service.ref for service in rest[:PAGE]]
        known = query.summaries(session, shown)
        services = catalog.services_of(session, shown, directory)
        stuck = query.stuck(session)
        going = query.deploys(session, running=True, limit=100)
    g.running = len(going)
    return render_template(
        "services.html",
        here="Services",
        topic=topic,
        band=overviews.services(deployed_from_here(everything), len(everything), stuck, going, look, looks()),
        rows=_listed([services[ref] for ref in shown], known),
        more=_mark(rest[PAGE - 1]) if len(rest) > PAGE else "",
        after=after,
        found=len(found),
        everything=len(everything),
        looked_for=looked_for,
        is_admin=auth.somebody().is_admin,
    )


def deployed_from_here(found: Iterable[Brief]) -> int:
    """Count those whose file says how they are deployed."""
    return sum(1 for service in found if service.deploys)


def looks() -> bands.Links:
    """Return where to see the services that need a look."""
    return (("See which", url_for("catalog.index", kind="component", label="look")),)


def _order(service: Brief) -> tuple[bool, str, str]:
    """Sort what goes out from here before what is only described."""
    return not service.deploys, service.name, service.ref


def _mark(service: Brief) -> str:
    """Return where a page ends. No name begins with a tilde."""
    return f"{'' if service.deploys else '~'}{service.name}"


def _after(mark: str) -> tuple[bool, str, str]:
    name = mark.removeprefix("~")
    return mark != name, name, "~" if name else ""


def _fits(service: Brief, looked_for: str) -> bool:
    said = f"{service.name} {service.title} {service.owner.title} {service.description}".lower()
    return all(word in said for word in looked_for.lower().split())


def _listed(found: Sequence[Service], known: Summaries) -> list[Listed]:
    by_service: dict[str, list[tuple[str, Summary]]] = {}
    for (ref, environment), summary in known.items():
        by_service.setdefault(ref, []).append((environment, summary))
    rows = []
    for service in found:
        goes_out = service.deploy is not None or service.ref in by_service
        places = by_service.get(service.ref) or [(_first(whose.environments(service)), Summary())]
        told = [
            (environment, summary, bands.service_state(summary))
            for environment, summary in sorted(places, key=lambda place: (place[0] != PRODUCTION, place[0]))
        ]
        if not goes_out:
            told = [(PRODUCTION, Summary(), bands.Shown("skipped", "Not deployed from here"))]
        rows.append(Listed(service, *told[0], others=tuple(told[1:]), goes_out=goes_out))
    return rows


def _first(environments: Sequence[str]) -> str:
    return PRODUCTION if PRODUCTION in environments or not environments else environments[0]


@bp.get("/services/<name>")
@bp.get("/services/<name>/<environment>")
def show(name: str, environment: str | None = None) -> str:
    services, times, ref = auth.services(), common.times(), common.ref_of(name)
    with services.database.read() as session:
        topic = common.live(session, service=ref)
        known = catalog.service(session, ref)
        by_place = query.summaries(session, [ref])
        environments = _environments(known, by_place)
        here = environment or _first(environments)
        if environment is not None and environment not in environments:
            raise Error(
                Code.NOT_FOUND, f"{known.name} has no environment {environment}; it has {', '.join(environments)}."
            )
        summary = by_place.get((ref, here), Summary())
        waiting = query.waiting_change(session, ref, here) if summary.waiting else None
        last = query.deploys(session, service=ref, environment=here, limit=LAST)
        back = query.way_back(session, ref, here, limit=3)
        lane = query.lane_order(session, ref, here)
        course = coursing.under_way(session, ref, here, times.now)
        name_of_lane = store.lane(ref, here)
        hold = services.jobs.held(session, [name_of_lane]).get(name_of_lane)
        settings = query.settings(session, ref, here)
        owned = whose.owned(known)
        problems = whose.problems(session, known)
        locked = lock_card(session, known, here)
        delivered = delivery_card(session, ref, here)
        warm = warmth.until(session, ref, here)
        automatic = look_at_continuous(session, known, here)
        duty = oncall_card(session, ref, known)
        common.know(session, [*(row.actor for row in [*last, *lane]), *([hold.by] if hold else [])])
        g.running = len(query.deploys(session, running=True, limit=100))
    there = ground.look(services, ref, here, settings) if settings else Ground()
    serving = summary.live.release if summary.live else None
    up, of = (there.up(serving), len(there.of(serving))) if there.instances else (None, None)
    band = bands.service(known.name, here, summary, up, of, times)
    if known.deploy is None and not by_place:
        band = bands.not_deployable(known.name)
    locks = [one.lock for one in locked["locks"]] if known.deploy is not None else []
    return render_template(
        "service.html",
        here="Services",
        topic=topic,
        service=known,
        environment=here,
        environments=environments,
        band=lockbands.band(band, locks, _said, times),
        locked=lockbands.refusal(locks, _said, times),
        summary=summary,
        change=waiting,
        last=last,
        lane=lane,
        course=course,
        course_said=coursetelling.summary(course) if course else "",
        hold=hold,
        back=back[0] if back else None,
        others=back[1:],
        there=there,
        secrets=ranwith.secrets(settings),
        owned=owned,
        problems=problems,
        continuous=automatic,
        delivery=delivered,
        duty=duty,
        warm_until=warm if warm is not None and warm > times.now else None,
        **locked,
        refused=common.refusal(Action.DEPLOY, owned),
        refused_back=common.refusal(Action.ROLL_BACK, owned),
    )


def _said(who: str) -> str:
    return common.face(who).said


def _environments(known: Service, by_place: Summaries) -> tuple[str, ...]:
    found = {*whose.environments(known), *(environment for _, environment in by_place)}
    return tuple(sorted(found, key=lambda one: (one != PRODUCTION, one)))


@bp.post("/services/<name>/<environment>/let-go")
def let_go(name: str, environment: str) -> Response:
    """Let a held lane go on."""
    services, ref = auth.services(), common.ref_of(name)
    with services.database.read() as session:
        owned = whose.owned_by_ref(session, ref)
    common.require(Action.RELEASE, owned)
    try:
        services.actions.let_go(ref, environment, auth.somebody().actor, services.clock())
    except Error as error:
        common.say(error)
    return common.back_to("services.show", name=name, environment=environment)
