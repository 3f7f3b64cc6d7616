"""What is held of every page: axe finds nothing on it, and nothing on it is wider than the screen."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import portal
from tests.browser.conftest import Visit

TAGS = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']}"
COLOURS = "{runOnly: {type: 'rule', values: ['color-contrast', 'link-in-text-block']}}"
LOOKS = (("light", TAGS), ("dark", COLOURS))  # a theme changes colours, and nothing else
# Without the types axe describes all that is well, too, which takes it twice as long as to find what is not.
RUN = "axe.run({{resultTypes: ['violations'], ...{}}}).then((told) => told.violations)"
WIDE = "document.documentElement.scrollWidth - innerWidth"
LAID_OUT = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
HEIGHT = 844

Found = tuple[str, str, str, list[str]]  # page, theme, rule, elements


def violations(visit: Visit, paths: Sequence[str], width: int, *, opened: bool = False) -> list[Found]:
    """Return what axe finds, in both themes. `opened`: with all that can be unfolded unfolded."""
    axe = (Path(portal.__file__).parent / "static" / "vendor" / "axe.min.js").read_text()
    page = visit("kofi", "/", width, reduced_motion="reduce", bypass_csp=True)
    home, found = page.url.rstrip("/"), []
    for path in paths:
        page.goto(home + path)
        for summary in page.locator("summary:visible").all() if opened else ():
            summary.click()
        page.evaluate("scrollTo(0, 0)")  # or what stays on top covers what the last of them scrolled to
        page.evaluate(axe)
        for theme, rules in LOOKS:
            page.emulate_media(color_scheme=theme)
            wrong = page.evaluate(RUN.format(rules))
            found += [(path, theme, one["id"], _elements(one)) for one in wrong]
    return found


def _elements(violation: Mapping[str, Any]) -> list[str]:
    return [node["html"][:120] for node in violation["nodes"]]


def too_wide(visit: Visit, paths: Sequence[str], widths: Sequence[int]) -> Mapping[tuple[str, int], int]:
    """Return by how many pixels each page is wider than the screen, where it is; each is opened narrow and widened."""
    page = visit("kofi", "/")
    home, wide = page.url.rstrip("/"), {}
    for path in paths:
        page.set_viewport_size({"width": widths[0], "height": HEIGHT})
        page.goto(home + path)
        for width in widths:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            page.evaluate(LAID_OUT)
            wide[path, width] = page.evaluate(WIDE)
    return {where: by for where, by in wide.items() if by > 0}
