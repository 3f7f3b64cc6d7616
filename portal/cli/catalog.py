"""`fullcycle catalog`: what can be said about catalog files without a portal."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import click

from catalog import ownership
from catalog.faults import OWNER_FORM
from catalog.places import Problem
from catalog.reading import Reading, read, read_only, together
from catalog.trees import FolderTree
from catalog.validate import FILE
from portal.blocks import BLOCKS
from portal.cli import repositories
from portal.cli.owner import owner
from portal.cli.schema import schema
from portal.cli.simulate import simulate


@click.group()
def catalog() -> None:
    """Catalog files, for which no portal is needed, and what a portal reads of them."""


@catalog.command("validate")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="A list of problems for programs.")
def check(paths: Sequence[Path], as_json: bool) -> None:
    """Say everything that is wrong in PATHS, which are files or folders to look through.

    What they name counts as well: targets of Locations, placeholders, and the owners of CODEOWNERS.
    Owners are looked up among the groups and people that these files describe; where they describe none, an owner may
    well be known to the portal, and nothing is said. Ends with 1 when there is an error; a warning is none.
    """
    readings = [_reading(path) for path in paths]
    found = together(reading for reading in readings if reading.paths)
    if not found.paths:
        raise click.UsageError(f"there is no {FILE} in {' or '.join(map(str, paths))}")
    problems = sorted(_problems(found), key=lambda problem: problem.place)
    click.echo(_as_json(problems) if as_json else _as_text(problems, found))
    raise SystemExit(1 if any(problem.severity == "error" for problem in problems) else 0)


def _reading(path: Path) -> Reading:
    """Read a folder as a sync would, or one file with what it names in its repository."""
    if path.is_dir():
        return read(FolderTree(path), BLOCKS, shown=lambda found: str(path / found))
    real = path.resolve()
    folder = next((above for above in real.parents if (above / ".git").exists()), real.parent)
    file = str(real.relative_to(folder))

    def shown(found: str) -> str:
        return str(path) if found == file else os.path.relpath(folder / found)

    return read_only(FolderTree(folder), BLOCKS, [file], shown=shown)


def _problems(found: Reading) -> list[Problem]:
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


def _as_text(problems: Sequence[Problem], found: Reading) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    summary = f"{_count(len(found.paths), 'file')}, {len(found.entities)} good, {_count(errors, 'error')}"
    summary += f", {_count(len(problems) - errors, 'warning')}"
    return "\n".join([*map(str, problems), summary])


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


for command in (owner, schema, simulate):  # each in a file of its own
    catalog.add_command(command)
for command in repositories.COMMANDS:
    catalog.add_command(command)

COMMANDS = {"catalog": catalog}
