"""Where a reader of pages has got to, as text that she hands back: what was asked, and the last row she saw.

The form is Backstage's (standard base64 of JSON), whose client looks into it: where it finds a `query` it asks for the
next page by POST. Nothing in it is trusted: it is read like any other question. Pure; raises Error(INVALID) alone.
"""

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

from catalog import filters
from catalog.filters import Node, Predicate
from catalog.flat import is_storable
from ledger.errors import Code, Error

LARGEST = 2**53  # the largest number that every reader of JSON has exactly
NUMBER = re.compile(r"[0-9]{1,18}")
UID = "metadata.uid"


@dataclass(frozen=True)
class Order:
    """The one field that rows are ordered by; those that lack it are left out."""

    field: str  # lower-case
    descending: bool = False


@dataclass(frozen=True)
class Text:
    """Words that one of the fields contains, whatever their case."""

    term: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """Which entities, in which order. Without one it is that of the uids, or of the references (`by_ref`)."""

    predicate: Predicate | None = None
    order: Order | None = None
    text: Text | None = None
    by_ref: bool = False

    @cached_property
    def where(self) -> Node | None:
        return None if self.predicate is None else filters.tree(self.predicate)


def question(
    predicate: Predicate | None, orders: Sequence[Order], term: str = "", fields: Sequence[str] = ()
) -> Question:
    """Return what is asked; only the first order counts. Text is looked for in what is ordered by, unless said."""
    order = orders[0] if orders else None
    searched = [field for field in fields if field] or [order.field if order else UID]
    text = Text(term.strip().lower(), tuple(field.lower() for field in searched)) if term.strip() else None
    if not all(is_storable(word) for word in (term, *searched, order.field if order else "")):
        raise Error(Code.INVALID, "Invalid query: a word holds signs that stand in no document")
    asked = Question(predicate, order, text)
    _ = asked.where  # a wrong predicate is refused here
    return asked


@dataclass(frozen=True)
class Position:
    """One row: its value of the ordered field and its number, or None and its uid where nothing was ordered."""

    value: str | None
    row: str


@dataclass(frozen=True)
class Cursor:
    """A page of an answer: the rows after `position`, or before it. `first`: the very first row there was."""

    question: Question
    position: Position
    first: Position
    total: int
    backwards: bool = False


def encode(cursor: Cursor) -> str:
    asked = cursor.question
    said: dict[str, Any] = {
        "orderFields": [],
        "orderFieldValues": _values(cursor.position),
        "isPrevious": cursor.backwards,
        "firstSortFieldValues": _values(cursor.first),
        "totalItems": cursor.total,
    }
    if asked.order:
        said["orderFields"] = [{"field": asked.order.field, "order": "desc" if asked.order.descending else "asc"}]
    if asked.text:
        said["fullTextFilter"] = {"term": asked.text.term, "fields": list(asked.text.fields)}
    if asked.predicate is not None:
        said["query"] = asked.predicate
    return base64.b64encode(json.dumps(said, separators=(",", ":")).encode()).decode()


def _values(position: Position) -> list[str]:
    return [position.row] if position.value is None else [position.value, position.row]


def decode(text: str) -> Cursor:
    """Read a cursor back; raise Error(INVALID) for whatever is none."""
    said = unpacked(text)
    orders = [_order(one) for one in _listed(said, "orderFields")][:1]
    text_filter = said.get("fullTextFilter") or {}
    if not isinstance(text_filter, dict) or not isinstance(text_filter.get("term", ""), str):
        _malformed("fullTextFilter")
    fields = _listed(text_filter, "fields") if text_filter.get("fields") is not None else []
    if not all(isinstance(field, str) for field in fields):
        _malformed("fullTextFilter")
    total, backwards = said.get("totalItems", 0), said.get("isPrevious")
    if not isinstance(total, int) or not 0 <= total <= LARGEST:
        _malformed("totalItems")
    if not isinstance(backwards, bool):
        _malformed("isPrevious")
    position = _position(said, "orderFieldValues", bool(orders))
    return Cursor(
        question(said.get("query"), orders, text_filter.get("term", ""), fields),
        position,
        _position(said, "firstSortFieldValues", bool(orders)) if "firstSortFieldValues" in said else position,
        int(total),
        backwards,
    )


def unpacked(text: str) -> dict[str, Any]:
    """Return the object in a cursor of any kind."""
    try:
        packed = text.strip().replace("-", "+").replace("_", "/").encode("ascii")
        said = json.loads(
            base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True), parse_constant=_malformed
        )
    except (binascii.Error, ValueError, RecursionError):
        _malformed("it cannot be read")
    if not isinstance(said, dict):
        _malformed("it holds no object")
    return said


def packed(said: dict[str, Any]) -> str:
    """Return a cursor of another kind as text."""
    return base64.b64encode(json.dumps(said, separators=(",", ":")).encode()).decode()


def _malformed(what: str) -> NoReturn:
    raise Error(Code.INVALID, f"Malformed cursor: {what}; begin again at the first page")


def _listed(said: dict[str, Any], name: str) -> list[Any]:
    found = said.get(name)
    return found if isinstance(found, list) else _malformed(name)


def _order(said: Any) -> Order:
    if not isinstance(said, dict) or not isinstance(said.get("field"), str) or said.get("order") not in ("asc", "desc"):
        _malformed("orderFields")
    return Order(said["field"].lower(), said["order"] == "desc")


def _position(said: dict[str, Any], name: str, ordered: bool) -> Position:
    values = _listed(said, name)
    if len(values) != (2 if ordered else 1) or not all(
        isinstance(value, str) and is_storable(value) for value in values
    ):
        _malformed(name)
    if ordered and not NUMBER.fullmatch(values[1]):
        _malformed(name)
    return Position(values[0] if ordered else None, values[-1])
