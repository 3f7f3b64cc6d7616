"""A plan told for people before the click: what will happen, step by step. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from pipelines.plan import Plan, StepKind
from pipelines.strategy import Wave
from pipelines.watch import FAILS_IN_A_ROW
from portal import checking, render


@dataclass(frozen=True)
class Stage:
    """What a person is told before the click: one numbered step of the plan."""

    title: str
    text: str
    expected: timedelta


def stages(plan: Plan) -> list[Stage]:
    """Return the plan as a person would tell it: make ready, each wave, and what becomes of the old release."""
    number = plan.release.number
    made = "Build" if plan.build else "Check out"
    metrics = f" {render.counted(len(plan.metrics), 'metric')} must be there to be asked for." if plan.metrics else ""
    ready = Stage(f"{made} release {number}", f"Once per revision. Nothing runs yet.{metrics}", _expected(plan, 0))
    told = [ready]
    running = 0
    for wave in plan.waves:
        share = render.percent(wave.percent)
        on = f"{render.counted(wave.instances, 'instance')} of {number}"
        text = f"{_starting(plan, wave.instances - running, first=not running)}{_watching(plan, wave)}"
        told.append(Stage(f"{share} of traffic, on {on}", text, _expected(plan, wave.number)))
        running = wave.instances
    if plan.trial:
        told.append(Stage("Back again", "A trial looks at its first wave and goes back, whatever it saw.", plan.back))
    elif plan.base is not None and not plan.side_by_side:
        told.append(Stage(f"Release {plan.base.number} is gone", "The script has replaced it.", timedelta(0)))
    elif plan.base is not None:
        rest = sum((s.expected for s in plan.steps if s.kind in (StepKind.DRAIN, StepKind.STOP)), timedelta(0))
        text = "It finishes what it has begun, at most as long as the drain time, and then stops."
        if plan.keep:
            text = f"It finishes what it has begun, and stays warm for {render.duration(plan.keep)} for the way back."
        told.append(Stage(f"Release {plan.base.number} leaves", text, rest))
    elif any(step.kind is StepKind.STOP for step in plan.steps):
        told.append(Stage("Leftovers stop", "What the deploy that is stuck has left running ends.", timedelta(0)))
    return told


UNCOUNTED = {"command": "the traffic does not pass through Fullcycle"}  # kind of target -> why


def weighs(plan: Plan) -> bool:
    """Are the errors of visitors compared with those of before?"""
    return plan.judge is not None and plan.base is not None and plan.target["kind"] not in UNCOUNTED


def uncounted(plan: Plan) -> str:
    """Return why errors are not compared although the file asks for it, and what watches instead; else nothing."""
    why = UNCOUNTED.get(str(plan.target["kind"]))
    if why is None or plan.judge is None or plan.base is None:
        return ""
    names = _deciding(plan)
    instead = (
        f"{listed(['its checks', *names], 'and')} decide"
        if names
        else "only its checks decide; analysis can ask your metrics"
    )
    asked = " As nobody can tell, a person is asked each time." if plan.judge.inconclusive == "pause" else ""
    return render.sentence(f"{why}, so {instead}") + asked


def by_itself(plan: Plan) -> str:
    """Say what puts it back without anybody."""
    causes = ["a check fails"] if plan.checks else []
    causes += ["errors are worse than before"] if weighs(plan) else []
    causes += [f"{listed(_deciding(plan), 'or')} says so"] if _deciding(plan) else []
    longer = f"it takes longer than {render.duration(plan.deadline)} in all"
    return f"When {', when '.join(causes)}, or {longer}." if causes else f"When {longer}."


def _deciding(plan: Plan) -> list[str]:
    return [metric.name for metric in plan.metrics if not metric.dry_run]


def listed(names: Sequence[str], last: str) -> str:
    """Join names, the last one by a word.

    >>> listed(["errors"], "or"), listed(["answer time", "errors"], "or"), listed(["a", "b", "c"], "and")
    ('errors', 'answer time or errors', 'a, b and c')
    """
    return f" {last} ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def _expected(plan: Plan, wave: int) -> timedelta:
    kinds = (StepKind.DRAIN, StepKind.STOP)
    return sum((s.expected for s in plan.steps if s.wave == wave and s.kind not in kinds), timedelta(0))


def _starting(plan: Plan, more: int, *, first: bool) -> str:
    if more <= 0:
        return ""
    asked = "; ".join(checking.asks(check) for check in plan.checks)
    starts = f"{render.counted(more, 'instance')} start{'s' if more == 1 else ''}"
    if not asked:
        return f"{starts}. "
    if not first:
        return f"{starts.replace(' instance', ' more instance')}, and must pass the same before traffic comes. "
    return f"{starts}. Before any traffic each must pass: {asked}. "


def _watching(plan: Plan, wave: Wave) -> str:
    bake = wave.bake or (plan.bake if len(plan.waves) == 1 else wave.bake)
    if not bake:
        return "It goes on at once."
    then = "stops it and asks" if plan.irreversible else "puts it back"
    judged = (
        f", and errors that are worse than those of release {plan.base.number},"
        if plan.base is not None and weighs(plan)
        else ""
    )
    metrics = f" So does {listed(_deciding(plan), 'or')}." if _deciding(plan) else ""
    pause = " Then a person says when it goes on." if wave.pause else ""
    fails = f"a check that fails {FAILS_IN_A_ROW} times in a row{judged} {then}"
    return f"Watched for {render.duration(bake)}; {fails}.{metrics}{pause}"


def strategy(plan: Plan) -> str:
    """Sum up how it goes: `canary: 10 %, 50 %, 100 %, watched 2 min each`."""
    shares = ", ".join(render.percent(wave.percent) for wave in plan.waves)
    watched = f", watched {render.duration(plan.bake)}{' each' if len(plan.waves) > 1 else ''}" if plan.bake else ""
    return f"{plan.strategy}: {shares}{watched}" if len(plan.waves) > 1 else f"{plan.strategy}{watched}"
