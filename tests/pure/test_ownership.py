"""From an owner to people; circles and strangers included."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import ownership
from catalog.groups import Claim, Member
from catalog.ownership import Directory, Person, directory
from catalog.places import Place
from tests.conftest import NOON

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


# --- the chain --------------------------------------------------------------------------------------------------------

CHECKOUT, SHOPPING, RETAIL = "component:default/checkout", "system:default/shopping", "domain:default/retail"
CAROL = Person("user:default/carol", "Carol", "")


def claim(ref: str, owner: str = "", part_of: str | None = None, source: str = "") -> Claim:
    """What READING makes of a file: the reference is read leniently, as Backstage does."""
    before, _, rest = owner.rpartition(":")
    namespace, slash, name = rest.partition("/")
    read = f"{before or 'group'}:{namespace if slash else 'default'}/{name if slash else rest}".lower()
    return Claim(ref, owner, read if owner else None, source or "shop.yaml", Place("shop.yaml", 4, 3), part_of)


def known(*claims: Claim, aliases: tuple[tuple[str, str], ...] = (), gone: tuple[str, ...] = ()) -> Directory:
    """Payments is Alice, and Carol through cards; the team search has nobody."""
    return directory(
        {PAYMENTS: "Payments", CARDS: "Cards", "group:default/search": "Search"},
        {person.ref: person for person in (ALICE, BOB, CAROL)},
        [(PAYMENTS, ALICE.ref), (PAYMENTS, CARDS), (CARDS, CAROL.ref), (CARDS, PAYMENTS)],
        aliases=aliases,
        claims=claims,
        gone=dict.fromkeys(gone, NOON),
    )


def told(asked: Claim, among: Directory) -> list[str]:
    return [step.text for step in ownership.chain(asked, among).steps]


def test_a_chain_says_every_step_from_the_file_to_the_people() -> None:
    found = ownership.chain(claim(CHECKOUT, "payments"), known())

    assert [(step.text, step.place) for step in found.steps] == [
        ('Component checkout names "payments" as its owner.', Place("shop.yaml", 4, 3)),
        ("In team payments: Alice.", None),
        ("In team payments through team cards: Carol.", None),
    ]
    assert found.members == (Member(ALICE), Member(CAROL, (CARDS,)))
    assert found.problem is None


def test_what_names_no_owner_has_its_systems_or_its_domains() -> None:
    among = known(claim(SHOPPING, part_of=RETAIL), claim(RETAIL, "group:payments"))

    found = ownership.chain(claim(CHECKOUT, part_of=SHOPPING), among)

    assert (found.owner.ref, found.owner.people) == (PAYMENTS, (ALICE, CAROL))
    assert found.owner.provenance == "from domain retail"
    assert [step.text for step in found.steps][:3] == [
        "Component checkout names no owner; it is part of system shopping.",
        "System shopping names no owner; it is part of domain retail.",
        'Domain retail names "group:payments" as its owner.',
    ]


def test_a_line_of_codeowners_comes_before_the_system() -> None:
    among = known(claim(SHOPPING, "cards"), aliases=(("acme/payments", PAYMENTS),))

    found = ownership.chain(claim(CHECKOUT, "@acme/Payments", SHOPPING, ".github/CODEOWNERS:12"), among)

    assert (found.owner.ref, found.owner.provenance) == (PAYMENTS, "from .github/CODEOWNERS line 12")
    assert found.problem is None
    first, second = found.steps[:2]
    assert (
        first.text
        == 'Component checkout names no owner; .github/CODEOWNERS line 12 gives its file to "@acme/Payments".'
    )
    assert first.place == Place(".github/CODEOWNERS", 12, 1)
    assert second.text == '"@acme/Payments" is another name of team payments.'


def test_a_line_of_codeowners_that_clears_the_owner_is_said_and_the_system_answers() -> None:
    among = known(claim(SHOPPING, "cards"))

    found = ownership.chain(claim(CHECKOUT, "", SHOPPING, "CODEOWNERS:3"), among)

    assert found.owner.ref == CARDS
    assert "and CODEOWNERS line 3 says that its file has none" in found.steps[0].text


ALIASES = (
    ("acme/payments", PAYMENTS),
    ("cards@example.org", CARDS),
    ("@alice-m", ALICE.ref),
    ("alice@example.org", ALICE.ref),
    ("shared@example.org", ALICE.ref),
    ("shared@example.org", BOB.ref),
)


@pytest.mark.parametrize(
    ("owner", "ref"),
    [
        ("group:default/payments", PAYMENTS),
        ("Payments", PAYMENTS),
        ("@acme/payments", PAYMENTS),
        ("acme/PAYMENTS", PAYMENTS),
        ("Cards@Example.org", CARDS),
        ("@Alice-M", ALICE.ref),
        ("alice@example.org", ALICE.ref),
        ("user:bob", BOB.ref),
        ("@other/payments", PAYMENTS),  # no other name: Backstage takes the last word
        ("@bob", BOB.ref),
        ("cards@example.com", CARDS),
        ("bob@example.com", BOB.ref),
    ],
)
def test_an_owner_may_be_named_in_many_ways_and_none_of_them_is_a_problem(owner: str, ref: str) -> None:
    found = ownership.chain(claim(CHECKOUT, owner), known(aliases=ALIASES))

    assert (found.owner.ref, found.problem) == (ref, None)


@pytest.mark.parametrize(
    ("owner", "said"),
    [
        ("paymets", 'no team "paymets"; did you mean "payments"?'),
        ("alice", 'no team "alice"; did you mean "user:alice"?'),
        ("@acme/paymnts", 'no team "@acme/paymnts"; did you mean "acme/payments"?'),
        ("shared@example.org", '"shared@example.org" is another name of person alice and person bob; name the one'),
        ("my team", 'no team "my team"; describe it in a catalog-info.yaml'),
        (
            "component:ledger",
            '"component:ledger" is of kind component; only a group or a user can own; write group:name',
        ),
        ("{0}@x.y", 'no team "{0}@x.y"; describe it in a catalog-info.yaml'),
        ("search", 'there is nobody in team "search"; let a User be memberOf search'),
    ],
)
def test_an_owner_who_leads_to_nobody_is_a_problem_with_a_hint(owner: str, said: str) -> None:
    found = ownership.chain(claim(CHECKOUT, owner), known(aliases=ALIASES))

    assert found.owner.people == ()
    assert said in str(found.problem)


def test_a_name_that_two_go_by_is_not_guessed_at() -> None:
    among = known(aliases=(("bob@example.org", PAYMENTS), ("bob@example.org", CARDS)))

    found = ownership.chain(claim(CHECKOUT, "bob@example.org"), among)

    assert found.owner.people == ()
    assert '"bob@example.org" is another name of team cards and team payments' in str(found.problem)


def test_a_guess_looks_in_the_entitys_own_namespace_first() -> None:
    among = directory({PAYMENTS: "Ours", "group:retail/payments": "Retail's"}, {}, [])

    assert ownership.chain(claim("component:retail/shop", "@acme/payments"), among).owner.title == "Retail's"
    assert ownership.chain(claim("component:staff/shop", "@acme/payments"), among).owner.title == "Ours"


def test_a_team_that_no_file_describes_still_leads_to_the_people_who_say_they_are_in_it() -> None:
    found = ownership.chain(claim(CHECKOUT, "ghost"), directory({}, {BOB.ref: BOB}, [("group:default/ghost", BOB.ref)]))

    assert found.owner.people == (BOB,)
    assert 'no team "ghost", though Bob should be in it' in str(found.problem)


def test_a_team_that_is_gone_still_leads_to_its_people_and_says_so() -> None:
    found = ownership.chain(claim(CHECKOUT, "payments"), known(gone=(PAYMENTS, CAROL.ref)))

    assert found.owner.people == (ALICE,)
    assert (found.problem and found.problem.code) == "gone"
    assert "Team payments is gone: since 2026-03-02 no file describes it." in [step.text for step in found.steps]


def test_somebody_who_is_gone_answers_for_nothing() -> None:
    found = ownership.chain(claim(CHECKOUT, "user:alice"), known(gone=(ALICE.ref,)))

    assert (found.owner.title, found.owner.people) == ("Alice", ())
    assert (found.problem and found.problem.code) == "gone"


@pytest.mark.parametrize(
    ("asked", "above", "said"),
    [
        (claim(CHECKOUT), (), "names no owner and is part of nothing that has one."),
        (claim(CHECKOUT, part_of=SHOPPING), (), "it is part of system shopping, which no file describes."),
        (
            claim(CHECKOUT, part_of=SHOPPING),
            (claim(SHOPPING, part_of=RETAIL), claim(RETAIL, part_of=SHOPPING)),
            "Domain retail names no owner; it is part of system shopping, where this began, and nobody is named.",
        ),
    ],
)
def test_a_way_up_that_ends_before_an_owner_says_where(asked: Claim, above: tuple[Claim, ...], said: str) -> None:
    found = ownership.chain(asked, known(*above))

    assert found.steps[-1].text.endswith(said)
    assert found.owner.ref == ""
    assert (found.problem and found.problem.code) == "no-owner"


def test_what_needs_no_owner_has_no_problem_without_one() -> None:
    assert ownership.chain(claim("location:default/all"), known()).problem is None


def test_an_inherited_owner_who_leads_to_nobody_is_said_where_it_is_inherited() -> None:
    found = ownership.chain(claim(CHECKOUT, part_of=SHOPPING), known(claim(SHOPPING, "paymets")))

    assert str(found.problem) == (
        'shop.yaml:4:3 owner: inherited from system shopping: no team "paymets"; did you mean "payments"?'
    )
    assert (found.problem and found.problem.severity) == "warning"


def test_members_whom_no_file_describes_are_named() -> None:
    among = directory({PAYMENTS: "Payments"}, {}, [(PAYMENTS, "user:default/zoe")])

    assert told(claim(CHECKOUT, "payments"), among)[1:] == [
        "Person zoe should be in team payments, and no file describes them.",
        "There is nobody in team payments.",
    ]


# --- against a resolver that is written once more, as simply as can be ------------------------------------------------

TEAMS = [f"group:default/t{number}" for number in range(4)]
STAFF = {f"user:default/u{number}": Person(f"user:default/u{number}", f"U{number}", "") for number in range(4)}
WHOLES = [f"system:default/s{number}" for number in range(4)]
WORDS = [
    "",
    "t0",
    "t1",
    "t9",
    "user:u0",
    "user:u9",
    "@acme/t2",
    "@acme/x",
    "@u3",
    "@nick",
    "x@y.zz",
    "u2@y.zz",
    "t3@a.bc",
]
NAMES_OF_OWNERS = st.sampled_from(WORDS)


@st.composite
def catalogs(draw: st.DrawFn) -> tuple[Claim, Directory]:
    somebody = st.sampled_from([*TEAMS, *STAFF, "user:default/stranger", "group:default/t9"])
    pairs = draw(st.lists(st.tuples(st.sampled_from([*TEAMS, "group:default/t9"]), somebody), max_size=12))
    names = st.sampled_from(["acme/x", "@nick", "x@y.zz", "acme/t2"])
    aliases = draw(st.lists(st.tuples(names, st.sampled_from([*TEAMS, *STAFF])), max_size=5))
    part_of = st.none() | st.sampled_from([*WHOLES, "system:default/nowhere"])
    above = [claim(ref, draw(NAMES_OF_OWNERS), draw(part_of)) for ref in draw(st.sets(st.sampled_from(WHOLES)))]
    gone = draw(st.sets(st.sampled_from([*TEAMS, *STAFF])))
    groups = {ref: ref for ref in draw(st.sets(st.sampled_from(TEAMS)))}
    staff = {ref: STAFF[ref] for ref in draw(st.sets(st.sampled_from(sorted(STAFF))))}
    made = directory(groups, staff, pairs, aliases=aliases, claims=above, gone=dict.fromkeys(gone, NOON))
    return claim(CHECKOUT, draw(NAMES_OF_OWNERS), draw(part_of)), made


def naive_claim(asked: Claim, among: Directory) -> Claim | None:
    """Climb one at a time, at most as often as there are claims."""
    for _ in range(len(among.claims) + 1):
        if asked.owner_text:
            return asked
        above = [one for one in among.claims.values() if one.ref == asked.part_of]
        if not above:
            return None
        asked = above[0]
    return asked if asked.owner_text else None


def naive_ref(text: str, among: Directory) -> str:
    """Try every way to say a name, in order."""
    kind, _, name = text.rpartition(":")
    last = text.split("/")[-1]
    plain = f"{kind or 'group'}:default/{name}" if "/" not in text else f"group:{text}"
    ways = [plain, among.aliases.get(text, ""), among.aliases.get(text.lstrip("@"), "") if "/" in text else ""]
    if text.startswith("@"):
        ways.append(f"group:default/{last}" if "/" in text else f"user:default/{text[1:]}")
    elif "@" in text:
        ways += [f"group:default/{text.split('@')[0]}", f"user:default/{text.split('@')[0]}"]
    everybody = {*among.groups, *among.people, *among.gone}
    if {text, text.lstrip("@")} & among.contested.keys() and plain not in everybody:
        return plain
    return next((way for way in ways if way in everybody), plain)


def naive_people(ref: str, among: Directory, seen: frozenset[str] = frozenset()) -> set[str]:
    if ref.startswith("user:"):
        return {ref} if ref in among.people and ref not in among.gone else set()
    if ref in seen:
        return set()
    below = {*among.members.get(ref, ()), *among.children.get(ref, ())}
    return {person for one in below for person in naive_people(one, among, seen | {ref})}


@pytest.mark.long
@given(catalogs())
def test_whoever_answers_is_whom_a_simple_resolver_finds(made: tuple[Claim, Directory]) -> None:
    asked, among = made

    found = ownership.chain(asked, among)

    said = naive_claim(asked, among)
    ref = naive_ref(said.owner_text, among) if said else ""
    people = naive_people(ref, among)
    assert {person.ref for person in found.owner.people} == people
    assert [member.person for member in found.members] == list(found.owner.people)
    if ref:
        assert found.owner.ref == ref
    assert (found.problem is None) <= bool(people)  # never a blank in silence
    assert ownership.owner_of(asked, among) == found.owner
    assert ownership.problem_of(asked, among) == found.problem
    assert all(step.text.endswith((".", "?.")) or step.text.endswith("?") for step in found.steps)


def test_each_way_through_the_teams_below_is_one_that_exists() -> None:
    among = known()

    for member in among.members_of(PAYMENTS):
        path = (PAYMENTS, *member.via, member.person.ref)
        for above, below in pairwise(path):
            assert below in among.children.get(above, frozenset()) | among.members.get(above, frozenset())


TEXT = st.text(max_size=12) | st.sampled_from(
    ["@", "@/", "/", ":", "a@b.", "{}@x.y", "group:", "@@maintainer", "\u2028"]
)


@given(TEXT, st.none() | TEXT, TEXT, st.lists(st.tuples(TEXT, st.sampled_from([PAYMENTS, ALICE.ref]))))
def test_no_text_makes_it_raise_and_none_is_a_blank(
    text: str, ref: str | None, source: str, aliases: list[tuple[str, str]]
) -> None:
    among = known(aliases=tuple(aliases))
    asked = Claim(CHECKOUT, text, ref, source, Place("shop.yaml", 1, 1), None)

    found = ownership.chain(asked, among)

    assert found.owner.people or found.problem
    assert found.steps
    if text.strip():
        assert found.owner.title
