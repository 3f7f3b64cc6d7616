"""Taking in what senders post: whatever goes wrong while one batch is written, the next one is written."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from ledger.db import Database
from ledger.errors import Error
from ledger.jobs import SqlJobs
from oncall.intaketables import WaitsRow
from portal.pacing import Pace
from portal.taking import Arrived, Intake, _Ticket
from tests.conftest import NOON


def arrived(number: int, delivery: str = "d") -> Arrived:
    return Arrived("oncall.events", f"{delivery}{number}", 1, "events", {}, b"{}", NOON)


def kept(database: Database) -> int:
    with database.read() as session:
        return int(session.scalar(select(func.count()).select_from(WaitsRow)) or 0)


def test_a_body_that_breaks_the_writer_is_refused_alone_and_the_next_is_kept(database: Database) -> None:
    intake = Intake(database, SqlJobs(database))
    with pytest.raises(Error, match="send it again"):
        intake.keep(arrived(1, "\ud800"))
    late = threading.Thread(target=intake.keep, args=[arrived(2)], daemon=True)
    late.start()
    late.join(60)
    assert not late.is_alive()
    assert kept(database) == 1


def test_what_comes_twice_in_one_batch_or_after_it_waits_once(each_database: Database) -> None:
    intake = Intake(each_database, SqlJobs(each_database))
    assert intake._write([arrived(1), arrived(2), arrived(1)]) is None
    assert intake._write([arrived(2), arrived(3)]) is None
    assert intake._write([arrived(3)]) is None
    assert kept(each_database) == 3


def test_while_the_database_is_away_a_batch_is_tried_once_and_not_once_for_each_of_it(database: Database) -> None:
    intake = Intake(database, SqlJobs(database))
    tried: list[int] = []

    def away(batch: Any) -> Exception:
        tried.append(len(batch))
        return OperationalError("select", {}, Exception("away"))

    intake._write = away  # type: ignore[assignment,method-assign]
    tickets = [_Ticket(arrived(number)) for number in range(5)]
    intake._waiting += tickets
    intake._lead()
    assert tried == [5]
    assert all(ticket.error for ticket in tickets)


@pytest.mark.parametrize("back", [timedelta(seconds=1), timedelta(days=1)])
def test_a_clock_that_is_set_back_shuts_nobody_out(back: timedelta) -> None:
    pace, now = Pace(2), datetime(2026, 3, 2, 12, tzinfo=NOON.tzinfo)
    assert [pace.too_fast("k", now) for _ in range(2)] == [None, None]
    wait = pace.too_fast("k", now - back)
    assert wait is None or wait <= timedelta(seconds=60)
