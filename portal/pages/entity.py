"""The page of one entity: what it is, whose, who depends on it, what runs, what there is to read, and what is wrong.

A fixed number of statements, however large the catalog is; git is asked once for each revision.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from flask import Response, g, render_template, request, url_for
from sqlalchemy.orm import Session

from catalog import browsing, nearby, refs, whole
from catalog import graph as graphs_of
from catalog import query as catalog
from catalog.groups import Directory
from catalog.nearby import Around, Near
from catalog.ownership import OWNED
from catalog.query import EntityPage, Noted, Owner, Repository
from ledger.errors import Code, Error
from pipelines import query
from portal import auth, entitybands, graphs, papers, prose, render, revisions, scoring
from portal.entitybands import Behind, Rival
from portal.graphs import Node
from portal.pages import common
from portal.pages.catalog import bp as bp
from portal.pages.catalog import entity_url, file_page
from portal.pages.oncallcard import card as oncall_card
from portal.papers import Papers

LAST = 5  # deploys
LISTED = 60  # relations of a type that are shown
SAID_ABOVE = ("conflict", "removed")  # problems that the band tells in full
PEOPLE = ("group", "user", "location")  # kinds that have nothing to read of their own
RAW = 20_000  # characters of the document that stand on the page


@dataclass(frozen=True)
class Related:
    """The other end of a relation. `is_known` is False when nobody describes it."""

    ref: str
    title: str
    is_known: bool


@bp.get("/catalog/<kind>/<namespace>/<name>")
def entity(kind: str, namespace: str, name: str) -> str:
    services, times, ref = auth.services(), common.times(), _ref(kind, namespace, name)
    with services.database.read() as session:
        topic = common.live(session, service=ref)
        page = catalog.entity(session, ref)
        near = nearby.around(session, ref)
        repositories = {one.id: one for one in catalog.repositories(session)}
        owns = browsing.owned(session, page.known, ref) if page.about.kind in ("group", "user") else []
        behind = _behind(session, page, repositories)
        in_file = _in_file(catalog.noted(session, page.about.repository_id), page) if page.about.stale_since else ()
        summaries = query.summaries(session, [ref]) if page.about.kind == "component" else {}
        last = query.deploys(session, service=ref, limit=LAST) if page.about.kind == "component" else ()
        scored = scoring.scored(session, page, _mirrors(), times.now) if page.about.kind == "component" else None
        duty = oncall_card(session, ref, known=page.known) if page.about.kind in ("component", "group") else None
        common.know(session, [row.actor for row in last])
        g.running = len(query.deploys(session, running=True, limit=100))
    above, below = graphs_of.dependents(near.graph, ref), graphs_of.dependencies(near.graph, ref)
    owners = {one.ref: _owner(one, page.known) for one in near.known.values()}
    radius = graphs_of.radius(above, {one: owner.ref for one, owner in owners.items() if owner.people})
    until = page.about.removed_at + whole.GRACE if page.about.removed_at else None
    wrong = entitybands.states(page, until, times, behind)
    nodes = _nodes(near, owners, {ref, *(one.ref for one in above), *(one.ref for one in below)})
    upper, lower = (
        graphs.stops(above, nodes, near.graph, above=True),
        graphs.stops(below, nodes, near.graph, above=False),
    )
    return render_template(
        "entity.html",
        here="Catalog",
        topic=topic,
        page=page,
        duty=duty,
        about=page.about,
        band=wrong[0] if wrong else entitybands.calm(page, radius),
        notes=wrong[1:],
        felt=entitybands.felt(radius) if wrong or page.about.kind not in OWNED else "",
        picture=graphs.picture(nodes[ref], upper, lower) if upper or lower else "",
        above=upper,
        below=lower,
        circle=[near.known[one].name if one in near.known else one for one in graphs_of.circle(near.graph, ref)],
        related=_related(page),
        owns=[Related(one, title, is_known=True) for one, title in owns],
        owner_url=behind.owner_url,
        rivals=behind.rivals,
        said_at=_said_at(page, repositories),
        looked_at=_looked_at(repositories.get(page.about.repository_id)),
        links=_links(page.document["metadata"].get("links")),
        tags=[str(tag) for tag in page.document["metadata"].get("tags") or ()],
        papers=_papers(page),
        problems=[one for one in (*in_file, *page.problems) if one.problem.code not in SAID_ABOVE],
        summaries=sorted(summaries.items(), key=lambda one: (one[0][1] != "production", one[0])),
        last=last,
        scored=scored,
        definition=_definition(page.document["spec"]),
        raw=_yaml(page.document, RAW),
        listed=LISTED,
        most=graphs.LISTED,
    )


@bp.get("/catalog/<kind>/<namespace>/<name>/raw")
def raw(kind: str, namespace: str, name: str) -> Response:
    """The whole document as YAML, or with `as=json` as JSON."""
    with auth.services().database.read() as session:
        document = catalog.entity(session, _ref(kind, namespace, name)).document
    if request.args.get("as") == "json":
        return Response(json.dumps(document, indent=2, ensure_ascii=False) + "\n", mimetype="application/json")
    return Response(_yaml(document), mimetype="text/plain")


def _ref(kind: str, namespace: str, name: str) -> str:
    try:
        return str(refs.parse(f"{kind}:{namespace}/{name}"))
    except ValueError as error:
        raise Error(Code.NOT_FOUND, f"there is no such entity: {error}") from None


def _papers(page: EntityPage) -> Papers:
    if page.about.kind in PEOPLE:
        return Papers()
    return papers.papers(_mirrors(), page)


def _in_file(found: Sequence[Noted], page: EntityPage) -> Sequence[Noted]:
    """Return what is wrong with the file and names no entity: why what is shown is stale."""
    return [one for one in found if not one.problem.entity and one.problem.place.path == page.about.place.path]


# --- what lies behind its state -------------------------------------------------------------------------------------


def _behind(session: Session, page: EntityPage, repositories: Mapping[int, Repository]) -> Behind:
    """Look up what the band tells of the states that there are."""
    about, owner, mirrors = page.about, page.owner, _mirrors()
    is_known = owner.ref in page.known.groups or owner.ref in page.known.people
    gone = browsing.gone(session, owner.ref) if owner.ref in page.known.gone and not owner.people else None
    claims = [one for one in page.problems if one.problem.code == "conflict"]
    return Behind(
        rivals=[_rival(one, repositories[one.repository_id]) for one in claims if one.repository_id in repositories],
        broke=revisions.commit(mirrors, about.repository_id, about.stale_revision),
        gone=gone,
        left=revisions.commit(mirrors, gone.repository_id, gone.revision) if gone else None,
        owner_url=entity_url(owner.ref) if is_known else "",
    )


def _rival(one: Noted, there: Repository) -> Rival:
    place = one.problem.place
    url = file_page(there.url, there.default_branch or "main", place)
    url = url or url_for("settings.repository", repository_id=there.id)
    return Rival(place, there.name, url, one.first_seen, there.head, there.head_subject or "")


def _said_at(page: EntityPage, repositories: Mapping[int, Repository]) -> datetime | None:
    """Return when the commit was made that the page is as of."""
    about, there = page.about, repositories.get(page.about.repository_id)
    if there is not None and there.head == about.revision:
        return there.head_at
    made = revisions.commit(_mirrors(), about.repository_id, about.revision)
    return made.at if made else None


def _looked_at(there: Repository | None) -> datetime | None:
    """Return when somebody had its repository looked at since it was last taken in; polls leave no trace."""
    if there is None or there.looked_at is None or (there.synced_at and there.looked_at <= there.synced_at):
        return None
    return there.looked_at


def _mirrors() -> Path:
    return auth.services().config.mirrors


# --- who depends on whom --------------------------------------------------------------------------------------------


def _owner(one: Near, directory: Directory) -> Owner:
    return browsing.answering(directory, one.ref, one.owner_ref, one.owner_text, one.part_of)


def _nodes(near: Around, owners: Mapping[str, Owner], found: set[str]) -> Mapping[str, Node]:
    return {ref: _node(ref, near.known.get(ref), owners.get(ref)) for ref in found}


def _node(ref: str, known: Near | None, owner: Owner | None) -> Node:
    if known is None:
        return Node(ref, render.short_ref(ref), f"{_kind(ref)}, not in the catalog", "", is_known=False)
    said = known.type or _kind(ref)
    said += f" of {owner.title}" if owner and owner.title else ""
    marked = ", removed" if known.removed_at else ", stale" if known.stale_since else ""
    return Node(ref, known.name, f"{said}{marked}", entity_url(ref))


def _kind(ref: str) -> str:
    kind = ref.partition(":")[0]
    return "API" if kind == "api" else kind


def _related(page: EntityPage) -> Mapping[str, Sequence[Related]]:
    """Return the other ends of its relations by type, those that the catalog knows first."""
    told: dict[str, list[Related]] = {}
    for type_, target in page.relations:
        title = page.titles.get(target)
        told.setdefault(type_, []).append(Related(target, title or render.short_ref(target), title is not None))
    return {type_: sorted(ends, key=lambda end: (not end.is_known, end.title.lower())) for type_, ends in told.items()}


# --- what its file says ---------------------------------------------------------------------------------------------


def _links(said: Any) -> Sequence[tuple[str, str]]:
    """Return (address, title) of the links that may be followed."""
    found = []
    for link in said if isinstance(said, list) else ():
        address = prose.safe_link(str(link.get("url") or "")) if isinstance(link, Mapping) else None
        if address:
            found.append((address, str(link.get("title") or address)))
    return found


def _definition(spec: Mapping[str, Any]) -> str:
    said = spec.get("definition")
    return said[:RAW] if isinstance(said, str) else ""


def _yaml(document: Mapping[str, Any], most: int | None = None) -> str:
    """Write the document as YAML; what is too long for a page is left to its own address."""
    if most is not None and len(json.dumps(document, ensure_ascii=False)) > most:
        return ""
    first = ("apiVersion", "kind", "metadata", "spec", "relations", "status")
    ordered = {key: document[key] for key in (*first, *document) if key in document}
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(ordered, Dumper=dumper, sort_keys=False, allow_unicode=True, width=110))
