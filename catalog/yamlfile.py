"""YAML as Backstage's parser reads it, with the place of everything: `catalog-info.yaml:7:3`.

YAML 1.2 core: `yes` and dates are text, no merge keys, a key that stands twice is an error, unknown tags are ignored.
Each document is read by itself, so that a broken one does not hide the others. Hostile text (alias bombs, deep nesting,
binary) becomes a located problem; no text makes `read` raise.
"""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from catalog import scalars
from catalog.places import Document, Mark, Path, Place, Problem, Text, did_you_mean
from catalog.wording import problems_of, unreadable

__all__ = ["Document", "Path", "Place", "Problem", "did_you_mean", "problems_of", "read"]

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 50
MAX_ALIASES = 100  # the cap of Backstage's parser
MAX_NODES = 100_000  # with every alias counted as often as it is used

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MARKER = re.compile(r"(?:\A|(?<=[\r\n]))(---|\.\.\.)(?=[ \t\r\n]|\Z)")
_PREAMBLE = re.compile(r"(?:(?:%[^\r\n]*|[ \t]*(?:#[^\r\n]*)?)(?>\r\n|\n|\r))*+")  # directives, comments, nothing
_REST = re.compile(r"[^\r\n]*(?:\r\n|\n|\r|\Z)")
_UNPRINTABLE = re.compile("[^\x09\x0a\x0d\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_CHARACTER = re.compile("[\x00\ud800-\udfff]")
_OLD_YAML = re.compile(r"^%YAML[ \t]+1\.[01]\b", re.MULTILINE)
_TEMPLATE = re.compile(r"\$?\{\{|\{%")
_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(_TAG + kind for kind in ("null", "bool", "int", "float"))


def read(text: bytes | str, path: str) -> tuple[list[Document], list[Problem]]:
    """Return every document that can be read, and everything that is wrong, in the order of the file."""
    decoded = _decode(text, path)
    if isinstance(decoded, Problem):
        return [], [decoded]
    whole = Text(path, decoded)
    documents: list[Document] = []
    problems: list[Problem] = []
    for start, end in _chunks(decoded):
        builder = _Builder(whole, decoded[start:end], start)
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
            return Problem(Text(path, before).at(len(before)), "encoding", "this is not UTF-8", "save it as UTF-8")
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        return Problem(Text(path, text).at(text.index("\0")), "binary", "this is not a text file", "")
    return text


def _chunks(text: str) -> Iterator[tuple[int, int]]:
    """Yield the span of each document; `---` and `...` at the start of a line always end one."""
    start, marked = 0, False
    for marker in _MARKER.finditer(text):
        at = marker.start()
        if marker[1] == "---":
            if marked or not _PREAMBLE.fullmatch(text, start, at):
                yield start, at
                start = at
            marked = True
        else:
            rest = _REST.match(text, at)
            end = rest.end() if rest else at
            yield start, end
            start, marked = end, False
    yield start, len(text)


class _Unreadable(Exception):
    def __init__(self, index: int, code: str, message: str, hint: str = "") -> None:
        self.index, self.code, self.message, self.hint = index, code, message, hint


_Inside = dict[str, Mark] | list[Mark] | None


@dataclass
class _Builder:
    """Builds one document from the parser's events."""

    whole: Text
    text: str
    offset: int
    problems: list[Problem] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int, int]] = field(default_factory=dict)  # value, how many nodes it has, how high
    deepest: int = 0  # level that was reached since the anchor that is being read began
    nodes: int = 0
    aliases: int = 0
    old: bool = False  # the document says %YAML 1.1
    event: Callable[[], Any] = lambda: None  # returns the parser's next one

    @cached_property
    def template(self) -> re.Match[str] | None:
        return _TEMPLATE.search(self.text)

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
        if self.template:  # whatever the parser trips over, this is the cause
            index, code = self.template.start(), "template"
            message = f"this is a template with {self.template[0]} in it, not finished YAML"
            hint = "fill it in, or give the template another file name"
        self.problems.append(Problem(self.whole.at(self.offset + index), code, message, hint))

    def _document(self) -> Document | None:
        self.event = _Loader(self.text).get_event
        root, data, seen = None, None, False
        inside: _Inside = None
        while (event := self.event()) is not None:
            if isinstance(event, yaml.StreamStartEvent | yaml.StreamEndEvent | yaml.DocumentStartEvent):
                continue
            if isinstance(event, yaml.DocumentEndEvent):
                seen = True
                continue
            if seen:
                raise _Unreadable(event.start_mark.index, "syntax", "a new document needs a line with --- before it")
            root = event
            data, inside = self._node(event, 0)
        if root is None or (isinstance(root, yaml.ScalarEvent) and root.implicit[0] and not root.value):
            return None
        index = root.start_mark.index
        if not isinstance(data, dict):
            kind = "a list" if isinstance(data, list) else "a single value"
            raise _Unreadable(index, "root", f"a document must be a mapping of keys, this is {kind}")
        mark = Mark(self.offset + index, self.offset + index, inside)
        return Document(data, self.whole, mark, not self.problems, self.nodes)

    def _node(self, event: Any, depth: int) -> tuple[Any, _Inside]:
        """Build one value, and the marks of what is inside it."""
        kind = type(event)
        if kind is yaml.ScalarEvent and not event.anchor:
            self._count(1, event)
            return self._scalar(event), None
        self._reach(depth, event)
        self._count(1, event)
        if kind is yaml.AliasEvent:
            return self._alias(event, depth), None
        before, outside = self.nodes, self.deepest
        if event.anchor:
            self.anchors.pop(event.anchor, None)  # until it is complete it cannot be used
            self.deepest = depth
        value: Any
        inside: _Inside = None
        if kind is yaml.ScalarEvent:
            value = self._scalar(event)
        elif kind is yaml.SequenceStartEvent:
            value, inside = self._list(depth)
        else:
            value, inside = self._mapping(depth)
        if event.anchor:
            self.anchors[event.anchor] = (value, self.nodes - before + 1, self.deepest - depth)
            self.deepest = max(self.deepest, outside)
        return value, inside

    def _reach(self, depth: int, event: Any) -> None:
        if depth > MAX_DEPTH:
            aliases = ", aliases included" if type(event) is yaml.AliasEvent else ""
            said = f"nested more than {MAX_DEPTH} levels deep{aliases}"
            raise _Unreadable(event.start_mark.index, "too-deep", said)
        self.deepest = max(self.deepest, depth)

    def _count(self, nodes: int, event: Any) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            said = f"more than {MAX_NODES} values, aliases included"
            raise _Unreadable(event.start_mark.index, "too-large", said, "write less")

    def _alias(self, event: Any, depth: int) -> Any:
        index = event.start_mark.index
        if event.anchor not in self.anchors:
            raise _Unreadable(index, "alias", f"*{event.anchor} has no &{event.anchor} before it")
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise _Unreadable(index, "too-many-aliases", f"more than {MAX_ALIASES} aliases", "write the values out")
        value, nodes, height = self.anchors[event.anchor]
        self._reach(depth + height, event)
        self._count(nodes, event)
        return value

    def _scalar(self, event: Any) -> Any:
        text = event.value
        if event.style == '"' and _NO_CHARACTER.search(text):
            raise _Unreadable(event.start_mark.index, "character", "an escape that stands for no character")
        if not event.tag:
            return scalars.plain(text, old=self.old) if event.implicit[0] else text
        return scalars.plain(text, old=self.old) if event.tag in _PLAIN_TAGS else text

    def _list(self, depth: int) -> tuple[list[Any], list[Mark]]:
        items: list[Any] = []
        marks: list[Mark] = []
        while type(event := self.event()) is not yaml.SequenceEndEvent:
            at = self.offset + event.start_mark.index
            value, inside = self._node(event, depth + 1)
            items.append(value)
            marks.append(Mark(at, at, inside))
        return items, marks

    def _mapping(self, depth: int) -> tuple[dict[str, Any], dict[str, Mark]]:
        mapping: dict[str, Any] = {}
        marks: dict[str, Mark] = {}
        while type(event := self.event()) is not yaml.MappingEndEvent:
            name = self._key(event, depth)
            below = self.event()
            if name in mapping:
                self._problem(
                    event.start_mark.index, "duplicate-key", f'"{name}" stands twice here', "keep one of them"
                )
                self._node(below, depth + 1)
                continue
            mapping[name] = None  # its place among the keys
            value, inside = self._node(below, depth + 1)
            mapping[name] = value
            marks[name] = Mark(self.offset + event.start_mark.index, self.offset + below.start_mark.index, inside)
        return mapping, marks

    def _key(self, event: Any, depth: int) -> str:
        value, _ = self._node(event, depth + 1)
        if type(value) is str:
            return sys.intern(value)  # the same few keys stand in every document
        if isinstance(value, dict | list):
            raise _Unreadable(event.start_mark.index, "key", "a key must be text, this is a list or a mapping")
        return scalars.key(getattr(event, "value", str(value)), value)
