"""What is wrong with one document, whatever else its file says: its envelope, its kind, its references, its owner.

What Backstage refuses is told apart by `BEARABLE` from what it takes and can never resolve. Measured on its own
packages; the order of the checks does not matter, since everything is said at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from catalog import refs
from catalog.entities import PART_OF, SPECS, VERSIONS, McpServerSpec, spec_of
from catalog.places import Document, Path, Problem, did_you_mean, quoted
from catalog.relations import FIELDS, Field
from catalog.rules import Envelope, Fields
from catalog.wording import name, problems_of

OWNER_FORM = "owner-form"  # whoever knows all groups and their other names says it better, and may drop this one
BEARABLE = frozenset((OWNER_FORM, "reference-form", "inherited-owner", "case"))  # what leaves the entity good

# The keys of `spec` that Backstage reads in one kind or another.
_MODELS: tuple[type[Fields], ...] = (*SPECS.values(), McpServerSpec)
KNOWN = frozenset(field.alias or key for model in _MODELS for key, field in model.model_fields.items()) | {
    "dependencyOf"
}


def of(document: Document) -> Iterator[Problem]:
    """Yield what is wrong below the envelope."""
    yield from _kind(document)
    yield from _spec(document)
    yield from _references(document)
    yield from _owner(document)
    yield from _cases(document)


def envelope(document: Document) -> list[Problem]:
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
    for at, text in enumerate(said if listed else [said] if said or said == {} else []):
        path: Path = ("spec", field.key, at) if listed else ("spec", field.key)
        for code, message, hint in _reference(field, text):
            yield Problem(document.place(path, key=True), code, name(path) + message, hint)


def _reference(field: Field, text: Any) -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong with one reference: code, message, hint."""
    if not text or not isinstance(text, str):
        if field.key == "dependencyOf":  # not in Backstage's schema, but read
            yield "reference", f"needs text, not {quoted(text)}", ""
        return
    owner = field.key == "owner"
    code, hint = (OWNER_FORM, "write the name of a group, or user:name") if owner else ("reference-form", "")
    try:
        ref = refs.parse(text, field.default_kind)
    except ValueError as error:
        yield (code, str(error), hint) if _is_taken(text, field) else ("reference", str(error), "")
        return
    if field.kinds and ref.kind not in field.kinds:
        yield code, f"{quoted(text)} is no {' and no '.join(field.kinds)}", hint


def _is_taken(text: str, field: Field) -> bool:
    try:
        refs.lenient(text, field.default_kind)
    except ValueError:
        return False
    return True


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
    misspelt = [key for key in spec if did_you_mean(key, [missing]) and key != missing and key not in KNOWN]
    return replace(problem, hint=f'is "{misspelt[0]}" meant to be it?') if misspelt else problem
