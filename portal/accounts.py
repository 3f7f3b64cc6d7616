"""Who may come in: accounts with their passwords, and keys for programs. No HTTP here.

Passwords are scrypt hashes; keys are 256 random bits of which only a sha256 is kept.
"""

import difflib
import hashlib
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import available_timezones

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from werkzeug.security import check_password_hash, generate_password_hash

from ledger import events
from ledger.db import Database
from ledger.errors import Code, Error
from portal.config import Config
from portal.tables import AccountRow, TokenRow

ROLES = ("admin", "member")
THEMES = ("light", "dark")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
SHORTEST_PASSWORD = 10  # characters; length is what counts
LONGEST_PASSWORD = 1000  # or hashing would be a way to keep us busy
KEY_PREFIX = "fc_"
USED_EVERY = timedelta(minutes=1)  # a key's last use is written at most this often
# Checked when there is no such account, so that both cases take as long. No password has it: the digest is chance.
NO_ACCOUNT = f"scrypt:32768:8:1${secrets.token_hex(8)}${secrets.token_hex(64)}"


@dataclass(frozen=True)
class Account:
    """Somebody who can log in. `stamp` changes with the password, so that old sessions end."""

    id: int
    name: str
    role: str
    user_ref: str | None
    theme: str | None
    zone: str | None
    disabled: bool
    created_at: datetime
    stamp: str


@dataclass(frozen=True)
class Key:
    id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None


def _account(row: AccountRow) -> Account:
    stamp = hashlib.sha256(row.password_hash.encode()).hexdigest()[:16]
    return Account(row.id, row.name, row.role, row.user_ref, row.theme, row.zone, row.disabled, row.created_at, stamp)


def create(session: Session, name: str, password: str, role: str, user_ref: str | None, at: datetime, by: str) -> None:
    """Make an account; raise Error(INVALID) with every problem at once."""
    name = name.strip().lower()
    problems = []
    if not NAME.fullmatch(name):
        problems.append("A name has small letters, digits, dots and dashes, and begins with a letter or digit.")
    elif session.scalar(select(AccountRow.id).where(AccountRow.name == name)) is not None:
        problems.append(f"There is an account {name} already.")
    if role not in ROLES:
        problems.append("A role is admin or member.")
    problems += password_problems(password)
    if problems:
        raise Error(Code.INVALID, " ".join(problems), reasons=problems)
    hashed = generate_password_hash(password)
    session.add(AccountRow(name=name, password_hash=hashed, role=role, user_ref=user_ref or None, created_at=at))
    told = {"role": role, "user": user_ref or ""}
    events.record(session, "account.created", f"account:{name}", by, at, told)


def password_problems(password: str) -> list[str]:
    if len(password) < SHORTEST_PASSWORD:
        return [f"A password has at least {SHORTEST_PASSWORD} characters."]
    return ["That password is too long."] if len(password) > LONGEST_PASSWORD else []


def check(session: Session, name: str, password: str) -> Account | None:
    """Return the account whose name and password these are; takes as long for a name that does not exist."""
    row = session.scalars(select(AccountRow).where(AccountRow.name == name.strip().lower())).one_or_none()
    right = check_password_hash(row.password_hash if row else NO_ACCOUNT, password[:LONGEST_PASSWORD])
    return _account(row) if row is not None and right and not row.disabled else None


def find(session: Session, account_id: int) -> Account | None:
    row = session.get(AccountRow, account_id)
    return _account(row) if row is not None and not row.disabled else None


def all_of_them(session: Session) -> Sequence[Account]:
    return [_account(row) for row in session.scalars(select(AccountRow).order_by(AccountRow.name))]


def change_password(session: Session, account: Account, old: str, new: str, at: datetime, by: str) -> None:
    if check(session, account.name, old) is None:
        raise Error(Code.INVALID, "That is not your present password.")
    if problems := password_problems(new):
        raise Error(Code.INVALID, problems[0])
    _update(session, account.id, password_hash=generate_password_hash(new))
    events.record(session, "account.password_changed", f"account:{account.name}", by, at)


def set_disabled(session: Session, name: str, disabled: bool, at: datetime, by: str) -> None:
    """Lock somebody out, or let them in again. The last admin stays."""
    row = session.scalars(select(AccountRow).where(AccountRow.name == name)).one_or_none()
    if row is None:
        raise Error(Code.NOT_FOUND, f"There is no account {name}.")
    admins = select(func.count()).where(AccountRow.role == "admin", AccountRow.disabled.is_(False))
    if disabled and row.role == "admin" and not row.disabled and session.scalar(admins) == 1:
        raise Error(Code.CONFLICT, f"{name} is the only admin left, so this account stays open.")
    row.disabled = disabled
    events.record(session, "account.closed" if disabled else "account.opened", f"account:{name}", by, at)


def set_looks(session: Session, account: Account, theme: str | None, zone: str | None) -> None:
    """Keep how the account's person likes her pages."""
    if theme and theme not in THEMES:
        raise Error(Code.INVALID, "A theme is light or dark, or the system's.")
    if zone and zone not in available_timezones():
        raise Error(Code.INVALID, f"There is no zone {zone}.{nearest_zone(zone)}")
    _update(session, account.id, theme=theme or None, zone=zone or None)


def nearest_zone(zone: str) -> str:
    near = difflib.get_close_matches(zone, available_timezones(), 1)
    return f" Did you mean {near[0]}?" if near else ""


def _update(session: Session, account_id: int, **values: object) -> None:
    session.execute(update(AccountRow).where(AccountRow.id == account_id).values(**values))


def new_key(
    session: Session, account: Account, name: str, at: datetime, by: str, lasts: timedelta | None = None
) -> str:
    """Make a key for programs and return it; it is never shown again."""
    name = name.strip()
    if not name or len(name) > 80:
        raise Error(Code.INVALID, "A key needs a name that says what it is for, up to 80 characters.")
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    expires = at + lasts if lasts else None
    row = TokenRow(sha256=_hashed(key), name=name, account_id=account.id, created_at=at, expires_at=expires)
    session.add(row)
    events.record(session, "token.created", f"account:{account.name}", by, at, {"name": name})
    return key


def keys(session: Session, account: Account) -> Sequence[Key]:
    rows = session.scalars(select(TokenRow).where(TokenRow.account_id == account.id).order_by(TokenRow.id.desc()))
    return [Key(row.id, row.name, row.created_at, row.last_used_at, row.expires_at) for row in rows]


def drop_key(session: Session, account: Account, key_id: int, at: datetime, by: str) -> None:
    row = session.get(TokenRow, key_id)
    if row is None or row.account_id != account.id:
        raise Error(Code.NOT_FOUND, "You have no such key.")
    session.delete(row)
    events.record(session, "token.deleted", f"account:{account.name}", by, at, {"name": row.name})


def by_key(database: Database, key: str, at: datetime) -> Account | None:
    """Return whose key this is, and remember that it was used."""
    with database.read() as session:
        row = session.scalars(select(TokenRow).where(TokenRow.sha256 == _hashed(key))).one_or_none()
        if row is None or (row.expires_at is not None and row.expires_at <= at):
            return None
        account = find(session, row.account_id)
    if account is not None and (row.last_used_at is None or row.last_used_at + USED_EVERY <= at):
        with database.write() as session:
            session.execute(update(TokenRow).where(TokenRow.id == row.id).values(last_used_at=at))
    return account


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True)
class FirstAdmin:
    """How the first person comes in: the password itself on a terminal, else the file that holds it."""

    name: str
    password: str = ""
    path: Path | None = None


def first_admin(database: Database, config: Config, at: datetime, is_terminal: bool) -> FirstAdmin | None:
    """Make an admin when there is no account at all; None when there is one. The password never goes into a log."""
    password = secrets.token_urlsafe(12)
    with database.write() as session:
        if session.scalar(select(AccountRow.id).limit(1)) is not None:
            return None
        create(session, "admin", password, "admin", None, at, "system")
    if is_terminal:
        return FirstAdmin("admin", password)
    path = config.data / "first-password"
    config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password + "\n")
    return FirstAdmin("admin", path=path)
