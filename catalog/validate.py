"""Everything that is wrong with a repository's catalog files, at once, and the entities that are right.

Each document stands alone: a broken one takes nothing with it. What Backstage refuses breaks an entity. What it takes
and can never resolve (an owner called `my team`) is an error too, but the entity itself stays good; so is what the
readers of our own blocks under `spec` find, which are passed in.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from catalog import refs, yamlfile
from catalog.entities import PART_OF, SPECS, VERSIONS, Entity, entity, spec_of
from catalog.places import Document, Path, Problem, did_you_mean, quoted
from catalog.refs import Ref
from catalog.relations import FIELDS, Field
from catalog.rules import Envelope
from catalog.wording import name, problems_of

FILE = "catalog-info.yaml"

# Below these folders a catalog file is an example or a template, and describes nothing that runs.
NOT_READ = frozenset(
    ("examples", "example", "tests", "test", "testdata", "fixtures", "templates", "skeleton", "node_modules", "vendor")
)

BlockReader = Callable[[Document, tuple[str, ...]], Sequence[Problem]]
Prepare = Callable[[Document], tuple[Document, Sequence[Problem]]]

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


def _of_one(document: Document, ref: Ref | None, blocks: Mapping[str, BlockReader], prepare: Prepare | None) -> _Found:
    template = _template(document)
    if template:
        return _Found((), (template,), broken=False)
    wrong, notes = _envelope(document), []
    if prepare and ref and isinstance(document.value(("spec",)), dict):
        document, said = prepare(document)
        wrong += [problem for problem in said if problem.severity == "error"]
        notes += [problem for problem in said if problem.severity != "error"]
    wrong += _kind(document)
    for problems in (_spec(document), _references(document), _owner(document)):
        wrong += [problem for problem in problems if problem.code not in BEARABLE]
        notes += [problem for problem in problems if problem.code in BEARABLE]
    notes += [*_cases(document), *_blocks(document, blocks)]
    broken = bool(wrong) or not document.sound
    made = () if broken else (entity(document),)
    named = str(ref or "")
    return _Found(made, tuple(replace(one, entity=one.entity or named) for one in [*wrong, *notes]), broken)


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
        hint = _ELSEWHERE.get(kind) or did_you_mean(kind, VERSIONS) or f"known: {', '.join(VERSIONS)}"
        return [Problem(document.place(("kind",), key=True), "kind", f"kind: {quoted(kind)} is not known", hint)]
    if isinstance(version, str) and version not in VERSIONS[kind]:
        message = f"apiVersion: {quoted(version)} has no kind {kind}"
        hint = f"write {VERSIONS[kind][0]}"
        return [Problem(document.place(("apiVersion",), key=True), "api-version", message, hint)]
    return []


_ELSEWHERE = {"AiResource": "Backstage reads it only where its AI model is installed; describe it as a Resource"}


def _spec(document: Document) -> list[Problem]:
    spec, kind = document.value(("spec",)), document.value(("kind",))
    model = spec_of(kind, spec) if isinstance(spec, dict) else None
    if model is None:
        return []
    try:
        model.model_validate(spec)
    except ValidationError as error:
        return [_with_near_key(problem, spec) for problem in problems_of(error, document, ("spec",), model=model)]
    return []


def _references(document: Document) -> list[Problem]:
    spec, kind = document.value(("spec",)), document.value(("kind",))
    if not isinstance(spec, dict) or not isinstance(kind, str):
        return []
    fields = [field for field in FIELDS.get(kind, ()) if field.key in spec]
    return [problem for field in fields for problem in _field(document, field, spec[field.key])]


def _field(document: Document, field: Field, said: Any) -> Iterator[Problem]:
    if not document.wrote(("spec", field.key)):
        return  # an owner that was found elsewhere is judged by whoever looks it up
    listed = isinstance(said, list)
    for at, text in enumerate(said if listed else [said]):
        path: Path = ("spec", field.key, at) if listed else ("spec", field.key)
        try:
            code, message = _reference(field, text)
        except ValueError as error:
            code, message = "reference", str(error)
        if code:
            yield Problem(document.place(path, key=True), code, name(path) + message)


def _reference(field: Field, text: Any) -> tuple[str, str]:
    """Return what is wrong with a reference that Backstage takes; raise ValueError for one that it refuses."""
    if not text and field.key != "dependencyOf":
        return "", ""  # said by the schema
    if not isinstance(text, str):
        return ("reference", f"needs text, not {quoted(text)}") if field.key == "dependencyOf" else ("", "")
    refs.lenient(text, field.default_kind)
    try:
        ref = refs.parse(text, field.default_kind)
    except ValueError as error:
        return _UNRESOLVABLE, str(error)
    if field.kinds and ref.kind not in field.kinds:
        return _UNRESOLVABLE, f"{quoted(text)} is a {ref.kind}; only a {' or a '.join(field.kinds)} can stand here"
    return "", ""


_UNRESOLVABLE = "unresolvable"
BEARABLE = frozenset(
    (_UNRESOLVABLE, "inherited-owner")
)  # Backstage takes it, or another says it; the entity stays good


def _owner(document: Document) -> list[Problem]:
    """Demand an owner as Backstage does, unless there is something to inherit it from."""
    spec, kind = document.value(("spec",)), document.value(("kind",))
    if not isinstance(spec, dict) or "owner" in spec or not isinstance(kind, str) or kind not in PART_OF:
        return []
    place, message = document.place(("spec",), key=True), 'spec: "owner" is missing'
    above = next((f"{key} {spec[key]}" for key, _ in PART_OF[kind] if spec.get(key)), "")
    if above:
        hint = f"that of {above} is taken; Backstage would refuse it"
        return [Problem(place, "inherited-owner", message, hint, "warning")]
    return [_with_near_key(Problem(place, "missing", message), spec)]


def _cases(document: Document) -> Iterator[Problem]:
    """Keys that differ by case alone: Backstage takes them and drops the entity when it makes them searchable."""
    waiting: list[tuple[Path, Any]] = [((), document.data)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            if len({key.lower() for key in value}) < len(value):
                yield _case(document, path, value)
            waiting += [((*path, key), below) for key, below in value.items() if isinstance(below, dict | list)]
        else:
            waiting += [((*path, at), below) for at, below in enumerate(value) if isinstance(below, dict | list)]


def _case(document: Document, path: Path, value: Mapping[str, Any]) -> Problem:
    seen: dict[str, str] = {}
    for key in value:
        if key.lower() in seen:
            break
        seen[key.lower()] = key
    message = f"{name(path)}{quoted(key)} and {quoted(seen[key.lower()])} differ only by case"
    return Problem(document.place((*path, key), key=True), "case", message, "keep one of them; Backstage refuses both")


def _with_near_key(problem: Problem, spec: Mapping[str, Any]) -> Problem:
    """A missing `owner` beside an unknown `ownr` was misspelt; keys of `spec` are free, so nobody else says it."""
    if problem.code != "missing" or '"' not in problem.message:
        return problem
    missing = problem.message.split('"')[1]
    misspelt = [key for key in spec if did_you_mean(key, [missing]) and key != missing and key not in _KNOWN]
    return replace(problem, hint=f'is "{misspelt[0]}" meant to be it?') if misspelt else problem


_KNOWN = frozenset([*(key for model in SPECS.values() for key in model.model_fields), "dependencyOf", "remotes", "if"])


def _blocks(document: Document, blocks: Mapping[str, BlockReader]) -> list[Problem]:
    spec = document.value(("spec",))
    if not isinstance(spec, dict):
        return []
    problems = [found for block, read in blocks.items() if block in spec for found in read(document, ("spec", block))]
    for key in spec:
        if key in _KNOWN or key in blocks or key.startswith("x-"):
            continue
        near = _near(key, [block for block in blocks if block not in spec])
        if near:
            place = document.place(("spec", key), key=True)
            message = f"{name(('spec',))}{quoted(key)} is not read by anybody"
            problems.append(Problem(place, "near-miss", message, f'did you mean "{near}"?', "warning"))
    return problems


def _near(key: str, blocks: Sequence[str]) -> str:
    return next(iter(difflib.get_close_matches(key, blocks, n=1, cutoff=_NEAR)), "")
