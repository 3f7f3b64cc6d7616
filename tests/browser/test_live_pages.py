"""A page that says it is live is live, however late its parts come and whatever did not come the first time."""

from typing import Any

import pytest

from tests.browser.conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.local]

PAGE = "/incidents/1"


def _is_live(page: Any) -> None:
    page.locator("#live", has_text="live").wait_for()


@pytest.mark.parametrize("script", ["hx-sse.min.js", "app.js"])
def test_a_script_that_comes_late_is_waited_for(visit: Visit, script: str) -> None:
    page = visit("kofi", "/", bypass_csp=True)
    home, held = page.url.rstrip("/"), []
    page.route(f"**/{script}*", lambda route: held.append(route))

    page.goto(home + PAGE, wait_until="commit")
    page.wait_for_function("window.htmx")
    page.evaluate("new Promise((done) => setTimeout(done))")  # whatever would begin without it has begun
    held[0].continue_()

    _is_live(page)


def test_a_stream_that_did_not_open_is_opened_again_and_the_page_says_so_meanwhile(visit: Visit) -> None:
    page = visit("kofi", "/", exists=False)
    home, held = page.url.rstrip("/"), []
    page.route("**/live?*", lambda route: route.abort() if not held else route.continue_())

    page.goto(home + PAGE)
    page.locator("#lost", has_text="trying again").wait_for()
    held.append("it is there again")

    _is_live(page)
    assert page.locator("#lost").is_hidden()


@pytest.mark.parametrize("trouble", [{"status": 500, "body": "<main id='main'>broken</main>"}, None])
def test_news_that_did_not_come_is_asked_for_again(visit: Visit, trouble: dict[str, Any] | None) -> None:
    page, other = visit("kofi", PAGE, exists=False), visit("mara", PAGE)
    _is_live(page)
    failed: list[Any] = []

    def fails_once(route: Any) -> None:
        failed.append(route)
        if len(failed) > 1:
            route.continue_()
        elif trouble:
            route.fulfill(**trouble)
        else:
            route.abort()

    page.route(f"**{PAGE}", fails_once)
    note = f"The second look shows {'an answer' if trouble else 'a line'}"
    other.fill("#note", note)
    other.press("#note", "Enter")

    page.locator(".story", has_text=note).wait_for()
    assert page.locator("#main", has_text="broken").count() == 0
