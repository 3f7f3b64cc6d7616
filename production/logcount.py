"""Counts the lines of growing log files that match a pattern, from where the last look ended.

A look reads a bounded number of bytes, however much was written: of more, the newest are read and the rest is
estimated, which is said. Files may be truncated, rotated or gone. Nothing here decides whether a rate is bad.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from ledger.clock import stopwatch
from production.logpattern import line_finder
from production.metricsport import Answer, NoData, Place, Sample, Tail, Trouble, Values

MOST_BYTES = 8 << 20  # per look, all files together
TIME = timedelta(milliseconds=30)  # per look; what was not searched by then is estimated
_BLOCK = 256 << 10  # bytes that are searched at once
LONGEST_LINE = 64 << 10  # bytes; what has no end by then counts as a line
_MARK = 64  # bytes before the offset by which a file is known again
_MOST_ROTATED = 20


Finder = Any  # a compiled pattern of production/logpattern.py
Stopwatch = Callable[[], timedelta]


@dataclass(frozen=True)
class Counted:
    """What one look found. `matching` is an estimate when `skipped` bytes were not read."""

    matching: int
    read: int  # bytes
    skipped: int  # bytes
    tail: Tail
    trouble: tuple[str, ...] = ()  # files that could not be read, in sentences

    def answer(self, elapsed: timedelta) -> Answer:
        """Return the matching lines per minute; `elapsed` is the time since the last look, or since the start."""
        if self.trouble:
            return Trouble("; ".join(self.trouble))
        if not self.tail.places:
            return NoData("the new instances have no log file yet")
        return Values((Sample(self.matching * 60 / max(elapsed.total_seconds(), 1.0)),))

    @property
    def said(self) -> str:
        """Say what was counted, and what not."""
        lines = f"{self.matching} matching line{'' if self.matching == 1 else 's'}"
        if not self.skipped:
            return lines
        return f"about {lines}: {_size(self.skipped)} of {_size(self.read + self.skipped)} were skipped"


def ends(files: Iterable[Path]) -> Tail:
    """Return the tail that starts now: what the files hold already is not counted."""
    places = {}
    for path in files:
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                places[str(path)] = _place(file.fileno(), size)
        except OSError:
            continue  # it is not there yet, and will be read from its beginning
    return Tail(places)


def count(files: Sequence[Path], pattern: str, tail: Tail) -> Counted:
    """Count the lines written since `tail`; raise ValueError for a pattern that is none."""
    finder, took = line_finder(pattern), stopwatch()
    total = Counted(0, 0, 0, tail)
    for number, path in enumerate(files):
        room = (MOST_BYTES - total.read) // (len(files) - number)
        total = _with_file(total, path, finder, took, room)
    return total


def _with_file(total: Counted, path: Path, finder: Finder, took: Stopwatch, room: int) -> Counted:
    place = total.tail.places.get(str(path))
    try:
        with path.open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            if place is not None and place.inode != inode:
                total = _with_rest_of_rotated(total, path, place, finder, took, room // 2)
                place, room = None, room - room // 2
            if place is not None and not _is_same(file.fileno(), place):
                place = None  # it was emptied and begun anew
            return _with_new(
                total, str(path), file.fileno(), place.offset if place else 0, finder, took, room, whole=False
            )
    except FileNotFoundError:
        gone = {name: known for name, known in total.tail.places.items() if name != str(path)}
        return replace(total, tail=Tail(gone))
    except OSError as error:
        return replace(total, trouble=(*total.trouble, f"{path.name} cannot be read: {error.strerror}"))


def _with_rest_of_rotated(
    total: Counted, path: Path, place: Place, finder: Finder, took: Stopwatch, room: int
) -> Counted:
    """Count what was still written to the file that has been moved aside, if it is there."""
    for old in islice(sorted(path.parent.glob(f"{_plain(path.name)}.*")), _MOST_ROTATED):
        try:
            with old.open("rb") as file:
                if os.fstat(file.fileno()).st_ino == place.inode and _is_same(file.fileno(), place):
                    return _with_new(total, "", file.fileno(), place.offset, finder, took, room, whole=True)
        except OSError:
            continue
    return total


def _with_new(
    total: Counted, name: str, file: int, offset: int, finder: Finder, took: Stopwatch, room: int, *, whole: bool
) -> Counted:
    """Count from the offset to the end of the last whole line. `whole`: nobody writes to it any more."""
    size = os.fstat(file).st_size
    start = max(offset, size - room)
    text = _read(file, start, size - start)
    end = len(text) if whole else _end_of_lines(text)
    text = text[:end]
    matching, examined = _matches(text, finder, took)
    new = start - offset + len(text)
    skipped = new - examined
    if skipped and examined:
        matching = round(matching * new / examined)
    places = {**total.tail.places, name: _place(file, start + end)} if name else total.tail.places
    return Counted(
        total.matching + matching, total.read + examined, total.skipped + skipped, Tail(places), total.trouble
    )


def _matches(text: bytes, finder: Finder, took: Stopwatch) -> tuple[int, int]:
    """Return how many lines match, and how many bytes were looked at: one block at least, no more when time is up."""
    at, matching = 0, 0
    while at < len(text) and (at == 0 or took() < TIME):
        end = text.rfind(b"\n", at, at + _BLOCK) + 1 or min(len(text), at + _BLOCK)
        block = _utf8(text[at:end])
        matching += sum(1 for _ in finder.finditer(block.removesuffix(b"\n")))
        at = end
    return matching, at


def _utf8(text: bytes) -> bytes:
    """RE2 stumbles over bytes that are no UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return text.decode(errors="replace").encode()
    return text


def _end_of_lines(text: bytes) -> int:
    """Return where the last whole line ends; a line that is still being written waits, unless it has grown too long."""
    end = text.rfind(b"\n") + 1
    return end if len(text) - end < LONGEST_LINE else len(text)


def _read(file: int, start: int, length: int) -> bytes:
    parts = []
    while length > 0 and (part := os.pread(file, length, start)):
        parts.append(part)
        start, length = start + len(part), length - len(part)
    return b"".join(parts)


def _place(file: int, offset: int) -> Place:
    return Place(os.fstat(file).st_ino, offset, _mark(file, offset))


def _is_same(file: int, place: Place) -> bool:
    return os.fstat(file).st_size >= place.offset and _mark(file, place.offset) == place.mark


def _mark(file: int, offset: int) -> str:
    before = _read(file, max(0, offset - _MARK), min(offset, _MARK))
    return hashlib.blake2b(before, digest_size=8).hexdigest() if before else ""


def _plain(name: str) -> str:
    """Write a file's name so that no sign of it is a pattern."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)


def _size(count: int) -> str:
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"
