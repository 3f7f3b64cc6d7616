"""A real Chromium that looks at the Corner Shop."""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.shop import Shop

PATIENCE = 90_000  # milliseconds, for what takes a tenth of a second alone; Playwright would wait for a third of it
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


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
        context.set_default_timeout(PATIENCE)
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

    def open_page(login: str, path: str = "/", width: int = 1280, *, exists: bool = True, **options: Any) -> Any:
        state = _logged_in(chromium, shop, login)
        context = chromium.new_context(viewport={"width": width, "height": 844}, storage_state=state, **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" and exists else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(shop.address + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
