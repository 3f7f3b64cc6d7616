"""`fullcycle catalog`: what can be said about catalog files without a portal."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from catalog import ownership
from catalog.faults import OWNER_FORM
from catalog.places import Problem
from catalog.validate import FILE, NOT_READ, Validated, validate
from catalog.yamlfile import MAX_BYTES
from portal.blocks import BLOCKS
from portal.cli.owner import owner
from portal.cli.schema import schema


@click.group()
def catalog() -> None:
    """Ask about catalog-info.yaml files; no portal is needed."""


@catalog.command("validate")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="A list of problems for programs.")
def check(paths: Sequence[Path], as_json: bool) -> None:
    """Say everything that is wrong in PATHS, which are files or folders to look through.

    Owners are looked up among the groups and people that these files describe; where they describe none, an owner may
    well be known to the portal, and nothing is said. Ends with 1 when there is an error; a warning is none.
    """
    files = {str(path): _start(path) for path in _files(paths)}
    if not files:
        raise click.UsageError(f"there is no {FILE} in {' or '.join(map(str, paths))}")
    found = validate(files, BLOCKS)
    problems = sorted(_problems(found), key=lambda problem: problem.place)
    click.echo(_as_json(problems) if as_json else _as_text(problems, found, len(files)))
    raise SystemExit(1 if any(problem.severity == "error" for problem in problems) else 0)


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the files themselves, and below a folder what a sync would read; links are not followed."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if name != ".git" and name.lower() not in NOT_READ)
            if FILE in names and not (Path(folder) / FILE).is_symlink():
                yield Path(folder) / FILE


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)  # one byte more is enough to be called too large


def _problems(found: Validated) -> list[Problem]:
    """Return what is wrong; where groups or people are described, what is said of an owner is what they make of it."""
    known = ownership.directory_of(found.entities)
    described = {kind for kind, there in (("group", known.groups), ("user", known.people)) if there}
    asked = [entity for entity in found.entities if entity.owner and entity.owner.kind in described]
    judged = {str(entity.ref) for entity in asked}
    kept = [one for one in found.problems if one.code != OWNER_FORM or one.entity not in judged]
    return [*kept, *ownership.problems(asked, known)]


def _as_json(problems: Sequence[Problem]) -> str:
    return json.dumps(
        [
            {
                "path": problem.place.path,
                "line": problem.place.line,
                "column": problem.place.column,
                "entity": problem.entity,
                "severity": problem.severity,
                "code": problem.code,
                "message": problem.message,
                "hint": problem.hint,
            }
            for problem in problems
        ],
        indent=2,
        ensure_ascii=False,
    )


def _as_text(problems: Sequence[Problem], found: Validated, files: int) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    summary = f"{_count(files, 'file')}, {len(found.entities)} good, {_count(errors, 'error')}"
    summary += f", {_count(len(problems) - errors, 'warning')}"
    return "\n".join([*map(str, problems), summary])


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


for command in (owner, schema):  # each in a file of its own
    catalog.add_command(command)

COMMANDS = {"catalog": catalog}
