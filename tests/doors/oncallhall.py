"""On-call in the small portal of the doors' tests: payments has a rota and an escalation, and can be woken."""

from datetime import timedelta
from typing import Any

from ledger.runner import Work
from oncall import planstore
from oncall.moving import ADVANCE, SEND
from oncall.receiving import RECEIVE
from tests.doors.served import Served

TEAM, ALICE, BOB, CAROL = "group:default/payments", "user:default/alice", "user:default/bob", "user:default/carol"

ROTA = """\
timezone: UTC
rotations:
  - name: main
    order: [user:alice, user:bob]
    every: 1 day
    starts: 2026-01-01 09:00
    roles: {primary: 0, secondary: 1}
"""
STEPS = """\
name: %s
team: group:payments
levels:
  - {targets: [%s/primary], delay: 5m}
  - {targets: [group:payments], delay: 10m}
"""


def plan(served: Served, name: str = "payments") -> None:
    """Write the rota and the escalation as alice, and give both people a phone."""
    alice = served.as_("alice")
    for kind, text in (("schedules", ROTA), ("escalations", STEPS % (name, name))):
        answer = alice.put(f"/oncall/{kind}/{name}", {"text": text, "team": "payments"})
        assert answer.status_code == 200, answer.json
    with served.services.database.write() as session:
        for person in (ALICE, BOB):
            way = planstore.add_way(session, person, "memory", "phone", person, timedelta(0), timedelta(0))
            planstore.change_way(session, way, verified_at=served.services.clock())


def wake(served: Served, whom: str = "checkout", who: str = "alice", title: str = "orders fail") -> int:
    """Page somebody by hand; return the incident's number."""
    answer = served.as_(who).post("/incidents", {"whom": whom, "title": title})
    assert answer.status_code == 202, answer.json
    work(served)
    found: list[dict[str, Any]] = served.as_(who).get("/incidents", alert=answer.json["alert"]).json["incidents"]
    return int(found[0]["number"])


def work(served: Served, *more: str) -> None:
    """Do what on-call has to do now, as a worker would."""
    services = served.services
    handlers = services.oncall.handlers()
    while claim := services.jobs.claim("test", [RECEIVE, ADVANCE, SEND, *more], services.clock()):
        handlers[claim.kind](Work(claim, services.clock, services.clock()))
