"""What is wrong with shifts to come: gaps, double bookings, rotas of one, people out of reach, away or gone. Pure.

Each thing found is a span, the people and a sentence that says what to do. Nothing here knows schedules or asks who can
be reached; that and who is in the catalog are arguments. A shift of nobody covers nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from oncall.almanac import ZULU
from oncall.saying import NAMES, called, counted, listed, stretch
from oncall.spans import Span, clipped, merged, without
from oncall.terms import Shift

AHEAD = timedelta(days=7)  # what is found is announced so long before it begins


class Trouble(StrEnum):
    """What can be wrong."""

    GAP = "gap"  # nobody holds the role
    DOUBLE = "double"  # one person is booked twice at once
    ALONE = "alone"  # a rota of one person, or of nobody
    UNREACHABLE = "unreachable"  # on call, and no page would arrive
    LEFT = "left"  # on call, and not in the catalog any more
    AWAY = "away"  # on call on a day that is free in that person's own calendar


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, from when to when."""

    kind: Trouble
    start: datetime
    end: datetime
    role: str  # or two, `primary and secondary`, or the name of a rota
    people: tuple[str, ...]
    sentence: str

    @property
    def about(self) -> tuple[Trouble, str, tuple[str, ...]]:
        """Return what it is about, whenever it is."""
        return self.kind, self.role, self.people


@dataclass(frozen=True)
class Rota:
    """Who takes turns in a rotation, and from when to when that is so."""

    name: str
    people: tuple[str, ...]
    start: datetime
    end: datetime | None = None


def findings(
    shifts: Sequence[Shift],
    roles: Iterable[str],
    since: datetime,
    until: datetime,
    reachable: Collection[str],
    known: Collection[str],
    *,
    wanted: Sequence[Span] | None = None,
    rotas: Sequence[Rota] = (),
    zone: ZoneInfo = ZULU,
    names: Mapping[str, str] = NAMES,
) -> list[Finding]:
    """Return all that is wrong with the shifts of one schedule between two moments, the earliest first.

    `wanted` is when somebody shall hold each role, for a rota of office hours; without it, always.
    """
    spans = clipped([(since, until)] if wanted is None else wanted, since, until)
    mine = within(shifts, since, until)
    found = [finding for role in dict.fromkeys(roles) for finding in gaps(mine, role, spans, zone)]
    found += doubles(mine, zone, names)
    found += [finding for rota in rotas for finding in _alone(rota, since, until, known, names, zone)]
    found += absent(mine, reachable, known, zone, names)
    return in_order(found)


def doubles_between(
    schedules: Mapping[str, Sequence[Shift]],
    since: datetime,
    until: datetime,
    *,
    zone: ZoneInfo = ZULU,
    names: Mapping[str, str] = NAMES,
) -> list[Finding]:
    """Return who holds a role in two schedules at once; what one schedule does to itself is `findings`' to say."""
    return in_order(_doubles({name: within(shifts, since, until) for name, shifts in schedules.items()}, zone, names))


def to_announce(
    found: Iterable[Finding], announced: Iterable[Finding], now: datetime, ahead: timedelta = AHEAD
) -> list[Finding]:
    """Return what begins within a week and was not said yet, or not for all of that time.

    Look further ahead than `ahead`, and keep what was announced: what is said of a gap without end holds until the end
    that was seen then.
    """
    said: dict[object, list[Span]] = defaultdict(list)
    for finding in announced:
        said[finding.about].append((finding.start, finding.end))
    due = []
    for finding in in_order(found):
        soon = clipped([(finding.start, finding.end)], now, now + ahead)
        if without(soon, said[finding.about]):
            due.append(finding)
            said[finding.about].append((finding.start, finding.end))
    return due


def gaps(shifts: Iterable[Shift], role: str, wanted: Sequence[Span], zone: ZoneInfo = ZULU) -> list[Finding]:
    """Return when nobody holds a role that somebody shall hold."""
    held = [(shift.start, shift.end) for shift in shifts if shift.role == role and shift.person]
    return [
        Finding(
            Trouble.GAP,
            start,
            end,
            role,
            (),
            f"nobody is {role} {stretch(start, end, zone)}; put somebody there, or a page goes to the next level",
        )
        for start, end in without(wanted, held)
    ]


def doubles(shifts: Sequence[Shift], zone: ZoneInfo = ZULU, names: Mapping[str, str] = NAMES) -> list[Finding]:
    """Return who holds two roles at once."""
    roles = sorted({shift.role for shift in shifts})
    return _doubles({role: [shift for shift in shifts if shift.role == role] for role in roles}, zone, names)


def absent(
    shifts: Iterable[Shift],
    reachable: Collection[str],
    known: Collection[str],
    zone: ZoneInfo = ZULU,
    names: Mapping[str, str] = NAMES,
) -> list[Finding]:
    """Return who is on call and cannot be reached or has left: once per role, from the first shift to the last."""
    theirs: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for shift in shifts:
        if shift.person and (shift.person not in known or shift.person not in reachable):
            theirs[shift.person, shift.role].append((shift.start, shift.end))
    found = []
    for (person, role), held in theirs.items():
        spans = merged(held)
        kind = Trouble.UNREACHABLE if person in known else Trouble.LEFT
        when = f"{counted(len(spans), 'time')}, first {stretch(*spans[0], zone)}"
        sentence = {
            Trouble.UNREACHABLE: f"{called(person, names)} cannot be reached and is {role} {when}; add a channel",
            Trouble.LEFT: f"{called(person, names)} has left and is {role} {when}; take that person out of the rota",
        }[kind]
        found.append(Finding(kind, spans[0][0], spans[-1][1], role, (person,), sentence))
    return found


def away(booked: Iterable[tuple[Shift, str]], zone: ZoneInfo = ZULU, names: Mapping[str, str] = NAMES) -> list[Finding]:
    """Return who is on call while away; `booked` are parts of shifts on one free day each, with the day's name."""
    theirs: dict[str, list[tuple[Shift, str]]] = defaultdict(list)
    for shift, name in booked:
        theirs[shift.person].append((shift, name))
    found = []
    for person, taken in theirs.items():
        for start, end in merged([(shift.start, shift.end) for shift, _ in taken]):
            mine = [(shift.role, name) for shift, name in taken if start <= shift.start < end]
            roles = listed(sorted({role for role, _ in mine}))
            why = _first(name for _, name in mine)
            sentence = (
                f"{called(person, names)} is {roles} {stretch(start, end, zone)}, but away by their own calendar "
                f"({why}); ask somebody to cover"
            )
            found.append(Finding(Trouble.AWAY, start, end, roles, (person,), sentence))
    return found


def _first(names: Iterable[str]) -> str:
    """Return the first of some names, and how many others there are.

    >>> _first(["Christmas"]), _first(["Leave", "Leave"]), _first(["Christmas", "Boxing Day"])
    ('Christmas', 'Leave', 'Christmas and another')
    """
    first, *others = dict.fromkeys(names)
    return f"{first} and {'another' if len(others) == 1 else f'{len(others)} others'}" if others else first


def within(shifts: Iterable[Shift], since: datetime, until: datetime) -> list[Shift]:
    """Return the shifts cut at the bounds."""
    cut = [replace(shift, start=max(shift.start, since), end=min(shift.end, until)) for shift in shifts]
    return [shift for shift in cut if shift.start < shift.end]


def in_order(found: Iterable[Finding]) -> list[Finding]:
    """Return findings in the order in which they begin."""
    return sorted(found, key=lambda finding: (finding.start, finding.kind, finding.role, finding.people, finding.end))


def said(found: Sequence[Finding]) -> str:
    """Return what was found in one line, by kind.

    >>> said([])
    'nothing is wrong'
    """
    words = {Trouble.GAP: "gap", Trouble.DOUBLE: "double booking", Trouble.ALONE: "rota of one"}
    words |= {Trouble.UNREACHABLE: "shift out of reach", Trouble.LEFT: "shift of somebody who left"}
    words |= {Trouble.AWAY: "shift of somebody who is away"}
    counts = {kind: sum(finding.kind is kind for finding in found) for kind in Trouble}
    return listed([counted(number, words[kind]) for kind, number in counts.items() if number]) or "nothing is wrong"


def _doubles(places: Mapping[str, Sequence[Shift]], zone: ZoneInfo, names: Mapping[str, str]) -> list[Finding]:
    """Return who is in two places at once; a place is a role, or a schedule."""
    booked: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for place, shifts in places.items():
        for shift in shifts:
            booked[shift.person, place].append((shift.start, shift.end))
    by_person: dict[str, list[tuple[datetime, datetime, str]]] = defaultdict(list)
    for (person, place), spans in booked.items():
        by_person[person] += [(*span, place) for span in merged(spans)]
    return [
        Finding(
            Trouble.DOUBLE,
            start,
            end,
            both,
            (person,),
            f"{called(person, names)} is {both} at once {stretch(start, end, zone)}; give one to somebody else",
        )
        for person, bookings in by_person.items()
        if person
        for start, end, both in _overlaps(bookings)
    ]


def _overlaps(bookings: list[tuple[datetime, datetime, str]]) -> Iterator[tuple[datetime, datetime, str]]:
    """Yield when two bookings hold at once, and which two."""
    open_ones: list[tuple[datetime, datetime, str]] = []
    for start, end, place in sorted(bookings):
        open_ones = [each for each in open_ones if each[1] > start]
        for _, other_end, other in open_ones:
            yield start, min(end, other_end), " and ".join(sorted((place, other)))
        open_ones.append((start, end, place))


def _alone(
    rota: Rota, since: datetime, until: datetime, known: Collection[str], names: Mapping[str, str], zone: ZoneInfo
) -> list[Finding]:
    people = tuple(sorted({person for person in rota.people if person in known}))
    if len(people) > 1:
        return []
    if people:
        sentence = f"{called(people[0], names)} is alone in the rota {rota.name}"
    else:
        sentence = f"nobody is left in the rota {rota.name}"
    spans = clipped([(rota.start, rota.end or until)], since, until)
    return [
        Finding(Trouble.ALONE, *span, rota.name, people, f"{sentence} {stretch(*span, zone)}; add people")
        for span in spans
    ]
