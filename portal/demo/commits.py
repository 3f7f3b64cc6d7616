"""What happens when somebody commits in the company: git tells the portal and the company's CI, both at once.

Ready again at each start of the demo, since the portal may have another address then.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import catalog.query
from ledger import clock as clocks
from ledger.db import Database
from portal import accounts, repositories
from portal.config import Config
from portal.demo import ci, company, repository

SETTINGS = "ci.json"
KEY = "the company's CI"
BY = "demo"


def follow(config: Config, database: Database) -> None:
    """Have every commit in the company's repositories told, and looked at by its CI."""
    folder = config.data / "company"
    with database.read() as session:
        known = {
            Path(one.url).name: one for one in catalog.query.repositories(session) if Path(one.url).parent == folder
        }
    told = {
        name: {
            "id": one.id,
            "address": one.url,
            "secret": repositories.webhook_secret(config, one),
            "tests": name != company.OURSELVES,  # whose own tests take minutes
        }
        for name, one in known.items()
    }
    settings = config.data / SETTINGS
    _write(settings, {"url": config.address, "token": _token(config, database), "repositories": told})
    for name in known:
        repository.watch(folder / name, [sys.executable, "-I", ci.__file__, str(settings), str(folder / name)])


def _token(config: Config, database: Database) -> str:
    """Return the key of the CI, the one before while it is good: whoever runs the demo has it in a file of hers."""
    at = clocks.now()
    try:
        known = str(json.loads((config.data / SETTINGS).read_text())["token"])
    except (OSError, ValueError, KeyError):
        known = ""
    if known and accounts.by_key(database, known, at) is not None:
        return known
    with database.write() as session:
        account = next(one for one in accounts.all_of_them(session) if one.role == "admin")
        for key in accounts.keys(session, account):
            if key.name == KEY:
                accounts.drop_key(session, account, key.id, at, BY)
        return accounts.new_key(session, account, KEY, at, BY)


def _write(path: Path, told: Any) -> None:
    """Write what only this user may read, whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(told, file)
    draft.replace(path)
