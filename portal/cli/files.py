"""What commands on files share: a file or standard input is read, and everything wrong with it is said."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from catalog.places import Problem
from catalog.yamlfile import MAX_BYTES
from ledger.errors import Code, Error
from portal.client import printable

SHOWN = 20  # problems


def text(file: str) -> bytes:
    """Read a little more than is allowed at most: the reader says what is too large."""
    if file == "-":
        return sys.stdin.buffer.read(2 * MAX_BYTES)
    try:
        with Path(file).open("rb") as opened:
            return opened.read(2 * MAX_BYTES)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "that is no name of a file"
        raise Error(Code.NOT_FOUND, f"{printable(file)} cannot be read ({why}).") from None


def complain(problems: Sequence[Problem], as_json: bool, code: int) -> NoReturn:
    """Say what is wrong, the first of it for people and all of it for programs, and exit with that code."""
    if as_json:
        places = [{"path": one.place.path, "line": one.place.line, "column": one.place.column} for one in problems]
        said = [{"code": one.code, "message": one.message, "hint": one.hint} for one in problems]
        both = [place | one for place, one in zip(places, said, strict=True)]
        click.echo(json.dumps({"problems": both}, indent=2, ensure_ascii=False, allow_nan=False))
    for one in problems[:SHOWN]:
        click.echo(printable(str(one)), err=True)
    if len(problems) > SHOWN:
        click.echo(f"and {len(problems) - SHOWN:,} more", err=True)
    sys.exit(code)
