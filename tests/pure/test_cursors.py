"""A reader's place in an answer, as text that she may have tampered with."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import cursors
from catalog.cursors import Cursor, Order, Position, Question, Text, question
from ledger.errors import Code, Error

PLAIN = Cursor(Question(), Position(None, "u-2"), Position(None, "u-1"), 7)
FULL = Cursor(
    Question({"kind": "API"}, Order("metadata.name", True), Text("pay", ("metadata.name",))),
    Position("pay", "12"),
    Position("a", "3"),
    7,
    backwards=True,
)


@pytest.mark.parametrize("cursor", [PLAIN, FULL])
def test_a_cursor_comes_back_as_it_was(cursor: Cursor) -> None:
    assert cursors.decode(cursors.encode(cursor)) == cursor


def test_the_client_finds_a_query_in_it_only_when_there_is_one() -> None:
    seen = [json.loads(base64.b64decode(cursors.encode(cursor), validate=True)) for cursor in (PLAIN, FULL)]

    assert ["query" in said for said in seen] == [False, True]
    assert seen[1]["orderFields"] == [{"field": "metadata.name", "order": "desc"}]
    assert seen[1]["totalItems"] == 7


def test_text_is_looked_for_in_what_is_ordered_by_unless_said_otherwise() -> None:
    assert question(None, [Order("metadata.name")], " Pay ").text == Text("pay", ("metadata.name",))
    assert question(None, [], "Pay").text == Text("pay", ("metadata.uid",))
    assert question(None, [], "Pay", ["A.b", "c"]).text == Text("pay", ("a.b", "c"))
    assert question(None, [], "  ").text is None


def packed(said: Any) -> str:
    return base64.b64encode(json.dumps(said).encode()).decode()


def changed(**values: Any) -> str:
    return packed(json.loads(base64.b64decode(cursors.encode(FULL))) | values)


@pytest.mark.parametrize(
    "text",
    [
        *("", "%%%", "é", "bm90IGpzb24=", packed([]), packed("a"), packed({}), packed(None)),
        *(changed(orderFields="a"), changed(orderFields=[{"field": 1, "order": "asc"}])),
        *(changed(orderFields=[{"field": "a", "order": "up"}]), changed(orderFields=[])),
        *(changed(orderFieldValues=[]), changed(orderFieldValues=["a", 1]), changed(orderFieldValues=["a", "x"])),
        *(changed(orderFieldValues=["a\0", "1"]), changed(orderFieldValues=["\ud800", "1"])),
        *(changed(orderFieldValues=["a", "9" * 30]), changed(firstSortFieldValues=["a"])),
        *(changed(totalItems="7"), changed(totalItems=-1), changed(totalItems=2**60), changed(totalItems=float("nan"))),
        *(changed(isPrevious="no"), changed(fullTextFilter=[1]), changed(fullTextFilter={"term": 1})),
        *(changed(fullTextFilter={"term": "a", "fields": [1]}), changed(fullTextFilter={"term": "a\0"})),
        *(changed(query="a"), changed(query={"$foo": 1}), packed({"a": "b"})),
        base64.b64encode(b"[" * 100_000).decode(),
    ],
)
def test_a_cursor_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Error, match=r"Malformed cursor|Invalid query") as caught:
        cursors.decode(text)

    assert caught.value.code is Code.INVALID


def test_the_alphabet_of_addresses_is_understood_too() -> None:
    text = cursors.encode(Cursor(Question({"a": "ÿ?>"}), Position(None, "u"), Position(None, "u"), 1))

    assert cursors.decode(text.replace("+", "-").replace("/", "_").rstrip("=")) == cursors.decode(text)


@given(st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with pytest.raises(Error):
        cursors.decode(text)
