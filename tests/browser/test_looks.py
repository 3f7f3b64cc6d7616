"""What every page must be: readable by everybody, at every width, in both themes."""

from pathlib import Path

import pytest

import portal
from tests.browser.conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.local]

PAGES = (
    "/",
    "/services",
    "/services/checkout",
    "/services/ledger/production/plan",
    "/deploys",
    "/deploys/1",
    "/audit",
    "/settings/repositories",
    "/settings/accounts",
    "/account",
    "/patterns",
)
RULES = "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']})"
WIDE = "document.documentElement.scrollWidth - innerWidth"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing(visit: Visit, width: int, theme: str) -> None:
    axe = (Path(portal.__file__).parent / "static" / "vendor" / "axe.min.js").read_text()
    page = visit("kofi", "/", width, color_scheme=theme, reduced_motion="reduce", bypass_csp=True)
    home, found = page.url.rstrip("/"), []
    for path in PAGES:
        page.goto(home + path)
        page.evaluate(axe)
        result = page.evaluate(RULES)
        found += [(path, one["id"], [node["html"][:120] for node in one["nodes"]]) for one in result["violations"]]

    assert found == []


@pytest.mark.parametrize("width", [320, 768, 1000])
def test_nothing_needs_sideways_scrolling(visit: Visit, width: int) -> None:
    page = visit("kofi", "/", width)
    home, wide = page.url.rstrip("/"), {}
    for path in PAGES:
        page.goto(home + path)
        wide[path] = page.evaluate(WIDE)

    assert {path: by for path, by in wide.items() if by > 0} == {}
