"""The part of the directory in which the owners of some entities are found, however many people the catalog knows.

Where anybody is meant by another name than a reference, that is all of it: other names are compared among everybody.
"""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy.orm import Session

from catalog import ownership, rows
from catalog.naming import names_owner
from catalog.ownership import Claim, Directory, Person
from catalog.places import Place
from catalog.rows import AnyRow


def claim(row: AnyRow) -> Claim:
    """Return what one row of `rows.claims` says."""
    place = Place(row.path, row.owner_line, row.owner_column)
    return Claim(row.ref, row.owner_text, row.owner_ref, row.owner_source or row.path, place, row.part_of)


def whole(session: Session) -> Directory:
    """Return all groups and people, their other names, and what says the owner of whatever others are part of."""
    return _directory(rows.people(session), rows.memberships(session), map(claim, rows.claims_above(session)))


def around(session: Session, claims: Sequence[Claim]) -> Directory:
    """Return enough of the directory to tell the owners of those."""
    above = _inherited(session, claims)
    named = {(one.owner_ref or "").lower() for one in (*claims, *above) if names_owner(one)}
    people = list(rows.people(session, named))
    if named - {row.ref for row in people}:
        return whole(session)
    inside, asked = list[tuple[str, str]](), set[str]()
    while groups := {row.ref for row in people if row.kind == "group"} - asked:
        asked |= groups
        found = rows.memberships(session, groups)
        inside += found
        people += rows.people(session, {below for _, below in found} - {row.ref for row in people})
    return _directory(people, inside, above)


def belongs(session: Session, person: str) -> tuple[str, frozenset[str]]:
    """Return somebody's full name (empty: nobody the catalog knows) and the groups she is in, also through others."""
    found = next(iter(rows.people(session, [person])), None)
    teams, last = set[str](), {person}
    while last := rows.groups_of(session, last) - teams if found is None or found.removed_at is None else set():
        teams |= last
    return found.title if found else "", frozenset(teams)


def _inherited(session: Session, claims: Sequence[Claim]) -> list[Claim]:
    """Return what those are part of that name no owner, upwards, as far as it is needed."""
    found, asked, last = list[Claim](), set[str](), list(claims)
    while wanted := {one.part_of for one in last if one.part_of and not names_owner(one)} - asked:
        asked |= wanted
        last = [claim(row) for row in rows.claims(session, wanted)]
        found += last
    return found


def _directory(people: Sequence[AnyRow], inside: Collection[tuple[str, str]], claims: Iterable[Claim]) -> Directory:
    return ownership.directory(
        {row.ref: row.title for row in people if row.kind == "group"},
        {row.ref: Person(row.ref, row.title, row.mail) for row in people if row.kind == "user"},
        inside,
        aliases=((alias, row.ref) for row in people for alias in rows.aliases(row)),
        claims=claims,
        gone={row.ref: row.removed_at for row in people if row.removed_at},
        places={row.ref: Place(row.path, row.line, row.column) for row in people},
    )
