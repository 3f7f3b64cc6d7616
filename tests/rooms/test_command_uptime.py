"""How long a release of the command target serves: since its deploy was through, and unknown where nobody noted it."""

from datetime import timedelta
from typing import Any

import pytest

from production.targets.commandbook import Page, Wish
from tests.conftest import NOON
from tests.rooms.test_command_target import House, base, house

__all__ = ["base", "house"]

MINUTE = timedelta(minutes=1)
DEPLOY, STOP = Wish(step="deploy", release=7, instances=1), Wish(step="stop", release=7)


def test_it_serves_since_its_deploy_was_through() -> None:
    page = Page().being(DEPLOY, alone=True, at=NOON)

    assert page.uptime(7, NOON + 5 * MINUTE) == 5 * MINUTE
    assert page.uptime(7, NOON - MINUTE) == timedelta(0)  # a clock that was set back


def test_a_release_beside_another_has_its_own_time_until_it_is_stopped() -> None:
    older = Page().being(Wish(step="deploy", release=6), alone=False, at=NOON)
    page = older.being(DEPLOY, alone=False, at=NOON + MINUTE)

    assert [page.uptime(one, NOON + 3 * MINUTE) for one in (6, 7)] == [3 * MINUTE, 2 * MINUTE]
    assert dict(page.being(STOP, alone=False, at=NOON + 3 * MINUTE).since) == {7: NOON + MINUTE}


def test_a_page_written_before_times_were_noted_tells_none() -> None:
    page = Page.model_validate_json('{"running": {"7": 1}}')

    assert page.uptime(7, NOON) == timedelta(0)
    assert Page.model_validate_json(page.being(DEPLOY, alone=True, at=NOON).model_dump_json()).since == {7: NOON}


@pytest.mark.long
@pytest.mark.parametrize("status", [None, 'echo \'[{"name": "a"}]\''], ids=["a stand-in", "as status says"])
def test_an_instance_is_up_for_as_long_as_its_release_serves(house: House, status: str | None) -> None:
    moments = [NOON]
    house.target._clock = lambda: moments[-1]
    more: dict[str, Any] = {"status": ["sh", "-c", status]} if status else {}
    site = house.site(**more)
    house.deployed(site)

    moments.append(NOON + 5 * MINUTE)

    assert [one.uptime for one in house.target.instances(site)] == [5 * MINUTE]
