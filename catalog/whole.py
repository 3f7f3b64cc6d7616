"""What is wrong only when one looks at the whole catalog: owners that lead to nobody, references to nowhere, circles.

Each problem is kept in the repository whose file says it; what is right again is taken out. Nothing is written while
nothing has changed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy.orm import Session

from catalog import entitystore, ownership, query, rows, store
from catalog.ownership import Claim, Directory
from catalog.places import Place, Problem, did_you_mean
from catalog.ports import UNUSED, Uses
from ledger.db import Database

GRACE = timedelta(days=14)  # how long what was removed is kept
_UP = ("childOf", "partOf")  # relations in which nothing may be above itself
_WORDS = {"childOf": "parent", "partOf": "part of"}

Found = tuple[int, Problem]  # with its repository


def check(database: Database, at: datetime, uses: Uses = UNUSED) -> int:
    """Look through the whole catalog and store what is wrong; return how many problems there are.

    Whoever an owner's text means, or is inherited, becomes the entity's owner for all who ask by relations. `uses` says
    what was removed and is needed still.
    """
    with database.read() as session:
        said, known = rows.claims(session), query.directory(session)
        claims = [(row.repository_id, query.claim(row)) for row in said if row.removed_at is None]
        owned = _owned_otherwise(session, [claim for _, claim in claims], known)
        found: dict[int, list[Problem]] = {}
        wrong = (_owners(claims, known), _nowhere(session), _circles(session, said), _removed(session, uses))
        for repository, problem in chain.from_iterable(wrong):
            found.setdefault(repository, []).append(problem)
        noted = [one for one in store.problems(session) if one.whole]
    before = {(one.repository_id, one.problem) for one in noted}
    if before != {(repository, problem) for repository, said in found.items() for problem in said}:
        _write(database, {*found, *(one.repository_id for one in noted)}, found, at)
    if owned:
        with database.write() as session:
            entitystore.own(session, owned)
    return sum(map(len, found.values()))


def _owned_otherwise(session: Session, claims: Sequence[Claim], known: Directory) -> Mapping[str, str]:
    """Return who is owned by somebody else than their relations say: by another name, or by inheritance."""
    said = rows.owners(session)
    meant = {claim.ref: ownership.owner_of(claim, known).ref for claim in claims}
    there = known.groups.keys() | known.people.keys()
    return {ref: owner for ref, owner in meant.items() if owner in there and said.get(ref) != owner}


def _write(
    database: Database, repositories: Iterable[int], found: Mapping[int, Sequence[Problem]], at: datetime
) -> None:
    with database.write() as session:
        there = {one.id for one in store.repositories(session)}
        for repository in sorted(there.intersection(repositories)):
            said = sorted(found.get(repository, ()), key=lambda problem: problem.place)
            store.put_problems(session, repository, said, at, whole=True)


def _owners(claims: Sequence[tuple[int, Claim]], known: Directory) -> Iterator[Found]:
    for repository, claim in claims:
        said = ownership.problem_of(claim, known)
        if said:
            yield repository, said


def _nowhere(session: Session) -> Iterator[Found]:
    """Name what is referred to and described nowhere; owners have a rule of their own."""
    edges = [edge for edge in rows.dangling(session) if edge.type != "ownedBy"]
    known: dict[str, Sequence[str]] = {}
    for edge in edges:
        kind, _, name = edge.target.partition(":")
        if kind not in known:
            known[kind] = [ref.partition(":")[2].removeprefix("default/") for ref in rows.refs_of(session, kind)]
        hint = did_you_mean(name.removeprefix("default/"), known[kind]) or "describe it, or take the reference out"
        said = f"{edge.type}: there is no {edge.target} in the catalog"
        place = Place(edge.path, edge.line, edge.column)
        yield edge.repository_id, Problem(place, "nowhere", said, hint, "warning", edge.source)


def _circles(session: Session, entities: Sequence[rows.AnyRow]) -> Iterator[Found]:
    """Name what is above itself: groups whose parents go round, systems and domains too."""
    related = rows.relations(session, types=_UP)
    for type_ in _UP:
        above = {ref: [target for kind, target in said if kind == type_] for ref, said in related.items()}
        inside = in_circles({ref: targets for ref, targets in above.items() if targets})
        for row in entities if inside else ():
            if row.ref in inside:
                said = f"{_WORDS[type_]}: {row.ref} is above itself, by way of {above[row.ref][0]}"
                place = Place(row.path, row.owner_line, row.owner_column)
                yield row.repository_id, Problem(place, "circle", said, "take one of the steps out", "warning", row.ref)


def in_circles(above: Mapping[str, Sequence[str]]) -> set[str]:
    """Return who is above itself, or between two such circles: what is left when all ends have been taken off."""
    left = set(above)
    while True:
        aimed = {target for ref in left for target in above[ref]}
        ends = {ref for ref in left if ref not in aimed or left.isdisjoint(above[ref])}
        if not ends:
            return left
        left -= ends


def _removed(session: Session, uses: Uses) -> Iterator[Found]:
    gone = rows.removed(session)
    used = uses.of(session, [row.ref for row in gone])
    for row in gone:
        since, until = f"since commit {row.removed_revision[:10]}", row.removed_at + GRACE
        end, severity = f"it is forgotten after {until:%d %B %Y}", "warning"
        if row.ref in used:
            end, severity = f"it {used[row.ref]}, so it is kept", "error"
        said, hint = f"no file describes {row.ref} {since}; {end}", "bring its file back, or let it go"
        yield (
            row.repository_id,
            Problem(Place(row.path, row.line, row.column), "removed", said, hint, severity, row.ref),
        )
