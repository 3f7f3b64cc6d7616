"""The mapping that says what stands where in somebody's JSON. Pure.

It is a person's, so all that is wrong with it is said at once. How to write one is in docs/intake.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog.places import did_you_mean
from ledger.errors import Code, Error
from oncall import bounds, paths
from oncall.paths import MISSING, Path
from oncall.signal import Action
from oncall.terms import Severity

WORDS = ("title", "service", "host", "component", "group", "class", "happened", "runbook", "client", "client_url")
CHOICES = ("action", "severity")
KEYS = (*WORDS, *CHOICES, "key", "labels", "details", "links", "each")
MOST_PARTS = 20  # of a key, labels or links in a mapping


@dataclass(frozen=True)
class Value:
    """A constant, or what stands at a path."""

    constant: str = ""
    path: Path | None = None
    said: str = ""

    def of(self, *documents: Any) -> Any:
        """Return it from the first document that has it, else MISSING."""
        if self.path is None:
            return self.constant
        every = (paths.found(document, self.path) for document in documents)
        return next((value for value in every if value is not MISSING), MISSING)


@dataclass(frozen=True)
class Choice:
    """A value that is translated; `otherwise` is meant when nothing stands there or the word is not in `values`."""

    value: Value
    values: Mapping[str, str] = field(default_factory=dict)
    otherwise: str = ""


@dataclass(frozen=True)
class Mapped:
    """A mapping that is good. Made by `mapping`."""

    words: Mapping[str, Value]
    choices: Mapping[str, Choice]
    key: tuple[Value, ...] = ()
    labels: Mapping[str, Value] | Value = field(default_factory=dict)
    links: Mapping[str, Value] = field(default_factory=dict)
    details: Value = Value(path=(), said="$")
    each: Value | None = None


def mapping(document: Any) -> Mapped:
    """Return the mapping that plain data describes; raise Error with every problem there is."""
    if not isinstance(document, dict):
        raise Error(Code.INVALID, "A mapping says for each field where it stands, like `title: $.alert.name`")
    faults: list[str] = []
    for name in document:
        if name not in KEYS:
            hint = did_you_mean(str(name), KEYS) or f"known: {', '.join(KEYS)}"
            faults.append(f"{bounds.line(name, 80)}: is not known; {hint}")
    if "title" not in document:
        faults.append("title: is missing; say where the text stands that a person reads first")
    made = Mapped(
        {name: _value(document[name], name, faults) for name in WORDS if name in document},
        {name: _choice(document[name], name, faults) for name in CHOICES if name in document},
        _parts(document.get("key", []), faults),
        _labels(document.get("labels", {}), faults),
        _named(document.get("links", {}), "links", faults),
        _value(document.get("details", "$"), "details", faults),
        _value(document["each"], "each", faults) if "each" in document else None,
    )
    if made.each is not None and made.each.path is None:
        faults.append("each: needs a path to a list, like $.alerts")
    if faults:
        raise Error(Code.INVALID, "This mapping cannot be used", reasons=faults)
    return made


def _value(said: Any, place: str, faults: list[str]) -> Value:
    if isinstance(said, int | float) and not isinstance(said, bool):
        said = str(said)
    if not isinstance(said, str) or not said.strip():
        faults.append(f"{place}: needs a path like $.alert.name, or a fixed text")
    elif not said.startswith("$"):
        return Value(said)
    else:
        try:
            return Value(path=paths.path(said), said=said)
        except ValueError as error:
            faults.append(f"{place}: {error}")
    return Value()


_MEANT: Mapping[str, tuple[str, ...]] = {
    "action": (Action.TRIGGER, Action.ACKNOWLEDGE, Action.RESOLVE, Action.CHANGE),
    "severity": tuple(Severity),
}


def _choice(said: Any, place: str, faults: list[str]) -> Choice:
    if not isinstance(said, dict):
        value = _value(said, place, faults)
        if value.path is None and value.constant:
            _meant(value.constant, place, faults)
        return Choice(value)
    faults += [
        f"{place}.{bounds.line(name, 80)}: is not known; known: from, values, else" for name in said.keys() - _PARTS
    ]
    values = said.get("values", {})
    if not isinstance(values, dict):
        faults.append(f"{place}.values: needs words and what they mean, like `P1: {_MEANT[place][0]}`")
        values = {}
    for word, meant in values.items():
        _meant(meant, f"{place}.values.{bounds.line(word, 80)}", faults)
    if "else" in said:
        _meant(said["else"], f"{place}.else", faults)
    value = _value(said.get("from"), f"{place}.from", faults)
    return Choice(
        value, {bounds.line(word, 80).lower(): str(values[word]) for word in values}, str(said.get("else", ""))
    )


_PARTS = {"from", "values", "else"}


def _meant(said: Any, place: str, faults: list[str]) -> None:
    known = _MEANT[place.split(".")[0]]
    if not isinstance(said, str) or said not in known:
        hint = did_you_mean(str(said), known) or f"one of {', '.join(known)}"
        faults.append(f"{place}: {bounds.line(said, 40)!r} means nothing here; {hint}")


def _parts(said: Any, faults: list[str]) -> tuple[Value, ...]:
    listed = said if isinstance(said, list) else [said]
    if len(listed) > MOST_PARTS:
        faults.append(f"key: has {len(listed)} parts; at most {MOST_PARTS} are read")
        return ()
    return tuple(_value(one, "key", faults) for one in listed)


def _labels(said: Any, faults: list[str]) -> Mapping[str, Value] | Value:
    return _value(said, "labels", faults) if isinstance(said, str) else _named(said, "labels", faults)


def _named(said: Any, place: str, faults: list[str]) -> dict[str, Value]:
    if not isinstance(said, dict) or len(said) > MOST_PARTS:
        faults.append(f"{place}: needs at most {MOST_PARTS} names, each with a path or a text")
        return {}
    return {str(name): _value(one, f"{place}.{bounds.line(name, 80)}", faults) for name, one in said.items()}
