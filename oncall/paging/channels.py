"""A person's own channels: mail, chats, push, texts and calls, through apprise in processes of their own.

None of these services knows keys, so what was delivered is remembered here for a while: the same page asked for twice
by the same worker rings once. After a crash the next worker marks its page as a repeat.
"""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ledger.clock import Clock, now
from ledger.errors import Error
from oncall.paging.addresses import Address, Providers, loud, refuse_provider, understood
from oncall.paging.answers import RATE, SOON, refusal, silence
from oncall.paging.couriers import Couriers, Lost
from oncall.paging.networks import Network
from oncall.paging.ports import LIMIT, Delivered, Key, Outcome, Page, Refused
from oncall.paging.services import Kind
from oncall.paging.webhook import elsewhere
from oncall.paging.wording import message
from oncall.terms import Urgency

REMEMBERED = 10_000  # pages


@dataclass(frozen=True)
class Ways:
    """What the configuration says of them. `allowed` are networks inside that people's own servers may stand in."""

    providers: Providers = field(default_factory=Providers)
    allowed: Sequence[Network] = ()
    limit: timedelta = LIMIT
    couriers: int = 2  # pages at the same time
    ca_file: str | None = None
    proxy: str | None = field(default=None, repr=False)


class ChannelPager:
    def __init__(self, ways: Ways, clock: Clock = now) -> None:
        """Raise Error(INVALID) for a provider that cannot work."""
        for kind in (Kind.MAIL, Kind.SMS, Kind.VOICE):
            refuse_provider(kind, ways.providers.of(kind))
        self._ways, self._clock = ways, clock
        self._couriers = Couriers(ways.couriers, ca_file=ways.ca_file, proxy=ways.proxy)
        self._delivered: OrderedDict[Key, Delivered] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def limit(self) -> timedelta:
        return self._ways.limit

    def send(self, page: Page) -> Outcome:
        with self._lock:
            if known := self._delivered.get(page.key):
                return known
        try:
            address = understood(page.address, self._ways.providers, self._ways.allowed)
        except Error as error:
            return Refused(error.message, permanent=True)
        outcome = self._carried(page, address)
        if isinstance(outcome, Delivered) and page.incident:
            self._remember(page.key, outcome)
        return outcome

    def warm(self) -> None:
        """Have the processes ready before the first page, which else waits about a second for its own."""
        self._couriers.warm()

    def close(self) -> None:
        """End the processes."""
        self._couriers.close()

    def _carried(self, page: Page, address: Address) -> Outcome:
        name = address.service.name
        try:
            answer = self._couriers.carry(self._task(page, address), self._ways.limit * 0.9)
        except Lost as lost:
            return silence(name, lost.sent, self._ways.limit)
        return self._meant(name, answer)

    def _task(self, page: Page, address: Address) -> Mapping[str, Any]:
        said = message(page)
        return {
            "url": loud(address) if page.urgency is Urgency.HIGH else address.url,
            "module": address.service.module,
            "made": address.service.made,
            "title": said.title,
            "sentence": said.sentence,
            "links": said.links,
            "urgent": page.urgency is Urgency.HIGH,
            "allowed": None if address.trusted else [str(network) for network in self._ways.allowed],
            # Less than the courier has in all, so that a server that says nothing does not cost the process.
            "seconds": self._ways.limit.total_seconds() * 0.7,
        }

    def _meant(self, name: str, answer: Mapping[str, Any]) -> Outcome:
        if not answer["readable"]:
            return Refused(f"{name} cannot read that address; copy it again", permanent=True)
        if answer["done"]:
            return Delivered(self._clock())
        if answer["refused"]:
            return Refused(elsewhere(name), permanent=True)
        if answer["smtp"] is not None:
            return _bounced(name, int(answer["smtp"]))
        status = answer["status"]
        if status is None:
            return silence(name, bool(answer["sent"]), self._ways.limit)
        if 200 <= status < 300:
            return Refused(f"{name} answered {status}, and something then went wrong", SOON, uncertain=True)
        return refusal(name, status, {"retry-after": answer["after"]}, self._clock())

    def _remember(self, key: Key, outcome: Delivered) -> None:
        with self._lock:
            self._delivered[key] = outcome
            while len(self._delivered) > REMEMBERED:
                self._delivered.popitem(last=False)


def _bounced(name: str, code: int) -> Refused:
    """What a mail server's number means: RFC 5321, 4.2.1."""
    if code >= 500:
        return Refused(f"{name}: the server does not take mail for that address ({code})", permanent=True)
    return Refused(f"{name}: the server takes no mail for now ({code})", RATE)
