"""What can be asked: `filter=` of an address, and predicates of a body."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import filters
from catalog.filters import (
    MAX_DEPTH,
    MAX_PARTS,
    MAX_VALUES,
    Any_,
    Every,
    Exists,
    Node,
    Not,
    OneOf,
    Prefix,
    from_query,
    tree,
)
from ledger.errors import Code, Error


@pytest.mark.parametrize(
    ("asked", "means"),
    [
        (["kind"], Exists("kind")),
        (["kind=Component"], OneOf("kind", ("component",))),
        (["KIND=component"], OneOf("kind", ("component",))),
        (["a=1,b=2"], Every((OneOf("a", ("1",)), OneOf("b", ("2",))))),
        (["a=1", "b=2"], Any_((OneOf("a", ("1",)), OneOf("b", ("2",))))),
        (["a=1,a=2"], OneOf("a", ("1", "2"))),  # the same key twice: either value
        (["a,a=1"], OneOf("a", ("1",))),
        (["a="], OneOf("a", ("",))),
        (["a=b=c"], OneOf("a", ("b=c",))),
        (["  a = 1 , b  "], Every((OneOf("a", ("1",)), Exists("b")))),
        (["a=1,,b=2,"], Every((OneOf("a", ("1",)), OneOf("b", ("2",))))),
        (["", "a=1"], OneOf("a", ("1",))),
        (["metadata.annotations.a.b/c=d"], OneOf("metadata.annotations.a.b/c", ("d",))),
        (["a=%"], OneOf("a", ("%",))),
    ],
)
def test_a_filter_of_an_address_means(asked: list[str], means: Node) -> None:
    assert tree(from_query(asked)) == means


@pytest.mark.parametrize("asked", [[], [""], [" , "]])
def test_an_empty_filter_asks_nothing(asked: list[str]) -> None:
    assert from_query(asked) is None


@pytest.mark.parametrize("asked", ["=a", "a=1,=b", " = "])
def test_a_filter_without_a_key_is_refused(asked: str) -> None:
    with pytest.raises(Error, match="is not a valid statement") as caught:
        from_query([asked])

    assert caught.value.code is Code.INVALID


@pytest.mark.parametrize(
    ("asked", "means"),
    [
        ({}, Every(())),
        ({"$all": []}, Every(())),
        ({"$any": []}, Any_(())),
        ({"kind": "API"}, OneOf("kind", ("api",))),
        ({"a": 1, "b": True}, Every((OneOf("a", ("1",)), OneOf("b", ("true",))))),
        ({"a": {"$exists": True}}, Exists("a")),
        ({"a": {"$exists": False}}, Not(Exists("a"))),
        ({"a": {"$in": ["X", 1, False]}}, OneOf("a", ("x", "1", "false"))),
        ({"a": {"$in": []}}, OneOf("a", ())),
        ({"a": {"$hasPrefix": "Pay"}}, Prefix("a", "pay")),
        ({"a": {"$contains": "Java"}}, OneOf("a", ("java",))),
        ({"$not": {"a": "b"}}, Not(OneOf("a", ("b",)))),
        ({"$all": [{"a": "1"}, {"$any": [{"b": "2"}]}]}, Every((OneOf("a", ("1",)), Any_((OneOf("b", ("2",)),))))),
        ({"relations": {"$contains": {"type": "ownedBy"}}}, Exists("relations.ownedby")),
        (
            {"relations": {"$contains": {"type": "ownedBy", "targetRef": "group:default/A"}}},
            OneOf("relations.ownedby", ("group:default/a",)),
        ),
        (
            {"relations": {"$contains": {"type": "ownedBy", "TargetRef": {"$in": ["x", "Y"]}}}},
            OneOf("relations.ownedby", ("x", "y")),
        ),
        ({"a": "v" * 201}, OneOf("a", ())),  # nothing that long can be looked for
        ({"a": "\ud800"}, OneOf("a", ())),
    ],
)
def test_a_predicate_means(asked: Any, means: Node) -> None:
    assert tree(asked) == means


@pytest.mark.parametrize(
    "asked",
    [
        *("text", 7, True, None, [], [{"a": "b"}]),
        *({"$foo": []}, {"$all": {}}, {"$any": "a"}, {"$all": ["a"]}, {"$not": "a"}, {"$not": []}),
        *({"$all": [], "a": "b"}, {"$all": [], "$any": []}),
        *({"a": None}, {"a": []}, {"a": {}}, {"a": {"b": "c"}}, {"a": {"$exists": "yes"}}, {"a": {"$in": "b"}}),
        *(
            {"a": {"$in": [None]}},
            {"a": {"$in": [["b"]]}},
            {"a": {"$hasPrefix": 1}},
            {"a": {"$exists": True, "$in": []}},
        ),
        *({"a": {"$contains": {"type": "x"}}}, {"a": {"$contains": ["x"]}}, {"a": {"$not": "b"}}),
        {"relations": {"$contains": {"targetRef": "x"}}},
        {"relations": {"$contains": {"type": 1}}},
        {"relations": {"$contains": {"type": ""}}},
        {"relations": {"$contains": {"type": "x", "other": "y"}}},
        {"relations": {"$contains": {"type": "x", "TYPE": "y"}}},
        {"relations": {"$contains": {"type": "x", "targetRef": {"$in": []}}}},
        {"relations": {"$contains": {"type": "x", "targetRef": {"$in": [1]}}}},
        {"relations": {"$contains": {"type": "x", "targetRef": None}}},
    ],
)
def test_what_is_no_predicate_is_refused(asked: Any) -> None:
    with pytest.raises(Error, match="Invalid query") as caught:
        tree(asked)

    assert caught.value.code is Code.INVALID


def nested(depth: int) -> Any:
    asked: Any = {"a": "b"}
    for _ in range(depth - 1):
        asked = {"$not": asked}
    return asked


@pytest.mark.parametrize(
    ("fits", "too_much"),
    [
        (nested(MAX_DEPTH), nested(MAX_DEPTH + 1)),
        ({"$any": [{"a": "b"}] * MAX_PARTS}, {"$any": [{"a": "b"}] * (MAX_PARTS + 1)}),
        ({"a": {"$in": ["b"] * MAX_VALUES}}, {"a": {"$in": ["b"] * (MAX_VALUES + 1)}}),
    ],
)
def test_a_predicate_has_limits(fits: Any, too_much: Any) -> None:
    tree(fits)
    with pytest.raises(Error, match="Invalid query"):
        tree(too_much)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda below: (
        st.lists(below, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["$all", "$any", "$not", "$in", "$exists", "$contains", "$hasPrefix", "relations", "type", "kind"]
            ),
            below,
            max_size=3,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_is_asked_is_a_tree_or_refused(asked: Any) -> None:
    try:
        tree(asked)
    except Error as error:
        assert error.code is Code.INVALID  # noqa: PT017


@given(st.lists(st.text(max_size=30), max_size=5))
def test_every_filter_of_an_address_is_a_tree_or_refused(asked: list[str]) -> None:
    try:
        predicate = filters.from_query(asked)
        _ = predicate is not None and tree(predicate)
    except Error as error:
        assert error.code is Code.INVALID  # noqa: PT017
