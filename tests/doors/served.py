"""A small portal for the tests of the doors: one repository, three people, a memory target, and a worker.

alice owns checkout, bob is on her team, carol is a stranger; admin may everything.
"""

import shutil
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from werkzeug.security import generate_password_hash
from werkzeug.test import TestResponse

from ledger import db
from ledger.db import Database
from portal import accounts, live, wiring
from portal.app import create_app
from portal.config import Config, environment
from portal.services import Services
from tests.conftest import with_tables
from tests.folders import kept

PASSWORD = "a long enough password"
REPOSITORY = 1  # its number; there is one
PATIENCE = 120.0  # seconds, for what takes well under one

PEOPLE = """\
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: payments}
spec: {type: team, children: []}
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: search}
spec: {type: team, children: []}
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: {name: alice}
spec: {memberOf: [payments], profile: {displayName: Alice Moreau}}
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: {name: bob}
spec: {memberOf: [payments], profile: {displayName: Bob Okafor}}
---
apiVersion: backstage.io/v1alpha1
kind: User
metadata: {name: carol}
spec: {memberOf: [search], profile: {displayName: Carol Lind}}
---
"""

CHECKOUT = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: checkout, description: Takes the basket to a paid order}
spec:
  type: service
  lifecycle: production
  owner: group:payments
  deploy:
    environments:
      production:
        target: {kind: memory, instances: 2, drain: 0s%(target)s}
        strategy: {canary: [50, 100], bake: %(bake)s}
        checks: [{http: /healthz, passes: 1, every: 20ms, deadline: 300ms}]
      staging:
        target: {kind: memory, instances: 1, drain: 0s}
        strategy: {bake: 0s}
        checks: [{http: /healthz, passes: 1, every: 20ms, deadline: 300ms}]
"""

BAD = ', fails: {"*": check}'


@dataclass
class Served:
    """The portal, its repository, and a key for everybody."""

    services: Services
    app: APIFlask
    repository: Path
    repository_id: int
    keys: dict[str, str] = field(default_factory=dict)

    def commit(self, subject: str, *, target: str = "", bake: str = "0s") -> str:
        """Commit a new revision of checkout and have the portal read it; return its hash."""
        text = PEOPLE + CHECKOUT % {"target": target, "bake": bake}
        (self.repository / "catalog-info.yaml").write_text(f"# {subject}\n{text}")
        git(self.repository, "add", ".")
        git(self.repository, "commit", "-q", "-m", subject)
        wiring.sync(self.services, self.repository_id, self.services.clock())
        return git(self.repository, "rev-parse", "HEAD")

    def as_(self, who: str | None) -> "Visitor":
        return Visitor(self, who)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Have a worker in a thread."""
        runner = wiring.runner(self.services, "test-worker")
        thread = threading.Thread(target=runner.run)
        thread.start()
        try:
            yield
        finally:
            runner.stop()
            thread.join(PATIENCE)


class Visitor:
    """Somebody with a key, or nobody, at the API."""

    def __init__(self, served: Served, who: str | None) -> None:
        self._client = served.app.test_client()
        self._headers = {"Authorization": f"Bearer {served.keys[who]}"} if who else {}

    def get(self, path: str, **query: Any) -> TestResponse:
        return self._client.get(f"/api/v1{path}", headers=self._headers, query_string=query)

    def post(self, path: str, body: Any = None, **more: Any) -> TestResponse:
        said = more or {"json": {} if body is None else body}
        return self._client.post(f"/api/v1{path}", headers=self._headers, **said)

    def put(self, path: str, body: Any = None) -> TestResponse:
        return self._client.put(f"/api/v1{path}", headers=self._headers, json={} if body is None else body)

    def delete(self, path: str) -> TestResponse:
        return self._client.delete(f"/api/v1{path}", headers=self._headers)

    def ended(self, deploy_id: int) -> Any:
        """Wait until that deploy has ended; return its page."""
        until(lambda: bool(self.get(f"/deploys/{deploy_id}").json["deploy"]["ended"]), f"deploy {deploy_id} has ended")
        return self.get(f"/deploys/{deploy_id}").json


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Alice Moreau", "-c", "user.email=alice@example.com", "-c", "commit.gpgsign=false")
    env = {"PATH": environment()["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *who, *arguments], cwd=folder, env=env, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@contextmanager
def portal(folder: Path, *, port: int = 8000, url: str = "", **more: Any) -> Iterator[Served]:
    """Set everything up in a folder of the test's own, on SQLite unless a URL says otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "LOOK", 0.05)  # or each end would wait a second for the stream's thread
        patch.setattr(accounts, "generate_password_hash", partial(generate_password_hash, method="scrypt:1024:8:1"))
        with _opened(folder, port, url, **more) as served:
            yield served


@contextmanager
def _opened(folder: Path, port: int, url: str, **more: Any) -> Iterator[Served]:
    config = Config(data=folder / "data", port=port, database_url=url, **more)
    made, keys = _founded()
    with _home() as home:
        if url:
            keys = _found(home, config, with_tables(Database(url)))
        else:
            shutil.copytree(made / "home", home, dirs_exist_ok=True)
            shutil.copytree(made / "data", config.data, ignore=shutil.ignore_patterns("secret_key"))
        services = wiring.wire(config, opened=Database(url) if url else db.sqlite(config.data / "fullcycle.db"))
        served = Served(services, create_app(services), home / "shop", REPOSITORY, dict(keys))
        served.app.testing = False
        try:
            yield served
        finally:
            served.app.extensions["fullcycle-live"].close()
            services.database.close()


@contextmanager
def _home() -> Iterator[Path]:
    """Have the one folder in which every portal of this process finds its repository; an outer one waits aside."""
    home, aside = kept("doors") / "home", kept("doors") / f"aside-{uuid.uuid4().hex}"
    if home.exists():
        home.rename(aside)
    home.mkdir()
    try:
        yield home
    finally:
        shutil.rmtree(home)
        if aside.exists():
            aside.rename(home)


@cache
def _founded() -> tuple[Path, Mapping[str, str]]:
    """Return a folder with a portal that has just begun, and everybody's key: to copy it is quick."""
    folder = kept("doors") / "founded"
    config = Config(data=folder / "data")
    config.data.mkdir(parents=True)
    with _home() as home:
        keys = _found(home, config, with_tables(db.sqlite(config.data / "fullcycle.db")))
        shutil.copytree(home, folder / "home")
    return folder, keys


def _found(home: Path, config: Config, database: Database) -> Mapping[str, str]:
    """Begin a portal on an empty database, and have it read its repository for the first time; return the keys."""
    repository = home / "shop"
    repository.mkdir()
    git(repository, "init", "-q", "-b", "main")
    git(repository, "commit", "-q", "--allow-empty", "-m", "begin")
    config.data.mkdir(exist_ok=True)
    services = wiring.wire(config, opened=database)
    served = Served(services, APIFlask("unused"), repository, services.register(str(repository), "account:admin"))
    assert served.repository_id == REPOSITORY
    _let_in(served)
    served.commit("the first")
    database.close()
    return served.keys


def _let_in(served: Served) -> None:
    at = served.services.clock()
    with served.services.database.write() as session:
        for name in ("admin", "alice", "bob", "carol"):
            role, ref = ("admin", None) if name == "admin" else ("member", f"user:default/{name}")
            accounts.create(session, name, PASSWORD, role, ref, at, "system")
        for account in accounts.all_of_them(session):
            served.keys[account.name] = accounts.new_key(session, account, "test", at, "system", timedelta(days=1))


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds; fail with its name when it does not come."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.05)
