"""Relations are said in both directions, each once, whatever an entity names."""

from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.entities import SPECS, Entity, entity
from catalog.relations import FIELDS, INVERSE, LONGEST, Relation, relations
from catalog.yamlfile import read

NAMES = st.text("abAB.:/ -", max_size=6) | st.sampled_from(["component:a", "user:x/b", "group:B", "b" * 250])
SAID = NAMES | st.lists(NAMES, max_size=4) | st.none() | st.integers()


def made(kind: str, namespace: str, spec: dict[str, Any]) -> Entity:
    said = {"kind": kind, "metadata": {"name": "Checkout", "namespace": namespace}, "spec": spec}
    return entity(read(yaml.safe_dump(said), "f.yaml")[0][0])


ENTITIES = st.sampled_from(sorted(SPECS)).flatmap(
    lambda kind: st.builds(
        made,
        st.just(kind),
        st.sampled_from(["default", "shop"]),
        st.fixed_dictionaries({}, optional={field.key: SAID for field in FIELDS.get(kind, ())}),
    )
)


def test_the_inverse_of_an_inverse_is_the_relation_itself() -> None:
    assert all(INVERSE[INVERSE[one]] == one and INVERSE[one] != one for one in INVERSE)
    assert len(INVERSE) == 14
    assert {field.relation for fields in FIELDS.values() for field in fields} <= INVERSE.keys()


def test_every_kind_that_may_say_something_of_another_is_known() -> None:
    assert FIELDS.keys() == SPECS.keys() - {"Location"}


@settings(max_examples=200, deadline=None)
@given(ENTITIES)
def test_relations_are_sorted_and_said_once_and_both_ways(one: Entity) -> None:
    found = relations(one)

    assert list(found) == sorted(set(found))
    assert {Relation(said.target, INVERSE[said.type], said.source) for said in found} == set(found)
    assert all(str(one.ref) in (said.source, said.target) for said in found)
    assert all(len(said.source) <= LONGEST and len(said.target) <= LONGEST for said in found)
    assert all(said.target == said.target.lower() for said in found)


@settings(max_examples=100, deadline=None)
@given(ENTITIES)
def test_every_reference_that_can_be_read_is_a_relation(one: Entity) -> None:
    named = {
        (field.relation, str(ref))
        for field in FIELDS.get(one.kind, ())
        for ref in one.related(field.key, field.default_kind)
        if len(str(ref)) <= LONGEST
    }

    # What two entities say of one another by `dependsOn` and `dependencyOf` may be the same relation.
    assert {(said.type, said.target) for said in relations(one) if said.source == str(one.ref)} >= named


def test_a_reference_too_long_to_be_kept_is_left_out() -> None:
    found = relations(made("Component", "default", {"owner": "x" * 250, "dependsOn": ["component:a"]}))

    assert {one.type for one in found} == {"dependsOn", "dependencyOf"}


def test_depends_on_and_dependency_of_are_two_ways_to_say_one_thing() -> None:
    forth = relations(made("Component", "default", {"dependsOn": ["component:checkout"]}))
    back = relations(made("Component", "default", {"dependencyOf": "component:Checkout"}))

    assert forth == back == (
        Relation("component:default/checkout", "dependencyOf", "component:default/checkout"),
        Relation("component:default/checkout", "dependsOn", "component:default/checkout"),
    )  # fmt: skip
