"""Revisions that were bad somewhere: continuous delivery takes none of them, nor anything before them.

A person may still deploy one. It ends when somebody lifts it; a newer commit needs no lifting. Only this module opens
the table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import refs
from ledger import events
from ledger.errors import Code, Error
from pipelines.ruletables import QuarantineRow

SHORTEST = 7  # digits of a commit that a person may give


@dataclass(frozen=True)
class Quarantined:
    """A revision that was bad in `environment`, and in which deploy it showed."""

    service: str
    environment: str
    revision: str
    reason: str
    deploy_id: int
    at: datetime

    @property
    def why(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"it was bad in {self.environment}, in deploy #{self.deploy_id}{why}"


def quarantine(
    session: Session,
    service: str,
    environment: str,
    revision: str,
    reason: str,
    deploy_id: int,
    at: datetime,
    actor: str = "worker",
) -> bool:
    """Keep a revision from going out by itself; False when that deploy has quarantined it already.

    Call it in the transaction in which the deploy ends.
    """
    known = _row(session, service, environment, revision)
    if known is not None and known.deploy_id == deploy_id:
        return False
    row = QuarantineRow(
        service=service, environment=environment, revision=revision, reason=reason, deploy_id=deploy_id, at=at
    )
    row.lifted_at = row.lifted_by = None  # it may have been lifted before, and was bad again
    session.merge(row)
    data = {"environment": environment, "revision": revision, "reason": reason, "deploy": deploy_id}
    _record(session, "revision.quarantined", service, revision, actor, at, data)
    return True


def lift(session: Session, service: str, environment: str, revision: str, actor: str, at: datetime) -> Quarantined:
    """Let a revision go out by itself again, named by seven digits of it or more. Raises Error(NOT_FOUND)."""
    text = revision.strip().lower()
    known = [one for one in active(session, service, environment) if one.revision.startswith(text)]
    if len(text) < SHORTEST or not known:
        said = f"{revision[:40]} of {refs.short(service)} is not in quarantine in {environment}; nothing keeps it there"
        raise Error(Code.NOT_FOUND, said)
    if len(known) > 1:
        raise Error(Code.INVALID, f"{len(known)} revisions in quarantine begin with {text}; give more of it")
    row = _row(session, service, environment, known[0].revision)
    if row is not None:
        row.lifted_at, row.lifted_by = at, actor
    data = {"environment": environment, "revision": known[0].revision, "deploy": known[0].deploy_id}
    _record(session, "quarantine.lifted", service, known[0].revision, actor, at, data)
    return known[0]


def active(session: Session, service: str, environment: str | None = None) -> Sequence[Quarantined]:
    """Return what is in quarantine, newest first; without an environment, in any."""
    query = select(QuarantineRow).where(QuarantineRow.service == service, QuarantineRow.lifted_at.is_(None))
    if environment is not None:
        query = query.where(QuarantineRow.environment == environment)
    rows = session.scalars(query.order_by(QuarantineRow.at.desc(), QuarantineRow.revision))
    return [Quarantined(row.service, row.environment, row.revision, row.reason, row.deploy_id, row.at) for row in rows]


def lifted(session: Session, service: str, environment: str) -> Mapping[str, datetime]:
    """Return which revisions have been let out of quarantine there, and when."""
    where = (QuarantineRow.service == service, QuarantineRow.environment == environment)
    rows = select(QuarantineRow.revision, QuarantineRow.lifted_at).where(*where, QuarantineRow.lifted_at.is_not(None))
    return {revision: at for revision, at in session.execute(rows) if at is not None}


def _row(session: Session, service: str, environment: str, revision: str) -> QuarantineRow | None:
    return session.get(
        QuarantineRow,
        {"service": service, "revision": revision, "environment": environment},
        with_for_update=True,
        populate_existing=True,
    )


def _record(
    session: Session, kind: str, service: str, revision: str, actor: str, at: datetime, data: Mapping[str, Any]
) -> None:
    events.record(session, kind, f"revision:{revision}", actor, at, data, service=service)
