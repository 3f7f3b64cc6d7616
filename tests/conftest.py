"""What every test may use. Time is an argument; NOON unless it matters."""

import gc
import importlib
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Connection, Engine, event

from ledger import db, events
from ledger.db import Base, Database
from tests import postgres, scheduling

if TYPE_CHECKING:
    from tests.shop import Shop

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
TABLES = (
    "ledger.jobs_sql",
    "ledger.inbox",
    "catalog.tables",
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
# A machine that is slow is no failure; what is too slow shows in the benches.
settings.register_profile("calm", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")
gc.set_threshold(50_000)  # libraries and tests stay: to look through them again and again takes a third of collecting
BOTH = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    return scheduling.workers()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Take our own way of `--dist loadfile`; any other that is asked for stays."""
    return scheduling.Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what takes longest, where several workers share the tests."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: scheduling.rank(item.nodeid))


class Compiled:
    """Statements that some test has compiled already; an engine's own would be empty for each test anew.

    It is no dict: what prints a traceback with its variables would print thousands of statements for a minute.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Any] = {}

    def get(self, key: Any, default: Any = None) -> Any:
        return self._known.get((key[0].name, *key[1:]), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        if len(self._known) >= MOST_COMPILED:
            self._known.clear()
        self._known[(key[0].name, *key[1:])] = compiled  # by the kind of database, not by the engine


MOST_COMPILED = 5000
COMPILED = Compiled()


@event.listens_for(Engine, "engine_connect")
def share_what_is_compiled(connection: Connection) -> None:
    connection.execution_options(compiled_cache=COMPILED)


def pytest_collection_finish() -> None:
    """Have the collector look past what stays: libraries, and thousands of tests."""
    gc.collect()
    gc.freeze()


def with_tables(database: Database) -> Database:
    """Make all tables by the models, without the migrations (tests/rooms/test_migrations.py compares the two).

    An empty SQLite file becomes a copy of one that was made before, which takes a hundredth of the time.
    """
    file = Path(database.url.database or "")
    if database.is_sqlite and file.is_file() and not file.stat().st_size:
        file.write_bytes(_made())
        return database
    return _filled(database)


@cache
def _made() -> bytes:
    """Return a SQLite file that has all tables."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "made.db"
        _filled(db.sqlite(file)).close()
        return file.read_bytes()


def _filled(database: Database) -> Database:
    for room in TABLES:
        importlib.import_module(room)
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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL that runs for this whole test process; started when first asked for."""
    with postgres.server() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of the test's own. Mark the test `postgres`."""
    with postgres.fresh(postgres_server) as url:
        yield url


@pytest.fixture(params=BOTH)
def each_url(request: Any, tmp_path: Path) -> str:
    """The URL of an empty database without tables, once on SQLite and once on PostgreSQL."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    db.sqlite(tmp_path / "each.db").close()
    return f"sqlite:///{tmp_path / 'each.db'}"


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """The name of a PostgreSQL database with all tables; to copy it takes a tenth of the time of making them."""
    with postgres.fresh(postgres_server) as url:
        _filled(made := Database(url)).close()
        yield str(made.url.database)


@pytest.fixture
def postgres_database(postgres_server: str, postgres_template: str) -> Iterator[Database]:
    """An empty PostgreSQL database with all tables. Mark the test `postgres`."""
    with postgres.fresh(postgres_server, postgres_template) as url:
        made = Database(url)
        yield made
        made.close()


@pytest.fixture(params=BOTH)
def each_database(request: Any) -> Database:
    """An empty database with all tables, once on SQLite and once on PostgreSQL."""
    made: Database = request.getfixturevalue("postgres_database" if request.param == "postgres" else "database")
    return made


SHOPS: "list[Shop]" = []  # the one of this process, once somebody has asked for it


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Close the Corner Shop behind its last visitor, who has left by now: it works all the time, and others wait."""
    visited = [one for one in (item, nextitem) if "corner_shop" in getattr(one, "fixturenames", ())]
    if visited == [item]:
        for shop in SHOPS:
            shop.close()


@pytest.fixture(scope="session")
def corner_shop(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Shop]":
    from tests.shop import Shop

    made = Shop(tmp_path_factory.mktemp("shop") / "demo")
    SHOPS.append(made)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def shop(corner_shop: "Shop") -> "Shop":
    """The Corner Shop, open; one for this test process."""
    corner_shop.open()
    return corner_shop
