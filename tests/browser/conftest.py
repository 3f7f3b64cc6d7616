"""A real demo in a process of its own, and a real Chromium to look at it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from portal import config as configs

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
STOP_SECONDS = 60


@dataclass(frozen=True)
class Shop:
    """The demo's address, and who can log in there."""

    address: str
    logins: Mapping[str, str]
    sessions: dict[str, Any] = field(default_factory=dict)  # login -> the cookies of whoever has logged in


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The Corner Shop, open for this test process."""
    folder = tmp_path_factory.mktemp("shop")
    environ = {name: value for name, value in configs.environment().items() if not name.startswith("FULLCYCLE_")}
    words = [sys.executable, "-m", "portal.cli", "demo", "--json", "--data", str(folder / "demo")]
    process = subprocess.Popen(words, cwd=folder, env=environ, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        told = json.loads(process.stdout.readline())
        _answers(told["address"])
        lines = Path(told["logins"]).read_text().splitlines()
        yield Shop(told["address"], dict(line.split()[:2] for line in lines if line.strip()))
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _answers(address: str) -> None:
    """Wait until the portal answers; the demo tells its address a moment before."""
    import stamina

    for attempt in stamina.retry_context(on=OSError, attempts=None, timeout=30, wait_initial=0.1, wait_max=0.5):
        with attempt:
            import urllib.request

            urllib.request.urlopen(f"{address}/healthz", timeout=5).close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    assert path, "no Chromium on this machine; on Debian: apt install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


Visit = Callable[..., Any]


def _logged_in(chromium: Any, shop: Shop, login: str) -> Any:
    """Log in by the page, once for each person: the portal bears with only so many logins a minute."""
    if login not in shop.sessions:
        context = chromium.new_context()
        page = context.new_page()
        page.goto(f"{shop.address}/login")
        page.fill("input[name=name]", login)
        page.fill("input[name=password]", shop.logins[login])
        page.press("input[name=password]", "Enter")
        page.wait_for_url(f"{shop.address}/")
        shop.sessions[login] = context.storage_state()
        context.close()
    return shop.sessions[login]


@pytest.fixture
def visit(chromium: Any, shop: Shop) -> Iterator[Visit]:
    """Open a page as somebody, at some width; whatever the browser complains about fails the test at its end."""
    complaints: list[str] = []
    contexts = []

    def open_page(login: str, path: str = "/", width: int = 1280, **options: Any) -> Any:
        state = _logged_in(chromium, shop, login)
        context = chromium.new_context(viewport={"width": width, "height": 844}, storage_state=state, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(shop.address + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
