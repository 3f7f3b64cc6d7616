"""What an answer of a provider means: come back later, and when; never; or nobody knows whether it arrived. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from oncall.paging.ports import Refused
from production.settings import written

SOON = timedelta(seconds=30)  # after trouble on their side; PagerDuty's advice for its Events API
RATE = timedelta(seconds=60)  # PagerDuty counts calls over the last minute; others look back as long or less
LONGEST = timedelta(hours=24)  # that a provider's wish is followed
_SAID = 200  # characters of what the provider says
_PARTLY = (500, 502, 504)  # it may have been taken before something broke


def refusal(provider: str, status: int, headers: Mapping[str, str], at: datetime, said: str = "") -> Refused:
    """Return what an HTTP answer other than a success means; `said` is the provider's own text without secrets.

    >>> refusal("PagerDuty", 429, {"retry-after": "3600"}, datetime(2026, 3, 2, tzinfo=UTC))
    Refused(why='PagerDuty takes no more for 1h (429)', again_after=datetime.timedelta(seconds=3600), permanent=False, \
uncertain=False)
    """
    words = f": {said[:_SAID]}" if said else ""
    wish = _wish(headers, at)
    if status == 429:
        after = wish or RATE
        return Refused(f"{provider} takes no more for {written(after)} (429){words}", after)
    if status >= 500 or status in (408, 425):
        return Refused(f"{provider} has trouble ({status}){words}", wish or SOON, uncertain=status in _PARTLY)
    if 300 <= status < 400:
        return Refused(f"{provider} answered with a redirect ({status}), which is not followed", permanent=True)
    if status in (401, 403):
        return Refused(f"{provider} does not accept the key ({status}){words}", permanent=True)
    return Refused(f"{provider} does not take it ({status}){words}", permanent=True)


def silence(provider: str, sent: bool, limit: timedelta) -> Refused:
    """Return what it means that there was no whole answer; `sent`: the request may have arrived."""
    what = "did not answer in time or broke off" if sent else f"could not be reached within {written(limit)}"
    return Refused(f"{provider} {what}", SOON, uncertain=sent)


def _wish(headers: Mapping[str, str], at: datetime) -> timedelta | None:
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    for name in ("retry-after", "ratelimit-reset"):
        if (found := _after(lower.get(name, ""), at)) is not None:
            return min(max(found, timedelta(seconds=1)), LONGEST)
    return None


def _after(text: str, at: datetime) -> timedelta | None:
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        return timedelta(seconds=float(text))
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - at
