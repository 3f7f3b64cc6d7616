"""A person in a browser: presses Deploy, watches, and sees a bad release put back. Nothing is reloaded by hand."""

import re
from typing import Any

import pytest

from tests.browser.conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.local]
PATIENCE = 240_000  # milliseconds; a deploy of the demo takes up to 40 s


def word(page: Any, wanted: str) -> None:
    """Wait until the band says so, by what the server sends; the page is not loaded anew."""
    page.locator(".verdict .word", has_text=re.compile(wanted)).wait_for(timeout=PATIENCE)


def test_a_bad_release_is_put_back_while_one_watches(visit: Visit) -> None:
    page = visit("tomas", "/services/search")
    page.get_by_role("link", name=re.compile("^Deploy 1 commit")).click()
    page.get_by_role("button", name=re.compile("^Deploy 1 commit")).click()
    page.wait_for_url(re.compile(r"/deploys/\d+$"))
    page.evaluate("window.same = true")

    word(page, "^Going out")
    word(page, "^Undone")

    assert "search 5 was put back by itself" in page.locator("h1").inner_text()
    assert "/healthz answered 503" in page.locator(".verdict").inner_text()
    assert page.evaluate("window.same") is True
    page.goto(re.sub(r"/deploys/\d+$", "/services/search", page.url))
    assert "search runs release 4 on 2 of 2 instances" in page.locator("h1").inner_text()


def test_a_good_release_goes_out_in_waves_and_can_be_stopped_on_the_phone(visit: Visit) -> None:
    page = visit("mara", "/services/checkout/production/plan", width=390, has_touch=True)
    page.get_by_role("button", name=re.compile("^Deploy 3 commits")).click()

    word(page, "wave 1 of 3")
    page.locator("h1", has_text="10 % of the traffic is on checkout 5").wait_for(timeout=PATIENCE)
    page.get_by_role("button", name=re.compile("^Abort, back to 4")).first.click()
    dialog = page.locator("dialog[open]")
    if dialog.count():
        dialog.get_by_role("button", name=re.compile("^Abort")).click()
    word(page, "^Aborted")

    assert "4" in page.locator(".verdict").inner_text()


def test_a_stranger_may_look_and_not_touch(visit: Visit) -> None:
    page = visit("jonas", "/services/checkout/production/plan")

    button = page.get_by_text(re.compile("^Deploy 3 commits|^Deploy \\d")).first

    assert button.get_attribute("aria-disabled") == "true"
    assert "payments" in page.locator(".verdict").inner_text()
