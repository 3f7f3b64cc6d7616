"""What a pager is asked to do and what it answers. Values and protocols only.

A pager never raises for what its provider does wrong, never takes longer than its limit, never sleeps to try again,
and never shows an address or a secret: it says in one sentence why not, and when trying again may help.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from oncall.terms import Severity, Urgency

LIMIT = timedelta(seconds=10)  # for one page, from the call to the answer


@dataclass(frozen=True)
class Key:
    """What is sent at most once: one step of one loop of an incident, to one target over one of its channels."""

    incident: int
    step: int
    loop: int
    target: str  # user:default/ada, or a team that has a pager of its own
    channel: str  # the name that its owner gave it: phone

    def __str__(self) -> str:
        return f"{self.incident}/{self.step}/{self.loop}/{self.target}/{self.channel}"


@dataclass(frozen=True)
class Page:
    """One attempt to reach one person over one channel.

    `repeat` says that an earlier attempt may have arrived although nobody knows; the text then says so, too.
    `address` and `ack_url` are secrets: neither is shown when a page is printed.
    """

    key: Key
    title: str  # checkout: 8 % of orders fail
    sentence: str  # why this person gets it, now
    severity: Severity
    urgency: Urgency
    person: str  # user:default/ada
    address: str = field(default="", repr=False)
    url: str = ""  # of the incident's page
    ack_url: str = field(default="", repr=False)
    attempt: int = 1
    repeat: bool = False

    @property
    def incident(self) -> int:
        """The incident's number; 0 for what belongs to none, like the message that verifies a channel."""
        return self.key.incident


@dataclass(frozen=True)
class Delivered:
    """The provider took it. `provider_id` is what it calls the message, if it says so."""

    at: datetime
    provider_id: str = ""


@dataclass(frozen=True)
class Refused:
    """It was not taken, or nobody knows. `why` is a sentence for the timeline.

    `again_after` is what the provider asks for, else None. `permanent`: no later attempt can help, take another
    channel. `uncertain`: it may have arrived, so the next attempt must be marked as a repeat.
    """

    why: str
    again_after: timedelta | None = None
    permanent: bool = False
    uncertain: bool = False


Outcome = Delivered | Refused


class Pager(Protocol):
    """A way to reach people."""

    @property
    def limit(self) -> timedelta:
        """The time after which `send` has answered, whatever the provider does."""

    def send(self, page: Page) -> Outcome:
        """Hand the page over, once per key as far as the provider allows."""


@runtime_checkable
class KeepsState(Protocol):
    """A pager whose provider remembers an incident, and must hear what became of it."""

    def acknowledge(self, incident: int, by: str) -> Outcome:
        """Tell it that somebody has taken the incident. Idempotent; also when it never heard of it."""

    def resolve(self, incident: int) -> Outcome:
        """Tell it that the incident is over: it pages nobody for it any more. Idempotent."""


@dataclass(frozen=True)
class Change:
    """Something that was changed in production, for a provider that shows changes beside incidents."""

    summary: str  # checkout 231 went to production
    source: str  # component:default/checkout
    at: datetime
    url: str = ""
    details: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@runtime_checkable
class HearsChanges(Protocol):
    """A pager whose provider shows changes beside incidents."""

    def announce(self, change: Change) -> Outcome:
        """Show the change. Nobody is notified by it."""
