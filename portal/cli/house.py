"""The commands that run the portal itself: serve, web, worker, db, config."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from portal import config as configs
from portal.config import Config

tied_option = click.option("--tied", is_flag=True, hidden=True, help="end when standard input closes")
data_option = click.option("--data", type=click.Path(path_type=Path), help="the data folder; else FULLCYCLE_DATA")


def configured(data: Path | None, **more: object) -> tuple[Config, Mapping[str, str]]:
    """Return the configuration, and an environment from which a child understands the same."""
    environ = dict(configs.environment())
    if data is not None:
        environ["FULLCYCLE_DATA"] = str(data.absolute())
    environ |= {f"FULLCYCLE_{name.upper()}": str(value) for name, value in more.items() if value is not None}
    return configs.load(environ), environ


def open_house(config: Config) -> None:
    """Make the data folder, bring the schema up to date, and let the first person in."""
    from ledger import clock
    from portal import accounts, keyring, schema, wiring

    config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = wiring.database(config)
    try:
        waiting = schema.migrate(database, post=database.is_sqlite)
        if waiting:
            click.echo(f"post migrations wait: {', '.join(waiting)}; run `fullcycle db upgrade`", err=True)
        first = accounts.first_admin(database, config, clock.now(), sys.stdout.isatty())
        keyring.local_token(database, config, clock.now())
    finally:
        database.close()
    if first is not None and first.path is not None:
        click.echo(f"The first account is {first.name}; its password is in {first.path}")
    elif first is not None:
        click.echo(f"The first account is {first.name}, its password: {first.password}")


@click.command()
@data_option
@click.option("--host", help="address to listen on; 127.0.0.1 if nothing is said")
@click.option("--port", type=click.IntRange(1, 65535), help="8000 if nothing is said")
@click.option("--workers", type=click.IntRange(0, 64), help="worker processes; 1 if nothing is said")
def serve(data: Path | None, host: str | None, port: int | None, workers: int | None) -> None:
    """Run the portal: web and worker, until told to stop."""
    from portal.serve import Children

    config, environ = configured(data, host=host, port=port, workers=workers)
    open_house(config)
    click.echo(f"Fullcycle is at {config.address}", nl=True)
    commands = {"web": ["web"], **{f"worker {n + 1}": ["worker"] for n in range(config.workers)}}
    sys.exit(Children(commands, environ).run())


@click.command()
@data_option
@tied_option
def web(data: Path | None, tied: bool) -> None:
    """Run only the web process."""
    from portal import web as webs
    from portal.serve import end_with_parent

    config, _ = configured(data)
    configure_logs(config)
    if tied:
        end_with_parent()
    webs.run(config)


@click.command()
@data_option
@tied_option
def worker(data: Path | None, tied: bool) -> None:
    """Run only a worker."""
    from portal import wiring
    from portal import worker as workers
    from portal.serve import end_with_parent

    config, _ = configured(data)
    configure_logs(config)
    if tied:
        end_with_parent()
    workers.run(wiring.wire(config))


@click.group()
def db() -> None:
    """The schema of the database."""


@db.command()
@data_option
def upgrade(data: Path | None) -> None:
    """Run every migration, the post files too."""
    from portal import schema, wiring

    config, _ = configured(data)
    config.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    schema.migrate(wiring.database(config), post=True)
    click.echo("the schema is up to date")


@db.command()
@data_option
def status(data: Path | None) -> None:
    """Say which migrations wait; exit 1 when some do."""
    from portal import schema, wiring

    config, _ = configured(data)
    with wiring.database(config).engine.connect() as connection:
        waiting = schema.pending(connection)
    for one in waiting:
        click.echo(f"waits: {one}")
    click.echo("the schema is up to date" if not waiting else "run `fullcycle db upgrade`")
    sys.exit(1 if waiting else 0)


@click.command()
@data_option
def config(data: Path | None) -> None:
    """Print what was understood of file and environment, without secrets."""
    understood, _ = configured(data)
    click.echo(json.dumps(configs.shown(understood), indent=2))


def configure_logs(understood: Config) -> None:
    """JSON lines on standard error, from the configured level up."""
    import logging

    import structlog

    level = logging.getLevelNamesMapping()[understood.log_level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


COMMANDS: Mapping[str, click.Command] = {
    "serve": serve,
    "web": web,
    "worker": worker,
    "db": db,
    "config": config,
}
