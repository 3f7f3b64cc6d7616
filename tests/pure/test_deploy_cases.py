"""Whole deploys, told: each file of tests/cases/deploys is a spec, what the world answers, and the transcript of it.

An answer belongs to a step (“weigh 2 wave 1”: its kind, its release, its wave) and is used once; a step without one
works; `unclear` asks a person. `abort` names the step before which a person orders it, `orders` are given one by one
when the deploy waits for a person; without one left it waits on. To write transcripts anew, run this file as a program.
"""

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.change import Change
from pipelines.deciding import Bind, Nothing, Perform, Record, Wait, decide, failed, in_time
from pipelines.deploy import Deploy, Fact, Kind, Order
from pipelines.machine import apply
from pipelines.plan import Plan, Step, plan
from pipelines.spec import DeploySpec
from tests.conftest import NOON
from tests.pure.deploys import CHECKOUT, NEW, OLD, World

CASES = sorted((Path(__file__).parents[1] / "cases" / "deploys").glob("*.yaml"))


def named(step: Step) -> str:
    return f"{step.kind} {step.release}" + (f" wave {step.wave}" if step.wave else "")


def plan_of(case: dict[str, Any]) -> Plan:
    spec = DeploySpec.model_validate({"environments": {"production": case["environment"]}})
    base = None if case.get("first") else OLD
    told = {name: case[name] for name in ("rollback", "trial", "irreversible") if name in case}
    return plan(CHECKOUT, "production", spec, NEW, base, Change(), **told)


def shown(world: World) -> str:
    traffic = " + ".join(f"{share} % on {who}" for who, share in sorted(world.weights.items())) or "no traffic"
    runs = ", ".join(f"{count} × {who}" for who, count in sorted(world.running.items())) or "nothing"
    return f"{traffic}; {runs} running"


def transcript(case: dict[str, Any]) -> str:
    frozen, answers = plan_of(case), dict(case.get("answers", {}))
    world = World.serving(frozen.base, frozen.instances)
    said = list(case.get("orders", ()))
    deploy, at, orders, lines = Deploy(7), NOON, list[Order](), list[str]()
    while not isinstance(act := decide(deploy, orders, at), Nothing):
        fact: Fact
        match act:
            case Bind():
                fact = Fact(Kind.BOUND, plan=frozen)
            case Record(recorded):
                fact = recorded
            case Wait(until):
                at = at + timedelta(minutes=5) if said else until
                orders += [Order(said.pop(0), "user:default/alice", at, "", len(orders) + 1)] if said else []
                if not said and deploy.pause and deploy.pause.asks == "irreversible" and orders == []:
                    return "\n".join([*lines, f"      {shown(world)}"])
                continue
            case Perform(step, undo):
                if named(step) == case.get("abort") and not orders:
                    orders = [Order("abort", "user:default/alice", at, "wrong branch")]
                    continue
                at, fact = answered(answers, step, undo, deploy, world, frozen, at)
                fact = in_time(act, deploy, fact)
        deploy = apply(deploy, fact, at)
        lines.append(line(act, deploy, fact, at))
    return "\n".join([*lines, f"      {shown(world)}"])


def answered(
    answers: dict[str, Any], step: Step, undo: bool, deploy: Deploy, world: World, frozen: Plan, at: datetime
) -> tuple[datetime, Fact]:
    said = answers.get(named(step)) or {}
    if isinstance(said, list):
        said = said.pop(0) if said else {}
    else:
        answers.pop(named(step), None)
    at += timedelta(seconds=said["after"]) if "after" in said else step.expected
    if "fails" in said:
        return at, failed(deploy, Fact(Kind.STEP_FAILED, said["fails"]))
    if "unclear" in said:
        return at, Fact(Kind.PAUSED, said["unclear"], asks="inconclusive")
    if "waits" in said:
        return at, Fact(Kind.OBSERVED, said["waits"])
    world.make(step, frozen)
    return at, Fact(Kind.UNDO_STEP_DONE if undo else Kind.STEP_DONE)


def line(act: Any, deploy: Deploy, fact: Fact, at: datetime) -> str:
    what = named(act.step) if isinstance(act, Perform) else ""
    why = f": {fact.reason}" if fact.reason else ""
    return f"{at - NOON!s:>8}  {fact.kind} {what}".rstrip() + f"{why} -> {deploy.state}"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_deploy_goes_as_told(path: Path) -> None:
    case = yaml.safe_load(path.read_text())

    assert transcript(case).split("\n") == case["transcript"].rstrip("\n").split("\n")


def test_there_are_cases() -> None:
    assert len(CASES) >= 10


if __name__ == "__main__":  # writes the transcripts of these cases anew
    for name in sys.argv[1:]:
        text, mark, _ = Path(name).read_text().partition("transcript: |2\n")
        lines = transcript(yaml.safe_load(text)).split("\n")
        Path(name).write_text(text + (mark or "transcript: |2\n") + "".join(f"  {line}\n" for line in lines))
