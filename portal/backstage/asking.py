"""What a request of this API says: parameters of its address, and the JSON of its body. All else is refused as wrong.

Nothing here knows the catalog; what is read is plain text, numbers and lists, within limits.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from flask import request

from catalog import filters
from catalog.cursors import Order
from catalog.filters import Predicate
from ledger.errors import Code, Error

LARGEST = 2**31 - 1
WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
ORDER = re.compile(r"(asc|desc):(.+)", re.DOTALL)
DIRECTIONS = ("asc", "desc")
TOTALS = ("include", "exclude")
YES = frozenset({"true", "1", "y", "yes", "on"})


def wrong(said: str) -> NoReturn:
    raise Error(Code.INVALID, said)


def known(*names: str) -> None:
    """Refuse parameters that this door does not know."""
    for name in request.args:
        if name not in names:
            wrong(f"Unknown query parameter '{name}'")


def number(name: str, least: int = 0) -> int | None:
    """Return a whole number of the address."""
    said = request.args.get(name)
    if said is None:
        return None
    if not WHOLE.fullmatch(said):
        wrong(f"request/query/{name} must be integer")
    return _within(int(said), f"request/query/{name}", least)


def _within(value: int, place: str, least: int) -> int:
    if value < least:
        wrong(f"{place} must be >= {least}")
    return min(value, LARGEST)


def predicate() -> Predicate | None:
    """Return what the `filter` parameters ask."""
    return filters.from_query(request.args.getlist("filter"))


def listed(name: str) -> list[str]:
    """Return a list whose parts are separated by commas, or by saying the parameter again."""
    said = (part.strip() for text in request.args.getlist(name) for part in text.split(","))
    return [part for part in said if part]


def orders() -> list[Order]:
    """Return `order=asc:metadata.name`."""
    found = []
    for said in request.args.getlist("order"):
        match = ORDER.fullmatch(said)
        if match is None:
            wrong(f'Invalid order parameter "{said}", expected "<asc or desc>:<field name>"')
        found.append(Order(match[2].lower(), match[1] == "desc"))
    return found


def order_fields() -> list[Order]:
    """Return `orderField=metadata.name,desc`."""
    found = []
    for said in request.args.getlist("orderField"):
        field, _, direction = said.partition(",")
        found.append(_order(field, direction or "asc"))
    return found


def _order(field: str, direction: str) -> Order:
    if not field:
        wrong("Invalid order field, must not be empty")
    if direction not in DIRECTIONS:
        wrong("Invalid order field order, must be asc or desc")
    return Order(field.lower(), direction == "desc")


def counted(said: Any) -> bool:
    """Say whether the total is wanted (`totalItems`)."""
    if said is not None and said not in TOTALS:
        wrong(f'Invalid totalItems value "{str(said)[:40]}", expected one of: include, exclude')
    return bool(said != "exclude")


def flag(name: str) -> bool:
    return request.args.get(name, "").lower() in YES


@dataclass(frozen=True)
class Body:
    """An object; each method reads one of its keys, None where it is not there."""

    said: Mapping[str, Any]

    def text(self, name: str) -> str | None:
        found: str | None = self._of(name, str, "string")
        return found

    def needed(self, name: str) -> str:
        found = self.text(name)
        return found if found is not None else wrong(f"request/body must have required property '{name}'")

    def texts(self, name: str) -> list[str] | None:
        found: list[str] | None = self._of(name, list, "array")
        if found is not None and not all(isinstance(one, str) for one in found):
            wrong(f"request/body/{name} must hold strings")
        return found

    def number(self, name: str, least: int = 0) -> int | None:
        found = self.said.get(name)
        if isinstance(found, float) and found.is_integer():
            found = int(found)
        if found is not None and (not isinstance(found, int) or isinstance(found, bool)):
            wrong(f"request/body/{name} must be integer")
        return None if found is None else _within(found, f"request/body/{name}", least)

    def within(self, name: str) -> "Body | None":
        found = self._of(name, dict, "object")
        return None if found is None else Body(found)

    def predicate(self) -> Predicate | None:
        """Return the query; whether it is one is found out by whoever reads it."""
        if "query" in self.said and not isinstance(self.said["query"], dict):
            wrong("Query must be an object")
        return self.said.get("query")

    def orders(self) -> list[Order]:
        said = self.said.get("orderBy")
        found = said if isinstance(said, list) else [] if said is None else [said]
        fields = [one if isinstance(one, dict) else wrong("request/body/orderBy must hold objects") for one in found]
        return [_order(Body(one).needed("field"), Body(one).needed("order")) for one in fields]

    def only(self, names: Sequence[str]) -> None:
        """Refuse keys that this door does not know."""
        for name in self.said:
            if name not in names:
                wrong(f"Malformed request: unrecognized key '{name}'")

    def _of(self, name: str, kind: type, called: str) -> Any:
        found = self.said.get(name)
        if found is not None and not isinstance(found, kind):
            wrong(f"request/body/{name} must be {called}")
        return found


def body() -> Body:
    """Return the request's JSON object; refuse other kinds of content, and what is no JSON."""
    if request.mimetype != "application/json":
        wrong(f"unsupported media type {request.mimetype or 'unknown'}")
    try:
        said = json.loads(request.get_data(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        wrong("Malformed request body: it is not JSON")
    return Body(said) if isinstance(said, dict) else wrong("Expected body to be a JSON object")


def _no_number(said: str) -> NoReturn:
    raise ValueError(said)
