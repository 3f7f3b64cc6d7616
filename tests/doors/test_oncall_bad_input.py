"""What no sender should send, at the doors for alerts: far too much of it, the same again, and of people who left."""

import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from gunicorn.http.errors import InvalidChunkSize
from sqlalchemy import func, select, update

from catalog.tables import EntityRow
from ledger.inbox import DeliveryRow
from oncall import intakestore
from oncall.understanding import ALERTMANAGER, GENERIC
from portal import wiring
from portal.app import create_app
from portal.config import Config
from tests.conftest import NOON, with_tables
from tests.rooms.oncallhouse import ADA, BOB, CHECKOUT, KEY, House

HOOK, OTHER = "h" * 32, "g" * 32
MB = 1024 * 1024
FIRING = {
    "version": "4",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "Slow", "severity": "critical"},
            "startsAt": "2026-03-02T11:59:00Z",
            "fingerprint": "f1",
        }
    ],
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    config = Config(data=tmp_path)
    services = wiring.wire(config, opened=with_tables(wiring.database(config)))
    made = House(services.database).found()
    with services.database.write() as session:
        for secret, kind in ((HOOK, ALERTMANAGER), (OTHER, GENERIC)):
            intakestore.add_key(session, secret, kind, kind, CHECKOUT, {}, ADA, NOON)
    vars(made)["client"] = create_app(services).test_client()
    yield made
    services.database.close()


def client(house: House) -> FlaskClient:
    made: FlaskClient = vars(house)["client"]
    return made


@pytest.mark.parametrize("path", ["/v2/enqueue", f"/hooks/alertmanager/{HOOK}", f"/hooks/generic/{OTHER}"])
def test_a_body_of_50_mb_is_refused_and_not_kept(house: House, path: str) -> None:
    answer = client(house).post(path, data=b"x" * (50 * MB), content_type="application/json")
    assert answer.status_code == 413
    with house.database.read() as session:
        assert session.scalar(select(func.count()).select_from(DeliveryRow)) == 0


@pytest.mark.parametrize("path", ["/v2/enqueue", f"/hooks/alertmanager/{HOOK}", f"/hooks/generic/{OTHER}"])
def test_what_comes_in_chunks_without_a_length_is_bounded_all_the_same(house: House, path: str) -> None:
    class Endless(io.RawIOBase):
        given = 0

        def readable(self) -> bool:
            return True

        def readinto(self, into: Any) -> int:
            self.given += len(into)
            into[:] = b"x" * len(into)
            return len(into)

    body = Endless()
    environ = {"wsgi.input": body, "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = client(house).post(path, content_type="application/json", environ_overrides=environ)
    assert answer.status_code == 413
    assert body.given < 5 * MB
    environ["wsgi.input"] = io.BytesIO(json.dumps(FIRING).encode())
    answer = client(house).post(path, content_type="application/json", environ_overrides=environ)
    assert answer.status_code == (400 if path == "/v2/enqueue" else 202)  # there it is no event


@pytest.mark.parametrize("path", ["/v2/enqueue", f"/hooks/alertmanager/{HOOK}"])
def test_chunks_that_are_none_are_the_senders_fault(house: House, path: str) -> None:
    class Bent(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, into: Any) -> int:
            raise InvalidChunkSize(b"ZZ")

    environ = {"wsgi.input": Bent(), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    assert client(house).post(path, environ_overrides=environ).status_code == 400


def test_a_webhook_that_is_replayed_opens_nothing_new(house: House) -> None:
    house.now = NOON + timedelta(days=365)  # the door has the clock of this machine, and what came waits
    for _ in range(5):
        assert client(house).post(f"/hooks/alertmanager/{HOOK}", json=FIRING).status_code == 202
    house.now += timedelta(days=365)
    house.work()
    assert (house.numbers(), house.rang(ADA) + house.rang(BOB)) == ([1], 1)


def test_somebody_who_leaves_while_she_is_on_call_is_passed_by_at_once(house: House) -> None:
    with house.database.write() as session:
        session.execute(update(EntityRow).where(EntityRow.ref == ADA).values(removed_at=house.now))
    house.event()
    house.work()
    assert (house.rang(ADA), house.rang(BOB)) == (0, 1)
    assert "ada has left the catalog" in " ".join(house.reasons())


def test_who_left_after_she_was_paged_does_not_keep_the_next_level_waiting_for_more_than_its_delay(
    house: House,
) -> None:
    house.event()
    house.work()
    with house.database.write() as session:
        session.execute(update(EntityRow).where(EntityRow.ref == ADA).values(removed_at=house.now))
    house.until(NOON + timedelta(minutes=5, seconds=1))
    assert (house.rang(ADA), house.rang(BOB)) == (1, 1)


def test_the_same_event_again_and_again_is_one_incident(house: House) -> None:
    for _ in range(100):
        assert client(house).post("/v2/enqueue", json=EVENT).status_code == 202
    house.now = NOON + timedelta(days=730)
    house.work()
    assert len(house.numbers()) == 1


EVENT = {
    "routing_key": KEY,
    "event_action": "trigger",
    "dedup_key": "k",
    "payload": {"summary": "slow", "source": "web-1", "severity": "error"},
}
