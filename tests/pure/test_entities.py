"""What a valid document becomes."""

import pytest

from catalog.entities import Entity, entity
from catalog.yamlfile import read


def made(text: str) -> Entity:
    return entity(read("apiVersion: backstage.io/v1alpha1\n" + text, "catalog-info.yaml")[0][0])


def test_a_component_has_a_whole_reference_an_owner_and_their_places() -> None:
    found = made("kind: Component\nmetadata:\n  name: Checkout\nspec:\n  owner: payments\n")

    assert (str(found.ref), found.name, found.title) == ("component:default/checkout", "Checkout", "Checkout")
    assert (str(found.owner), str(found.owner_place)) == ("group:default/payments", "catalog-info.yaml:6:3")
    assert str(found.place) == "catalog-info.yaml:4:3"


def test_references_are_read_in_the_entitys_own_namespace() -> None:
    found = made(
        "kind: Component\nmetadata: {name: a, namespace: shop}\nspec: {owner: team, dependsOn: ['component:b']}\n"
    )

    assert str(found.owner) == "group:shop/team"
    assert [str(ref) for ref in found.related("dependsOn")] == ["component:shop/b"]


def test_a_bare_text_is_a_list_of_one() -> None:
    assert len(made("kind: Group\nmetadata: {name: a}\nspec: {members: bob}\n").related("members", "user")) == 1


def test_a_person_is_called_by_the_name_in_the_profile() -> None:
    user = made("kind: User\nmetadata: {name: alice}\nspec: {profile: {displayName: Alice A., email: a@b.c}}\n")

    assert (user.title, user.mail, user.owner) == ("Alice A.", "a@b.c", None)


@pytest.mark.parametrize(
    ("said", "owner"),
    [
        ("payments", "group:shop/payments"),
        ("my team", "group:shop/my team"),
        ("x@y.com", "group:shop/x@y.com"),
        ("component:x", "component:shop/x"),
        ("''", None),
    ],
)
def test_an_owner_is_read_as_leniently_as_backstage_reads_it_and_kept_as_written(said: str, owner: str | None) -> None:
    found = made(f"kind: System\nmetadata: {{name: shop, namespace: shop}}\nspec: {{owner: {said}}}\n")

    assert (str(found.owner) if found.owner else None, found.owner_text) == (owner, said.strip("'"))


@pytest.mark.parametrize(
    ("kind", "spec", "above"),
    [
        ("Component", "{system: shop}", "system:default/shop"),
        ("Component", "{subcomponentOf: ledger}", "component:default/ledger"),
        ("Component", "{subcomponentOf: ledger, system: shop}", "system:default/shop"),
        ("API", "{system: shop}", "system:default/shop"),
        ("Resource", "{system: other/shop}", "system:other/shop"),
        ("System", "{domain: money}", "domain:default/money"),
        ("Domain", "{subdomainOf: money}", "domain:default/money"),
        ("Domain", "{domain: money}", None),
        ("Component", "{system: [shop]}", "system:default/shop"),
        ("Component", "{system: 7}", None),
        ("Group", "{parent: money}", None),
    ],
)
def test_an_owner_may_be_inherited_from_what_it_is_part_of(kind: str, spec: str, above: str | None) -> None:
    found = made(f"kind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n").part_of

    assert (str(found) if found else None) == above


def test_a_team_and_a_person_have_other_names_too() -> None:
    team = made(
        "kind: Group\nmetadata: {name: a, annotations: {github.com/team-slug: Shop/Payments}}\n"
        "spec: {profile: {email: Pay@shop.test}}\n"
    )
    alice = made("kind: User\nmetadata: {name: a, annotations: {github.com/user-login: Alice}}\nspec: {}\n")
    bob = made(
        "kind: User\nmetadata: {name: b, annotations: {gitlab.com/user-login: 'https://gitlab.com/bob'}}\nspec: {}\n"
    )
    service = made(
        "kind: Component\nmetadata: {name: c, annotations: {github.com/team-slug: Shop/Payments}}\nspec: {}\n"
    )

    assert team.aliases == ("@shop/payments", "pay@shop.test", "shop/payments")
    assert (alice.aliases, bob.aliases, service.aliases) == (("@alice",), ("@bob",), ())


def test_a_field_that_its_kind_does_not_check_may_hold_anything() -> None:
    found = made("kind: API\nmetadata: {name: a}\nspec: {dependsOn: [ledger, 'component:', 7, null, 'component:b']}\n")

    assert [str(ref) for ref in found.related("dependsOn")] == ["component:default/b"]
