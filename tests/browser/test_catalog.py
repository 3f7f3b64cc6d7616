"""The catalog in a real browser: found by words and by the picture, on a wide screen and on a phone, by everybody."""

from typing import Any

import pytest

from tests.browser.conftest import Visit
from tests.browser.looking import too_wide, violations

pytestmark = [pytest.mark.browser, pytest.mark.local]

LEDGER = "/catalog/component/default/ledger"
PAGES = (
    "/catalog",
    "/catalog?q=ledger&kind=component",
    "/catalog?q=nothing+like+it",
    "/catalog/problems",
    LEDGER,
    "/catalog/component/default/checkout",
    "/catalog/group/default/payments",
    "/catalog/user/default/mara",
    "/services/checkout",
)


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_in_either_theme(visit: Visit, width: int) -> None:
    assert violations(visit, PAGES, width, opened=True) == []


def test_nothing_needs_sideways_scrolling(visit: Visit) -> None:
    assert too_wide(visit, PAGES, [320, 390, 768, 1000, 1280]) == {}


def test_one_finds_an_entity_by_a_word_and_a_filter(visit: Visit) -> None:
    page = visit("kofi", "/catalog")
    page.fill("#q", "books")
    page.press("#q", "Enter")
    page.wait_for_url("**/catalog?q=books**")
    page.locator(".chip", has_text="Component").click()
    page.wait_for_url("**kind=component**")

    assert page.locator("tbody tr b").all_inner_texts() == ["ledger"]


def test_the_picture_leads_from_one_to_the_next_with_keys_too(visit: Visit) -> None:
    page = visit("kofi", LEDGER)
    box = page.locator("svg.graph a", has_text="checkout").first
    box.focus()
    page.keyboard.press("Enter")

    page.wait_for_url("**/catalog/component/default/checkout")


def test_a_phone_shows_the_list_in_place_of_the_picture(visit: Visit) -> None:
    wide, phone = visit("kofi", LEDGER, 1280), visit("kofi", LEDGER, 390)

    assert (_seen(wide, "svg.graph"), _seen(wide, ".undrawn li")) == (True, False)
    assert (_seen(phone, "svg.graph"), _seen(phone, ".undrawn li")) == (False, True)


def _seen(page: Any, what: str) -> bool:
    return bool(page.locator(what).first.is_visible())


def test_the_rooms_of_the_catalog_lead_to_one_another(visit: Visit) -> None:
    page = visit("kofi", "/services")
    for name, path in (("All entities", "/catalog"), ("Problems", "/catalog/problems"), ("Services", "/services")):
        page.locator("nav.within").get_by_role("link", name=name).click()
        page.wait_for_url(f"**{path}")
        assert page.locator("nav.within [aria-current]").inner_text() == name
