"""Locations: which repositories are read, taking one in, and letting one go. Adding and removing is for admins."""

from collections.abc import Sequence
from pathlib import Path

from flask import Blueprint, Response, abort, request

import catalog.actions
import catalog.query
from catalog import address, cursors, filters, finding, forges
from catalog.query import Repository
from ledger.errors import Code, Error
from portal import auth, wiring
from portal.backstage import answers, asking, places
from portal.backstage.asking import Body
from portal.backstage.places import Location
from portal.permissions import Action, Refused, may

bp = Blueprint("locations", __name__)

DEFAULT_LIMIT = 1000
TYPES = ("url", "file")
CONFLICTS = ("reject", "refresh")


@bp.get("/locations")
def every() -> Response:
    asking.known()
    return answers.as_json([{"data": one.told} for one in _all()])


@bp.post("/locations/by-query")
def by_query() -> Response:
    """Locations by a predicate over id, type, target and entityRef, in the order of their ids."""
    asking.known()
    body = asking.body()
    if "cursor" in body.said:
        body = Body(cursors.unpacked(body.text("cursor") or asking.wrong("Cursor cannot be empty")))
    limit, after, predicate = body.number("limit", 1) or DEFAULT_LIMIT, body.text("afterId"), body.predicate()
    where = filters.tree(predicate if predicate is not None else {})
    fitting = [one for one in _all() if filters.fits(where, {key.lower(): said for key, said in one.told.items()})]
    rest = [one for one in sorted(fitting, key=lambda one: one.id) if after is None or one.id > after]
    info = {}
    if len(rest) > limit:
        asked = {} if predicate is None else {"query": predicate}
        info["nextCursor"] = cursors.packed({"limit": limit, "afterId": rest[limit - 1].id, **asked})
    items = [one.told for one in rest[:limit]]
    return answers.as_json({"items": items, "totalItems": len(fitting), "pageInfo": info})


@bp.post("/locations")
def add() -> Response:
    """Take a repository in, or the repository of a file; it is read within moments.

    One that is known is a conflict, unless `onConflict=refresh` asks for it to be read again.
    """
    asking.known("dryRun", "onConflict")
    actor = allowed()
    target = _target(asking.body())
    conflict = request.args.get("onConflict", "reject")
    if conflict not in CONFLICTS:
        asking.wrong("request/query/onConflict must be equal to one of the allowed values: reject, refresh")
    known = places.holder(_repositories(), target)
    if asking.flag("dryRun"):
        return _tried(known, target)
    if known and places.reads(known, target) and conflict == "reject":
        raise Error(Code.CONFLICT, f"Location {places.type_of(target)}:{target} already exists")
    made = auth.services().register(target, actor)
    found = next((one for one in _all() if one.repository_id == made), None)
    if found is None:
        raise Error(Code.UNAVAILABLE, "The repository was let go just now; try again.")
    return answers.as_json({"location": found.told, "entities": []}, 201)


def _target(body: Body) -> str:
    body.only(("type", "target", "presence"))
    type_, target = body.needed("type"), body.needed("target").strip()
    if type_ not in TYPES:
        asking.wrong('Registered locations must be of an allowed type ["url","file"]')
    if len(target) > 2000 or not target.isprintable():
        asking.wrong("request/body/target must be an address")
    return target


def _tried(known: Repository | None, target: str) -> Response:
    """Say what adding would come to, as far as it can be said without fetching anything."""
    if known:
        with auth.services().database.read() as session:
            documents = [one.document for one in finding.in_repository(session, known.id)]
        made = places.location(known)
    else:
        roots = (Path("/"),) if auth.services().config.allow_local_repositories else ()
        url = address.checked(forges.split(target).repository, roots)
        documents, made = [], Location(f"{places.type_of(url)}:{url}", places.type_of(url), url, 0)
    exists = "true" if known and places.reads(known, target) else "false"
    told = answers.as_json(made.told).get_data(as_text=True)
    return answers.text(f'{{"location":{told},"entities":{answers.array(documents)},"exists":{exists}}}', 201)


@bp.get("/locations/<id_>")
def one(id_: str) -> Response:
    asking.known()
    return answers.as_json(_location(id_).told)


@bp.put("/locations/<id_>")
def change(id_: str) -> Response:
    """Have a location read again; another address is another repository."""
    asking.known()
    allowed()
    target, found = _target(asking.body()), _location(id_)
    if not forges.same(forges.split(target).repository, found.target):
        abort(501, "A location keeps its address; add the new address, then remove this location.")
    wiring.read_again(auth.services(), found.repository_id)
    return answers.as_json(found.told)


@bp.delete("/locations/<id_>")
def remove(id_: str) -> Response:
    """Let a repository go, and what it describes with it."""
    asking.known()
    actor, found, services = allowed(), _location(id_), auth.services()
    catalog.actions.unregister(services.database, found.repository_id, actor, services.clock(), wiring.InUse())
    return Response(status=204)


@bp.get("/locations/by-entity/<kind>/<namespace>/<name>")
def by_entity(kind: str, namespace: str, name: str) -> Response:
    asking.known()
    ref = f"{kind}:{namespace}/{name}".lower()
    with auth.services().database.read() as session:
        found = finding.one(session, ref)
    if found is None:
        raise Error(Code.NOT_FOUND, f"found no entity for ref {ref}")
    return answers.as_json(next(one.told for one in _all() if one.repository_id == found.repository_id))


def _repositories() -> Sequence[Repository]:
    with auth.services().database.read() as session:
        return catalog.query.repositories(session)


def _all() -> list[Location]:
    return [places.location(one) for one in _repositories()]


def _location(id_: str) -> Location:
    found = next((one for one in _all() if one.id == id_), None)
    if found is None:
        raise Error(Code.NOT_FOUND, f"Found no location with ID {id_}")
    return found


def allowed() -> str:
    """Return the actor's name for the facts. Raises Error(FORBIDDEN) for who may not change what is read."""
    person = auth.somebody()
    answer = may(person, Action.REGISTER)
    if isinstance(answer, Refused):
        raise Error(Code.FORBIDDEN, answer.reason)
    return person.actor
