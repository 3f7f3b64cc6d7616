"""What the doors do with the repositories that are read: take several in, read one again, let one go, know its secret.

Each door asks beforehand who wants it and may they.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

import catalog.actions
import catalog.query
from catalog.query import Repository
from ledger.errors import Code, Error
from portal import wiring
from portal.config import Config, secret_key
from portal.services import Services


@dataclass(frozen=True)
class Answer:
    """What became of one address: the repository's id, or why it was not taken in."""

    url: str
    id: int | None
    wrong: str = ""


def register(services: Services, urls: Sequence[str], actor: str) -> list[Answer]:
    """Take every address in that can be, and say of each other one what is wrong with it."""
    return [_registered(services, url, actor) for url in urls]


def _registered(services: Services, url: str, actor: str) -> Answer:
    try:
        return Answer(url, services.register(url, actor))
    except Error as error:
        if error.code not in (Code.INVALID, Code.CONFLICT):
            raise
        return Answer(url, None, error.message)


@dataclass(frozen=True)
class Progress:
    """How far reading has come: of `total` repositories so many wait to be read since somebody asked."""

    total: int
    waiting: int

    @property
    def read(self) -> int:
        return self.total - self.waiting


def progress(repositories: Sequence[Repository]) -> Progress:
    return Progress(len(repositories), sum(one.waits for one in repositories))


def known(session: Session, repository_id: int) -> Repository:
    """Return one repository. Raises Error(NOT_FOUND)."""
    for one in catalog.query.repositories(session):
        if one.id == repository_id:
            return one
    raise Error(Code.NOT_FOUND, f"There is no repository {repository_id}.")


def enqueue(services: Services, session: Session, repository_id: int, at: datetime) -> None:
    """Have a repository read soon, in the caller's transaction."""
    services.jobs.enqueue(session, wiring.SYNC, str(repository_id), at)


def read_again(services: Services, repository_id: int) -> None:
    wiring.read_again(services, repository_id)


def uses(session: Session, refs: Sequence[str]) -> list[str]:
    """Say of each of these entities that is still in use by whom."""
    return [f"{ref} {why}" for ref, why in sorted(wiring.InUse().of(session, refs).items())]


def let_go(services: Services, repository_id: int, actor: str) -> None:
    """Forget a repository and what it describes; CONFLICT while something of it is in use."""
    catalog.actions.unregister(services.database, repository_id, actor, services.clock(), wiring.InUse())
    wiring.mirror(services.config, repository_id).remove()


def webhook_secret(config: Config, repository: Repository) -> str:
    """Return the secret with which a forge signs its calls about that repository; nothing where none can be made."""
    if not repository.uid:
        return ""
    told = f"webhook:{repository.uid}".encode()
    return hmac.new(secret_key(config).encode(), told, hashlib.sha256).hexdigest()


def webhook_addresses(config: Config) -> dict[str, str]:
    """Return where each forge must send its calls."""
    return {forge: f"{config.address}/hooks/{forge}" for forge in ("github", "gitlab", "gitea")}
