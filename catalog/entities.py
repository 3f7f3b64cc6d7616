"""What a catalog file can describe, kind by kind, as plain frozen values.

The models demand what the schemas of Backstage demand, measured on its own packages; keys that they do not name are
free. References are texts here: `relations.py` knows which fields hold them, and `refs.py` what they mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from catalog import refs
from catalog.places import Document, Place
from catalog.refs import Ref
from catalog.rules import Fields, Text
from catalog.template import TemplateSpec

CORE_VERSIONS = ("backstage.io/v1alpha1", "backstage.io/v1beta1")
VERSIONS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("Component", "API", "Resource", "System", "Domain", "Group", "User", "Location"), CORE_VERSIONS),
    "Template": ("scaffolder.backstage.io/v1beta3",),
}
OWNERS = ("group", "user")  # kinds that may own

# What a kind inherits an owner from when it names none, the nearest first: (key of spec, kind that is meant).
PART_OF: Mapping[str, tuple[tuple[str, str], ...]] = {
    "Component": (("system", "system"), ("subcomponentOf", "component")),
    "API": (("system", "system"),),
    "Resource": (("system", "system"),),
    "System": (("domain", "domain"),),
    "Domain": (("subdomainOf", "domain"),),
}


def _written_as_list(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError(f"needs a list, not one text; write [{value}]")
    return value


Texts = Annotated[tuple[Text, ...], BeforeValidator(_written_as_list)]


class Profile(Fields):
    displayName: Text = ""
    email: Text = ""
    picture: Text = ""


class Owned(Fields):
    """`owner` is demanded by validate.py, which knows when it is inherited."""

    owner: Text = ""


class ComponentSpec(Owned):
    type: Text
    lifecycle: Text
    system: Text = ""
    subcomponentOf: Text = ""
    dependsOn: Texts = ()
    providesApis: Texts = ()
    consumesApis: Texts = ()


class ApiSpec(Owned):
    type: Text
    lifecycle: Text
    definition: Text
    system: Text = ""


class Remote(Fields):
    type: Text
    url: Text


class McpServerSpec(Owned):
    """An API of the type mcp-server is reached somewhere instead of being defined."""

    type: Text
    lifecycle: Text
    remotes: tuple[Remote, ...] = Field(min_length=1)
    system: Text = ""


class ResourceSpec(Owned):
    type: Text
    system: Text = ""
    dependsOn: Texts = ()


class SystemSpec(Owned):
    domain: Text = ""
    type: Text = ""


class DomainSpec(Owned):
    subdomainOf: Text = ""
    type: Text = ""


class GroupSpec(Fields):
    type: Text
    children: Texts
    parent: Text = ""
    members: Texts = ()
    profile: Profile = Profile()


class UserSpec(Fields):
    memberOf: Texts
    profile: Profile = Profile()


class LocationSpec(Fields):
    type: Text = ""
    target: Text = ""
    targets: Texts = ()
    presence: Literal["required", "optional"] = "required"


SPECS: Mapping[str, type[Fields]] = {
    "Component": ComponentSpec,
    "API": ApiSpec,
    "Resource": ResourceSpec,
    "System": SystemSpec,
    "Domain": DomainSpec,
    "Group": GroupSpec,
    "User": UserSpec,
    "Location": LocationSpec,
    "Template": TemplateSpec,
}


def spec_of(kind: Any, spec: Mapping[str, Any]) -> type[Fields] | None:
    """Return what `spec` of that kind is held against."""
    if kind == "API" and spec.get("type") == "mcp-server":
        return McpServerSpec
    return SPECS.get(kind) if isinstance(kind, str) else None


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity as its file says it. `owner` is a whole reference already, `owner_text` is what is written."""

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
    owner_text: str = ""
    owner_place: Place | None = None

    @property
    def mail(self) -> str:
        return str((self.spec.get("profile") or {}).get("email") or "")

    @property
    def part_of(self) -> Ref | None:
        """What it inherits an owner from when it names none."""
        return next((ref for key, kind in PART_OF.get(self.kind, ()) for ref in self.related(key, kind)), None)

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names by which a file may mean this group or person, in lower case: a mail address, a team's slug."""
        if self.kind not in ("Group", "User"):
            return ()
        found = [self.mail]
        for key, said in (self.metadata.get("annotations") or {}).items():
            if key.endswith(("/team-slug", "/team-path")):
                found += [said, f"@{said}"]
            elif key.endswith("/user-login"):
                found.append("@" + said.rpartition("/")[2])  # GitLab writes the whole address of the person's page
        return tuple(sorted({one.lower() for one in found if one}))

    def related(self, field: str, default_kind: str | None = None) -> tuple[Ref, ...]:
        """Return the references of a field of `spec` (`dependsOn`, `members`), in the entity's own namespace."""
        said = self.spec.get(field)
        texts = said if isinstance(said, list | tuple) else (said,)
        found = (_ref(text, default_kind, self.ref.namespace) for text in texts)
        return tuple(ref for ref in found if ref)


def _ref(text: Any, default_kind: str | None, namespace: str) -> Ref | None:
    """Read a reference of a good entity; None in a field that its kind does not check, or where none stands."""
    try:
        return refs.lenient(text, default_kind, namespace) if text and isinstance(text, str) else None
    except ValueError:
        return None


def entity(document: Document) -> Entity:
    """Make the entity of a document that has been found valid."""
    metadata, spec, kind = document.data["metadata"], document.data["spec"], document.data["kind"]
    ref = Ref(kind, metadata.get("namespace", refs.DEFAULT_NAMESPACE), metadata["name"])
    profile = spec.get("profile")
    shown = profile.get("displayName") if isinstance(profile, Mapping) else None
    said = spec.get("owner")
    owner = said if isinstance(said, str) and kind not in ("Group", "User", "Location") else ""
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
        owner=_ref(owner, "group", ref.namespace),
        owner_text=owner,
        owner_place=document.place(("spec", "owner"), key=True) if "owner" in spec else None,
    )
