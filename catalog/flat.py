"""A document as rows that can be filtered and sorted by: (key, value, said).

A key is the dotted path in lower case; a list gives one row for each of its values and, for text, a key of its own
(`metadata.tags.java` = `true`), so that one can ask for it by name. `value` is in lower case, None for null and for
what is too long or holds signs that no database stores. `said` is the value as written where that differs. Pure.
"""

from collections.abc import Iterator, Mapping
from typing import Any

MAX_KEY = MAX_VALUE = 200  # characters
NOT_INDEXED = frozenset({"attachments", "relations", "status", "metadata.etag"})

Row = tuple[str, str | None, str | None]


def flat(document: Mapping[str, Any]) -> list[Row]:
    """Return the rows of a document, none twice.

    >>> flat({"kind": "API", "spec": {"tags": ["java"]}})
    [('kind', 'api', 'API'), ('spec.tags', 'java', None), ('spec.tags.java', 'true', None)]

    Of keys that differ only in case the first counts, so that `spec.type` is one value and not two.
    """
    rows: dict[tuple[str, str | None], Row] = {}
    written: dict[str, str] = {}
    for path, said in _leaves("", document):
        key = path.lower()
        if len(key) > MAX_KEY or written.setdefault(key, path) != path:
            continue
        row = _row(key, said)
        rows.setdefault(row[:2], row)
    for key, target in _relations(document):
        rows.setdefault((key, target.lower()), _row(key, target))
    metadata = document.get("metadata")
    if isinstance(metadata, Mapping) and not metadata.get("namespace"):
        rows.setdefault(("metadata.namespace", "default"), ("metadata.namespace", "default", None))
    return [row for row in rows.values() if is_storable(row[0])]


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Walk without recursion: a document may be as deep as its file."""
    stack = [(path, value)]
    while stack:
        path, value = stack.pop()
        if path in NOT_INDEXED or len(path) > MAX_KEY:
            continue
        if isinstance(value, Mapping):
            below = [(f"{path}.{key}" if path else str(key), part) for key, part in value.items()]
            stack.extend(reversed(below))
        elif isinstance(value, list | tuple):
            named = [(path, part) for part in value]
            named += [(f"{path}.{part}", True) for part in value if isinstance(part, str)]
            stack.extend(reversed(named))
        else:
            yield path, value


def _relations(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for relation in document.get("relations") or ():
        yield f"relations.{relation['type']}".lower(), relation["targetRef"]


def _row(key: str, said: Any) -> Row:
    if said is None:
        return key, None, None
    text = said if isinstance(said, str) else as_text(said)
    value = text.lower()
    if len(value) > MAX_VALUE or not is_storable(value):
        return key, None, None
    return key, value, None if text == value else text[:MAX_VALUE]


def as_text(value: Any) -> str:
    """Write a value as the clients of this format do.

    >>> as_text(True), as_text(3), as_text(1.0), as_text(0.5)
    ('true', '3', '1', '0.5')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return str(value)


def is_storable(text: str) -> bool:
    """Say whether every database takes this text: neither NUL nor half of a sign."""
    if text.isascii():
        return "\0" not in text
    return "\0" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)
