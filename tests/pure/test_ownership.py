"""From an owner to people; circles and strangers included."""

from hypothesis import given
from hypothesis import strategies as st

from catalog import ownership
from catalog.ownership import Directory, Person, directory
from catalog.places import Place

ALICE, BOB = Person("user:default/alice", "Alice", "alice@example.org"), Person("user:default/bob", "Bob", "")
PAYMENTS, CARDS, SHOP = "group:default/payments", "group:default/cards", "group:default/shop"
HERE = Place("catalog-info.yaml", 7, 3)


def company(*pairs: tuple[str, str]) -> Directory:
    groups = {PAYMENTS: "Payments", CARDS: "Cards", SHOP: "Shop"}
    return directory(groups, {person.ref: person for person in (ALICE, BOB)}, pairs)


def test_a_team_is_its_people_and_those_of_the_teams_below() -> None:
    known = company((PAYMENTS, BOB.ref), (PAYMENTS, CARDS), (CARDS, ALICE.ref))

    owner = ownership.resolve(PAYMENTS, known, "catalog-info.yaml")

    assert owner == ownership.Owner(PAYMENTS, "Payments", (ALICE, BOB), "from catalog-info.yaml")


def test_a_person_owns_alone() -> None:
    assert ownership.resolve(ALICE.ref, company(), "x.yaml").people == (ALICE,)


def test_a_circle_of_teams_ends() -> None:
    known = company((PAYMENTS, CARDS), (CARDS, SHOP), (SHOP, PAYMENTS), (SHOP, ALICE.ref))

    assert known.people_of(PAYMENTS) == (ALICE,)
    assert known.teams_of(ALICE.ref) == {PAYMENTS, CARDS, SHOP}


def test_somebody_is_in_the_teams_above_and_not_in_those_below() -> None:
    known = company((SHOP, PAYMENTS), (PAYMENTS, CARDS), (PAYMENTS, ALICE.ref))

    assert known.teams_of(ALICE.ref) == {PAYMENTS, SHOP}


def test_a_member_whom_nobody_describes_is_left_out() -> None:
    assert company((PAYMENTS, "user:default/carol")).people_of(PAYMENTS) == ()


def problem(owner: str, *pairs: tuple[str, str]) -> str:
    return str(ownership.problem(owner, company(*pairs), HERE, "component:default/checkout"))


def test_an_unknown_team_says_what_was_probably_meant() -> None:
    expected = 'catalog-info.yaml:7:3 owner: no team "paymets"; did you mean "payments"?'
    assert problem("group:default/paymets") == expected


def test_an_unknown_owner_like_nobody_says_what_to_do() -> None:
    assert problem("user:default/zoe").endswith('owner: no person "zoe"; describe it in a catalog-info.yaml')


def test_a_person_named_as_a_team_is_recognised() -> None:
    assert problem("group:default/alice").endswith('owner: no team "alice"; did you mean "user:alice"?')


def test_a_team_without_people_is_a_warning() -> None:
    found = ownership.problem(PAYMENTS, company(), HERE, "component:default/checkout")

    assert found is not None
    assert (found.severity, found.message) == ("warning", 'owner: there is nobody in team "payments"')


def test_an_owner_who_answers_is_no_problem() -> None:
    assert ownership.problem(PAYMENTS, company((PAYMENTS, ALICE.ref)), HERE, "x") is None
    assert ownership.problem(BOB.ref, company(), HERE, "x") is None


NAMES = st.sampled_from([PAYMENTS, CARDS, SHOP, ALICE.ref, BOB.ref])


@given(st.lists(st.tuples(st.sampled_from([PAYMENTS, CARDS, SHOP]), NAMES)))
def test_people_of_a_team_and_teams_of_a_person_agree(pairs: list[tuple[str, str]]) -> None:
    known = company(*pairs)

    for person in (ALICE, BOB):
        assert {group for group in known.groups if person in known.people_of(group)} == known.teams_of(person.ref)
