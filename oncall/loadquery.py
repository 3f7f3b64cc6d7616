"""What has woken people, for counting what on-call costs: pages that were sent, one for each person and step.

A page to two channels of one person is one. Only what is urgent counts: the rest waits for the morning.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from oncall.load import Page
from oncall.tables import IncidentRow, PageRow
from oncall.terms import Urgency


def pages(session: Session, people: Collection[str], team: str, since: datetime, until: datetime) -> list[Page]:
    """Return the pages of high urgency that those people got for a team between two moments. One statement."""
    if not people:
        return []
    sent = func.min(PageRow.begun_at)
    query = (
        select(PageRow.person, sent)
        .join(IncidentRow, IncidentRow.id == PageRow.incident_id)
        .where(PageRow.person.in_(people), IncidentRow.team == team, IncidentRow.urgency == Urgency.HIGH)
        .where(PageRow.begun_at >= since, PageRow.begun_at < until)
        .group_by(PageRow.person, PageRow.incident_id, PageRow.step)
        .order_by(sent)
    )
    return [Page(person, at) for person, at in session.execute(query) if at is not None]
