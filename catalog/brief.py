"""Every service as a list or a board needs it: its name, whose it is, which escalation it names; no document is read.

For 1,000 services that is a tenth of the work of `query.services`. What is asked of one service is asked there.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement, exists, false, or_, select
from sqlalchemy.orm import Session

from catalog import around, ownership
from catalog.groups import Directory
from catalog.ownership import Owner
from catalog.tables import SEARCH, EntityRow

_SAID = (EntityRow.owner_text, EntityRow.owner_ref, EntityRow.owner_source, EntityRow.owner_line)
_ABOUT = (EntityRow.id, EntityRow.ref, EntityRow.name, EntityRow.title, EntityRow.description)
_KEPT = or_(EntityRow.stale_since.is_not(None), EntityRow.removed_at.is_not(None))
_DEPLOYS = exists().where(  # its file says anything below `spec.deploy`
    SEARCH.c.entity_id == EntityRow.id, SEARCH.c.key >= "spec.deploy.", SEARCH.c.key < "spec.deploy/"
)
_PLACE = (EntityRow.owner_column, EntityRow.part_of, EntityRow.path)


class Described(Protocol):
    """What tells who answers for a component: a Brief, or a Service."""

    @property
    def ref(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def owner(self) -> Owner: ...
    @property
    def escalation(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Brief:
    """A component without its document.

    `deploys`: its file says how it is deployed; `escalation`: which it names. Each only where it was asked for.
    `is_kept`: its file is broken or gone, and what is shown was kept.
    """

    ref: str
    name: str
    title: str
    description: str
    owner: Owner
    escalation: str
    deploys: bool
    is_kept: bool


def briefs(session: Session, known: Directory, refs: Collection[str] | None = None) -> list[Brief]:
    """Return every component by name, or some, with the escalation that each names; `known`: the whole directory."""
    return _briefs(session, known, _escalations(session, refs), false(), refs)


def listed(session: Session, known: Directory) -> list[Brief]:
    """Return every component by name, and whether it is deployed."""
    return _briefs(session, known, {}, _DEPLOYS, None)


def _briefs(
    session: Session,
    known: Directory,
    named: Mapping[int, str],
    deploys: ColumnElement[bool],
    refs: Collection[str] | None,
) -> list[Brief]:
    query: Any = select(*_ABOUT, deploys, _KEPT, *_SAID, *_PLACE).where(EntityRow.kind == "component")
    query = query if refs is None else query.where(EntityRow.ref.in_(refs))
    owners: dict[tuple[str | None, ...], Owner] = {}
    found = []
    for row in session.execute(query.order_by(EntityRow.name, EntityRow.ref)):
        number, ref, name, title, description, goes, is_kept, text, owner_ref, source, _, _, part_of, path = row
        # Whoever names an owner has the one that everybody has who names the same; what is inherited has its own way.
        key = (text, owner_ref, source or path, ref if part_of else "")
        owner = owners.get(key) or owners.setdefault(key, ownership.owner_of(around.claim(row), known))
        found.append(Brief(ref, name, title, description, owner, named.get(number, ""), bool(goes), is_kept))
    return found


def _escalations(session: Session, refs: Collection[str] | None) -> Mapping[int, str]:
    """Return which escalation each entity names; only documents in which one is named are read."""
    naming = select(SEARCH.c.entity_id).where(SEARCH.c.key == "spec.oncall.escalation")
    query = select(EntityRow.id, EntityRow.document).where(EntityRow.id.in_(naming))
    rows = session.execute(query if refs is None else query.where(EntityRow.ref.in_(refs)))
    return {number: escalation_of(json.loads(document)) for number, document in rows}


def escalation_of(document: Mapping[str, Any]) -> str:
    """Return the escalation that a file names in `spec.oncall`; empty: none."""
    said = (document.get("spec") or {}).get("oncall")
    named = said.get("escalation") if isinstance(said, Mapping) else None
    return named if isinstance(named, str) else ""
