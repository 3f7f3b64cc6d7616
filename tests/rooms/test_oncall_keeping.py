"""What on-call forgets, and what it never does."""

from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select

from ledger.db import Database
from oncall import intakestore, keeping, notices, planstore
from oncall.intaketables import WaitsRow
from oncall.plantables import AnnouncedRow, NoticeRow, TaskRow
from oncall.receiving import ALL, RECEIVE
from oncall.silences import Kind
from oncall.tables import AlertRow, IncidentRow, PageRow
from tests.conftest import NOON
from tests.rooms.oncallhouse import ADA, TEAM, House

YEARS = timedelta(days=800)


def count(database: Database, *tables: type) -> list[int]:
    with database.read() as session:
        return [int(session.scalar(select(func.count()).select_from(table)) or 0) for table in tables]


def test_what_was_said_and_seen_is_forgotten_and_what_happened_is_not(
    each_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "AT_ONCE", 2)
    house = House(each_database).found()
    with house.jobs.transaction() as tx:
        about = {"kind": Kind.SILENCE, "team": TEAM, "matchers": ["host=quiet"], "reason": "x", "by": ADA}
        intakestore.add_silence(tx, **about, created_at=NOON, start=NOON, end=NOON + timedelta(hours=1))
        planstore.announce(tx, [f"gap:{number}" for number in range(5)], NOON)
        planstore.open_task(tx, "load", TEAM, "A fair share", NOON)
        planstore.open_task(tx, "load2", TEAM, "A fair share, still", NOON)
        planstore.done_task(tx, 1, ADA, NOON)
        notices.notify(tx, house.jobs, ADA, "Your shifts", "have changed", "/oncall", NOON)
    for key, host in (("k1", "web"), ("k2", "quiet")):
        house.event(key, source=host)
        house.work()
        house.event(key, "resolve")
        house.work()
    tables = (AnnouncedRow, NoticeRow, TaskRow, AlertRow, IncidentRow, PageRow)
    before = count(each_database, *tables)
    assert keeping.forget(each_database, NOON + timedelta(days=1)) == 0
    assert count(each_database, *tables) == before == [5, 1, 2, 2, 1, 1]
    assert keeping.forget(each_database, NOON + YEARS) == 8
    assert count(each_database, *tables) == [0, 0, 1, 1, 1, 1]


def test_a_body_that_is_no_more_is_waited_for_by_nobody(database: Database) -> None:
    house = House(database).found()
    with house.jobs.transaction() as tx:
        tx.execute(insert(WaitsRow).values(inbox_id=999, key_id=1, kind="events"))
        house.jobs.enqueue(tx, RECEIVE, ALL, house.now)
    claim = house.jobs.claim("worker", [RECEIVE], house.now)
    assert claim
    house.receiver.receive(claim)
    assert house.jobs.claim("worker", [RECEIVE], house.now) is None  # else it would be asked for without end
    assert keeping.forget(database, house.now) == 1
