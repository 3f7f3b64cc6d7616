"""What every test may use. Time is an argument; NOON unless it matters."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger import db, events
from ledger.db import Base, Database

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday


def with_tables(database: Database) -> Database:
    """Make all tables by the models, without the migrations (tests/rooms/test_migrations.py compares the two)."""
    import catalog.tables
    import pipelines.tables
    import portal.tables
    import production.tables  # noqa: F401

    Base.metadata.create_all(database.engine)
    with database.write() as session:
        session.add(events.ChainRow(id=events.HEAD, position=0, hash=events.GENESIS))
    return database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database with all tables."""
    made = with_tables(db.sqlite(tmp_path / "test.db"))
    yield made
    made.close()
