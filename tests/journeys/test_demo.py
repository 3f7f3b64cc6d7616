"""The demo as a newcomer meets it: opened, looked at, killed, opened where it was, and stopped without a trace."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from ledger.errors import Error
from portal import config as configs
from portal.client import Client
from portal.demo import ground, setup, stage
from portal.demo.waiting import until
from portal.keyring import Login

pytestmark = pytest.mark.local

LONGEST = timedelta(seconds=90)  # for what takes ten seconds alone


class Opened:
    """A demo that runs, and what it said when it was open."""

    def __init__(self, folder: Path) -> None:
        environ = {name: value for name, value in configs.environment().items() if not name.startswith("FULLCYCLE_")}
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "portal.cli", "demo", "--data", str(folder), "--json"],
            cwd=folder.parent,
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.address = json.loads(self.process.stdout.readline())["address"]

    def stop(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(LONGEST.total_seconds())

    def live(self) -> dict[str, int]:
        """Return the release of each service that serves."""
        client = Client(Login(self.address, ""))
        body = {"account": "kofi", "password": setup.logins(self.folder)["kofi"]}
        token = client.post("/tokens", body)["token"]
        told = Client(Login(self.address, token)).get("/services")["services"]
        return {one["name"]: env["live"]["release"] for one in told for env in one["environments"] if env["live"]}

    def home(self) -> "Home":
        return until(lambda: Home.seen(self), LONGEST, f"the pages at {self.address}")


class Home:
    """Mara, logged in with a browser's means."""

    def __init__(self, http: httpx2.Client, text: str) -> None:
        self.http, self.text = http, text

    @classmethod
    def seen(cls, opened: Opened) -> "Home | None":
        http = httpx2.Client(base_url=opened.address, follow_redirects=True, trust_env=False, timeout=20)
        try:
            page = http.get("/login").text
        except httpx2.TransportError:
            return None
        form = {"name": "mara", "password": setup.logins(opened.folder)["mara"], "csrf_token": _token(page)}
        return cls(http, http.post("/login", data=form).text)

    def put_card_away(self) -> str:
        return self.http.post("/try-this/put-away", data={"csrf_token": _token(self.text)}).text


def _token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found.group(1)


@contextmanager
def demo(folder: Path) -> Iterator[Opened]:
    opened = Opened(folder)
    try:
        yield opened
    finally:
        if opened.process.poll() is None:
            opened.stop(signal.SIGINT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("newcomer") / "demo"


def test_a_demo_opens_says_what_to_try_and_goes_on_after_it_was_killed(folder: Path) -> None:
    with demo(folder) as first:
        home = first.home()
        assert "Try this" in home.text
        assert "Put away" not in home.put_card_away()
        shop = {"checkout": 4, "ledger": 5, "search": 4, "receipts": 1, "reports": 1}
        assert first.live().items() >= shop.items()
        first.stop(signal.SIGKILL)

    with demo(folder) as second:
        assert "Try this" not in second.home().text
        assert second.live().items() >= shop.items()
        assert second.stop(signal.SIGINT) == 0

    assert stage.left_behind(folder) == []


def test_nobody_but_its_owner_reads_the_passwords(folder: Path) -> None:
    assert (folder / setup.LOGINS).stat().st_mode & 0o777 == 0o600


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()

    with pytest.raises(Error, match="holds something that is no demo"), ground.alone(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    with (
        ground.alone(tmp_path / "demo"),
        pytest.raises(Error, match="A demo runs in"),
        ground.alone(tmp_path / "demo"),
    ):
        pass


def test_a_port_that_is_taken_is_said() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(Error, match="is taken"),
        ground.port(taken.getsockname()[1]),
    ):
        pass


def test_a_port_is_kept_while_the_demo_is_being_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        number = probe.getsockname()[1]

    with ground.port(number):
        with pytest.raises(Error, match="is taken"), ground.port(number):
            pass
        with ground.port(None) as other:
            assert other != number
    with ground.port(number) as again:
        assert again == number
