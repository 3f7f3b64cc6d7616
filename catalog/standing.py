"""One repository now and then, among all others: what is gone, kept, added and renamed, and who belongs where.

Pure: what it says now, what it would say and what all others say go in.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from catalog import ownership
from catalog.entities import Entity
from catalog.groups import Claim, Directory, Person, directory
from catalog.places import Place, Problem
from catalog.refs import Ref


class Said(Protocol):
    """What a repository says at one revision: a Reading fits."""

    @property
    def entities(self) -> Sequence[Entity]: ...
    @property
    def problems(self) -> Sequence[Problem]: ...
    @property
    def broken(self) -> frozenset[Ref]: ...
    @property
    def owner_sources(self) -> Mapping[str, str]: ...
    @property
    def doubtful(self) -> frozenset[str]: ...


@dataclass(frozen=True)
class Reference:
    """That an entity of another repository names one of this, and where it says so."""

    source: str
    type: str
    target: str
    repository: str
    place: Place


@dataclass(frozen=True)
class Rest:
    """What all other repositories say. `held`: the repository of each of their entities, by name.

    `live`: what is live of this repository's services, as a word for each environment (`release 231`).
    """

    claims: Mapping[str, Claim] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)
    references: Sequence[Reference] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    pairs: frozenset[tuple[str, str]] = frozenset()
    aliases: Sequence[tuple[str, str]] = ()
    live: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class States:
    """The repository's entities now (`was`) and then (`will`), by reference. `kept`: broken then, shown as before."""

    def __init__(self, before: Said, after: Said, rest: Rest) -> None:
        self.rest, self.reading = rest, after
        self.was = {str(one.ref): one for one in before.entities}
        self.will = {str(one.ref): one for one in after.entities}
        self.broken = {str(ref) for ref in before.broken}
        missing = [ref for ref in self.was if ref not in self.will]
        unusable = {str(ref) for ref in after.broken}
        self.kept = {ref for ref in missing if ref in unusable or self.was[ref].place.path in after.doubtful}
        self.gone = set(missing) - self.kept
        self.added = {ref for ref in self.will if ref not in self.was and ref not in self.broken}
        self.renamed = dict(self._renames())
        self.sources = (before.owner_sources, after.owner_sources)

    def _renames(self) -> Iterator[tuple[str, str]]:
        """Pair what is gone with what is added in its place: says the same, or stands alone in the same file."""
        free = sorted(self.added)
        for ref in sorted(self.gone):
            old = self.was[ref]
            near = [one for one in free if self.will[one].kind == old.kind]
            same = [one for one in near if self.will[one].spec == old.spec]
            here = [one for one in near if self.will[one].place.path == old.place.path]
            rivals = [one for one in self.gone if self.was[one].place.path == old.place.path]
            found = same if len(same) == 1 else here if len(here) == len(rivals) == 1 else []
            if found:
                free.remove(found[0])
                yield ref, found[0]

    def entities(self, then: bool) -> Mapping[str, Entity]:
        """Return what the catalog holds of this repository, now or then; who loses a name to another holds nothing."""
        found = {**{ref: self.was[ref] for ref in self.kept}, **self.will} if then else self.was
        return {ref: one for ref, one in found.items() if ref not in self.rest.held}

    def claims(self, then: bool) -> dict[str, Claim]:
        sources = {**self.sources[0], **self.sources[1]} if then else self.sources[0]
        ours = {ref: ownership.claim_of(one, sources.get(ref, "")) for ref, one in self.entities(then).items()}
        return {**self.rest.claims, **ours}

    def directory(self, then: bool) -> Directory:
        ours, rest = self.entities(then).values(), self.rest
        groups = {str(one.ref): one.title for one in ours if one.kind == "Group"}
        people = {str(one.ref): Person(str(one.ref), one.title, one.mail) for one in ours if one.kind == "User"}
        return directory(
            {**rest.groups, **groups},
            {**rest.people, **people},
            rest.pairs | {pair for one in ours for pair in ownership.memberships(one)},
            aliases=[*rest.aliases, *((alias, str(one.ref)) for one in ours for alias in one.aliases)],
            claims=self.claims(then).values(),
        )
