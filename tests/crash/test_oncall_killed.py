"""Workers killed while pages are under way: nobody is missed, and what comes twice says so. The bench kills 200."""

from pathlib import Path

import pytest

from ledger.db import Database
from tests.crash.oncall import team

pytestmark = pytest.mark.long


def test_whoever_is_killed_while_pages_are_under_way_costs_nobody_a_page(
    each_database: Database, tmp_path: Path
) -> None:
    with team(each_database, tmp_path) as ours:
        for _ in range(2):
            ours.round()
        held = ours.held()
    assert held["kills"] == 2
    assert held["messages"] >= 2 * 8 * 2
