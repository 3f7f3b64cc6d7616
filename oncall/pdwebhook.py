"""What PagerDuty tells us by its webhooks (V3): was it PagerDuty, is it a repeat, and what has happened. Pure.

It delivers at least once and in order per incident, so repeats are known by `X-Webhook-Id`, and, since that header is
not signed, by the event's own id, too. While a secret is being changed there are several signatures; one must fit.
"""

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from oncall.paging.wording import plain, shortened

BIGGEST = 256 * 1024  # bytes; PagerDuty sends nothing longer
MOST_SIGNATURES = 20
_LINE = 200
_NOTE = 5000


class What(StrEnum):
    """What happened to an incident, in PagerDuty's words; OTHER is what nobody here acts upon."""

    TRIGGERED = "triggered"
    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    ESCALATED = "escalated"
    REASSIGNED = "reassigned"
    DELEGATED = "delegated"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    ANNOTATED = "annotated"
    PRIORITY_UPDATED = "priority_updated"
    RESPONDER_ADDED = "responder.added"
    RESPONDER_REPLIED = "responder.replied"
    STATUS_UPDATE_PUBLISHED = "status_update_published"
    OTHER = "other"


@dataclass(frozen=True)
class Heard:
    """One event. `incident` is the number of ours that it is about, None for one that PagerDuty has from elsewhere."""

    delivery: str  # empty when the header was missing
    event_id: str
    what: What
    at: datetime
    incident: int | None
    their_id: str  # of the incident; notes name it only by this
    title: str
    who: str = ""  # their name at PagerDuty
    who_id: str = ""
    assigned: tuple[str, ...] = ()  # names, after the event
    note: str = ""
    url: str = ""
    event: str = ""  # as PagerDuty calls it
    run: int | None = None  # of our incident, whose alert it is about; None where it is named only by `their_id`
    is_echo: bool = False  # it was told so by an integration: by us, since the alert is ours

    @property
    def ids(self) -> tuple[str, ...]:
        """What to remember it by."""
        return tuple(one for one in (self.delivery, f"event {self.event_id}") if one)


@dataclass(frozen=True)
class Repeat:
    """It was heard before; answer as the first time, and do nothing."""

    delivery: str


@dataclass(frozen=True)
class Rejected:
    """Not from PagerDuty (`forged`), or nothing that can be understood."""

    why: str
    forged: bool = False


Verdict = Heard | Repeat | Rejected


def judged(
    body: bytes, headers: Mapping[str, str], secrets: Sequence[str], known: Collection[str], portal: str = "fullcycle"
) -> Verdict:
    """Return what a delivery is. `known` has the `ids` of earlier ones; our incident 31 is `portal`-31 there."""
    lower = {name.lower(): value for name, value in headers.items()}
    if len(body) > BIGGEST:
        return Rejected(f"the body is longer than {BIGGEST // 1024} KB, which PagerDuty never sends")
    if not signed(body, lower.get("x-pagerduty-signature", ""), secrets):
        return Rejected("the signature fits none of the secrets of this webhook; compare them in PagerDuty", True)
    delivery = shortened(plain(lower.get("x-webhook-id", "")), _LINE)
    try:
        heard = _heard(json.loads(body)["event"], delivery, portal)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Rejected("the body is no event of PagerDuty's webhooks V3")
    again = next((one for one in heard.ids if one in known), None)
    return heard if again is None else Repeat(again)


def signed(body: bytes, header: str, secrets: Sequence[str]) -> bool:
    """Does any `v1=` of the header fit the body under any secret? Every pair is compared in constant time."""
    parts = [part.strip() for part in header.split(",")[:MOST_SIGNATURES]]
    given = [part[3:].encode() for part in parts if part.startswith("v1=")]
    wanted = [hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode() for secret in secrets if secret]
    return sum(hmac.compare_digest(one, other) for one in given for other in wanted) > 0


def ours(key: Any, portal: str) -> tuple[int, int] | None:
    """Return the number and the run in a key that our own pager has made.

    >>> ours("fullcycle-31", "fullcycle"), ours("fullcycle-31.2", "fullcycle"), ours("somebody-31", "fullcycle")
    ((31, 0), (31, 2), None)
    """
    name, _, said = str(key or "").rpartition("-")
    number, dot, run = said.partition(".")
    parts = (number, run) if dot else (number,)
    if name != portal or not all(one.isascii() and one.isdigit() and len(one) < 12 for one in parts):
        return None
    return int(number), int(run or 0)


def _heard(event: Mapping[str, Any], delivery: str, portal: str) -> Heard:
    kind = str(event["event_type"])
    data = event.get("data") or {}
    incident = data if data.get("type") in ("incident", "incident_reference") else data.get("incident") or {}
    agent = event.get("agent") or {}
    number, run = ours(incident.get("incident_key"), portal) or (None, None)
    return Heard(
        delivery=delivery,
        event_id=_line(event["id"]),
        what=_what(kind),
        at=_moment(event["occurred_at"]),
        incident=number,
        their_id=_line(incident.get("id")),
        title=_line(incident.get("title") or incident.get("summary")),
        who=_line(agent.get("summary")),
        who_id=_line(agent.get("id")),
        assigned=tuple(_line(one.get("summary")) for one in incident.get("assignees") or ()),
        note=shortened(plain(str(data.get("content") or data.get("message") or "")), _NOTE),
        url=_link(incident.get("html_url")),
        event=_line(kind),
        run=run,
        is_echo=str(agent.get("type") or "").endswith("integration_reference"),
    )


def _what(kind: str) -> What:
    room, _, word = kind.partition(".")
    return What(word) if room == "incident" and word in set(What) else What.OTHER


def _moment(said: str) -> datetime:
    at = datetime.fromisoformat(said)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def _line(said: Any) -> str:
    return shortened(plain(str(said or "")), _LINE)


def _link(said: Any) -> str:
    url = str(said or "")
    return url if url.startswith("https://") and len(url) < 500 and url == plain(url) else ""
