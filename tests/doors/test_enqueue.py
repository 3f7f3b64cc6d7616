"""The doors for alerts: what is answered 202 is on the disk, what is refused says why, and no key is ever told."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from ledger import clock
from ledger.inbox import DeliveryRow
from oncall import eventsapi, intakestore, understanding
from oncall.intaketables import WaitsRow
from portal import wiring
from portal.app import create_app
from portal.config import Config
from portal.services import Services
from tests.conftest import with_tables

KEY, OTHER, HEART = "a" * 32, "b" * 32, "c" * 32


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    config = Config(data=tmp_path, oncall={"rate": 60})
    made = wiring.wire(config, opened=with_tables(wiring.database(config)))
    with made.database.write() as session:
        for secret, kind in ((KEY, "events"), (OTHER, "alertmanager"), (HEART, "heartbeat")):
            settings = {"period": 60, "grace": 10} if kind == "heartbeat" else {}
            intakestore.add_key(
                session, secret, kind, kind, "component:default/checkout", settings, "user:ada", clock.now()
            )
    yield made
    made.database.close()


@pytest.fixture
def client(services: Services) -> FlaskClient:
    return create_app(services).test_client()


def event(**more: Any) -> dict[str, Any]:
    payload = {"summary": "slow", "source": "web-1", "severity": "error"}
    return {"routing_key": KEY, "event_action": "trigger", "payload": payload} | more


def waiting(services: Services) -> int:
    with services.database.read() as session:
        return int(session.scalar(select(func.count()).select_from(WaitsRow)) or 0)


def test_what_is_answered_202_is_on_the_disk_and_waits_without_its_key(client: FlaskClient, services: Services) -> None:
    answer = client.post("/v2/enqueue", json=event())
    assert (answer.status_code, answer.json["status"]) == (202, "success")
    with services.database.read() as session:
        (row,) = session.scalars(select(DeliveryRow)).all()
    assert waiting(services) == 1
    assert KEY.encode() not in row.body
    assert row.headers[understanding.DEDUP] == answer.json["dedup_key"]


def test_many_at_once_are_all_kept(client: FlaskClient, services: Services) -> None:
    app = client.application

    def one(number: int) -> int:
        return app.test_client().post("/v2/enqueue", json=event(dedup_key=f"k{number}")).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(one, range(50))) == {202}
    assert waiting(services) == 50


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (event(routing_key="z" * 32), 400),
        (event(routing_key=OTHER), 400),
        (event(event_action="explode"), 400),
        ({}, 400),
        (event(payload={"summary": "x" * eventsapi.LARGEST, "source": "a", "severity": "info"}), 413),
    ],
)
def test_what_is_refused_says_why_in_the_words_of_the_events_api(
    client: FlaskClient, services: Services, body: dict[str, Any], status: int
) -> None:
    answer = client.post("/v2/enqueue", json=body)
    assert answer.status_code == status
    assert answer.json["status"] == "invalid event"
    assert answer.json["errors"]
    assert waiting(services) == 0


def test_a_sender_that_goes_too_fast_is_told_when_to_come_again(client: FlaskClient) -> None:
    answers = [client.post("/v2/enqueue", json=event()) for _ in range(61)]
    assert [one.status_code for one in answers].count(202) == 60
    assert answers[-1].status_code == 429
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


def test_a_change_is_taken_at_its_own_address(client: FlaskClient, services: Services) -> None:
    body = {"routing_key": KEY, "payload": {"summary": "checkout 231 went out"}}
    assert client.post("/v2/change/enqueue", json=body).status_code == 202
    assert waiting(services) == 1


def test_a_hook_needs_the_key_of_its_own_kind(client: FlaskClient, services: Services) -> None:
    assert client.post(f"/hooks/alertmanager/{OTHER}", data=b"{}").status_code == 202
    assert client.post(f"/hooks/alertmanager/{KEY}", data=b"{}").status_code == 401
    assert client.post(f"/hooks/generic/{'x' * 32}", data=b"{}").status_code == 401
    assert waiting(services) == 1


def test_a_heart_beats_by_a_get_and_says_when_the_next_is_due(client: FlaskClient, services: Services) -> None:
    answer = client.get(f"/hooks/heartbeat/{HEART}")
    assert answer.status_code == 202
    assert "due by" in answer.json["message"]
    with services.database.read() as session:
        assert len(intakestore.hearts(session)) == 1


def test_no_key_stands_in_the_log(client: FlaskClient, capsys: pytest.CaptureFixture[str]) -> None:
    client.post(f"/hooks/generic/{KEY}", data=b"{}")
    client.get(f"/hooks/heartbeat/{OTHER}")
    told = "".join(capsys.readouterr())
    assert not [key for key in (KEY, OTHER) if key in told]


def test_a_body_that_is_no_json_is_no_fault_of_ours(client: FlaskClient) -> None:
    answer = client.post("/v2/enqueue", data=b"\xff\xfe", content_type="application/json")
    assert (answer.status_code, json.loads(answer.data)["errors"]) == (400, ["JSON parse error"])
