"""Polling an Alertmanager: what was missed comes in once, what is long gone ends, and one that is away ends nothing."""

import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ledger.db import Database
from oncall import intakestore
from oncall.incident import State
from oncall.paging.networks import networks
from oncall.polling import POLL, Poller
from oncall.understanding import ALERTMANAGER
from tests.rooms.oncallhouse import ADA, CHECKOUT, House
from tests.serving import serving

MINUTE = timedelta(minutes=1)
HERE = networks(["127.0.0.0/8"])


class Sender(ThreadingHTTPServer):
    """Answers each call with what it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.alerts: list[dict[str, Any]] = []
        self.status = 200
        self.asked = 0
        self.proof: str | None = None


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        sender: Any = self.server
        sender.asked += 1
        sender.proof = self.headers["Authorization"]
        body = json.dumps(sender.alerts).encode()
        self.send_response(sender.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_args: Any) -> None: ...


@pytest.fixture
def sender() -> Iterator[Sender]:
    made = Sender()
    with serving(made):
        yield made


@pytest.fixture
def house(database: Database, sender: Sender) -> House:
    made = House(database).found()
    with database.write() as session:
        settings = {"poll": f"http://127.0.0.1:{sender.server_port}/"}
        intakestore.add_key(session, "p" * 32, ALERTMANAGER, "prometheus", CHECKOUT, settings, ADA, made.now)
    return made


def alert(name: str = "Slow", state: str = "active") -> dict[str, Any]:
    labels = {"alertname": name, "severity": "critical"}
    return {
        "fingerprint": f"f-{name}",
        "labels": labels,
        "startsAt": "2026-03-02T11:50:00Z",
        "status": {"state": state},
    }


def poll(house: House, poller: Poller) -> None:
    poller.polls()
    claim = house.jobs.claim("worker", [POLL], house.now)
    assert claim
    poller.poll(claim)
    house.work()


def test_what_the_webhook_could_not_bring_is_found_once(house: House, sender: Sender) -> None:
    poller = Poller(house.database, house.jobs, house.clock, HERE)
    sender.alerts = [alert(), alert("Quiet", "suppressed")]
    for _ in range(3):
        poll(house, poller)
        house.now += MINUTE
    assert (house.numbers(), house.rang(ADA)) == ([1], 1)


def test_what_it_has_not_known_for_five_minutes_is_over(house: House, sender: Sender) -> None:
    poller = Poller(house.database, house.jobs, house.clock, HERE)
    sender.alerts = [alert()]
    poll(house, poller)
    house.now += 3 * MINUTE
    poll(house, poller)  # it is still there
    sender.alerts = []
    house.now += 4 * MINUTE
    poll(house, poller)
    assert house.incident().state is State.OPEN
    house.now += MINUTE
    poll(house, poller)
    assert house.incident().state is State.RESOLVED


def test_one_that_answers_with_an_error_or_begins_anew_ends_nothing(house: House, sender: Sender) -> None:
    poller = Poller(house.database, house.jobs, house.clock, HERE)
    sender.alerts = [alert()]
    poll(house, poller)
    sender.alerts, sender.status = [], 503
    house.now += 60 * MINUTE
    poll(house, poller)
    sender.status = 200
    house.now += MINUTE
    poll(house, poller)  # it knows nothing yet
    assert house.incident().state is State.OPEN


def test_a_network_that_is_not_allowed_is_not_asked_and_no_address_is_logged(
    house: House, sender: Sender, capsys: pytest.CaptureFixture[str]
) -> None:
    poll(house, Poller(house.database, house.jobs, house.clock))
    assert (sender.asked, house.numbers()) == (0, [])
    assert str(sender.server_port) not in "".join(capsys.readouterr())


def test_an_integration_that_was_taken_away_is_not_asked(house: House, sender: Sender) -> None:
    poller = Poller(house.database, house.jobs, house.clock, HERE)
    poller.polls()
    with house.database.write() as session:
        intakestore.end_key(session, house.key + 1, house.now)
    claim = house.jobs.claim("worker", [POLL], house.now)
    assert claim
    poller.poll(claim)
    assert sender.asked == 0


def test_a_name_and_password_in_the_address_prove_who_asks(house: House, sender: Sender) -> None:
    with house.database.write() as session:
        settings = {"poll": f"http://me:hush%21@127.0.0.1:{sender.server_port}"}
        intakestore.change_key(session, house.key + 1, "prometheus", CHECKOUT, settings, house.now)
    sender.alerts = [alert()]
    poll(house, Poller(house.database, house.jobs, house.clock, HERE))
    assert sender.proof == "Basic " + b64encode(b"me:hush!").decode()
    assert house.numbers() == [1]
