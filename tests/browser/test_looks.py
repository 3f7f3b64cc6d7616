"""What every page must be: readable by everybody, at every width, in both themes."""

import pytest

from tests.browser.conftest import Visit
from tests.browser.looking import too_wide, violations

pytestmark = [pytest.mark.browser, pytest.mark.local]

PAGES = (
    "/",
    "/services",
    "/services/checkout",
    "/services/ledger/production/plan",
    "/deploys",
    "/deploys/1",
    "/locks",
    "/delivery",
    "/delivery?by=service",
    "/delivery/deploys",
    "/audit",
    "/settings/repositories",
    "/settings/accounts",
    "/account",
    "/patterns",
)


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_in_either_theme(visit: Visit, width: int) -> None:
    assert violations(visit, PAGES, width) == []


def test_nothing_needs_sideways_scrolling(visit: Visit) -> None:
    assert too_wide(visit, PAGES, [320, 768, 1000]) == {}
