"""What nobody answers for, and what hangs on one person. Pure: claims and the directory in, findings out.

An orphan names no owner, or one that leads to nobody. A team is disbanded when it owns something and has nobody, or is
gone while others still name it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalog.groups import Claim, Directory, Person
from catalog.naming import names_owner
from catalog.ownership import OWNED, Owner, owner_of, problem_of
from catalog.places import Problem

UNKNOWN = "unknown-owner"  # the problem of an owner whom no file describes


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


@dataclass(frozen=True)
class _Answered:
    claim: Claim
    owner: Owner
    problem: Problem | None


def health(claims: Iterable[Claim], known: Directory) -> Health:
    """Return all of it, each part by reference. Entities of kinds that need no owner count when they name one."""
    said = [
        _Answered(claim, owner_of(claim, known), problem_of(claim, known))
        for claim in sorted(claims, key=lambda one: one.ref)
        if claim.ref.partition(":")[0] in OWNED or names_owner(claim)
    ]
    lost = _orphans(said)
    teams = _teams(said, known)
    return Health(
        all=len(said),
        owned=len(said) - len(lost),
        orphans=lost,
        unknown=_unknown(said),
        disbanded=tuple(one for one in teams if one.gone or (one.ref in known.groups and not one.people)),
        alone=tuple(one for one in teams if not one.gone and len(one.people) == 1),
    )


def _orphans(said: Sequence[_Answered]) -> tuple[Orphan, ...]:
    return tuple(Orphan(one.claim.ref, one.owner, one.problem) for one in said if one.problem and not one.owner.people)


def _unknown(said: Sequence[_Answered]) -> tuple[Unknown, ...]:
    """Return the owners that no file describes; a team that still has people is among them."""
    named: dict[str, list[_Answered]] = {}
    for one in said:
        if names_owner(one.claim) and one.problem and one.problem.code == UNKNOWN:
            named.setdefault(one.owner.ref or one.claim.owner_text, []).append(one)
    return tuple(
        Unknown(ref, ones[0].owner.title, ones[0].problem.hint if ones[0].problem else "", _refs(ones))
        for ref, ones in sorted(named.items())
    )


def _teams(said: Sequence[_Answered], known: Directory) -> list[Team]:
    """Return every group that owns something, with all of it."""
    owns: dict[str, list[_Answered]] = {}
    for one in said:
        if one.owner.ref.startswith("group:"):
            owns.setdefault(one.owner.ref, []).append(one)
    return [
        Team(ref, ones[0].owner.title, known.people_of(ref), _refs(ones), known.gone.get(ref))
        for ref, ones in sorted(owns.items())
    ]


def _refs(said: Sequence[_Answered]) -> tuple[str, ...]:
    return tuple(one.claim.ref for one in said)
