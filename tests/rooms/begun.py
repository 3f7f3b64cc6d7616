"""Houses in which a first release serves, kept as they were then: to copy one takes a fifth of deploying it again.

The database and the repository are copied, the mirror is made anew: it remembers of which repository it is one.
"""

import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from ledger.events import EventRow
from tests.conftest import NOON
from tests.folders import kept

if TYPE_CHECKING:
    from tests.rooms.deploying import House, Repository


@dataclass(frozen=True)
class Begun:
    """`remembered` is what the target knows; `folder` has the database and the repository."""

    folder: Path
    remembered: str
    now: datetime
    deploy: int

    def copied(self, house: "House", repository: "Repository") -> int:
        """Have that house be as this one; return the deploy that made it so."""
        _copy(self.folder / "kept.db", _file(house))
        shutil.copytree(self.folder / "source", repository.source, dirs_exist_ok=True)
        repository.count = 1
        repository.mirror()
        house.target._notebook._text, house.now = self.remembered, self.now
        return self.deploy


KEPT: dict[tuple[type, str], Begun] = {}  # by the kind of house, and the file of its first release


def keep(house: "House", repository: "Repository", description: str, deploy: int) -> None:
    folder = Path(tempfile.mkdtemp(dir=kept("begun")))
    _copy(_file(house), folder / "kept.db")
    shutil.copytree(repository.source, folder / "source")
    KEPT[type(house), description] = Begun(folder, house.target._notebook._text, house.now, deploy)


def is_new(house: "House", repository: "Repository") -> bool:
    """Say whether nothing has happened in a house, so that it may be as another one, whose state can be copied."""
    if not (house.is_copied and house.database.is_sqlite and house.state is None and house.ticking is None):
        return False
    if house.fail_once or house.before is not type(house).before or repository.count or house.now != NOON:
        return False
    with house.database.read() as session:
        return session.scalar(select(EventRow.id).limit(1)) is None


def _file(house: "House") -> Path:
    return Path(house.database.url.database or "")


def _copy(one: Path, other: Path) -> None:
    with closing(sqlite3.connect(one)) as source, closing(sqlite3.connect(other)) as copy:
        source.backup(copy)
