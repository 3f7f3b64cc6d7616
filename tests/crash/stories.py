"""The stories of the crash tests: what is asked for, which places there are to be killed at, how it must end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.deploy import Kind, State
from pipelines.plan import Plan, StepKind
from pipelines.rollback import way_back
from pipelines.terms import Terms
from tests.crash.houses import COMMAND, SCRIPT, Remembering
from tests.crash.killed_deployer import POINTS, RUNS, Where, rounds, rounds_back
from tests.rooms.deploying import ALICE

QUICK: dict[str, Any] = {"checks": [{"http": "/healthz", "passes": 2, "every": "20ms", "deadline": "20s"}]}
CANARY = {"canary": [10, 50, 100], "bake": "50ms"}
BLUE = {"blue-green": {"preview": "40ms"}, "bake": "50ms"}
HALVES = {"canary": [50, 100], "bake": "50ms"}
PAUSED = {"canary": [{"weight": 10, "pause": True}, 100], "bake": "50ms"}
SCRIPTED: dict[str, Any] = {**QUICK, "target": COMMAND}
FILES = {"plain": {}, "warm": {}, "command": {"ship.sh": SCRIPT}}
BASES: Mapping[str, dict[str, Any]] = {
    "plain": {"bake": "0s", **QUICK},
    "warm": {"strategy": {"blue-green": True}, "bake": "0s", "keep": "24h", **QUICK},
    "command": {"bake": "0s", **SCRIPTED},
}
REVISIONS: Mapping[str, Mapping[str, dict[str, Any]]] = {
    "plain": {"canary": {"strategy": CANARY, **QUICK}, "paused": {"strategy": PAUSED, **QUICK}},
    "warm": {
        "blue": {"strategy": BLUE, "keep": "24h", **QUICK},
        "cooling": {"strategy": BLUE, "keep": "100ms", **QUICK},
    },
    "command": {"canary": {"strategy": HALVES, **SCRIPTED}, "blue": {"strategy": BLUE, "keep": "24h", **SCRIPTED}},
}
"""What each house's repository holds besides two bases, a `bad` one like the first of these, and the `next`."""


@dataclass(frozen=True)
class Story:
    """`turns` says how it leaves the plan's way: bad (a check fails), back (a person says so), trial."""

    house: str
    what: str
    revision: str = ""  # empty: back to the first release
    ending: State = State.HEALTHY
    serves: int = 3
    turns: str = ""
    cools: bool = False  # the jobs that end what was warm are what is killed

    @property
    def order(self) -> str:
        """What a person orders when it pauses."""
        return "abort" if self.turns == "back" else "resume"

    def asked(self, house: Remembering, revisions: Mapping[str, str]) -> int:
        if not self.revision:
            return house.rollback(1)
        terms = Terms(trial=self.turns == "trial")
        return house.deploy(revisions[self.revision], terms=terms)

    def answers(self, house: Remembering, asked: int) -> None:
        """Order what the story has a person order."""
        orders: dict[str, Callable[..., None]] = {"abort": house.actions.abort, "resume": house.actions.resume}
        orders[self.order](asked, ALICE, house.clock(), "looked at it")

    def rounds(self, plan: Plan) -> Sequence[str]:
        """Return every round, in order."""
        told = rounds(plan)
        if self.cools:
            return ["later", "cool"]
        if self.turns == "bad":
            failing = next(i for i, step in enumerate(plan.steps) if step.kind is StepKind.BAKE and step.percent >= 50)
            last = told.index(f"do bake {plan.steps[failing].wave}")
            return [*told[: last + 1], *_back(plan, failing + 1)]
        if self.turns == "back":
            pause = told.index("wait") + 1
            at = next(i for i, step in enumerate(plan.steps) if step.kind is StepKind.PAUSE)
            return [*told[:pause], Kind.ABORTED, *_back(plan, at + 1)]
        return [*told, *_back(plan, len(plan.steps))] if plan.trial else told

    def wheres(self, plan: Plan) -> Sequence[Where]:
        """Return every place at which a worker can be killed."""
        found = []
        for one in dict.fromkeys(self.rounds(plan)):
            points = [point for point in POINTS if point != "after" or one not in ("wait", "later", "cool")]
            found += [Where(point, one) for point in points]
            if self.house == "command" and _runs(one):
                found += [Where("during", one), Where("during", one, all=True), Where("after", one, all=True)]
        return found


def _back(plan: Plan, attempted: int) -> list[str]:
    return rounds_back(way_back(plan, attempted))


def _runs(round_: str) -> bool:
    """Is a script run in it?"""
    words = round_.split()
    return "attempt" not in words and any(kind in words for kind in RUNS)


STORIES: Mapping[str, Story] = {
    "canary": Story("plain", "three-wave canary", "canary"),
    "bad": Story("plain", "canary that goes back", "bad", State.UNDONE, 2, "bad"),
    "rollback": Story("plain", "rollback", serves=1),
    "paused": Story("plain", "canary that pauses and goes on", "paused"),
    "paused back": Story("plain", "canary that pauses and goes back", "paused", State.UNDONE, 2, "back"),
    "trial": Story("plain", "trial", "canary", State.UNDONE, 2, "trial"),
    "blue": Story("warm", "blue-green", "blue"),
    "blue bad": Story("warm", "blue-green that goes back", "bad", State.UNDONE, 2, "bad"),
    "blue rollback": Story("warm", "rollback to what is warm", serves=1),
    "cooling": Story("warm", "what was warm ends", "cooling", cools=True),
    "command": Story("command", "script, two-wave canary", "canary"),
    "command blue": Story("command", "script, blue-green", "blue"),
    "command bad": Story("command", "script, canary that goes back", "bad", State.UNDONE, 2, "bad"),
    "command rollback": Story("command", "script, rollback", serves=1),
}
