"""Who takes turns, in which order, since when. Pure.

Turn k begins at a wall clock time of the rotation's zone. Roles are offsets of one order: whoever is at offset 1 has
offset 0 next. Nobody has two roles in one turn; where there are fewer people than roles, the later role stays empty.
Turns that have no time in any window are not counted, so that nobody's turn always falls on what is closed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from oncall import zones
from oncall.cadence import LAST_YEAR, Every, Rule, period
from oncall.restrictions import Window, opened, touches
from oncall.terms import PRIMARY

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
ALWAYS = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class LineUp:
    """An order that holds from a moment on; `first` is the place of whoever has the turn that is under way then."""

    since: datetime
    order: tuple[str, ...]
    first: int = 0


@dataclass(frozen=True)
class Rotation:
    """One rotation. `starts` is a wall clock time of the zone; `since` and `until` cut off what is outside of them."""

    name: str
    order: tuple[str, ...]
    every: Every | Rule
    starts: datetime
    zone: ZoneInfo
    roles: Mapping[str, int] = field(default_factory=lambda: {PRIMARY: 0})
    windows: tuple[Window, ...] = ()
    lineups: tuple[LineUp, ...] = ()  # in order of `since`
    first: int = 0
    counts_all: bool = False  # turns that have no time in a window, too
    since: datetime = ALWAYS
    until: datetime = NEVER

    @property
    def history(self) -> tuple[LineUp, ...]:
        """Every line-up, the one it began with first."""
        return (LineUp(ALWAYS, self.order, self.first), *self.lineups)

    @property
    def people(self) -> Sequence[str]:
        """Everybody who is or was in it, each once."""
        return list(dict.fromkeys(person for one in self.history for person in one.order))

    def lineup(self, at: datetime) -> LineUp:
        """Return the line-up that holds at a moment."""
        return self.history[bisect_right([one.since for one in self.history], at) - 1]


class Held(NamedTuple):
    """One stretch in which nothing changes: who has which role. Not clipped to what was asked for."""

    start: datetime
    end: datetime
    people: Mapping[str, str]


def held(rotation: Rotation, since: datetime, until: datetime) -> Iterator[Held]:
    """Yield, in order, every stretch that has some time between two moments."""
    start = max(since, rotation.since, hand_off(rotation, 0))
    until = min(until, rotation.until)
    if start >= until or start.year > LAST_YEAR:
        return
    roles = tuple(sorted(rotation.roles.items(), key=lambda role: role[1]))
    turns = list(_turns(rotation, start, until))
    spans = opened(rotation.windows, rotation.zone, turns[0][1], turns[-1][2]) if rotation.windows and turns else []
    at = 0
    for number, begins, ends in turns:
        for lineup, first, last in _lineups(rotation, max(begins, rotation.since), min(ends, rotation.until)):
            if first >= until or last <= start or not lineup.order:
                continue
            people = seats(lineup.order, roles, place(rotation, lineup, number))
            if not rotation.windows:
                yield Held(first, last, people)
                continue
            while at < len(spans) and spans[at][1] <= first:
                at += 1
            for opens, closes in spans[at : bisect_left(spans, (last, ALWAYS), at)]:
                stretch = Held(max(opens, first), min(closes, last), people)
                if stretch.start < until and start < stretch.end:
                    yield stretch


def _turns(rotation: Rotation, since: datetime, until: datetime) -> Iterator[tuple[int, datetime, datetime]]:
    number = turn(rotation, since)
    begins = hand_off(rotation, number)
    while begins < until:
        ends = hand_off(rotation, number + 1)
        if begins < ends:  # a turn within the hour that is skipped in spring has no time
            yield number, begins, ends
        number, begins = number + 1, ends


def _lineups(rotation: Rotation, begins: datetime, ends: datetime) -> Iterator[tuple[LineUp, datetime, datetime]]:
    """Cut a stretch where another line-up begins."""
    if not rotation.lineups:
        yield rotation.history[0], begins, ends
        return
    history = rotation.history
    for at, lineup in enumerate(history):
        over = history[at + 1].since if at + 1 < len(history) else NEVER
        first, last = max(begins, lineup.since), min(ends, over)
        if first < last:
            yield lineup, first, last


@lru_cache(10_000)
def seats(order: tuple[str, ...], roles: tuple[tuple[str, int], ...], seat: int) -> Mapping[str, str]:
    """Return who has which role when `seat` of the order has offset 0; a role that is not there stays empty.

    >>> seats(("a", "b"), (("primary", 0), ("secondary", 1), ("shadow", 2)), 1)
    {'primary': 'b', 'secondary': 'a'}
    """
    taken: dict[str, str] = {}
    for role, offset in roles:
        person = order[(seat + offset) % len(order)]
        if person not in taken.values():
            taken[role] = person
    return taken


# Turns: their numbers, their beginnings, and how many of them count.


def hand_off(rotation: Rotation, number: int) -> datetime:
    """Return the moment at which a turn begins; NEVER beyond what anybody plans."""
    try:
        wall = _wall(rotation.every, rotation.starts, number)
    except OverflowError:
        return NEVER
    return zones.first(wall, rotation.zone) if wall.year <= LAST_YEAR else NEVER


def turn(rotation: Rotation, at: datetime) -> int:
    """Return the number of the turn that a moment is in, at least 0.

    What the wall shows is a good guess, and not more where clocks change.
    """
    wall = zones.wall(at, rotation.zone)
    number = max(_guess(rotation.every, rotation.starts, wall), 0)
    while number and hand_off(rotation, number) > at:
        number -= 1
    while hand_off(rotation, number + 1) <= at:
        number += 1
    return number


def counted(rotation: Rotation, number: int) -> int:
    """Return how many turns before this one count."""
    if rotation.counts_all or not rotation.windows:
        return number
    every, starts, windows = rotation.every, rotation.starts, rotation.windows
    if isinstance(every, Rule):
        year, at = _year_of(every, starts, number)
        return _counted_before(every, starts, windows, year) + _counts_of_year(every, starts, windows, year)[at]
    size = period(every)
    if size is None:
        return number
    counts = _counts_of_period(every, starts, windows, size)
    return number // size * counts[-1] + counts[number % size]


def counts(rotation: Rotation, number: int) -> bool:
    """Does this turn count?"""
    return counted(rotation, number + 1) > counted(rotation, number)


def place(rotation: Rotation, lineup: LineUp, number: int) -> int:
    """Return the place in the order of whoever has offset 0 in a turn."""
    base = 0 if lineup.since == ALWAYS else counted(rotation, turn(rotation, lineup.since))
    return (counted(rotation, number) - base + lineup.first) % len(lineup.order)


def _wall(every: Every | Rule, starts: datetime, number: int) -> datetime:
    if isinstance(every, Every):
        return every.wall(starts, number)
    if number <= 0:
        return starts
    year, at = _year_of(every, starts, number)
    return _of_year(every, starts, year)[at]


def _guess(every: Every | Rule, starts: datetime, wall: datetime) -> int:
    if isinstance(every, Every):
        return every.turn(starts, wall)
    year = min(wall.year, LAST_YEAR)
    if year < starts.year:
        return 0
    before = sum(len(_of_year(every, starts, one)) for one in range(starts.year, year))
    return before + bisect_right(_of_year(every, starts, year), wall) - 1


@lru_cache(2000)
def _of_year(rule: Rule, starts: datetime, year: int) -> tuple[datetime, ...]:
    """Return when the turns of a year begin; turn 0 at `starts`, whatever the rule says."""
    return (*((starts,) if year == starts.year else ()), *rule.of_year(starts, year))


def _year_of(rule: Rule, starts: datetime, number: int) -> tuple[int, int]:
    """Return the year in which a turn begins, and its place among that year's."""
    for year in range(starts.year, LAST_YEAR + 1):
        size = len(_of_year(rule, starts, year))
        if number < size:
            return year, number
        number -= size
    raise OverflowError("no such turn")


@lru_cache(2000)
def _counts_of_year(rule: Rule, starts: datetime, windows: tuple[Window, ...], year: int) -> tuple[int, ...]:
    ahead = (wall for one in range(year + 1, LAST_YEAR) for wall in _of_year(rule, starts, one))
    walls = [*_of_year(rule, starts, year), next(ahead, starts.replace(year=LAST_YEAR, day=1))]
    return _sums([touches(windows, *pair) for pair in pairwise(walls)])


@lru_cache(1000)
def _counted_before(rule: Rule, starts: datetime, windows: tuple[Window, ...], year: int) -> int:
    return sum(_counts_of_year(rule, starts, windows, one)[-1] for one in range(starts.year, year))


@lru_cache(1000)
def _counts_of_period(every: Every, starts: datetime, windows: tuple[Window, ...], size: int) -> tuple[int, ...]:
    walls = [every.wall(starts, number) for number in range(size + 1)]
    return _sums([touches(windows, *pair) for pair in pairwise(walls)])


def _sums(flags: Sequence[bool]) -> tuple[int, ...]:
    """Return how many are true before each place, and in all."""
    sums = [0]
    for flag in flags:
        sums.append(sums[-1] + flag)
    return tuple(sums)
