"""What random histories of a team on call are played on: jobs whose worker dies, threads that are none, a database."""

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import text, update

from catalog.tables import EntityRow
from ledger import db
from ledger.db import Database
from ledger.jobs import Claim, Lost
from ledger.jobs_memory import MemoryJobs
from oncall.moving import ADVANCE, SEND
from oncall.paging.ports import Outcome
from oncall.receiving import RECEIVE
from tests.conftest import with_tables
from tests.rooms.oncallhouse import House

KINDS = [RECEIVE, ADVANCE, SEND]
TABLES = ("pages", "alerts", "incidents", "jobs", "events", "inbox", "oncall_waiting")
Key = tuple[int, int, str, str]  # incident, step, person, channel


class Crash(BaseException):
    """A worker is killed."""


class Inline:
    """Threads, one after the other, so that a history goes the same way each time."""

    def __init__(self, _most: int) -> None: ...

    def __enter__(self) -> "Inline":
        return self

    def __exit__(self, *_error: object) -> None: ...

    def submit(self, act: Callable[..., Outcome], *told: Any) -> "Future[Outcome]":
        answered: Future[Outcome] = Future()
        try:
            answered.set_result(act(*told))
        except Lost as error:
            answered.set_exception(error)
        return answered


class Dying:
    """The jobs' memory twin beside tables that are real; its worker may die before or after all is written."""

    def __init__(self, database: Database) -> None:
        self.database, self.twin = database, MemoryJobs()
        self.play: Any = None

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with self.twin.transaction() as tables, self.database.write() as session:
            session.info["jobs"] = tables
            yield session
            self._point()
        if self.play is not None:
            self.play.written()
        self._point()

    def _point(self) -> None:
        if self.play is not None:
            self.play.may_die(0.015)

    def enqueue(self, tx: Any, kind: str, key: str, at: datetime, **more: Any) -> bool:
        return self.twin.enqueue(tx.info["jobs"], kind, key, at, **more)

    def enqueue_all(self, tx: Any, kind: str, keys: Mapping[str, datetime]) -> None:
        self.twin.enqueue_all(tx.info["jobs"], kind, keys)

    def drop_all(self, tx: Any, kind: str, keys: Collection[str], now: datetime) -> None:
        self.twin.drop_all(tx.info["jobs"], kind, keys, now)

    def finish(self, tx: Any, claim: Claim, now: datetime, *, again_at: datetime | None = None) -> None:
        self.twin.finish(tx.info["jobs"], claim, now, again_at=again_at)

    def give_back(self, tx: Any, claim: Claim, now: datetime, *, again_at: datetime) -> None:
        self.twin.give_back(tx.info["jobs"], claim, now, again_at=again_at)

    def guard(self, tx: Any, claim: Claim) -> None:
        self.twin.guard(tx.info["jobs"], claim)

    def claim(self, worker: str, kinds: Sequence[str], now: datetime) -> Claim | None:
        return self.twin.claim(worker, kinds, now)

    def due(self, kinds: Sequence[str], now: datetime) -> datetime | None:
        return self.twin.due(kinds, now)


class Ground:
    """A database that is used for one history after the other."""

    def __init__(self, folder: Path) -> None:
        self.house = House(with_tables(db.sqlite(folder / "histories.db"))).found()
        self.jobs = Dying(self.house.database)
        with self.house.database.read() as session:
            known = [name for name in _tables(session) if name.startswith("oncall_")]
            self.plans = [name for name in known if name not in ("oncall_keys", *TABLES)]

    def clear(self) -> None:
        with self.house.database.write() as session:
            for name in (*TABLES, *self.plans):
                session.execute(text(f"DELETE FROM {name}"))
            session.execute(update(EntityRow).values(removed_at=None))
        self.jobs = Dying(self.house.database)
        house: Any = self.house
        house.jobs = self.jobs


def _tables(session: Any) -> Sequence[str]:
    return [row[0] for row in session.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))]


@contextmanager
def ground() -> Iterator[Ground]:
    base = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="fullcycle-", dir=base if base.is_dir() else None) as folder:
        made = Ground(Path(folder))
        with patch("oncall.sending.ThreadPoolExecutor", Inline):
            try:
                yield made
            finally:
                made.house.database.close()
