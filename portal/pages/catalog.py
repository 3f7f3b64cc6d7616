"""Everything that the catalog knows: the list of all entities, and every problem."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, current_app, g, render_template, request, url_for

from catalog import browsing, forges
from catalog import query as catalog
from catalog.browsing import Asked, Found
from catalog.groups import Directory
from catalog.ownership import OWNED
from catalog.places import Place
from catalog.query import Noted, Repository
from pipelines import query
from portal import auth, entitybands
from portal.bands import Band
from portal.pages import common
from portal.render import counted, number, sentence, short_ref

bp = Blueprint("catalog", __name__)

PAGE = 50  # rows
CHIPS = 10  # values of a filter that are shown
ROOMS = (
    ("Services", "services.index"),
    ("All entities", "catalog.index"),
    ("Problems", "catalog.problems"),
    ("Owners", "owners.index"),
    ("Scorecards", "scorecards.index"),
    ("Repositories", "settings.repositories"),
)
LABELS = {
    "look": "Any but problems",
    "stale": "Stale",
    "removed": "Removed",
    "conflict": "Conflict",
    "problems": "With problems",
    "unowned": "Nobody answers",
}
WRONG = {
    "stale": "stale",
    "removed": "removed",
    "conflict": "claimed by two files",
    "unowned": "that nobody answers for",
}
SEVERITIES = {"error": "Errors", "warning": "Warnings"}


@bp.app_context_processor
def _everywhere() -> dict[str, Any]:
    return {
        "catalog_rooms": _rooms,
        "entity_url": entity_url,
        "kind_name": entitybands.kind,
        "file_page": file_page,
        "rivals": rivals,
    }


def _rooms() -> list[tuple[str, str, bool]]:
    """Return the rooms of the catalog that there are: name, address, whether the reader is in it."""
    here = (request.endpoint or "").partition(".")[0]
    told = []
    for name, endpoint in ROOMS:
        if endpoint in current_app.view_functions:
            inside = here == endpoint.partition(".")[0] if here != "catalog" else request.endpoint == endpoint
            inside = inside or (request.endpoint == "catalog.entity" and endpoint == "catalog.index")
            told.append((name, url_for(endpoint), inside))
    return told


def entity_url(ref: str) -> str:
    """Return the page of an entity by its canonical reference."""
    kind, _, rest = ref.partition(":")
    namespace, _, name = rest.partition("/")
    return url_for("catalog.entity", kind=kind, namespace=namespace, name=name)


def file_page(repository: str, branch: str, place: Place) -> str:
    """Return where a line of a file can be read at its forge, empty where that is not known."""
    url = forges.file_url(repository, branch, place.path)
    return f"{url}#L{place.line}" if url else ""


def rivals(ref: str) -> Sequence[tuple[Place, str]]:
    """Return where else that name is claimed, with the repository."""
    with auth.services().database.read() as session:
        return catalog.rivals(session, ref)


# --- all entities ---------------------------------------------------------------------------------------------------


@bp.get("/catalog")
def index() -> str:
    """All entities, a page at a time; `q` looks into names, titles, descriptions, tags and owners."""
    asked = Asked(
        words=request.args.get("q", "").strip()[:100],
        **{name: request.args.get(name, "")[:300] for name in browsing.FACETS},
    )
    after = request.args.get("after", "")[:200].replace("\0", "")
    asked = Asked(**{name: said.replace("\0", "") for name, said in vars(asked).items()})
    with auth.services().database.read() as session:
        topic = common.live(session)
        known = catalog.directory(session)
        found = browsing.find(session, asked, known, after, PAGE)
        g.running = len(query.deploys(session, running=True, limit=100))
    return render_template(
        "catalog.html",
        here="Catalog",
        topic=topic,
        band=_band(found) if asked == Asked() else _fitting(found),
        found=found,
        asked=asked,
        facets=_facets(asked, found, known),
        address=lambda **more: _address(asked, **more),
        is_filtered=asked != Asked(),
        after=after,
        owned=OWNED,
        is_admin=auth.somebody().is_admin,
    )


def _band(found: Found) -> Band:
    if not found.everything:
        return Band("", "ring", "Nothing here yet", "The catalog is empty.")
    title = f"The catalog knows {counted(found.everything, 'entity', 'entities')}."
    labels = found.facets["label"]
    wrong = [f"{number(labels[label])} {word}" for label, word in WRONG.items() if labels.get(label)]
    if wrong:
        return Band("warn", "warn", "Some need a look", title, sentence(", ".join(wrong)))
    kinds = [counted(count, _lower(kind)) for kind, count in found.facets["kind"].items()]
    return Band("good", "ok", "In order", title, sentence(", ".join(kinds[:5])))


def _fitting(found: Found) -> Band:
    verb = "fits" if found.count == 1 else "fit"
    title = f"{number(found.count)} of {counted(found.everything, 'entity', 'entities')} {verb}."
    return Band("", "find", "Found" if found.count else "Nothing found", title)


def _lower(kind: str) -> str:
    said = entitybands.kind(kind)
    return said if said[:2].isupper() else said.lower()


def _facets(asked: Asked, found: Found, known: Directory) -> list[tuple[str, list[tuple[str, int, str, bool]], int]]:
    """Return each filter with its values: what is shown, how many, where the link leads, whether it is chosen."""
    titles = ("Kind", "Type", "Lifecycle", "Owner", "Needs a look")
    told = []
    for title, name in zip(titles, browsing.FACETS, strict=True):
        chosen, counts = getattr(asked, name), dict(found.facets[name])
        if chosen:
            counts = {chosen: counts.pop(chosen, 0), **counts}
        values = [
            (
                _value(name, value, known),
                count,
                _address(asked, **{name: "" if value == chosen else value}),
                value == chosen,
            )
            for value, count in list(counts.items())[:CHIPS]
        ]
        if len(counts) > 1 or chosen or (counts and name == "label"):
            told.append((title, values, max(len(counts) - CHIPS, 0)))
    return told


def _value(name: str, value: str, known: Directory) -> str:
    if name == "owner":
        person = known.people.get(value)
        return person.name if person else known.groups.get(value) or short_ref(value)
    return {"kind": entitybands.kind(value), "label": LABELS.get(value, value)}.get(name, value)


def _address(asked: Asked, **more: str) -> str:
    """Return the address of the list with other filters; `after` pages on."""
    after = more.pop("after", "")
    said = vars(replace(asked, **more))
    return url_for(
        "catalog.index", q=said.pop("words") or None, **{k: v or None for k, v in said.items()}, after=after or None
    )


# --- problems -------------------------------------------------------------------------------------------------------


@bp.get("/catalog/problems")
def problems() -> str:
    """Every problem, errors first; `repository` is an id, `severity` and `code` are as the API says them."""
    chosen = {name: request.args.get(name, "")[:80] for name in ("repository", "severity", "code")}
    said = request.args.get("page", "")
    page = max(int(said), 1) if said.isdigit() and len(said) < 6 else 1
    with auth.services().database.read() as session:
        topic = common.live(session)
        known = {one.id: one for one in catalog.repositories(session)}
        everything = catalog.noted(session)
        found = sorted((one for one in everything if _fits(one, chosen)), key=lambda one: _order(one, known))
        rows = found[(page - 1) * PAGE : page * PAGE]
        described = catalog.titles(session, [one.problem.entity for one in rows if one.problem.entity])
        g.running = len(query.deploys(session, running=True, limit=100))
    return render_template(
        "catalogproblems.html",
        here="Catalog",
        topic=topic,
        band=_problems_band(everything, known),
        rows=rows,
        described=described,
        found=len(found),
        everything=len(everything),
        page=page,
        more=len(found) > page * PAGE,
        chosen=chosen,
        facets=_problem_facets(everything, chosen, known),
        repositories=known,
        address=lambda **more: _problems_address(chosen, **more),
    )


def _said(one: Noted, name: str) -> str:
    return str(one.repository_id) if name == "repository" else str(getattr(one.problem, name))


def _fits(one: Noted, chosen: Mapping[str, str], but: str = "") -> bool:
    return all(not wanted or name == but or _said(one, name) == wanted for name, wanted in chosen.items())


def _order(one: Noted, known: Mapping[int, Repository]) -> tuple[Any, ...]:
    repository = known.get(one.repository_id)
    return one.problem.severity != "error", repository.name if repository else "", one.repository_id, one.problem.place


def _problem_facets(
    everything: Sequence[Noted], chosen: Mapping[str, str], known: Mapping[int, Repository]
) -> list[tuple[str, list[tuple[str, int, str, bool]], int]]:
    told = []
    for title, name in (("Severity", "severity"), ("Repository", "repository"), ("What", "code")):
        counts = Counter(_said(one, name) for one in everything if _fits(one, chosen, but=name))
        wanted = chosen[name]
        ordered = ([wanted] if wanted else []) + [value for value, _ in counts.most_common() if value != wanted]
        names = {str(one.id): one.name for one in known.values()} if name == "repository" else SEVERITIES
        values = [
            (
                names.get(value, value),
                counts[value],
                _problems_address(chosen, **{name: "" if value == wanted else value}),
                value == wanted,
            )
            for value in ordered[:CHIPS]
        ]
        if values:
            told.append((title, values, max(len(ordered) - CHIPS, 0)))
    return told


def _problems_address(chosen: Mapping[str, str], **more: Any) -> str:
    return url_for("catalog.problems", **{name: value or None for name, value in {**chosen, **more}.items()})


def _problems_band(everything: Sequence[Noted], known: Mapping[int, Repository]) -> Band:
    if not known:
        return Band("", "ring", "Nothing here yet", "No repository is read yet, so nothing can be wrong.")
    errors = sum(1 for one in everything if one.problem.severity == "error")
    where = {one.repository_id for one in everything if not errors or one.problem.severity == "error"}
    places = counted(len(where), "repository", "repositories")
    if not everything:
        read = counted(len(known), "repository is", "repositories are")
        return Band("good", "ok", "Nothing is wrong", f"All catalog files of {read.rpartition(' ')[0]} can be read.")
    text = "What was good before stays in use until its file is mended."
    if errors:
        title = f"{counted(errors, 'error')} in the catalog files of {places}."
        return Band("bad", "stop", f"{counted(len(everything), 'problem')}", title, text)
    title = f"{counted(len(everything), 'warning')} in the catalog files of {places}."
    return Band("warn", "warn", "Warnings only", title)
