"""What is held of every page: axe finds nothing on it, and nothing on it is wider than the screen."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import portal

RULES = "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']})"
WIDE = "document.documentElement.scrollWidth - innerWidth"


def violations(
    visit: Callable[..., Any], paths: Sequence[str], width: int, theme: str, *, opened: bool = False
) -> list[tuple[str, str, list[str]]]:
    """Return what axe finds: page, rule and elements. `opened`: with all that can be unfolded unfolded."""
    axe = (Path(portal.__file__).parent / "static" / "vendor" / "axe.min.js").read_text()
    page = visit("kofi", "/", width, color_scheme=theme, reduced_motion="reduce", bypass_csp=True)
    home, found = page.url.rstrip("/"), []
    for path in paths:
        page.goto(home + path)
        for summary in page.locator("summary:visible").all() if opened else ():
            summary.click()
        page.evaluate(axe)
        result = page.evaluate(RULES)
        found += [(path, one["id"], [node["html"][:120] for node in one["nodes"]]) for one in result["violations"]]
    return found


def too_wide(visit: Callable[..., Any], paths: Sequence[str], width: int) -> Mapping[str, int]:
    """Return by how many pixels each page is wider than the screen, of those that are."""
    page = visit("kofi", "/", width)
    home, wide = page.url.rstrip("/"), {}
    for path in paths:
        page.goto(home + path)
        wide[path] = page.evaluate(WIDE)
    return {path: by for path, by in wide.items() if by > 0}
