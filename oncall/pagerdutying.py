"""PagerDuty as the pager of a team: what goes into the outbox for it, and when the team's own channels take over.

It is tried first. The people's own pages are in the outbox at once, too, but due after a grace: when PagerDuty has
taken it they are withdrawn, when it refuses they go out, and when nobody sends to PagerDuty at all they go out as well.

Each time an incident begins at level 1 it is an alert of its own there, and the one before is resolved: to one that
somebody has, or that has gone through all its levels, PagerDuty only adds a line and wakes nobody.
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
QUIET = ENDED | {State.SNOOZED, State.MUTED}  # while nobody shall be paged there either
_TOLD = 1_000_000  # steps above are what PagerDuty is told, not pages

Send = Callable[[str, datetime], None]
"""Have a kind of pager send at a moment."""


def concerns(fact: Fact) -> bool:
    """Is it the page of a level? Whom somebody calls by name is called herself."""
    return fact.kind is Kind.PAGED and fact.level > 0


def news(before: Incident, after: Incident, fact: Fact) -> str:
    """Return what PagerDuty is to be told of the alert that it had before a fact; empty: nothing."""
    if before.state in QUIET or fact.by.startswith(PAGERDUTY):  # it knows, or has said so itself
        return ""
    if after.state in QUIET or after.run != before.run:
        return RESOLVED
    return ACKNOWLEDGED if fact.kind is Kind.ACKNOWLEDGED else ""


def page(incident: Incident, fact: Fact, team: str, at: datetime) -> Mapping[str, Any]:
    """Return the page of a level for PagerDuty, for the outbox. The people's own pages are due `GRACE` later."""
    about = (fact.step, Kind.PAGED.value, team, PAGERDUTY, PAGERDUTY, PAGERDUTY, at)
    priority = 0 if incident.urgency is Urgency.HIGH else 1
    return outbox.row(incident.number, *about, fact.loop, fact.level, priority)


def tell(session: Session, send: Send, before: Incident, told: str, team: str, at: datetime) -> None:
    """Have PagerDuty told what became of the alert that it may have had until now."""
    step = _TOLD + 2 * before.version + (told == RESOLVED)
    about = (step, told, team, PAGERDUTY, PAGERDUTY, PAGERDUTY, at)
    if outbox.put(session, outbox.row(before.number, *about, loop=before.run)):
        send(PAGERDUTY, at)


def is_told(page: Waiting) -> bool:
    """Is it no page but the news that somebody has it, or that it is over?"""
    return page.because in (ACKNOWLEDGED, RESOLVED)


def is_news(incident: Incident, page: Waiting) -> bool:
    """Shall PagerDuty still be told? `page.loop` is the run of the incident whose alert it is about."""
    if page.because == RESOLVED:
        return incident.state in QUIET or page.loop < incident.run
    return incident.state is State.ACKNOWLEDGED and page.loop == incident.run
