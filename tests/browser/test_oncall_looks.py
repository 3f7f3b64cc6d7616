"""The pages of on-call in a real browser: readable, at every width; a drag opens the form that it promises."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.browser.conftest import Visit
from tests.browser.looking import too_wide, violations

pytestmark = [pytest.mark.browser, pytest.mark.local]

ROTA = "/oncall/payments"
PAGES = (
    "/oncall",
    ROTA,
    f"{ROTA}?view=list",
    f"{ROTA}/change?role=primary",
    f"{ROTA}/edit",
    "/oncall/new",
    "/oncall/escalations/payments/edit",
    "/account/reach",
    "/account/calendars",
)


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_in_either_theme(visit: Visit, width: int) -> None:
    assert violations(visit, PAGES, width, opened=True) == []


def test_nothing_needs_sideways_scrolling(visit: Visit) -> None:
    assert too_wide(visit, PAGES, [320, 768, 1000]) == {}


def test_a_drag_over_a_line_opens_the_form_for_that_time(visit: Visit) -> None:
    page = visit("kofi", ROTA)
    row = page.locator("table[data-rota] tbody:last-of-type tr[data-role=primary]")
    row.scroll_into_view_if_needed()
    box = row.bounding_box()
    y, day = box["y"] + box["height"] / 2, box["width"] / 7
    page.mouse.move(box["x"] + 2 * day, y)
    page.mouse.down()
    page.mouse.move(box["x"] + 2.5 * day, y, steps=4)
    page.mouse.move(box["x"] + 3 * day, y, steps=4)
    page.mouse.up()
    page.wait_for_url("**/change?**")
    asked = parse_qs(urlsplit(page.url).query)
    assert asked["role"] == ["primary"]
    assert [one[11:] for one in (*asked["start"], *asked["end"])] == ["00:00", "00:00"]
    assert page.input_value("#start") == asked["start"][0]
