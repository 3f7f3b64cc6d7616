"""Finding entities: the tree of a filter as SQL, pages and totals, full text, facets, and entities by name.

Documents come and go as the JSON text that is stored: nothing here reads them. Each question is one statement, or one
for each batch of names. Values are always bound; nothing of what is asked becomes part of a statement.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, Table, and_, false, func, not_, null, or_, select, true
from sqlalchemy.orm import Session

from catalog.cursors import Order, Position, Question, Text
from catalog.filters import Any_, Every, Exists, Node, Not, OneOf, Prefix
from catalog.flat import MAX_KEY, MAX_VALUE, is_storable
from catalog.tables import SEARCH, EntityRow

# Keys of which an entity has one row at most; of others the smallest value is what it is ordered by.
SINGLE = frozenset(
    ("kind", "apiversion", "metadata.name", "metadata.namespace", "metadata.uid", "metadata.title", "spec.lifecycle")
)
LAST = "\U0010ffff"  # after every other sign, on both databases

BATCH = 500  # names in one statement
# Conditions that PostgreSQL may choose to begin with. It would try the orders of hundreds of them for minutes;
# `IS TRUE` around the others has it look at each row instead.
DRIVING = 6

_ENTITY = cast(Table, EntityRow.__table__).c
_ID, _KEY, _VALUE = SEARCH.c.entity_id, SEARCH.c.key, SEARCH.c.value
_ASKED = SEARCH.alias("asked").c  # rows that a condition looks for, whatever stands around it


@dataclass(frozen=True)
class Page:
    """Some documents in order, where they begin and end, and whether more follow in the direction that was asked."""

    documents: Sequence[str]
    first: Position | None
    last: Position | None
    more: bool


def page(
    session: Session,
    asked: Question,
    limit: int | None,
    *,
    offset: int = 0,
    position: Position | None = None,
    backwards: bool = False,
) -> Page:
    """Return the rows after `position`, or up to it. The order is by uid where none is asked."""
    if limit == 0:
        return Page((), None, None, more=False)
    rows, down = _rows(asked), _down(asked.order, backwards)
    query = rows.query if position is None else rows.query.where(_beyond(position, rows, down))
    query = query.order_by(*_sorted([rows.value, rows.row] if asked.order else [rows.row], down))
    if limit is not None:
        query = query.limit(limit + 1)
    if offset:
        query = query.offset(offset)
    chosen = query.subquery().c
    with_documents = select(chosen.value, chosen.row, _ENTITY.document).where(_ENTITY.id == chosen.id)
    keys = [chosen.value, chosen.row] if asked.order else [chosen.row]
    found = session.execute(with_documents.order_by(*_sorted(keys, down))).all()
    more = limit is not None and len(found) > limit
    kept = found[:limit] if more else found
    kept = kept[::-1] if backwards else kept
    ends = [Position(kept[end][0], str(kept[end][1])) for end in (0, -1)] if kept else [None, None]
    return Page([one[2] for one in kept], ends[0], ends[1], more)


def _sorted(columns: Iterable[ColumnElement[Any]], down: bool) -> list[ColumnElement[Any]]:
    return [column.desc() if down else column.asc() for column in columns]


def _down(order: Order | None, backwards: bool) -> bool:
    return (order is not None and order.descending) is not backwards


@dataclass(frozen=True)
class _Rows:
    """What is asked as rows of (id, row, value), and by what they are ordered."""

    query: Select[Any]
    value: ColumnElement[Any]
    row: ColumnElement[Any]


def _rows(asked: Question) -> _Rows:
    if asked.order is None:
        row = _ENTITY.ref if asked.by_ref else _ENTITY.uid
        about = (_ENTITY.id.label("id"), row.label("row"), null().label("value"))
        return _Rows(select(*about).where(*_conditions(asked, _ENTITY.id)), null(), row)
    wanted = (*_having(asked.order.field), *_conditions(asked, _ID))
    if asked.order.field in SINGLE:
        about = (_ID.label("id"), _ID.label("row"), _VALUE.label("value"))
        return _Rows(select(*about).where(*wanted), _VALUE, _ID)
    about = (_ID.label("id"), _ID.label("row"), func.min(_VALUE).label("value"))
    each = select(*about).where(*wanted).group_by(_ID).subquery().c
    return _Rows(select(each.id, each.row, each.value), each.value, each.row)


def _having(key: str) -> tuple[ColumnElement[bool], ...]:
    return SEARCH.c.key == key, _VALUE.is_not(None)


def _beyond(at: Position, rows: _Rows, down: bool) -> ColumnElement[bool]:
    if at.value is None:
        return rows.row < at.row if down else rows.row > at.row
    number = int(at.row)
    further = rows.value < at.value if down else rows.value > at.value
    return or_(further, and_(rows.value == at.value, rows.row < number if down else rows.row > number))


def total(session: Session, asked: Question) -> int:
    """Return how many rows the answer has altogether."""
    if asked.order is None:
        query = select(func.count()).select_from(EntityRow).where(*_conditions(asked, _ENTITY.id))
    else:
        number = func.count() if asked.order.field in SINGLE else func.count(_ID.distinct())
        query = select(number).select_from(SEARCH).where(*_having(asked.order.field), *_conditions(asked, _ID))
    return session.scalar(query) or 0


def _conditions(asked: Question, entity: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    conditions = [] if asked.where is None else [condition(asked.where, entity)]
    if asked.text is not None and len(asked.text.term) > MAX_VALUE:
        conditions.append(false())
    elif asked.text is not None:
        conditions.append(_containing(asked.text, entity, asked.order))
    return conditions


def _containing(text: Text, entity: ColumnElement[Any], order: Order | None) -> ColumnElement[bool]:
    if order is not None and order.field in SINGLE and text.fields == (order.field,):
        return _VALUE.contains(text.term, autoescape=True)  # the very row that it is ordered by
    containing = _ASKED.value.contains(text.term, autoescape=True)
    return _among(entity, and_(_ASKED.key.in_(text.fields), containing))


def condition(node: Node, entity: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the tree of a filter as a condition on the entity of that id."""
    match node:
        case Every():
            each = [condition(part, entity) for part in _every(node)]
            return and_(true(), *each[:DRIVING], *(one.is_(true()) for one in each[DRIVING:]))
        case Any_(parts):
            return or_(false(), *(condition(part, entity) for part in parts))
        case Not(part):
            return not_(condition(part, entity))
        case OneOf("kind", values) if entity is _ENTITY.id:
            return _ENTITY.kind.in_(values)  # far fewer steps than 5,000 rows of what can be searched
        case Exists(key) | OneOf(key, _) | Prefix(key, _):
            return _among(entity, _leaf(node)) if len(key) <= MAX_KEY and is_storable(key) else false()


def _every(node: Node) -> Iterator[Node]:
    """Return what must hold, with what stands in lists within lists."""
    if not isinstance(node, Every):
        yield node
        return
    for part in node.parts:
        yield from _every(part)


def _leaf(node: Exists | OneOf | Prefix) -> ColumnElement[bool]:
    match node:
        case Exists(key):
            return _ASKED.key == key
        case OneOf(key, values):
            return and_(_ASKED.key == key, _ASKED.value == values[0] if len(values) == 1 else _ASKED.value.in_(values))
        case Prefix(key, prefix):
            if len(prefix) > MAX_VALUE or not is_storable(prefix):
                return false()
            return and_(_ASKED.key == key, _ASKED.value >= prefix, _ASKED.value < prefix + LAST)


def _among(entity: ColumnElement[Any], fits: ColumnElement[bool]) -> ColumnElement[bool]:
    return entity.in_(select(_ASKED.entity_id).where(fits))


def by_refs(session: Session, refs: Collection[str], where: Node | None = None) -> Mapping[str, str]:
    """Return the documents of those refs that there are, and that fit."""
    found: dict[str, str] = {}
    for batch in _batches({ref for ref in refs if is_storable(ref)}):
        query = select(_ENTITY.ref, _ENTITY.document).where(_ENTITY.ref.in_(batch))
        if where is not None:
            query = query.where(condition(where, _ENTITY.id))
        found.update((ref, document) for ref, document in session.execute(query))
    return found


def _batches(refs: Collection[str]) -> Iterable[Sequence[str]]:
    ordered = sorted(refs)
    return (ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH))


@dataclass(frozen=True)
class Found:
    """One entity: its document, and the file that describes it."""

    ref: str
    document: str
    repository_id: int
    path: str
    removed: bool


def one(session: Session, ref: str) -> Found | None:
    return _one(session, _ENTITY.ref == ref) if is_storable(ref) else None


def by_uid(session: Session, uid: str) -> Found | None:
    return _one(session, _ENTITY.uid == uid) if is_storable(uid) else None


_FOUND = select(_ENTITY.ref, _ENTITY.document, _ENTITY.repository_id, _ENTITY.path, _ENTITY.removed_at.is_not(None))


def _one(session: Session, which: ColumnElement[bool]) -> Found | None:
    row = session.execute(_FOUND.where(which)).one_or_none()
    return None if row is None else Found(*row)


def in_repository(session: Session, repository_id: int) -> Sequence[Found]:
    """Return what a repository describes, in the order of its files."""
    order = (_ENTITY.path, _ENTITY.line, _ENTITY.ref)
    rows = session.execute(_FOUND.where(_ENTITY.repository_id == repository_id).order_by(*order))
    return [Found(*row) for row in rows]


def living(session: Session, kinds: Collection[str]) -> Sequence[str]:
    """Return the documents of some kinds that a file still describes, by reference."""
    query = select(_ENTITY.document).where(_ENTITY.kind.in_(kinds), _ENTITY.removed_at.is_(None))
    return session.scalars(query.order_by(_ENTITY.kind, _ENTITY.ref)).all()


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(EntityRow)) or 0


def facets(session: Session, keys: Collection[str], where: Node | None) -> Mapping[str, Sequence[tuple[str, int]]]:
    """Return each value of those keys as it is written, with how many entities have it, in the order of the values."""
    wanted = {key.lower() for key in keys}
    asked = [key for key in wanted if is_storable(key)]
    query = select(_KEY, _VALUE, SEARCH.c.said, func.count()).where(_KEY.in_(asked), _VALUE.is_not(None))
    if where is not None:
        query = query.where(condition(where, _ID))
    found: dict[str, list[tuple[str, int]]] = {key: [] for key in wanted}
    for key, value, said, number in session.execute(query.group_by(_KEY, _VALUE, SEARCH.c.said)):
        found[key].append((value if said is None else said, number))
    return {key: sorted(values) for key, values in found.items()}
