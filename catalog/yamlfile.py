"""YAML as Backstage's parser reads it, with the place of everything: `catalog-info.yaml:7:3`.

YAML 1.2 core: `yes` and dates are text, no merge keys, a key that stands twice is an error, unknown tags are ignored.
Each document is read by itself, so that a broken one does not hide the others. Hostile text (alias bombs, deep nesting,
binary) becomes a located problem; no text makes `read` raise.
"""

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from catalog import scalars
from catalog.places import Document, Path, Place, Problem, did_you_mean
from catalog.wording import problems_of, unreadable

__all__ = ["Document", "Path", "Place", "Problem", "did_you_mean", "problems_of", "read"]

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 50
MAX_ALIASES = 100  # the cap of Backstage's parser
MAX_NODES = 100_000  # with every alias counted as often as it is used

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BREAK = re.compile(r"\r\n|\n|\r")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_MARKER = re.compile(r"(---|\.\.\.)(?=[ \t\r\n]|\Z)")
_NOTHING = re.compile(r"[ \t]*(#.*)?(\r\n|\n|\r)?")
_UNPRINTABLE = re.compile("[^\x09\x0a\x0d\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OLD_YAML = re.compile(r"^%YAML[ \t]+1\.[01]\b", re.MULTILINE)
_TEMPLATE = re.compile(r"\$?\{\{|\{%")
_TAG = "tag:yaml.org,2002:"


def read(text: bytes | str, path: str) -> tuple[list[Document], list[Problem]]:
    """Return every document that can be read, and everything that is wrong, in the order of the file."""
    decoded = _decode(text, path)
    if isinstance(decoded, Problem):
        return [], [decoded]
    lines = _Lines(path, decoded)
    documents: list[Document] = []
    problems: list[Problem] = []
    for start, end in _chunks(decoded):
        builder = _Builder(lines, decoded[start:end], start)
        document = builder.document()
        if document is not None:
            documents.append(document)
        problems += builder.problems
    return documents, problems


def _decode(text: bytes | str, path: str) -> str | Problem:
    size = len(text)
    if size > MAX_BYTES:
        said = f"the file has {size / MAX_BYTES:.1f} MiB; at most 1 MiB is read"
        return Problem(Place(path, 1, 1), "too-large", said, "split it")
    if isinstance(text, bytes):
        raw = text
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            before = raw[: error.start].decode("utf-8")
            return Problem(_Lines(path, before).at(len(before)), "encoding", "this is not UTF-8", "save it as UTF-8")
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        return Problem(_Lines(path, text).at(text.index("\0")), "binary", "this is not a text file", "")
    return text


class _Lines:
    """Turns an index into the text to a place."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.starts = [0, *(found.end() for found in _BREAK.finditer(text))]

    def at(self, index: int) -> Place:
        line = bisect.bisect_right(self.starts, index)
        return Place(self.path, line, index - self.starts[line - 1] + 1)


def _chunks(text: str) -> Iterator[tuple[int, int]]:
    """Yield the span of each document; `---` and `...` at the start of a line always end one."""
    start, marked, filled = 0, False, False
    at = 0
    for line in _LINE.findall(text):
        marker = _MARKER.match(line)
        if marker and marker[1] == "---":
            if marked or filled:
                yield start, at
                start = at
            marked, filled = True, False
        elif marker:
            yield start, at + len(line)
            start, marked, filled = at + len(line), False, False
        elif not _NOTHING.fullmatch(line) and not (line.startswith("%") and not marked):
            filled = True
        at += len(line)
    yield start, at


class _Unreadable(Exception):
    def __init__(self, index: int, code: str, message: str, hint: str = "") -> None:
        self.index, self.code, self.message, self.hint = index, code, message, hint


@dataclass
class _Builder:
    """Builds one document from the parser's events."""

    lines: _Lines
    text: str
    offset: int
    problems: list[Problem] = field(default_factory=list)
    places: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)  # value, and how many nodes it has
    nodes: int = 0
    aliases: int = 0
    old: bool = False  # the document says %YAML 1.1
    events: Any = None

    def document(self) -> Document | None:
        try:
            bad = _UNPRINTABLE.search(self.text)
            if bad:
                raise _Unreadable(bad.start(), "character", f"a control character (U+{ord(bad[0]):04X})", "remove it")
            self.old = bool(_OLD_YAML.match(self.text))
            return self._document()
        except _Unreadable as error:
            self._problem(error.index, error.code, error.message, error.hint)
        except yaml.MarkedYAMLError as error:
            never_closed = "end of stream" in (error.problem or "") and error.context_mark
            mark = error.context_mark if never_closed else error.problem_mark
            index = min(mark.index if mark else 0, len(self.text))
            self._problem(index, "syntax", *unreadable(error.problem or "", error.context or "", self.text[index:][:1]))
        except yaml.YAMLError as error:
            self._problem(0, "syntax", f"this is not YAML: {error}")
        return None

    def _problem(self, index: int, code: str, message: str, hint: str = "") -> None:
        template = _TEMPLATE.search(self.text)
        if template:  # whatever the parser trips over, this is the cause
            index, code = template.start(), "template"
            message = f"this is a template with {template[0]} in it, not finished YAML"
            hint = "fill it in, or give the template another file name"
        self.problems.append(Problem(self.lines.at(self.offset + index), code, message, hint))

    def _document(self) -> Document | None:
        self.events = yaml.parse(self.text, _Loader)
        root, data, seen = None, None, False
        for event in self.events:
            if isinstance(event, yaml.StreamStartEvent | yaml.StreamEndEvent | yaml.DocumentStartEvent):
                continue
            if isinstance(event, yaml.DocumentEndEvent):
                seen = True
                continue
            if seen:
                raise _Unreadable(event.start_mark.index, "syntax", "a new document needs a line with --- before it")
            root, data = event, self._node(event, (), 0)
        if root is None or (isinstance(root, yaml.ScalarEvent) and root.implicit[0] and not root.value):
            return None
        if not isinstance(data, dict):
            kind = "a list" if isinstance(data, list) else "a single value"
            raise _Unreadable(root.start_mark.index, "root", f"a document must be a mapping of keys, this is {kind}")
        return Document(data, self.places, self.keys, sound=not self.problems)

    def _node(self, event: Any, path: Path | None, depth: int) -> Any:
        """Build one node; `path` is None inside a key that is no text, whose places nobody asks for."""
        index = event.start_mark.index
        if depth > MAX_DEPTH:
            raise _Unreadable(index, "too-deep", f"nested more than {MAX_DEPTH} levels deep")
        if path is not None:
            self.places[path] = self.lines.at(self.offset + index)
        self._count(1, index)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self.nodes
        if event.anchor:
            self.anchors.pop(event.anchor, None)  # until it is complete it cannot be used
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._list(path, depth)
        else:
            value = self._mapping(path, depth)
        if event.anchor:
            self.anchors[event.anchor] = (value, self.nodes - before + 1)
        return value

    def _count(self, nodes: int, index: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise _Unreadable(index, "too-large", f"more than {MAX_NODES} values, aliases included", "write less")

    def _alias(self, event: Any) -> Any:
        index = event.start_mark.index
        if event.anchor not in self.anchors:
            raise _Unreadable(index, "alias", f"*{event.anchor} has no &{event.anchor} before it")
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise _Unreadable(index, "too-many-aliases", f"more than {MAX_ALIASES} aliases", "write the values out")
        value, nodes = self.anchors[event.anchor]
        self._count(nodes, index)
        return value

    def _scalar(self, event: Any) -> Any:
        if "\0" in event.value or any("\ud800" <= c <= "\udfff" for c in event.value):
            raise _Unreadable(event.start_mark.index, "character", "an escape that stands for no character")
        if event.tag in (None, ""):
            return scalars.plain(event.value, old=self.old) if event.implicit[0] else event.value
        if event.tag in {_TAG + kind for kind in ("null", "bool", "int", "float")}:
            return scalars.plain(event.value, old=self.old)
        return event.value

    def _list(self, path: Path | None, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._node(event, None if path is None else (*path, len(items)), depth + 1))
        return items

    def _mapping(self, path: Path | None, depth: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            index = event.start_mark.index
            name = self._key(event, depth)
            if name in mapping:
                self._problem(index, "duplicate-key", f'"{name}" stands twice here', "keep one of them")
                self._node(next(self.events), None, depth + 1)
                continue
            below = None if path is None else (*path, name)
            if below is not None:
                self.keys[below] = self.lines.at(self.offset + index)
            mapping[name] = None
            mapping[name] = self._node(next(self.events), below, depth + 1)
        return mapping

    def _key(self, event: Any, depth: int) -> str:
        value = self._node(event, None, depth + 1)
        if isinstance(value, dict | list):
            raise _Unreadable(event.start_mark.index, "key", "a key must be text, this is a list or a mapping")
        return scalars.key(getattr(event, "value", str(value)), value)
