"""The demo as a newcomer meets it: opened, looked at, killed, opened where it was, and stopped without a trace."""

import re
import signal
import socket
from pathlib import Path

import httpx2
import pytest

from ledger.errors import Error
from portal.client import Client
from portal.demo import duty, ground, nights, setup, stage
from portal.keyring import Login
from tests.shop import Shop

pytestmark = pytest.mark.local


def live(shop: Shop) -> dict[str, int]:
    """Return the release of each service that serves."""
    told = as_kofi(shop).get("/services")["services"]
    return {one["name"]: env["live"]["release"] for one in told for env in one["environments"] if env["live"]}


def as_kofi(shop: Shop) -> Client:
    client = Client(Login(shop.address, ""))
    token = client.post("/tokens", {"account": "kofi", "password": shop.logins["kofi"]})["token"]
    return Client(Login(shop.address, token))


class Home:
    """Mara, logged in with a browser's means."""

    def __init__(self, http: httpx2.Client, text: str) -> None:
        self.http, self.text = http, text

    @classmethod
    def of(cls, shop: Shop) -> "Home":
        http = httpx2.Client(base_url=shop.address, follow_redirects=True, trust_env=False, timeout=120)
        form = {"name": "mara", "password": shop.logins["mara"], "csrf_token": _token(http.get("/login").text)}
        return cls(http, http.post("/login", data=form).text)

    def put_card_away(self) -> str:
        return self.http.post("/try-this/put-away", data={"csrf_token": _token(self.text)}).text


def _token(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found.group(1)


def test_nobody_but_its_owner_reads_the_passwords(shop: Shop) -> None:
    assert (shop.folder / setup.LOGINS).stat().st_mode & 0o777 == 0o600


def test_the_demo_says_what_to_try_and_goes_on_after_it_was_killed(shop: Shop) -> None:
    serving = {"checkout": 4, "ledger": 5, "search": 4, "receipts": 1, "reports": 1}
    home = Home.of(shop)
    assert "Try this" in home.text
    assert "Be woken" in home.text
    assert "Put away" not in home.put_card_away()
    assert live(shop).items() >= serving.items()

    shop.stop(signal.SIGKILL)
    shop.open()

    assert "Try this" not in Home.of(shop).text
    assert live(shop).items() >= serving.items()
    assert shop.stop(signal.SIGINT) == 0
    assert stage.left_behind(shop.folder) == []


def test_what_woke_people_before_has_its_story_and_is_over(shop: Shop) -> None:
    kofi, past = as_kofi(shop), len(nights.NIGHTS) + 2  # two deploys were put back
    pages = [kofi.get(f"/incidents/{number}") for number in range(1, past + 1)]
    stories = [[fact["kind"] for fact in page["story"]] for page in pages]

    assert {page["incident"]["state"] for page in pages} == {"resolved"}
    for page, story in zip(pages, stories, strict=True):
        over = page["incident"]["resolved_at"]
        slept = all(one["due_at"] > over for one in page["pages"])  # a deploy of the small hours, put back by itself
        heard = set() if slept else {"delivered"}
        assert {"opened", "paged", "acknowledged", "resolved"} | heard <= set(story)
    assert sum("exhausted" in story for story in stories) == 1
    assert (shop.folder / duty.KEYS).stat().st_mode & 0o777 == 0o600


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
