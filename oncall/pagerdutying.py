"""PagerDuty as the pager of a team: what goes into the outbox for it, and when the team's own channels take over.

It is tried first. The people's own pages are in the outbox at once, too, but due after a grace: when PagerDuty has
taken it they are withdrawn, when it refuses they go out, and when nobody sends to PagerDuty at all they go out as well.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from oncall import outbox
from oncall.incident import ENDED, Fact, Incident, Kind, State
from oncall.outbox import Waiting
from oncall.terms import Urgency

PAGERDUTY = "pagerduty"  # the kind of its pages, their channel, and who acts where it says so itself
GRACE = timedelta(seconds=60)  # that the people's own channels wait for PagerDuty
ACKNOWLEDGED, RESOLVED = "acknowledged", "resolved"
TELLS = {
    Kind.ACKNOWLEDGED: ACKNOWLEDGED,
    Kind.SNOOZED: ACKNOWLEDGED,  # it would go on paging
    Kind.RESOLVED: RESOLVED,
    Kind.MERGED: RESOLVED,
}
_TOLD = 1_000_000  # steps above are what PagerDuty is told, not pages

Send = Callable[[str, datetime], None]
"""Have a kind of pager send at a moment."""


def concerns(fact: Fact) -> bool:
    """Is it the page of a level, or news for who was paged? Whom somebody calls by name is called herself."""
    if fact.kind is Kind.PAGED:
        return fact.level > 0
    return fact.kind in TELLS and not fact.by.startswith(PAGERDUTY)  # it said so itself


def page(incident: Incident, fact: Fact, team: str, at: datetime) -> Mapping[str, Any]:
    """Return the page of a level for PagerDuty, for the outbox. The people's own pages are due `GRACE` later."""
    about = (fact.step, Kind.PAGED.value, team, PAGERDUTY, PAGERDUTY, PAGERDUTY, at)
    priority = 0 if incident.urgency is Urgency.HIGH else 1
    return outbox.row(incident.number, *about, fact.loop, fact.level, priority)


def tell(session: Session, send: Send, incident: Incident, fact: Fact, team: str, at: datetime) -> None:
    """Have PagerDuty told what became of an incident that it may know."""
    told = TELLS[fact.kind]
    step = _TOLD + 2 * incident.version + (told == RESOLVED)
    if outbox.put(session, outbox.row(incident.number, step, told, team, PAGERDUTY, PAGERDUTY, PAGERDUTY, at)):
        send(PAGERDUTY, at)


def is_told(page: Waiting) -> bool:
    """Is it no page but the news that somebody has it, or that it is over?"""
    return page.because in (ACKNOWLEDGED, RESOLVED)


def is_news(incident: Incident, page: Waiting) -> bool:
    """Shall PagerDuty still be told?"""
    if page.because == RESOLVED:
        return incident.state in ENDED
    return incident.state in (State.ACKNOWLEDGED, State.SNOOZED)
