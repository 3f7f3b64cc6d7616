"""The inbox: a delivery is stored once, whoever sends it how often, and each reader reads it for itself."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from ledger import inbox
from ledger.db import Database
from tests.conftest import NOON


def receive(
    database: Database, delivery: str | None = "d-1", body: bytes = b"{}", source: str = "github"
) -> int | None:
    with database.write() as session:
        return inbox.receive(session, source, delivery, {"X-Event": "push"}, body, NOON)


def unread(database: Database, reader: str, source: str = "github") -> list[bytes]:
    with database.read() as session:
        return [delivery.body for delivery in inbox.unread(session, reader, source)]


def read(database: Database, reader: str, delivery: int) -> None:
    with database.write() as session:
        inbox.mark_read(session, reader, delivery, NOON)


def test_a_body_is_kept_as_it_came(each_database: Database) -> None:
    body = b'\xff\x00 not even text {"a": 1}'
    number = receive(each_database, body=body)

    with each_database.read() as session:
        [delivery] = inbox.unread(session, "pipelines", "github")

    assert (delivery.id, delivery.source, delivery.delivery) == (number, "github", "d-1")
    assert (delivery.body, delivery.headers, delivery.at) == (body, {"X-Event": "push"}, NOON)


def test_a_senders_second_try_is_noticed(each_database: Database) -> None:
    assert receive(each_database, "d-1", b"first") is not None
    assert receive(each_database, "d-1", b"again") is None
    assert receive(each_database, "d-2", b"other") is not None
    assert receive(each_database, "d-1", b"elsewhere", source="gitlab") is not None

    assert unread(each_database, "pipelines") == [b"first", b"other"]


@pytest.mark.parametrize("missing", [None, ""])
def test_a_sender_without_ids_is_known_by_its_body(database: Database, missing: str | None) -> None:
    assert receive(database, missing, b"a") is not None
    assert receive(database, missing, b"a") is None
    assert receive(database, missing, b"b") is not None


def test_two_deliveries_at_once_are_one(each_database: Database) -> None:
    start = threading.Barrier(6)

    def together(_: int) -> int | None:
        start.wait()
        return receive(each_database)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(together, range(6)))

    assert len([answer for answer in answers if answer is not None]) == 1
    assert len(unread(each_database, "pipelines")) == 1


@pytest.mark.postgres
def test_a_second_delivery_waits_to_hear_whether_the_first_is_kept(postgres_database: Database) -> None:
    """Both in flight at once; the first fails after all, so the second must not believe itself a double."""
    stored, answers = threading.Event(), []

    def second() -> None:
        stored.wait(60)
        answers.append(receive(postgres_database))

    thread = threading.Thread(target=second)
    thread.start()

    def first() -> None:
        with postgres_database.write() as session:
            inbox.receive(session, "github", "d-1", {}, b"{}", NOON)
            stored.set()
            thread.join(0.3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        first()
    thread.join(60)

    assert answers != [None]
    assert len(unread(postgres_database, "pipelines")) == 1


def test_each_reader_reads_for_itself(each_database: Database) -> None:
    number = receive(each_database)
    assert number is not None
    read(each_database, "pipelines", number)
    read(each_database, "pipelines", number)  # twice does no harm

    assert unread(each_database, "pipelines") == []
    assert unread(each_database, "oncall") == [b"{}"]


def test_the_oldest_come_first_and_only_so_many(each_database: Database) -> None:
    for number in range(5):
        receive(each_database, f"d-{number}", str(number).encode())

    with each_database.read() as session:
        bodies = [delivery.body for delivery in inbox.unread(session, "pipelines", "github", limit=3)]

    assert bodies == [b"0", b"1", b"2"]


def test_a_delivery_that_is_rolled_back_was_not_received(each_database: Database) -> None:
    def fail() -> None:
        with each_database.write() as session:
            inbox.receive(session, "github", "d-1", {}, b"{}", NOON + timedelta(seconds=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert receive(each_database) is not None
