"""The files of a tree as git lists them: which can be read, and why the others are not. Pure.

Links and submodules are never followed; a path that is no text, or that could not be shown in one line, is left out
with a reason.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_FILES = 200_000  # more than that is no tree that people look after
MAX_OUTPUT = 32 * 1024 * 1024  # bytes of git's own listing
MAX_PATH = 1000  # letters
_FILES = frozenset({"100644", "100755", "100664"})
_LEFT_OUT = {"120000": "it is a link, and links are not followed", "160000": "it is a submodule, which is not followed"}


@dataclass(frozen=True)
class File:
    """One file of a tree. `size` in bytes."""

    path: str
    oid: str
    size: int


@dataclass(frozen=True)
class Listing:
    """A tree's files by path. `left_out`: a path as it can be shown -> why it is not read."""

    files: Mapping[str, File]
    left_out: Mapping[str, str]


class TooManyFiles(Exception):
    """The tree has more than MAX_FILES entries."""


def read(listed: bytes) -> Listing:
    """Read what `ls-tree -l -z` wrote."""
    entries = listed.split(b"\0")[:-1]
    if len(entries) > MAX_FILES:
        raise TooManyFiles
    files: dict[str, File] = {}
    left_out: dict[str, str] = {}
    for entry in entries:
        about, _, name = entry.partition(b"\t")
        mode, kind, oid, size = about.decode("ascii", "replace").split()
        why = _LEFT_OUT.get(mode) or odd(name)
        path = name.decode("utf-8", "replace")
        if why:
            left_out.setdefault(_shown(path), why)
        elif kind == "blob" and mode in _FILES:
            files.setdefault(path, File(path, oid, int(size)))
    return Listing(files, left_out)


def odd(path: bytes) -> str:
    r"""Say why nobody can be expected to name that path; nothing when all is well.

    >>> odd(b"deep/catalog-info.yaml"), odd(b"a\nb")
    ('', 'its name holds a line break or another control sign')
    """
    try:
        text = path.decode("utf-8")
    except UnicodeDecodeError:
        return "its name is no UTF-8"
    if len(text) > MAX_PATH:
        return f"its path is longer than {MAX_PATH} letters"
    if any(ord(sign) < 0x20 or 0x7F <= ord(sign) < 0xA0 or sign in "\u2028\u2029" for sign in text):
        return "its name holds a line break or another control sign"
    return ""


def _shown(path: str) -> str:
    text = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in path)
    return text if len(text) <= MAX_PATH else text[:MAX_PATH] + "…"


def blobs(written: bytes) -> Iterator[bytes]:
    """Read what `cat-file --batch` wrote, in the order asked for."""
    at = 0
    while at < len(written):
        end = written.index(b"\n", at)
        size = int(written[at:end].split()[2])
        yield written[end + 1 : end + 1 + size]
        at = end + 1 + size + 1
