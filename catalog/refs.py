"""References between entities: `component:default/checkout`. Case does not matter; the canonical form is lower-case.

`lenient` refuses what Backstage refuses, which is only emptiness; `parse` refuses what can never name an entity too.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

DEFAULT_NAMESPACE = "default"

KIND = re.compile(r"[a-zA-Z][a-zA-Z0-9]{0,62}")
NAMESPACE = re.compile(r"(?=.{1,63}\Z)[a-z0-9]+(-+[a-z0-9]+)*")
NAME = re.compile(r"(?=.{1,63}\Z)([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")

FORM = "a reference is [kind:][namespace/]name"
_REMEMBERED = 10_000  # most references of a file are said again and again


@dataclass(frozen=True, order=True, slots=True)
class Ref:
    """One entity's identity. Made lower-case, so that two spellings of one name are equal."""

    kind: str
    namespace: str
    name: str

    def __post_init__(self) -> None:
        for part in ("kind", "namespace", "name"):
            object.__setattr__(self, part, getattr(self, part).lower())

    def __str__(self) -> str:
        return f"{self.kind}:{self.namespace}/{self.name}"


@lru_cache(_REMEMBERED)
def lenient(text: str, default_kind: str | None = None, default_namespace: str = DEFAULT_NAMESPACE) -> Ref:
    """Read `[kind:][namespace/]name` as Backstage does; raise ValueError with a sentence when a part is empty.

    >>> str(lenient("My Team", "group")), str(lenient("a:b/c:d")), str(lenient("x@y.com", "group"))
    ('group:default/my team', 'a:b/c:d', 'group:default/x@y.com')
    """
    return Ref(*_parts(text, default_kind, default_namespace))


@lru_cache(_REMEMBERED)
def parse(text: str, default_kind: str | None = None, default_namespace: str = DEFAULT_NAMESPACE) -> Ref:
    """Read `[kind:][namespace/]name`; raise ValueError with a sentence when it can never name anything.

    >>> str(parse("Payments", "group")), str(parse("user:staff/Alice"))
    ('group:default/payments', 'user:staff/alice')
    """
    kind, namespace, name = _parts(text, default_kind, default_namespace)
    if not KIND.fullmatch(kind):
        raise ValueError(f'"{kind}" cannot be a kind; {FORM}')
    if not NAMESPACE.fullmatch(namespace.lower()):
        raise ValueError(f'"{namespace}" cannot be a namespace; {FORM}')
    if not NAME.fullmatch(name):
        raise ValueError(f'"{name}" cannot be a name; {FORM} of letters, digits and -_.')
    return Ref(kind, namespace, name)


def short(text: str) -> str:
    """Return the name alone, of a reference, of an account, or of what is no reference at all.

    >>> short("component:default/checkout"), short("account:admin"), short("worker")
    ('checkout', 'admin', 'worker')
    """
    return text.rpartition("/")[2].rpartition(":")[2] or text


def _parts(text: str, default_kind: str | None, default_namespace: str) -> tuple[str, str, str]:
    if not text:
        raise ValueError(f"a reference is empty; {FORM}")
    before, colon, after = text.partition(":")
    if not colon or "/" in before:  # a slash before the colon means that no kind is said
        before, colon, after = "", "", text
    if colon and not before:
        raise ValueError(f'"{text}" says no kind before the “:”; {FORM}')
    namespace, slash, name = after.partition("/")
    if not slash:
        namespace, name = default_namespace, after
    if not namespace:
        raise ValueError(f'"{text}" says no namespace before the “/”; {FORM}')
    if not name:
        raise ValueError(f'"{text}" says no name; {FORM}')
    kind = before or default_kind
    if not kind:
        raise ValueError(f'"{text}" names no kind; write kind:name, like component:{text}')
    return kind, namespace, name


def known(text: str) -> Ref:
    """Read a reference that we wrote ourselves."""
    kind, _, rest = text.partition(":")
    namespace, _, name = rest.partition("/")
    return Ref(kind, namespace, name)
