"""PagerDuty, plugged in: what reads an account there to bring its schedules and policies here."""

from datetime import datetime

from oncall.paging import pagerduty
from oncall.pdimport import Everything

REST = pagerduty.REST


def read_account(key: str, at: datetime, url: str = REST) -> Everything:
    """Read all schedules and policies with a read-only key. Raises Error in one sentence."""
    return pagerduty.fetched(key, at, url=url)
