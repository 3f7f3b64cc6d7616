"""Finding entities, on both databases."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from catalog import filters, finding
from catalog.cursors import Order, Question, question
from catalog.filters import Any_, Every, Exists, Node, Not, OneOf, Prefix
from catalog.flat import flat
from ledger.db import Database
from tests import catalogs
from tests.catalogs import entity

DOCUMENTS = [
    entity("Group", "payments", {"type": "team", "children": []}),
    entity(
        "Component",
        "Checkout",
        {"type": "service", "lifecycle": "production", "owner": "payments", "rank": 3},
        relations=[("ownedBy", "group:default/payments")],
        tags=["java", "Fast"],
        title="The 100% checkout",
    ),
    entity("Component", "basket", {"type": "Service", "owner": "search"}, tags=["java"], title="Basket_1"),
    entity("Component", "basket", {"type": "website", "nothing": None}, namespace="shop", title=""),
    entity("API", "orders", {"type": "openapi", "owner": "payments", "definition": "d" * 300}),
    entity(
        "Component",
        "old",
        {"type": "service"},
        annotations={"backstage.io/orphan": "true"},
        status={"items": [{"level": "error"}]},
    ),
]
NAMES = {catalogs.ref_of(one).split("/")[1]: one for one in DOCUMENTS}


@pytest.fixture
def filled(each_database: Database) -> Database:
    catalogs.fill(each_database, DOCUMENTS)
    return each_database


def names(documents: Sequence[str]) -> list[str]:
    return [json.loads(one)["metadata"]["name"] for one in documents]


def found(database: Database, asked: Question, limit: int | None = None, **more: Any) -> list[str]:
    with database.read() as session:
        page = finding.page(session, asked, limit, **more)
        if not more and limit is None:
            assert finding.total(session, asked) == len(page.documents)
    return names(page.documents)


def by_name(*filter_: str) -> Question:
    return question(filters.from_query(filter_), [Order("metadata.name")])


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        (("kind=component",), ["basket", "basket", "Checkout", "old"]),
        (("kind=COMPONENT,spec.type=service",), ["basket", "Checkout", "old"]),
        (("kind=component,kind=api,spec.owner=payments",), ["Checkout", "orders"]),
        (("kind=group", "kind=api"), ["orders", "payments"]),
        (("metadata.tags=java",), ["basket", "Checkout"]),
        (("metadata.tags.fast",), ["Checkout"]),
        (("metadata.tags.fast=true",), ["Checkout"]),
        (("relations.ownedBy=group:default/payments",), ["Checkout"]),
        (("metadata.annotations.backstage.io/orphan=true",), ["old"]),
        (("metadata.namespace=shop",), ["basket"]),
        (("spec.rank=3",), ["Checkout"]),
        (("spec.nothing",), ["basket"]),
        (("spec.nothing=",), []),
        (("spec.definition",), ["orders"]),  # too long to be looked for, and there
        (("status.items.level=error",), []),
        (("kind=%",), []),
        (("kind=\0",), []),
        (("kind=' or 1=1 --",), []),
        (("k" * 300,), []),
    ],
)
def test_a_filter_finds(filled: Database, filter_: tuple[str, ...], expected: list[str]) -> None:
    assert found(filled, by_name(*filter_)) == expected


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        ({}, ["basket", "basket", "Checkout", "old", "orders", "payments"]),
        ({"$any": []}, []),
        ({"$not": {"kind": "component"}}, ["orders", "payments"]),
        (
            {
                "$not": {"$any": []},
            },
            ["basket", "basket", "Checkout", "old", "orders", "payments"],
        ),
        ({"kind": "component", "spec.owner": {"$exists": False}}, ["basket", "old"]),
        ({"metadata.name": {"$hasPrefix": "O"}}, ["old", "orders"]),
        ({"metadata.title": {"$hasPrefix": ""}}, ["basket", "basket", "Checkout"]),
        ({"metadata.title": {"$hasPrefix": "%"}}, []),
        ({"metadata.name": {"$in": ["old", "orders", "\ud800", "\0"]}}, ["old", "orders"]),
        ({"metadata.name": {"$in": []}}, []),
        ({"relations": {"$contains": {"type": "ownedBy"}}}, ["Checkout"]),
        ({"relations": {"$contains": {"type": "ownedBy", "targetRef": {"$in": ["group:default/other"]}}}}, []),
        ({"\0": {"$exists": False}}, ["basket", "basket", "Checkout", "old", "orders", "payments"]),
    ],
)
def test_a_predicate_finds(filled: Database, predicate: Any, expected: list[str]) -> None:
    assert found(filled, question(predicate, [Order("metadata.name")])) == expected
    assert sorted(found(filled, question(predicate, []))) == sorted(expected)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order("metadata.name"), ["basket", "basket", "Checkout", "old", "orders", "payments"]),
        (Order("metadata.name", True), ["payments", "orders", "old", "Checkout", "basket", "basket"]),
        (Order("spec.rank"), ["Checkout"]),
        (Order("spec.nothing"), []),
        (Order("spec.owner", True), ["basket", "orders", "Checkout"]),
        (Order("metadata.tags"), ["Checkout", "basket"]),  # once each, by the smallest of their tags
        (Order("nobody.has.it"), []),
    ],
)
def test_what_lacks_the_ordered_field_is_left_out(filled: Database, order: Order, expected: list[str]) -> None:
    assert found(filled, question(None, [order])) == expected


@pytest.mark.parametrize(
    ("term", "fields", "expected"),
    [
        ("BASK", ["metadata.name"], ["basket", "basket"]),
        ("%", ["metadata.title"], ["Checkout"]),
        ("_", ["metadata.title"], ["basket"]),
        ("e", ["metadata.name", "metadata.title"], ["basket", "basket", "Checkout", "orders", "payments"]),
        ("x" * 60_000, ["metadata.name"], []),
        ("java", ["metadata.tags"], ["basket", "Checkout"]),
    ],
)
def test_full_text_finds(filled: Database, term: str, fields: list[str], expected: list[str]) -> None:
    assert found(filled, question(None, [Order("metadata.name")], term, fields)) == expected


@pytest.mark.parametrize("order", [[], [Order("metadata.name")], [Order("kind", True)], [Order("spec.type")]])
def test_pages_forward_and_back_show_every_row_once(filled: Database, order: list[Order]) -> None:
    asked = question(None, order)
    with filled.read() as session:
        whole = list(finding.page(session, asked, None).documents)
        pages = [finding.page(session, asked, 2)]
        while pages[-1].more:
            pages.append(finding.page(session, asked, 2, position=pages[-1].last))
        forward = [one for page in pages for one in page.documents]
        last = pages[-1]
        back = list(last.documents)
        while last.more or last is pages[-1]:
            last = finding.page(session, asked, 2, position=last.first, backwards=True)
            back = [*last.documents, *back]

    assert forward == whole
    assert back == whole
    assert len(whole) >= 5  # or it would show little


def test_an_offset_skips_and_no_limit_means_none(filled: Database) -> None:
    assert found(filled, by_name(), 2, offset=3) == ["old", "orders"]
    assert found(filled, by_name(), offset=5) == ["payments"]
    assert found(filled, by_name(), 0) == []


def test_facets_count_what_is_written(filled: Database) -> None:
    with filled.read() as session:
        counted = finding.facets(session, ["spec.type", "Kind", "nobody.has", "\0"], None)
        owned = finding.facets(session, ["metadata.tags"], filters.tree({"spec.type": "service"}))

    assert counted == {
        "spec.type": [("Service", 1), ("openapi", 1), ("service", 2), ("team", 1), ("website", 1)],
        "kind": [("API", 1), ("Component", 4), ("Group", 1)],
        "nobody.has": [],
        "\0": [],
    }
    assert owned == {"metadata.tags": [("Fast", 1), ("java", 2)]}


def test_entities_by_name_and_uid(filled: Database) -> None:
    with filled.read() as session:
        one = finding.one(session, "component:default/checkout")
        assert one is not None
        again = finding.by_uid(session, json.loads(one.document)["metadata"]["uid"])
        some = finding.by_refs(session, ["component:default/checkout", "api:default/orders", "a:b/c", "\0"])
        fitting = finding.by_refs(session, list(some), filters.tree({"kind": "api"}))
        nobody = [finding.one(session, "\0"), finding.by_uid(session, "\ud800"), finding.one(session, "a:b/c")]

    assert again == one
    assert json.loads(one.document) == NAMES["checkout"]
    assert set(some) == {"component:default/checkout", "api:default/orders"}
    assert set(fitting) == {"api:default/orders"}
    assert nobody == [None, None, None]


def test_what_nothing_describes_any_more_is_not_among_the_living(filled: Database) -> None:
    with filled.read() as session:
        assert names(finding.living(session, ["component", "api"])) == ["orders", "basket", "Checkout", "basket"]
        assert finding.count(session) == len(DOCUMENTS)


def test_a_question_is_one_statement(filled: Database) -> None:
    asked = question({"$any": [{"kind": "api"}, {"$not": {"spec.owner": "x"}}]}, [Order("metadata.name")], "e")
    said: list[str] = []

    with filled.read() as session:
        event.listen(session.connection(), "before_cursor_execute", lambda *all_: said.append(all_[2]))
        finding.page(session, asked, 20)
        finding.total(session, asked)
        finding.facets(session, ["kind", "spec.type"], asked.where)
        finding.by_refs(session, [f"component:default/{n}" for n in range(500)])

    assert len(said) == 4


KEYS, VALUES = ("kind", "spec.type", "metadata.tags", "metadata.name", "spec.x"), ("component", "service", "java", "o")
LEAVES = (
    st.builds(Exists, st.sampled_from(KEYS))
    | st.builds(OneOf, st.sampled_from(KEYS), st.lists(st.sampled_from(VALUES), max_size=2).map(tuple))
    | st.builds(Prefix, st.sampled_from(KEYS), st.sampled_from((*VALUES, "", "ch", "LONG" * 80)))
)
NODES = st.recursive(
    LEAVES,
    lambda below: (
        st.builds(Not, below)
        | st.lists(below, max_size=3).map(tuple).flatmap(lambda parts: st.sampled_from([Every(parts), Any_(parts)]))
    ),
    max_leaves=8,
)


def holds(node: Node, rows: Sequence[tuple[str, str | None, str | None]]) -> bool:
    """The same question, answered by looking."""
    match node:
        case Exists(key):
            return any(row[0] == key for row in rows)
        case OneOf(key, values):
            return any(row[0] == key and row[1] in values for row in rows)
        case Prefix(key, prefix):
            return any(row[0] == key and row[1] is not None and row[1].startswith(prefix) for row in rows)
        case Not(part):
            return not holds(part, rows)
        case Every(parts):
            return all(holds(part, rows) for part in parts)
        case Any_(parts):
            return any(holds(part, rows) for part in parts)


@given(node=NODES)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_database_answers_as_looking_would(filled: Database, node: Node) -> None:
    expected = sorted(json.dumps(one["metadata"]["uid"]) for one in DOCUMENTS if holds(node, flat(one)))

    class Asked(Question):
        where = node  # type: ignore[assignment]

    for order in (None, Order("metadata.name")):
        with filled.read() as session:
            page = finding.page(session, Asked(order=order), None)
        assert sorted(json.dumps(json.loads(one)["metadata"]["uid"]) for one in page.documents) == expected


@pytest.mark.parametrize("operator", ["$all", "$any"])
def test_the_largest_question_is_answered(filled: Database, operator: str) -> None:
    many = {operator: [{"kind": {"$in": ["component", f"{n}"]}} for n in range(filters.MAX_PARTS)]}
    deep: Any = {"kind": {"$in": ["component", *map(str, range(filters.MAX_VALUES - 1))]}}
    for _ in range((filters.MAX_DEPTH - 1) // 2):
        deep = {"$all": [{"$any": [deep]}]}

    for asked in (many, deep):
        for order in ([Order("spec.type")], []):
            assert len(found(filled, question(asked, order))) == 4
