"""What people do to a team on call in a random history: they write schedules, answer, leave, take phones away."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text, update

from catalog.tables import EntityRow
from ledger.errors import Error
from oncall import planstore
from oncall.overrides import Override
from oncall.paging.memory import Trouble
from oncall.planstore import ESCALATION, SCHEDULE
from tests.bench._oncallground import Ground
from tests.bench._oncallworld import Channel, Exception_, Rota, World
from tests.rooms.oncallhouse import PHONE, TEAM

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
PEOPLE = tuple(f"user:default/{name}" for name in ("ada", "bob", "eve"))
# Days on which the clocks of a zone change, and two on which nothing does.
DAYS = (
    ("Europe/Paris", datetime(2026, 3, 28, 23, 0, tzinfo=UTC)),
    ("Europe/Paris", datetime(2026, 10, 24, 23, 0, tzinfo=UTC)),
    ("America/Chicago", datetime(2026, 3, 8, 7, 0, tzinfo=UTC)),
    ("America/Chicago", datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 14, 0, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 14, 30, tzinfo=UTC)),
    ("Pacific/Chatham", datetime(2026, 4, 4, 13, 0, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 3, 2, 12, 0, tzinfo=UTC)),
    ("UTC", datetime(2026, 3, 2, 23, 0, tzinfo=UTC)),
)
ROTA = """
timezone: {zone}
rotations:
  - {{name: main, order: [{order}], every: 1 day, starts: {first} {clock}, roles: {{primary: 0, secondary: 1}}}}
"""
STEPS_FILE = """
name: payments
team: group:payments
repeat: {repeat}
levels:
{levels}
"""


class People:
    """Everybody who is no worker, and the world as it then is."""

    def __init__(self, seed: int, ground: Ground) -> None:
        self.chance, self.ground, self.house = random.Random(seed), ground, ground.house
        self.zone, self.begun = self.chance.choice(DAYS)
        self.now = self.begun + self.chance.randrange(0, 240) * MINUTE
        self.world = World(team=PEOPLE)
        self.troubles: dict[str, Trouble] = {}
        self.posted: dict[str, list[datetime]] = {}  # when each key was triggered
        self.working = 0  # workers that are at it, one within the other

    def found(self) -> None:
        self.clock = time(self.chance.choice((0, 1, 2, 2, 2, 9)), self.chance.choice((0, 15, 30)))
        self.write(PEOPLE[: self.chance.choice((2, 3, 3))])
        delays = [self.chance.choice((3, 5, 10)) * MINUTE for _ in range(3)]
        targets = (["payments/primary"], ["payments/secondary"], ["user:eve"])
        levels = list(zip(targets, delays, strict=True))[: self.chance.choice((1, 2, 2, 3))]
        self.repeat = self.chance.choice((0, 1))
        said = [f"  - {{targets: {json.dumps(to)}, delay: {delay // MINUTE}m}}" for to, delay in levels]
        self.levels = [([_meant(one) for one in to], delay) for to, delay in levels]
        with self.house.database.write() as session:
            file = STEPS_FILE.format(repeat=self.repeat, levels="\n".join(said))
            planstore.write(session, ESCALATION, "payments", TEAM, file, self.now - MINUTE, PEOPLE[0])
        for person in PEOPLE:
            for after in (0, 3)[: self.chance.choice((1, 1, 2))]:
                self.phone(person, after * MINUTE)

    def alert(self) -> None:
        self.post(f"k{len(self.posted) + 1}", "trigger")

    def repeated(self) -> None:
        if self.posted:
            self.post(self.chance.choice(list(self.posted)), "trigger")

    def over(self) -> None:
        if self.posted:
            self.post(self.chance.choice(list(self.posted)), "resolve")

    def post(self, key: str, action: str) -> None:
        """As a door does: on the disk, in a process that is not the worker."""
        self.house.now = self.now
        if action == "trigger":
            self.posted.setdefault(key, []).append(self.now)
        with self.outside():
            self.house.event(key, action, **{"class": f"fault {key}"})

    def some(self) -> int:
        """Return an incident that is open, whether or not anybody has looked at it since; 0 where there is none."""
        with self.house.database.read() as session:
            rows = session.execute(text("SELECT id FROM incidents WHERE resolved_at IS NULL"))
            ids = [row[0] for row in rows]
        return int(self.chance.choice(ids)) if ids else 0

    def acknowledge(self) -> None:
        self._do(lambda number: self.house.actions.acknowledge(number, self.chance.choice(PEOPLE)))

    def resolve(self) -> None:
        self._do(lambda number: self.house.actions.resolve(number, self.chance.choice(PEOPLE)))

    def snooze(self) -> None:
        until = self.now + self.chance.choice((2, 10)) * MINUTE
        self._do(lambda number: self.house.actions.snooze(number, self.chance.choice(PEOPLE), until))

    def _do(self, act: Callable[[int], object]) -> None:
        if number := self.some():
            with self.outside(), suppress(Error):
                act(number)

    def write(self, order: Sequence[str]) -> None:
        first = (self.begun - timedelta(days=9)).date()
        self.world.rotas.append(Rota(self.now, ZoneInfo(self.zone), first, self.clock, tuple(order)))
        names = ", ".join(one.replace("default/", "") for one in order)
        said = ROTA.format(zone=self.zone, order=names, first=first, clock=f"{self.clock:%H:%M}")
        with self.outside(), self.house.database.write() as session:
            planstore.write(session, SCHEDULE, "payments", TEAM, said, self.now, PEOPLE[0])

    def edit(self) -> None:
        order = list(PEOPLE)
        self.chance.shuffle(order)
        self.write(order[: self.chance.choice((1, 2, 3))])

    def override(self) -> None:
        role, person = self.chance.choice(("primary", "secondary")), self.chance.choice((*PEOPLE, ""))
        start = self.now + self.chance.choice((0, 0, 5)) * MINUTE
        end = start + self.chance.choice((3, 20, 60)) * MINUTE
        self.world.exceptions.append(Exception_(role, person, start, end))
        with self.outside(), self.house.database.write() as session:
            planstore.put_override(session, "payments", Override(0, role, person, start, end, self.now))

    def leave(self) -> None:
        person = self.chance.choice(PEOPLE)
        if person in self.world.left or len(self.world.left) > 1:
            return
        self.world.left[person] = self.now
        with self.outside(), self.house.database.write() as session:
            session.execute(update(EntityRow).where(EntityRow.ref == person).values(removed_at=self.now))

    def phone(self, person: str, delay: timedelta) -> None:
        with self.house.database.write() as session:
            way = planstore.add_way(session, person, PHONE, "phone", "memory://", delay, delay)
            planstore.change_way(session, way, verified_at=self.now)
        self.world.channels.append(Channel(str(way), person, delay, self.now))

    def take_away(self) -> None:
        hers = [one for one in self.world.channels if one.until is None]
        if hers and self.chance.random() < 0.5:
            one = self.chance.choice(hers)
            one.until = self.now
            with self.outside(), self.house.database.write() as session:
                planstore.remove_way(session, int(one.ref))

    def trouble(self) -> None:
        """A provider begins or ends to fail."""
        one = self.chance.choice(self.world.channels)
        if one.ref in self.troubles:
            del self.troubles[one.ref]
        else:
            one.is_sound = False
            self.troubles[one.ref] = self.chance.choice(list(Trouble))

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Somebody who is no worker."""
        working, self.working = self.working, 0
        try:
            yield
        finally:
            self.working = working


def _meant(target: str) -> str:
    return target.rpartition("/")[2] if target.startswith("payments/") else target.replace("user:", "user:default/")
