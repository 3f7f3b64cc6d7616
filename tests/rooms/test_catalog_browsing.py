"""Looking through the catalog on both databases: words, filters with counts, pages, and what is around an entity."""

import time
from datetime import timedelta

import pytest
from sqlalchemy import update

from catalog import browsing, graph, nearby, query
from catalog.browsing import Asked
from catalog.tables import EntityRow
from ledger.db import Database
from tests.cataloging import company, component, document, fill
from tests.conftest import NOON

CHECKOUT, LEDGER, SHOP = "component:default/checkout", "component:default/ledger", "component:default/shop"
DOCUMENTS = (
    component("checkout", "payments", consumesApis=["books"]),
    component("ledger", "payments", providesApis=["books"], dependsOn=["component:ghost"]),
    component("shop", "shop", dependsOn=["component:checkout"], lifecycle="experimental"),
    component("Orphan_100", "nobody"),
    document("API", "books", {"type": "openapi", "lifecycle": "production", "owner": "payments", "definition": "x"}),
    document("System", "store", {"owner": "shop"}, description="All 100% of it", tags=["money", "python-3"]),
)


@pytest.fixture
def filled(each_database: Database) -> Database:
    fill(each_database, *company(*DOCUMENTS))
    return each_database


def names(database: Database, asked: Asked, **more: object) -> list[str]:
    with database.read() as session:
        return [row.name for row in browsing.find(session, asked, query.directory(session), **more).rows]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("check", ["checkout"]),
        ("CHECK", ["checkout"]),
        ("100%", ["store"]),
        ("orphan_", ["Orphan_100"]),
        ("_", ["Orphan_100"]),
        ("money", ["store"]),
        ("python", ["store"]),
        ("payments led", ["ledger"]),
        ("component", []),  # a kind is a filter, no word
        ("nobody", ["Orphan_100"]),
        ("' or 1=1 --", []),
    ],
)
def test_words_are_looked_for_as_they_are(filled: Database, words: str, found: list[str]) -> None:
    assert names(filled, Asked(words)) == found


def test_a_filter_counts_what_the_others_leave(filled: Database) -> None:
    with filled.read() as session:
        found = browsing.find(
            session, Asked(kind="component", owner="group:default/payments"), query.directory(session)
        )

    assert found.count == 2
    assert found.facets["kind"] == {"component": 2, "api": 1}
    assert found.facets["owner"] == {"group:default/payments": 2, "group:default/shop": 1, "group:default/nobody": 1}
    assert found.facets["lifecycle"] == {"production": 2}


def test_the_owner_is_whoever_answers_whatever_the_file_calls_her(each_database: Database) -> None:
    system = document("System", "store", {"owner": "payments"})
    by_mail, inherits = component("basket", "alice@example.org"), component("till", "x", system="store")
    fill(each_database, *company(system, by_mail, inherits, component("lost", "nobody")))
    with each_database.write() as session:
        said_nothing = {"owner_text": "", "owner_ref": None}
        session.execute(update(EntityRow).where(EntityRow.name == "till").values(**said_nothing))

    with each_database.read() as session:
        known = query.directory(session)
        rows = {row.name: row.owner for row in browsing.find(session, Asked(kind="component"), known).rows}
        facets = browsing.find(session, Asked(kind="component"), known).facets
    assert (rows["basket"].ref, rows["till"].ref) == ("user:default/alice", "group:default/payments")
    assert facets["owner"] == {"user:default/alice": 1, "group:default/payments": 1, "group:default/nobody": 1}
    assert facets["label"]["unowned"] == 1
    assert names(each_database, Asked(kind="component", owner="group:default/payments")) == ["till"]
    assert names(each_database, Asked(kind="component", owner="user:default/alice")) == ["basket"]
    assert names(each_database, Asked(label="unowned")) == ["lost"]
    assert names(each_database, Asked(owner="group:default/no-such")) == []


def test_labels_tell_what_is_stale_removed_and_wrong(filled: Database) -> None:
    with filled.write() as session:
        session.execute(update(EntityRow).where(EntityRow.ref == SHOP).values(stale_since=NOON))
        session.execute(update(EntityRow).where(EntityRow.ref == CHECKOUT).values(removed_at=NOON + timedelta(days=1)))

    with filled.read() as session:
        found = browsing.find(session, Asked(), query.directory(session))
    assert found.facets["label"] == {"problems": 2, "stale": 1, "removed": 1, "unowned": 1, "look": 3}
    assert names(filled, Asked(label="stale")) == ["shop"]
    assert names(filled, Asked(label="removed")) == ["checkout"]
    assert set(names(filled, Asked(label="problems"))) == {"ledger", "Orphan_100"}
    assert names(filled, Asked(label="nonsense")) == []


def test_pages_follow_one_another_and_none_is_shown_twice(filled: Database) -> None:
    seen, after = [], ""
    while True:
        with filled.read() as session:
            found = browsing.find(session, Asked(), query.directory(session), after, 3)
        seen += [row.ref for row in found.rows]
        if not found.more:
            break
        after = found.more

    assert len(seen) == len(set(seen)) == found.everything == 10


def test_what_is_around_an_entity_is_everything_that_reaches_it_and_that_it_reaches(filled: Database) -> None:
    with filled.read() as session:
        around = nearby.around(session, LEDGER)
        far = nearby.around(session, SHOP)

    assert [one.ref for one in graph.dependents(around.graph, LEDGER)] == ["api:default/books", CHECKOUT, SHOP]
    assert [one.ref for one in graph.dependencies(around.graph, LEDGER)] == ["component:default/ghost"]
    assert "component:default/ghost" not in around.known
    assert [one.ref for one in graph.dependencies(far.graph, SHOP)][-1] == "component:default/ghost"
    assert around.known[CHECKOUT].owner_ref == "group:default/payments"


def test_a_circle_ends(each_database: Database) -> None:
    fill(each_database, component("a", "x", dependsOn=["component:b"]), component("b", "x", dependsOn=["component:a"]))

    with each_database.read() as session:
        around = nearby.around(session, "component:default/a")

    assert graph.circle(around.graph, "component:default/a") == ("component:default/a", "component:default/b")


def test_five_thousand_entities_are_looked_through_at_once(database: Database) -> None:
    many = [component(f"service-{at}", f"team-{at % 50}", dependsOn=["component:service-0"]) for at in range(5000)]
    fill(database, *company(*many), check=False)

    def took(words: str) -> float:
        began = time.perf_counter()
        with database.read() as session:
            browsing.find(session, Asked(words), query.directory(session))
        return time.perf_counter() - began

    assert min(took("") for _ in range(3)) < 2  # seconds; measured: 0.02
    assert min(took("service team-1") for _ in range(3)) < 5  # measured: 0.1
