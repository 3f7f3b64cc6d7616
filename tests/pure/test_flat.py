"""What of a document can be filtered by."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.flat import MAX_KEY, MAX_VALUE, flat, is_storable

DOCUMENT: dict[str, Any] = {
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": {
        "name": "Checkout",
        "namespace": "shop",
        "uid": "u-1",
        "etag": "e-1",
        "tags": ["Java", "fast"],
        "annotations": {"backstage.io/orphan": "true"},
        "links": [{"url": "https://a.example"}, {"url": "https://b.example", "title": "B"}],
    },
    "spec": {"type": "service", "replicas": 3, "share": 1.0, "public": False, "nothing": None, "empty": ""},
    "relations": [{"type": "ownedBy", "targetRef": "group:default/payments"}],
    "status": {"items": [{"level": "error"}]},
}


@pytest.mark.parametrize(
    "row",
    [
        ("apiversion", "backstage.io/v1alpha1", None),
        ("kind", "component", "Component"),
        ("metadata.name", "checkout", "Checkout"),
        ("metadata.namespace", "shop", None),
        ("metadata.uid", "u-1", None),
        ("metadata.tags", "java", "Java"),
        ("metadata.tags.java", "true", None),
        ("metadata.annotations.backstage.io/orphan", "true", None),
        ("metadata.links.url", "https://a.example", None),
        ("metadata.links.url", "https://b.example", None),
        ("metadata.links.title", "b", "B"),
        ("spec.replicas", "3", None),
        ("spec.share", "1", None),
        ("spec.public", "false", None),
        ("spec.nothing", None, None),
        ("spec.empty", "", None),
        ("relations.ownedby", "group:default/payments", None),
    ],
)
def test_every_value_stands_under_its_dotted_key(row: tuple[str, str | None, str | None]) -> None:
    assert row in flat(DOCUMENT)


@pytest.mark.parametrize("key", ["metadata.etag", "status", "status.items.level", "relations.type", "relations"])
def test_what_changes_by_itself_is_not_indexed(key: str) -> None:
    assert key not in {row[0] for row in flat(DOCUMENT)}


def test_a_missing_namespace_is_the_default_one() -> None:
    assert ("metadata.namespace", "default", None) in flat({"metadata": {"name": "a"}})


def test_a_key_of_201_characters_is_left_out_and_one_of_200_is_not() -> None:
    fits, too_long = "k" * (MAX_KEY - len("spec.")), "k" * (MAX_KEY - len("spec.") + 1)

    assert [row[0] for row in flat({"spec": {fits: 1, too_long: 1}})] == [f"spec.{fits}"]


def test_a_value_of_201_characters_exists_and_cannot_be_looked_for() -> None:
    rows = flat({"spec": {"fits": "v" * MAX_VALUE, "long": "V" * (MAX_VALUE + 1)}})

    assert rows == [("spec.fits", "v" * MAX_VALUE, None), ("spec.long", None, None)]


def test_of_keys_that_differ_in_case_only_the_first_counts() -> None:
    assert flat({"spec": {"type": "a", "Type": "b"}}) == [("spec.type", "a", None)]


def test_no_row_stands_twice() -> None:
    assert flat({"spec": {"list": ["A", "a", "A"]}}) == [("spec.list", "a", "A"), ("spec.list.a", "true", None)]


@pytest.mark.parametrize("odd", ["a\0b", "a\ud800b"])
def test_what_no_database_stores_is_neither_key_nor_value(odd: str) -> None:
    assert flat({"spec": {"value": odd, odd: "value"}}) == [("spec.value", None, None)]


def test_a_document_may_be_deep() -> None:
    deep: Any = "bottom"
    for _ in range(10_000):
        deep = {"a": deep}

    assert flat({"kind": "API", "spec": deep}) == [("kind", "api", "API")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
    max_leaves=30,
)


@pytest.mark.long
@given(st.dictionaries(st.text(), JSON))
def test_any_document_gives_rows_that_fit_the_table(document: dict[str, Any]) -> None:
    document.pop("relations", None)
    rows = flat(document)

    assert len({row[:2] for row in rows}) == len(rows)
    for key, value, said in rows:
        assert len(key) <= MAX_KEY
        assert is_storable(key)
        assert value is None or (len(value) <= MAX_VALUE and is_storable(value))
        assert said is None or (value is not None and len(said) <= MAX_VALUE)
