"""What files there are at one revision, and their bytes: of a mirror, of a folder, of a mapping.

Only regular files count. A link or a submodule is no file, so nothing here leads out of the tree.
"""

import os
import stat
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

from catalog.git import Mirror
from catalog.yamlfile import MAX_BYTES


class Tree(Protocol):
    """The regular files of one revision."""

    def paths(self) -> Sequence[str]:
        """Return the path of every file, relative to the tree, sorted."""

    def read(self, paths: Collection[str], limit: int = MAX_BYTES) -> Mapping[str, bytes | None]:
        """Return the bytes of those that are there; None for one of more than `limit` bytes."""


class MirrorTree:
    """A mirror at one revision: one process for the list, and one for each call of `read`."""

    def __init__(self, mirror: Mirror, sha: str) -> None:
        self._mirror, self._sha = mirror, sha

    @cached_property
    def _listing(self) -> Mapping[str, tuple[str, int]]:
        return {path: (oid, size) for path, oid, size in self._mirror.listing(self._sha)}

    @cached_property
    def _sorted(self) -> Sequence[str]:
        return tuple(sorted(self._listing))

    def paths(self) -> Sequence[str]:
        return self._sorted

    def read(self, paths: Collection[str], limit: int = MAX_BYTES) -> Mapping[str, bytes | None]:
        there = {path: self._listing[path] for path in paths if path in self._listing}
        small = {path: oid for path, (oid, size) in there.items() if size <= limit}
        contents = self._mirror.blobs(list(small.values())) if small else []
        return {**dict.fromkeys(there), **dict(zip(small, contents, strict=True))}


class FolderTree:
    """A folder of this machine, as it is now. Nothing below `.git` counts, and what cannot be read is not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def paths(self) -> Sequence[str]:
        return self._sorted

    @cached_property
    def _sorted(self) -> Sequence[str]:
        found = []
        for folder, folders, names in os.walk(self._folder):
            folders[:] = [name for name in folders if name != ".git"]
            files = [os.path.join(folder, name) for name in names]
            found += [os.path.relpath(file, self._folder) for file in files if _is_regular(file)]
        return tuple(sorted(found))

    def read(self, paths: Collection[str], limit: int = MAX_BYTES) -> Mapping[str, bytes | None]:
        found: dict[str, bytes | None] = {}
        real = os.path.realpath(self._folder)
        for path in paths:
            file = os.path.join(real, path)
            if "\0" in path or os.path.realpath(file) != file or not _is_regular(file):  # a link stands somewhere in it
                continue
            try:
                with open(file, "rb") as opened:
                    text = opened.read(limit + 1)
            except OSError:
                continue
            found[path] = text if len(text) <= limit else None
        return found


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)  # a pipe would be waited for, and a link leads elsewhere
    except (OSError, ValueError):
        return False


class DictTree:
    """Files that are given as they are."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def paths(self) -> Sequence[str]:
        return sorted(self._files)

    def read(self, paths: Collection[str], limit: int = MAX_BYTES) -> Mapping[str, bytes | None]:
        there = {path: self._files[path] for path in paths if path in self._files}
        return {path: text if len(text) <= limit else None for path, text in there.items()}
