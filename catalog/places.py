"""Where something stands in a file, and what is wrong there. Values only.

A place is that of the key where there is one (`owner: payments` stands where `owner` begins), so that an editor's jump
lands at the start of what must be changed.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Place:
    """A line and a column, both counted from 1."""

    path: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, said to the person who wrote the file. `severity` is error or warning."""

    place: Place
    code: str
    message: str
    hint: str = ""
    severity: str = "error"
    entity: str = ""

    def __str__(self) -> str:
        return f"{self.place} {self.message}" + (f"; {self.hint}" if self.hint else "")


@dataclass(frozen=True)
class Document:
    """One YAML document as plain data, with the place of every value and every key.

    `sound` is False when something in it could not be read as it was written (a key that stands twice).
    """

    data: dict[str, Any]
    places: Mapping[Path, Place]
    keys: Mapping[Path, Place] = field(default_factory=dict)
    sound: bool = True

    def place(self, path: Path, key: bool = False) -> Place:
        """Return where that value (or its key) begins; the nearest parent's place when the path is not there."""
        for end in range(len(path), -1, -1):
            if key and path[:end] in self.keys:
                return self.keys[path[:end]]
            if path[:end] in self.places:
                return self.places[path[:end]]
        return Place("", 1, 1)

    def value(self, path: Path) -> Any:
        """Return the value at that path, None when it is not there."""
        found: Any = self.data
        for step in path:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return None
        return found


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `did you mean "x"?`, or nothing when no known word is near.

    >>> did_you_mean("paymets", ["payments", "ledger"])
    'did you mean "payments"?'
    """
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f'did you mean "{by_lower[near[0]]}"?' if near else ""


def quoted(value: Any) -> str:
    """Write a value for a message: quoted when it is text, shortened when it is long.

    >>> quoted("a b"), quoted(7), quoted(True), quoted(None), quoted([1])
    ('"a b"', '7', 'true', 'nothing', 'a list')
    """
    if isinstance(value, str):
        text = "".join(c if c.isprintable() else "·" for c in value)
        return f'"{text[:60]}…"' if len(text) > 60 else f'"{text}"'
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "a list"
    return "a mapping" if isinstance(value, Mapping) else str(value)[:60]
