"""Who had to be paged when, thought out once more: a list of levels and a watch, and no code of ours.

It walks through what an incident's story says, knows for each moment what must come next and by when, and holds what
the provider was asked against that: nobody forgotten, nobody who was not on call, nothing after the end, and each
message twice at most, the second one marked. Crashes make it wait longer, never for ever.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.bench._oncallworld import World

MINUTE = timedelta(minutes=1)
REMINDER, REMINDERS = 30 * MINUTE, 3


@dataclass(frozen=True)
class Call:
    """What a provider was asked. `key`: incident, step, person, channel."""

    at: datetime
    key: tuple[int, int, str, str]
    repeat: bool
    arrived: bool


@dataclass
class Owed:
    """One person is to be called by one step, on each of her channels at its moment, until `until`."""

    person: str
    at: datetime
    channels: Mapping[str, datetime]
    until: datetime | None = None


@dataclass
class Walk:
    """One incident, from its story. `levels`: the roles or persons of each, and its delay."""

    number: int
    posted: datetime
    world: World
    levels: Sequence[tuple[Sequence[str], timedelta]]
    rounds: int
    mode: str = "new"
    due: datetime | None = None
    owed: dict[tuple[int, str], Owed] = field(default_factory=dict)

    def story(self, facts: Sequence[tuple[datetime, str, str, Mapping[str, Any]]], end: datetime) -> None:
        for at, kind, actor, told in facts:
            self._in_time(at, kind)
            step = getattr(self, f"_{kind}", None)
            if step is not None:
                step(at, actor, told)
        self._in_time(end, "the end")

    def _in_time(self, at: datetime, what: str) -> None:
        due = self.posted if self.mode == "new" else self.due
        assert due is None or not self.world.late(due, at), (
            f"#{self.number} is {self.mode}: something was due {due}, and by {at} ({what}) had not been done"
        )

    def _opened(self, at: datetime, actor: str, told: Mapping[str, Any]) -> None:
        assert self.mode == "new"
        self.run, self.steps, self.begun_before = 0, 0, 0
        self._begin(at)

    def _begin(self, at: datetime) -> None:
        self.mode, self.due, self.loop, self.level, self.empty, self.alarmed = "open", at, 0, 1, 0, False
        self.people: set[str] = set()
        self.lost: set[str] = set()
        self.acked: list[str] = []
        self._over(at)

    def _over(self, at: datetime) -> None:
        """Nobody who was asked until now need be called any more."""
        for one in self.owed.values():
            one.until = one.until or at

    def _reachable(self, people: Sequence[str], at: datetime) -> dict[str, dict[str, timedelta]]:
        named = [one if one.startswith("user:") else self.world.holder(one, at) for one in people]
        return {one: ways for one in named if (ways := self.world.there(one, at))}

    def _now(self, at: datetime, level: Mapping[str, Any] | None = None) -> dict[str, dict[str, timedelta]]:
        assert self.mode == "open", f"#{self.number} escalated while it was {self.mode}"
        assert self.due is not None, f"#{self.number} escalated although nothing was due"
        assert at >= self.due, f"#{self.number} escalated at {at}, before {self.due}"
        if level is not None:
            assert (level.get("loop", 0), level.get("level", 0)) == (self.loop, self.level), f"not the turn of {level}"
        return self._reachable(self.levels[self.level - 1][0], at)

    def _owes(self, at: datetime, step: int, people: Mapping[str, Mapping[str, timedelta]]) -> None:
        for person, ways in people.items():
            self.owed[step, person] = Owed(person, at, {ref: at + delay for ref, delay in ways.items()})

    def _next(self) -> None:
        last = self.level == len(self.levels)
        self.loop, self.level = self.loop + last, 1 if last else self.level + 1

    def _paged(self, at: datetime, actor: str, told: Mapping[str, Any]) -> None:
        expected = {who: ways for who, ways in self._now(at, told).items() if who not in self.acked}
        paged = {page["person"] for page in told["pages"]}
        assert paged == set(expected), f"#{self.number} paged {paged} at {at}, and on call were {set(expected)}"
        self._owes(at, told["step"], expected)
        self.due = at + self.levels[self.level - 1][1]
        self.people, self.lost, self.empty = paged, set(), 0
        self._next()
        self.step = told["step"]

    def _level_skipped(self, at: datetime, actor: str, told: Mapping[str, Any]) -> None:
        found = self._now(at, told)
        assert not found, f"#{self.number} passed by level {self.level} at {at}, and {set(found)} could be reached"
        self.empty += 1
        self._next()

    def _exhausted(self, at: datetime, actor: str, told: Mapping[str, Any]) -> None:
        self._now(at)
        assert self.loop >= self.rounds or self.empty >= len(self.levels), f"#{self.number} gave up too early"
        self.alarmed, self.due = True, None
        self._owes(at, -(self.run + 1), self._reachable(self.world.team, at))

    def _restarted(self, at: datetime, actor: str, told: Mapping[str, Any]) -> None:
        if self.mode == "acknowledged":
            assert self.due is not None
            assert at >= self.due
            assert self.nags >= REMINDERS or not self._reachable(self.has_it, at), "she could still be reminded"
        else:
            assert self.alarmed, "it began again without a reason"
            assert self.empty >= len(self.levels), "it began again although people could be reached"
        self.run += 1
        self._begin(at)

    def _acknowledged(self, at: datetime, actor: str, told: Mapping[str, Any]) -> None:
        was_open = self.mode == "open"
        if actor not in self.acked:
            self.acked.append(actor)
        self.has_it = list(self.acked) if was_open else [actor]
        self.mode, self.due, self.nags = "acknowledged", at + REMINDER, 0
        self._over(at)

    def _reminded(self, at: datetime, actor: str, told: Mapping[str, Any]) -> None:
        assert self.mode == "acknowledged"
        assert self.due is not None
        assert at >= self.due
        expected = self._reachable(self.has_it, at)
        assert {page["person"] for page in told["pages"]} == set(expected), f"#{self.number} reminded the wrong ones"
        self._owes(at, told["step"], expected)
        self.nags, self.due = self.nags + 1, at + REMINDER

    def _refused(self, at: datetime, actor: str, told: Mapping[str, Any]) -> None:
        if not told.get("last") or self.mode != "open" or told.get("step") != getattr(self, "step", 0):
            return
        self.lost |= {told["person"]} & self.people
        if self.due is not None and self.people and self.people <= self.lost | set(self.acked):
            self.due = min(self.due, at)

    def _snoozed(self, at: datetime, actor: str, told: Mapping[str, Any]) -> None:
        self.mode, self.due = "snoozed", datetime.fromisoformat(told["until"])
        self._over(at)

    def _unsnoozed(self, at: datetime, actor: str, told: Mapping[str, Any]) -> None:
        assert self.mode == "snoozed"
        assert self.due is not None
        assert at >= self.due
        self.run += 1
        self._begin(at)

    def _resolved(self, at: datetime, actor: str, told: Mapping[str, Any]) -> None:
        self.mode, self.due = "resolved", None
        self._over(at)


def hold(walks: Sequence[Walk], calls: Sequence[Call], world: World, end: datetime, count: Counter[str]) -> None:
    """Hold what providers were asked against what was owed."""
    asked: dict[tuple[int, int, str, str], list[Call]] = {}
    for call in calls:
        asked.setdefault(call.key, []).append(call)
    owed = {(walk.number, step, person): one for walk in walks for (step, person), one in walk.owed.items()}
    for (number, step, person, channel), its in asked.items():
        one = owed.get((number, step, person))
        assert one is not None, f"{person} was called for step {step} of #{number}, which did not page her"
        _not_after_the_end(one, its, world, f"{person} on {channel} for step {step} of #{number}")
        arrived = [call for call in its if call.arrived]
        count["messages"] += len(arrived)
        count["repeats"] += len(arrived) > 1
        assert len(arrived) <= 2, f"{len(arrived)} messages to {person} on {channel} for step {step} of #{number}"
        assert all(call.repeat for call in arrived[1:]), f"a second message to {person} does not say that it is one"
    for (number, step, person), one in owed.items():
        for channel, at in one.channels.items():
            its = asked.get((number, step, person, channel), [])
            what = f"{person} was not tried on {channel} for step {step} of #{number}, due {at}"
            _tried(one, channel, at, its, world, end, what)
            count["owed"] += 1
        _got_something(
            one,
            [call for key, its in asked.items() if key[:3] == (number, step, person) for call in its],
            world,
            end,
            f"{person} got nothing of step {step} of #{number}",
        )


def _not_after_the_end(one: Owed, its: Sequence[Call], world: World, what: str) -> None:
    left = world.left.get(one.person)
    for call in its:
        assert left is None or not world.late(left, call.at), f"{what}: called at {call.at}, and had left {left}"
        assert call.at >= one.at, f"{what}: called at {call.at}, before {one.at}"
        assert one.until is None or call.at <= one.until, f"{what}: called at {call.at}, over since {one.until}"


def _tried(one: Owed, channel: str, at: datetime, its: Sequence[Call], world: World, end: datetime, what: str) -> None:
    """Each page that is still wanted when it is due is tried then, as long as she has that phone."""
    hers = next(way for way in world.channels if way.ref == channel)
    left = world.left.get(one.person)  # who has left gets nothing any more, though it was decided before
    closed = min(moment for moment in (one.until, hers.until, left, end) if moment is not None)
    tried = min((call.at for call in its), default=None)
    assert not world.late(at, tried or closed), f"{what}: {tried or 'never'}, and wanted until {closed}"


def _got_something(one: Owed, its: Sequence[Call], world: World, end: datetime, what: str) -> None:
    """Whoever has a phone whose provider makes no trouble gets the page on some phone within two minutes."""
    sound = [way for way in world.channels if way.ref in one.channels and way.is_sound and way.until is None]
    closed = min(moment for moment in (one.until, world.left.get(one.person), end) if moment is not None)
    arrived = min((call.at for call in its if call.arrived), default=None)
    soon = one.at + 2 * MINUTE
    assert not sound or not world.late(soon, arrived or closed), f"{what}, wanted from {one.at} until {closed}"
