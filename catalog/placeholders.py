"""`$text`, `$json` and `$yaml`: a mapping of exactly one of them stands for what another file of the repository says.

Only files of the same repository and revision are read, and only by the reader that is passed in. What is read is not
looked through again. A placeholder that cannot be filled is a problem of its entity alone.
"""

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from catalog import yamlfile
from catalog.locations import Here, inside, unfit
from catalog.places import Document, Path, Problem, quoted

KEYS = ("$text", "$json", "$yaml")
MAX_DEPTH = yamlfile.MAX_DEPTH

_LOOKS_LIKE = re.compile(rb"\$(?:text|json|yaml)[\"']?:\s{1,80}[\"']?([^\s\"'{},#]{1,500})")

_UNREAD = "(unread)"

Read = Callable[[str], bytes]  # raises Unreadable


class Unreadable(Exception):
    """Why a file cannot stand for a value, said to the person who wrote it."""


def any_in(text: bytes) -> bool:
    """Say whether a YAML text may hold a placeholder; most hold none, and need no second look."""
    return b"$text" in text or b"$json" in text or b"$yaml" in text


def named_in(text: bytes, file: str) -> frozenset[str]:
    """Return the files that the placeholders in a YAML text look like naming, so that they can be read in one go."""
    said = (found[1].decode("utf-8", "replace") for found in _LOOKS_LIKE.finditer(text))
    return frozenset(path for target in said if (path := inside(file, target)))


def filled(document: Document, file: str, read: Read, here: Here) -> tuple[Document, tuple[Problem, ...]]:
    """Return the document with every placeholder filled in, and a problem for each that cannot be.

    Its value is then a text that means nothing, so that nobody complains a second time.
    """
    filler = _Filler(document, file, read, here)
    data = filler.value(document.data, ())
    problems = filler.problems
    if isinstance(data.get("spec"), dict):
        return replace(document, data=data), tuple(problems)
    if not problems:
        said = f"spec: needs a mapping of keys, not {quoted(data.get('spec'))}"
        problems.append(Problem(document.place(("spec",), key=True), "placeholder", said))
    return document, tuple(problems)


class _Filler:
    def __init__(self, document: Document, file: str, read: Read, here: Here) -> None:
        self.document, self.file, self.read, self.here = document, file, read, here
        self.problems: list[Problem] = []

    def value(self, value: Any, path: Path) -> Any:
        if len(path) > 2 * MAX_DEPTH:  # only aliases lead there
            return value
        if isinstance(value, list):
            return [self.value(item, (*path, at)) for at, item in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and path:
            ((key, target),) = value.items()
            if key in KEYS:
                return self._filled(key, target, path)
        return {key: self.value(item, (*path, key)) for key, item in value.items()}

    def _filled(self, key: str, target: Any, path: Path) -> Any:
        try:
            return _READERS[key](*self._text(target))
        except Unreadable as why:
            place = self.document.place((*path, key), key=True)
            self.problems.append(Problem(place, "placeholder", f"{key}: {why}"))
            return _UNREAD

    def _text(self, target: Any) -> tuple[str, str]:
        if not isinstance(target, str):
            raise Unreadable(f"needs the path of a file, not {quoted(target)}")
        path = self._path(target)
        try:
            text = self.read(path).decode("utf-8").removeprefix("\ufeff")
        except UnicodeDecodeError:
            raise Unreadable(f"{quoted(target)} is not UTF-8") from None
        if "\0" in text:
            raise Unreadable(f"{quoted(target)} is not a text file")
        return text, path

    def _path(self, target: str) -> str:
        path: str | None
        if "://" in target or target.startswith("javascript:"):
            fits = target.startswith("https://") and not unfit(target)
            path = self.here(target) if fits else None
        else:
            path = inside(self.file, target)
        if path is None:
            raise Unreadable(f"{quoted(target)} is not in this repository, and nothing else is read")
        return path


def _plain(text: str, _: str) -> str:
    return text


def _json(text: str, path: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise Unreadable(f"{path}:{error.lineno}:{error.colno} is not JSON: {error.msg.lower()}") from None
    except (ValueError, RecursionError) as error:
        said = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise Unreadable(f"{path} is not JSON that can be kept: {said}") from None
    _check(value, path)
    return value


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large")
    return number


def _check(value: Any, path: str) -> None:
    """Refuse what no page and no database can hold, without going deeper than it may be nested."""
    level = [value]
    for _ in range(MAX_DEPTH):
        if not level:
            return
        below: list[Any] = []
        for one in level:
            texts = [*one] if isinstance(one, dict) else [one] if isinstance(one, str) else ()
            if any("\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text) for text in texts):
                raise Unreadable(f"{path} holds an escape that stands for no character")
            below += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        level = below
    if level:
        raise Unreadable(f"{path} is nested more than {MAX_DEPTH} levels deep")


def _yaml(text: str, path: str) -> Any:
    documents, problems = yamlfile.read(text, path)
    if problems:
        raise Unreadable(f"{problems[0].place} {problems[0].message}")
    if len(documents) != 1:
        raise Unreadable(f"{path} has {len(documents)} YAML documents; exactly one can stand here")
    _check(documents[0].data, path)  # aliases may nest deeper than the text does
    return documents[0].data


_READERS: dict[str, Callable[[str, str], Any]] = {"$text": _plain, "$json": _json, "$yaml": _yaml}
