"""What would change in the whole catalog if one repository said something else: asked before a merge.

Pure: what the repository says now and would say, what all others say, and what is live, go in; changes and findings
come out. A finding is an error when somebody would be worse off: a name that is taken, a reference to what is gone, an
owner that leads to nobody, a deploy that could not go, a problem that was not there before.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog import ownership
from catalog.entities import Entity
from catalog.faults import OWNER_FORM
from catalog.groups import Claim, Directory
from catalog.naming import names_owner, short
from catalog.ownership import OWNED, Owner
from catalog.places import Place, Problem
from catalog.relations import relations
from catalog.standing import Rest, Said, States

ERROR, WARNING = "error", "warning"
FIELDS = 8  # that are named of an entity that changes
LONELY = frozenset({"memberOf", "hasMember", "childOf", "parentOf"})  # relations that page nobody by themselves
SAYS = {
    "dependsOn": "depends on",
    "consumesApi": "consumes",
    "providesApi": "provides",
    "partOf": "is part of",
    "memberOf": "is a member of",
    "childOf": "belongs to",
    "hasMember": "counts in",
    "parentOf": "is above",
    "dependencyOf": "is needed by",
    "hasPart": "has",
}

Undeployable = Callable[[Entity], Sequence[Problem]]


@dataclass(frozen=True)
class Change:
    """`kind`: added, changed, removed, renamed, moved (to another file), stale (kept as it was) or mended."""

    kind: str
    ref: str
    place: Place
    detail: str = ""


@dataclass(frozen=True)
class Handover:
    """That somebody else would answer. Each side: who, and how many people that is."""

    ref: str
    was: str
    were: int
    becomes: str
    are: int


@dataclass(frozen=True)
class Finding:
    """What would be worse. `kind`: taken, reference, nobody or deploy. `repository`: whose file, empty for ours."""

    kind: str
    ref: str
    said: str
    hint: str
    place: Place
    severity: str = ERROR
    repository: str = ""


@dataclass(frozen=True)
class Simulation:
    changes: tuple[Change, ...]
    handovers: tuple[Handover, ...]
    findings: tuple[Finding, ...]
    new: tuple[Problem, ...]
    fixed: tuple[Problem, ...]

    @property
    def breaks(self) -> bool:
        return ERROR in {*(one.severity for one in self.findings), *(one.severity for one in self.new)}


def simulate(before: Said, after: Said, rest: Rest, undeployable: Undeployable) -> Simulation:
    """Return what would change. `undeployable` says what is wrong with an entity's `spec.deploy`."""
    states = States(before, after, rest)
    deploys = [*_in_use(states), *_undeployable(states, undeployable)]
    handovers, nobody = _owners(states)
    new, fixed = _problems(before, after), _problems(after, before)
    told = {(one.place, one.said) for one in deploys}
    lost = {one.ref for one in nobody}
    new = [one for one in new if not (one.code == OWNER_FORM and one.entity in lost)]
    return Simulation(
        tuple(_changes(states)),
        tuple(handovers),
        (*_taken(states), *_lost(states), *nobody, *deploys),
        tuple(one for one in (*new, *_nowhere(states)) if (one.place, one.message) not in told),
        tuple(fixed),
    )


# --- what changes -----------------------------------------------------------------------------------------------------


def _changes(states: States) -> Iterator[Change]:
    renamed_to = {new: old for old, new in states.renamed.items()}
    for ref, entity in sorted(states.will.items()):
        old = states.was.get(ref)
        if ref in renamed_to:
            yield Change("renamed", ref, entity.place, renamed_to[ref])
        elif ref in states.broken:
            yield Change("mended", ref, entity.place)
        elif old is None:
            yield Change("added", ref, entity.place)
        elif old.document.data != entity.document.data:
            yield Change("changed", ref, entity.place, ", ".join(differences(old.document.data, entity.document.data)))
        elif old.place.path != entity.place.path:
            yield Change("moved", ref, entity.place, old.place.path)
    for ref in sorted(states.gone - states.renamed.keys()):
        yield Change("removed", ref, states.was[ref].place)
    for ref in sorted(states.kept):
        yield Change("stale", ref, states.was[ref].place)


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """Return the dotted keys that differ, at most some.

    >>> differences({"spec": {"owner": "a", "type": "x"}}, {"spec": {"owner": "b", "type": "x"}})
    ['spec.owner']
    """
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return [] if old == new else [path]
    found: list[str] = []
    for key in [*old, *(key for key in new if key not in old)]:
        below = f"{path}.{key}" if path else str(key)
        found += differences(old[key], new[key], below) if key in old and key in new else [below]
    return found if len(found) <= FIELDS else [*found[: FIELDS - 1], f"{len(found) - FIELDS + 1} more"]


# --- names and references ---------------------------------------------------------------------------------------------


def _taken(states: States) -> Iterator[Finding]:
    for ref in sorted(states.added):
        if ref in states.rest.held:
            where = f"{states.rest.held[ref]}, {states.rest.claims[ref].place}"
            said = f"the name {short(ref)} is taken: it is described in {where}"
            yield Finding("taken", ref, said, "give this one another name", states.will[ref].place)


def _lost(states: States) -> Iterator[Finding]:
    """Name who else refers to what would be gone; owners have a rule of their own."""
    for one in sorted(states.rest.references, key=lambda one: (one.target, one.repository, one.place)):
        if one.target in states.gone and one.target not in states.rest.held and one.type != "ownedBy":
            new = states.renamed.get(one.target)
            what = f"which would be called {short(new)}" if new else "which would be gone"
            said = f"{short(one.source)} {SAYS.get(one.type, one.type)} {short(one.target)}, {what}"
            severity = WARNING if one.type in LONELY else ERROR
            yield Finding("reference", one.target, said, "let it follow first", one.place, severity, one.repository)


def _nowhere(states: States) -> Iterator[Problem]:
    """Name what our own entities refer to and nobody describes, where that is new."""
    before = {*states.rest.held, *states.was, *states.broken}
    after = {*states.rest.held, *states.will, *states.kept, *map(str, states.reading.broken)}
    for ref, entity in sorted(states.will.items()):
        old = states.was.get(ref)
        known = {(one.type, one.target) for one in relations(old)} if old else set()
        for one in relations(entity):
            lost = one.source == ref and one.type != "ownedBy" and one.target not in after
            if lost and not ((one.type, one.target) in known and one.target not in before):
                said = f"{one.type}: there would be no {one.target} in the catalog"
                hint = "describe it, or take the reference out"
                yield Problem(entity.place, "nowhere", said, hint, WARNING, ref)


# --- who answers ------------------------------------------------------------------------------------------------------


def _owners(states: States) -> tuple[list[Handover], list[Finding]]:
    old_claims, new_claims = states.claims(then=False), states.claims(then=True)
    was, will = states.directory(then=False), states.directory(then=True)
    handovers, nobody = [], []
    for ref in sorted(new_claims if _reaches_far(was, will) else states.entities(then=True)):
        claim, old = new_claims[ref], old_claims.get(ref)
        if ref.partition(":")[0] not in OWNED and not names_owner(claim):
            continue
        now, before = ownership.owner_of(claim, will), ownership.owner_of(old, was) if old else None
        if not now.people and (before is None or before.people):
            nobody.append(_nobody(claim, before, will, states.rest.held.get(ref, "")))
        elif before is not None and before.ref != now.ref:
            handovers.append(Handover(ref, before.title, len(before.people), now.title, len(now.people)))
    return handovers, nobody


def _reaches_far(was: Directory, will: Directory) -> bool:
    """Say whether others may have another owner: who is in which group matters, and what a system says of its owner."""

    def seen(known: Directory) -> tuple[Any, ...]:
        owners = {ref: (claim.owner_text, claim.owner_ref, claim.part_of) for ref, claim in known.claims.items()}
        return known.groups, known.people, known.members, known.children, known.aliases, known.contested, owners

    return seen(was) != seen(will)


def _nobody(claim: Claim, before: Owner | None, known: Directory, repository: str) -> Finding:
    problem = ownership.problem_of(claim, known)
    why = problem.message.removeprefix("owner: ") if problem else "its owner leads to nobody"
    then = f", where {before.title} does now" if before else ""
    hint = problem.hint if problem else "name somebody"
    said = f"nobody would answer for {short(claim.ref)}{then}: {why}"
    return Finding("nobody", claim.ref, said, hint, claim.place, ERROR, repository)


# --- deploys ----------------------------------------------------------------------------------------------------------


def _in_use(states: States) -> Iterator[Finding]:
    """Name what is live and would be described no more."""
    for ref, places in sorted(states.rest.live.items()):
        if ref in states.gone:
            where = " and ".join(f"in {name} as {release}" for name, release in sorted(places.items()))
            said = f"{short(ref)} is live {where}, and nothing would describe it"
            yield Finding("deploy", ref, said, "take it out of service first", states.was[ref].place)
        elif ref in states.will and ref in states.was:
            left = _environments(states.will[ref])
            for name in sorted(places.keys() & _environments(states.was[ref]) - left):
                said = (
                    f"{short(ref)} is live in {name} as {places[name]}, and spec.deploy would not have {name} any more"
                )
                place = states.will[ref].document.place(("spec", "deploy", "environments"), key=True)
                yield Finding("deploy", ref, said, "take it out of service there first", place)


def _environments(entity: Entity) -> set[str]:
    said = entity.document.value(("spec", "deploy", "environments"))
    return set(map(str, said)) if isinstance(said, Mapping) else set()


def _undeployable(states: States, undeployable: Undeployable) -> Iterator[Finding]:
    for ref, entity in sorted(states.will.items()):
        old = states.was.get(ref)
        known = {problem.message for problem in undeployable(old)} if old else set()
        for problem in undeployable(entity):
            if problem.severity == ERROR and problem.message not in known:
                yield Finding("deploy", ref, problem.message, problem.hint, problem.place)
    for ref in sorted(states.kept):
        if _environments(states.was[ref]):
            said = f"{short(ref)} could not be deployed from this revision: its document cannot be used"
            yield Finding("deploy", ref, said, "mend the problems of its file", states.was[ref].place)


# --- problems ---------------------------------------------------------------------------------------------------------


def _problems(old: Said, new: Said) -> list[Problem]:
    """Return what is wrong in `new` and was not in `old`, wherever in the file it stood."""
    known = {_identity(problem) for problem in old.problems}
    return [problem for problem in new.problems if _identity(problem) not in known]


def _identity(problem: Problem) -> tuple[str, str, str, str]:
    return problem.entity, problem.place.path, problem.code, problem.message
