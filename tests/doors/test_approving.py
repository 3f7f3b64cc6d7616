"""Whoever has just approved reads that she has, and for whose click it waits; not that her approval does not count."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doors.browsing import browser
from tests.doors.served import Served, portal
from tests.doors.test_plan_gates import PLAN, commit, deploy, refused


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with portal(tmp_path) as made:
        yield made


def approve(served: Served, who: str, revision: str) -> None:
    browser(served, who).post("/services/checkout/production/approve", revision=revision)


def test_her_plan_says_that_she_has_approved_and_whose_click_it_waits_for(served: Served) -> None:
    approve(served, "bob", commit(served, "approvals: 1"))

    page = browser(served, "bob").shown(PLAN)
    assert re.search(r"Approved by you \d commits? of checkout goe?s? to production in about", page), page[300:900]
    assert "You have approved. It waits for the click of Alice Moreau, for whoever approves does not deploy" in page
    assert "Blocked" not in page
    assert "does not count" not in page
    assert "Approved by you" not in browser(served, "alice").shown(PLAN)
    assert len(refused(deploy(served, "bob"))) == 1  # what stops her click is as before


def test_her_button_is_off_and_its_reason_names_who_can_press(served: Served) -> None:
    approve(served, "bob", commit(served, "approvals: 1"))

    page = browser(served, "bob").get(PLAN).text

    assert 'aria-disabled="true" tabindex="0" aria-describedby="why">Deploy' in page
    assert "You have approved; Alice Moreau can press." in page


def test_what_else_stops_it_is_still_said(served: Served) -> None:
    approve(served, "bob", commit(served, "approvals: 2"))

    page = browser(served, "bob").shown(PLAN)

    assert "may not go to production. You have approved. 1 approval missing" in page
    assert "has 1: Bob Okafor" in page


def test_an_approval_of_all_her_own_work_is_none(served: Served) -> None:
    with served.working():
        assert served.as_("alice").ended(deploy(served, "alice").json["id"])["deploy"]["state"] == "healthy"
    approve(served, "bob", commit(served, "approvals: 1", author="Bob Okafor"))

    page = browser(served, "bob").shown(PLAN)

    assert "Approved by you" not in page
    assert "1 approval missing" in page
