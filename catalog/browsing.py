"""The catalog as people look through it: words, filters with counts, a page of rows. Three statements in all.

An owner is whoever answers: found by another name, or inherited. Entities that say the same of their owner are looked
at once, so that all of them can be counted.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from catalog import ownership
from catalog.brief import Brief
from catalog.groups import Claim, Directory
from catalog.ownership import OWNED, Owner
from catalog.places import Place
from catalog.tables import SEARCH, EntityRow, ProblemRow, RepositoryRow

FACETS = ("kind", "type", "lifecycle", "owner", "label")
LABELS = ("look", "stale", "removed", "conflict", "problems", "unowned")  # look: any but mere problems
WORDS = 8  # that are looked for; more are left out


Said = tuple[str, str, str]  # what an entity says of its owner: the reference, the text, what it is part of


@dataclass(frozen=True)
class Asked:
    """What is looked for; empty means anything. `owner` is a reference, `label` one of LABELS."""

    words: str = ""
    kind: str = ""
    type: str = ""
    lifecycle: str = ""
    owner: str = ""
    label: str = ""


@dataclass(frozen=True)
class Row:
    ref: str
    kind: str
    name: str
    title: str
    description: str
    type: str
    lifecycle: str
    owner: Owner
    stale_since: datetime | None
    removed_at: datetime | None
    problems: int
    conflict: bool


@dataclass(frozen=True)
class Found:
    """`facets`: how many there would be with each value of a filter, the others as asked. `more`: where to go on."""

    rows: Sequence[Row]
    count: int
    everything: int
    facets: Mapping[str, Mapping[str, int]]
    more: str


@dataclass(frozen=True)
class _Combination:
    """All entities that are alike in everything one can filter by."""

    kind: str
    type: str
    lifecycle: str
    said: Said
    stale: bool
    removed: bool
    conflict: bool
    problems: bool
    count: int
    owner: str = ""
    answered: bool = True

    @property
    def labels(self) -> tuple[str, ...]:
        look = self.stale or self.removed or self.conflict or self.unowned
        has = {
            "look": look,
            "stale": self.stale,
            "removed": self.removed,
            "conflict": self.conflict,
            "problems": self.problems,
        }
        return tuple(label for label, is_so in (has | {"unowned": self.unowned}).items() if is_so)

    @property
    def unowned(self) -> bool:
        return not self.answered and self.kind in OWNED

    def fits(self, asked: Asked) -> bool:
        said = ((asked.kind, self.kind), (asked.type, self.type), (asked.lifecycle, self.lifecycle))
        same = all(not wanted or wanted == has for wanted, has in (*said, (asked.owner, self.owner)))
        return same and (not asked.label or asked.label in self.labels)


def find(session: Session, asked: Asked, known: Directory, after: str = "", limit: int = 50) -> Found:
    """Return a page of what fits, by name, after the entity with that reference."""
    alike = _combinations(session, asked.words, known)
    rows = _rows(session, asked, alike, known, after, limit + 1)
    return Found(
        rows=rows[:limit],
        count=sum(one.count for one in alike if one.fits(asked)),
        everything=session.scalar(select(func.count()).select_from(EntityRow)) or 0,
        facets={name: _facet(alike, asked, name) for name in FACETS},
        more=rows[limit - 1].ref if len(rows) > limit else "",
    )


def _facet(alike: Sequence[_Combination], asked: Asked, name: str) -> Mapping[str, int]:
    """Count by one filter what the others leave."""
    others = replace(asked, **{name: ""})
    counts: Counter[str] = Counter()
    for one in alike:
        if one.fits(others):
            for value in one.labels if name == "label" else (getattr(one, name),):
                counts[value] += one.count
    return {value: count for value, count in counts.most_common() if value}


_WRONG = select(ProblemRow.entity).where(ProblemRow.entity != "")
_CONFLICT = _WRONG.where(ProblemRow.code == "conflict")
_NAME = func.lower(EntityRow.name)
_SAID = (func.coalesce(EntityRow.owner_ref, ""), EntityRow.owner_text, func.coalesce(EntityRow.part_of, ""))


def _combinations(session: Session, words: str, known: Directory) -> list[_Combination]:
    columns: tuple[Any, ...] = (
        *(EntityRow.kind, EntityRow.type, EntityRow.lifecycle, *_SAID),
        *(EntityRow.stale_since.is_not(None), EntityRow.removed_at.is_not(None)),
        *(EntityRow.ref.in_(_CONFLICT), EntityRow.ref.in_(_WRONG)),
    )
    named = [column.label(f"c{at}") for at, column in enumerate(columns)]
    inside = select(*named).where(*_says(words)).subquery()
    whose: dict[Said, Owner] = {}
    found = []
    for row in session.execute(select(*inside.c, func.count()).group_by(*inside.c)):
        (kind, type_, lifecycle), said = row[:3], (row[3], row[4], row[5])
        stale, removed, conflict, wrong, count = row[6:]
        owner = whose.get(said) or whose.setdefault(said, answering(known, "", *said))
        so = (stale, removed, conflict, wrong)
        found.append(_Combination(kind, type_, lifecycle, said, *so, count, owner.ref, bool(owner.people)))
    return found


def answering(known: Directory, entity: str, ref: str | None, text: str, part_of: str | None) -> Owner:
    """Return who answers for an entity that says this of its owner."""
    return ownership.owner_of(Claim(entity, text, ref or None, "", Place("", 1, 1), part_of or None), known)


def _rows(
    session: Session, asked: Asked, alike: Sequence[_Combination], known: Directory, after: str, limit: int
) -> list[Row]:
    wrong = select(ProblemRow.entity, func.count().label("problems")).group_by(ProblemRow.entity).subquery()
    names = [field.name for field in fields(Row) if field.name not in ("owner", "problems", "conflict")]
    shown = [getattr(EntityRow, name) for name in names]
    where = [*_says(asked.words), *_filtered(asked, alike)]
    if after:
        where.append(tuple_(_NAME, EntityRow.ref) > tuple_(after.rpartition("/")[2], after))
    query = (
        select(*_SAID, func.coalesce(wrong.c.problems, 0), EntityRow.ref.in_(_CONFLICT), *shown)
        .outerjoin(wrong, wrong.c.entity == EntityRow.ref)
        .where(and_(True, *where))
        .order_by(_NAME, EntityRow.ref)
        .limit(limit)
    )
    return [
        Row(
            **dict(zip(names, about, strict=True)),
            owner=answering(known, about[0], *said),
            problems=wrong,
            conflict=two,
        )
        for *said, wrong, two, about in ((*row[:5], row[5:]) for row in session.execute(query))
    ]


def _filtered(asked: Asked, alike: Sequence[_Combination]) -> list[ColumnElement[bool]]:
    said = (EntityRow.kind, asked.kind), (EntityRow.type, asked.type), (EntityRow.lifecycle, asked.lifecycle)
    where = [column == wanted for column, wanted in said if wanted]
    if asked.owner:
        where.append(_says_any({one.said for one in alike if one.owner == asked.owner}))
    unowned = {one.said for one in alike if one.unowned} if asked.label in ("look", "unowned") else set()
    labels: Mapping[str, ColumnElement[bool]] = {
        "stale": EntityRow.stale_since.is_not(None),
        "removed": EntityRow.removed_at.is_not(None),
        "conflict": EntityRow.ref.in_(_CONFLICT),
        "problems": EntityRow.ref.in_(_WRONG),
        "unowned": and_(_says_any(unowned), EntityRow.kind.in_(sorted(OWNED))),
    }
    if asked.label == "look":
        return [*where, or_(*(labels[name] for name in ("stale", "removed", "conflict", "unowned")))]
    return [*where, labels.get(asked.label, false())] if asked.label else where


def _says_any(said: Collection[Said]) -> ColumnElement[bool]:
    return tuple_(*_SAID).in_(sorted(said)) if said else false()


def _says(words: str) -> list[ColumnElement[bool]]:
    """Every word stands in the name, the title, the description, a tag, or the owner's name or title."""
    return [_says_word(word) for word in words.lower().split()[:WORDS]]


def _says_word(word: str) -> ColumnElement[bool]:
    tagged = select(SEARCH.c.entity_id).where(
        SEARCH.c.key == "metadata.tags", SEARCH.c.value.startswith(word, autoescape=True)
    )
    owners = aliased(EntityRow)
    titled = select(owners.ref).where(owners.kind.in_(("group", "user")), owners.title.icontains(word, autoescape=True))
    texts = (EntityRow.name, EntityRow.title, EntityRow.description)
    said = [text.icontains(word, autoescape=True) for text in texts]
    owned = (EntityRow.owner_ref.contains(f"/{word}", autoescape=True), EntityRow.owner_ref.in_(titled))
    return or_(*said, EntityRow.id.in_(tagged), *owned)


@dataclass(frozen=True)
class Gone:
    """Since when no file describes something, and by which commit of which repository."""

    at: datetime
    revision: str | None
    repository_id: int
    repository: str


def gone(session: Session, ref: str) -> Gone | None:
    """Return how an entity went, None when it is there or was never known."""
    columns = (EntityRow.removed_at, EntityRow.removed_revision, EntityRow.repository_id, RepositoryRow.name)
    query = select(*columns).join(RepositoryRow, RepositoryRow.id == EntityRow.repository_id)
    row = session.execute(query.where(EntityRow.ref == ref, EntityRow.removed_at.is_not(None))).one_or_none()
    return Gone(row[0], *row[1:]) if row and row[0] else None


def owned(session: Session, known: Directory, ref: str) -> list[tuple[str, str]]:
    """Return reference and title of all that a group or a person answers for, by title: also inherited."""
    ways: list[Said] = [(owner, text, part_of) for owner, text, part_of in session.execute(select(*_SAID).distinct())]
    said = {way for way in ways if answering(known, "", *way).ref == ref}
    rows = session.execute(select(EntityRow.ref, EntityRow.title).where(_says_any(said)))
    return sorted(((one, title) for one, title in rows), key=lambda row: (row[1].lower(), row[0]))


def needing_a_look(session: Session, found: Iterable[Brief]) -> int:
    """Count the services that are stale, removed, claimed twice, or that nobody answers for."""
    contested = set(session.scalars(_CONFLICT.distinct()))
    wrong = (one.is_kept or one.ref in contested or not one.owner.people for one in found)
    return sum(map(bool, wrong))
