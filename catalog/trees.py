"""What files there are at one revision, and their bytes: of a mirror, of a folder, of a mapping.

Only regular files count. A link or a submodule is no file, so nothing here leads out of the tree.
"""

import os
import stat
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from catalog import listing
from catalog.git import Mirror
from catalog.listing import Listing
from catalog.yamlfile import MAX_BYTES


class Tree(Protocol):
    """The regular files of one revision."""

    def paths(self) -> Sequence[str]:
        """Return the path of every file, relative to the tree, sorted."""

    def read(self, paths: Collection[str], limit: int = MAX_BYTES) -> Mapping[str, bytes | None]:
        """Return the bytes of those that are there; None for one of more than `limit` bytes."""

    def left_out(self) -> Mapping[str, str]:
        """Return what stands there and is no file to read, with the reason: `it is a link, …`."""


class MirrorTree:
    """A mirror at one revision: one process for the list, and one for each call of `read`."""

    def __init__(self, mirror: Mirror, sha: str) -> None:
        self._mirror, self._sha = mirror, sha

    @cached_property
    def _listing(self) -> Listing:
        return self._mirror.tree(self._sha)

    @cached_property
    def _sorted(self) -> Sequence[str]:
        return tuple(sorted(self._listing.files))

    def paths(self) -> Sequence[str]:
        return self._sorted

    def left_out(self) -> Mapping[str, str]:
        return self._listing.left_out

    def read(self, paths: Collection[str], limit: int = MAX_BYTES) -> Mapping[str, bytes | None]:
        there = {path: self._listing.files[path] for path in paths if path in self._listing.files}
        small = {path: file.oid for path, file in there.items() if file.size <= limit}
        contents = self._mirror.blobs(list(small.values())) if small else []
        return {**dict.fromkeys(there), **dict(zip(small, contents, strict=True))}


class FolderTree:
    """A folder of this machine, as it is now. Nothing below `.git` counts, and what cannot be read is not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def paths(self) -> Sequence[str]:
        return self._sorted

    def left_out(self) -> Mapping[str, str]:
        return self._walked.left_out

    @cached_property
    def _sorted(self) -> Sequence[str]:
        return tuple(sorted(self._walked.files))

    @cached_property
    def _walked(self) -> Listing:
        files, left_out = {}, {}
        for folder, folders, names in os.walk(self._folder):
            folders[:] = [name for name in folders if name != ".git"]
            for name in (*names, *(name for name in folders if os.path.islink(os.path.join(folder, name)))):
                file = os.path.join(folder, name)
                path = os.path.relpath(file, self._folder)
                why = listing.odd(os.fsencode(path)) or _why_not(file)
                if why:
                    left_out[_shown(path)] = why
                else:
                    files[path] = listing.File(path, "", 0)
        return Listing(files, left_out)

    def read(self, paths: Collection[str], limit: int = MAX_BYTES) -> Mapping[str, bytes | None]:
        found: dict[str, bytes | None] = {}
        real = os.path.realpath(self._folder)
        for path in paths:
            file = os.path.join(real, path)  # a link anywhere in it makes its real path another
            if not _is_inside(path) or os.path.realpath(file) != file or _why_not(file):
                continue
            try:
                with open(file, "rb") as opened:
                    text = opened.read(limit + 1)
            except OSError:
                continue
            found[path] = text if len(text) <= limit else None
        return found


def _is_inside(path: str) -> bool:
    return not path.startswith("/") and not {".git", "..", ""} & set(path.split("/")) and "\0" not in path


def _shown(path: str) -> str:
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in path)


def _why_not(path: str) -> str:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return "it cannot be read"
    if stat.S_ISLNK(mode):
        return "it is a link, and links are not followed"
    return "" if stat.S_ISREG(mode) else "it is no regular file"  # a pipe would be waited for


class DictTree:
    """Files that are given as they are."""

    def __init__(self, files: Mapping[str, bytes], left_out: Mapping[str, str] = MappingProxyType({})) -> None:
        self._files, self._left_out = files, left_out

    def left_out(self) -> Mapping[str, str]:
        return self._left_out

    def paths(self) -> Sequence[str]:
        return sorted(self._files)

    def read(self, paths: Collection[str], limit: int = MAX_BYTES) -> Mapping[str, bytes | None]:
        there = {path: self._files[path] for path in paths if path in self._files}
        return {path: text if len(text) <= limit else None for path, text in there.items()}
