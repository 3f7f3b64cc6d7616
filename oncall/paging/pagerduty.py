"""PagerDuty as the pager of a team, over the official client, whose faults end here. Used from the outbox only.

The client sleeps and tries again by itself, for ever on a 429; here every call is one request, and what comes back
says when to come again. A run of an incident is one alert there, whatever step or loop pages: a second page is added.
"""

import ipaddress
import logging
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2
import pagerduty

from ledger.clock import Clock, now
from ledger.errors import Code, Error
from oncall.paging.answers import refusal, silence
from oncall.paging.ports import LIMIT, Change, Delivered, Outcome, Page, Refused
from oncall.paging.wire import Wire, in_time
from oncall.paging.wording import message, plain, shortened
from oncall.pdimport import Everything
from production.masking import Mask, mask_of

EVENTS = "https://events.pagerduty.com"  # in the EU https://events.eu.pagerduty.com
REST = "https://api.pagerduty.com"
SUMMARY = 1024  # characters; developer-docs, docs/events-API-v2
KEY = 32
RENDERED = timedelta(days=28)  # that are compared with what an imported schedule gives
AHEAD = timedelta(days=180)  # in which overrides are looked for
_QUIET = logging.Logger("quiet", logging.CRITICAL + 1)  # the outcome says it all, to those who may read it
_TROUBLE = (pagerduty.Error, pagerduty.UrlError, httpx2.HTTPError, httpx2.InvalidURL)
_NONSENSE = (ValueError, TypeError, KeyError, AttributeError, RecursionError)
Client = TypeVar("Client", pagerduty.EventsApiV2Client, pagerduty.RestApiV2Client)


@dataclass(frozen=True)
class Account:
    """The Events API integration of one team. An http address is for a stand-in on this machine."""

    routing_key: str = field(repr=False)
    name: str = "PagerDuty"
    url: str = EVENTS
    portal: str = "fullcycle"  # sets the incidents of several portals apart
    limit: timedelta = LIMIT
    ca_file: str | None = None
    proxy: str | None = field(default=None, repr=False)


class PagerDutyPager:
    """Triggers, acknowledges and resolves. Keeps no state: the key of an alert is made from the incident's number."""

    def __init__(self, account: Account, clock: Clock = now) -> None:
        """Raise Error(INVALID) for an account that can never work."""
        key = account.routing_key
        if len(key) != KEY or not (key.isascii() and key.isalnum()):
            raise Error(Code.INVALID, f"a routing key of PagerDuty is {KEY} letters and digits; copy it again")
        refuse_address(account.url)
        self._account, self._clock = account, clock
        self._mask = mask_of({"routing key": key})

    @property
    def limit(self) -> timedelta:
        return self._account.limit

    def send(self, page: Page, run: int = 0) -> Outcome:
        said = message(page)
        links = [
            {"href": url, "text": text}
            for text, url in (("Acknowledge in the portal", page.ack_url), ("Open in the portal", page.url))
            if url
        ]
        details = {"why": said.sentence, "person": page.person, "page": str(page.key), "attempt": str(page.attempt)}
        return self._told(
            lambda client: client.trigger(
                shortened(said.title, SUMMARY),
                f"{self._account.portal} incident {page.incident}",
                dedup_key=self.dedup_key(page.incident, run),
                severity=str(page.severity),
                custom_details=details,
                links=links,
            )
        )

    def acknowledge(self, incident: int, by: str, run: int = 0) -> Outcome:
        return self._told(lambda client: client.acknowledge(self.dedup_key(incident, run)))

    def resolve(self, incident: int, run: int = 0) -> Outcome:
        return self._told(lambda client: client.resolve(self.dedup_key(incident, run)))

    def announce(self, change: Change) -> Outcome:
        outcome = self._told(
            lambda client: client.submit(
                shortened(plain(change.summary), SUMMARY),
                source=shortened(plain(change.source), SUMMARY),
                custom_details=dict(change.details) or None,
                links=[{"href": change.url, "text": "Open in the portal"}] if change.url else None,
                # Always given: the client crashes when it has to make one itself (7.0.1 to 7.2.0).
                timestamp=_moment(change.at),
            )
        )
        if isinstance(outcome, Refused) and outcome.permanent and self._account.routing_key.startswith("R"):
            return Refused(f"{outcome.why}; the key of a rule set takes no changes, use a service's", permanent=True)
        return outcome

    def dedup_key(self, incident: int, run: int = 0) -> str:
        """Return the key under which PagerDuty knows an incident since it began for the `run`-th time again."""
        return f"{self._account.portal}-{incident}{f'.{run}' if run else ''}"

    def _told(self, act: Callable[[pagerduty.EventsApiV2Client], Any]) -> Outcome:
        account = self._account
        plainly, url = plainly_at(account.url)
        # A tenth of the time is left to come back in.
        wire = Wire(account.limit * 0.9, plain=plainly, ca_file=account.ca_file, proxy=account.proxy)

        def tell() -> Any:
            with pagerduty.EventsApiV2Client(
                account.routing_key, base_url=url, transport=wire, trust_env=False
            ) as client:
                return act(impatient(client, account.limit))

        try:
            return Delivered(self._clock(), str(in_time(tell, account.limit) or ""))
        except (*_TROUBLE, *_NONSENSE) as error:
            return self._refused(wire, error)

    def _refused(self, wire: Wire, error: Exception) -> Refused:
        name, status = self._account.name, wire.status
        if status is None:
            return silence(name, wire.sent, self._account.limit)
        if 200 <= status < 300:
            return Refused(f"{name} answered {status} with something that cannot be understood", uncertain=True)
        return refusal(name, status, wire.headers, self._clock(), said_in(error, self._mask))


def impatient(client: Client, limit: timedelta) -> Client:
    """Make the client ask once: no second request, no sleep.

    A 429 can only be had back by setting a number of tries for it and a smaller one for all together; every other
    status comes back at once when nothing is said about it.
    """
    client.retry = {429: 1}
    client.max_http_attempts = -1
    client.max_network_attempts = 0
    client.log = _QUIET
    client.timeout = math.ceil(limit.total_seconds())
    return client


def said_in(error: Exception, mask: Mask) -> str:
    """Return what PagerDuty gives as its reasons, without our key."""
    try:
        body = error.response.json()  # type: ignore[attr-defined]
        told = body.get("error", body)
        reasons = [told.get("message"), *(told.get("errors") or ())]
    except _NONSENSE:
        return ""
    return mask(plain(" ".join(str(reason) for reason in reasons if reason)))


def fetched(api_key: str, at: datetime, *, url: str = REST, limit: timedelta = timedelta(minutes=5)) -> Everything:
    """Read all schedules and escalation policies, for pdimport. Only reads, so a read-only key is enough.

    Raise Error(UNAVAILABLE, FORBIDDEN or INVALID) in one sentence.
    """
    refuse_address(url)
    plainly, base = plainly_at(url)
    wire = Wire(limit * 0.9, plain=plainly)

    def read() -> Everything:
        with pagerduty.RestApiV2Client(api_key, base_url=base, transport=wire, trust_env=False) as client:
            return _everything(impatient(client, limit), at)

    try:
        return in_time(read, limit)
    except (*_TROUBLE, *_NONSENSE) as error:
        status = wire.status
        if status is None or status >= 500 or status == 429:
            raise Error(
                Code.UNAVAILABLE,
                "PagerDuty did not answer or takes no more for now; try again in a minute",
                f"{type(error).__name__} {status}",
                permanent=False,
            ) from None
        if status in (401, 403):
            raise Error(Code.FORBIDDEN, "PagerDuty does not accept the key; make a read-only REST API key") from None
        raise Error(Code.INVALID, f"PagerDuty answered {status} with what cannot be understood") from None


def _everything(client: pagerduty.RestApiV2Client, at: datetime) -> Everything:
    ahead = {"since": _moment(at), "until": _moment(at + RENDERED)}
    users = tuple(every(client, "/users"))
    schedules = []
    for one in every(client, "/schedules"):
        path = f"/schedules/{one['id']}"
        rendered = client.rget(path, params=ahead)
        overrides = client.rget(f"{path}/overrides", params=ahead | {"until": _moment(at + AHEAD)})
        schedules.append({**rendered, "overrides": overrides})
    policies = tuple(every(client, "/escalation_policies"))
    newer, skipped = _newer(client, at)
    return Everything(users, tuple(schedules), newer, policies, skipped)


def _newer(client: pagerduty.RestApiV2Client, at: datetime) -> tuple[tuple[Mapping[str, Any], ...], tuple[str, ...]]:
    """The newer schedules (v3), which most accounts do not have yet, with rotations, events and what changes them."""
    client.headers["X-Early-Access"] = "flexible-schedules-early-access"
    found, skipped = [], []
    try:
        for one in every(client, "/v3/schedules"):
            path = f"/v3/schedules/{one['id']}/rotations"
            rotations = [
                {**rotation, "events": list(every(client, f"{path}/{rotation['id']}/events"))}
                for rotation in every(client, path)
            ]
            changes = {key: _changes(client, one, key, at) for key in ("overrides", "custom_shifts")}
            skipped += [
                f"{key.replace('_', ' ')} of {one.get('name') or one['id']} could not be read; enter those to come"
                for key, entries in changes.items()
                if entries is None
            ]
            found.append({**one, "rotations": rotations} | {key: said or () for key, said in changes.items()})
    except pagerduty.HttpError as error:
        if error.response is None or error.response.status_code not in (400, 402, 403, 404):
            raise
        return (), ("the account has no schedules of the newer kind (v3), or the key may not see them",)
    return tuple(found), tuple(skipped)


def _changes(client: pagerduty.RestApiV2Client, schedule: Mapping[str, Any], key: str, at: datetime) -> Any:
    """Return the overrides or custom shifts to come; None where the account does not show them."""
    ahead = {"since": _moment(at), "until": _moment(at + AHEAD)}
    try:
        return list(client.iter_all(f"/v3/schedules/{schedule['id']}/{key}", params=ahead))
    except pagerduty.HttpError as error:
        if error.response is None or error.response.status_code not in (400, 402, 403, 404):
            raise
        return None


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def every(client: pagerduty.RestApiV2Client, path: str) -> Iterator[Mapping[str, Any]]:
    """Return all entries of an index. `iter_all` gives nothing for a path with cursors, without asking (7.2.0)."""
    if path in client.cursor_based_pagination_paths:
        yield from client.iter_cursor(path)
    else:
        yield from client.iter_all(path)


def refuse_address(url: str) -> None:
    """Raise Error(INVALID) for an address of PagerDuty to which no key should go."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname and not parts.username:
        return
    if parts.scheme == "http" and _is_here(parts.hostname or ""):
        return
    raise Error(Code.INVALID, f"the address of PagerDuty must be like {EVENTS}; http is for 127.0.0.1 only")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def plainly_at(url: str) -> tuple[bool, str]:
    """Return whether http is spoken, and the address for the client, which takes https only (the Wire knows better)."""
    return url.startswith("http://"), url.rstrip("/").replace("http://", "https://", 1)
