"""Documents as answers. Stored as JSON, they are put together as text; only those who ask for `fields` pay for reading.

Nothing here knows where documents come from.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from flask import Response

from portal.backstage.asking import wrong

JSON = "application/json; charset=utf-8"


def as_json(value: Any, status: int = 200) -> Response:
    return text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), status)


def text(said: str, status: int = 200) -> Response:
    # Half of a sign, which only a request can hold, is written as a question mark.
    return Response(said.encode("utf-8", "replace"), status, content_type=JSON)


def array(documents: Iterable[str | None]) -> str:
    return "[" + ",".join("null" if one is None else one for one in documents) + "]"


def chosen(documents: Sequence[str | None], fields: Sequence[str]) -> Sequence[str | None]:
    """Return of each document only those fields, all of it where none are named."""
    if not fields:
        return documents
    for field in fields:
        if "[" in field:
            wrong(f'Invalid field "{field}", array type fields are not supported')
    return [
        None if one is None else json.dumps(_part(json.loads(one), fields), ensure_ascii=False) for one in documents
    ]


def _part(document: dict[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    part: dict[str, Any] = {}
    for field in fields:
        path = _path(document, field)
        if not path:
            continue
        source: Any = document
        target = part
        for step in path[:-1]:
            source, target = source[step], target.setdefault(step, {})
        target[path[-1]] = source[path[-1]]
    return part


def _path(document: dict[str, Any], field: str) -> list[str]:
    """Return the keys that a dotted field names; a key that is not there is tried again with the next part in it."""
    path: list[str] = []
    within: Any = document
    key = ""
    for step in field.split("."):
        key = f"{key}.{step}" if key else step
        if isinstance(within, dict) and key in within:
            path.append(key)
            within, key = within[key], ""
    return path if not key else []
