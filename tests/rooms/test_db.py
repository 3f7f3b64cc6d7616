"""The database: moments keep their zone, reading cannot write, and a commit anywhere is noticed."""

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import DateTime, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

from ledger import db, events, inbox
from ledger.db import Database, UTCDateTime
from tests.conftest import NOON

ROOT = Path(__file__).parents[2]
COMMIT = """
import sys
from datetime import UTC, datetime
from ledger import events
from ledger.db import Database
database = Database(sys.argv[1])
with database.write() as session:
    events.record(session, "service.seen", "service:1", "test", datetime(2026, 3, 2, tzinfo=UTC))
"""


def url(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def record(database: Database, at: datetime = NOON, subject: str = "service:1") -> None:
    with database.write() as session:
        events.record(session, "service.seen", subject, "test", at)


def test_a_moment_without_a_zone_is_refused(each_database: Database) -> None:
    with pytest.raises(StatementError, match="a moment without a zone"):
        record(each_database, NOON.replace(tzinfo=None))


def test_a_moment_comes_back_aware_in_utc_and_exact(each_database: Database) -> None:
    moment = datetime(2026, 3, 2, 13, 0, 0, 123456, tzinfo=timezone(timedelta(hours=1)))
    record(each_database, moment)

    with each_database.read() as session:
        at = events.latest(session)[0].at

    assert at == moment
    assert at.tzinfo is UTC
    assert at.microsecond == 123456


def test_no_moment_stays_no_moment() -> None:
    for dialect in (sqlite.dialect(), postgresql.dialect()):
        assert UTCDateTime().process_bind_param(None, dialect) is None
        assert UTCDateTime().process_result_value(None, dialect) is None
    assert isinstance(UTCDateTime().impl, DateTime)


def test_reading_cannot_write(database: Database) -> None:
    with database.read() as session, pytest.raises(OperationalError, match="readonly"):
        session.execute(text("DELETE FROM events"))


def test_reading_does_not_wait_for_a_writer(database: Database) -> None:
    record(database)
    with database.write() as writing:
        events.record(writing, "service.seen", "service:2", "test", NOON)
        begun = time.monotonic()
        with database.read() as session:
            assert len(events.latest(session)) == 1  # what is not committed is not seen
        assert time.monotonic() - begun < 25  # of the 30 s that a writer would wait


def test_writers_wait_for_one_another_and_none_fails(each_database: Database) -> None:
    threads = [
        threading.Thread(target=lambda: [record(each_database) for _ in range(10)], name=f"writer-{n}")
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    with each_database.read() as session:
        assert len(events.latest(session, limit=100)) == 60


def test_an_exception_rolls_everything_back(each_database: Database) -> None:
    def write_and_fail() -> None:
        with each_database.write() as session:
            events.record(session, "service.seen", "service:1", "test", NOON)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()

    with each_database.read() as session:
        assert events.latest(session) == []


def test_an_error_does_not_tell_what_was_to_be_written(each_database: Database) -> None:
    asked = text("INSERT INTO event_chain (id, position, hash) VALUES (:id, 1, :hash)")
    with pytest.raises(IntegrityError) as error, each_database.write() as session:
        session.execute(asked, {"id": 1, "hash": "correct-horse"})  # there is one of that number
    assert "event_chain" in str(error.value)
    assert "correct-horse" not in str(error.value)


def test_foreign_keys_are_kept(each_database: Database) -> None:
    def read_what_is_not_there() -> None:
        with each_database.write() as session:
            inbox.mark_read(session, "pipelines", 12345, NOON)

    with pytest.raises(IntegrityError):
        read_what_is_not_there()


def test_a_commit_of_another_process_is_noticed(each_database: Database) -> None:
    watcher = each_database.changes()
    assert not watcher.wait(0.05)
    committed: list[float] = []

    def commit() -> None:
        subprocess.run([sys.executable, "-c", COMMIT, url(each_database)], cwd=ROOT, check=True, timeout=120)
        committed.append(time.monotonic())

    thread = threading.Thread(target=commit)
    thread.start()
    noticed = watcher.wait(60)
    thread.join(120)
    watcher.close()

    assert noticed


def test_a_commit_of_this_process_is_noticed_soon_and_once(each_database: Database) -> None:
    watcher = each_database.changes()
    noticed: list[float] = []
    thread = threading.Thread(target=lambda: noticed.append(time.monotonic()) if watcher.wait(60) else None)
    thread.start()
    time.sleep(0.1)  # let it wait first; if it does not yet, the test is only less sharp
    record(each_database)
    committed = time.monotonic()
    thread.join(60)

    assert noticed[0] - committed < 30
    assert not watcher.wait(0.05)
    watcher.close()


def test_after_many_commits_comes_quiet(each_database: Database) -> None:
    watcher = each_database.changes()
    for _ in range(20):
        record(each_database)

    wakes = 0
    while watcher.wait(0.3):
        wakes += 1
    assert 1 <= wakes <= 20
    watcher.close()


def test_a_rollback_is_no_change(each_database: Database) -> None:
    watcher = each_database.changes()
    test_an_exception_rolls_everything_back(each_database)

    assert not watcher.wait(0.05)
    watcher.close()


def test_the_sqlite_file_is_its_owners_only(tmp_path: Path) -> None:
    made = db.sqlite(tmp_path / "deep" / "down" / "fullcycle.db")
    with made.read() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
    made.close()

    assert (tmp_path / "deep" / "down" / "fullcycle.db").stat().st_mode & 0o777 == 0o600


def test_the_short_postgres_scheme_is_understood() -> None:
    assert Database("postgres://me@db/fullcycle").url.get_backend_name() == "postgresql"
