"""The migrations make what the models say, on both databases, and can be run twice."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from ledger import events
from ledger.db import Database
from portal import schema
from tests.conftest import NOON


def test_the_migrations_make_exactly_the_tables_of_the_models(each_url: str) -> None:
    database = Database(each_url)
    schema.migrate(database, post=True)

    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, schema.metadata())
    database.close()

    assert differences == []


def test_running_them_again_changes_nothing_and_nothing_waits(each_url: str) -> None:
    database = Database(each_url)
    schema.migrate(database, post=True)

    waiting = schema.migrate(database, post=True)
    database.close()

    assert waiting == []


def test_without_the_post_files_the_house_works_and_says_what_waits(each_url: str) -> None:
    database = Database(each_url)

    waiting = schema.migrate(database, post=False)
    with database.write() as session:
        events.record(session, "house.opened", "house", "worker", NOON)
    sealed = events.seal(database)
    database.close()

    assert [line.split()[0] for line in waiting] == ["post_0001", "post_0002"]
    assert sealed == 1
