"""`fullcycle catalog`: what can be said about catalog files without a portal."""

import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from catalog import naming, ownership
from catalog.entities import Entity
from catalog.faults import OWNER_FORM
from catalog.groups import Directory
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
    well be known to the portal, and nothing is said. A file counts once, whichever ways lead to it. Ends with 1 when
    there is an error; a warning is none.
    """
    names = {os.path.realpath(path): str(path) for path in paths if not path.is_dir()}
    readings = [_reading(path, names) for path in paths]
    found = together(reading for reading in readings if reading.paths)
    if not found.paths:
        raise click.UsageError(f"there is no {FILE} in {' or '.join(map(str, paths))}")
    problems = sorted(_problems(found), key=lambda problem: problem.place)
    click.echo(_as_json(problems) if as_json else _as_text(problems, found))
    raise SystemExit(1 if any(problem.severity == "error" for problem in problems) else 0)


def _reading(path: Path, names: dict[str, str]) -> Reading:
    """Read a folder as a sync would, or one file with what it names in its repository.

    `names`: how each file is written, by its real path, so that it is known again; what is new is added.
    """
    if path.is_dir():
        return read(FolderTree(path), BLOCKS, shown=partial(_name, path, names))
    real = path.resolve()
    folder = next((above for above in real.parents if (above / ".git").exists()), real.parent)
    relative = Path(os.path.relpath(folder))
    return read_only(FolderTree(folder), BLOCKS, [str(real.relative_to(folder))], shown=partial(_name, relative, names))


def _name(folder: Path, names: dict[str, str], found: str) -> str:
    """Return how a file is written: as it was first."""
    return names.setdefault(os.path.realpath(folder / found), os.path.normpath(folder / found))


def _problems(found: Reading) -> list[Problem]:
    """Return what is wrong; where groups or people are described, what is said of an owner is what they make of it."""
    known = ownership.directory_of(found.entities)
    described = {kind for kind, there in (("group", known.groups), ("user", known.people)) if there}
    asked = [one for one in found.entities if one.owner and (one.owner.kind in described or _is_found(one, known))]
    judged = {str(entity.ref) for entity in asked}
    kept = [one for one in found.problems if one.code != OWNER_FORM or one.entity not in judged]
    return [*kept, *ownership.problems(asked, known)]


def _is_found(entity: Entity, known: Directory) -> bool:
    """Say whether the owner is somebody who is described, by whatever name."""
    return naming.find(ownership.claim_of(entity), known).how != "unknown"


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
