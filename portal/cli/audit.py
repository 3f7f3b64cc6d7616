"""`fullcycle audit`: is the chain of facts what was once written?"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click

from portal.cli.house import configured, data_option


@click.group()
def audit() -> None:
    """The chain of facts."""


@audit.command()
@data_option
@click.option("--json", "as_json", is_flag=True, help="for programs")
def verify(data: Path | None, as_json: bool) -> None:
    """Recompute the chain in the database itself; exit 1 where it is broken."""
    from sqlalchemy.exc import DatabaseError

    from ledger import events
    from ledger.errors import Code, Error
    from portal import wiring

    config, _ = configured(data)
    if not config.database_url and not (config.data / "fullcycle.db").exists():
        raise Error(Code.NOT_FOUND, f"There is no database in {config.data}; --data says where it is.")
    database = wiring.database(config)
    try:
        events.seal(database)
        with database.read() as session:
            found = events.verify(session)
    except DatabaseError as error:
        raise Error(Code.NOT_FOUND, "That is no database of Fullcycle's, or it is damaged.", str(error)) from None
    finally:
        database.close()
    if as_json:
        click.echo(json.dumps(asdict(found)))
    else:
        for broken in found.breaks:
            click.echo(f"broken at {broken.position}: {broken.what}")
        click.echo(f"{found.checked} facts, {found.first} to {found.last}: {'broken' if found.breaks else 'whole'}")
    sys.exit(1 if found.breaks else 0)


COMMANDS: Mapping[str, click.Command] = {"audit": audit}
