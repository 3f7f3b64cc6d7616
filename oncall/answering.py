"""Who answers for a target, put together from what others know: roles, teams, and each person's own rules. Pure.

Whoever is on call of a team is whoever holds the first role of one of the team's schedules; that is for the caller to
say. Somebody of whom nothing is known, because she is gone or has never logged in, is named as out of reach.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from oncall.policy import Target, TargetKind
from oncall.reach import Reachable, Rules, reachable
from oncall.terms import Urgency

At = Callable[[str, datetime], Sequence[str]]  # who it is at a moment; nobody is empty, and so is an empty person


@dataclass(frozen=True)
class Answering:
    """An `escalation.OnCall`. All people are references like `user:default/ada`."""

    role: At  # of `payments/primary`
    team: At  # of `group:default/payments`: who is on call
    members: Callable[[str], Sequence[str]]
    rules: Mapping[str, Rules]

    def __call__(self, target: Target, urgency: Urgency, at: datetime) -> Sequence[Reachable]:
        people = dict.fromkeys(person for person in self._named(target, at) if person)
        return [reachable(self.rules.get(person, Rules(person)), urgency, at) for person in people]

    def _named(self, target: Target, at: datetime) -> Sequence[str]:
        if target.kind is TargetKind.PERSON:
            return [target.ref]
        if target.kind is TargetKind.MEMBERS:
            return self.members(target.ref)
        return (self.role if target.kind is TargetKind.ROLE else self.team)(target.ref, at)
