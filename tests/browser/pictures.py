"""The pictures of the README, taken from a demo that has just been made and is running.

./dev demo --port 8000, and beside it: ./dev exec python -m tests.browser.pictures .fullcycle/demo
"""

import re
import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.browser.conftest import BROWSERS

PICTURES = Path(__file__).parent.parent.parent / "docs" / "pictures"
ADDRESS = "http://127.0.0.1:8000"


def log_in(page: Any, address: str, folder: Path, login: str) -> None:
    logins = dict(line.split()[:2] for line in (folder / "logins").read_text().splitlines() if line.strip())
    page.goto(f"{address}/login")
    page.fill("input[name=name]", login)
    page.fill("input[name=password]", logins[login])
    page.press("input[name=password]", "Enter")
    page.wait_for_url(f"{address}/")


def main(folder: Path, address: str = ADDRESS) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = next(found for name in BROWSERS if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        phone = browser.new_page(viewport={"width": 390, "height": 844})
        log_in(page, address, folder, "mara")
        log_in(phone, address, folder, "mara")
        for name, where in (
            ("services", "/services"),
            ("catalog", "/catalog"),
            ("entity", "/catalog/component/default/ledger"),
            ("service", "/services/checkout"),
            ("delivery", "/delivery"),
            ("gates", "/services/receipts/production/plan"),
            ("irreversible", "/services/ledger/production/plan"),
            ("oncall", "/oncall/payments"),
            ("plan", "/services/checkout/production/plan"),  # the last: it is pressed next
        ):
            page.goto(address + where)
            page.screenshot(path=PICTURES / f"{name}.png")
        page.get_by_role("button", name=re.compile("^Deploy 3 commits")).click()
        page.locator("h1", has_text="50 %").or_(page.locator("h1", has_text="Half")).wait_for(timeout=60_000)
        page.wait_for_timeout(4000)
        page.screenshot(path=PICTURES / "deploy.png")
        phone.goto(page.url)
        phone.screenshot(path=PICTURES / "phone.png")
        asked = browser.new_page(viewport={"width": 1280, "height": 900})
        log_in(asked, address, folder, "nadia")
        asked.goto(f"{address}/services/reports/production/plan")
        asked.get_by_role("button", name=re.compile("^Deploy 1 commit")).click()
        asked.get_by_role("button", name="Go on").wait_for(timeout=60_000)
        asked.screenshot(path=PICTURES / "pause.png")
        page.locator(".verdict .word", has_text="Healthy").wait_for(timeout=120_000)
        page.goto(f"{address}/services/checkout/production/plan?revision=faster-totals")
        page.get_by_role("button", name=re.compile("^Deploy 1 commit")).click()
        page.locator(".verdict .word", has_text="Undone").wait_for(timeout=60_000)
        page.screenshot(path=PICTURES / "verdict.png")
        slow = browser.new_page(viewport={"width": 1280, "height": 900})
        log_in(slow, address, folder, "tomas")
        slow.goto(f"{address}/services/search/production/plan?revision=better-ranking")
        slow.get_by_role("button", name="Send them one by one").click()
        slow.get_by_role("link", name="6", exact=True).click(timeout=60_000)
        slow.locator(".verdict .word", has_text="Undone").wait_for(timeout=60_000)
        slow.screenshot(path=PICTURES / "metric.png")
        woken(browser, address, folder)
        browser.close()


def woken(browser: Any, address: str, folder: Path) -> None:
    """A release that fails once it is healthy: the phone that rings, the incident, and a swap that is looked at."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    phone = browser.new_page(viewport={"width": 390, "height": 844})
    log_in(page, address, folder, "mara")
    log_in(phone, address, folder, "mara")
    page.goto(f"{address}/services/checkout/production/plan?revision=ask-the-ledger")
    page.get_by_role("button", name=re.compile("^Deploy 1 commit")).click()
    phone.goto(f"{address}/phones?person=user:default/mara")
    phone.locator(".ring.now", has_text="Visitors of checkout").wait_for(timeout=120_000)
    phone.screenshot(path=PICTURES / "ringing.png")
    phone.get_by_role("link", name=re.compile("^Acknowledge")).first.click()
    phone.get_by_role("button").first.click()
    phone.locator(".verdict .word", has_text="You have it").wait_for()
    page.goto(f"{address}/incidents")
    page.locator("a[href^='/incidents/']", has_text="Visitors of checkout").first.click()
    page.locator("#band, .verdict").first.wait_for()
    page.screenshot(path=PICTURES / "incident.png")
    page.goto(f"{address}/oncall/payments")
    page.get_by_text("Swap…").first.click()
    page.get_by_role("button", name="See what it changes…").last.click()
    page.get_by_role("button", name=re.compile("^(Swap|Keep|Save)")).first.wait_for()
    page.screenshot(path=PICTURES / "swap.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
