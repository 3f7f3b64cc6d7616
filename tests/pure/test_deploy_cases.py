"""Whole deploys, told: each file of tests/cases/deploys is a spec, what the world answers, and the transcript of it.

An answer belongs to a step (“weigh 2 wave 1”: its kind, its release, its wave) and is used once; a step without one
works. `abort` names the step before which a person orders it. To write a transcript anew, run this file as a program.
"""

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.change import Change
from pipelines.machine import Abort, Bind, Deploy, Fact, Kind, Nothing, Perform, Record, apply, decide, failed, in_time
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
    return plan(CHECKOUT, "production", spec, NEW, base, Change(), rollback=case.get("rollback", False))


def shown(world: World) -> str:
    traffic = " + ".join(f"{share} % on {who}" for who, share in sorted(world.weights.items())) or "no traffic"
    runs = ", ".join(f"{count} × {who}" for who, count in sorted(world.running.items())) or "nothing"
    return f"{traffic}; {runs} running"


def transcript(case: dict[str, Any]) -> str:
    frozen, answers = plan_of(case), dict(case.get("answers", {}))
    world = World.serving(frozen.base, frozen.instances)
    deploy, at, abort, lines = Deploy(7), NOON, None, []
    while not isinstance(act := decide(deploy, abort, at), Nothing):
        fact: Fact
        match act:
            case Bind():
                fact = Fact(Kind.BOUND, plan=frozen)
            case Record(recorded):
                fact = recorded
            case Perform(step, undo):
                if named(step) == case.get("abort") and abort is None:
                    abort = Abort("user:default/alice", at, "wrong branch")
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


if __name__ == "__main__":  # prints what a case's transcript would be
    print(transcript(yaml.safe_load(Path(sys.argv[1]).read_text())))
