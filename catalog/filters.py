"""What is asked of entities, as one small tree: from `filter=` of an address, or from a predicate in a body.

Both are Backstage's, with its rules: keys and values count in lower case, `a` alone means that there is an a, the same
key twice means either value. Pure; raises Error(INVALID) with a sentence, and nothing else, whatever is asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.flat import MAX_KEY, MAX_VALUE, as_text, is_storable
from ledger.errors import Code, Error

MAX_DEPTH = 20
MAX_PARTS = 500  # leaves of one tree
MAX_VALUES = 10_000  # of all leaves

Predicate = Any  # JSON, as a body has it


@dataclass(frozen=True)
class Exists:
    """There is such a key, whatever its value."""

    key: str


@dataclass(frozen=True)
class OneOf:
    """The key has one of these values. None of them: nothing fits."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Prefix:
    """The key has a value that begins so. An empty beginning asks for any value at all."""

    key: str
    prefix: str


@dataclass(frozen=True)
class Every:
    """All of these hold; none of them: everything fits."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True)
class Any_:
    """One of these holds; none of them: nothing fits."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True)
class Not:
    part: "Node"


Node = Exists | OneOf | Prefix | Every | Any_ | Not


def from_query(filters: Sequence[str]) -> Predicate | None:
    """Return what the `filter` parameters of one address ask, as a predicate; None when they ask nothing.

    >>> from_query(["kind=component,spec.type=a,spec.type=b", "metadata.tags.java"])
    {'$any': [{'$all': [{'kind': 'component'}, {'spec.type': {'$in': ['a', 'b']}}]}, \
{'metadata.tags.java': {'$exists': True}}]}
    """
    groups = [group for group in map(_statements, filters) if group]
    either = [group[0] if len(group) == 1 else {"$all": group} for group in groups]
    if not either:
        return None
    return either[0] if len(either) == 1 else {"$any": either}


def _statements(text: str) -> list[Predicate]:
    asked: dict[str, list[str]] = {}
    for statement in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = statement.partition("=")
        key = key.strip()
        if not key:
            said = f"Invalid filter, '{statement}' is not a valid statement"
            raise Error(Code.INVALID, f"{said} (expected a string on the form a=b or a= or a)")
        values = asked.setdefault(key, [])
        if equals:
            values.append(value.strip())
    return [_either(key, values) for key, values in asked.items()]


def _either(key: str, values: list[str]) -> Predicate:
    if not values:
        return {key: {"$exists": True}}
    return {key: values[0] if len(values) == 1 else {"$in": values}}


def tree(predicate: Predicate) -> Node:
    """Return what a predicate asks. Raises Error(INVALID) where it is none, too deep or too large.

    >>> tree({"kind": "Component", "$not": {"spec.type": "a"}})
    Traceback (most recent call last):
    ...
    ledger.errors.Error: Invalid query: $not stands alone in its object
    >>> tree({"spec.type": {"$in": ["Service", 3]}})
    OneOf(key='spec.type', values=('service', '3'))
    """
    return _Reader().node(predicate, 1)


def fits(node: Node, values: Mapping[str, str]) -> bool:
    """Answer the same question for a few values that stand in no database; keys in lower case."""
    match node:
        case Exists(key):
            return key in values
        case OneOf(key, wanted):
            return key in values and values[key].lower() in wanted
        case Prefix(key, prefix):
            return key in values and values[key].lower().startswith(prefix)
        case Every(parts):
            return all(fits(part, values) for part in parts)
        case Any_(parts):
            return any(fits(part, values) for part in parts)
        case Not(part):
            return not fits(part, values)


def _refused(said: str) -> Error:
    return Error(Code.INVALID, f"Invalid query: {said}")


class _Reader:
    """Counts what has been read of one predicate, so that no tree is larger than a database likes."""

    def __init__(self) -> None:
        self._parts = self._values = 0

    def node(self, said: Any, depth: int) -> Node:
        if not isinstance(said, Mapping):
            raise _refused('an object is needed here, like {"kind": "component"}')
        if depth > MAX_DEPTH:
            raise _refused(f"it is nested more than {MAX_DEPTH} deep")
        operators = [key for key in said if key.startswith("$")]
        if not operators:
            return _together([self._field(key, value) for key, value in said.items()])
        if len(said) > 1:
            raise _refused(f"{operators[0]} stands alone in its object")
        operator, below = operators[0], said[operators[0]]
        if operator == "$not":
            return Not(self.node(below, depth + 1))
        if operator not in ("$all", "$any"):
            raise _refused(f"{operator[:40]} is not known; it may be $all, $any or $not")
        if not isinstance(below, list):
            raise _refused(f"{operator} needs a list")
        parts = tuple(self.node(part, depth + 1) for part in below)
        return Every(parts) if operator == "$all" else Any_(parts)

    def _field(self, key: str, said: Any) -> Node:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise _refused(f"it asks for more than {MAX_PARTS} things at once")
        key = key.lower()
        if _is_primitive(said):
            return self._one_of(key, [said])
        if not isinstance(said, Mapping) or len(said) != 1:
            raise _refused(f'"{key[:MAX_KEY]}" needs a value, or one of $exists, $in, $hasPrefix and $contains')
        ((operator, value),) = said.items()
        if operator == "$exists" and isinstance(value, bool):
            return Exists(key) if value else Not(Exists(key))
        if operator == "$in" and isinstance(value, list) and all(map(_is_primitive, value)):
            return self._one_of(key, value)
        if operator == "$hasPrefix" and isinstance(value, str):
            return Prefix(key, value.lower())
        if operator == "$contains" and _is_primitive(value):
            return self._one_of(key, [value])
        if operator == "$contains" and key == "relations" and isinstance(value, Mapping):
            return self._relation(value)
        raise _refused(f'"{key[:MAX_KEY]}" has {operator[:40]} with a value that cannot stand there')

    def _one_of(self, key: str, values: Sequence[Any]) -> Node:
        self._values += len(values)
        if self._values > MAX_VALUES:
            raise _refused(f"it names more than {MAX_VALUES} values")
        asked = dict.fromkeys(as_text(value).lower() for value in values)
        return OneOf(key, tuple(value for value in asked if len(value) <= MAX_VALUE and is_storable(value)))

    def _relation(self, said: Mapping[str, Any]) -> Node:
        known = {key.lower(): value for key, value in said.items()}
        type_, target = known.get("type"), known.get("targetref")
        if len(known) != len(said) or not known.keys() <= {"type", "targetref"}:
            raise _refused('$contains on "relations" takes "type" and "targetRef", each once')
        if not isinstance(type_, str) or not type_:
            raise _refused('$contains on "relations" needs a "type"')
        key = f"relations.{type_.lower()}"
        if "targetref" not in known:
            return Exists(key)
        values = target["$in"] if isinstance(target, Mapping) and list(target) == ["$in"] else [target]
        if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
            raise _refused('"targetRef" is a reference, or {"$in": [references]} with at least one')
        return self._one_of(key, values)


def _together(parts: list[Node]) -> Node:
    return parts[0] if len(parts) == 1 else Every(tuple(parts))


def _is_primitive(value: Any) -> bool:
    return isinstance(value, str | int | float)  # True and False are numbers here
