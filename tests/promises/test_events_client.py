"""What others send as they send it: the official `pagerduty` client and a real Alertmanager's recorded bodies.

The client speaks to a served portal over HTTP; only its address is another. Nothing of it is changed.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pagerduty
import pytest
from sqlalchemy import select

from ledger.events import EventRow
from tests.doors import oncallhall
from tests.doors.served import Served, portal
from tests.doors.test_cli_deploys import free_port, listening

PAYLOADS = Path(__file__).parent.parent / "cases/payloads"


class Plainly(httpx2.BaseTransport):
    """The client takes only https addresses; on this machine there is http."""

    def __init__(self) -> None:
        self._inner = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.url = request.url.copy_with(scheme="http")
        return self._inner.handle_request(request)


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with portal(tmp_path_factory.mktemp("events"), port=free_port(), oncall={"phones": True}) as made:
        oncallhall.plan(made)
        with listening(made):
            yield made


def key(hall: Served, kind: str) -> str:
    made = hall.as_("alice").post("/integrations", {"service": "checkout", "kind": kind})
    return str(made.json["key"])


@pytest.fixture
def client(hall: Served) -> Iterator[pagerduty.EventsApiV2Client]:
    address = f"https://127.0.0.1:{hall.services.config.port}"
    with pagerduty.EventsApiV2Client(
        key(hall, "events"), base_url=address, transport=Plainly(), trust_env=False
    ) as made:
        made.retry[429] = 1
        yield made


def states(hall: Served) -> list[tuple[str, str]]:
    """Do what came in; return what incidents there are, the newest first."""
    oncallhall.work(hall)
    rows: list[dict[str, Any]] = hall.as_("carol").get("/incidents").json["incidents"]
    return [(one["title"], one["state"]) for one in rows]


def test_the_official_client_triggers_acknowledges_and_resolves(
    hall: Served, client: pagerduty.EventsApiV2Client
) -> None:
    made = client.trigger(
        "checkout answers slowly",
        "web-1",
        severity="error",
        custom_details={"p99": "4 s"},
        links=[{"href": "https://example.org/graph", "text": "graph"}],
        images=[{"src": "https://example.org/graph.png"}],
    )
    assert len(made) >= 32  # the server's own key
    assert states(hall)[0] == ("checkout answers slowly", "open")

    assert client.acknowledge(made) == made
    assert states(hall)[0] == ("checkout answers slowly", "acknowledged")
    assert client.resolve(made) == made
    assert states(hall)[0] == ("checkout answers slowly", "resolved")


def test_its_own_keys_join_what_is_open_and_open_anew_after_the_end(
    hall: Served, client: pagerduty.EventsApiV2Client
) -> None:
    before = len(states(hall))
    for _ in range(3):
        assert client.trigger("the disk is full", "db-1", dedup_key="disk", severity="critical") == "disk"
    assert len(states(hall)) == before + 1
    client.resolve("disk")
    client.resolve("disk")  # nothing is open: dropped, and no fault
    assert states(hall)[0] == ("the disk is full", "resolved")
    client.trigger("the disk is full", "db-1", dedup_key="disk", severity="critical")
    assert states(hall)[0][1] == "open"
    client.resolve("disk")
    states(hall)


def test_its_change_events_are_taken_and_wake_nobody(hall: Served, client: pagerduty.EventsApiV2Client) -> None:
    before = states(hall)
    client.submit(  # with a timestamp, or the client itself crashes (7.0.1 to 7.2.0)
        "checkout 231 went out",
        source="ci",
        custom_details={"build": "231"},
        links=[{"href": "https://example.org/231"}],
        timestamp="2026-03-02T12:00:00Z",
    )
    assert states(hall) == before
    with hall.services.database.read() as session:
        kept = session.scalars(select(EventRow.data).where(EventRow.kind == "oncall.change")).all()
    assert [one["title"] for one in kept] == ["checkout 231 went out"]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"summary": "x" * 1025, "source": "web-1"}, "summary"),
        ({"summary": "", "source": "web-1"}, "summary"),
        ({"summary": "slow", "source": "web-1", "dedup_key": "k" * 256}, "dedup_key"),
        ({"summary": "slow", "source": "web-1", "severity": "terrible"}, "severity"),
    ],
)
def test_what_is_beyond_a_limit_is_refused_in_words_that_the_client_understands(
    hall: Served, client: pagerduty.EventsApiV2Client, said: dict[str, Any], reason: str
) -> None:
    with pytest.raises(pagerduty.HttpError) as refused:
        client.trigger(**said)
    assert refused.value.response is not None
    assert refused.value.response.status_code == 400
    assert reason in " ".join(refused.value.response.json()["errors"])


def test_a_key_that_is_nobodys_is_refused_at_once(hall: Served) -> None:
    address = f"https://127.0.0.1:{hall.services.config.port}"
    with (
        pagerduty.EventsApiV2Client("z" * 32, base_url=address, transport=Plainly(), trust_env=False) as stranger,
        pytest.raises(pagerduty.HttpError),
    ):
        stranger.trigger("slow", "web-1")


# --- Alertmanager -----------------------------------------------------------------------------------------------------


def recorded(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def test_alertmanagers_recorded_webhook_opens_one_incident_and_its_end_ends_it(hall: Served) -> None:
    path, sender = f"/hooks/alertmanager/{key(hall, 'alertmanager')}", hall.app.test_client()
    before = len(states(hall))

    for _ in range(2):  # it sends again after any error
        assert sender.post(path, data=recorded("alertmanager_webhook_firing")).status_code == 202
        opened = states(hall)
    assert len(opened) == before + 1
    assert opened[0][1] == "open"
    assert sender.post(path, data=recorded("alertmanager_webhook_resolved")).status_code == 202
    assert states(hall)[0] == (opened[0][0], "resolved")


def test_a_recorded_group_of_three_is_one_incident_with_what_still_fires(hall: Served) -> None:
    path, sender = f"/hooks/alertmanager/{key(hall, 'alertmanager')}", hall.app.test_client()
    before = len(states(hall))
    sender.post(path, data=recorded("alertmanager_webhook_group_3_firing"))
    assert len(states(hall)) == before + 1
    sender.post(path, data=recorded("alertmanager_webhook_group_mixed_firing_resolved"))
    assert len(states(hall)) == before + 1
    assert states(hall)[0][1] == "open"


def test_what_alertmanager_sends_to_pagerduty_can_be_sent_to_us(hall: Served) -> None:
    routing_key, sender = key(hall, "events"), hall.app.test_client()
    before = len(states(hall))
    found = []
    for name in ("trigger", "trigger", "resolve"):
        event = json.loads(recorded(f"alertmanager_pagerduty_v2_{name}")) | {"routing_key": routing_key}
        assert sender.post("/v2/enqueue", json=event).status_code == 202
        found.append(states(hall))
    assert [len(one) - before for one in found] == [1, 1, 1]
    assert [one[0][1] for one in found] == ["open", "open", "resolved"]
