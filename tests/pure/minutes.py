"""Escalation once more, as a person with a watch would do it: minute by minute, counting down. For comparison only.

It knows nothing of moments, facts or transitions: a list of the levels still to come, and how many minutes are left.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Found = list[tuple[str, int | None]]  # who, and in how many minutes she is notified first (None: never)


@dataclass
class Watch:
    """`levels`: (targets, delay, strategy); `find(target, urgent, minute)` says who is there."""

    levels: Sequence[tuple[Sequence[str], int, str]]
    rounds: int
    reminder: int
    reminders: int
    turn: int
    urgent: bool
    find: Callable[[str, bool, int], Found]
    log: list[tuple[Any, ...]] = field(default_factory=list)
    mode: str = "open"
    runs: int = -1
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self, named: str = "") -> None:
        self.mode, self.runs, self.left, self.alarmed, self.named = "open", self.runs + 1, 0, False, named
        self.to_come = [(loop, level) for loop in range(self.rounds) for level in range(1, len(self.levels) + 1)]
        self.in_a_row, self.nags, self.strict = 0, 0, False
        self.acked: list[str] = []
        self.step: list[str] = []
        self.lost: set[str] = set()
        self.has_it: list[str] = []

    # What people and providers do.

    def ack(self, who: str) -> None:
        if self.mode == "open":
            self.acked += [who] if who not in self.acked else []
            if self.strict and not set(self.step) <= set(self.acked):
                return self.hurry()
            self.take(self.acked)
        else:
            self.acked += [who] if who not in self.acked else []
            self.take([who])

    def take(self, people: list[str]) -> None:
        self.mode, self.has_it, self.nags, self.left = "acknowledged", list(people), 0, self.reminder
        self.named = ""

    def refuse(self, who: str) -> None:
        self.lost |= {who} & set(self.step)
        self.hurry()

    def hurry(self) -> None:
        waits = self.mode == "open" and not self.alarmed and self.step and not self.named
        if waits and set(self.step) <= self.lost | set(self.acked):
            self.left = min(self.left, 0)

    def rest(self, mode: str, minutes: int | None) -> None:
        self.mode, self.left = mode, minutes  # type: ignore[assignment]

    def touch(self, who: str) -> None:
        if self.mode == "acknowledged" and who in self.has_it:
            self.nags, self.left = 0, self.reminder

    def call(self, who: str) -> None:
        self.calls += [who] if who not in self.calls else []

    def end(self, mode: str) -> None:
        self.mode, self.calls = mode, []

    def hurts(self, urgent: bool) -> None:
        raised, self.urgent = urgent and not self.urgent, urgent
        if raised and self.mode == "open":
            self.begin(self.named)
        if raised and self.mode == "snoozed":
            self.left = 0

    # What the watch does.

    def look(self, now: int) -> None:
        while self.calls and self.mode not in ("resolved", "merged"):
            who = self.calls.pop(0)
            self.log.append((now, "called", [who] if self.there([who], now) else []))
        if self.mode in ("snoozed", "muted") and self.left is not None and self.left <= 0:
            self.log.append((now, {"snoozed": "unsnoozed", "muted": "unmuted"}[self.mode]))
            self.begin()
        if self.mode == "acknowledged" and self.reminder and self.left <= 0:
            self.nag(now)
        nobody = self.mode == "open" and self.alarmed and self.in_a_row >= len(self.levels)
        if nobody and any(self.there(targets, now) for targets, _, _ in self.levels):
            self.log.append((now, "restarted"))
            self.begin()
        while self.mode == "open" and not self.alarmed and self.left <= 0:
            self.go_on(now)

    def nag(self, now: int) -> None:
        there = self.there(self.has_it, now)
        if self.nags >= self.reminders or not there:
            self.log.append((now, "restarted"))
            return self.begin()
        self.log.append((now, "reminded", list(there)))
        self.nags, self.left = self.nags + 1, self.reminder + min(there.values())

    def go_on(self, now: int) -> None:
        if self.named:
            there, self.left = self.there([self.named], now), 0
            self.log.append((now, "paged" if there else "skipped", 0, 0, list(there)))
            self.named = ""
            if there:
                self.step, self.lost, self.strict = list(there), set(), False
                self.left = self.levels[0][1] + min(there.values())
            return
        if not self.to_come or self.in_a_row == len(self.levels):
            self.log.append((now, "exhausted"))
            self.alarmed = True
            return
        self.next_level(now, *self.to_come.pop(0))

    def next_level(self, now: int, loop: int, number: int) -> None:
        targets, delay, strategy = self.levels[number - 1]
        there = self.there(targets, now)
        if not there:
            self.in_a_row += 1
            self.log.append((now, "skipped", loop, number, []))
            return
        people = [who for who in there if who not in self.acked]
        if not people:
            self.log.append((now, "acknowledged"))
            return self.take(self.acked)
        if strategy == "round-robin":
            people = [people[(self.turn + self.runs + loop) % len(people)]]
        self.log.append((now, "paged", loop, number, people))
        self.step, self.lost, self.strict, self.in_a_row = people, set(), strategy == "all-must-ack", 0
        self.left = delay + min(there[who] for who in people)

    def there(self, targets: Sequence[str], now: int) -> dict[str, int]:
        found: dict[str, int] = {}
        for target in targets:
            for who, wait in self.find(target, self.urgent, now):
                if wait is not None:
                    found.setdefault(who, wait)
        return found

    def tick(self) -> None:
        if self.left is not None:
            self.left -= 1
