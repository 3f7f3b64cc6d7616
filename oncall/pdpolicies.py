"""An escalation policy of PagerDuty as a file of ours. Pure."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from catalog.places import quoted
from oncall import policyfile
from oncall.pdnames import Given, Losses, People, slug, title
from oncall.policy import (
    DAY,
    MINUTE,
    MOST_LEVELS,
    MOST_ROUNDS,
    MOST_TARGETS,
    Level,
    Policy,
    Strategy,
    Target,
    TargetKind,
)
from production.settings import written


def policy(given: Given, roles: Mapping[str, Sequence[str]], people: People) -> tuple[str, tuple[str, ...]]:
    """Return the file and what is lost. `roles` are `schedule/role` by the id of PagerDuty's schedule."""
    losses: Losses = []
    try:
        levels = [
            _level(number, one, roles, people, losses)
            for number, one in enumerate(given.get("escalation_rules") or (), start=1)
        ]
        repeat = int(given.get("num_loops") or 0)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return "", (*losses, "nothing was carried over: PagerDuty sent it in a form that is not known here")
    kept = [one for one in levels if one is not None]
    if not kept:
        return "", (*losses, "nothing was carried over: no level names anybody")
    if len(kept) > MOST_LEVELS:
        losses.append(f"it has {len(kept)} levels, here there are at most {MOST_LEVELS}; the last are left out")
    if repeat > MOST_ROUNDS:
        losses.append(f"it goes round {repeat} times more, here at most {MOST_ROUNDS}")
    losses.append(
        "how long an acknowledgement holds stands in PagerDuty's services; here whoever has it is reminded after 30m"
    )
    made = Policy(slug(title(given, "policy"), "policy"), tuple(kept[:MOST_LEVELS]), min(repeat, MOST_ROUNDS))
    return policyfile.write(made), tuple(losses)


def _level(
    number: int, rule: Given, roles: Mapping[str, Sequence[str]], people: People, losses: Losses
) -> Level | None:
    targets: list[Target] = []
    for one in rule.get("targets") or ():
        targets += _targets(number, one, roles, people, losses)
    unique = list(dict.fromkeys(targets))
    if not unique:
        losses.append(f"level {number} names nobody who could be carried over; left out")
        return None
    if len(unique) > MOST_TARGETS:
        losses.append(f"level {number} names {len(unique)}, here at most {MOST_TARGETS}; the last are left out")
    strategy = (rule.get("escalation_rule_assignment_strategy") or {}).get("type")
    return Level(
        tuple(unique[:MOST_TARGETS]),
        _delay(number, int(rule["escalation_delay_in_minutes"]), losses),
        Strategy.ROUND_ROBIN if strategy == "round_robin" else Strategy.EVERYONE,
    )


def _targets(
    number: int, one: Given, roles: Mapping[str, Sequence[str]], people: People, losses: Losses
) -> list[Target]:
    kind = str(one.get("type") or "")
    if kind.startswith("user"):
        return [Target(TargetKind.PERSON, people.ref(one, losses))]
    if kind.startswith("schedule"):
        if found := roles.get(str(one.get("id"))):
            return [Target(TargetKind.ROLE, role) for role in found]
        losses.append(f"level {number}: schedule {quoted(title(one, '?'))} was not carried over, so it is not paged")
        return []
    losses.append(f"level {number}: {quoted(title(one, '?'))} is neither a person nor a schedule; left out")
    return []


def _delay(number: int, minutes: int, losses: Losses) -> timedelta:
    delay = timedelta(minutes=minutes)
    kept = min(max(delay, MINUTE), DAY)
    if kept != delay:
        losses.append(f"level {number} waits {written(delay)}, here it is {written(kept)}")
    return kept
