"""Who may do what: alice and bob are on payments, carol is not, dora is an admin."""

import pytest

from portal.permissions import ADMIN_ONLY, Action, Allowed, Owned, Person, Refused, may, may_lift

PAYMENTS = "group:default/payments"
ALICE = Person("alice", "Alice Moreau", "user:default/alice", "member", frozenset({PAYMENTS}))
CAROL = Person("carol", "Carol Lind", "user:default/carol", "member", frozenset({"group:default/search"}))
DORA = Person("dora", "dora", None, "admin")
CHECKOUT = Owned("checkout", PAYMENTS, "payments", ("Alice Moreau", "Bob Okafor"))
TOUCHING = [action for action in Action if action is not Action.LOOK and action not in ADMIN_ONLY]


@pytest.mark.parametrize("action", TOUCHING)
def test_somebody_of_the_owning_team_may(action: Action) -> None:
    assert may(ALICE, action, CHECKOUT) == Allowed()


@pytest.mark.parametrize("action", TOUCHING)
def test_a_stranger_may_not_and_hears_who_can(action: Action) -> None:
    answer = may(CAROL, action, CHECKOUT)

    assert isinstance(answer, Refused)
    assert answer.reason == f"Only payments may {action.value} checkout. Ask Alice Moreau or Bob Okafor."


@pytest.mark.parametrize("action", list(Action))
def test_an_admin_may_everything_and_nobody_nothing(action: Action) -> None:
    assert may(DORA, action, CHECKOUT) == Allowed()
    assert may(None, action, CHECKOUT) == Refused("Log in first.")


def test_everybody_who_is_logged_in_may_look() -> None:
    assert may(CAROL, Action.LOOK, CHECKOUT) == Allowed()


@pytest.mark.parametrize("action", sorted(ADMIN_ONLY))
def test_the_house_is_kept_by_admins(action: Action) -> None:
    assert isinstance(may(ALICE, action, CHECKOUT), Refused)


def test_a_person_may_own_a_service_herself() -> None:
    assert may(CAROL, Action.DEPLOY, Owned("notes", "user:default/carol")) == Allowed()


def test_what_nobody_owns_only_an_admin_touches() -> None:
    orphan = Owned("orphan")

    assert isinstance(may(ALICE, Action.DEPLOY, orphan), Refused)
    assert may(DORA, Action.DEPLOY, orphan) == Allowed()


def test_an_account_without_a_person_owns_nothing_by_accident() -> None:
    """No user_ref must not match a service without an owner."""
    ghost = Person("ghost", "ghost", None, "member")

    assert isinstance(may(ghost, Action.DEPLOY, Owned("orphan", None)), Refused)
    assert isinstance(may(ghost, Action.DEPLOY, Owned("odd", "")), Refused)


# Lifting a lock: bob has set it.

BOB = "user:default/bob"


@pytest.mark.parametrize(
    ("who", "owned", "said"),
    [
        (ALICE, CHECKOUT, ""),  # it is on her team's service
        (DORA, None, ""),
        (Person("bob", "Bob Okafor", BOB), None, ""),
        (Person("bob", "Bob Okafor", BOB), Owned("orphan"), ""),
        (CAROL, CHECKOUT, "Only Bob Okafor, payments or an admin may lift it."),
        (ALICE, None, "Only Bob Okafor or an admin may lift it."),
        (ALICE, Owned("orphan"), "Only Bob Okafor or an admin may lift it."),
        (None, CHECKOUT, "Log in first."),
        (None, None, "Log in first."),
    ],
)
def test_a_lock_is_lifted_by_whoever_set_it_by_the_team_or_by_an_admin(
    who: Person | None, owned: Owned | None, said: str
) -> None:
    answer = may_lift(who, BOB, "Bob Okafor", owned)

    assert (answer.reason if isinstance(answer, Refused) else "") == said
