"""What nobody answers for, teams without people and teams of one."""

from hypothesis import given
from hypothesis import strategies as st

from catalog import orphans
from catalog.groups import Claim, Directory, Person, directory
from catalog.ownership import owner_of
from catalog.places import Place
from tests.conftest import NOON

ALICE, BOB = Person("user:default/alice", "Alice", ""), Person("user:default/bob", "Bob", "")
PAYMENTS, SEARCH, LEGACY = "group:default/payments", "group:default/search", "group:default/legacy"
GROUPS = {PAYMENTS: "Payments", SEARCH: "Search", LEGACY: "Legacy"}


def claim(name: str, owner: str = "", part_of: str | None = None) -> Claim:
    ref = name if ":" in name else f"component:default/{name}"
    said = owner if ":" in owner else f"group:default/{owner}"
    return Claim(ref, owner, said if owner else None, "", Place("shop.yaml", 1, 1), part_of)


SHOPPING = claim("system:default/shopping", "legacy")
KNOWN = directory(
    GROUPS,
    {ALICE.ref: ALICE, BOB.ref: BOB},
    [(PAYMENTS, ALICE.ref), (PAYMENTS, BOB.ref), (SEARCH, BOB.ref)],
    claims=[SHOPPING],
)
EVERYTHING = [
    SHOPPING,
    claim("checkout", "payments"),
    claim("index", "search"),
    claim("basket", part_of=SHOPPING.ref),
    claim("lost"),
    claim("typo", "paymets"),
    claim("group:default/payments"),
    claim("location:default/all"),
]


def test_an_orphan_has_no_owner_or_one_that_leads_to_nobody() -> None:
    found = orphans.health(EVERYTHING, KNOWN)

    assert [(one.ref, one.problem.code) for one in found.orphans] == [
        ("component:default/basket", "nobody"),
        ("component:default/lost", "no-owner"),
        ("component:default/typo", "unknown-owner"),
        ("system:default/shopping", "nobody"),
    ]
    assert (found.all, found.owned) == (6, 2)


def test_a_team_without_people_is_listed_with_all_it_owns() -> None:
    (team,) = orphans.health(EVERYTHING, KNOWN).disbanded

    assert (team.ref, team.people, team.gone) == (LEGACY, (), None)
    assert team.owns == ("component:default/basket", "system:default/shopping")


def test_a_team_that_is_gone_is_disbanded_while_something_names_it() -> None:
    known = directory(GROUPS, {ALICE.ref: ALICE}, [(PAYMENTS, ALICE.ref)], gone={PAYMENTS: NOON, SEARCH: NOON})

    found = orphans.health([claim("checkout", "payments")], known)

    (team,) = found.disbanded
    assert (team.ref, team.people, team.gone) == (PAYMENTS, (ALICE,), NOON)
    assert found.alone == ()


def test_a_team_of_one_is_listed_only_when_it_owns_something() -> None:
    assert [(team.ref, team.people) for team in orphans.health(EVERYTHING, KNOWN).alone] == [(SEARCH, (BOB,))]
    assert orphans.health([claim("checkout", "payments")], KNOWN).alone == ()


def test_an_owner_whom_nobody_describes_is_listed_once_with_all_who_name_it() -> None:
    (one,) = orphans.health([*EVERYTHING, claim("second", "paymets")], KNOWN).unknown

    assert (one.ref, one.title, one.hint) == ("group:default/paymets", "paymets", 'did you mean "payments"?')
    assert one.named_by == ("component:default/second", "component:default/typo")


OWNERS = st.sampled_from(["", "payments", "search", "legacy", "nowhere", "user:default/alice", "user:default/zoe"])
ABOVE = st.none() | st.sampled_from(["system:default/s0", "system:default/s1"])


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), OWNERS, ABOVE), unique_by=lambda one: one[0]),
    st.lists(st.tuples(st.sampled_from(["s0", "s1"]), OWNERS, ABOVE), unique_by=lambda one: one[0]),
    st.lists(st.tuples(st.sampled_from(sorted(GROUPS)), st.sampled_from([ALICE.ref, BOB.ref, *GROUPS]))),
    st.sets(st.sampled_from([*GROUPS, ALICE.ref])),
)
def test_every_entity_has_somebody_or_is_an_orphan(
    below: list[tuple[str, str, str | None]],
    above: list[tuple[str, str, str | None]],
    pairs: list[tuple[str, str]],
    gone: set[str],
) -> None:
    wholes = [claim(f"system:default/{name}", owner, part_of) for name, owner, part_of in above]
    claims = [*wholes, *(claim(*one) for one in below)]
    known: Directory = directory(
        GROUPS, {ALICE.ref: ALICE, BOB.ref: BOB}, pairs, claims=wholes, gone=dict.fromkeys(gone, NOON)
    )

    found = orphans.health(claims, known)

    answered = {one.ref for one in claims if owner_of(one, known).people}
    assert {one.ref for one in found.orphans} == {one.ref for one in claims} - answered
    assert found.owned == len(answered)
    for team in found.disbanded:
        assert team.owns
        assert team.gone or not team.people
    for team in found.alone:
        assert len(team.people) == 1
        assert set(team.owns) <= answered
    assert not {team.ref for team in found.alone} & {team.ref for team in found.disbanded}
