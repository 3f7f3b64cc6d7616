"""Who answers: from what an entity says of its owner to a group or a person, and from there to people.

Pure. An entity that names no owner has the owner of what it is part of, upwards; circles are walked once. An owner that
leads to nobody is a problem that is said, never a blank.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catalog.entities import Entity
from catalog.groups import Claim, Directory, Member, Person, directory
from catalog.naming import Found, find, hint, line_of, listed, names_owner, short, unknown, where
from catalog.places import Place, Problem, quoted

__all__ = ["Claim", "Directory", "Member", "Person", "directory"]

OWNED = frozenset({"component", "api", "resource", "system", "domain"})  # kinds that must have an owner


@dataclass(frozen=True)
class Owner:
    """Who answers for something. `people` is empty when nobody does; an unknown owner has its name for a title."""

    ref: str
    title: str
    people: tuple[Person, ...]
    provenance: str  # from catalog-info.yaml


@dataclass(frozen=True)
class Step:
    """One step on the way to who answers: a whole sentence, and where that is written."""

    ref: str
    text: str
    place: Place | None = None


@dataclass(frozen=True)
class Chain:
    """The whole way from an entity to people. `problem` says why it ends before, None when somebody answers."""

    ref: str
    steps: tuple[Step, ...]
    owner: Owner
    members: tuple[Member, ...]
    problem: Problem | None


def chain(claim: Claim, known: Directory) -> Chain:
    """Return who answers for that entity, and every step that leads there."""
    way = _way(claim, known)
    found = find(way[-1], known)
    steps = [*(_passed(one) for one in way[:-1]), *_reached(way[-1], way, found, known)]
    members = _members(found.ref, known)
    return Chain(claim.ref, tuple(steps), _owner(way, found, known), members, _problem(way, found, known))


def owner_of(claim: Claim, known: Directory) -> Owner:
    """Return only who answers: for lists."""
    way = _way(claim, known)
    return _owner(way, find(way[-1], known), known)


def resolve(owner: str, known: Directory, path: str) -> Owner:
    """Return who that owner is; `path` is the file that says so."""
    return owner_of(Claim("", owner, owner, path, Place(path, 1, 1), None), known)


# --- the way up to whoever names an owner -----------------------------------------------------------------------------


def _way(claim: Claim, known: Directory) -> list[Claim]:
    """Return the entity and what it inherits from, up to the first that names an owner, or as far as it goes."""
    way, seen = [claim], {claim.ref}
    while not names_owner(way[-1]):
        above = known.claims.get(way[-1].part_of or "")
        if above is None or above.ref in seen:
            break
        seen.add(above.ref)
        way.append(above)
    return way


def _passed(claim: Claim) -> Step:
    return _step(claim.ref, f"{_names_none(claim)}; it is part of {short(claim.part_of or '')}.", claim.place)


def _names_none(claim: Claim) -> str:
    said = f", and {where(claim.source)} says that its file has none" if line_of(claim.source) else ""
    return f"{short(claim.ref)} names no owner{said}"


def _reached(claim: Claim, way: list[Claim], found: Found, known: Directory) -> list[Step]:
    if names_owner(claim):
        return [_says(claim), *_who(claim, found, known)]
    if claim.part_of is None:
        end = f"{_names_none(claim)} and is part of nothing that has one."
    elif claim.part_of in {one.ref for one in way}:
        end = f"{_names_none(claim)}; it is part of {short(claim.part_of)}, where this began, and nobody is named."
    else:
        end = f"{_names_none(claim)}; it is part of {short(claim.part_of)}, which no file describes."
    return [_step(claim.ref, end, claim.place)]


def _says(claim: Claim) -> Step:
    line = line_of(claim.source)
    if line is None:
        return _step(claim.ref, f"{short(claim.ref)} names {quoted(claim.owner_text)} as its owner.", claim.place)
    said = f"{short(claim.ref)} names no owner; {where(claim.source)} gives its file to {quoted(claim.owner_text)}."
    return _step(claim.ref, said, Place(*line, 1))


def _step(ref: str, text: str, place: Place | None) -> Step:
    return Step(ref, text[0].upper() + text[1:], place)


# --- from a group or a person to people -------------------------------------------------------------------------------


def _who(claim: Claim, found: Found, known: Directory) -> list[Step]:
    ref, place = found.ref, known.places.get(found.ref)
    steps = []
    if found.how == "unknown":
        steps.append(_step(ref, f"{unknown(claim, known)}; {hint(claim, known)}.", claim.place))
    elif found.how == "alias":
        steps.append(_step(ref, f"{quoted(claim.owner_text)} is another name of {short(ref)}.", place))
    elif found.how == "guess":
        said = (
            f"Nobody has {quoted(claim.owner_text)} for another name; it is taken for {short(ref)}, as Backstage does."
        )
        steps.append(_step(ref, said, place))
    if ref in known.gone:
        steps.append(_step(ref, f"{short(ref)} is gone: since {known.gone[ref]:%Y-%m-%d} no file describes it.", place))
    if ref.startswith("group:"):
        steps += _counted(ref, found, known)
    elif ref in known.people and ref not in known.gone:
        steps.append(_step(ref, f"{known.people[ref].name} answers alone.", place))
    return steps


def _counted(group: str, found: Found, known: Directory) -> list[Step]:
    ways: dict[tuple[str, ...], list[str]] = {}
    for member in known.members_of(group):
        ways.setdefault(member.via, []).append(member.person.name)
    steps = []
    for via, names in sorted(ways.items(), key=lambda one: (len(one[0]), one[0])):
        through = " through " + ", ".join(map(short, via)) if via else ""
        steps.append(_step(via[-1] if via else group, f"In {short(group)}{through}: {listed(names)}.", None))
    strangers = known.strangers_of(group)
    if strangers:
        said = f"{listed([short(ref) for ref in strangers])} should be in {short(group)}, and no file describes them."
        steps.append(_step(group, said, known.places.get(group)))
    if not ways and found.how != "unknown":
        steps.append(_step(group, f"There is nobody in {short(group)}.", known.places.get(group)))
    return steps


def _members(ref: str, known: Directory) -> tuple[Member, ...]:
    if ref in known.people:
        return () if ref in known.gone else (Member(known.people[ref]),)
    return known.members_of(ref) if ref.startswith("group:") else ()


def _owner(way: list[Claim], found: Found, known: Directory) -> Owner:
    first, last = way[0], way[-1]
    if not names_owner(last):
        return Owner("", "", (), "nobody is named")
    provenance = f"from {where(last.source or last.place.path)}" if first is last else f"from {short(last.ref)}"
    people = tuple(member.person for member in _members(found.ref, known))
    if found.ref in known.people:
        return Owner(found.ref, known.people[found.ref].name, people, provenance)
    title = known.groups.get(found.ref) or found.ref.rpartition("/")[2] or last.owner_text
    return Owner(found.ref, title, people, provenance)


# --- what is wrong ----------------------------------------------------------------------------------------------------


def problem(owner: str, known: Directory, place: Place, entity: str) -> Problem | None:
    """Return what is wrong with an owner that leads to nobody, None when somebody answers."""
    return problem_of(Claim(entity, owner, owner, place.path, place, None), known)


def problem_of(claim: Claim, known: Directory) -> Problem | None:
    """Return why nobody answers for that entity; None when somebody does, or when its kind needs no owner."""
    way = _way(claim, known)
    return _problem(way, find(way[-1], known), known)


def _problem(way: list[Claim], found: Found, known: Directory) -> Problem | None:
    first, last = way[0], way[-1]
    if not names_owner(last):
        if first.ref.partition(":")[0] not in OWNED:
            return None
        advice = "name one here, or for a system that this is part of"
        return Problem(first.place, "no-owner", "owner: nobody is named", advice, entity=first.ref)
    wrong = _wrong(last, found, known)
    if wrong is None or first is last:
        return wrong
    said = f"owner: inherited from {short(last.ref)}: {wrong.message.removeprefix('owner: ')}"
    return Problem(first.place, wrong.code, said, wrong.hint, "warning", first.ref)


def _wrong(claim: Claim, found: Found, known: Directory) -> Problem | None:
    ref, team = found.ref, short(found.ref).partition(" ")[2]
    if found.how == "unknown":
        said = "owner: " + unknown(claim, known)
        if people := known.people_of(ref):
            said += f", though {listed([one.name for one in people])} should be in it"
        return Problem(claim.place, "unknown-owner", said, hint(claim, known), entity=claim.ref)
    if ref in known.gone:
        said = f"owner: {short(ref)} is gone since {known.gone[ref]:%Y-%m-%d}"
        return Problem(claim.place, "gone", said, "name who answers now", "warning", claim.ref)
    if ref.startswith("group:") and not known.people_of(ref):
        said, advice = f'owner: there is nobody in team "{team}"', f"let a User be memberOf {team}"
        return Problem(claim.place, "nobody", said, advice, "warning", claim.ref)
    return None


# --- from the entities of files ---------------------------------------------------------------------------------------


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


def claim_of(entity: Entity, source: str = "") -> Claim:
    """Return what an entity says of its owner; `source` is the line of CODEOWNERS that says it in its place."""
    place, part_of = entity.owner_place or entity.place, entity.part_of
    owner = str(entity.owner) if entity.owner else None
    return Claim(
        str(entity.ref), entity.owner_text, owner, source or place.path, place, str(part_of) if part_of else None
    )


def directory_of(entities: Iterable[Entity], sources: Mapping[str, str] | None = None) -> Directory:
    """Make the directory of what is described in files; `sources`: which owners stand in CODEOWNERS, and where."""
    known = list(entities)
    people = [one for one in known if one.kind in ("Group", "User")]
    return directory(
        {str(one.ref): one.title for one in people if one.kind == "Group"},
        {str(one.ref): Person(str(one.ref), one.title, one.mail) for one in people if one.kind == "User"},
        (pair for one in people for pair in memberships(one)),
        aliases=((alias, str(one.ref)) for one in people for alias in one.aliases),
        claims=(claim_of(one, (sources or {}).get(str(one.ref), "")) for one in known),
        places={str(one.ref): one.place for one in people},
    )


def problems(entities: Iterable[Entity], known: Directory) -> list[Problem]:
    """Return the owners that those entities name and that lead to nobody."""
    found = [problem_of(claim_of(one), known) for one in entities if one.owner_text]
    return [one for one in found if one]
