"""Where something stands in a file, and what is wrong there. Values only.

A place is that of the key where there is one (`owner: payments` stands where `owner` begins), so that an editor's jump
lands at the start of what must be changed.
"""

import bisect
import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Path = tuple[str | int, ...]
_BREAK = re.compile(r"\r\n|\n|\r")


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


class Mark(NamedTuple):
    """Where a value and its key begin, as indexes into the text, and the same for what is inside it.

    Kept instead of places, since most of them are never asked for.
    """

    key: int
    value: int
    inside: "dict[str, Mark] | list[Mark] | None"


class Text:
    """Turns an index into a file's text to a place in it."""

    __slots__ = ("_starts", "_text", "path")

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self._text = text
        self._starts: list[int] | None = None  # of the lines, once somebody asks

    def at(self, index: int) -> Place:
        if self._starts is None:
            self._starts = [0, *(found.end() for found in _BREAK.finditer(self._text))]
        line = bisect.bisect_right(self._starts, index)
        return Place(self.path, line, index - self._starts[line - 1] + 1)


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document as plain data, with the place of every value and every key.

    `sound` is False when something in it could not be read as it was written (a key that stands twice).
    """

    data: dict[str, Any]
    text: Text
    root: Mark
    sound: bool = True
    size: int = 0  # values, with every alias counted as often as it is used

    def place(self, path: Path, key: bool = False) -> Place:
        """Return where that value (or its key) begins; the nearest parent's place when the path is not there."""
        mark, _ = self._nearest(path)
        return self.text.at(mark.key if key else mark.value)

    def wrote(self, path: Path) -> bool:
        """Say whether the text itself has that path; data may have been put in since."""
        return self._nearest(path)[1]

    def _nearest(self, path: Path) -> tuple[Mark, bool]:
        mark = self.root
        for step in path:
            try:
                mark = mark.inside[step]  # type: ignore[index]
            except (KeyError, IndexError, TypeError):
                return mark, False
        return mark, True

    @property
    def keys(self) -> Iterator[Path]:
        """The path of every key in it, as the text has them."""
        waiting: list[tuple[Path, Mark]] = [((), self.root)]
        while waiting:
            path, mark = waiting.pop()
            inside = mark.inside or ()
            for step, below in inside.items() if isinstance(inside, dict) else enumerate(inside):
                waiting.append(((*path, step), below))
                if isinstance(step, str):
                    yield (*path, step)

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
