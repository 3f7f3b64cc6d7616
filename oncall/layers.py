"""Lays one row of shifts over another: what is above hides what is below, where it has somebody. Pure.

A row is in order and its pieces do not overlap. The source of a piece travels with it through every cut.
"""

from bisect import insort
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from oncall.overrides import Override
from oncall.terms import Kind, Source


class Piece(NamedTuple):
    """A part of a row: who, from when to when, and why."""

    start: datetime
    end: datetime
    person: str
    source: Source


Row = list[Piece]
NOBODY = Source(Kind.ROTATION, "")


def laid(below: Row, above: Row) -> Row:
    """Return both rows as one."""
    if not below or not above:
        return above or below
    result, at = list(above), 0
    for piece in below:
        while at < len(above) and above[at].end <= piece.start:
            at += 1
        start = piece.start
        for number in range(at, len(above)):
            hiding = above[number]
            if hiding.start >= piece.end:
                break
            if hiding.start > start:
                result.append(piece._replace(start=start, end=hiding.start))
            start = hiding.end
        if start < piece.end:
            result.append(piece._replace(start=start))
    return sorted(result)


def clipped(row: Row, since: datetime, until: datetime) -> Row:
    """Return what lies between two moments, and join what differs in nothing."""
    result: Row = []
    for piece in row:
        start, end = max(piece.start, since), min(piece.end, until)
        if start >= end:
            continue
        before = result[-1] if result else None
        if before and before.end == start and before.person == piece.person and before.source == piece.source:
            result[-1] = before._replace(end=end)
        else:
            result.append(Piece(start, end, piece.person, piece.source))
    return result


def overridden(row: Row, overrides: Sequence[Override], since: datetime, until: datetime) -> Row:
    """Return the row between two moments as its overrides change it."""
    mine = [one for one in overrides if one.start < until and since < one.end and one.start < one.end]
    if not mine:
        return row
    waiting = sorted(mine, key=lambda one: one.start, reverse=True)
    edges = sorted({since, until, *(edge for one in mine for edge in (one.start, one.end) if since < edge < until)})
    active: list[tuple[tuple[datetime, int], int, Override]] = []  # by rank; the number tells equals apart
    result: Row = []
    at = 0
    for start, end in pairwise(edges):
        active = [one for one in active if one[2].end > start]
        while waiting and waiting[-1].start <= start:
            one = waiting.pop()
            insort(active, (one.rank, len(waiting), one))
        while at < len(row) and row[at].end <= start:
            at += 1
        result += _changed(row, at, start, end, [one for _, _, one in active])
    return result


def _changed(row: Row, at: int, start: datetime, end: datetime, active: Sequence[Override]) -> Row:
    """Return a stretch in which the same overrides hold, with the stretches of nobody for those who fill them."""
    if active and not active[-1].replaces:  # whoever is below, this one hides them
        last = active[-1]
        return [Piece(start, end, last.person, last.source)] if last.person else []
    result: Row = []
    for piece in _with_gaps(row, at, start, end):
        for one in active:
            if not one.replaces or one.replaces == piece.person:
                piece = Piece(piece.start, piece.end, one.person, one.source)
        if piece.person:
            result.append(piece)
    return result


def _with_gaps(row: Row, at: int, start: datetime, end: datetime) -> Row:
    result: Row = []
    while at < len(row) and row[at].start < end:
        piece = row[at]
        if piece.start > start:
            result.append(Piece(start, piece.start, "", piece.source))
        result.append(piece._replace(start=max(piece.start, start), end=min(piece.end, end)))
        start, at = piece.end, at + 1
    if start < end:
        result.append(Piece(start, end, "", NOBODY))
    return result
