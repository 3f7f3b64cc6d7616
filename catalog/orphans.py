"""What nobody answers for, and what hangs on one person. Pure: claims and the directory in, findings out.

An orphan names no owner, or one that leads to nobody. A team is disbanded when it owns something and has nobody, or is
gone while others still name it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalog.groups import Claim, Directory, Person
from catalog.ownership import OWNED, Owner, owner_of, problem_of
from catalog.places import Problem

# Problems of an owner whom nobody describes.
UNKNOWN = "unknown-owner"


@dataclass(frozen=True)
class Orphan:
    """An entity for which nobody answers, and why."""

    ref: str
    owner: Owner
    problem: Problem


@dataclass(frozen=True)
class Team:
    """A group and what it owns, by itself or through what is part of that. `gone`: since when it is, if it is."""

    ref: str
    title: str
    people: tuple[Person, ...]
    owns: tuple[str, ...]
    gone: datetime | None = None


@dataclass(frozen=True)
class Unknown:
    """An owner that is named and described nowhere, and by whom it is named."""

    ref: str
    title: str
    hint: str
    named_by: tuple[str, ...]


@dataclass(frozen=True)
class Health:
    """How well owned everything is. `owned` counts what somebody answers for, `all` what needs an owner."""

    all: int
    owned: int
    orphans: tuple[Orphan, ...]
    unknown: tuple[Unknown, ...]
    disbanded: tuple[Team, ...]
    alone: tuple[Team, ...]


def health(claims: Iterable[Claim], known: Directory) -> Health:
    """Return all of it, each part by reference."""
    said = [claim for claim in claims if needs_owner(claim)]
    owners = {claim.ref: owner_of(claim, known) for claim in said}
    lost = orphans(said, known)
    owns = _owns(owners)
    return Health(
        len(said), len(said) - len(lost), lost, unknown(said, known), _disbanded(owns, known), _alone(owns, known)
    )


def needs_owner(claim: Claim) -> bool:
    return claim.ref.partition(":")[0] in OWNED or bool(claim.owner_text.strip())


def orphans(claims: Iterable[Claim], known: Directory) -> tuple[Orphan, ...]:
    """Return what nobody answers for."""
    found = []
    for claim in filter(needs_owner, claims):
        owner, problem = owner_of(claim, known), problem_of(claim, known)
        if not owner.people and problem:
            found.append(Orphan(claim.ref, owner, problem))
    return tuple(sorted(found, key=lambda one: one.ref))


def disbanded(claims: Iterable[Claim], known: Directory) -> tuple[Team, ...]:
    """Return the teams that own something and have nobody, or are gone."""
    return _disbanded(_owns({claim.ref: owner_of(claim, known) for claim in claims}), known)


def alone(claims: Iterable[Claim], known: Directory) -> tuple[Team, ...]:
    """Return the teams of one person that own something."""
    return _alone(_owns({claim.ref: owner_of(claim, known) for claim in claims}), known)


def unknown(claims: Iterable[Claim], known: Directory) -> tuple[Unknown, ...]:
    """Return the owners that no file describes; a team that still has people is among them."""
    named: dict[str, list[str]] = {}
    told: dict[str, tuple[Owner, Problem]] = {}
    for claim in filter(lambda one: bool(one.owner_text.strip()), claims):
        problem = problem_of(claim, known)
        if problem and problem.code == UNKNOWN:
            key = claim.owner_ref or claim.owner_text
            named.setdefault(key, []).append(claim.ref)
            told.setdefault(key, (owner_of(claim, known), problem))
    return tuple(
        Unknown(key, told[key][0].title, told[key][1].hint, tuple(sorted(refs))) for key, refs in sorted(named.items())
    )


def _owns(owners: Mapping[str, Owner]) -> Mapping[str, Sequence[str]]:
    owns: dict[str, list[str]] = {}
    for ref, owner in sorted(owners.items()):
        if owner.ref.startswith("group:"):
            owns.setdefault(owner.ref, []).append(ref)
    return owns


def _disbanded(owns: Mapping[str, Sequence[str]], known: Directory) -> tuple[Team, ...]:
    return tuple(
        _team(group, refs, known)
        for group, refs in sorted(owns.items())
        if group in known.gone or (group in known.groups and not known.people_of(group))
    )


def _alone(owns: Mapping[str, Sequence[str]], known: Directory) -> tuple[Team, ...]:
    return tuple(
        _team(group, refs, known)
        for group, refs in sorted(owns.items())
        if group not in known.gone and len(known.people_of(group)) == 1
    )


def _team(group: str, owns: Sequence[str], known: Directory) -> Team:
    title = known.groups.get(group) or group.rpartition("/")[2]
    return Team(group, title, known.people_of(group), tuple(owns), known.gone.get(group))
