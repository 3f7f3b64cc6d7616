"""The last hand at the OpenAPI document: one name per shape, one shape for every error, and how to show who you are."""

import json
import re
from typing import Any

from portal.api.records import Error

FORM = "application/x-www-form-urlencoded"
LOCATION = {"description": "where to look how it goes", "schema": {"type": "string"}}
METHODS = ("get", "post", "put", "patch", "delete")
ALWAYS = {"401": "Nobody is logged in, or the token has ended", "500": "Something broke; the log knows it by `number`"}
BODY = {"400": "The body is not JSON", "413": "The body is too large"}
SCHEME = {"type": "http", "scheme": "bearer", "description": "A token from POST /api/v1/tokens, or from your page."}
ABOUT = "What the pages do, for programs. Whoever may not do something is told why and who may."


def finished(document: dict[str, Any], address: str) -> dict[str, Any]:
    """Return the document as it is published; `address` is where the portal is reached."""
    document = _short_names(document)
    schemas = document["components"]["schemas"]
    for left in ("HTTPError", "ValidationError"):
        schemas.pop(left, None)
    nested = Error.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= nested.pop("$defs") | {"Error": nested}
    document["components"]["securitySchemes"] = {"token": SCHEME}
    document["security"] = [{"token": []}]
    document["servers"] = [{"url": address}]
    document["info"]["description"] = ABOUT
    document["tags"] = [tag for tag in document["tags"] if tag["name"] != "Api"]  # the whole, which has no door itself
    for path in document["paths"].values():
        for method in METHODS:
            if method in path:
                _finish(path[method])
    return document


def _short_names(document: dict[str, Any]) -> dict[str, Any]:
    """Call a nested shape by its own name; the frame names a copy of it after each shape it stands in."""
    text = re.sub(r'(#/components/schemas/)(?:\w+\.)+(\w+")', r"\1\2", json.dumps(document))
    short: dict[str, Any] = json.loads(text)
    schemas = short["components"]["schemas"]
    short["components"]["schemas"] = {name.rpartition(".")[2]: schema for name, schema in sorted(schemas.items())}
    return short


def _finish(operation: dict[str, Any]) -> None:
    body, responses = operation.get("requestBody"), operation["responses"]
    for status, said in (ALWAYS | (BODY if body else {})).items():
        responses.setdefault(status, {"description": said})
    for status, response in responses.items():
        if status.startswith(("4", "5")):
            response["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    if {"200", "202"} <= responses.keys():  # asked for now, or there already: the same shape
        responses["200"]["content"] = responses["202"]["content"]
        for status in ("200", "202"):
            responses[status]["headers"] = {"Location": LOCATION}
    if body:
        body["required"] = FORM not in body["content"]  # what may come as a form may also be left out
