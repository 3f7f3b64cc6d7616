"""Which fields of `spec` name other entities, and the relations that follow from them, in both directions. Pure.

What is named need not exist. Nothing here looks at a second entity, so two may say the same relation.
Source of the pairs: https://backstage.io/docs/features/software-catalog/well-known-relations
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catalog import refs
from catalog.entities import OWNERS, Entity
from catalog.places import Place

LONGEST = 200  # characters of a reference that is kept

_PAIRS = (
    ("ownedBy", "ownerOf"),
    ("partOf", "hasPart"),
    ("providesApi", "apiProvidedBy"),
    ("consumesApi", "apiConsumedBy"),
    ("dependsOn", "dependencyOf"),
    ("memberOf", "hasMember"),
    ("childOf", "parentOf"),
)
INVERSE: Mapping[str, str] = {**dict(_PAIRS), **{back: forth for forth, back in _PAIRS}}


@dataclass(frozen=True)
class Field:
    """A field of `spec` that names entities. `kinds`: what may be named there; empty when anything may."""

    key: str
    relation: str
    default_kind: str | None
    kinds: tuple[str, ...] = ()


_OWNER = Field("owner", "ownedBy", "group", OWNERS)
_SYSTEM = Field("system", "partOf", "system", ("system",))
_DEPENDENCIES = (Field("dependsOn", "dependsOn", None), Field("dependencyOf", "dependencyOf", None))

FIELDS: Mapping[str, tuple[Field, ...]] = {
    "Component": (
        _OWNER,
        _SYSTEM,
        Field("subcomponentOf", "partOf", "component", ("component",)),
        Field("providesApis", "providesApi", "api", ("api",)),
        Field("consumesApis", "consumesApi", "api", ("api",)),
        *_DEPENDENCIES,
    ),
    "API": (_OWNER, _SYSTEM),
    "Resource": (_OWNER, _SYSTEM, *_DEPENDENCIES),
    "System": (_OWNER, Field("domain", "partOf", "domain", ("domain",))),
    "Domain": (_OWNER, Field("subdomainOf", "partOf", "domain", ("domain",))),
    "Group": (
        Field("parent", "childOf", "group", ("group",)),
        Field("children", "parentOf", "group", ("group",)),
        Field("members", "hasMember", "user", ("user",)),
    ),
    "User": (Field("memberOf", "memberOf", "group", ("group",)),),
    "Template": (_OWNER,),
}


@dataclass(frozen=True, order=True)
class Relation:
    """`source` stands in this relation to `target`; both are whole references."""

    source: str
    type: str
    target: str


def relations(entity: Entity) -> tuple[Relation, ...]:
    """Return what an entity says of itself and others, forth and back, each once and sorted."""
    return tuple(sorted(set(_said(entity))))


def _said(entity: Entity) -> Iterator[Relation]:
    own = str(entity.ref)
    for field in FIELDS.get(entity.kind, ()):
        for ref in entity.related(field.key, field.default_kind):
            target = str(ref)
            if len(target) <= LONGEST:
                yield Relation(own, field.relation, target)
                yield Relation(target, INVERSE[field.relation], own)


def places(entity: Entity) -> Mapping[tuple[str, str], Place]:
    """Return where an entity's file says what it is to others, by (type, target)."""
    found: dict[tuple[str, str], Place] = {}
    for field in FIELDS.get(entity.kind, ()):
        said: Any = entity.spec.get(field.key)
        listed = isinstance(said, list | tuple)
        for index, text in enumerate(said if listed else (said,)):
            if isinstance(text, str) and text:
                path = ("spec", field.key, index) if listed else ("spec", field.key)
                target = str(refs.lenient(text, field.default_kind, entity.ref.namespace))
                found.setdefault((field.relation, target), entity.document.place(path, key=not listed))
    return found
