"""Incidents in a real browser: for everybody to read, on the phone too, and nothing that is typed is lost meanwhile."""

import re

import pytest

from tests.browser.conftest import Visit
from tests.browser.looking import too_wide, violations

pytestmark = [pytest.mark.browser, pytest.mark.local]

PAGES = ("/incidents", "/incidents?view=all", "/incidents/1", "/silences", "/integrations", "/phones")


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_in_either_theme(visit: Visit, width: int) -> None:
    assert violations(visit, PAGES, width, opened=True) == []


def test_nothing_needs_sideways_scrolling(visit: Visit) -> None:
    assert too_wide(visit, PAGES, [320, 390, 768, 1000, 1280]) == {}


def test_a_question_stays_open_and_keeps_its_words_while_others_tell_their_story(visit: Visit) -> None:
    page, other = visit("kofi", "/incidents/1"), visit("mara", "/incidents/1")
    page.fill("#note", "half a note")
    page.locator("button[popovertarget]", has_text=re.compile("Open it again|Resolve")).first.click()
    reason = page.locator(".ask:popover-open input[name=reason]")
    reason.fill("because of")

    other.fill("#note", "I saw this in March, too")
    other.press("#note", "Enter")

    other.locator(".story", has_text="I saw this in March, too").wait_for()
    page.locator(".story", has_text="I saw this in March, too").wait_for()
    assert reason.input_value() == "because of"
    assert page.locator("#note").input_value() == "half a note"
    page.locator(".ask:popover-open button", has_text=re.compile("Leave|Keep")).click()
    assert page.locator(".ask:popover-open").count() == 0


def test_the_address_in_a_page_opens_on_a_phone_without_logging_in(visit: Visit) -> None:
    page = visit("kofi", "/phones")
    addresses = page.locator("a[href^='/ack/']").evaluate_all("all => all.map((one) => one.getAttribute('href'))")
    made_up = "/ack/made-up"  # where nothing is open of what woke somebody in the demo
    phone = visit("kofi", next(iter(addresses), made_up), 390, exists=bool(addresses))
    phone.context.clear_cookies()
    phone.reload()
    assert phone.locator("h1").count() == 1
    small = phone.locator("main .btn").evaluate_all("all => all.filter((b) => b.offsetHeight < 44).length")
    assert small == 0
