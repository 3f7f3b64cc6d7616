"""How one person is reached: on which channels, in which order, and when she is left to sleep. Pure.

A channel counts once it is verified; who has none cannot be reached. What is urgent goes out at once. What is not waits
for the end of her quiet hours, which are wall time in her own zone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from oncall.almanac import instant
from oncall.terms import Urgency

DAY = timedelta(days=1)
NOTHING = timedelta(0)


@dataclass(frozen=True)
class Channel:
    """One way to a person. `high`, `low`: how long after the page it is used; None means that it is not."""

    ref: str  # names it without saying the address: `ada-phone`
    kind: str  # mail, sms, voice, push, chat
    verified: bool
    high: timedelta | None = NOTHING
    low: timedelta | None = NOTHING

    def delay(self, urgency: Urgency) -> timedelta | None:
        return self.high if urgency is Urgency.HIGH else self.low


@dataclass(frozen=True)
class Quiet:
    """Hours of every night, or of every day, in which nothing that can wait goes out. Over midnight if it must be."""

    start: time
    end: time
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise ValueError("quiet hours end at another time than they start, or nothing would ever go out")


@dataclass(frozen=True)
class Rules:
    """What a person has said about herself. Her channels stand in the order in which they are tried."""

    person: str
    channels: tuple[Channel, ...] = ()
    quiet: Quiet | None = None


@dataclass(frozen=True)
class Notification:
    channel: str
    at: datetime


@dataclass(frozen=True)
class Reachable:
    """Somebody who is asked to come. `at`: her first notification; None where she cannot be reached, and `why`."""

    person: str
    at: datetime | None
    why: str = ""


def notifications(rules: Rules, urgency: Urgency, at: datetime) -> tuple[Notification, ...]:
    """Return what goes out to her, and when, for a page of that moment; the first one first."""
    delayed = _delayed(rules, urgency)
    start = _after_quiet(rules, urgency, at)
    told = [Notification(channel.ref, _after_quiet(rules, urgency, start + delay)) for channel, delay in delayed]
    return tuple(sorted(told, key=lambda one: one.at))


def reachable(rules: Rules, urgency: Urgency, at: datetime) -> Reachable:
    """Return whether a page of that moment would reach her, and when first."""
    told = notifications(rules, urgency, at)
    if told:
        return Reachable(rules.person, told[0].at)
    return Reachable(rules.person, None, "has no verified channel" if rules.channels else "has no channel")


def fall_back(rules: Rules, urgency: Urgency, refused: Collection[str]) -> Channel | None:
    """Return the channel to try at once where those have refused; None when none is left.

    A verified channel that she keeps out of this urgency is better than silence, so it comes after the others.
    """
    chosen = [channel for channel, _ in _delayed(rules, urgency)]
    others = [channel for channel in rules.channels if channel.verified and channel not in chosen]
    return next((channel for channel in (*chosen, *others) if channel.ref not in refused), None)


def _delayed(rules: Rules, urgency: Urgency) -> Sequence[tuple[Channel, timedelta]]:
    """Return the channels that count, with their delays, the quickest first.

    Where she has verified none that she wants for this urgency, those that she has verified count all the same. The
    quickest one of what is urgent goes out at once, also when it was the second and the first is not verified.
    """
    verified = [channel for channel in rules.channels if channel.verified]
    chosen = [(channel, delay) for channel in verified if (delay := channel.delay(urgency)) is not None]
    if not chosen:
        chosen = [(channel, NOTHING) for channel in verified]
    chosen.sort(key=lambda pair: pair[1])
    early = chosen[0][1] if chosen and urgency is Urgency.HIGH else NOTHING
    return [(channel, delay - early) for channel, delay in chosen]


def _after_quiet(rules: Rules, urgency: Urgency, at: datetime) -> datetime:
    if urgency is Urgency.HIGH or rules.quiet is None:
        return at
    return quiet_until(rules.quiet, at) or at


def quiet_until(quiet: Quiet, at: datetime) -> datetime | None:
    """Return when the quiet hours end in which that moment lies; None when it lies in none."""
    today = at.astimezone(quiet.zone).date()
    for day in (today - DAY, today, today + DAY):  # a night that began yesterday; a clock that is set back at midnight
        until = day + DAY if quiet.end < quiet.start else day
        start, end = instant(day, quiet.start, quiet.zone), _last(quiet.zone, until, quiet.end)
        if start <= at < end:
            return end
    return None


def _last(zone: ZoneInfo, day: date, clock: time) -> datetime:
    """Return when that wall time comes last: where the clocks are set back, the second half past two counts."""
    wall = datetime.combine(day, clock)
    last = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return last if last.astimezone(zone).replace(tzinfo=None) == wall else instant(day, clock, zone)
