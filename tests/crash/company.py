"""A company for the crash tests, copied for every case: a base that serves, more releases in git, and a bad one."""

import itertools
import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text

from ledger import clock
from ledger.db import Database, sqlite
from pipelines import store
from tests.conftest import with_tables
from tests.crash import houses
from tests.crash.houses import Remembering
from tests.crash.killed_deployer import Where
from tests.crash.stories import BASES, FILES, REVISIONS, STORIES
from tests.rooms.deploying import Repository, described

_numbers = itertools.count(1)
Journal = Sequence[Any]


@dataclass
class Company:
    """A base that serves, more releases in git, and a bad one; copied for every case. `kind` is of its house."""

    folder: Path
    postgres: str = ""  # a server's URL, or empty for SQLite
    kind: str = "plain"
    revisions: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        repository, files, base = Repository(self.folder / "git"), FILES[self.kind], BASES[self.kind]
        self.mirror = repository.mirrored
        bases = [repository.commit(described(**base), files) for _ in range(2)]
        revisions = REVISIONS[self.kind]
        for name, told in {**revisions, "bad": next(iter(revisions.values()))}.items():
            self.revisions[name] = repository.commit(described(**told), files)
        last = described(**{**base, "strategy": "all-at-once", "keep": "0s"})
        self.revisions["next"] = repository.commit(last, files)
        with self._made() as house:
            for revision in bases:
                house.deploy(revision)
                house.go()
            assert house.live() == 2
        self.undisturbed: dict[str, Journal] = {}

    @contextmanager
    def _made(self) -> Iterator[Remembering]:
        if self.postgres:
            _admin(self.postgres, f"CREATE DATABASE company_{self.kind}")
            database = Database(_named(self.postgres, f"company_{self.kind}"))
        else:
            database = sqlite(self.folder / "company.db")
        state = self.folder / "company"
        state.mkdir()
        house = houses.house(self.kind, with_tables(database), self.mirror, clock.now(), state=state)
        yield house
        house.over()
        if not self.postgres:
            with sqlite3.connect(self.folder / "company.db") as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()

    @contextmanager
    def copied(self) -> Iterator[Remembering]:
        """A company of the case's own, in real time."""
        name = f"case_{os.getpid()}_{next(_numbers)}"
        state = self.folder / name
        shutil.copytree(self.folder / "company", state, symlinks=True)
        if self.postgres:
            _admin(self.postgres, f"CREATE DATABASE {name} TEMPLATE company_{self.kind}")
            database = Database(_named(self.postgres, name))
        else:
            shutil.copy(self.folder / "company.db", self.folder / f"{name}.db")
            database = Database(f"sqlite:///{self.folder / name}.db")
        house = houses.house(self.kind, database, self.mirror, state=state, ticking=clock.now)
        house.revived()
        try:
            yield house
        finally:
            house.over()
            database.close()
            if self.postgres:
                _admin(self.postgres, f"DROP DATABASE {name} WITH (FORCE)")

    def remove(self) -> None:
        """Drop the database that the copies were made of; a server may outlive us."""
        if self.postgres:
            _admin(self.postgres, f"DROP DATABASE company_{self.kind}")

    def wheres(self, story: str) -> Sequence[Where]:
        """Every place of that story at which a worker can be killed."""
        with self.copied() as house:
            asked = STORIES[story].asked(house, self.revisions)
            with house.database.read() as session:
                frozen = store.load(session, asked)[0]
            plan = house.actions.bind(frozen, asked, clock.now()).plan
        assert plan is not None
        return STORIES[story].wheres(plan)


def _named(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _admin(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
