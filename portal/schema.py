"""The schema and its two kinds of migration files.

*pre* files only add, so the version before still runs on what they leave; *post* files take away what no version that
still runs needs. `serve` runs both on its own SQLite; on PostgreSQL it runs pre and says when post files wait.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData

from ledger.db import Base, Database

PRE, POST = "pre@head", "post@head"
ROOMS_WITH_TABLES = (
    "catalog.tables",
    "ledger.events",
    "ledger.inbox",
    "ledger.jobs",
    "oncall.intaketables",
    "oncall.plantables",
    "oncall.tables",
    "pipelines.coursetables",
    "pipelines.deliverytables",
    "pipelines.ruletables",
    "pipelines.tables",
    "portal.tables",
    "production.tables",
)


def metadata() -> MetaData:
    """Return all tables of all rooms."""
    for room in ROOMS_WITH_TABLES:
        importlib.import_module(room)
    return Base.metadata


def folder() -> Path:
    """Return the migrations: beside the rooms in a checkout, inside the package in a wheel."""
    inside = Path(__file__).parent / "_migrations"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "migrations"


def migrate(database: Database, *, post: bool) -> Sequence[str]:
    """Bring the schema up to date; return the post files that wait, when `post` is not asked for."""
    with database.engine.connect() as connection, connection.begin():
        config = _config(connection)
        command.upgrade(config, PRE)
        if post:
            command.upgrade(config, POST)
        return pending(connection)


def pending(connection: Connection) -> Sequence[str]:
    """Return what has not been run, as `0002 what it does`."""
    script = ScriptDirectory.from_config(_config(connection))
    done = set(MigrationContext.configure(connection).get_current_heads())
    run = {revision.revision for head in done for revision in script.iterate_revisions(head, "base")}
    return [
        f"{revision.revision} {revision.doc}"
        for revision in reversed(list(script.walk_revisions()))
        if revision.revision not in run
    ]


def _config(connection: Connection) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(folder()))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", f"{folder() / 'pre'}:{folder() / 'post'}")
    config.attributes["connection"] = connection
    return config
