"""Any receiver of ours or yours as a pager: one signed JSON POST per page, never redirected, never repeated here.

The receiver checks the signature over the moment and the body, refuses what is older than a few minutes, and ignores
a delivery whose id it knows: the id is made from the page's key, so a second attempt has the same one.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2

from ledger.clock import Clock, now
from ledger.errors import Code, Error
from oncall.paging.answers import refusal, silence
from oncall.paging.networks import Network
from oncall.paging.ports import LIMIT, Delivered, Outcome, Page, Refused
from oncall.paging.signing import delivery, signature
from oncall.paging.wire import Forbidden, Wire, in_time
from oncall.paging.wording import message, plain

SHORTEST_SECRET = 16  # characters
_ID = 200  # characters of what the receiver calls it


@dataclass(frozen=True)
class Receiver:
    """Where pages are posted to; a page is signed with every secret. The address is one, too: never shown."""

    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)  # the newest first; two while a secret is being changed
    name: str = "the webhook"
    limit: timedelta = LIMIT
    allowed: Sequence[Network] = ()
    ca_file: str | None = None


class WebhookPager:
    def __init__(self, receiver: Receiver, clock: Clock = now) -> None:
        """Raise Error(INVALID) for a receiver that can never be reached."""
        parts = urlsplit(receiver.url)
        said = ""
        if parts.scheme not in ("http", "https") or not parts.hostname:
            said = "its address must be like https://pager.example.com/pages"
        elif parts.username or parts.password:
            said = "write no password into its address; pages are signed instead"
        elif not receiver.secrets or min(map(len, receiver.secrets)) < SHORTEST_SECRET:
            said = f"it needs a secret of at least {SHORTEST_SECRET} characters"
        if said:
            raise Error(Code.INVALID, f"{receiver.name}: {said}")
        self._receiver, self._clock = receiver, clock

    @property
    def limit(self) -> timedelta:
        return self._receiver.limit

    def send(self, page: Page) -> Outcome:
        at, receiver = self._clock(), self._receiver
        body = json.dumps(_body(page, at), ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "fullcycle",
            "X-Fullcycle-Delivery": delivery(page.key),
            "X-Fullcycle-Signature": signature(body, at, receiver.secrets),
        }
        wire = Wire(receiver.limit * 0.9, allowed=receiver.allowed, ca_file=receiver.ca_file)

        def post() -> httpx2.Response:
            try:
                response = wire.handle_request(httpx2.Request("POST", receiver.url, headers=headers, content=body))
                response.read()
                return response
            finally:
                wire.close()

        try:
            response = in_time(post, receiver.limit)
        except Forbidden:
            return Refused(elsewhere(receiver.name), permanent=True)
        except (httpx2.HTTPError, httpx2.InvalidURL):
            return silence(receiver.name, wire.sent, receiver.limit)
        if response.is_success:
            return Delivered(self._clock(), _id(response))
        return refusal(receiver.name, response.status_code, response.headers, self._clock())


def elsewhere(name: str) -> str:
    """Return what is said of an address inside a network that the configuration does not allow."""
    return f"{name} leads into a network that pages may not go to; ask for it to be allowed in fullcycle.toml"


def _body(page: Page, at: datetime) -> dict[str, Any]:
    said = message(page)
    return {
        "version": 1,
        "sent": at.astimezone(UTC).isoformat(timespec="seconds"),
        "delivery": delivery(page.key),
        "incident": page.incident,
        "step": page.key.step,
        "loop": page.key.loop,
        "target": page.key.target,
        "channel": page.key.channel,
        "person": page.person,
        "severity": page.severity,
        "urgency": page.urgency,
        "title": said.title,
        "text": said.sentence,
        "url": page.url,
        "acknowledge": page.ack_url,
        "attempt": page.attempt,
        "repeat": page.repeat,
    }


def _id(response: httpx2.Response) -> str:
    """What the receiver calls it, if its answer is a small object with an id."""
    try:
        found = response.json()
    except (ValueError, RecursionError):
        return ""
    return plain(str(found.get("id") or ""))[:_ID] if isinstance(found, dict) else ""
