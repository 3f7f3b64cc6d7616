"""Silences and maintenance windows: who wants no page for what, why, and until when. Pure.

A silence is a sentence with an owner and an end; it never becomes the rule by being forgotten. What it keeps quiet is
kept all the same, and opens an incident when the silence ends and the alert does not.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from catalog import refs
from catalog.places import did_you_mean
from ledger.errors import Code, Error
from oncall import bounds, patterns
from oncall.signal import Signal

LONGEST = timedelta(days=90)
MOST_MATCHERS = 20
WARNING = timedelta(hours=1)  # before the end, but never more than a quarter of the whole length
FIELDS = ("service", "source", "host", "component", "group", "class", "severity", "title")
LABEL = "label:"
ENDED = "ended, and this has not"
_NAMED = re.compile(r"\b((?:silence|maintenance) (\d+)) of ")


class How(StrEnum):
    """As Alertmanager writes them. A pattern must match the whole value."""

    IS = "="
    IS_NOT = "!="
    MATCHES = "=~"
    MATCHES_NOT = "!~"


class Kind(StrEnum):
    SILENCE = "silence"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True)
class Matcher:
    """`host=~db-.*`: a field of the signal or `label:NAME`, how, and the value."""

    field: str
    how: How
    value: str

    def __str__(self) -> str:
        return f"{self.field}{self.how}{self.value}"

    def holds(self, said: str) -> bool:
        """Say whether it holds; a pattern that cannot be used holds for nothing, since a page is better than none."""
        if self.how in (How.IS, How.IS_NOT):
            return (said == self.value) == (self.how is How.IS)
        try:
            found = patterns.compiled(self.value).fullmatch(said)
        except ValueError:
            return False
        return (found is not None) == (self.how is How.MATCHES)


@dataclass(frozen=True)
class Silence:
    """All matchers must hold. `ended` is when somebody, or the end of `incident`, has ended it before its time."""

    number: int
    matchers: tuple[Matcher, ...]
    owner: str
    reason: str
    start: datetime
    end: datetime
    kind: Kind = Kind.SILENCE
    incident: int | None = None  # ends with this incident, and at `end` at the latest
    ended: datetime | None = None

    @property
    def over(self) -> datetime:
        return self.end if self.ended is None else min(self.end, self.ended)

    def is_on(self, now: datetime) -> bool:
        return self.start <= now < self.over


@dataclass(frozen=True)
class Mute:
    """Why nobody is paged, and until when at least: the longest of all that hold now."""

    reason: str
    until: datetime
    silences: tuple[int, ...]


def matcher(said: str) -> Matcher:
    """Read `service=component:default/checkout` or `label:team!~pay.*`; raise ValueError with a sentence.

    >>> matcher("label:team =~ pay.*").how, str(matcher("title=a=b"))
    (<How.MATCHES: '=~'>, 'title=a=b')
    """
    at = next((at for at, sign in enumerate(said) if sign in "=!"), len(said))
    sign = said[at : at + 2] if said[at : at + 2] in ("=~", "!=", "!~") else said[at : at + 1]
    if sign not in tuple(How):
        raise ValueError(f"{bounds.line(said, 80)!r} says nothing; write field=value, or with !=, =~ or !~")
    return Matcher(said[:at].strip(), How(sign), said[at + len(sign) :].strip())


def checked(silence: Silence, now: datetime) -> Silence:
    """Return a silence that may begin; raise Error with every problem."""
    faults = [f"{one}: {fault}" for one in silence.matchers for fault in _faults(one)]
    if not silence.matchers or len(silence.matchers) > MOST_MATCHERS:
        faults.append(f"say what it is for, in 1 to {MOST_MATCHERS} conditions")
    elif not faults and all(one.holds("") for one in silence.matchers):
        faults.append("it would silence everything; at least one condition must ask for something")
    if not silence.reason.strip():
        faults.append("say why; whoever wonders at night reads it")
    if not silence.owner:
        faults.append("somebody must own it")
    if silence.end <= max(silence.start, now):
        faults.append("it must end after it has begun, and not before now")
    elif silence.end - max(silence.start, now) > LONGEST:
        faults.append(f"it may last {LONGEST.days} days; what is never wanted should not be an alert")
    if faults:
        raise Error(Code.INVALID, f"This {silence.kind} cannot be set", reasons=faults)
    return silence


def _faults(one: Matcher) -> list[str]:
    faults = []
    if one.field not in FIELDS and not (one.field.startswith(LABEL) and len(one.field) > len(LABEL)):
        hint = did_you_mean(one.field, FIELDS) or f"one of {', '.join(FIELDS)}, or {LABEL}NAME"
        faults.append(f"{one.field!r} is not known; {hint}")
    if one.how in (How.MATCHES, How.MATCHES_NOT):
        try:
            patterns.compiled(one.value)
        except ValueError as error:
            faults.append(str(error))
    return faults


def muted(signal: Signal, service: str, silences: Iterable[Silence], now: datetime) -> Mute | None:
    """Return why this signal pages nobody now, None when it may. `service` is whose it was found to be."""
    on = [one for one in silences if one.is_on(now) and covers(one, signal, service)]
    if not on:
        return None
    longest = max(on, key=lambda one: (one.over, one.number))
    return Mute("; ".join(map(_told, on)), longest.over, tuple(one.number for one in on))


def all_muted(alerts: Collection[tuple[Signal, str]], silences: Sequence[Silence], now: datetime) -> Mute | None:
    """Return why none of these alerts pages anybody, until the first of them may again; None when one may now."""
    found: list[Mute] = []
    for signal, service in alerts:
        mute = muted(signal, service, silences, now)
        if mute is None:
            return None
        found.append(mute)
    if not found:
        return None
    numbers = {number for one in found for number in one.silences}
    why = [
        f"{one.kind} {one.number} of {refs.short(one.owner)}: {one.reason}" for one in silences if one.number in numbers
    ]
    return Mute("; ".join(why), min(one.until for one in found), tuple(sorted(numbers)))


def named(reason: str) -> tuple[str, ...]:
    """Return the numbers of the silences that a reason names.

    >>> named("silence 3 of user:default/ada until 2026-03-02 18:00 UTC (a move): host=db-1")
    ('3',)
    """
    return tuple(number for _, number in _NAMED.findall(reason))


def ended(reason: str) -> str:
    """Say that what an incident was muted by is over, from the reason for which it was.

    >>> ended("silence 3 of user:default/ada until 2026-03-02 18:00 UTC (a move): host=db-1")
    'silence 3 has ended, and this has not'
    """
    found = list(dict.fromkeys(which for which, _ in _NAMED.findall(reason)))
    what = " and ".join(found) or "what muted it"
    return f"{what} {'have' if len(found) > 1 else 'has'} {ENDED}"


def covers(silence: Silence, signal: Signal, service: str) -> bool:
    return all(one.holds(_said(one.field, signal, service)) for one in silence.matchers)


def _said(field: str, signal: Signal, service: str) -> str:
    if field.startswith(LABEL):
        return signal.labels.get(field.removeprefix(LABEL), "")
    if field == "service":
        return service
    return str(getattr(signal, "class_" if field == "class" else field))


def _told(one: Silence) -> str:
    asks = " and ".join(map(str, one.matchers))
    return f"{one.kind} {one.number} of {one.owner} until {one.over:%Y-%m-%d %H:%M} UTC ({one.reason}): {asks}"


def ended_by(silences: Iterable[Silence], incident: int, at: datetime) -> list[Silence]:
    """Return those that wait for the end of this incident and are not over yet."""
    return [one for one in silences if one.incident == incident and one.over > at]


def warning_at(silence: Silence) -> datetime:
    """Return when its owner is told that it ends soon."""
    return silence.end - min(WARNING, (silence.end - silence.start) / 4)


def to_warn(silences: Iterable[Silence], warned: Sequence[int], now: datetime) -> list[Silence]:
    """Return those whose owners should hear now that they end soon; `warned` are those who have."""
    return [one for one in silences if one.is_on(now) and warning_at(one) <= now and one.number not in warned]
