"""What is true of a team on call at each moment, by days on a calendar and lists: for the model of random histories."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SLACK, TAKE_OVER = timedelta(seconds=2), timedelta(seconds=8)  # for work; for each worker that died or froze


@dataclass(frozen=True)
class Rota:
    """One version of a schedule: each day at that wall time the next one of the order is first, and hers second."""

    since: datetime
    zone: ZoneInfo
    first: date
    clock: time
    order: tuple[str, ...]

    def holder(self, role: str, at: datetime) -> str:
        day = at.astimezone(self.zone).date() + DAY
        while hand_off(day, self.clock, self.zone) > at:
            day -= DAY
        turn = (day - self.first).days + (role == "secondary")
        return self.order[turn % len(self.order)] if self.order and (role == "primary" or len(self.order) > 1) else ""


def hand_off(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return the first moment at which clocks there show that time or, where they skip it, a later one."""
    at = datetime.combine(day, clock, UTC) - DAY
    while at.astimezone(zone).replace(tzinfo=None) < datetime.combine(day, clock):
        at += timedelta(minutes=30)
    while at.astimezone(zone).replace(tzinfo=None) >= datetime.combine(day, clock):
        at -= MINUTE
    return at + MINUTE


@dataclass(frozen=True)
class Exception_:
    """An override of a role; the last one made wins."""

    role: str
    person: str
    start: datetime
    end: datetime


@dataclass
class Channel:
    """A person's phone, from when to when she had it, and how long after a page it rings."""

    ref: str
    person: str
    delay: timedelta
    since: datetime
    until: datetime | None = None
    is_sound: bool = True  # its provider never made trouble

    def holds(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


@dataclass
class World:
    """What is true, whatever the program says."""

    rotas: list[Rota] = field(default_factory=list)
    exceptions: list[Exception_] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)
    left: dict[str, datetime] = field(default_factory=dict)  # the catalog
    team: Sequence[str] = ()
    stumbles: list[datetime] = field(default_factory=list)  # workers that died or froze

    def holder(self, role: str, at: datetime) -> str:
        for one in reversed(self.exceptions):
            if one.role == role and one.start <= at < one.end:
                return one.person
        known = [rota for rota in self.rotas if rota.since <= at] or self.rotas[:1]
        return known[-1].holder(role, at)

    def there(self, person: str, at: datetime) -> dict[str, timedelta]:
        """Return her channels that count, with how long after a page each rings; the quickest one at once."""
        if not person or (person in self.left and self.left[person] <= at):
            return {}
        hers = {one.ref: one.delay for one in self.channels if one.person == person and one.holds(at)}
        return {ref: delay - min(hers.values()) for ref, delay in hers.items()}

    def late(self, due: datetime, at: datetime) -> bool:
        """Is that too late for what was due, with all that happened to workers meanwhile?"""
        stumbled = sum(due - TAKE_OVER <= one <= at for one in self.stumbles)
        return at - due > SLACK + TAKE_OVER * stumbled
