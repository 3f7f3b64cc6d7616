"""What the catalog answers, and that it asks the database the same few questions however large it is."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, insert

from catalog import query
from catalog.tables import EntityRow, MembershipRow, RepositoryRow
from ledger.db import Database
from ledger.errors import Code, Error
from tests.conftest import NOON

REPOSITORY = {"id": 1, "url": "https://example.org/shop.git", "name": "shop", "registered_at": NOON, "error": ""}


def row(ref: str, owner: str | None = None, **more: Any) -> dict[str, Any]:
    kind, name = ref.split(":")[0], ref.split("/")[1]
    about = {"kind": kind, "name": name, "title": name.title(), "description": "", "mail": "", "owner_ref": owner}
    where = {"repository_id": 1, "path": "catalog-info.yaml", "revision": "a" * 40, "owner_line": 7, "owner_column": 3}
    rest = {"type": "", "lifecycle": "", "spec": {}, "about": {}, "stale_since": None}
    return {"ref": ref, **about, **where, **rest, **more}


def filled(database: Database, *rows: dict[str, Any], pairs: dict[str, str] | None = None) -> None:
    """`pairs` is below -> above, stated by the one below."""
    with database.write() as session:
        session.execute(insert(RepositoryRow), [{**REPOSITORY, "again": False}])
        session.execute(insert(EntityRow), list(rows))
        stated = [{"above": above, "below": below, "stated_by": below} for below, above in (pairs or {}).items()]
        if stated:
            session.execute(insert(MembershipRow), stated)


ALICE, BOB = "user:default/alice", "user:default/bob"
PAYMENTS, SHOP = "group:default/payments", "group:default/shop"
CHECKOUT = "component:default/checkout"
COMPANY = (row(ALICE, mail="alice@example.org"), row(BOB), row(PAYMENTS), row(SHOP))
PAIRS = {ALICE: PAYMENTS, BOB: SHOP, PAYMENTS: SHOP}


def test_a_service_has_its_owner_with_people_and_where_that_is_said(database: Database) -> None:
    filled(database, *COMPANY, row(CHECKOUT, SHOP, spec={"dependsOn": ["component:ledger"]}), pairs=PAIRS)

    with database.read() as session:
        service = query.service(session, "checkout")

    assert [person.ref for person in service.owner.people] == [ALICE, BOB]
    assert (service.owner.title, service.owner.provenance) == ("Shop", "from catalog-info.yaml")
    assert service.depends_on == ("component:default/ledger",)
    assert (service.repository_url, service.head) == ("https://example.org/shop.git", None)


@pytest.mark.parametrize("name", ["checkout", "Checkout", "default/checkout", "component:checkout", CHECKOUT])
def test_a_service_is_found_by_any_spelling_of_its_name(database: Database, name: str) -> None:
    filled(database, row(CHECKOUT, PAYMENTS))

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
    filled(database, *COMPANY, row(CHECKOUT, PAYMENTS))

    with database.read() as session, pytest.raises(Error) as missing:
        query.service(session, name)

    assert missing.value.code is Code.NOT_FOUND
    assert missing.value.message.startswith(said)


def test_an_owner_whom_nobody_knows_has_no_people_and_is_a_problem(database: Database) -> None:
    filled(database, *COMPANY, row(CHECKOUT, "group:default/paymets"), pairs=PAIRS)

    with database.read() as session:
        service, problems = query.service(session, "checkout"), query.problems(session)

    assert (service.owner.title, service.owner.people, service.problems) == ("paymets", (), 1)
    assert [str(problem) for problem in problems] == [
        'catalog-info.yaml:7:3 owner: no team "paymets"; did you mean "payments"?'
    ]


def test_teams_are_those_somebody_is_in_and_those_above(database: Database) -> None:
    filled(database, *COMPANY, pairs=PAIRS)

    with database.read() as session:
        assert query.teams_of(session, ALICE) == {PAYMENTS, SHOP}
        assert query.teams_of(session, BOB) == {SHOP}
        assert query.teams_of(session, "user:default/carol") == frozenset()
        assert query.people(session)[ALICE].mail == "alice@example.org"


def test_a_script_in_a_stored_link_is_not_shown(database: Database) -> None:
    links = [{"url": "javascript:alert(1)"}, {"url": "https://example.org/board", "title": "Board"}]
    filled(database, row(CHECKOUT, about={"links": links, "tags": ["java"]}))

    with database.read() as session:
        service = query.service(session, "checkout")

    assert service.links == (query.Link("https://example.org/board", "Board"),)
    assert service.tags == ("java",)
    assert service.owner.people == ()


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(database._reader, "before_cursor_execute", count)
    yield statements
    event.remove(database._reader, "before_cursor_execute", count)


def many(database: Database, number: int) -> None:
    spec = {"deploy": {"environments": {"production": {"target": {"kind": "memory"}}}}, "dependsOn": ["component:c0"]}
    filled(
        database,
        *COMPANY,
        *(row(f"component:default/c{index}", PAYMENTS, spec=spec, about={"tags": ["java"]}) for index in range(number)),
        pairs=PAIRS,
    )


@pytest.mark.parametrize("number", [2, 50])
def test_the_number_of_statements_does_not_grow_with_the_services(database: Database, number: int) -> None:
    many(database, number)

    with counted(database) as statements, database.read() as session:
        assert len(query.services(session)) == number

    assert sum(statement.startswith("SELECT") for statement in statements) == 4


def test_two_hundred_services_are_listed_at_once(database: Database) -> None:
    many(database, 200)
    took = []

    for _ in range(10):
        with database.read() as session:
            begun = time.thread_time()
            query.services(session)
            took.append(time.thread_time() - begun)

    assert min(took) < 0.015  # seconds of processor time, so that a busy machine does not matter
