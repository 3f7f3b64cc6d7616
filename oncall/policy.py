"""An escalation policy as a value: who is paged first, who after how long, how often it goes round. Pure.

An incident keeps the policy as it was when it opened, so that an edit never changes what is under way. Nothing here
knows who is on call.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

MOST_LEVELS = 20
MOST_TARGETS = 10  # of a level, as PagerDuty has it
MOST_ROUNDS = 9  # after the first
DELAY = 15 * MINUTE
REMINDER = 30 * MINUTE  # PagerDuty's acknowledgement timeout; there the acknowledgement lapses without a word
REMINDERS = 3


class Strategy(StrEnum):
    """Whom of a level's people a page goes to, and whose acknowledgement counts."""

    EVERYONE = "everyone"  # to all; one acknowledgement is enough
    ROUND_ROBIN = "round-robin"  # to one; the next incident, and the next round, to the next one
    ALL_MUST_ACK = "all-must-ack"  # to all; until each has acknowledged it goes on


class TargetKind(StrEnum):
    PERSON = "person"
    ROLE = "role"  # of a schedule: whoever holds it then
    TEAM = "team"  # whoever is on call of the team
    MEMBERS = "members"  # everybody in the team, on call or not


@dataclass(frozen=True)
class Target:
    """Whom a level names: `user:default/ada`, `payments/primary` (schedule and role) or `group:default/payments`."""

    kind: TargetKind
    ref: str

    def __str__(self) -> str:
        return f"everybody in {self.ref}" if self.kind is TargetKind.MEMBERS else self.ref


@dataclass(frozen=True)
class Level:
    """Who is paged, and how long they have until the next level is."""

    targets: tuple[Target, ...]
    delay: timedelta = DELAY
    strategy: Strategy = Strategy.EVERYONE


@dataclass(frozen=True)
class Policy:
    """The levels are gone through once, and `repeat` times more; then the team is told that nobody came.

    Who has acknowledged is reminded after each `reminder`, `reminders` times; then it escalates again. No reminders
    means that an acknowledgement lapses after one `reminder`; a `reminder` of nothing that it never does.
    """

    name: str
    levels: tuple[Level, ...]
    repeat: int = 0
    reminder: timedelta = REMINDER
    reminders: int = REMINDERS
    team: str = ""  # group:default/payments, told when the policy is exhausted; empty: the owner of what is broken

    @property
    def rounds(self) -> int:
        return self.repeat + 1

    def level(self, number: int) -> Level:
        """Return the level of that number, counted from 1; 0 stands for a person named by a person."""
        return self.levels[max(number, 1) - 1] if self.levels else Level(())


def person(ref: str) -> Target:
    return Target(TargetKind.PERSON, ref)
