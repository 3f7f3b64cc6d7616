"""The database: SQLite in WAL by a path, PostgreSQL by one URL; a read side, a write side, and a signal of change.

Reading never takes the writer's lock: on SQLite every `write()` begins IMMEDIATE and every `read()` is query-only.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, DateTime, Engine, Integer, MetaData, Table, create_engine, event, insert, text
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from ledger.turns import Turns

CHANNEL = "fullcycle"  # PostgreSQL's NOTIFY channel
QUIET: Mapping[str, Any] = {"hide_parameters": True}  # what is written may be secret, and an error ends up in a log
POLL_SECONDS = 0.02  # how often SQLite's data_version is looked at; design: at most 25 ms

BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only an INTEGER primary key


class UTCDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC. SQLite would drop the zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a zone; use an aware datetime")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Database:
    """Both sides of one database. `url` is SQLAlchemy's; see `sqlite(path)` for the embedded one."""

    def __init__(self, url: str) -> None:
        if url.startswith("postgres://"):
            url = "postgresql://" + url.removeprefix("postgres://")
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        file = self.url.database if self.is_sqlite else None
        self._turns = Turns(Path(f"{file}-turns") if file and file != ":memory:" else None)
        if self.is_sqlite:
            self._writer = _sqlite(url, "BEGIN IMMEDIATE", query_only=False)
            self._durable = _sqlite(url, "BEGIN IMMEDIATE", query_only=False, synchronous="FULL")
            self._reader = _sqlite(url, "BEGIN", query_only=True)
        else:
            self._writer = create_engine(self.url, pool_pre_ping=True, pool_size=10, max_overflow=20, **QUIET)
            self._durable = self._writer
            self._reader = self._writer.execution_options(isolation_level="AUTOCOMMIT")  # no BEGIN and ROLLBACK to send

    @property
    def engine(self) -> Engine:
        """The write engine, for migrations."""
        return self._writer

    @contextlib.contextmanager
    def read(self) -> Iterator[Session]:
        """A session that only reads; one consistent view on SQLite."""
        with Session(self._reader, autoflush=False, expire_on_commit=False) as session:
            yield session

    @contextlib.contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Session]:
        """A transaction: all of it is committed at the end, or none of it on an exception.

        `durable`: it is on the disk when this returns, so that it outlives the machine and not only the process. On
        SQLite that waits for the disk; PostgreSQL always does.
        """
        engine = self._durable if durable else self._writer
        with self.turn(), Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
            if not self.is_sqlite:
                session.flush()
                session.execute(text(f"NOTIFY {CHANNEL}"))

    def turn(self) -> contextlib.AbstractContextManager[None]:
        """The turn to write, which `write` takes by itself; whoever writes by the engine alone takes it first."""
        return self._turns.taken() if self.is_sqlite else contextlib.nullcontext()

    def changes(self) -> "Changes":
        """A watcher that notices every commit, this process's and others'. Close it after use."""
        return _SqliteChanges(self._reader) if self.is_sqlite else _PostgresChanges(self._reader)

    def close(self) -> None:
        self._writer.dispose()
        self._durable.dispose()
        self._reader.dispose()
        self._turns.close()


def many(session: Session, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows of plain text and numbers, without a look at each value."""
    if not rows:
        return
    connection = session.connection()
    statement = insert(table).compile(dialect=connection.dialect, column_keys=list(columns))
    if not statement.positional:
        connection.exec_driver_sql(str(statement), [dict(zip(columns, row, strict=True)) for row in rows])
        return
    order = [columns.index(name) for name in statement.positiontup or columns]
    in_order = order == list(range(len(columns)))
    connection.exec_driver_sql(
        str(statement), list(rows) if in_order else [tuple(row[at] for at in order) for row in rows]
    )


class Changes:
    """Answers one question: has anything been committed since I last looked?"""

    def wait(self, seconds: float) -> bool:
        """Return True at once when something was committed since the last call, False after `seconds` of quiet."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class _SqliteChanges(Changes):
    def __init__(self, reader: Engine) -> None:
        # A connection of its own outside the pool: data_version tells only of commits by others.
        self._connection = reader.raw_connection()
        self._connection.detach()
        self._seen = self._version()

    def _version(self) -> int:
        return int(self._connection.cursor().execute("PRAGMA data_version").fetchone()[0])

    def wait(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while True:
            version = self._version()
            if version != self._seen:
                self._seen = version
                return True
            left = until - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(POLL_SECONDS, left))

    def close(self) -> None:
        self._connection.close()


class _PostgresChanges(Changes):
    def __init__(self, reader: Engine) -> None:
        connection = reader.raw_connection()
        raw: Any = connection.dbapi_connection
        connection.detach()
        self._connection = raw
        self._connection.autocommit = True
        self._connection.execute(f"LISTEN {CHANNEL}")

    def wait(self, seconds: float) -> bool:
        told = False
        for _ in self._connection.notifies(timeout=seconds, stop_after=1):
            told = True
        if told:  # one look is enough for all that has queued up meanwhile
            for _ in self._connection.notifies(timeout=0):
                pass
        return told

    def close(self) -> None:
        self._connection.close()


def sqlite(path: Path) -> Database:
    """Open (and make) the SQLite file at `path`, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=True)
    return Database(f"sqlite:///{path}")


def _sqlite(url: str, begin: str, *, query_only: bool, synchronous: str = "NORMAL") -> Engine:
    engine = create_engine(url, connect_args={"check_same_thread": False}, pool_size=20, max_overflow=50, **QUIET)

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 30000")  # milliseconds
        cursor.execute("PRAGMA journal_mode = WAL")
        # NORMAL is safe against a killed process, FULL against a power cut, too; WAL keeps the file whole.
        cursor.execute(f"PRAGMA synchronous = {synchronous}")
        cursor.execute("PRAGMA foreign_keys = ON")
        if query_only:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine
