"""What a pager's promises are tried with: a pager, an address it reaches, its provider's troubles, and what arrived.

A stage hides how a kind of pager is told of trouble, so that a promise is written once for all of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from oncall.paging.addresses import Providers
from oncall.paging.channels import ChannelPager, Ways
from oncall.paging.memory import MemoryPager, Trouble
from oncall.paging.networks import networks
from oncall.paging.pagerduty import Account, PagerDutyPager
from oncall.paging.ports import Key, Page, Pager
from oncall.paging.webhook import Receiver, WebhookPager
from oncall.terms import Severity, Urgency
from tests import fakemail, fakepagerduty
from tests.conftest import NOON

ADA = "user:default/ada"
HOME = networks(["127.0.0.0/8"])
LIMIT = timedelta(seconds=25)  # for who answers, on a machine that is slow
SIGNING = "a secret for signing pages"
TOKEN = "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2"
HOUR = {"Retry_After": "3600"}


@dataclass(frozen=True)
class Arrived:
    """One message at the other end: what a person reads there, in one text."""

    text: str


@dataclass
class Stage:
    pager: Pager
    address: str
    arrived: Callable[[], Sequence[Arrived]]
    troubles: Mapping[str, Callable[[], None]]
    fine: Callable[[], None]
    gave_up: Callable[[], bool]  # the other end got tired of holding us
    secrets: tuple[str, ...] = ()

    def page(self, incident: int = 31, **more: Any) -> Page:
        made = Page(
            Key(incident, 1, 0, ADA, "phone"),
            title="checkout: 8 % of orders fail",
            sentence="You are primary of payments until 17:00.",
            severity=Severity.CRITICAL,
            urgency=Urgency.HIGH,
            person=ADA,
            address=self.address,
            url="https://portal.test/incidents/31",
            ack_url="https://portal.test/ack/Zm9vYmFyYmF6",
        )
        return replace(made, **more)


def in_a_hurry(stage: Stage, monkeypatch: pytest.MonkeyPatch, limit: timedelta) -> None:
    """Let the pager have less patience until the test is over."""
    for name in ("_account", "_receiver", "_ways"):
        if hasattr(stage.pager, name):
            monkeypatch.setattr(stage.pager, name, replace(getattr(stage.pager, name), limit=limit))


def memory_stage(path: Path | None = None) -> Stage:
    pager = MemoryPager(lambda: NOON, path=path)
    kinds = {
        "hangs": Trouble.HANGS,
        "half": Trouble.LOST,
        "cut": Trouble.HANGS,
        "trickles": Trouble.HANGS,
        "closed": Trouble.DOWN,
        "500": Trouble.HANGS,
        "503": Trouble.DOWN,
        "429": Trouble.BUSY,
        "401": Trouble.REFUSES,
        "bounce": Trouble.BOUNCES,
    }
    return Stage(
        pager,
        "",
        lambda: [Arrived("\n".join([one.title, one.text, *one.links])) for one in pager.messages(ADA)],
        {name: lambda kind=kind: pager.trouble(kind) for name, kind in kinds.items()},  # type: ignore[misc]
        lambda: pager.trouble(None),
        lambda: False,
    )


def _http_troubles(fake: fakepagerduty.FakePagerDuty) -> dict[str, Callable[[], None]]:
    acts = {
        "hangs": fakepagerduty.hangs,
        "half": fakepagerduty.half,
        "cut": fakepagerduty.cut,
        "trickles": fakepagerduty.trickles,
        "500": fakepagerduty.status(500),
        "503": fakepagerduty.status(503),
        "429": fakepagerduty.status(429, **HOUR),
        "401": fakepagerduty.status(401, {"message": f"{TOKEN} {fakepagerduty.ROUTING_KEY} is not known"}),
        "302": fakepagerduty.status(302, Location=f"{fake.url}/elsewhere"),
    }
    return {name: lambda act=act: setattr(fake, "always", act) for name, act in acts.items()}  # type: ignore[misc]


@contextmanager
def pagerduty_stage() -> Iterator[Stage]:
    with fakepagerduty.fake_pagerduty() as fake:
        pager = PagerDutyPager(Account(fakepagerduty.ROUTING_KEY, url=fake.url, limit=LIMIT), lambda: NOON)
        yield Stage(
            pager,
            "",
            lambda: [Arrived(str(alert.events[-1])) for alert in fake.alerts],
            _http_troubles(fake),
            lambda: setattr(fake, "always", None),
            lambda: fake.gave_up,
            (fakepagerduty.ROUTING_KEY,),
        )
        assert fake.wrong == []


@contextmanager
def webhook_stage() -> Iterator[Stage]:
    """A receiver that ignores deliveries that it knows, as it should."""
    with fakepagerduty.fake_pagerduty() as fake:
        took = fakepagerduty.status(200, {"id": "m-1"})
        fake.always = took
        receiver = Receiver(f"{fake.url}/pages/{TOKEN}", (SIGNING,), limit=LIMIT, allowed=HOME)
        yield Stage(
            WebhookPager(receiver, lambda: NOON),
            "",
            lambda: [
                Arrived(_read(one)) for one in {made["body"]["delivery"]: made["body"] for made in fake.asked}.values()
            ],
            _http_troubles(fake),
            lambda: setattr(fake, "always", took),
            lambda: fake.gave_up,
            (TOKEN, SIGNING),
        )


def _read(body: Mapping[str, Any]) -> str:
    return "\n".join(str(value) for value in body.values())


@contextmanager
def ntfy_stage() -> Iterator[Stage]:
    with fakepagerduty.fake_pagerduty() as fake:
        took = fakepagerduty.status(200, {"id": "m-1"})
        fake.always = took
        pager = ChannelPager(Ways(allowed=HOME, limit=LIMIT, couriers=1), lambda: NOON)
        pager.warm()
        try:
            yield Stage(
                pager,
                f"{fake.url.replace('http', 'ntfy')}/ada?auth=token&token={TOKEN}",
                lambda: [Arrived(_read(one["body"])) for one in fake.asked],
                _http_troubles(fake),
                lambda: setattr(fake, "always", took),
                lambda: fake.gave_up,
                (TOKEN,),
            )
        finally:
            pager.close()


@contextmanager
def mail_stage() -> Iterator[Stage]:
    with fakemail.fake_mail() as fake:
        providers = Providers(mail=f"mailto://127.0.0.1:{fake.port}?from=oncall@portal.test&to={{to}}")
        pager = ChannelPager(Ways(providers, limit=LIMIT, couriers=1), lambda: NOON)
        pager.warm()
        acts: dict[str, fakemail.Misbehaves] = {
            "hangs": fakemail.hangs,
            "trickles": fakemail.trickles,
            "cut": fakemail.cut,
            "half": lambda session: session.serve(at_end=""),
            "503": lambda session: session.say("421 4.3.2 closing"),
            "451": lambda session: session.serve(at_rcpt="451 4.7.1 later"),
            "bounce": lambda session: session.serve(at_rcpt="550 5.1.1 no such person"),
        }
        try:
            yield Stage(
                pager,
                "ada@shop.test",
                lambda: [Arrived(f"{one['Subject']}\n{one.get_body().get_content()}") for one in fake.mails],  # type: ignore[union-attr]
                {name: lambda act=act: setattr(fake, "always", act) for name, act in acts.items()},  # type: ignore[misc]
                lambda: setattr(fake, "always", None),
                lambda: fake.gave_up,
            )
        finally:
            pager.close()
