"""What the catalog answers, and that it asks the database the same few questions however large it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from catalog import query
from ledger.db import Database
from ledger.errors import Code, Error
from tests.cataloging import HEAD, company, component, fill

ALICE, BOB = "user:default/alice", "user:default/bob"
PAYMENTS, SHOP = "group:default/payments", "group:default/shop"
CHECKOUT = "component:default/checkout"


def test_a_service_has_its_owner_with_people_and_where_that_is_said(database: Database) -> None:
    fill(database, *company(component("checkout", "shop", dependsOn=["component:ledger"])))

    with database.read() as session:
        service = query.service(session, "checkout")

    assert [person.ref for person in service.owner.people] == [ALICE, BOB]
    assert (service.owner.title, service.owner.provenance) == ("shop", "from catalog-info.yaml")
    assert service.depends_on == ("component:default/ledger",)
    assert (service.repository_url, service.head) == ("https://example.org/shop.git", HEAD)


def test_the_names_of_services_are_those_of_all_components_by_name(database: Database) -> None:
    fill(database, *company(component("search", "shop"), component("checkout", "shop")))

    with database.read() as session:
        assert query.service_names(session) == [(CHECKOUT, "checkout"), ("component:default/search", "search")]
        assert query.service_names(session) == [(one.ref, one.name) for one in query.services(session)]


@pytest.mark.parametrize("name", ["checkout", "Checkout", "default/checkout", "component:checkout", CHECKOUT])
def test_a_service_is_found_by_any_spelling_of_its_name(database: Database, name: str) -> None:
    fill(database, *company(component("checkout", "payments")))

    with database.read() as session:
        assert query.service(session, name).ref == CHECKOUT


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("chekout", 'there is no service "chekout"; did you mean "checkout"?'),
        ("zzz", 'there is no service "zzz"; register its repository, or look at the list of services'),
        ("group:payments", 'there is no service "group:payments"; register its'),
        ("a b", 'there is no service "a b"'),
        ("", 'there is no service ""'),
    ],
)
def test_a_service_that_is_not_there_says_what_was_probably_meant(database: Database, name: str, said: str) -> None:
    fill(database, *company(component("checkout", "payments")))

    with database.read() as session, pytest.raises(Error) as missing:
        query.service(session, name)

    assert missing.value.code is Code.NOT_FOUND
    assert missing.value.message.startswith(said)


def test_an_owner_whom_nobody_knows_has_no_people_and_is_a_problem(database: Database) -> None:
    fill(database, *company(component("checkout", "paymets")))

    with database.read() as session:
        service, problems = query.service(session, "checkout"), query.problems(session)

    assert (service.owner.title, service.owner.people, service.problems) == ("paymets", (), 1)
    assert [str(problem) for problem in problems] == [
        'catalog-info.yaml:40:3 owner: no team "paymets"; did you mean "payments"?'
    ]


def test_teams_are_those_somebody_is_in_and_those_above(database: Database) -> None:
    fill(database, *company())

    with database.read() as session:
        assert query.directory(session).teams_of(ALICE) == {PAYMENTS, SHOP}
        assert query.directory(session).teams_of(BOB) == {SHOP}
        assert query.directory(session).teams_of("user:default/carol") == frozenset()
        assert query.people(session)[ALICE].mail == "alice@example.org"


def test_what_is_related_is_known_from_both_sides(database: Database) -> None:
    fill(
        database,
        *company(component("checkout", "payments", dependsOn=["component:ledger"]), component("ledger", "shop")),
    )

    with database.read() as session:
        ledger = query.entity(session, "component:default/ledger")

    assert ledger.relations == (("dependencyOf", CHECKOUT), ("ownedBy", SHOP))
    assert ledger.titles == {CHECKOUT: "checkout", SHOP: "shop"}
    assert ledger.owner.title == "shop"


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(database._reader, "before_cursor_execute", count)
    yield statements
    event.remove(database._reader, "before_cursor_execute", count)


def many(database: Database, number: int) -> None:
    deploy = {"environments": {"production": {"target": {"kind": "memory"}}}}
    more = (component(f"c{index}", "payments", deploy=deploy, dependsOn=["component:c0"]) for index in range(number))
    fill(database, *company(*more), check=False)


@pytest.mark.parametrize("number", [2, 50])
def test_the_number_of_statements_does_not_grow_with_the_services(database: Database, number: int) -> None:
    many(database, number)

    with counted(database) as statements, database.read() as session:
        assert len(query.services(session)) == number

    assert sum(statement.startswith("SELECT") for statement in statements) == 5
