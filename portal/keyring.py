"""Where a terminal finds its portal and its token: the environment, a login, or the file of a portal on this machine.

Both files are only for their owner to read. A token goes to the address that it was given for, and nowhere else.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import Code, Error
from portal import config as configs
from portal.config import PREFIX, Config

if TYPE_CHECKING:
    from ledger.db import Database  # only by name: the terminal need not wait for it

KEY_NAME = "the terminal on this machine"
LOCAL = "local_token"
ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}


@dataclass(frozen=True)
class Login:
    """A portal's address and a token for it. `known_as`: where others reach the same portal."""

    url: str
    token: str
    known_as: str = ""


def find(environ: Mapping[str, str]) -> Login:
    """Return what this terminal talks to. What the environment says wins, then `fullcycle login`, then this machine."""
    config = configs.load(environ)
    saved, local = read(saved_at(environ)), read(config.data / LOCAL)
    known = [login for login in ((local, saved) if environ.get(PREFIX + "DATA") else (saved, local)) if login]
    told = environ.get(PREFIX + "URL", "").rstrip("/")
    url = told or (known[0].url if known else config.address)
    if token := _token(environ):
        return Login(url, token)
    for login in known:
        if url in (login.url, login.known_as):
            return login
    raise Error(Code.UNAUTHENTICATED, f"This terminal is not logged in to {url}; run `fullcycle login --url {url}`.")


def _token(environ: Mapping[str, str]) -> str:
    path = environ.get(PREFIX + "TOKEN_FILE", "")
    if not path:
        return environ.get(PREFIX + "TOKEN", "")
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        said = f"{PREFIX}TOKEN_FILE names {path}, which cannot be read ({error.strerror})."
        raise Error(Code.INVALID, said) from None


def saved_at(environ: Mapping[str, str]) -> Path:
    """Return where `fullcycle login` keeps its token."""
    base = environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME") or Path.home()) / ".config"
    return Path(base) / "fullcycle" / "login.json"


def read(path: Path) -> Login | None:
    """Return what such a file says, None when there is none that this user can read."""
    try:
        told = json.loads(path.read_text())
        return Login(str(told["url"]), str(told["token"]), str(told.get("known_as", "")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write(path: Path, login: Login) -> None:
    """Keep a login where only its owner can read it, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(json.dumps(asdict(login)) + "\n")
    beside.replace(path)


def local_token(database: "Database", config: Config, at: datetime) -> Path:
    """See that whoever can read the data folder can use the terminal, as the first admin; return the token's file.

    The token is a key of that admin like any other: it is on her page, and ends when she drops it or is locked out.
    Call it at each start, after the first admin has been made.
    """
    from portal import accounts

    path = config.data / LOCAL
    known = read(path)
    url = f"http://{ANY_HOST.get(config.host, config.host)}:{config.port}"
    if known is not None and accounts.by_key(database, known.token, at) is not None:
        write(path, Login(url, known.token, config.address))
        return path
    with database.write() as session:
        admins = [one for one in accounts.all_of_them(session) if one.role == "admin" and not one.disabled]
        if not admins:
            raise Error(Code.CONFLICT, "There is no admin whose token this machine's terminal could use.")
        account = min(admins, key=lambda one: one.id)
        for key in accounts.keys(session, account):
            if key.name == KEY_NAME:  # its file is lost, so nobody can use it any more
                accounts.drop_key(session, account, key.id, at, "system")
        token = accounts.new_key(session, account, KEY_NAME, at, "system")
    write(path, Login(url, token, config.address))
    return path
