"""The next line-up of a rotation when somebody joins or leaves, or the order changes. Pure.

A change holds from a moment on and touches nothing before it. Whoever would have had the turn at that moment still has
it, unless they are the one who leaves; from there the new order goes on. So nobody's shift changes hands because
somebody else has joined.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from ledger.errors import Code, Error
from oncall.rotation import LineUp, Rotation, counted, counts, hand_off, place, turn


class RollOut(StrEnum):
    """From when on a change holds."""

    NOW = "now"
    AFTER_SHIFT = "after the current shift"
    AFTER_ROTATION = "after a full rotation"


def added(
    rotation: Rotation, person: str, at: datetime, when: RollOut = RollOut.AFTER_SHIFT, position: int | None = None
) -> Rotation:
    """Return the rotation with one person more, at a place of the order; else they come last, seen from then."""
    since = begins(rotation, at, when)
    if person in rotation.lineup(since).order:
        raise Error(Code.CONFLICT, f"{person} is in {rotation.name} already.")
    return _edited(rotation, since, lambda lineup: _with(lineup, person, position))


def removed(rotation: Rotation, person: str, at: datetime, when: RollOut = RollOut.AFTER_SHIFT) -> Rotation:
    """Return the rotation without a person. Only with NOW is a shift of theirs cut short: the next one takes over."""
    since = begins(rotation, at, when)
    if not any(person in lineup.order for lineup in (rotation.lineup(since), *_later(rotation, since))):
        raise Error(Code.NOT_FOUND, f"{person} is not in {rotation.name}.")
    return _edited(rotation, since, lambda lineup: _kept(lineup, [one for one in lineup.order if one != person]))


def reordered(rotation: Rotation, order: Sequence[str], at: datetime, when: RollOut = RollOut.AFTER_SHIFT) -> Rotation:
    """Return the rotation with another order, which also takes the place of changes that were planned for later."""
    since = begins(rotation, at, when)
    return replace(rotation, lineups=(*_earlier(rotation, since), _kept(_planned(rotation, since), order)))


def begins(rotation: Rotation, at: datetime, when: RollOut) -> datetime:
    """Return the moment from which a change holds that somebody makes at `at`."""
    order = rotation.lineup(at).order
    number = turn(rotation, at)
    under_way = hand_off(rotation, number) <= at and counts(rotation, number)
    if when is RollOut.NOW or not order or (when is RollOut.AFTER_SHIFT and not under_way):
        return at
    goal = counted(rotation, number) + (1 if when is RollOut.AFTER_SHIFT else len(order))
    while counted(rotation, number) < goal:
        number += 1
    return hand_off(rotation, number)


def _edited(rotation: Rotation, since: datetime, edit: Callable[[LineUp], LineUp]) -> Rotation:
    """Edit the line-up that holds at `since`, from then on, and those that are planned for later.

    A later one that went on from where the one before would have been goes on from there again.
    """
    changed = replace(rotation, lineups=(*_earlier(rotation, since), edit(_planned(rotation, since))))
    for lineup in _later(rotation, since):
        edited = edit(lineup)
        went_on = _next(replace(rotation, lineups=_earlier(rotation, lineup.since)), lineup.since)
        goes_on = _next(changed, lineup.since)
        if went_on == lineup.order[lineup.first : lineup.first + 1] and goes_on and goes_on[0] in edited.order:
            edited = replace(edited, first=edited.order.index(goes_on[0]))
        changed = replace(changed, lineups=(*changed.lineups, edited))
    return changed


def _planned(rotation: Rotation, since: datetime) -> LineUp:
    """Return the line-up that would hold at a moment, as if it had begun right then."""
    lineup = rotation.lineup(since)
    first = place(rotation, lineup, turn(rotation, since)) if lineup.order else 0
    return LineUp(since, lineup.order, first)


def _next(rotation: Rotation, since: datetime) -> tuple[str, ...]:
    """Return whose turn a moment is in; nobody where there is nobody."""
    planned = _planned(rotation, since)
    return planned.order[planned.first : planned.first + 1]


def _earlier(rotation: Rotation, since: datetime) -> tuple[LineUp, ...]:
    return tuple(lineup for lineup in rotation.lineups if lineup.since < since)


def _later(rotation: Rotation, since: datetime) -> tuple[LineUp, ...]:
    return tuple(lineup for lineup in rotation.lineups if lineup.since > since)


def _with(lineup: LineUp, person: str, position: int | None) -> LineUp:
    if person in lineup.order:
        return lineup
    at = lineup.first or len(lineup.order) if position is None else min(max(position, 0), len(lineup.order))
    order = (*lineup.order[:at], person, *lineup.order[at:])
    return replace(lineup, order=order, first=lineup.first + (1 if at <= lineup.first and lineup.order else 0))


def _kept(lineup: LineUp, order: Sequence[str]) -> LineUp:
    """Return another order that goes on with whoever had the turn, or else with the next one who is still in it."""
    size = len(lineup.order)
    had = [lineup.order[(lineup.first + step) % size] for step in range(size)]
    goes_on = next((person for person in had if person in order), None)
    return LineUp(lineup.since, tuple(order), order.index(goes_on) if goes_on is not None else 0)
