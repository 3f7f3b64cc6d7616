"""What all repositories but one say: exactly theirs, whoever says it, in a fixed number of statements."""

from catalog import entitystore, others
from ledger.db import Database
from tests import cataloging
from tests.cataloging import FILE, component, group, user
from tests.conftest import NOON

CHECKOUT = "component:default/checkout"


def filled(database: Database) -> None:
    """Repository 1 describes checkout, payments and alice; repository 2 refers to all of them."""
    one = (component("checkout", "payments"), group("payments", members=["zoe"]), user("alice", "payments"))
    two = (
        component("basket", "payments", dependsOn=[CHECKOUT], dependencyOf=["component:mail"]),
        component("mail", "search"),
        group("search", parent="payments"),
        user("bob", "payments", mail="Bob@example.org"),
    )
    with database.write() as session:
        for number, documents in ((1, one), (2, two)):
            cataloging.add_repository(session, number)
            cataloging.put(session, number, {FILE: "---\n".join(documents)})


def test_the_rest_is_what_the_others_say(each_database: Database) -> None:
    filled(each_database)

    with each_database.read() as session:
        rest = others.rest(session, 1, [CHECKOUT, "group:default/payments"])

    assert set(rest.held) == {f"component:default/{name}" for name in ("basket", "mail")} | {
        "group:default/search",
        "user:default/bob",
    }
    assert set(rest.held.values()) == {"shop-2"}
    assert rest.claims["component:default/basket"].owner_text == "payments"
    assert (set(rest.groups), set(rest.people)) == ({"group:default/search"}, {"user:default/bob"})
    assert ("bob@example.org", "user:default/bob") in rest.aliases
    assert rest.pairs == {
        ("group:default/payments", "user:default/bob"),
        ("group:default/payments", "group:default/search"),
    }


def test_references_stand_in_the_direction_in_which_somebody_says_them(each_database: Database) -> None:
    filled(each_database)

    with each_database.read() as session:
        found = others.rest(session, 1, [CHECKOUT, "group:default/payments"]).references

    assert {(one.source.rpartition("/")[2], one.type, one.target.rpartition("/")[2]) for one in found} == {
        ("basket", "dependsOn", "checkout"),
        ("basket", "ownedBy", "payments"),
        ("search", "childOf", "payments"),
        ("bob", "memberOf", "payments"),
    }
    assert {(one.repository, one.place.path) for one in found} == {("shop-2", FILE)}


def test_what_is_removed_elsewhere_is_not_said_any_more(database: Database) -> None:
    filled(database)
    with database.write() as session:
        entitystore.mark_removed(session, ["component:default/basket"], "b" * 40, NOON)

    with database.read() as session:
        rest = others.rest(session, 1, [CHECKOUT])

    assert "component:default/basket" not in rest.held
    assert rest.references == ()
