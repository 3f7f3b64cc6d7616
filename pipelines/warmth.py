"""Until when the release before stays warm, by service and environment."""

from datetime import datetime

from sqlalchemy.orm import Session

from pipelines.tables import LiveRow


def keep(session: Session, service: str, environment: str, until: datetime | None) -> None:
    """Remember until when the release before stays warm; None: it does not any more."""
    session.get_one(LiveRow, (service, environment)).warm_until = until


def until(session: Session, service: str, environment: str) -> datetime | None:
    row = session.get(LiveRow, (service, environment))
    return row.warm_until if row else None
