"""What has been committed and is not live, as it was last measured. No page asks git for it."""

from collections.abc import Collection, Mapping
from datetime import datetime

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.orm import Session

from pipelines.change import Change
from pipelines.tables import LiveRow, WaitingRow

_CHANGE = TypeAdapter(Change)


def remember(
    session: Session, service: str, environment: str, base: str | None, head: str, change: Change, at: datetime
) -> None:
    """Keep what waits between `base`, which is live, and `head`."""
    session.merge(
        WaitingRow(
            service=service,
            environment=environment,
            base=base,
            head=head,
            commits=len(change.commits),
            oldest_at=change.oldest_at,
            change=_CHANGE.dump_python(change, mode="json"),
            measured_at=at,
        )
    )


def went_out(session: Session, service: str, environment: str, revision: str, at: datetime) -> None:
    """Keep that nothing waits any more where what serves now is the newest that was seen; else it is measured."""
    row = session.get(WaitingRow, (service, environment))
    if row is not None and row.head == revision:
        remember(session, service, environment, revision, revision, Change(), at)


def measured(session: Session, services: Collection[str]) -> Mapping[tuple[str, str], tuple[str | None, str]]:
    """Return, by service and environment, the base and head between which it was measured."""
    rows = session.scalars(select(WaitingRow).where(WaitingRow.service.in_(services)))
    return {(row.service, row.environment): (row.base, row.head) for row in rows}


def serving(session: Session, services: Collection[str]) -> Mapping[tuple[str, str], str]:
    """Return, by service and environment, the revision that serves there."""
    rows = session.scalars(select(LiveRow).where(LiveRow.service.in_(services)))
    return {(row.service, row.environment): row.revision for row in rows}


def change(session: Session, service: str, environment: str) -> Change | None:
    """Return the commits that wait to go out."""
    row = session.get(WaitingRow, (service, environment))
    return _CHANGE.validate_python(row.change) if row else None
