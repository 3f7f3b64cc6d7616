"""What Backstage's format demands of the fields that every entity has: names, labels, tags, links.

Each rule returns the value or raises ValueError with a sentence. Measured on Backstage's own packages, which are
stricter than their documents in places (namespaces are lower-case) and laxer in one (`javascript:` links).
"""

import re
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import Url

from catalog import refs
from catalog.places import quoted

_TAG = re.compile(r"[a-z0-9:+#]+(-[a-z0-9:+#]+)*")
_SKIPPED = re.compile(r"[\x00-\x20]")  # by a browser that reads the scheme of an address
_RUNS_CODE = ("javascript:", "data:", "vbscript:")
_remembered = lru_cache(10_000)  # most tags and keys of a file are said again and again


def _name(text: str) -> str:
    if not refs.NAME.fullmatch(text):
        raise ValueError(f"{quoted(text)} needs to be 1 to 63 letters and digits, with -_. between them")
    return text


def _namespace(text: str) -> str:
    if not refs.NAMESPACE.fullmatch(text):
        raise ValueError(f"{quoted(text)} needs to be 1 to 63 lower-case letters and digits, with - between them")
    return text


@_remembered
def _tag(text: str) -> str:
    if len(text) > 63 or not _TAG.fullmatch(text):
        raise ValueError(f"{quoted(text)} needs to be lower-case letters, digits and :+#, with single - between them")
    return text


@_remembered
def _key(text: str) -> str:
    prefix, slash, name = text.rpartition("/")
    if (slash and not _is_domain(prefix)) or not refs.NAME.fullmatch(name):
        raise ValueError(f"{quoted(text)} needs the form name or lower-case.domain/name")
    return text


def _is_domain(text: str) -> bool:
    return len(text) <= 253 and all(refs.NAMESPACE.fullmatch(label) for label in text.split("."))


def _label(text: str) -> str:
    return text if text == "" else _name(text)


def link(text: str) -> str:
    """Return a link that is safe to show: absolute, and no script."""
    if _SKIPPED.sub("", text).lower().startswith(_RUNS_CODE):
        raise ValueError(f"{quoted(text)} would run code in the reader's browser; link to a page")
    try:
        Url(text)  # reads an address as browsers do
    except ValueError:
        raise ValueError(f"{quoted(text)} is no absolute address; write https://…") from None
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


Name = Annotated[str, AfterValidator(_name)]
Namespace = Annotated[str, AfterValidator(_namespace)]
Tag = Annotated[str, AfterValidator(_tag)]
Key = Annotated[str, AfterValidator(_key)]
Text = Annotated[str, Field(min_length=1)]
Words = Annotated[str, AfterValidator(_not_blank)]


class Fields(BaseModel):
    """Keys that are not ours to know are kept out of the way."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Link(Fields):
    url: Annotated[str, AfterValidator(link)]
    title: Words = ""
    icon: Words = ""
    type: Text = ""


class Metadata(Fields):
    """`annotations` may be nothing: Backstage adds its own to them before it looks."""

    name: Name
    namespace: Namespace = refs.DEFAULT_NAMESPACE
    uid: Text = ""
    etag: Text = ""
    title: Text = ""
    description: str = ""
    labels: dict[Key, Annotated[str, AfterValidator(_label)]] = {}
    annotations: dict[Key, str] | None = None
    tags: tuple[Tag, ...] = ()
    links: tuple[Link, ...] = ()


class Envelope(BaseModel):
    """The four keys of a document; Backstage refuses any other."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    apiVersion: str
    kind: str
    metadata: Metadata
    spec: dict[str, Any]
