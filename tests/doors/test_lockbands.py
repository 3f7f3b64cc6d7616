"""A locked service says so before anything else: by whom, until when, why; its button stays, off, with the reason."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipelines.locks import Lock
from portal import lockbands
from portal.bands import Band
from portal.render import Times
from tests.doors.browsing import browser
from tests.doors.served import Served, portal

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TIMES = Times(NOON, ZoneInfo("UTC"))
LEDGER = "component:default/ledger"
HEALTHY = Band("good", "ok", "Healthy", "ledger runs release 231.", "Nothing waits to go out.")
STUCK = Band("bad", "stop", "Stuck", "ledger is stuck between two releases.", "The balancer is silent.")


def lock(reason: str = "inventory", *, service: str | None = LEDGER, hard: bool = True, hours: int = 2) -> Lock:
    ends = NOON + timedelta(hours=hours) if hours else None
    return Lock(7, service, "production", hard, reason, "user:default/bob", NOON, ends)


def naming(_who: str) -> str:
    return "Bob Bauer"


def said(of: Band, *found: Lock) -> tuple[str, str, str]:
    told = lockbands.band(of, found, naming, TIMES)
    return told.kind, told.word, told.text


BY_BOB = "Ledger in production is locked by Bob Bauer until today 14:00: inventory."


@pytest.mark.parametrize(
    ("of", "found", "told"),
    [
        (HEALTHY, [], ("good", "Healthy", "Nothing waits to go out.")),
        (HEALTHY, [lock()], ("warn", "Locked, healthy", f"{BY_BOB} Nothing waits to go out.")),
        (STUCK, [lock()], ("bad", "Stuck", f"The balancer is silent. {BY_BOB}")),
        (
            HEALTHY,
            [lock(hard=False, hours=0)],
            (
                "good",
                "Healthy",
                "Nothing waits to go out. Ledger in production has a warning by Bob Bauer "
                "until somebody lifts it: inventory.",
            ),
        ),
        (HEALTHY, [lock(hard=False), lock()], ("warn", "Locked, healthy", f"{BY_BOB} Nothing waits to go out.")),
    ],
    ids=["no lock", "locked", "stuck and locked", "only a warning", "a warning and a lock"],
)
def test_a_lock_comes_before_what_is_well_and_after_what_is_in_trouble(
    of: Band, found: list[Lock], told: tuple[str, str, str]
) -> None:
    assert said(of, *found) == told


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([], ""),
        ([lock(hard=False)], ""),
        ([lock()], "Locked by Bob Bauer until today 14:00. Bob Bauer, the owning team or an admin can lift it."),
        ([lock(service=None)], "Locked by Bob Bauer until today 14:00. Bob Bauer or an admin can lift it."),
        (
            [lock(hours=0), lock(), lock()],
            "Locked by Bob Bauer until somebody lifts it, and 2 more locks. "
            "Bob Bauer, the owning team or an admin can lift it.",
        ),
    ],
)
def test_the_button_that_is_off_says_who_can_switch_it_on(found: list[Lock], told: str) -> None:
    assert lockbands.refusal(found, naming, TIMES) == told


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with portal(tmp_path) as made:
        yield made


def test_the_page_of_a_locked_service_keeps_its_button_off_until_the_lock_is_lifted(served: Served) -> None:
    button = '<span class="btn" role="button" aria-disabled="true" tabindex="0" aria-describedby="why">Deploy'
    body = {"service": "checkout", "environment": "production", "reason": "inventory", "for": "2h"}
    answer: Any = served.as_("alice").post("/locks", body)
    bob = browser(served, "bob")

    page = bob.get("/services/checkout/production").text
    assert "Locked, nothing live" in page
    assert "is locked by Alice Moreau until " in page
    assert button in page
    assert "Alice Moreau, the owning team or an admin can lift it." in page
    assert "is locked by you until" in browser(served, "alice").get("/services/checkout/production").text
    assert "is locked by" not in bob.get("/services/checkout/staging").text

    served.as_("bob").post(f"/locks/{answer.json['id']}/lift")
    assert button not in bob.get("/services/checkout/production").text
