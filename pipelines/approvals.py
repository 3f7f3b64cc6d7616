"""Approvals: who has read a revision and said that it may go to an environment. Only this module opens their table.

Which of them count, for the one who asks, is said by pipelines/signoffs.py. Who may approve is the door's question.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, Table, delete, select
from sqlalchemy.orm import Session

from ledger import events
from ledger.errors import Code, Error
from ledger.once import insert_once
from pipelines.ruletables import ApprovalRow

LONGEST_NOTE = 300  # characters


@dataclass(frozen=True)
class Approval:
    actor: str
    at: datetime
    note: str = ""


def approve(
    session: Session, service: str, environment: str, revision: str, actor: str, at: datetime, note: str = ""
) -> bool:
    """Keep that somebody approves of it; False when she had before."""
    key = {"service": service, "environment": environment, "revision": revision, "actor": actor}
    values = {**key, "at": at, "note": note.strip()[:LONGEST_NOTE]}
    if insert_once(session, cast(Table, ApprovalRow.__table__), values) is None:
        return False
    _record(session, "approval.given", service, environment, revision, actor, at, note)
    return True


def withdraw(session: Session, service: str, environment: str, revision: str, actor: str, at: datetime) -> None:
    """Take somebody's own approval back. Raises Error(CONFLICT) when there is none."""
    mine = (*_of(service, environment, revision), ApprovalRow.actor == actor)
    if not session.scalars(delete(ApprovalRow).where(*mine).returning(ApprovalRow.actor)).all():
        raise Error(
            Code.CONFLICT, f"You have not approved {revision[:7]} for {environment}; there is nothing to withdraw."
        )
    _record(session, "approval.withdrawn", service, environment, revision, actor, at)


def given(session: Session, service: str, environment: str, revision: str) -> Sequence[Approval]:
    """Return every approval of a revision for an environment, the oldest first."""
    rows = session.scalars(select(ApprovalRow).where(*_of(service, environment, revision)).order_by(ApprovalRow.at))
    return [Approval(row.actor, row.at, row.note) for row in rows]


def _of(service: str, environment: str, revision: str) -> tuple[ColumnElement[bool], ...]:
    return (
        ApprovalRow.service == service,
        ApprovalRow.environment == environment,
        ApprovalRow.revision == revision,
    )


def _record(
    session: Session,
    kind: str,
    service: str,
    environment: str,
    revision: str,
    actor: str,
    at: datetime,
    note: str = "",
) -> None:
    data = {"environment": environment, "revision": revision, "reason": note}
    events.record(session, kind, f"revision:{revision}", actor, at, data, service=service)
