"""Who is on call, from when to when, and why: rotations in layers, and overrides above them. Pure.

A later rotation hides an earlier one for the same role, where it has somebody; overrides hide both, and of overrides
the last created wins. The answer for some time is always that for more time, clipped.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from oncall.layers import Piece, Row, clipped, laid, overridden
from oncall.overrides import Override
from oncall.rotation import ALWAYS, NEVER, LineUp, Rotation, held, seats
from oncall.saying import counted, listed
from oncall.terms import Kind, Shift, Source

INSTANT = timedelta(microseconds=1)
FARTHEST = timedelta(days=400)  # an end that is further away is not looked for


@dataclass(frozen=True)
class Schedule:
    """Rotations in the order of the file, those that hide others last, and what the file itself overrides."""

    zone: ZoneInfo
    rotations: tuple[Rotation, ...] = ()
    overrides: tuple[Override, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)  # of a fair load; whoever is not there has 1

    @property
    def roles(self) -> Sequence[str]:
        """Every role, each once: by offset within a rotation, in the order of rotations, then of overrides."""
        said = [role for rotation in self.rotations for role in sorted(rotation.roles, key=rotation.roles.__getitem__)]
        return list(dict.fromkeys([*said, *(one.role for one in self.overrides)]))

    def rotation(self, name: str) -> Rotation:
        """Return the rotation of that name; KeyError when there is none."""
        return {one.name: one for one in self.rotations}[name]

    def with_lineups(self, name: str, lineups: Iterable[LineUp]) -> "Schedule":
        """Return the schedule with other line-ups in one of its rotations."""
        dated = tuple(sorted(lineups, key=lambda one: one.since))
        changed = [replace(one, lineups=dated) if one.name == name else one for one in self.rotations]
        return replace(self, rotations=tuple(changed))


def render(
    schedule: Schedule,
    since: datetime,
    until: datetime,
    overrides: Sequence[Override] = (),
    roles: Iterable[str] | None = None,
) -> list[Shift]:
    """Return the shifts between two moments, clipped to them, by start and then by role."""
    everything = (*schedule.overrides, *overrides)
    known = list(dict.fromkeys([*schedule.roles, *(one.role for one in overrides)]))
    asked = known if roles is None else [role for role in known if role in set(roles)]
    layers = [_layer(rotation, since, until, asked) for rotation in schedule.rotations]
    found: list[Shift] = []
    for role in asked:
        row: Row = []
        for layer in layers:
            row = laid(row, layer.get(role, []))
        row = overridden(row, [one for one in everything if one.role == role], since, until)
        found += [Shift(one.start, one.end, role, one.person, one.source) for one in clipped(row, since, until)]
    return sorted(found, key=lambda shift: shift.start)  # a stable sort keeps the order of the roles


def whole(
    schedule: Schedule,
    since: datetime,
    until: datetime,
    overrides: Sequence[Override] = (),
    roles: Iterable[str] | None = None,
) -> list[Shift]:
    """Return the shifts that have some time between two moments, with their own ends instead of the bounds.

    A shift without an end (one person who is always on call) ends some hundred days outside of them.
    """
    asked = None if roles is None else list(roles)
    reach = timedelta(days=8)
    while True:
        first, last = _before(since, reach), _after(until, reach)
        found = [
            shift
            for shift in render(schedule, first, last, overrides, asked)
            if shift.start < until and since < shift.end
        ]
        if reach >= FARTHEST or all(first < shift.start and shift.end < last for shift in found):
            return found
        reach = min(reach * 4, FARTHEST)


def who(schedule: Schedule, at: datetime, overrides: Sequence[Override] = ()) -> dict[str, Shift]:
    """Return who has each role at a moment. Each shift goes as far as its turn, or as what hides it lets it."""
    everything = (*schedule.overrides, *overrides)
    rotations: dict[str, Shift] = {}
    for rotation in schedule.rotations:
        source = Source(Kind.ROTATION, rotation.name)
        for one in held(rotation, at, at + INSTANT):  # a later rotation writes over an earlier one
            rotations |= {role: Shift(one.start, one.end, role, person, source) for role, person in one.people.items()}
    answer: dict[str, Shift] = {}
    for role in dict.fromkeys([*schedule.roles, *(one.role for one in overrides)]):
        touching = [one for one in everything if one.role == role]
        found = rotations.get(role)
        if not touching and sum(role in rotation.roles for rotation in schedule.rotations) == 1:
            answer |= {role: found} if found else {}
            continue
        bounds = [(one.start, one.end) for one in touching if one.start <= at < one.end]
        bounds += [(found.start, found.end)] if found else []
        if bounds:
            start, end = min(first for first, _ in bounds), max(last for _, last in bounds)
            shifts = render(schedule, start, end, overrides, [role])
            answer.update((role, shift) for shift in shifts if shift.start <= at < shift.end)
    return answer


def findings(schedule: Schedule) -> list[str]:
    """Return what is legal and probably not meant, a sentence each."""
    said = []
    if not any(lineup.order for rotation in schedule.rotations for lineup in rotation.history):
        said.append("nobody is in this schedule; only overrides put somebody on call")
    for rotation in schedule.rotations:
        for lineup in rotation.history:
            said += _empty_roles(rotation, lineup)
    return list(dict.fromkeys(said))


def _empty_roles(rotation: Rotation, lineup: LineUp) -> list[str]:
    """Say which roles nobody has in some of the turns, since nobody has two at once."""
    offsets = sorted(rotation.roles.items(), key=lambda role: role[1])
    turns = [seats(lineup.order, tuple(offsets), seat) for seat in range(len(lineup.order))]
    empty = [role for role, _ in offsets if any(role not in turn for turn in turns)]
    if not empty:
        return []
    count = len(set(lineup.order))
    people = "1 person" if count == 1 else f"{count} people"
    return [f"{rotation.name}: {people} for {counted(len(offsets), 'role')}; {listed(empty)} may stay empty"]


def _layer(rotation: Rotation, since: datetime, until: datetime, roles: Sequence[str]) -> dict[str, Row]:
    """Return the row of each role that somebody asks for."""
    source = Source(Kind.ROTATION, rotation.name)
    rows: dict[str, Row] = {role: [] for role in roles if role in rotation.roles}
    if rows:
        for stretch in held(rotation, since, until):
            for role, row in rows.items():
                if role in stretch.people:
                    row.append(Piece(stretch.start, stretch.end, stretch.people[role], source))
    return rows


def _before(moment: datetime, reach: timedelta) -> datetime:
    return max(moment, ALWAYS + reach) - reach


def _after(moment: datetime, reach: timedelta) -> datetime:
    return min(moment, NEVER - reach) + reach
