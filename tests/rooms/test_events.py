"""Facts: sealed without a gap in the order of commits, and a chain that notices every change."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from ledger import events
from ledger.db import Database
from ledger.events import GENESIS, HEAD, ChainRow, Event, EventRow, Verified
from tests.conftest import NOON

HOUR = timedelta(hours=1)


def record(database: Database, *subjects: str, at: datetime = NOON, service: str | None = None) -> None:
    with database.write() as session:
        for subject in subjects:
            events.record(session, "deploy.healthy", subject, "worker", at, {"wave": 1}, service=service)


def verify(database: Database) -> Verified:
    with database.read() as session:
        return events.verify(session)


def sealed(database: Database) -> list[Event]:
    with database.read() as session:
        return list(events.since(session, 0))


def chain(database: Database, length: int = 5) -> None:
    record(database, *(f"deploy:{number}" for number in range(1, length + 1)))
    events.seal(database)


def test_sealing_gives_gapless_positions_in_the_order_of_facts(each_database: Database) -> None:
    record(each_database, "deploy:1", "deploy:2")
    assert events.seal(each_database) == 2
    record(each_database, "deploy:3")
    assert events.seal(each_database) == 1
    assert events.seal(each_database) == 0

    facts = sealed(each_database)
    assert [(fact.position, fact.subject) for fact in facts] == [(1, "deploy:1"), (2, "deploy:2"), (3, "deploy:3")]
    assert verify(each_database) == Verified(checked=3, first=1, last=3, breaks=())
    with each_database.read() as session:
        assert events.head(session) == 3


def test_a_fact_keeps_all_that_was_said(each_database: Database) -> None:
    with each_database.write() as session:
        events.record(
            session,
            "deploy.aborted",
            "deploy:12",
            "user:default/alice",
            NOON,
            {"reason": "zu früh „☂“", "wave": 2, "share": 0.25, "by": None, "checks": ["a", "b"]},
            service="component:default/checkout",
            cause="deploy:11",
        )
    events.seal(each_database)

    [fact] = sealed(each_database)
    assert fact.data == {"reason": "zu früh „☂“", "wave": 2, "share": 0.25, "by": None, "checks": ["a", "b"]}
    assert (fact.actor, fact.service, fact.cause) == ("user:default/alice", "component:default/checkout", "deploy:11")
    assert verify(each_database).breaks == ()


def test_a_rolled_back_fact_leaves_no_gap(each_database: Database) -> None:
    def fail() -> None:
        with each_database.write() as session:
            events.record(session, "deploy.healthy", "deploy:2", "worker", NOON)
            raise ZeroDivisionError

    record(each_database, "deploy:1")
    with pytest.raises(ZeroDivisionError):
        fail()
    record(each_database, "deploy:3")
    events.seal(each_database)

    assert [(fact.position, fact.subject) for fact in sealed(each_database)] == [(1, "deploy:1"), (2, "deploy:3")]


def test_more_than_a_batch_is_sealed_in_one_go(database: Database) -> None:
    record(database, *(f"deploy:{number}" for number in range(events.BATCH + 7)))

    assert events.seal(database) == events.BATCH + 7
    assert verify(database).checked == events.BATCH + 7


def test_many_sealers_and_writers_at_once_leave_one_whole_chain(each_database: Database) -> None:
    over = threading.Event()

    def seal() -> None:
        while not over.is_set():
            events.seal(each_database)

    def write() -> None:
        for number in range(15):
            record(each_database, f"deploy:{number}")

    with ThreadPoolExecutor(7) as pool:
        sealers = [pool.submit(seal) for _ in range(3)]
        writers = [pool.submit(write) for _ in range(4)]
        failures = [writer.exception(60) for writer in writers]
        over.set()
        failures += [sealer.exception(60) for sealer in sealers]
    events.seal(each_database)

    assert failures == [None] * 7
    assert [fact.position for fact in sealed(each_database)] == list(range(1, 61))
    assert verify(each_database) == Verified(checked=60, first=1, last=60, breaks=())


@pytest.mark.postgres
def test_a_fact_that_commits_late_comes_later(postgres_database: Database) -> None:
    """Its id is lower, but readers have gone past it by then; a position they have seen must not be given again."""
    with postgres_database.write() as session:
        events.record(session, "deploy.healthy", "late", "worker", NOON)
        session.flush()
        record(postgres_database, "early")
        events.seal(postgres_database)
    events.seal(postgres_database)

    assert [(fact.position, fact.subject) for fact in sealed(postgres_database)] == [(1, "early"), (2, "late")]
    assert verify(postgres_database).breaks == ()


def changed(session: Session) -> None:
    session.execute(update(EventRow).where(EventRow.position == 3).values(actor="user:default/mallory"))


def data_changed(session: Session) -> None:
    session.execute(update(EventRow).where(EventRow.position == 3).values(data={"wave": 2}))


def moved_in_time(session: Session) -> None:
    session.execute(update(EventRow).where(EventRow.position == 3).values(at=NOON - HOUR))


def removed(session: Session) -> None:
    session.execute(delete(EventRow).where(EventRow.position == 3))


def swapped(session: Session) -> None:
    for old, new in ((3, 99), (4, 3), (99, 4)):
        session.execute(update(EventRow).where(EventRow.position == old).values(position=new))


def inserted(session: Session) -> None:
    """Somebody makes room for a fact of his own and gives it a hash."""
    session.execute(update(EventRow).where(EventRow.position == 5).values(position=6))
    session.execute(
        insert(EventRow).values(
            at=NOON, kind="deploy.healthy", subject="x", actor="x", data={}, position=5, hash="f" * 64
        )
    )


def tail_cut(session: Session) -> None:
    session.execute(delete(EventRow).where(EventRow.position == 5))


def beginning_cut(session: Session) -> None:
    session.execute(delete(EventRow).where(EventRow.position == 1))


@pytest.mark.parametrize(
    ("tamper", "position"),
    [
        (changed, 3),
        (data_changed, 3),
        (moved_in_time, 3),
        (removed, 3),
        (swapped, 3),
        (inserted, 5),
        (tail_cut, 5),
        (beginning_cut, 1),
    ],
)
def test_tampering_is_noticed_and_named(
    each_database: Database, tamper: Callable[[Session], None], position: int
) -> None:
    chain(each_database)
    assert verify(each_database).breaks == ()

    with each_database.write() as session:
        tamper(session)

    breaks = verify(each_database).breaks
    assert breaks
    assert breaks[0].position == position
    assert len(breaks) <= 3  # one wrong fact does not make all that follow wrong


def test_an_honest_seal_after_tampering_does_not_heal_it(database: Database) -> None:
    chain(database)
    with database.write() as session:
        changed(session)
    chain(database)

    assert [broken.position for broken in verify(database).breaks] == [3]


def test_retention_leaves_a_checkpoint_that_verifies(each_database: Database) -> None:
    record(each_database, "deploy:1", "deploy:2", at=NOON - 2 * HOUR)
    record(each_database, "deploy:3", "deploy:4", at=NOON)
    events.seal(each_database)

    with each_database.write() as session:
        assert events.prune(session, NOON - HOUR) == 2
    with each_database.write() as session:
        assert events.prune(session, NOON - HOUR) == 0

    assert verify(each_database) == Verified(checked=2, first=3, last=4, breaks=())
    record(each_database, "deploy:5")
    events.seal(each_database)
    assert verify(each_database) == Verified(checked=3, first=3, last=5, breaks=())


def test_retention_of_everything_goes_on_where_it_stopped(each_database: Database) -> None:
    chain(each_database)
    with each_database.write() as session:
        assert events.prune(session, NOON + HOUR) == 5
    assert verify(each_database) == Verified(checked=0, first=6, last=5, breaks=())

    chain(each_database, 1)

    assert verify(each_database) == Verified(checked=1, first=6, last=6, breaks=())


def test_retention_keeps_what_is_not_sealed(each_database: Database) -> None:
    record(each_database, "deploy:1", at=NOON - HOUR)

    with each_database.write() as session:
        assert events.prune(session, NOON) == 0
    assert events.seal(each_database) == 1


def test_a_cut_after_the_checkpoint_is_noticed(each_database: Database) -> None:
    chain(each_database)
    with each_database.write() as session:
        events.prune(session, NOON - HOUR)
        session.execute(delete(EventRow).where(EventRow.position <= 2))

    assert [broken.position for broken in verify(each_database).breaks] == [1]


def test_history_is_read_newest_first_and_live_pages_from_a_position(each_database: Database) -> None:
    record(each_database, "deploy:1", service="component:default/checkout")
    record(each_database, "deploy:2", service="component:default/basket")
    events.seal(each_database)
    record(each_database, "deploy:3", service="component:default/checkout")

    with each_database.read() as session:
        mine = events.latest(session, service="component:default/checkout")
        assert [fact.subject for fact in mine] == ["deploy:3", "deploy:1"]
        assert mine[0].position is None  # it is shown before it is sealed
        assert [fact.subject for fact in events.latest(session, before=mine[0].id, limit=1)] == ["deploy:2"]
        assert events.latest(session, kinds=["deploy.stuck"]) == []
        assert [fact.subject for fact in events.since(session, 1)] == ["deploy:2"]
        assert [fact.subject for fact in events.since(session, 0, subject="deploy:1")] == ["deploy:1"]


def test_an_empty_chain_is_whole(each_database: Database) -> None:
    assert verify(each_database) == Verified(checked=0, first=1, last=0, breaks=())
    with each_database.read() as session:
        head = session.get(ChainRow, HEAD)
    assert head is not None
    assert head.hash == GENESIS
