"""What a change of a schedule would do, before it is saved: two futures side by side. Pure.

Gained is what somebody holds after and did not before, lost the other way round; a person who moves from one role to
another gains one and loses the other. Nights, weekends and free days are those of where the person lives.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from oncall import almanac, coverage
from oncall.almanac import ANYWHERE, Place
from oncall.coverage import Finding
from oncall.load import NOBODY, Carried, carried, touched
from oncall.saying import NAMES, called, counted, hours, listed, stretches
from oncall.spans import Span, merged, without
from oncall.terms import PRIMARY, Kind, Shift, Source

PROPOSED = Source(Kind.ROTATION, "proposed")


@dataclass(frozen=True)
class Change:
    """What one person gains and loses in one role."""

    person: str
    role: str
    gained: Carried
    lost: Carried
    clock_changes: tuple[date, ...] = ()  # days of what is gained or lost on which the clocks change


@dataclass(frozen=True)
class Handover:
    """A role that somebody else holds at once when the change is saved."""

    role: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class Review:
    """All that would be otherwise."""

    changes: tuple[Change, ...] = ()
    now: tuple[Handover, ...] = ()
    opened: tuple[Finding, ...] = ()  # gaps that were none before
    closed: tuple[Finding, ...] = ()  # gaps that will be none
    doubles: tuple[Finding, ...] = ()  # double bookings that are new
    absent: tuple[Finding, ...] = ()  # who gains time and cannot be reached, or has left
    sentences: tuple[str, ...] = ()  # one per person, the order of `affected`

    @property
    def is_empty(self) -> bool:
        """Return whether nobody would notice."""
        return not (self.changes or self.now or self.opened or self.closed or self.doubles)

    @property
    def affected(self) -> tuple[str, ...]:
        """Return who is to be told."""
        return tuple(dict.fromkeys(change.person for change in self.changes))

    @property
    def changes_now(self) -> bool:
        """Return whether somebody else is on call at once."""
        return bool(self.now)


def review(
    before: Sequence[Shift],
    after: Sequence[Shift],
    since: datetime,
    until: datetime,
    now: datetime,
    *,
    reachable: Collection[str],
    known: Collection[str],
    home: Place = ANYWHERE,
    homes: Mapping[str, Place] = NOBODY,
    names: Mapping[str, str] = NAMES,
) -> Review:
    """Return what the second future changes in the first, between two moments.

    `home` is the place of the schedule, and of everybody whose own is not in `homes`.
    """
    old, new = coverage.within(before, since, until), coverage.within(after, since, until)
    changes = _changes(_held(old), _held(new), home, homes)
    roles = sorted({shift.role for shift in (*old, *new)})
    gained = [Shift(*span, each.role, each.person, PROPOSED) for each in changes for span in each.gained.spans]
    doubles = coverage.to_announce(
        coverage.doubles(new, home.zone, names), coverage.doubles(old, home.zone, names), since, until - since
    )
    return Review(
        changes,
        tuple(_handovers(before, after, now)),
        tuple(
            coverage.in_order(gap for role in roles for gap in coverage.gaps(new, role, _covered(old, role), home.zone))
        ),
        tuple(
            coverage.in_order(gap for role in roles for gap in coverage.gaps(old, role, _covered(new, role), home.zone))
        ),
        tuple(doubles),
        tuple(coverage.in_order(coverage.absent(gained, reachable, known, home.zone, names))),
        tuple(_sentences(changes, home, homes, names)),
    )


def totals(shifts: Iterable[Shift], since: datetime, until: datetime) -> dict[str, timedelta]:
    """Return for how long each is on call; who holds two roles at once counts in both."""
    time: dict[str, timedelta] = defaultdict(timedelta)
    for (person, _), spans in _held(coverage.within(shifts, since, until)).items():
        time[person] += carried(spans).time
    return dict(time)


def _held(shifts: Iterable[Shift]) -> dict[tuple[str, str], list[Span]]:
    held: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for shift in shifts:
        if shift.person:
            held[shift.person, shift.role].append((shift.start, shift.end))
    return held


def _covered(shifts: Iterable[Shift], role: str) -> list[Span]:
    return [(shift.start, shift.end) for shift in shifts if shift.role == role and shift.person]


def _changes(
    old: Mapping[tuple[str, str], list[Span]],
    new: Mapping[tuple[str, str], list[Span]],
    home: Place,
    homes: Mapping[str, Place],
) -> tuple[Change, ...]:
    found = []
    for person, role in sorted({*old, *new}):
        was, will_be = old.get((person, role), []), new.get((person, role), [])
        place = homes.get(person, home)
        gained, lost = without(will_be, was), without(was, will_be)
        if gained or lost:
            days = _clock_changes([*gained, *lost], place)
            found.append(Change(person, role, _more(will_be, was, place), _more(was, will_be, place), days))
    return tuple(found)


def _clock_changes(spans: list[Span], place: Place) -> tuple[date, ...]:
    of_it = merged(spans)
    days = almanac.clock_changes(of_it[0][0], of_it[-1][1], place.zone)
    return tuple(sorted(touched({day: almanac.whole_day(day, place.zone) for day in days}, of_it)))


def _more(mine: list[Span], other: list[Span], place: Place) -> Carried:
    """Return what is carried in the first and not in the second; a night of which a part stays is not gained."""
    one, two, rest = carried(mine, place), carried(other, place), carried(without(mine, other), place)
    return Carried(
        rest.spans, rest.time, rest.night_time, one.nights - two.nights, rest.weekend, one.holidays - two.holidays
    )


def _handovers(before: Sequence[Shift], after: Sequence[Shift], now: datetime) -> Iterable[Handover]:
    was, will_be = _holders(before, now), _holders(after, now)
    for role in sorted({*was, *will_be}):
        if was[role] != will_be[role]:
            yield Handover(role, tuple(sorted(was[role])), tuple(sorted(will_be[role])))


def _holders(shifts: Sequence[Shift], now: datetime) -> dict[str, set[str]]:
    holders: dict[str, set[str]] = defaultdict(set)
    for shift in shifts:
        if shift.start <= now < shift.end and shift.person:
            holders[shift.role].add(shift.person)
    return holders


def _sentences(
    changes: Sequence[Change], home: Place, homes: Mapping[str, Place], names: Mapping[str, str]
) -> Iterable[str]:
    by_person: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        by_person[change.person].append(change)
    for person, theirs in by_person.items():
        place = homes.get(person, home)
        parts = [_part("gains", each.role, each.gained, place) for each in theirs if each.gained.spans]
        parts += [_part("loses", each.role, each.lost, place) for each in theirs if each.lost.spans]
        days = sorted({day for each in theirs for day in each.clock_changes})
        clocks = f" (the clocks change on {listed([f'{day.day} {day:%b}' for day in days])})" if days else ""
        yield f"{called(person, names)} {'; '.join(parts)}{clocks}"


def _part(verb: str, role: str, what: Carried, place: Place) -> str:
    """Return one half of a sentence.

    >>> from datetime import UTC
    >>> span = datetime(2026, 11, 28, 9, tzinfo=UTC), datetime(2026, 11, 28, 21, tzinfo=UTC)
    >>> _part("gains", "secondary", carried([span]), ANYWHERE)
    'gains 12 h as secondary, 12 h of weekend: Sat 28 Nov 09:00 to 21:00'
    """
    words = [hours(what.time) + (f" as {role}" if role != PRIMARY else "")]
    words += [counted(len(what.nights), "night")] if what.nights else []
    words += [f"{hours(what.weekend)} of weekend"] if what.weekend else []
    words += [counted(len(what.holidays), "public holiday")] if what.holidays else []
    return f"{verb} {', '.join(words)}: {stretches(what.spans, place.zone)}"
