"""`fullcycle login`: a password once, a token from then on."""

import socket
import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

import click

from portal import config as configs
from portal import keyring
from portal.keyring import Login


@click.command()
@click.option("--url", help="where the portal is; else FULLCYCLE_URL, or this machine's own")
def login(url: str | None) -> None:
    """Ask for name and password, and keep a token that only you can read."""
    from portal.client import HERE, Client

    environ = configs.environment()
    address = (url or environ.get("FULLCYCLE_URL") or configs.load(environ).address).rstrip("/")
    portal = Client(Login(address, ""))
    if address.startswith("http://") and urlsplit(address).hostname not in HERE:
        click.echo(f"{address} is not encrypted: whoever is on the way can read your password.", err=True)
    is_typed = sys.stdin.isatty()  # what comes through a pipe is not shown anyway
    asked = {"account": click.prompt("Name"), "password": click.prompt("Password", hide_input=is_typed)}
    answer = portal.post("/tokens", asked | {"name": f"terminal on {socket.gethostname()}"[:80]})
    path = keyring.saved_at(environ)
    keyring.write(path, Login(address, str(answer["token"])))
    click.echo(f"Logged in to {address} until {answer['expires_at'][:10]}. The token is in {path}.")


COMMANDS: Mapping[str, click.Command] = {"login": login}
