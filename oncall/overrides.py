"""Exceptions that people make: take a shift, cover a part of one, swap two, give one back. Pure.

The last created wins. What is over stays as it was: an override in progress can only be cut short, never taken back.
`number` is 0 until it is stored.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ledger.errors import Code, Error
from oncall.terms import Kind, Shift, Source


@dataclass(frozen=True)
class Override:
    """One exception. An empty `person` means that nobody has the role; with `replaces` it concerns only what that
    person would have had, and leaves others untouched.
    """

    number: int
    role: str
    person: str
    start: datetime
    end: datetime
    created: datetime
    kind: Kind = Kind.OVERRIDE
    by: str = ""
    reason: str = ""
    replaces: str = ""

    @property
    def source(self) -> Source:
        return Source(self.kind, str(self.number), self.by, self.reason)

    @property
    def rank(self) -> tuple[datetime, int]:
        """The larger wins."""
        return self.created, self.number


def covered(
    shift: Shift, person: str, by: str, now: datetime, start: datetime | None = None, end: datetime | None = None
) -> Override:
    """Return the override by which a person has a shift, or a part of it, from now on at the earliest."""
    first, last = max(start or shift.start, now), end or shift.end
    if first >= last:
        raise Error(Code.CONFLICT, "That time is over; choose one that is still to come.")
    if (start or first) < shift.start or last > shift.end:
        raise Error(Code.INVALID, "That reaches beyond the shift; choose a time within it.")
    if person == shift.person:
        raise Error(Code.CONFLICT, "That shift is theirs already.")
    return Override(0, shift.role, person, first, last, now, by=by)


def swapped(one: Shift, other: Shift, by: str, now: datetime, reason: str = "") -> tuple[Override, Override]:
    """Return the two halves of an exchange; of a shift that has begun only what is left is exchanged."""
    if one.person == other.person:
        raise Error(Code.INVALID, "Both shifts are of the same person; there is nothing to swap.")
    if min(one.end, other.end) <= now:
        raise Error(Code.CONFLICT, "One of the two shifts is over; choose one that is still to come.")
    return _half(one, other.person, by, now, reason), _half(other, one.person, by, now, reason)


def _half(shift: Shift, person: str, by: str, now: datetime, reason: str) -> Override:
    return Override(0, shift.role, person, max(shift.start, now), shift.end, now, Kind.SWAP, by, reason)


def deleted(override: Override, now: datetime) -> Override | None:
    """Return what stays of an override that is deleted: what is over of it, or nothing when it has not begun."""
    if is_over(override, now):
        raise Error(Code.CONFLICT, "That override is over; what has been cannot be changed.")
    return replace(override, end=now) if override.start < now else None


def given_back(override: Override, now: datetime, start: datetime, end: datetime) -> tuple[Override, ...]:
    """Return what stays of an override when a part of it is given back: the piece before and the piece after."""
    first, last = max(start, now), end
    if first >= last or is_over(override, now):
        raise Error(Code.CONFLICT, "That time is over; what has been cannot be changed.")
    pieces = (
        replace(override, end=min(override.end, first)),
        replace(override, number=0, start=max(override.start, last)),
    )
    kept = [piece for piece in pieces if piece.start < piece.end]
    return tuple(kept) if len(kept) != 1 else (replace(kept[0], number=override.number),)


def is_over(override: Override, now: datetime) -> bool:
    return override.end <= now


def standing(overrides: Iterable[Override], now: datetime) -> Sequence[Override]:
    """Return those that are not over, the soonest to end first."""
    return sorted((one for one in overrides if not is_over(one, now)), key=lambda one: (one.end, one.rank))
