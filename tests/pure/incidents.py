"""Incidents to play with: a policy in short, who is on call when, and a walk from fact to fact."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from catalog.refs import short
from oncall import policyfile
from oncall.deciding import Nothing, Record, Wait, decide
from oncall.escalation import OnCall
from oncall.incident import Fact, Incident, Kind, Opening, State
from oncall.machine import acknowledgement, apply
from oncall.policy import MINUTE, Level, Policy, Strategy, Target
from oncall.reach import Reachable
from oncall.terms import Severity, Urgency
from tests.conftest import NOON

ADA, BOB, CYD = "user:default/ada", "user:default/bob", "user:default/cyd"


def policy_of(*levels: Sequence[str], delay: timedelta = 5 * MINUTE, strategy: str = "everyone", **more: Any) -> Policy:
    """A policy whose levels name these targets; all have the same delay and strategy."""
    made = [Level(tuple(map(policyfile.target, names)), delay, Strategy(strategy)) for names in levels]
    return Policy("payments", tuple(made), **more)


TWO = policy_of(["payments/primary"], ["payments/secondary"])


def opened(policy: Policy = TWO, severity: Severity = Severity.CRITICAL, at: datetime = NOON, **more: Any) -> Incident:
    opening = Opening(31, "checkout answers 503", "component:default/checkout", severity, policy, **more)
    return apply(None, Fact(Kind.OPENED, opening=opening), at)


def rota(**people: Sequence[str] | str) -> OnCall:
    """Who is on call, as `primary="ada"`; a person who is named is there, unless she is in `out`."""
    out = people.pop("out", ())

    def asked(target: Target, _urgency: Urgency, at: datetime) -> Sequence[Reachable]:
        name = short(target.ref)
        named = people.get(name, ()) if target.kind != "person" else name
        refs = [f"user:default/{one}" for one in ([named] if isinstance(named, str) else named)]
        return [
            Reachable(ref, None, "has no verified channel") if short(ref) in out else Reachable(ref, at) for ref in refs
        ]

    return asked


EVERYBODY = rota(primary="ada", secondary="bob")
Act = Callable[[Incident], Fact]


def ack(by: str) -> Act:
    return lambda incident: acknowledgement(incident, by)


def live(
    incident: Incident,
    on_call: OnCall,
    acts: Mapping[timedelta, Act] | None = None,
    until: timedelta = timedelta(days=1),
) -> list[tuple[timedelta, Fact, State]]:
    """Walk from moment to moment as the worker would; return what happened, when, and the state after it."""
    acts, now, told = dict(sorted((acts or {}).items())), incident.opened_at, []
    start = now
    while True:
        while acts and start + next(iter(acts)) <= now:
            fact = acts.pop(next(iter(acts)))(incident)
            incident = apply(incident, fact, now)
            told.append((now - start, fact, incident.state))
        act = decide(incident, on_call, now)
        assert decide(incident, on_call, now) == act
        if isinstance(act, Record):
            for fact in act.facts:
                incident = apply(incident, fact, now)
                told.append((now - start, fact, incident.state))
        again = act.until if isinstance(act, Wait) else None if isinstance(act, Nothing) else act.again_at
        moments = [moment for moment in (again, *(start + at for at in acts)) if moment is not None]
        if not moments or min(moments) > start + until:
            return told
        assert min(moments) > now, "it does not stand still at one moment"
        now = min(moments)


def line(at: timedelta, fact: Fact, state: State) -> str:
    """One fact as a line: `0:05:00 paged 1.2 bob`."""
    place = f" {fact.loop + 1}.{fact.level}" if fact.kind in (Kind.PAGED, Kind.LEVEL_SKIPPED) else ""
    names = [page.person for page in fact.pages] or [fact.by, fact.person]
    people = "".join(f" {short(name)}" for name in names if name) + (f" {fact.channel}" if fact.channel else "")
    said = f": {fact.reason}" if fact.reason else ""
    return f"{at!s:>8} {fact.kind}{place}{people}{said} -> {state}"
