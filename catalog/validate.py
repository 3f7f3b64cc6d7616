"""Everything that is wrong with a repository's catalog files, at once, and the entities that are right.

Each document stands alone: a broken one takes nothing with it. Our own blocks under `spec` are checked by readers that
are passed in; what they find is a problem of the block, and the entity itself stays good.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from catalog import yamlfile
from catalog.entities import SPECS, VERSIONS, Entity, entity
from catalog.places import Document, Problem, did_you_mean, quoted
from catalog.refs import Ref
from catalog.rules import Envelope
from catalog.wording import name, problems_of

FILE = "catalog-info.yaml"

# Below these folders a catalog file is an example or a template, and describes nothing that runs.
NOT_READ = frozenset(
    ("examples", "example", "tests", "test", "testdata", "fixtures", "templates", "skeleton", "node_modules", "vendor")
)

BlockReader = Callable[[Document, tuple[str, ...]], Sequence[Problem]]

_NEAR = 0.75  # how alike `deply` and `deploy` must be for a warning


@dataclass(frozen=True)
class Validated:
    """What the files say. `broken` names the entities whose document can be recognised but not used."""

    entities: tuple[Entity, ...]
    problems: tuple[Problem, ...]
    broken: frozenset[Ref] = frozenset()


def validate(files: Mapping[str, bytes], blocks: Mapping[str, BlockReader] | None = None) -> Validated:
    """Read every file and return all that is right and all that is wrong. No text makes this raise."""
    entities: dict[Ref, Entity] = {}
    problems: list[Problem] = []
    broken: set[Ref] = set()
    for path, text in files.items():
        documents, unreadable = yamlfile.read(text, path)
        problems += unreadable
        for document in documents:
            ref = _identity(document)
            found = _of_one(document, blocks or {}, str(ref or ""))
            problems += found.problems
            if found.broken and ref:
                broken.add(ref)
            for made in found.entities:
                if made.ref in entities:
                    problems.append(_conflict(made, entities[made.ref]))
                else:
                    entities[made.ref] = made
    ordered = sorted(problems, key=lambda problem: problem.place)
    return Validated(tuple(entities.values()), tuple(ordered), frozenset(broken - entities.keys()))


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


def _of_one(document: Document, blocks: Mapping[str, BlockReader], ref: str) -> _Found:
    template = _template(document)
    if template:
        return _Found((), (template,), broken=False)
    wrong = [*_envelope(document), *_kind(document), *_spec(document)]
    notes = _blocks(document, blocks)
    broken = bool(wrong) or not document.sound
    made = () if broken else (entity(document),)
    return _Found(made, tuple(replace(problem, entity=problem.entity or ref) for problem in [*wrong, *notes]), broken)


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


def _envelope(document: Document) -> list[Problem]:
    try:
        Envelope.model_validate(document.data)
    except ValidationError as error:
        return problems_of(error, document, (), model=Envelope)
    return []


def _kind(document: Document) -> list[Problem]:
    kind, version = document.value(("kind",)), document.value(("apiVersion",))
    if not isinstance(kind, str):
        return []  # said by the envelope
    if kind not in VERSIONS:
        hint = did_you_mean(kind, VERSIONS) or f"known: {', '.join(VERSIONS)}"
        return [Problem(document.place(("kind",), key=True), "kind", f"kind: {quoted(kind)} is not known", hint)]
    if isinstance(version, str) and "/" in version and version not in VERSIONS[kind]:
        message = f"apiVersion: {quoted(version)} has no kind {kind}"
        hint = f"write {VERSIONS[kind][0]}"
        return [Problem(document.place(("apiVersion",), key=True), "api-version", message, hint)]
    return []


def _spec(document: Document) -> list[Problem]:
    spec, kind = document.value(("spec",)), document.value(("kind",))
    model = SPECS.get(kind) if isinstance(kind, str) else None
    if model is None or not isinstance(spec, dict):
        return []
    try:
        model.model_validate(spec)
    except ValidationError as error:
        return [_with_near_key(problem, spec) for problem in problems_of(error, document, ("spec",), model=model)]
    return []


def _with_near_key(problem: Problem, spec: Mapping[str, Any]) -> Problem:
    """A missing `owner` beside an unknown `ownr` was misspelt; keys of `spec` are free, so nobody else says it."""
    if problem.code != "missing" or '"' not in problem.message:
        return problem
    missing = problem.message.split('"')[1]
    misspelt = [key for key in spec if did_you_mean(key, [missing]) and key != missing and key not in _KNOWN]
    return replace(problem, hint=f'is "{misspelt[0]}" meant to be it?') if misspelt else problem


_KNOWN = frozenset(key for model in SPECS.values() for key in model.model_fields)


def _blocks(document: Document, blocks: Mapping[str, BlockReader]) -> list[Problem]:
    spec = document.value(("spec",))
    if not isinstance(spec, dict):
        return []
    problems = [found for block, read in blocks.items() if block in spec for found in read(document, ("spec", block))]
    for key in spec:
        near = _near(key, [block for block in blocks if block not in spec])
        if near and key not in _KNOWN and key not in blocks and not key.startswith("x-"):
            place = document.place(("spec", key), key=True)
            message = f"{name(('spec',))}{quoted(key)} is not read by anybody"
            problems.append(Problem(place, "near-miss", message, f'did you mean "{near}"?', "warning"))
    return problems


def _near(key: str, blocks: Sequence[str]) -> str:
    return next(iter(difflib.get_close_matches(key, blocks, n=1, cutoff=_NEAR)), "")
