"""The card “On call now” of the home page, as ada of payments, carol whose team has no rota, and the admin see it.

At noon of Monday 2 March 2026 eve is first and ada second; each turn begins on Monday 09:00 in Berlin.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from oncall import planstore
from oncall.overrides import Override
from tests.conftest import NOON
from tests.doors.oncallserved import ADA, EVE, OnCallServed, oncall_portal

AWAY = "/oncall/payments/change?role=primary&at=2026-03-02T12:00:00"


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnCallServed]:
    """A portal that tests only look at."""
    with oncall_portal(tmp_path_factory.mktemp("still")) as made:
        yield made


@pytest.mark.parametrize(
    ("who", "says"),
    [
        ("ada", "eve until Mon 9 Mar 08:00, then you checkout, ledger Cover or swap"),
        ("ada", "Your next shift is in 6 d Mon 9 Mar 08:00 to Mon 16 Mar 08:00, UTC payments, first to answer"),
        ("eve", "eve (you) until Mon 9 Mar 08:00, then ada checkout, ledger Give it away or swap"),
        (
            "carol",
            "carol (you) finder A page would not reach you. Say how you are reached search takes no turns yet.",
        ),
        ("admin", "Your account stands for nobody of the catalog, so no turn is yours."),
    ],
)
def test_home_says_who_is_on_call_for_my_teams_and_when_i_am(still: OnCallServed, who: str, says: str) -> None:
    assert says in still.as_(who).shown("/")


def test_the_way_to_a_cover_or_a_swap_is_one_click(still: OnCallServed) -> None:
    assert AWAY in still.as_("ada").get("/").text.replace("&amp;", "&")
    assert still.as_("ada").get(AWAY).status_code == 200


def test_a_page_that_would_not_reach_me_is_said_where_it_is_my_turn(tmp_path: Path) -> None:
    with oncall_portal(tmp_path) as served:
        with served.services.database.write() as session:
            for person in (ADA, EVE):
                for way in planstore.ways(session, [person])[person]:
                    planstore.remove_way(session, way.id)
        assert "A page would not reach you." in served.as_("ada").shown("/")
        assert "A page would not reach you." not in served.as_("bob").shown("/")


def test_nobody_is_said_with_the_way_to_somebody(tmp_path: Path) -> None:
    with oncall_portal(tmp_path) as served:
        with served.services.database.write() as session:
            nobody = Override(0, "primary", "", NOON - timedelta(hours=1), NOON + timedelta(hours=2), NOON)
            planstore.put_override(session, "payments", nobody)
        assert "Nobody checkout, ledger Find somebody" in served.as_("ada").shown("/")
