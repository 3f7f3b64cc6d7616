"""Everything that is wrong with a repository's catalog files, at once, and the entities that are right.

Each document stands alone: a broken one takes nothing with it. What Backstage refuses breaks an entity. What it takes
and can never resolve (an owner called `my team`) is an error too, but the entity itself stays good; so is what the
readers of our own blocks under `spec` find, which are passed in.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from catalog import faults, yamlfile
from catalog.entities import Entity, entity
from catalog.places import Document, Problem, quoted
from catalog.refs import Ref
from catalog.wording import name

FILE = "catalog-info.yaml"

# Below these folders a catalog file is an example or a template, and describes nothing that runs.
NOT_READ = frozenset(
    ("examples", "example", "tests", "test", "testdata", "fixtures", "templates", "skeleton", "node_modules", "vendor")
)

BlockReader = Callable[[Document, tuple[str, ...]], Sequence[Problem]]
Prepare = Callable[[Document], tuple[Document, Sequence[Problem]]]

MAX_PROBLEMS = 100  # that are told of one file
_NEAR = 0.75  # how alike `deply` and `deploy` must be for a warning


@dataclass(frozen=True)
class Validated:
    """What the files say. `broken` names the entities whose document can be recognised but not used."""

    entities: tuple[Entity, ...]
    problems: tuple[Problem, ...]
    broken: frozenset[Ref] = frozenset()


def validate(
    files: Mapping[str, bytes], blocks: Mapping[str, BlockReader] | None = None, prepare: Prepare | None = None
) -> Validated:
    """Read every file and return all that is right and all that is wrong. No text makes this raise.

    `prepare` is asked for each document that says who it is, before its kind is checked: it may fill in what stands
    elsewhere (an owner, a text). An error that it returns breaks the entity.
    """
    entities: dict[Ref, Entity] = {}
    problems: list[Problem] = []
    broken: set[Ref] = set()
    for path, text in files.items():
        documents, unreadable = yamlfile.read(text, path)
        problems += unreadable
        for document in documents:
            ref = _identity(document)
            found = _of_one(document, ref, blocks or {}, prepare)
            problems += found.problems
            if ref and found.broken:
                broken.add(ref)
            for made in found.entities:
                if made.ref in entities:
                    problems.append(_conflict(made, entities[made.ref]))
                else:
                    entities[made.ref] = made
    return Validated(tuple(entities.values()), _first(problems), frozenset(broken - entities.keys()))


def _first(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return the problems in the order of their places, of each file no more than somebody would read."""
    told: list[Problem] = []
    for _, of_file in groupby(sorted(problems, key=lambda problem: problem.place), lambda problem: problem.place.path):
        found = list(of_file)
        told += found[:MAX_PROBLEMS]
        if rest := found[MAX_PROBLEMS:]:
            said, hint = f"this file has {len(rest)} problems more, from here", "mend the first ones and look again"
            severity = "error" if any(problem.severity == "error" for problem in rest) else "warning"
            told.append(Problem(rest[0].place, "too-many", said, hint, severity))
    return tuple(told)


def _conflict(second: Entity, first: Entity) -> Problem:
    return Problem(
        second.place,
        "conflict",
        f"name: {second.ref} is described at {first.place} already",
        "give one of them another name",
        entity=str(second.ref),
    )


@dataclass(frozen=True)
class _Found:
    entities: tuple[Entity, ...]
    problems: tuple[Problem, ...]
    broken: bool


def _of_one(document: Document, ref: Ref | None, blocks: Mapping[str, BlockReader], prepare: Prepare | None) -> _Found:
    template = _template(document)
    if template:
        return _Found((), (template,), broken=False)
    found = faults.envelope(document)
    if prepare and ref and isinstance(document.value(("spec",)), dict):
        document, said = prepare(document)
        found += said
    found += faults.of(document)
    wrong = [problem for problem in found if problem.severity == "error" and problem.code not in faults.BEARABLE]
    found += _blocks(document, blocks)
    broken = bool(wrong) or not document.sound
    made = () if broken else (entity(document),)
    named = str(ref or "")
    return _Found(made, tuple(replace(one, entity=one.entity or named) for one in found), broken)


def _template(document: Document) -> Problem | None:
    """A skeleton may be good YAML with `${{ values.name }}` for a name; it is no entity, and that is one problem."""
    where = ("metadata", "name")
    if "{{" not in str(document.value(where)):
        return None
    return Problem(
        document.place(where, key=True),
        "template",
        f"name: {quoted(document.value(where))} is still to be filled in, so this is a template and no entity",
        "give the template another file name",
    )


def _identity(document: Document) -> Ref | None:
    """Return who the document claims to be, however broken the rest is."""
    said = [document.value(("kind",)), document.value(("metadata", "name"))]
    namespace = document.value(("metadata", "namespace")) or "default"
    if not all(isinstance(part, str) and part for part in (*said, namespace)):
        return None
    return Ref(said[0], namespace, said[1])


def _blocks(document: Document, blocks: Mapping[str, BlockReader]) -> list[Problem]:
    spec = document.value(("spec",))
    if not isinstance(spec, dict):
        return []
    problems = [found for block, read in blocks.items() if block in spec for found in read(document, ("spec", block))]
    for key in spec:
        if key in faults.KNOWN or key in blocks or key.startswith("x-"):
            continue
        near = _near(key, [block for block in blocks if block not in spec])
        if near:
            place = document.place(("spec", key), key=True)
            message = f"{name(('spec',))}{quoted(key)} is not read by anybody"
            problems.append(Problem(place, "near-miss", message, f'did you mean "{near}"?', "warning"))
    return problems


def _near(key: str, blocks: Sequence[str]) -> str:
    return next(iter(difflib.get_close_matches(key, blocks, n=1, cutoff=_NEAR)), "")
