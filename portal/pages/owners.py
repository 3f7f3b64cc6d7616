"""Who owns what, and how well: what nobody answers for, owners nobody knows, disbanded teams, teams of one."""

from flask import Blueprint, current_app, g, render_template, url_for

import catalog.query
from catalog import orphans
from catalog.orphans import Health
from pipelines import query
from portal import auth
from portal.bands import Band
from portal.pages import common
from portal.render import counted

bp = Blueprint("owners", __name__)

MOST = 100  # rows of one list
NAMED = 6  # entities named in one row


@bp.get("/catalog/owners")
def index() -> str:
    with auth.services().database.read() as session:
        topic = common.live(session)
        known = catalog.query.directory(session)
        found = orphans.health(catalog.query.claims(session), known)
        g.running = len(query.deploys(session, running=True, limit=100))
    return render_template(
        "owners.html",
        here="Catalog",
        topic=topic,
        band=band(found),
        found=found,
        address=address,
        most=MOST,
        named=NAMED,
    )


def address(ref: str) -> str:
    """Return the page of an entity; nothing where this portal has none."""
    if "catalog.entity" not in current_app.view_functions:
        return ""
    kind, _, rest = ref.partition(":")
    namespace, _, name = rest.partition("/")
    # What a catalog file names as an owner may hold anything, also what no address can.
    return url_for("catalog.entity", kind=kind, namespace=namespace, name=name) if name and "/" not in name else ""


def band(found: Health) -> Band:
    """Return the worst thing, or that all is well."""
    if not found.all:
        said = "Owners come with the first catalog-info.yaml that a repository brings."
        return Band("", "ring", "Nothing yet", "Nothing here needs an owner yet.", said)
    if found.orphans:
        one = len(found.orphans) == 1
        title = f"Nobody answers for {len(found.orphans)} of {counted(found.all, 'entity', 'entities')}."
        text = f"If {'it breaks' if one else 'one of them breaks'}, nobody is called, and only an admin may deploy it."
        return Band("bad", "gap", "Nobody", title, f"{text} {_weak(found)}".strip())
    title = f"Somebody answers for {'all ' if found.all > 1 else ''}{counted(found.all, 'entity', 'entities')}."
    if found.disbanded or found.unknown:
        return Band("warn", "warn", "Look", title, _weak(found))
    return Band("good", "ok", "Well", title, _weak(found) or "Each owner is a person, or a team of two or more.")


def _weak(found: Health) -> str:
    """Say what hangs on a thread, though somebody answers today."""
    gone = [team for team in found.disbanded if team.gone and team.people]
    said = []
    if gone:
        said.append(f"{counted(len(gone), 'team is', 'teams are')} gone and still named.")
    if found.alone:
        said.append(f"{counted(len(found.alone), 'team hangs', 'teams hang')} on one person.")
    return " ".join(said)
