"""References between entities: `component:default/checkout`. Case does not matter; the canonical form is lower-case."""

import re
from dataclasses import dataclass

DEFAULT_NAMESPACE = "default"

KIND = re.compile(r"[a-zA-Z][a-zA-Z0-9]{0,62}")
NAMESPACE = re.compile(r"(?=.{1,63}\Z)[a-z0-9]+(-+[a-z0-9]+)*")
NAME = re.compile(r"(?=.{1,63}\Z)([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")


@dataclass(frozen=True, order=True)
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


def parse(text: str, default_kind: str | None = None, default_namespace: str = DEFAULT_NAMESPACE) -> Ref:
    """Read `[kind:][namespace/]name`; raise ValueError with a sentence when it can never name anything.

    >>> str(parse("Payments", "group")), str(parse("user:staff/Alice"))
    ('group:default/payments', 'user:staff/alice')
    """
    before, colon, after = text.partition(":")
    if not colon or "/" in before:  # a slash before the colon means that no kind is said
        before, after = "", text
    kind = before or (default_kind or "")
    namespace, slash, name = after.partition("/")
    if not slash:
        namespace, name = default_namespace, after
    if colon and not before and text.startswith(":"):
        raise ValueError(f'"{text}" says no kind before the “:”')
    if not kind:
        raise ValueError(f'"{text}" names no kind; write kind:name, like component:{text or "ledger"}')
    if not KIND.fullmatch(kind):
        raise ValueError(f'"{kind}" cannot be a kind; a reference is [kind:][namespace/]name')
    if not NAMESPACE.fullmatch(namespace.lower()):
        raise ValueError(f'"{namespace}" cannot be a namespace; a reference is [kind:][namespace/]name')
    if not NAME.fullmatch(name):
        said = "is empty" if not name else "cannot be a name"
        raise ValueError(f'"{name}" {said}; a reference is [kind:][namespace/]name of letters, digits and -_.')
    return Ref(kind, namespace, name)


def known(text: str) -> Ref:
    """Read a reference that we wrote ourselves."""
    kind, _, rest = text.partition(":")
    namespace, _, name = rest.partition("/")
    return Ref(kind, namespace, name)
