"""Who answers: from an owner to a group or a person, from a group through the groups below it to people.

Pure. Groups may contain one another in a circle; each is walked once. An owner that leads to nobody is a problem that
is said, never a blank.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from catalog.entities import Entity
from catalog.places import Place, Problem, did_you_mean

WORDS = {"group": "team", "user": "person"}  # what people call them


@dataclass(frozen=True)
class Person:
    ref: str
    name: str
    mail: str


@dataclass(frozen=True)
class Owner:
    """Who answers for something. `people` is empty when nobody does; an unknown owner has its name for a title."""

    ref: str
    title: str
    people: tuple[Person, ...]
    provenance: str  # from catalog-info.yaml


@dataclass(frozen=True)
class Directory:
    """All groups and people of the catalog, and who belongs where; references are strings."""

    groups: Mapping[str, str] = field(default_factory=dict)  # group -> title
    people: Mapping[str, Person] = field(default_factory=dict)
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)  # group -> people directly in it
    children: Mapping[str, frozenset[str]] = field(default_factory=dict)  # group -> groups directly below it

    def people_of(self, group: str) -> tuple[Person, ...]:
        """Return everybody in a group and in the groups below it, by name."""
        refs = {member for below in self._below(group) for member in self.members.get(below, ())}
        return tuple(
            sorted((self.people[ref] for ref in refs if ref in self.people), key=lambda one: (one.name, one.ref))
        )

    def teams_of(self, person: str) -> frozenset[str]:
        """Return the groups somebody belongs to, directly or through a group below."""
        parents: dict[str, set[str]] = {}
        for parent, children in self.children.items():
            for child in children:
                parents.setdefault(child, set()).add(parent)
        direct = [group for group, members in self.members.items() if person in members]
        return frozenset(_reach(direct, parents))

    def _below(self, group: str) -> set[str]:
        return _reach([group], self.children)


def _reach(start: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    seen, waiting = set(), list(start)
    while waiting:
        here = waiting.pop()
        if here not in seen:
            seen.add(here)
            waiting.extend(edges.get(here, ()))
    return seen


def memberships(entity: Entity) -> frozenset[tuple[str, str]]:
    """Return the (above, below) pairs that a Group or a User states: who is in it, or what it is in."""
    own = str(entity.ref)
    if entity.kind == "User":
        return frozenset((str(group), own) for group in entity.related("memberOf", "group"))
    if entity.kind != "Group":
        return frozenset()
    below = [*entity.related("members", "user"), *entity.related("children", "group")]
    above = entity.related("parent", "group")
    return frozenset([*((own, str(ref)) for ref in below), *((str(ref), own) for ref in above)])


def directory(groups: Mapping[str, str], people: Mapping[str, Person], pairs: Iterable[tuple[str, str]]) -> Directory:
    """Make a directory of groups (with their titles), people, and (above, below) pairs."""
    members: dict[str, set[str]] = {}
    children: dict[str, set[str]] = {}
    for above, below in pairs:
        (members if below.startswith("user:") else children).setdefault(above, set()).add(below)
    return Directory(groups, people, _frozen(members), _frozen(children))


def _frozen(sets: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {key: frozenset(values) for key, values in sets.items()}


def directory_of(entities: Iterable[Entity]) -> Directory:
    """Make the directory of what is described in files, without a database."""
    known = list(entities)
    return directory(
        {str(one.ref): one.title for one in known if one.kind == "Group"},
        {str(one.ref): Person(str(one.ref), one.title, one.mail) for one in known if one.kind == "User"},
        (pair for one in known for pair in memberships(one)),
    )


def resolve(owner: str, known: Directory, path: str) -> Owner:
    """Return who that owner is; `path` is the file that says so."""
    provenance = f"from {path}"
    if owner in known.people:
        person = known.people[owner]
        return Owner(owner, person.name, (person,), provenance)
    title = known.groups.get(owner) or owner.rpartition("/")[2]
    return Owner(owner, title, known.people_of(owner), provenance)


def problem(owner: str, known: Directory, place: Place, entity: str) -> Problem | None:
    """Return what is wrong with an owner that leads to nobody, None when somebody answers."""
    kind, _, name = owner.partition(":")
    word, short = WORDS.get(kind, kind), name.removeprefix("default/")
    if owner not in (known.people if kind == "user" else known.groups):
        return Problem(place, "unknown-owner", f'owner: no {word} "{short}"', _near(owner, known), entity=entity)
    if kind == "group" and not known.people_of(owner):
        hint = f"let a User be memberOf {short}"
        return Problem(place, "nobody", f'owner: there is nobody in team "{short}"', hint, "warning", entity)
    return None


def _near(owner: str, known: Directory) -> str:
    """Look among names of the same kind first, then among all (`owner: alice` is a person and needs `user:alice`)."""
    kind, _, name = owner.partition(":")
    same, other = (known.people, known.groups) if kind == "user" else (known.groups, known.people)
    namesake = next((ref for ref in other if ref.partition(":")[2] == name), "")
    if namesake:
        return f'did you mean "{namesake.replace(":default/", ":")}"?'
    names = [ref.partition(":")[2].removeprefix("default/") for ref in same]
    return did_you_mean(name.removeprefix("default/"), names) or "describe it in a catalog-info.yaml"


def problems(entities: Iterable[Entity], known: Directory) -> list[Problem]:
    """Return the owners among those entities that lead to nobody."""
    found = [
        problem(str(one.owner), known, one.owner_place or one.place, str(one.ref)) for one in entities if one.owner
    ]
    return [one for one in found if one]
