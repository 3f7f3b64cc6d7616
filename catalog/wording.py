"""What a machine says about a file, said to the person who wrote it: a sentence, a place, and what was probably meant.

Turns pydantic's errors and the YAML parser's into problems. A value that fits no member of a union gives one problem,
that of the member it comes nearest to.
"""

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, RootModel, ValidationError

from catalog.places import Document, Path, Problem, did_you_mean, quoted

_NEEDS = {  # the end of pydantic's error type -> what is needed
    "string_type": "text",
    "string_sub_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping of keys",
    "mapping_type": "a mapping of keys",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "none_required": "nothing",
}


@dataclass(frozen=True)
class _Complaint:
    """One of pydantic's errors, with the path in the document and the union members it went through."""

    path: Path
    tags: tuple[tuple[int, str], ...]  # (length of the path where the union stands, member)
    error: Mapping[str, Any]


def problems_of(
    error: ValidationError,
    document: Document,
    prefix: Sequence[str | int] = (),
    *,
    model: type[BaseModel] | None = None,
) -> list[Problem]:
    """Return pydantic's errors as located problems. `prefix` is where the validated value stands in the document.

    `model` is what the value was read as, for “did you mean”; without it the model is found by the error's title.
    """
    start = tuple(prefix)
    complaints = [_complaint(said, document, start) for said in error.errors(include_url=False)]
    complaints = [complaint for complaint in complaints if not _only_counts_the_good(complaint, document)]
    root = model or _named(error.title)
    return [_problem(complaint, document, start, root) for complaint in _one_per_union(complaints)]


def _complaint(said: Mapping[str, Any], document: Document, start: Path) -> _Complaint:
    """Tell the steps in the document from the names of union members, which stand for no key."""
    path, tags = start, []
    steps = said["loc"]
    for number, step in enumerate(steps):
        last = number == len(steps) - 1
        value = document.value(path)
        there = step in value if isinstance(value, dict) else isinstance(value, list) and isinstance(step, int)
        if there or (last and said["type"] == "missing"):
            path = (*path, step)
        elif step != "[key]":
            tags.append((len(path), str(step)))
    return _Complaint(path, tuple(tags), said)


def _only_counts_the_good(complaint: _Complaint, document: Document) -> bool:
    """A list whose items are wrong is not too short as well, though pydantic, which has none left, says so."""
    if complaint.error["type"] != "too_short":
        return False
    value = document.value(complaint.path)
    return isinstance(value, list | dict) and len(value) >= complaint.error["ctx"]["min_length"]


def _one_per_union(complaints: list[_Complaint]) -> list[_Complaint]:
    """Keep, of the members of each union, the one whose shape fits and that has least to complain about."""
    unions = sorted({complaint.path[:at] for complaint in complaints for at, _ in complaint.tags}, key=len)
    for union in unions:
        members: dict[str, list[_Complaint]] = {}
        for complaint in complaints:
            tag = dict(complaint.tags).get(len(union))
            if tag is not None and complaint.path[: len(union)] == union:
                members.setdefault(tag, []).append(complaint)
        if len(members) < 2:
            continue
        nearest = min(members.values(), key=lambda said: (any(one.path == union for one in said), len(said)))
        if all(any(one.path == union for one in said) for said in members.values()):
            nearest = [_either(union, [said[0] for said in members.values()])]
        outside = [one for one in complaints if not any(one in said for said in members.values())]
        complaints = outside + nearest
    return complaints


def _either(union: Path, members: list[_Complaint]) -> _Complaint:
    needs = list(dict.fromkeys(_needed(one.error) for one in members))
    error = {"type": "either", "msg": f"needs {' or '.join(needs)}", "input": members[0].error["input"], "loc": ()}
    return _Complaint(union, (), error)


def _needed(error: Mapping[str, Any]) -> str:
    if error["type"] in ("literal_error", "enum"):
        return str(error["ctx"]["expected"]).replace("'", '"')
    return _NEEDS.get(error["type"], str(error["msg"])[:1].lower() + str(error["msg"])[1:])


def _problem(complaint: _Complaint, document: Document, start: Path, root: type[BaseModel] | None) -> Problem:
    error, path = complaint.error, complaint.path
    kind = error["type"]
    if kind == "missing":
        return Problem(document.place(path[:-1], key=True), kind, f"{name(path[:-1])}{quoted(path[-1])} is missing")
    if kind == "union_tag_not_found":
        key = str(error["ctx"]["discriminator"]).strip("'")
        return Problem(document.place(path, key=True), "missing", f'{name(path)}"{key}" is missing')
    if kind == "extra_forbidden":
        known = _known_keys(root, error["loc"][:-1])
        hint = did_you_mean(str(path[-1]), known) or (f"known here: {', '.join(known)}" if known else "")
        message = f"{name(path[:-1])}unknown key {quoted(path[-1])}"
        return Problem(document.place(path, key=True), "unknown-key", message, hint)
    if kind == "union_tag_invalid":
        path = (*path, str(error["ctx"]["discriminator"]).strip("'"))
    message, hint = _sentence(error)
    return Problem(document.place(path, key=True), kind, name(path) + message, hint)


def name(path: Path) -> str:
    """Name what a problem is about, short, since the place says the rest.

    >>> name(("metadata", "links", 0, "url")), name(("spec", "tags", 2)), name(())
    ('url: ', 'tags[2]: ', '')
    """
    keys = [at for at, step in enumerate(path) if isinstance(step, str)]
    if not keys:
        return ""
    return str(path[keys[-1]]) + "".join(f"[{step}]" for step in path[keys[-1] + 1 :]) + ": "


def _sentence(error: Mapping[str, Any]) -> tuple[str, str]:
    kind, ctx, given = error["type"], error.get("ctx", {}), error.get("input")
    if kind in _NEEDS:
        quote = kind == "string_type" and isinstance(given, bool | int | float)
        return f"needs {_NEEDS[kind]}, not {quoted(given)}", f'write "{quoted(given)}" in quotes' if quote else ""
    if kind in ("literal_error", "enum", "union_tag_invalid"):
        expected = str(ctx.get("expected", ctx.get("expected_tags", ""))).replace("'", '"')
        if kind == "union_tag_invalid":
            expected, given = " or ".join(expected.rsplit(", ", 1)), str(ctx["tag"])
        known = expected.replace('"', "").replace(" or ", ", ").split(", ")
        return f"needs {expected}, not {quoted(given)}", did_you_mean(given, known) if isinstance(given, str) else ""
    if kind == "value_error":
        return str(ctx.get("error", error["msg"])), ""
    if kind == "either":
        return f"{error['msg']}, not {quoted(given)}", ""
    if kind in _LIMITS:
        return _LIMITS[kind](ctx), ""
    if kind == "string_pattern_mismatch":
        return f"{quoted(given)} has not the right form", f"the pattern is {ctx['pattern']}"
    return str(error["msg"])[:1].lower() + str(error["msg"])[1:], ""


_LIMITS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than_equal": lambda ctx: f"must be at least {ctx['ge']}",
    "greater_than": lambda ctx: f"must be more than {ctx['gt']}",
    "less_than_equal": lambda ctx: f"must be at most {ctx['le']}",
    "less_than": lambda ctx: f"must be less than {ctx['lt']}",
    "too_short": lambda ctx: "must not be empty" if ctx["min_length"] == 1 else f"needs at least {ctx['min_length']}",
    "too_long": lambda ctx: f"has {ctx['actual_length']} items; at most {ctx['max_length']} are allowed",
    "string_too_short": lambda ctx: "must not be empty",
    "string_too_long": lambda ctx: f"is longer than {ctx['max_length']} characters",
}


def _known_keys(root: Any, loc: Sequence[str | int]) -> list[str]:
    """Return the keys of the model that stands at pydantic's `loc` below `root`."""
    here = _members(root)
    for step in loc:
        below = [found for annotation in here for found in _below(annotation, step)]
        tagged = [annotation for annotation in here if _is_tagged(annotation, step)]
        here = below or tagged or here
    models = [annotation for annotation in here if _is_model(annotation)]
    return [field.alias or key for model in models for key, field in model.model_fields.items()]


def _members(annotation: Any) -> list[Any]:
    """Unwrap Annotated, aliases and unions to what may really stand there."""
    annotation = getattr(annotation, "__value__", annotation)
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _members(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [found for member in typing.get_args(annotation) for found in _members(member)]
    if _is_model(annotation) and issubclass(annotation, RootModel):
        return _members(annotation.model_fields["root"].annotation)
    return [] if annotation in (None, types.NoneType) else [annotation]


def _below(annotation: Any, step: str | int) -> list[Any]:
    if _is_model(annotation):
        fields = annotation.model_fields
        return [
            found for key, field in fields.items() if step in (key, field.alias) for found in _members(field.annotation)
        ]
    arguments = [argument for argument in typing.get_args(annotation) if argument is not ...]
    if isinstance(step, int):
        return [found for argument in arguments for found in _members(argument)]
    mapping = typing.get_origin(annotation)
    is_mapping = isinstance(mapping, type) and issubclass(mapping, Mapping) and len(arguments) == 2
    return _members(arguments[1]) if is_mapping else []


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _is_tagged(annotation: Any, tag: str | int) -> bool:
    if not _is_model(annotation):
        return False
    literals = [typing.get_args(field.annotation) for field in annotation.model_fields.values()]
    return annotation.__name__ == tag or any(tag in values for values in literals)


def _named(title: str) -> type[BaseModel] | None:
    """Return the model of that name; pydantic's error knows only the name."""
    waiting: list[type[BaseModel]] = [BaseModel]
    while waiting:
        model = waiting.pop()
        if model.__name__ == title:
            return model
        waiting += model.__subclasses__()
    return None


_PARSER: tuple[tuple[str, str, str], ...] = (  # what the parser says -> message, hint
    ("mapping values are not allowed", "a second “: ” in one line", "put the value in quotes, or mind the indentation"),
    ("block sequence entries are not allowed", "a list cannot begin in this line", "begin it in a line of its own"),
    ("could not find expected ':'", "this line is no “key: value”", "add a “:” or indent it"),
    ("block end>, but found", "the indentation does not fit the lines above", ""),
    ("did not find expected key", "the indentation does not fit the lines above", ""),
    ("did not find expected '-' indicator", "the indentation does not fit the list above", ""),
    ("expected ',' or '}'", "a “,” or the closing “}” is missing", ""),
    ("expected ',' or ']'", "a “,” or the closing “]” is missing", ""),
    ("found unexpected end of stream", "a quote that was opened is never closed", ""),
    ("found unexpected document", "a quote or block goes on over the end of the document", ""),
    ("expected node content", "a value is missing here, or a bracket before is never closed", ""),
    ("invalid Unicode character escape", "an escape that stands for half a character", "write the character itself"),
    ("undefined tag handle", "a tag (“!…!”) that is not declared", "put the value in quotes"),
)


def unreadable(problem: str, context: str, character: str) -> tuple[str, str]:
    """Return the message and the hint for what the YAML parser says of `character`."""
    for said, message, hint in _PARSER:
        if said in problem or said in context:
            return message, hint
    if "cannot start any token" in problem:
        if character == "\t":
            return "a tab; YAML is indented with spaces", "replace it by spaces"
        return f"a value cannot begin with {quoted(character)}", "put it in quotes"
    return f"this is not YAML: {problem}", ""
