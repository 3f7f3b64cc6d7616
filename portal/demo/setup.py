"""Makes a demo ready: schema, people, repositories, and a past that has really happened."""

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlalchemy.orm import Session

from ledger import clock as clocks
from ledger.db import Database
from ledger.errors import Code, Error
from portal import accounts, schema, wiring
from portal.config import Config
from portal.demo import commits, company, duty, ground, past
from portal.demo.ground import Notes
from portal.demo.past import ENVIRONMENT, Hindsight, Say
from portal.demo.people import EMPLOYEES
from portal.demo.story import Pace

LOGINS = "logins"
SECRET = Path("secrets", "receipts", ENVIRONMENT, "MAIL_PASSWORD")  # service, environment, name
BY = "demo"

Logins = Mapping[str, str]


def ready(config: Config, pace: Pace, say: Say, *, tour: bool = False) -> tuple[bool, Notes]:
    """Have a company in the data folder; True when it is new. A person's is kept, a tour always begins anew."""
    notes = ground.read(config.data)
    if notes and notes.ready and not notes.tour and not tour:
        with _opened(config) as database:
            commits.follow(config, database)
            duty.set_up(wiring.wire(config, clocks.now, database), clocks.now())
        say(f"The company in {config.data} goes on where it was.")
        return False, notes
    stop_all(config)
    ground.clear(config.data)
    ground.write(config.data, Notes(tour=tour))
    with _opened(config) as database:
        _people(database, config, say)
        made = _company(database, config, pace, say)
        commits.follow(config, database)
    notes = Notes(ready=True, tour=tour, left_out=made.left_out)
    ground.write(config.data, notes)
    return True, notes


@contextlib.contextmanager
def _opened(config: Config) -> Iterator[Database]:
    """The database with its schema, closed at the end."""
    database = wiring.database(config)
    try:
        schema.migrate(database, post=True)  # nobody else uses it yet
        yield database
    finally:
        database.close()


def _people(database: Database, config: Config, say: Say) -> None:
    """Make an account for everybody, with a password that is only in a file for this user."""
    now = clocks.now()
    logins = {one.login: secrets.token_urlsafe(9) for one in EMPLOYEES}
    with database.write() as session:
        _refuse_others(session, config)
        for one in EMPLOYEES:
            accounts.create(session, one.login, logins[one.login], one.role, one.ref, now, BY)
    _write(config.data / LOGINS, "".join(f"{login} {password}\n" for login, password in logins.items()))
    say(f"{len(EMPLOYEES)} people have an account.")


def _write(path: Path, text: str) -> None:
    """Write what only this user may read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _refuse_others(session: Session, config: Config) -> None:
    if accounts.all_of_them(session):
        shown = "FULLCYCLE_DATABASE_URL" if config.database_url else str(config.data)
        raise Error(
            Code.CONFLICT, f"The database that {shown} names is somebody's already; give the demo an empty one."
        )


def _company(database: Database, config: Config, pace: Pace, say: Say) -> company.Company:
    _write(config.data / SECRET, secrets.token_urlsafe(18) + "\n")
    made = company.make(config.data / "company", pace, clocks.now())
    say(f"{len(made.repositories)} repositories are in {config.data / 'company'}.")
    if made.left_out:
        say(f"Fullcycle itself is left out: {made.left_out}.")
    clock = Hindsight(clocks.now)
    past.play(wiring.wire(config, clock, database), clock, made, say)
    return made


def logins(data: Path) -> Logins:
    """Return everybody's password."""
    return dict(line.split() for line in (data / LOGINS).read_text().splitlines())


def stop_all(config: Config) -> None:
    """Stop everything that runs for the folder, also what a run has left that was killed."""
    database = wiring.database(config)
    try:
        wiring.local(config, database).shutdown()
    finally:
        database.close()
