"""The files that placeholders name, read a few at a time, and no more of them than a machine can hold."""

from collections.abc import Callable, Iterable

from catalog.placeholders import Unreadable
from catalog.places import quoted
from catalog.trees import Tree

MAX_BYTES = 32 * 1024 * 1024  # that one repository's placeholders may bring in
_MIB = 1024 * 1024
_AT_ONCE = 32


class Supply:
    """`why_not` says why a file that is asked for is not there."""

    def __init__(self, tree: Tree, why_not: Callable[[str], str]) -> None:
        self._tree, self._why_not = tree, why_not
        self._asked: set[str] = set()
        self._texts: dict[str, bytes | None] = {}
        self._held = self._used = 0  # bytes read, and bytes that stand in documents

    def expect(self, paths: Iterable[str]) -> None:
        """Read what will probably be asked for."""
        wanted = [path for path in dict.fromkeys(paths) if path not in self._asked]
        for at in range(0, len(wanted), _AT_ONCE):
            if self._held > MAX_BYTES:
                return
            batch = wanted[at : at + _AT_ONCE]
            texts = self._tree.read(batch)
            self._asked.update(batch)
            self._texts.update(texts)
            self._held += sum(len(text or b"") for text in texts.values())

    def text(self, path: str) -> bytes:
        """Return a file's bytes; raise Unreadable when it cannot be had."""
        self.expect([path])
        if path in self._asked and path not in self._texts:
            why = self._why_not(path)
            said = (
                f"{quoted(path)} is not read: {why}" if why else f"there is no file {quoted(path)} in this repository"
            )
            raise Unreadable(said)
        text = self._texts.get(path, b"")
        if text is None:
            raise Unreadable(f"{quoted(path)} is larger than 1 MiB")
        self._used += len(text)
        if path not in self._texts or self._used > MAX_BYTES:
            raise Unreadable(f"placeholders bring more than {MAX_BYTES // _MIB} MiB into this repository's files")
        return text
