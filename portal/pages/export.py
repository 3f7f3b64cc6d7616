"""What the catalog knows as one `catalog-info.yaml`, which a stock Backstage can register as a location.

It takes only some kinds, and one document that it refuses spoils the whole file for it: so components and APIs stand
here unless other kinds are asked for, and nothing that is computed, removed, or still to be filled in.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, request

from catalog import finding
from ledger.errors import Code, Error
from portal import auth

bp = Blueprint("export", __name__)

USUAL = ("component", "api")
# A Location would be read a second time, from an address that its targets do not fit.
KINDS = (*USUAL, "resource", "system", "domain", "group", "user", "template", "airesource")
COMPUTED = ("backstage.io/managed-by-location", "backstage.io/managed-by-origin-location", "backstage.io/orphan")
PLACEHOLDERS = frozenset({"$text", "$json", "$yaml", "$openapi", "$asyncapi"})
LONGEST_KEY = 1000  # signs; YAML ends at 1,024
BARE = re.compile(r"[A-Za-z][A-Za-z0-9]*")
NOT_BARE = frozenset({"null", "true", "false"})  # whatever their case
# YAML allows none of these outside of an escape, which JSON does not ask for.
ODD = re.compile("[\x7f-\x9f\ufeff\ufffe\uffff]")


@bp.get("/export/catalog-info.yaml")
@auth.public
def catalog_info() -> Response:
    """The file; without a login only where the configuration says so."""
    services = auth.services()
    if not services.config.catalog.public_export:
        auth.account()
    kinds = _kinds(request.args.get("kinds", ""))
    with services.database.read() as session:
        documents = finding.living(session, kinds)
    answer = Response(text(documents).encode(), content_type="text/yaml; charset=utf-8")
    answer.add_etag()
    answer.make_conditional(request)
    return answer


def _kinds(said: str) -> tuple[str, ...]:
    kinds = tuple(dict.fromkeys(part.strip().lower() for part in said.split(",") if part.strip()))
    for kind in kinds:
        if kind not in KINDS:
            raise Error(Code.INVALID, f"“{kind}” cannot be exported; it may be {', '.join(KINDS)}.")
    return kinds or USUAL


def text(documents: Iterable[str]) -> str:
    """Return documents, given as JSON, as one file."""
    return "".join(_document(json.loads(document)) for document in documents) or "# Nothing is in the catalog yet.\n"


def _document(said: Mapping[str, Any]) -> str:
    about = {key: value for key, value in said["metadata"].items() if key not in ("uid", "etag")}
    kept = {key: value for key, value in (about.pop("annotations", None) or {}).items() if key not in COMPUTED}
    metadata = about | ({"annotations": kept} if kept else {})
    if _unfilled(said["spec"]) or _unfilled(metadata):
        return (
            f"# left out, for it can be read only beside its own repository: {json.dumps(said['metadata']['name'])}\n"
        )
    plain = {"apiVersion": said["apiVersion"], "kind": said["kind"], "metadata": metadata, "spec": said["spec"]}
    return "---\n" + "".join(_mapping(plain, 0))


def _unfilled(value: Any) -> bool:
    """Say whether something in it is a placeholder, which would be looked for beside this file, or too odd to write."""
    if isinstance(value, Mapping):
        if any(len(key) > LONGEST_KEY for key in value):
            return True
        return (len(value) == 1 and not PLACEHOLDERS.isdisjoint(value)) or any(map(_unfilled, value.values()))
    return isinstance(value, list) and any(map(_unfilled, value))


def _mapping(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    for key, below in value.items():
        yield "  " * depth + (key if BARE.fullmatch(key) and key.lower() not in NOT_BARE else _scalar(key)) + ":"
        yield from _value(below, depth)


def _value(value: Any, depth: int) -> Iterator[str]:
    """Write in blocks; every text is quoted, so that no reader of YAML takes it for something else."""
    if isinstance(value, Mapping) and value:
        yield "\n"
        yield from _mapping(value, depth + 1)
    elif isinstance(value, list) and value:
        yield "\n"
        for one in value:
            yield "  " * (depth + 1) + "-"
            yield from _value(one, depth + 1)
    else:
        yield f" {_scalar(value)}\n"


def _scalar(value: Any) -> str:
    return ODD.sub(lambda sign: f"\\u{ord(sign[0]):04x}", json.dumps(value, ensure_ascii=False))
