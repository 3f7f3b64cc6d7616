"""`fullcycle catalog owner`: who answers for an entity, and every step that leads there."""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import click

from catalog import refs
from ledger.errors import Code, Error

Told = Mapping[str, Any]


@click.command()
@click.argument("ref", metavar="REF")
@click.option("--at", metavar="TIME|COMMIT", help="as it was then: 2026-03-02, 2026-03-02T14:30Z, or a commit")
@click.option("--json", "as_json", is_flag=True, help="for programs")
def owner(ref: str, at: str | None, as_json: bool) -> None:
    """Explain who answers for REF, which is kind:namespace/name, or the name of a component.

    Exit 1 when nobody does. --at reads the repositories as they were: a commit is one of the repository that describes
    REF, a time is UTC unless it says otherwise, and a day is meant with its end.
    """
    # Not sooner: `catalog validate` needs no portal, and should not wait for what talks to one.
    from portal.cli.deploys import connect

    try:
        asked = refs.parse(ref, "component")
    except ValueError as error:
        raise Error(Code.INVALID, f"{error}") from None
    path = "/".join(quote(part, safe="") for part in (asked.kind, asked.namespace, asked.name))
    told = connect().get(f"/owners/{path}", at=at)
    click.echo(json.dumps(told) if as_json else "\n".join(map(_line, lines(told))))
    sys.exit(0 if told["answers"] else 1)


def _line(text: str) -> str:
    """Keep a line one line: a title is written by anybody."""
    return "".join(sign if sign.isprintable() else "·" for sign in text)


def lines(told: Told) -> Iterator[str]:
    """Who answers in one line, then each step with its place, then what was read and what could not be."""
    yield _answer(told)
    for number, step in enumerate(told["steps"], 1):
        place = f"  ({step['path']}:{step['line']}:{step['column']})" if step["path"] else ""
        yield f"  {number}. {step['text']}{place}"
    if told["people"]:
        yield "people"
    for person in told["people"]:
        through = " < ".join(ref.partition(":")[2].removeprefix("default/") for ref in reversed(person["through"]))
        yield f"  {person['name']}  {person['ref']}" + (f"  through {through}" if through else "")
    if told["problem"]:
        problem = told["problem"]
        yield f"{problem['severity']}: {problem['message']}" + (f"; {problem['hint']}" if problem["hint"] else "")
    for commit in told["commits"]:
        at = f"{commit['sha'][:7]} of {_moment(commit['at'])}"
        yield f"read {commit['repository']} at {at}: {commit['subject']}"
    for note in told["notes"]:
        yield f"note: {note}"


def _answer(told: Told) -> str:
    when = f" at {_moment(told['at'])}" if told["at"] else ""
    owner = f"{told['title']} ({told['owner']}), {told['provenance']}" if told["owner"] else told["provenance"]
    if told["answers"]:
        return f"{told['ref']} belongs to {owner}{when}"
    return f"nobody answers for {told['ref']}{when}: " + ("it belongs to " if told["owner"] else "") + owner


def _moment(at: str) -> str:
    return at[:16].replace("T", " ") + " UTC"
