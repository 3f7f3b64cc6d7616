"""What the top of an entity's page says: who would feel it, and what is wrong with it, worst first."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from catalog.browsing import Gone
from catalog.git import Commit
from catalog.graph import Radius
from catalog.ownership import Chain
from catalog.places import Place
from catalog.query import EntityPage, Listed, Owner, Person
from portal import entitybands
from portal.entitybands import Behind, Rival
from portal.pages.common import UTC
from portal.render import NARROW, Times
from tests.conftest import NOON

TIMES = Times(NOON, UTC)
PAYMENTS = Owner("group:default/payments", "payments", (Person("user:default/alice", "Alice", ""),), "from x.yaml")
NOBODY = Owner("", "", (), "nobody is named")
PLACE = Place("catalog-info.yaml", 4, 3)


def about(ref: str = "component:default/ledger", **more: Any) -> Listed:
    kind, name = ref.partition(":")[0], ref.rpartition("/")[2]
    said: dict[str, Any] = dict.fromkeys(Listed.__dataclass_fields__, "")
    none = dict.fromkeys(("part_of", "owner_ref", "stale_since", "stale_revision", "removed_at", "removed_revision"))
    known = {"ref": ref, "kind": kind, "name": name, "title": name, "type": "service", "repository_id": 1}
    where = {"place": PLACE, "owner_place": PLACE, "revision": "a" * 40, "changed_at": NOON}
    return Listed(**{**said, **none, **known, **where, **more})


def page(told: Listed, **more: Any) -> EntityPage:
    rest: dict[str, Any] = {"document": {}, "repository": "shop", "head_at": NOON, "synced_at": NOON}
    ends: dict[str, Any] = {"relations": (), "titles": {}, "problems": (), "rivals": ()}
    chain = Chain(told.ref, (), more.pop("owner", PAYMENTS), (), None)
    return EntityPage(told, **{**rest, **ends, "chain": chain, **more})


A, B, ALICE = "group:default/a", "group:default/b", "user:default/alice"
FELT = [
    (Radius(0, 0, {}, frozenset()), "Nothing in the catalog depends on it."),
    (Radius(1, 1, {}, frozenset({A})), "1 service depends on it; 1 team answers for them."),
    (Radius(2, 2, {}, frozenset()), "2 services depend on it, all of them directly."),
    (Radius(12, 3, {}, frozenset({A, B})), "12 services depend on it, 3 of them directly; 2 teams answer for them."),
    (
        Radius(2, 0, {}, frozenset({A, ALICE})),
        "2 services depend on it, none of them directly; 2 owners answer for them.",
    ),
    (Radius(0, 0, {"system": 1}, frozenset()), "1 system depends on it."),
    (Radius(0, 0, {"system": 2, "domain": 1}, frozenset()), "1 domain and 2 systems depend on it."),
    (Radius(1, 1, {"resource": 3}, frozenset()), "1 service depends on it, and 3 resources."),
    (Radius(1204, 1000, {}, frozenset()), f"1{NARROW}204 services depend on it, 1{NARROW}000 of them directly."),
]


@pytest.mark.parametrize(("radius", "said"), FELT)
def test_who_would_feel_it_is_one_sentence(radius: Radius, said: str) -> None:
    assert entitybands.felt(radius) == said


def test_all_that_is_wrong_is_said_the_worst_first() -> None:
    told = about(
        removed_at=NOON - timedelta(hours=1),
        removed_revision="b" * 40,
        stale_since=NOON - timedelta(days=1),
        stale_revision="c" * 40,
    )
    rival = Rival(
        Place("x.yaml", 9, 1), "rewrite", "https://forge.example/x", NOON - timedelta(days=1), "d" * 40, "Anew"
    )
    broke = Commit("c" * 40, "Change the hours", "Bob Roe", "bob@shop.example", NOON)

    found = entitybands.states(page(told, owner=NOBODY), NOON + timedelta(days=14), TIMES, Behind([rival], broke))

    assert [band.word for band in found] == ["Removed", "Stale", "Conflict", "Nobody answers"]
    removed, stale, conflict, nobody = (band.text for band in found)
    assert "since commit bbbbbbb, today 11:00" in removed
    assert "kept until Mon 16 Mar 12:00, and longer while it is in use" in removed
    assert "broke yesterday 12:00 with commit ccccccc, “Change the hours” by Bob Roe. Until" in stale
    assert "what stood in it at aaaaaaa stays in use" in stale
    assert conflict.startswith("shop was first and keeps it. Also claimed by rewrite, x.yaml:9, since yesterday 12:00")
    assert "12:00, still at commit ddddddd “Anew”. Give one" in conflict
    assert found[2].links == (("The file of rewrite", "https://forge.example/x"),)
    assert nobody == "catalog-info.yaml names no owner, and nothing that it is part of does. Add spec.owner."


def test_an_owner_without_people_is_named() -> None:
    (band,) = entitybands.states(page(about(), owner=replace(PAYMENTS, people=())), None, TIMES, Behind())

    assert band.text == "Its owner is payments, from x.yaml, and that leads to no person."


def test_an_owner_that_is_gone_is_said_with_the_commit_that_took_it_away() -> None:
    gone = Gone(NOON - timedelta(days=1), "e" * 40, 2, "people")
    left = Commit("e" * 40, "Otto has left", "Ann Lee", "ann@shop.example", NOON)
    behind = Behind(gone=gone, left=left, owner_url="/catalog/group/default/payments")

    (band,) = entitybands.states(page(about(), owner=replace(PAYMENTS, people=())), None, TIMES, behind)

    assert band.text == (
        "Its owner payments, from x.yaml, is gone since yesterday 12:00, by commit eeeeeee, “Otto has left” by Ann Lee "
        "in people. Name who answers now."
    )
    assert band.links == (("What payments was", "/catalog/group/default/payments"),)


@pytest.mark.parametrize("ref", ["group:default/payments", "user:default/alice", "location:default/all"])
def test_who_is_owned_by_nobody_by_nature_is_no_problem(ref: str) -> None:
    assert entitybands.states(page(about(ref), owner=NOBODY), None, TIMES, Behind()) == []


FIVE = tuple(("memberOf", f"group:default/{name}") for name in "abcde")
CALM = [
    ("component:default/ledger", (), "ledger belongs to payments."),
    ("group:default/shop", (("hasMember", "user:default/alice"),), "shop has 1 person."),
    ("group:default/shop", (), "shop has nobody in it."),
    ("group:default/shop", (("parentOf", "group:default/payments"),), "shop is made of teams."),
    ("user:default/alice", (("memberOf", "group:default/shop"),), "alice is in shop."),
    ("user:default/alice", FIVE, "alice is in a, b, c and 2 more."),
    ("user:default/alice", (), "alice is in no team."),
]


@pytest.mark.parametrize(("ref", "relations", "title"), CALM)
def test_when_nothing_is_wrong_it_says_whose_it_is(
    ref: str, relations: tuple[tuple[str, str], ...], title: str
) -> None:
    assert entitybands.calm(page(about(ref), relations=relations), FELT[0][0]).title == title
