"""What is asked about entities: where one comes from, that it be read again, whether one is right, what is there.

Also the removal of an entity, which lives in git: it is refused with the place where it can be removed.
"""

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response

import catalog.query
from catalog import finding
from catalog.finding import Found
from catalog.places import Problem
from catalog.query import Repository
from catalog.validate import FILE, validate
from ledger.errors import Code, Error
from portal import auth, wiring
from portal.backstage import answers, asking, places
from portal.backstage.asking import Body
from portal.backstage.locations import allowed
from portal.blocks import BLOCKS

bp = Blueprint("checking", __name__)

LARGEST_ENTITY = 256 * 1024  # bytes; reading YAML takes its time


@bp.get("/entities/by-name/<kind>/<namespace>/<name>/ancestry")
def ancestry(kind: str, namespace: str, name: str) -> Response:
    """An entity and the location that it comes from."""
    asking.known()
    found = _entity(f"{kind}:{namespace}/{name}".lower())
    above = places.location(_home(found))
    item = f'{{"entity":{found.document},"parentEntityRefs":["{above.entity_ref}"]}}'
    root = {"entity": places.entity(above), "parentEntityRefs": []}
    items = answers.array([item, json.dumps(root, ensure_ascii=False)])
    return answers.text(f'{{"rootEntityRef":{json.dumps(found.ref)},"items":{items}}}')


@bp.delete("/entities/by-uid/<uid>")
def remove(uid: str) -> Response:
    """An entity that is not there is removed; one that is there is described in a file."""
    asking.known()
    allowed()
    with auth.services().database.read() as session:
        found = finding.by_uid(session, uid)
    if found is None:
        return Response(status=204)
    if found.removed:
        said = "is described by no file any more and is forgotten when its time of grace is over"
    else:
        said = f"is described in {_home(found).url} ({found.path}); remove it there, and it leaves the catalog"
    raise Error(Code.CONFLICT, f"{found.ref} {said}")


@bp.post("/refresh")
def refresh() -> Response:
    """Have the repository of an entity read again soon."""
    asking.known()
    found = _entity(asking.body().needed("entityRef").lower())
    wiring.read_again(auth.services(), found.repository_id)
    return Response(status=200)


def _entity(ref: str) -> Found:
    with auth.services().database.read() as session:
        found = finding.one(session, ref)
    if found is None:
        raise Error(Code.NOT_FOUND, f"No such entity {ref}")
    return found


def _home(found: Found) -> Repository:
    with auth.services().database.read() as session:
        return next(one for one in catalog.query.repositories(session) if one.id == found.repository_id)


@bp.post("/validate-entity")
def check() -> Response:
    """Say whether an entity would be taken, and all that is wrong with it where it would not."""
    asking.known()
    try:
        body = asking.body()
        body.only(("entity", "location", "authorizationToken"))
        if not body.needed("location").startswith("url:"):
            asking.wrong("Invalid location ref, only 'url:<target>' is supported, e.g. url:https://host/path")
        problems = [_told(one) for one in _problems(body.said.get("entity"))]
    except Error as error:
        problems = [{"name": "InputError", "message": error.message}]
    return answers.as_json({"errors": problems}, 400) if problems else Response(status=200)


def _problems(entity: Any) -> list[Problem]:
    if not isinstance(entity, dict):
        asking.wrong("request/body/entity must be an object")
    text = json.dumps(entity).encode()
    if len(text) > LARGEST_ENTITY:
        asking.wrong(f"An entity larger than {LARGEST_ENTITY // 1024} KiB is not checked here")
    return [one for one in validate({FILE: text}, BLOCKS).problems if one.severity == "error"]


def _told(problem: Problem) -> Mapping[str, str]:
    return {"name": "InputError", "message": problem.message + (f"; {problem.hint}" if problem.hint else "")}


@bp.post("/analyze-location")
def analyze() -> Response:
    """Say which catalog files of a repository are read, or what its first one could look like. Nothing is fetched."""
    asking.known()
    asked = asking.body().within("location") or Body({})
    asked.needed("type")
    target = asked.needed("target").strip()
    if len(target) > 2000 or not target.isprintable() or not ("://" in target or "@" in target or target[:1] == "/"):
        asking.wrong("The given location.target is not a URL")
    with auth.services().database.read() as session:
        known = places.holder(catalog.query.repositories(session), target)
        found = finding.in_repository(session, known.id) if known else []
    if not found:
        draft = {"entity": places.draft(target), "fields": []}
        return answers.as_json({"existingEntityFiles": [], "generateEntities": [draft]})
    files = answers.array(_file(one) for one in found)
    return answers.text(f'{{"existingEntityFiles":{files},"generateEntities":[]}}')


def _file(one: Found) -> str:
    where = json.loads(one.document)["metadata"].get("annotations", {}).get("backstage.io/managed-by-location", "url:")
    type_, _, target = where.partition(":")
    place = json.dumps({"type": type_, "target": target}, ensure_ascii=False)
    return f'{{"location":{place},"isRegistered":true,"entity":{one.document}}}'
