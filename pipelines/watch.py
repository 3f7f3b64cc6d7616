"""What the checks have said so far, folded look by look, and what follows from it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from production.ports import Answer, Check, Instance

FAILS_IN_A_ROW = 3  # while baking, and for an instance that keeps exiting: one bad look is no verdict


@dataclass(frozen=True)
class Look:
    """One check on one instance: how often it passed and failed in a row, and its last answer, word for word."""

    check: str
    instance: str
    passes: int
    fails: int
    said: str
    took: timedelta
    at: datetime
    since: datetime  # of the first look
    total: int = 1


Watch = tuple[Look, ...]


def label(check: Check) -> str:
    """Name a check as people do: its path, its port, its command.

    >>> label(Check("http", ("/healthz",)))
    '/healthz'
    """
    return {"http": " ".join(check.what), "tcp": "port open", "alive": "process alive"}.get(
        check.kind, " ".join(check.what)
    )


def seen(watch: Watch, check: Check, instance: Instance, answer: Answer, at: datetime) -> Watch:
    """Return the watch with one more answer in it."""
    before = find(watch, check, instance.name)
    now = Look(
        label(check),
        instance.name,
        (before.passes if before else 0) + 1 if answer.passed else 0,
        0 if answer.passed else (before.fails if before else 0) + 1,
        answer.said,
        answer.took,
        at,
        before.since if before else at,
        (before.total if before else 0) + 1,
    )
    if before is None:
        return (*watch, now)
    return tuple(now if look is before else look for look in watch)


def find(watch: Watch, check: Check, instance: str) -> Look | None:
    name = label(check)
    return next((look for look in watch if (look.check, look.instance) == (name, instance)), None)


def due(watch: Watch, check: Check, instance: Instance, now: datetime, began: datetime | None = None) -> bool:
    """Is it time for another look? A clock that was set back does not hold it up."""
    last = find(watch, check, instance.name)
    if last is None:
        return began is None or now >= began + check.delay or now < began
    return last.at + check.every <= now or now < last.at


def next_look(
    watch: Watch, checks: Sequence[Check], instances: Sequence[Instance], now: datetime, began: datetime | None = None
) -> datetime:
    """Return when the next look is due, at the earliest now."""
    times = [
        (look.at + check.every if (look := find(watch, check, instance.name)) else (began or now) + check.delay)
        for check in checks
        for instance in instances
    ]
    return max(now, min(times, default=now))


def passed(watch: Watch, checks: Sequence[Check], instances: Sequence[Instance]) -> bool:
    """Has every check passed on every instance, as often in a row as it asks?"""
    return all(
        (look := find(watch, check, instance.name)) is not None and look.passes >= check.passes
        for check in checks
        for instance in instances
    )


def given_up(
    watch: Watch, checks: Sequence[Check], instances: Sequence[Instance], began: datetime, now: datetime
) -> str | None:
    """Return why probing cannot succeed any more: a check's deadline is over, or an instance keeps exiting."""
    for instance in instances:
        for check in checks:
            look = find(watch, check, instance.name)
            if look is not None and look.passes >= check.passes:
                continue
            if instance.state == "exited" and look is not None and look.fails >= FAILS_IN_A_ROW:
                return f"{instance.name} exited with {instance.code}; {look.check}: {look.said}"
            if now >= began + check.delay + check.deadline:
                said = look.said if look else "nobody could ask it"
                seconds = f"{check.deadline.total_seconds():g}"
                return f"{instance.name} did not pass {check.passes} times in a row within {seconds} s: {said}"
    return None


def enough(watch: Watch, checks: Sequence[Check], instances: Sequence[Instance], time: timedelta) -> bool:
    """Has every check been asked as often as it takes to be worse, or as often as there is room for in that time?

    Where a worker was slow, the time is over before much was seen; that nothing bad was seen then says little.
    """
    for check in checks:
        room = 1 + (time - check.delay) // check.every if check.delay <= time else 0
        for instance in instances:
            look = find(watch, check, instance.name)
            if (look.total if look else 0) < min(FAILS_IN_A_ROW, room):
                return False
    return True


def worse(watch: Watch) -> str | None:
    """Return what has failed so often in a row while baking that the wave must go back."""
    bad = next((look for look in watch if look.fails >= FAILS_IN_A_ROW), None)
    return f"{bad.instance}: {bad.said}, {bad.fails} times in a row" if bad else None


def line(look: Look, check: Check) -> str:
    """Write one look for the log."""
    count = f"{min(look.passes, check.passes)} of {check.passes}" if look.passes else f"failed {look.fails} in a row"
    ready = ", ready" if look.passes == check.passes else ""
    return f"{look.instance} {look.said}, {count}{ready}"


def by_check(watch: Watch) -> Mapping[str, Sequence[Look]]:
    """Group the looks by check, in the order of the checks."""
    groups: dict[str, list[Look]] = {}
    for look in watch:
        groups.setdefault(look.check, []).append(look)
    return groups
