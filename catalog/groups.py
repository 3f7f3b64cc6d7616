"""Groups, who is in them, the other names they go by, and what else says who owns it. Pure.

Groups may contain one another in a circle; each is walked once, and what was walked is remembered. Somebody who is
gone (the file that described her no longer does) is in no group; a group that is gone still has its people.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from catalog.places import Place


@dataclass(frozen=True)
class Person:
    ref: str
    name: str
    mail: str


@dataclass(frozen=True)
class Member:
    """Somebody in a group. `via`: the groups between, the outermost first; empty for who is in it directly."""

    person: Person
    via: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """What one entity says of its owner.

    `owner_text` is as written, empty when nobody is named. `source` is the file, or `CODEOWNERS:12`. `part_of` is what
    an owner is inherited from.
    """

    ref: str
    owner_text: str
    owner_ref: str | None
    source: str
    place: Place
    part_of: str | None


@dataclass(frozen=True)
class Directory:
    """All groups and people of the catalog, and who belongs where; references are strings."""

    groups: Mapping[str, str] = field(default_factory=dict)  # group -> title
    people: Mapping[str, Person] = field(default_factory=dict)
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)  # group -> people directly in it
    children: Mapping[str, frozenset[str]] = field(default_factory=dict)  # group -> groups directly below it
    aliases: Mapping[str, str] = field(default_factory=dict)  # lower-case mail, acme/payments, @login -> reference
    contested: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # alias -> all who go by it, so it is nobody's
    claims: Mapping[str, Claim] = field(default_factory=dict)  # of whatever others are part of
    gone: Mapping[str, datetime] = field(default_factory=dict)  # group or person -> since when no file describes it
    places: Mapping[str, Place] = field(default_factory=dict)  # group or person -> where it is described
    hints: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)  # found once already
    _walked: dict[str, tuple[Member, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def members_of(self, group: str) -> tuple[Member, ...]:
        """Return everybody in a group and in the groups below it, by name, each by the shortest way."""
        if group not in self._walked:
            self._walked[group] = tuple(self._walk(group))
        return self._walked[group]

    def people_of(self, group: str) -> tuple[Person, ...]:
        """Return everybody in a group and in the groups below it, by name."""
        return tuple(member.person for member in self.members_of(group))

    def strangers_of(self, group: str) -> tuple[str, ...]:
        """Return who is said to be directly in a group and is described nowhere, or no more."""
        return tuple(sorted(ref for ref in self.members.get(group, ()) if ref not in self.people or ref in self.gone))

    def teams_of(self, person: str) -> frozenset[str]:
        """Return the groups somebody belongs to, directly or through a group below."""
        if person in self.gone:
            return frozenset()
        parents: dict[str, set[str]] = {}
        for parent, children in self.children.items():
            for child in children:
                parents.setdefault(child, set()).add(parent)
        waiting = [group for group, members in self.members.items() if person in members]
        seen: set[str] = set()
        while waiting:
            here = waiting.pop()
            if here not in seen:
                seen.add(here)
                waiting.extend(parents.get(here, ()))
        return frozenset(seen)

    def _walk(self, group: str) -> list[Member]:
        found: dict[str, Member] = {}
        seen = {group}
        layer: list[tuple[str, tuple[str, ...]]] = [(group, ())]
        while layer:
            below: list[tuple[str, tuple[str, ...]]] = []
            for here, via in layer:
                for ref in self.members.get(here, ()):
                    if ref in self.people and ref not in self.gone:
                        found.setdefault(ref, Member(self.people[ref], via))
                for child in sorted(self.children.get(here, frozenset()) - seen):
                    seen.add(child)
                    below.append((child, (*via, child)))
            layer = below
        return sorted(found.values(), key=lambda one: (one.person.name, one.person.ref))


def directory(
    groups: Mapping[str, str],
    people: Mapping[str, Person],
    pairs: Iterable[tuple[str, str]],
    *,
    aliases: Iterable[tuple[str, str]] = (),
    claims: Iterable[Claim] = (),
    gone: Mapping[str, datetime] | None = None,
    places: Mapping[str, Place] | None = None,
) -> Directory:
    """Make a directory of groups (with their titles), people, (above, below) pairs and (alias, reference) pairs.

    Another name that two go by is nobody's: the wrong team is worse than none.
    """
    members: dict[str, set[str]] = {}
    children: dict[str, set[str]] = {}
    for above, below in pairs:
        (members if below.startswith("user:") else children).setdefault(above, set()).add(below)
    by_alias = _by_alias(aliases)
    return Directory(
        groups,
        people,
        _frozen(members),
        _frozen(children),
        {alias: refs[0] for alias, refs in by_alias.items() if len(refs) == 1},
        {alias: refs for alias, refs in by_alias.items() if len(refs) > 1},
        {claim.ref: claim for claim in claims},
        gone or {},
        places or {},
    )


def _by_alias(aliases: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    named: dict[str, set[str]] = {}
    for alias, ref in aliases:
        named.setdefault(alias.strip().lower(), set()).add(ref)
    return {alias: tuple(sorted(refs)) for alias, refs in named.items() if alias}


def _frozen(sets: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {key: frozenset(values) for key, values in sets.items()}
