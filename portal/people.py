"""How people are shown: a disc with initials and a tint, the full name, and (you) for the reader. Pure."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

TINTS = 6  # --p1 to --p6 of the style sheet
NOBODY = {"worker": "Fullcycle", "system": "Fullcycle", "": "Fullcycle"}


@dataclass(frozen=True)
class Face:
    name: str
    initials: str
    tint: int
    you: bool = False
    ref: str = ""  # user:default/alice where the catalog knows her

    @property
    def said(self) -> str:
        """How a sentence names her."""
        return "you" if self.you else self.name


def initials(name: str) -> str:
    """Return the two letters of the disc.

    >>> initials("Mara Ilic"), initials("alice"), initials("")
    ('MI', 'AL', '?')
    """
    words = [word for word in name.replace(".", " ").replace("-", " ").split() if word[0].isalnum()]
    if not words:
        return "?"
    return (words[0][0] + words[-1][0] if len(words) > 1 else words[0][:2]).upper()


def tint(name: str) -> int:
    """Return one of six, always the same for a name."""
    return zlib.crc32(name.encode()) % TINTS + 1


def face(who: str, names: Mapping[str, str], you: frozenset[str] = frozenset()) -> Face:
    """Return the face of an actor (`user:default/alice`, `account:admin`, `worker`) or of a plain name."""
    name = names.get(who) or NOBODY.get(who) or _plain(who)
    return Face(name, initials(name), tint(name), who in you or name in you, who if who.startswith("user:") else "")


def _plain(who: str) -> str:
    kind, colon, rest = who.partition(":")
    return rest.rpartition("/")[2] if colon and kind in ("user", "account", "group") else who
