"""Entities: lists, pages by query, single ones, and what values there are."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from catalog import cursors, filters, finding
from catalog.cursors import Cursor, Position, Question
from catalog.filters import Predicate
from catalog.finding import Page
from ledger.errors import Code, Error
from portal import auth
from portal.backstage import answers, asking
from portal.backstage.asking import Body

bp = Blueprint("entities", __name__)

DEFAULT_LIMIT = 200
BATCH = 10_000  # documents that are held at once
MOST_REFS = 10_000
MOST_FACETS = 100
PAGED = ("limit", "offset", "after")


@bp.get("/entities")
def every() -> Response:
    """An array of what fits: all of it, or a page where one is asked for."""
    asking.known("fields", "filter", "order", *PAGED)
    fields, orders = asking.listed("fields"), asking.orders()
    limit, offset, after = asking.number("limit", 1), asking.number("offset"), request.args.get("after")
    if any(name in request.args for name in PAGED):
        asked = replace(cursors.question(asking.predicate(), orders), by_ref=True)
        return _paged(asked, fields, limit, offset, after)
    return _all(cursors.question(asking.predicate(), orders), fields)


def _paged(
    asked: Question, fields: Sequence[str], limit: int | None, offset: int | None, after: str | None
) -> Response:
    if after is not None:
        limit, offset = _after(after, limit, offset)
    wanted = min(limit or BATCH, BATCH)
    with auth.services().database.read() as session:
        page = finding.page(session, asked, wanted, offset=offset or 0)
    answer = answers.text(answers.array(answers.chosen(page.documents, fields)))
    if page.more:
        cursor = cursors.packed({"limit": wanted, "offset": (offset or 0) + wanted})
        kept = [(name, value) for name, value in request.args.items(multi=True) if name not in ("offset", "after")]
        answer.headers["Link"] = f'</entities?{urlencode([*kept, ("after", cursor)])}>; rel="next"'
    return answer


def _after(after: str, limit: int | None, offset: int | None) -> tuple[int | None, int | None]:
    said = Body(cursors.unpacked(after))
    told = (said.number("limit", 1), said.number("offset"))
    return (limit if told[0] is None else told[0], offset if told[1] is None else told[1])


def _all(asked: Question, fields: Sequence[str]) -> Response:
    """Answer with everything; what is more than a batch goes out a batch at a time."""
    page = _batch(asked, None)
    first = answers.array(answers.chosen(page.documents, fields))
    if not page.more:
        return answers.text(first)
    database = auth.services().database

    def rest(page: Page) -> Iterator[bytes]:
        yield first[:-1].encode()
        while page.more:
            with database.read() as session:
                page = finding.page(session, asked, BATCH, position=page.last)
            if page.documents:
                yield f",{answers.array(answers.chosen(page.documents, fields))[1:-1]}".encode()
        yield b"]"

    return Response(rest(page), content_type=answers.JSON)


def _batch(asked: Question, position: Position | None) -> Page:
    with auth.services().database.read() as session:
        return finding.page(session, asked, BATCH, position=position)


@bp.get("/entities/by-query")
def by_query() -> Response:
    """A page, its total, and cursors to the pages beside it."""
    asking.known(
        *("fields", "limit", "offset", "orderField", "cursor", "filter", "totalItems"),
        *("fullTextFilterTerm", "fullTextFilterFields"),
    )
    fields, limit, cursor = asking.listed("fields"), asking.number("limit"), request.args.get("cursor")
    if cursor:
        return _continued(cursor, limit, fields)
    text = request.args.get("fullTextFilterTerm", ""), asking.listed("fullTextFilterFields")
    asked = cursors.question(asking.predicate(), asking.order_fields(), *text)
    counted = asking.counted(request.args.get("totalItems"))
    return _begun(asked, limit, asking.number("offset"), counted, fields)


@bp.post("/entities/by-query")
def by_predicate() -> Response:
    """The same, asked by a predicate."""
    asking.known()
    body = asking.body()
    fields, limit = _fields(body), body.number("limit")
    if "cursor" in body.said:
        return _continued(body.text("cursor") or asking.wrong("Cursor cannot be empty"), limit, fields)
    text = body.within("fullTextFilter") or Body({})
    asked = cursors.question(body.predicate(), body.orders(), text.text("term") or "", text.texts("fields") or ())
    return _begun(asked, limit, body.number("offset"), asking.counted(body.said.get("totalItems")), fields)


def _fields(body: Body) -> list[str]:
    return [field.strip() for field in body.texts("fields") or () if field.strip()]


def _begun(asked: Question, limit: int | None, offset: int | None, counted: bool, fields: Sequence[str]) -> Response:
    limit = min(DEFAULT_LIMIT if limit is None else limit, BATCH)
    with auth.services().database.read() as session:
        total = finding.total(session, asked) if counted else 0
        page = finding.page(session, asked, limit, offset=offset or 0)
    return _query_page(asked, page, total, fields, following=page.more, first=page.first, before=None)


def _continued(text: str, limit: int | None, fields: Sequence[str]) -> Response:
    """The page after a cursor, or the one before it."""
    cursor = cursors.decode(text)
    asked, limit = cursor.question, min(DEFAULT_LIMIT if limit is None else limit, BATCH)
    with auth.services().database.read() as session:
        page = finding.page(session, asked, limit, position=cursor.position, backwards=cursor.backwards)
    following = page.more or (cursor.backwards and limit > 0)
    before = page.first if page.first != cursor.first else None
    return _query_page(asked, page, cursor.total, fields, following=following, first=cursor.first, before=before)


def _query_page(
    asked: Question,
    page: Page,
    total: int,
    fields: Sequence[str],
    *,
    following: bool,
    first: Position | None,
    before: Position | None,
) -> Response:
    info = {}
    if following and page.last and first:
        info["nextCursor"] = cursors.encode(Cursor(asked, page.last, first, total))
    if before and first:
        info["prevCursor"] = cursors.encode(Cursor(asked, before, first, total, backwards=True))
    items = answers.array(answers.chosen(page.documents, fields))
    pages = ",".join(f'"{name}":"{cursor}"' for name, cursor in info.items())  # base64 needs no quoting
    return answers.text(f'{{"items":{items},"totalItems":{total},"pageInfo":{{{pages}}}}}')


@bp.get("/entities/by-name/<kind>/<namespace>/<name>")
def by_name(kind: str, namespace: str, name: str) -> Response:
    """One entity; the case of its name does not matter."""
    asking.known()
    with auth.services().database.read() as session:
        found = finding.one(session, f"{kind}:{namespace}/{name}".lower())
    if found is None:
        said = f"No entity named '{name}' found, with kind '{kind}' in namespace '{namespace}'"
        raise Error(Code.NOT_FOUND, said)
    return answers.text(found.document)


@bp.get("/entities/by-uid/<uid>")
def by_uid(uid: str) -> Response:
    asking.known()
    with auth.services().database.read() as session:
        found = finding.by_uid(session, uid)
    if found is None:
        raise Error(Code.NOT_FOUND, f"No entity with uid {uid}")
    return answers.text(found.document)


@bp.post("/entities/by-refs")
def by_refs() -> Response:
    """Entities in the order they are named, null for those that there are not."""
    asking.known("filter")
    body = asking.body()
    refs = body.texts("entityRefs")
    if refs is None:
        asking.wrong("request/body must have required property 'entityRefs'")
    if len(refs) > MOST_REFS:
        asking.wrong(f"request/body/entityRefs must hold at most {MOST_REFS} references")
    asked = [one for one in (asking.predicate(), body.predicate()) if one is not None]
    where = filters.tree({"$all": asked}) if asked else None
    with auth.services().database.read() as session:
        found = finding.by_refs(session, refs, where)
    items = answers.chosen([found.get(ref) for ref in refs], _fields(body))
    return answers.text(f'{{"items":{answers.array(items)}}}')


@bp.get("/entity-facets")
def facets() -> Response:
    """How often each value of some fields is there."""
    asking.known("facet", "filter")
    return _facets([one for one in request.args.getlist("facet") if one], asking.predicate())


@bp.post("/entity-facets")
def facets_by_predicate() -> Response:
    asking.known()
    body = asking.body()
    return _facets([one for one in body.texts("facets") or () if one], body.predicate())


def _facets(keys: Sequence[str], predicate: Predicate | None) -> Response:
    if not keys:
        asking.wrong("Missing facet parameter")
    if len(keys) > MOST_FACETS:
        asking.wrong(f"More than {MOST_FACETS} facets at once cannot be counted")
    where = None if predicate is None else filters.tree(predicate)
    with auth.services().database.read() as session:
        found = finding.facets(session, keys, where)
    told = {key: [{"value": value, "count": count} for value, count in found[key.lower()]] for key in keys}
    return answers.as_json({"facets": told})
