"""What a valid document becomes."""

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


def test_another_kind_is_kept_as_it_is_even_with_an_owner_that_names_nobody() -> None:
    assert made("kind: System\nmetadata: {name: shop}\nspec: {owner: my team}\n").owner is None
    assert made("kind: System\nmetadata: {name: shop}\nspec: {owner: 'component:x'}\n").owner is None
