"""A small portal in which something can go wrong: alice is on call for checkout, and the phones only remember.

Search answers for what nobody else does, so carol may decide about everything; dora is on no team at all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from oncall import intakestore, query, store
from oncall.incident import Incident
from portal import accounts
from portal.config import Config
from tests.doors import served as doors
from tests.doors.oncallhall import ALICE, plan, work
from tests.doors.served import PASSWORD, Served, portal

KEY = "k" * 32
CHECKOUT = "component:default/checkout"


@contextmanager
def alarmed(folder: Path, **oncall: Any) -> Iterator[Served]:
    settings = {"phones": True, "fallback": "group:default/search", **oncall}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doors, "Config", partial(Config, oncall=settings))
        with portal(folder) as made:
            plan(made)
            at = made.services.clock()
            with made.services.database.write() as session:
                intakestore.add_key(session, KEY, "events", "Payments metrics", CHECKOUT, {}, ALICE, at)
                accounts.create(session, "dora", PASSWORD, "member", None, at, "system")
            yield made


def event(served: Served, title: str = "8 % of orders fail", **more: Any) -> int:
    """Say by the Events API that something new is wrong, have it understood and paged; return the incident's number.

    Each is of a class of its own, so that none joins another.
    """
    with served.services.database.read() as session:
        before = max((one.number for one in query.incidents(session, limit=1)), default=0)
    payload = {"summary": title, "source": "web-1", "severity": "critical", "class": f"kind {before}"}
    payload |= more.pop("payload", {})
    body = {"routing_key": KEY, "event_action": "trigger", "dedup_key": f"k{before}", "payload": payload, **more}
    answer = served.app.test_client().post("/v2/enqueue", json=body)
    assert answer.status_code == 202, answer.json
    work(served)
    return before + 1


def incident(served: Served, number: int) -> Incident:
    with served.services.database.read() as session:
        return store.load(session, number)
