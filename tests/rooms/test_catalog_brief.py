"""What lists are told of services without their documents is what the services' own pages say; who is on which team."""

import pytest

from catalog import query
from catalog.brief import briefs, listed
from ledger.db import Database
from tests.cataloging import company, component, document, fill, group, user

DEPLOY = {"environments": {"production": {"target": {"kind": "memory"}}}}


def test_a_brief_says_what_the_service_says(each_database: Database) -> None:
    fill(
        each_database,
        *company(
            component("checkout", "payments", deploy=DEPLOY, oncall={"escalation": "Money-First"}),
            component("ledger", "alice@example.org", oncall={"escalation": ["money"]}),
            component("search", "nobody", onCall={"escalation": "money"}),
            component("basket", system="till", oncall="money"),
            component("lost", system="nowhere", oncall={"escalation": 5}),
            document("System", "till", {"owner": "shop"}),
        ),
        check=False,
    )

    with each_database.read() as session:
        services, known = query.services(session), query.directory(session)
        found, rows = briefs(session, known), listed(session, known)
        assert briefs(session, known, [found[1].ref, found[2].ref]) == found[1:3]

    same = ("ref", "name", "title", "description", "owner", "escalation")
    assert [[getattr(one, name) for name in same] for one in found] == [
        [getattr(one, name) for name in same] for one in services
    ]
    assert [one.name for one in rows if one.deploys] == [one.name for one in services if one.deploy] == ["checkout"]
    assert {one.name: one.escalation for one in found if one.escalation} == {"checkout": "Money-First"}
    assert {one.name: one.owner.title for one in found}["basket"] == "shop"


@pytest.mark.parametrize("person", ["alice", "bob", "carol", "nobody"])
def test_somebody_belongs_to_the_groups_that_count_her_in(database: Database, person: str) -> None:
    circle = (group("north", parent="south"), group("south", parent="north"))
    fill(database, *company(*circle, user("carol", "north", "payments")), check=False)
    ref = f"user:default/{person}"

    with database.read() as session:
        name, teams = query.belongs(session, ref)
        known = query.directory(session)

    assert teams == known.teams_of(ref)
    assert name == (known.people[ref].name if ref in known.people else "")
    assert len(teams) == {"alice": 2, "bob": 1, "carol": 4, "nobody": 0}[person]
