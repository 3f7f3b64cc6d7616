"""A real Alertmanager as the sender, where there is one: what fires pages once, whatever we answered at first."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from ledger import clock
from oncall import intakestore
from oncall.incident import State
from oncall.paging.networks import networks
from oncall.polling import POLL, POLLS_EVERY, Poller
from oncall.understanding import ALERTMANAGER
from portal import wiring
from portal.app import create_app
from portal.config import Config
from tests import alertmanager
from tests.alertmanager import Alertmanager
from tests.conftest import with_tables
from tests.doors.served import until
from tests.rooms.oncallhouse import ADA, BOB, CHECKOUT, House

KEY = "m" * 32
PROGRAM = alertmanager.program()

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(PROGRAM is None, reason="no Alertmanager is installed; Debian's is prometheus-alertmanager"),
]


@dataclass
class Door:
    """The portal's own doors on a port, which can be told to fail."""

    app: Any
    fails: int = 0
    posts: list[int] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        if self.fails:
            self.fails -= 1
            self.posts.append(500)
            start("500 INTERNAL SERVER ERROR", [("Content-Type", "text/plain")])
            return [b"not now"]
        self.posts.append(202)
        return self.app(environ, start)


@dataclass
class Stage:
    house: House
    door: Door
    sender: Alertmanager

    def works(self, holds: Callable[[], bool], what: str) -> None:
        """Do all that is due until something holds."""

        def look() -> bool:
            self.house.now = clock.now()
            self.house.work()
            return holds()

        until(look, what)

    @property
    def rang(self) -> int:
        return self.house.rang(ADA) + self.house.rang(BOB)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    config = Config(data=tmp_path / "data")
    config.data.mkdir()
    services = wiring.wire(config, opened=with_tables(wiring.database(config)))
    house = House(services.database, now=clock.now()).found()
    port = alertmanager.free_port()
    door = Door(create_app(services))
    server = make_server("127.0.0.1", port, door, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    assert PROGRAM
    try:
        with alertmanager.running(PROGRAM, tmp_path, f"http://127.0.0.1:{port}/hooks/alertmanager/{KEY}") as sender:
            with services.database.write() as session:
                settings = {"poll": sender.url}
                intakestore.add_key(session, KEY, ALERTMANAGER, "prometheus", CHECKOUT, settings, ADA, clock.now())
            yield Stage(house, door, sender)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        services.database.close()


def test_what_fires_pages_once_and_ends_when_it_is_over(stage: Stage) -> None:
    fired = clock.now()
    stage.sender.tell("Slow", fired)
    stage.works(lambda: stage.rang > 0, "somebody's phone rang")
    stage.sender.tell("Slow", fired, clock.now())
    stage.works(lambda: stage.house.incident().state is State.RESOLVED, "it was over")
    assert (stage.rang, stage.house.story().count("opened")) == (1, 1)


def test_what_is_sent_again_after_a_500_opens_no_second_incident(stage: Stage) -> None:
    stage.door.fails = 1
    stage.sender.tell("Slow", clock.now())
    stage.works(lambda: stage.rang > 0, "its second try came")
    assert stage.door.posts[:2] == [500, 202]
    assert (stage.house.numbers(), stage.rang) == ([1], 1)


def test_a_poll_finds_what_the_webhook_could_not_bring_and_finds_it_once(stage: Stage) -> None:
    stage.door.fails = 1_000_000
    stage.sender.tell("Slow", clock.now())
    until(lambda: bool(stage.door.posts), "it was sent in vain")
    poller = Poller(stage.house.database, stage.house.jobs, clock.now, networks(["127.0.0.0/8"]))
    for _ in range(2):
        poller.polls()
        claim = stage.house.jobs.claim("worker", [POLL], clock.now() + POLLS_EVERY)
        assert claim
        poller.poll(claim)
        stage.works(lambda: stage.rang > 0, "the poll had found it")
    assert (stage.house.numbers(), stage.rang) == ([1], 1)
    stage.door.fails = 0  # and now the webhook comes as well, late
    stage.works(lambda: 202 in stage.door.posts, "the webhook came")
    stage.works(lambda: True, "that was understood")
    assert (stage.house.numbers(), stage.rang) == ([1], 1)
