"""A schedule as the lines of a calendar: weeks of cells, each so many columns wide. Pure: shifts in, cells out.

A cell knows its shift, what is written in it, and how it is drawn. What is too short for a name has initials, what is
too short for those has nothing but its title. Widths go by the clock on the wall, so a day is as wide as another.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from oncall.almanac import instant
from oncall.spans import Span, without
from oncall.terms import Kind, Shift, Source
from portal.people import Face

PER_DAY = 12  # columns
DAYS = 7
WHOLE = PER_DAY * DAYS
COLUMN = timedelta(days=1) / PER_DAY
EDGE = timedelta(days=35)  # so much further is looked, so that shifts have their own ends
NOBODY = Source(Kind.ROTATION, "")
NARROW, INITIALS, LETTER = 4, 3, 1  # columns: up to here no name is tried; two letters need so many, one needs so many

Faces = Callable[[str], Face]


@dataclass(frozen=True)
class Cell:
    """So many columns of one line; without a shift it is empty."""

    columns: int
    shift: Shift | None = None
    text: str = ""
    kind: str = ""  # classes of the style sheet


@dataclass(frozen=True)
class Day:
    day: date
    is_today: bool


@dataclass(frozen=True)
class Line:
    role: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Week:
    """`tick`: the column in which now is; None in every other week."""

    days: tuple[Day, ...]
    lines: tuple[Line, ...]
    is_past: bool
    tick: int | None


def monday(at: datetime, zone: ZoneInfo) -> date:
    local = at.astimezone(zone).date()
    return local - timedelta(days=local.weekday())


def bounds(first: date, weeks: int, zone: ZoneInfo) -> Span:
    return instant(first, time(0), zone), instant(first + timedelta(weeks=weeks), time(0), zone)


def together(shifts: Iterable[Shift]) -> list[Shift]:
    """Return shifts with those made one that follow each other and differ in nothing else."""
    found: list[Shift] = []
    last: dict[str, int] = {}
    for shift in sorted(shifts, key=lambda one: (one.start, one.role)):
        at = last.get(shift.role)
        before = found[at] if at is not None else None
        same = before is not None and (before.person, before.source) == (shift.person, shift.source)
        if before is not None and at is not None and same and before.end == shift.start:
            found[at] = replace(before, end=shift.end)
        else:
            last[shift.role] = len(found)
            found.append(shift)
    return found


def touching(shifts: Iterable[Shift], since: datetime, until: datetime) -> list[Shift]:
    return [shift for shift in shifts if shift.start < until and since < shift.end]


def with_gaps(shifts: Sequence[Shift], roles: Sequence[str], wanted: Sequence[Span]) -> list[Shift]:
    """Return the shifts, and nobody's where somebody is wanted and nobody is, in order."""
    found = [shift for shift in shifts if shift.person]
    for role in roles:
        held = [(shift.start, shift.end) for shift in found if shift.role == role]
        found += [Shift(start, end, role, "", NOBODY) for start, end in without(wanted, held)]
    return sorted(found, key=lambda one: (one.start, roles.index(one.role) if one.role in roles else len(roles)))


def weeks(
    shifts: Sequence[Shift],
    roles: Sequence[str],
    first: date,
    count: int,
    now: datetime,
    zone: ZoneInfo,
    faces: Faces,
) -> list[Week]:
    """Return that many weeks from a Monday on. `shifts` are those of `together`, with nobody's in between."""
    return [_week(shifts, roles, first + timedelta(weeks=number), now, zone, faces) for number in range(count)]


def _week(
    shifts: Sequence[Shift], roles: Sequence[str], begins: date, now: datetime, zone: ZoneInfo, faces: Faces
) -> Week:
    start, end = bounds(begins, 1, zone)
    mine = [shift for shift in shifts if shift.start < end and start < shift.end]
    days = [begins + timedelta(days=number) for number in range(DAYS)]
    today = now.astimezone(zone).date()
    lines = [
        Line(role, tuple(_cells([one for one in mine if one.role == role], begins, now, zone, faces, number)))
        for number, role in enumerate(roles)
    ]
    return Week(
        tuple(Day(day, day == today) for day in days),
        tuple(lines),
        end <= now,
        _column(now, begins, zone) if start <= now < end else None,
    )


def _cells(
    shifts: Sequence[Shift], begins: date, now: datetime, zone: ZoneInfo, faces: Faces, line: int
) -> Iterable[Cell]:
    at = 0
    for shift in shifts:
        start = min(max(_column(shift.start, begins, zone), at), WHOLE - 1)
        end = min(max(_column(shift.end, begins, zone), start + 1), WHOLE)
        if start < at or at >= WHOLE:
            continue  # so many short ones that there is no column left for this one
        if start > at:
            yield Cell(start - at)
        yield Cell(end - start, shift, _text(shift, end - start, now, faces, line), _kind(shift, now, faces, line))
        at = end
    if at < WHOLE:
        yield Cell(WHOLE - at)


def _column(at: datetime, begins: date, zone: ZoneInfo) -> int:
    since = at.astimezone(zone).replace(tzinfo=None) - datetime.combine(begins, time(0))
    return min(max(round(since / COLUMN), 0), WHOLE)


def _text(shift: Shift, columns: int, now: datetime, faces: Faces, line: int) -> str:
    """Return as much of the name as fits: all of it, the first name, initials, nothing."""
    if not shift.person:
        return _fitting(("Nobody",), columns, "0" if columns >= LETTER else "")
    face = faces(shift.person)
    is_now = line == 0 and shift.start <= now < shift.end
    name = face.name + (" (you)" if face.you else "")
    first = face.name.split()[0] if face.name.split() else face.name
    tries = (name + (", now" if is_now else ""), name, face.name, first) if columns > NARROW else ()
    return _fitting(tries, columns, face.initials if columns >= INITIALS else "")


def _fitting(tries: Sequence[str], columns: int, else_: str) -> str:
    room = columns * 1.5 - 2.5  # characters: a column is some ten pixels wide, a letter less than seven
    return next((said for said in tries if len(said) <= room), else_)


def _kind(shift: Shift, now: datetime, faces: Faces, line: int) -> str:
    if not shift.person:
        return "gap"
    classes = [f"p{faces(shift.person).tint}"] if line == 0 else ["second"]
    if shift.source.kind is not Kind.ROTATION:
        classes.append("cover")
    if line == 0 and shift.start <= now < shift.end:
        classes.append("on")
    return " ".join(classes)


def tints(order: Sequence[str], known: Mapping[str, Face]) -> dict[str, Face]:
    """Return faces whose tints follow the order of the rota, so that neighbours differ."""
    return {ref: replace(known[ref], tint=number % 6 + 1) for number, ref in enumerate(order)}
