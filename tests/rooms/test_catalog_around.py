"""Part of the directory tells the same owners as all of it: groups below groups, other names, inheritance, nobody."""

import catalog.query
from catalog import around, ownership, rows
from ledger.db import Database
from tests import cataloging

COMPANY = (
    cataloging.group("payments", children=["ledgers"], profile={"displayName": "Payments", "email": "pay@example.org"}),
    cataloging.group("ledgers", children=["payments"]),  # a circle
    cataloging.group("empty"),
    cataloging.group("elsewhere"),
    cataloging.user("ada", "payments"),
    cataloging.user("bob", "ledgers"),
    cataloging.user("eve", "elsewhere"),
    cataloging.document("Domain", "money", {"owner": "payments"}),
    cataloging.document("System", "shop", {"domain": "money"}),
    cataloging.component("direct", "payments"),
    cataloging.component("alone", "user:bob"),
    cataloging.component("inherits", "", system="shop"),
    cataloging.component("lost", "", system="nowhere"),
    cataloging.component("nobody", ""),
    cataloging.component("unknown", "group:gone"),
    cataloging.component("hollow", "empty"),
    cataloging.component("mailed", "pay@example.org"),
)
LEAVES_OUT = {"direct", "alone", "inherits", "lost", "nobody", "hollow"}  # whoever has nothing to do with them


def test_each_owner_is_the_same_as_among_all(database: Database) -> None:
    cataloging.fill(database, *COMPANY)
    with database.read() as session:
        known = around.whole(session)
        for row in rows.components(session):
            one = around.claim(row)
            near = around.around(session, [one])
            assert ownership.owner_of(one, near) == ownership.owner_of(one, known), row.name
            assert ("user:default/eve" not in near.people) == (row.name in LEAVES_OUT), row.name


def test_one_service_among_all_is_the_same_service(database: Database) -> None:
    cataloging.fill(database, *COMPANY)
    with database.read() as session:
        everything = catalog.query.services(session)
        assert [catalog.query.service(session, one.ref) for one in everything] == everything
        assert catalog.query.services(session, 1) == everything
