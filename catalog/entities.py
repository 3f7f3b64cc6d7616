"""What a catalog file can describe: services, groups and people, as plain frozen values.

Component, Group and User are read field by field; the other kinds of Backstage are known by name and kept as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from catalog import refs
from catalog.places import Document, Place
from catalog.refs import Ref
from catalog.rules import Fields, Text

CORE_VERSIONS = ("backstage.io/v1alpha1", "backstage.io/v1beta1")
VERSIONS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("Component", "API", "Resource", "System", "Domain", "Group", "User", "Location", "AiResource"), CORE_VERSIONS
    ),
    "Template": ("scaffolder.backstage.io/v1beta3",),
}
OWNERS = ("group", "user")  # kinds that may own


def _reference(default_kind: str | None, *only: str) -> AfterValidator:
    def check(text: str) -> str:
        ref = refs.parse(text, default_kind)
        if only and ref.kind not in only:
            raise ValueError(f'"{text}" is a {ref.kind}; only a {" or a ".join(only)} can stand here')
        return text

    return AfterValidator(check)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value  # Backstage takes one reference for a list of one


OwnerRef = Annotated[str, _reference("group", *OWNERS)]
GroupRef = Annotated[str, _reference("group", "group")]
GroupRefs = Annotated[tuple[GroupRef, ...], BeforeValidator(_listed)]
UserRefs = Annotated[tuple[Annotated[str, _reference("user", "user")], ...], BeforeValidator(_listed)]
ApiRefs = Annotated[tuple[Annotated[str, _reference("api", "api")], ...], BeforeValidator(_listed)]
AnyRefs = Annotated[tuple[Annotated[str, _reference(None)], ...], BeforeValidator(_listed)]


class Profile(Fields):
    displayName: Text | None = None
    email: Text | None = None
    picture: Text | None = None


class ComponentSpec(Fields):
    type: Text
    lifecycle: Text
    owner: OwnerRef
    system: Annotated[str, _reference("system", "system")] | None = None
    subcomponentOf: Annotated[str, _reference("component", "component")] | None = None
    dependsOn: AnyRefs = ()
    providesApis: ApiRefs = ()
    consumesApis: ApiRefs = ()


class GroupSpec(Fields):
    type: Text
    children: GroupRefs
    parent: GroupRef | None = None
    members: UserRefs = ()
    profile: Profile = Field(default_factory=Profile)


class UserSpec(Fields):
    memberOf: GroupRefs
    profile: Profile = Field(default_factory=Profile)


SPECS: Mapping[str, type[Fields]] = {"Component": ComponentSpec, "Group": GroupSpec, "User": UserSpec}


@dataclass(frozen=True)
class Entity:
    """One entity as its file says it. `owner`, `members` and the like are whole references already."""

    ref: Ref
    kind: str  # as written: Component
    name: str
    title: str
    description: str
    spec: Mapping[str, Any]
    metadata: Mapping[str, Any]
    document: Document
    place: Place
    owner: Ref | None = None
    owner_place: Place | None = None

    @property
    def mail(self) -> str:
        return str((self.spec.get("profile") or {}).get("email") or "")

    def related(self, field: str, default_kind: str | None = None) -> tuple[Ref, ...]:
        """Return the references of a list in `spec` (`dependsOn`, `members`), in the entity's own namespace."""
        said = self.spec.get(field) or ()
        texts = (said,) if isinstance(said, str) else said
        return tuple(refs.parse(text, default_kind, self.ref.namespace) for text in texts)


def entity(document: Document) -> Entity:
    """Make the entity of a document that has been found valid."""
    metadata, spec, kind = document.data["metadata"], document.data["spec"], document.data["kind"]
    ref = Ref(kind, metadata.get("namespace", refs.DEFAULT_NAMESPACE), metadata["name"])
    profile = spec.get("profile")
    shown = profile.get("displayName") if isinstance(profile, Mapping) else None
    return Entity(
        ref=ref,
        kind=kind,
        name=metadata["name"],
        title=str(metadata.get("title") or shown or metadata["name"]),
        description=str(metadata.get("description") or ""),
        spec=spec,
        metadata=metadata,
        document=document,
        place=document.place(("metadata", "name"), key=True),
        owner=_owner(spec, ref.namespace),
        owner_place=document.place(("spec", "owner"), key=True) if "owner" in spec else None,
    )


def _owner(spec: Mapping[str, Any], namespace: str) -> Ref | None:
    """Return who owns it; None where nobody is named, or (in kinds that are only kept) nobody can be."""
    said = spec.get("owner")
    if not isinstance(said, str):
        return None
    try:
        owner = refs.parse(said, "group", namespace)
    except ValueError:
        return None
    return owner if owner.kind in OWNERS else None
