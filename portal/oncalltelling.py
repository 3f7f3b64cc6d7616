"""What pages about on-call say: until when, where a shift came from, whom a level pages, how one is reached. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from oncall.policy import Level, Policy, Strategy, Target, TargetKind
from oncall.reach import Notification
from oncall.terms import PRIMARY, Kind, Shift
from portal import render
from portal.render import Times, short_ref

Names = Callable[[str], str]
"""A reference to what a sentence calls that person."""

ORDINALS = ("first", "second", "third", "fourth", "fifth")
NEAR = 6  # days in which a weekday says enough


def day_and_clock(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Write `today 18:00`, `Monday 09:00` within six days, else `Mon 30 Nov 09:00`.

    >>> from datetime import UTC
    >>> day_and_clock(datetime(2026, 11, 23, 9, tzinfo=UTC), datetime(2026, 11, 20, 15, tzinfo=UTC), ZoneInfo("UTC"))
    'Monday 09:00'
    """
    local, here = at.astimezone(zone), now.astimezone(zone)
    if 2 <= (local.date() - here.date()).days <= NEAR:
        return f"{local:%A %H:%M}"
    return render.moment(at, now, zone)


def stretch(start: datetime, end: datetime, times: Times) -> str:
    """Write `Thu 26 Nov 18:00 to Fri 27 Nov 09:00`; the day once where it is one."""
    here, there = start.astimezone(times.zone), end.astimezone(times.zone)
    if here.date() == there.date():
        return f"{times.moment(start)} to {there:%H:%M}"
    return f"{times.moment(start)} to {times.moment(end)}"


def role_said(role: str, roles: Sequence[str]) -> str:
    """Write `first` for the role that is paged first of the usual two, `second` for the other, else its name.

    >>> role_said("secondary", ["primary", "secondary"]), role_said("manager", ["manager"])
    ('second', 'manager')
    """
    usual = {PRIMARY: "first", "secondary": "second"}
    return usual.get(role, role)


def source_said(shift: Shift, called: Names) -> str:
    """Write where a shift came from: `from the rotation main`, `override 3 by Lin Zhao: dentist`."""
    source = shift.source
    if source.kind is Kind.ROTATION:
        return f"from the rotation {source.name}"
    what = "a swap" if source.kind is Kind.SWAP else "an override"
    number = "of the file" if source.name in ("", "0") else f"number {source.name}"
    by = f" by {called(source.by)}" if source.by else ""
    return f"{what}, {number}{by}" + (f": {source.reason}" if source.reason else "")


@dataclass(frozen=True)
class Step:
    """One level of an escalation, as a line of a story. `wait`: from the beginning of it all."""

    wait: str
    who: str
    how: str = ""


def steps(policy: Policy, teams: Mapping[str, str], called: Names) -> list[Step]:
    """Return the levels of an escalation in words, with when each begins."""
    found, wait = [], timedelta(0)
    for level in policy.levels:
        found.append(Step(render.duration(wait) if wait else "at once", _level(level, teams, called), _how(level)))
        wait += level.delay
    if policy.levels:
        again = "once more" if policy.repeat == 1 else f"{render.number(policy.repeat)} times more"
        last = f"From the first again, {again}" if policy.repeat else "The team is told that nobody came"
        found.append(Step(render.duration(wait), last))
    return found


def _level(level: Level, teams: Mapping[str, str], called: Names) -> str:
    said = " and ".join(_target(one, teams, called) for one in level.targets)
    return said[:1].upper() + said[1:]


def _target(one: Target, teams: Mapping[str, str], called: Names) -> str:
    team = teams.get(one.ref, short_ref(one.ref))
    if one.kind is TargetKind.ROLE:
        schedule, _, role = one.ref.partition("/")
        return f"{role_said(role, ())} of {schedule}"
    return {
        TargetKind.PERSON: called(one.ref),
        TargetKind.TEAM: f"whoever of {team} is on call",
        TargetKind.MEMBERS: f"everybody in {team}",
    }[one.kind]


def _how(level: Level) -> str:
    return {
        Strategy.EVERYONE: "",
        Strategy.ROUND_ROBIN: "one of them, in turn",
        Strategy.ALL_MUST_ACK: "until each has acknowledged",
    }[level.strategy]


def reached_said(told: Sequence[Notification], labels: Mapping[str, str], at: datetime) -> str:
    """Write what a page would do now: `phone at once, mail after 5 min`."""
    parts = []
    for one in told:
        wait = one.at - at
        when = "at once" if wait < timedelta(seconds=1) else f"after {render.duration(wait)}"
        parts.append(f"{labels.get(one.channel, 'a channel')} {when}")
    return ", ".join(parts)


def names_listed(names: Sequence[str], most: int = 6) -> str:
    """Write `checkout, ledger and 3 more`.

    >>> names_listed(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {render.number(more)} more" if more > 0 else "")
