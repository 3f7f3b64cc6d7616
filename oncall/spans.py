"""Stretches of time as sets: joined, cut, taken from one another. Pure.

A span is a pair of moments, the end not included. What comes out is in order, without overlap, and touching spans
are one. Nothing here knows people, zones or calendars.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

Span = tuple[datetime, datetime]


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the same time in as few spans as can be; an empty or backward span is no time."""
    found: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def common(left: Iterable[Span], right: Iterable[Span]) -> list[Span]:
    """Return the time that is in both."""
    mine, others = merged(left), merged(right)
    found: list[Span] = []
    here = there = 0
    while here < len(mine) and there < len(others):
        start, end = max(mine[here][0], others[there][0]), min(mine[here][1], others[there][1])
        if start < end:
            found.append((start, end))
        if mine[here][1] <= others[there][1]:
            here += 1
        else:
            there += 1
    return found


def without(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """Return the time of `spans` that is in no hole."""
    mine = merged(spans)
    if not mine:
        return []
    found: list[Span] = []
    open_from = mine[0][0]
    for start, end in merged(holes):  # what lies between the holes, and then what of it is ours
        found.append((open_from, start))
        open_from = max(open_from, end)
    found.append((open_from, mine[-1][1]))
    return common(mine, found)


def clipped(spans: Iterable[Span], since: datetime, until: datetime) -> list[Span]:
    """Return the time between two moments."""
    return common(spans, [(since, until)])


def length(spans: Sequence[Span]) -> timedelta:
    """Return how long they are together; spans that overlap count once."""
    return sum((end - start for start, end in merged(spans)), timedelta(0))
