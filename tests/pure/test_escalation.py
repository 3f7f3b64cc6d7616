"""Who is paged and when: each worked case as a file, and any history against a walk minute by minute."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from oncall import policyfile
from oncall.deciding import Record, Wait, decide
from oncall.escalation import OnCall, due
from oncall.incident import Fact, Incident, Kind, fact_from_json, fact_to_json, from_json, to_json
from oncall.machine import TRANSITIONS, acknowledgement, apply
from oncall.policy import MINUTE, Level, Policy, Strategy, Target
from oncall.reach import Reachable
from oncall.terms import Severity, Urgency
from tests.conftest import NOON
from tests.pure.incidents import ADA, BOB, CYD, EVERYBODY, ack, line, live, opened, policy_of, rota
from tests.pure.minutes import Watch

CASES = sorted((Path(__file__).parents[1] / "cases" / "escalation").glob("*.yaml"))


def span(text: str) -> timedelta:
    hours, minutes, seconds = map(int, text.split(":"))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def ref(name: str) -> str:
    return f"user:default/{name}" if name else ""


def on_call_of(case: dict[str, Any]) -> OnCall:
    def asked(target: Target, urgency: Urgency, at: datetime) -> Sequence[Reachable]:
        return [reachable(one, urgency, at) for one in names(target, at)]

    def names(target: Target, at: datetime) -> Sequence[str]:
        said = case.get("on_call", {}).get(target.ref, ())
        if target.kind == "person":
            return [target.ref.rpartition("/")[2]]
        begun = [one["who"] for one in said if isinstance(one, dict) and NOON + span(one["from"]) <= at]
        return begun[-1:] if begun else [said] if isinstance(said, str) else [one for one in said if type(one) is str]

    def reachable(name: str, urgency: Urgency, at: datetime) -> Reachable:
        if name in case.get("out", {}):
            return Reachable(ref(name), None, case["out"][name])
        wakes = NOON + span(case.get("quiet", {}).get(name, "0:00:00"))
        return Reachable(ref(name), max(at, wakes) if urgency is Urgency.LOW else at)

    return asked


def act_of(said: dict[str, Any]) -> Callable[[Incident], Fact]:
    kind = Kind(next(iter(said)))
    by = ref(said[kind])
    if kind is Kind.ACKNOWLEDGED:
        return ack(by)
    more = {key: said[key] for key in ("channel", "last", "step", "reason", "severity") if key in said}
    until = NOON + span(said["until"]) if "until" in said else None
    who: dict[str, Any] = {"person": by} if kind is Kind.REFUSED else {"by": by, "person": ref(said.get("person", ""))}
    return lambda _: Fact(kind, until=until, **who, **more)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_happens_is_what_the_case_says(path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    policy, problems = policyfile.read(yaml.safe_dump({"name": "payments", **case["policy"]}), path.name)
    assert list(map(str, problems)) == []
    assert policy is not None
    acts = {span(at): act_of(said) for at, said in case.get("acts", {}).items()}
    until = span(case.get("until", "24:00:00"))

    told = live(opened(policy, Severity(case.get("severity", "critical"))), on_call_of(case), acts, until)

    assert "\n".join(line(*each) for each in told) == case["transcript"].rstrip("\n")


def test_whoever_it_is_given_to_is_paged_though_it_becomes_urgent_at_the_same_moment() -> None:
    incident = opened(severity=Severity.WARNING)
    for fact in (Fact(Kind.REASSIGNED, ADA, person=CYD), Fact(Kind.SEVERITY_CHANGED, severity=Severity.ERROR)):
        incident = apply(incident, fact, NOON)

    assert [(page.level, page.person) for page in due(incident, EVERYBODY, NOON).pages] == [(0, CYD)]


def test_who_is_named_twice_is_paged_as_what_she_is_named_first() -> None:
    twice = opened(policy_of(["payments/primary", "user:ada"]))

    assert [(str(page.target), page.person) for page in due(twice, EVERYBODY, NOON).pages] == [
        ("payments/primary", ADA)
    ]


def test_a_policy_without_levels_tells_the_team_at_once() -> None:
    found = due(opened(policy_of()), EVERYBODY, NOON)

    assert found.exhausted is not None
    assert found.exhausted.reason == "unacknowledged, exhausted: nobody at any of 0 levels can be reached"


def test_what_is_due_can_be_asked_for_by_its_kind() -> None:
    empty = due(opened(), rota(secondary="bob"), NOON)
    later = NOON + 30 * MINUTE
    reminder = due(apply(opened(), Fact(Kind.ACKNOWLEDGED, ADA), NOON), EVERYBODY, later)

    assert [fact.reason for fact in empty.skipped] == ["nobody is on call at level 1"]
    assert [(page.step, page.loop, page.level, page.person) for page in empty.pages] == [(1, 0, 2, BOB)]
    assert (empty.exhausted, empty.reminder, empty.again_at) == (None, None, NOON + 5 * MINUTE)
    assert reminder.reminder is not None
    assert (reminder.pages, reminder.again_at) == (reminder.reminder.pages, later + 30 * MINUTE)


def test_what_was_due_while_nobody_ran_comes_late_and_whole() -> None:
    incident = apply(opened(), due(opened(), EVERYBODY, NOON).facts[0], NOON)

    late = due(incident, EVERYBODY, NOON + timedelta(hours=1))

    assert [page.person for page in late.pages] == [BOB]
    assert late.again_at == NOON + timedelta(hours=1, minutes=5)


def test_nothing_to_wait_for_is_said() -> None:
    never = apply(opened(policy_of(["user:ada"], reminder=timedelta(0))), Fact(Kind.ACKNOWLEDGED, ADA), NOON)

    assert decide(never, EVERYBODY, NOON + timedelta(days=9)) == Wait(None)


# Any history, against a watch that counts minutes.

PEOPLE = ("ada", "bob", "cyd")
TARGETS = ("user:ada", "user:bob", "user:cyd", "payments/primary", "group:payments")
MINUTES = 40
BLOCK = 5  # minutes in which a rota stays as it is
acts = some.tuples(
    some.sampled_from(
        [
            *("ack", "ack", "refuse", "refuse", "snooze", "mute", "unmute", "unsnooze", "reassign", "responder"),
            *("note", "low", "high", "resolve", "reopen", "merge", "join", "deliver", "ack for nobody"),
        ]
    ),
    some.sampled_from(PEOPLE),
    some.integers(1, 12),
)
levels = some.tuples(
    some.lists(some.sampled_from(TARGETS), min_size=1, max_size=3, unique=True),
    some.integers(1, 5),
    some.sampled_from(["everyone", "round-robin", "all-must-ack"]),
)
blocks = MINUTES // BLOCK + 1
somebody = some.lists(some.sampled_from(PEOPLE), max_size=2, unique=True)


@dataclass(frozen=True)
class World:
    """Who holds the role, who of the team is on call, who is out of reach, and who sleeps, in each few minutes."""

    primary: list[list[str]]
    team: list[list[str]]
    out: list[list[str]]
    asleep: tuple[int, int]

    def find(self, target: str, urgent: bool, minute: int) -> list[tuple[str, int | None]]:
        at = minute // BLOCK
        named = {"payments/primary": self.primary[at], "group:payments": self.team[at]}
        since, until = self.asleep
        wait = until - minute if not urgent and since <= minute < until else 0
        names = named.get(target) or ([] if target in named else [target.rpartition(":")[2]])
        return [(name, None if name in self.out[at] else wait) for name in names]

    def on_call(self, target: Target, urgency: Urgency, at: datetime) -> Sequence[Reachable]:
        text = target.ref.replace("default/", "")
        found = self.find(text, urgency is Urgency.HIGH, (at - NOON) // MINUTE)
        return [Reachable(ref(name), None if wait is None else at + wait * MINUTE) for name, wait in found]


worlds = some.builds(
    World,
    some.lists(somebody, min_size=blocks, max_size=blocks),
    some.lists(somebody, min_size=blocks, max_size=blocks),
    some.lists(somebody | some.just([]) | some.just(list(PEOPLE)), min_size=blocks, max_size=blocks),
    some.tuples(some.integers(0, 30), some.integers(0, 40)),
)


def done(incident: Incident, act: tuple[str, str, int], now: datetime) -> Fact:
    word, name, minutes = act
    by, until = ref(name), now + minutes * MINUTE
    step = incident.step.number if incident.step else 0
    facts = {
        "ack": acknowledgement(incident, by),
        "ack for nobody": acknowledgement(incident, "user:default/dan"),
        "refuse": Fact(Kind.REFUSED, person=by, last=True, step=step),
        "snooze": Fact(Kind.SNOOZED, by, until=until),
        "mute": Fact(Kind.MUTED, until=until if minutes % 3 else None),
        "unmute": Fact(Kind.UNMUTED),
        "unsnooze": Fact(Kind.UNSNOOZED, by),
        "reassign": Fact(Kind.REASSIGNED, by, person=by),
        "responder": Fact(Kind.RESPONDER_ADDED, "user:default/dan", person=by),
        "note": Fact(Kind.NOTED, by),
        "low": Fact(Kind.SEVERITY_CHANGED, severity=Severity.WARNING),
        "high": Fact(Kind.SEVERITY_CHANGED, severity=Severity.CRITICAL),
        "resolve": Fact(Kind.RESOLVED, by),
        "reopen": Fact(Kind.REOPENED, by),
        "merge": Fact(Kind.MERGED, by, into=1),
        "join": Fact(Kind.JOINED),
        "deliver": Fact(Kind.DELIVERED, person=by, step=step),
    }
    return facts[word]


def said_to(watch: Watch, act: tuple[str, str, int]) -> None:
    word, name, minutes = act
    moves: dict[str, Callable[[], None]] = {
        "ack": lambda: watch.ack(name),
        "ack for nobody": lambda: watch.ack("dan"),
        "refuse": lambda: watch.refuse(name),
        "snooze": lambda: watch.rest("snoozed", minutes),
        "mute": lambda: watch.rest("muted", minutes if minutes % 3 else None),
        "unmute": watch.begin,
        "unsnooze": watch.begin,
        "reassign": lambda: watch.begin(name),
        "responder": lambda: watch.call(name),
        "note": lambda: watch.touch(name),
        "low": lambda: watch.hurts(False),
        "high": lambda: watch.hurts(True),
        "resolve": lambda: watch.end("resolved"),
        "reopen": watch.begin,
        "merge": lambda: watch.end("merged"),
    }
    moves.get(word, lambda: None)()


def told(minute: int, fact: Fact) -> tuple[Any, ...]:
    people = [page.person.rpartition("/")[2] for page in fact.pages]
    if fact.kind in (Kind.PAGED, Kind.LEVEL_SKIPPED):
        return (minute, "paged" if people else "skipped", fact.loop, fact.level, people)
    return (minute, str(fact.kind), people) if fact.kind in (Kind.CALLED, Kind.REMINDED) else (minute, str(fact.kind))


def looked_at(incident: Incident, world: World, minute: int, deaths: list[int]) -> tuple[Incident, list[Fact]]:
    """Do all that is due now, by workers who may die after some of it; each reads the incident from its JSON."""
    now, recorded = NOON + minute * MINUTE, []
    while isinstance(act := decide(incident, world.on_call, now), Record):
        assert decide(from_json(to_json(incident)), world.on_call, now) == act
        alive = deaths.pop() if deaths else len(act.facts)
        for fact in act.facts[:alive]:
            incident = apply(from_json(to_json(incident)), fact_from_json(fact_to_json(fact)), now)
            recorded.append(fact)
    return incident, recorded


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(
    world=worlds,
    said=some.lists(levels, min_size=1, max_size=3),
    repeat=some.integers(0, 2),
    reminder=some.integers(0, 5),
    reminders=some.integers(0, 2),
    severity=some.sampled_from([Severity.CRITICAL, Severity.WARNING]),
    history=some.dictionaries(some.integers(0, MINUTES - 1), some.lists(acts, max_size=3), min_size=4, max_size=12),
    away=some.sets(some.integers(0, MINUTES - 1), max_size=40),
    deaths=some.lists(some.integers(0, 3), max_size=20),
)
def test_no_step_is_missed_or_repeated_whatever_happens_and_whenever_it_is_asked(
    world: World,
    said: list[tuple[list[str], int, str]],
    repeat: int,
    reminder: int,
    reminders: int,
    severity: Severity,
    history: dict[int, list[tuple[str, str, int]]],
    away: set[int],
    deaths: list[int],
) -> None:
    made = [Level(tuple(map(policyfile.target, names)), n * MINUTE, Strategy(how)) for names, n, how in said]
    policy = Policy("payments", tuple(made), repeat, reminder * MINUTE, reminders)
    incident = opened(policy, severity)
    watch = Watch(said, repeat + 1, reminder, reminders, 31, severity is Severity.CRITICAL, world.find)
    log: list[tuple[Any, ...]] = []

    for minute in range(MINUTES):
        for act in history.get(minute, ()):
            fact = done(incident, act, NOON + minute * MINUTE)
            if (incident.state, fact.kind) in TRANSITIONS:
                incident = apply(incident, fact, NOON + minute * MINUTE)
                said_to(watch, act)
        if minute not in away:
            incident, facts = looked_at(incident, world, minute, deaths)
            log += [told(minute, fact) for fact in facts]
            watch.look(minute)
        assert log == watch.log
        assert incident.state == watch.mode
        watch.tick()


@settings(max_examples=100, deadline=None)
@given(world=worlds, said=some.lists(levels, min_size=1, max_size=3), repeat=some.integers(0, 2))
def test_whoever_looks_only_when_told_to_misses_nothing(
    world: World, said: list[tuple[list[str], int, str]], repeat: int
) -> None:
    made = [Level(tuple(map(policyfile.target, names)), n * MINUTE, Strategy(how)) for names, n, how in said]
    incident = opened(Policy("payments", tuple(made), repeat))
    watch = Watch(said, repeat + 1, 30, 3, 31, True, world.find)

    minute, log = 0, []
    while minute < MINUTES:
        incident, facts = looked_at(incident, world, minute, [])
        log += [told(minute, fact) for fact in facts]
        if any(fact.kind is Kind.EXHAUSTED for fact in facts):
            break
        act = decide(incident, world.on_call, NOON + minute * MINUTE)
        assert isinstance(act, Wait)
        assert act.until is not None
        minute = (act.until - NOON) // MINUTE
    for each in range(min(minute + 1, MINUTES)):
        watch.look(each)
        watch.tick()

    assert log == watch.log
