"""What Backstage's format demands of the fields that every entity has: names, labels, tags, links.

Each rule returns the value or raises ValueError with a sentence. Measured on Backstage's own packages, which are
stricter than their documents in places (namespaces are lower-case) and laxer in one (`javascript:` links).
"""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from catalog import refs
from catalog.places import quoted

_TAG = re.compile(r"[a-z0-9:+#]+(-[a-z0-9:+#]+)*")
_DOMAIN = re.compile(r"[a-z0-9]+(-+[a-z0-9]+)*(\.[a-z0-9]+(-+[a-z0-9]+)*)*")
_VERSION = re.compile(r"[a-z0-9A-Z]{1,63}")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_RUNS_CODE = ("javascript:", "data:", "vbscript:")


def _name(text: str) -> str:
    if not refs.NAME.fullmatch(text):
        raise ValueError(f"{quoted(text)} needs to be 1 to 63 letters and digits, with -_. between them")
    return text


def _namespace(text: str) -> str:
    if not refs.NAMESPACE.fullmatch(text):
        raise ValueError(f"{quoted(text)} needs to be 1 to 63 lower-case letters and digits, with - between them")
    return text


def _tag(text: str) -> str:
    if len(text) > 63 or not _TAG.fullmatch(text):
        raise ValueError(f"{quoted(text)} needs to be lower-case letters, digits and :+#, with single - between them")
    return text


def _key(text: str) -> str:
    prefix, slash, name = text.rpartition("/")
    if (slash and not _is_domain(prefix)) or not refs.NAME.fullmatch(name):
        raise ValueError(f"{quoted(text)} needs the form name or lower-case.domain/name")
    return text


def _is_domain(text: str) -> bool:
    return 0 < len(text) <= 253 and bool(_DOMAIN.fullmatch(text))


def _label(text: str) -> str:
    return text if text == "" else _name(text)


def _api_version(text: str) -> str:
    prefix, slash, version = text.rpartition("/")
    if (slash and not _is_domain(prefix)) or not _VERSION.fullmatch(version):
        raise ValueError(f"{quoted(text)} is no version; write backstage.io/v1alpha1")
    return text


def link(text: str) -> str:
    """Return a link that is safe to show: absolute, and no script.

    A browser skips control characters and white space when it reads the scheme, so they are skipped here too.
    """
    bare = re.sub(r"[\x00-\x20]", "", text)
    if bare.lower().startswith(_RUNS_CODE):
        raise ValueError(f"{quoted(text)} would run code in the reader's browser; link to a page")
    try:
        whole = bool(_SCHEME.match(bare)) and (not bare.lower().startswith("http") or bool(urlsplit(bare).hostname))
    except ValueError:
        whole = False
    if not whole:
        raise ValueError(f"{quoted(text)} is no absolute address; write https://…")
    return text


Name = Annotated[str, AfterValidator(_name)]
Namespace = Annotated[str, AfterValidator(_namespace)]
Tag = Annotated[str, AfterValidator(_tag)]
Key = Annotated[str, AfterValidator(_key)]
Text = Annotated[str, Field(min_length=1)]


class Fields(BaseModel):
    """Keys that are not ours to know are kept out of the way."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Link(Fields):
    url: Annotated[str, AfterValidator(link)]
    title: Text | None = None
    icon: Text | None = None
    type: Text | None = None


class Metadata(Fields):
    name: Name
    namespace: Namespace = refs.DEFAULT_NAMESPACE
    title: Text = ""
    description: str = ""
    labels: dict[Key, Annotated[str, AfterValidator(_label)]] = {}
    annotations: dict[Key, str | None] = {}
    tags: tuple[Tag, ...] = ()
    links: tuple[Link, ...] = ()


class Envelope(BaseModel):
    """The four keys of a document; Backstage refuses any other."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    apiVersion: Annotated[str, AfterValidator(_api_version)]
    kind: str
    metadata: Metadata
    spec: dict[str, Any]
