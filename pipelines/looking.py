"""Looking at a release: its checks, what visitors get, and what follows. Nothing here writes to the database.

Every look is folded into what has been seen before, so that another worker may go on with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pipelines import measuring, weighing
from pipelines import watch as watching
from pipelines.analysis import Phase
from pipelines.deciding import Perform
from pipelines.deploy import Asks, Deploy, Fact, Kind
from pipelines.plan import Plan, Step, StepKind
from pipelines.proof import Proof
from pipelines.watch import Watch
from pipelines.world import Came, Ports
from production.ports import Instance, Site, Target


@dataclass(frozen=True)
class Seen:
    """All that one look has brought."""

    watch: Watch
    proof: Proof
    lines: tuple[str, ...]
    instances: Sequence[Instance]
    now: datetime
    over_at: datetime  # when the time of the step is over


def look(act: Perform, deploy: Deploy, plan: Plan, site: Site, target: Target, ports: Ports) -> Came:
    """Ask every instance of the step's release whose next look is due, count its traffic, then judge.

    A failure comes back as STEP_FAILED; what that means is the caller's matter.
    """
    instances = [one for one in target.instances(site) if one.release == act.step.release and one.state != "stopped"]
    if not instances:
        return Came(Fact(Kind.STEP_FAILED, f"no instance of {act.step.release} is there to look at"))
    watch, lines = _asked(act, deploy, plan, instances, ports)
    proof, now = deploy.proof, ports.clock()
    began = deploy.began_at or now
    over_at = began + act.step.expected
    if act.step.kind in (StepKind.BAKE, StepKind.VERIFY):
        proof = weighing.seen(_own(proof, plan, began), plan, act.step, target.shares(site), now, over_at)
    if act.step.kind is StepKind.BAKE:
        files = target.logs(site, act.step.release)
        proof, said = measuring.measured(proof, plan, began, over_at, files, ports)
        lines = (*lines, *said)
    seen = Seen(watch, proof, lines, instances, now, over_at)
    match act.step.kind:
        case StepKind.PROBE:
            return _probed(act, deploy, plan, seen)
        case StepKind.VERIFY:
            return _verified(act, deploy, plan, seen)
        case _:
            return _baked(act, deploy, plan, seen)


def _asked(
    act: Perform, deploy: Deploy, plan: Plan, instances: Sequence[Instance], ports: Ports
) -> tuple[Watch, tuple[str, ...]]:
    """Ask whom it is time to ask; return what has been seen, and lines for the log."""
    seen, lines, now = deploy.watch, [], ports.clock()
    checker = ports.checkers[str(plan.target["kind"])]
    for instance in instances:
        for check in plan.checks:
            if not watching.due(seen, check, instance, now, deploy.began_at):
                continue
            before = watching.find(seen, check, instance.name)
            answer = checker.look(check, instance, _env(plan, act.step, instance))
            seen = watching.seen(seen, check, instance, answer, ports.clock())
            after = watching.find(seen, check, instance.name)
            news = act.step.kind is StepKind.PROBE or before is None or before.fails or (after and after.fails)
            if after is not None and news:
                lines.append(watching.line(after, check))
    return seen, tuple(lines)


def _own(proof: Proof, plan: Plan, began: datetime) -> Proof:
    """The first look of a step counts from here: what came before was not watched."""
    return weighing.begun(proof, plan) if proof.since is None or proof.since < began else proof


def _probed(act: Perform, deploy: Deploy, plan: Plan, seen: Seen) -> Came:
    if watching.passed(seen.watch, plan.checks, seen.instances):
        return _done(act, f"{_count(seen)} of {act.step.release} ready", seen)
    if why := watching.given_up(seen.watch, plan.checks, seen.instances, deploy.began_at or seen.now, seen.now):
        return _came(Kind.STEP_FAILED, why, seen)
    return _again(act, plan, seen)


def _baked(act: Perform, deploy: Deploy, plan: Plan, seen: Seen) -> Came:
    """Worse goes back at once; the end of its time with enough seen goes on; nobody can tell is for a person."""
    verdict = weighing.verdict(seen.proof, plan) if act.step.percent else None  # a preview has no visitors
    if verdict is not None:
        seen = replace(seen, proof=replace(seen.proof, verdict=verdict.kind, said=verdict.sentence))
    if why := watching.worse(seen.watch):
        numbers = weighing.counts(seen.proof)
        return _came(Kind.STEP_FAILED, f"{why}; {numbers}" if numbers else why, seen)
    if verdict is not None and verdict.kind == "fail":
        return _came(Kind.STEP_FAILED, verdict.sentence, seen)
    stopping = seen.now >= seen.over_at
    phase, why = measuring.verdict(seen.proof, plan, stopping=stopping)
    if phase in (Phase.FAILED, Phase.ERROR):
        return _came(Kind.STEP_FAILED, why, seen)
    if phase is Phase.INCONCLUSIVE:
        return _came(Kind.PAUSED, f"nobody can tell: {why}", seen)
    few = not (act.late or watching.enough(seen.watch, plan.checks, seen.instances, act.step.expected))
    if not stopping or phase is not Phase.SUCCESSFUL or few or any(one.fails for one in seen.watch):
        # Its time may be over with a bad look, or with too few; then the next ones say whether it is worse.
        return _again(act, plan, seen)
    said = f"watched {act.step.expected.total_seconds():g} s at {act.step.percent} %"
    passed = f"every check passed on {_count(seen)}" if plan.checks else f"{_count(seen)} up"
    numbers = "; ".join(told for told in (verdict.sentence if verdict else "", why) if told)
    if verdict is not None and verdict.kind == "inconclusive" and plan.judge and plan.judge.inconclusive == "pause":
        return _came(Kind.PAUSED, f"{said}, {passed}, but nobody can tell yet: {verdict.sentence}", seen)
    if verdict is None:
        seen = replace(seen, proof=replace(seen.proof, said=numbers))
    return _done(act, f"{said}, {passed}{'; ' if numbers else ''}{numbers}", seen)


def _verified(act: Perform, deploy: Deploy, plan: Plan, seen: Seen) -> Came:
    """What serves again passes its checks, and does not fail its visitors; alerts would lag behind."""
    bad = weighing.still_bad(seen.proof, plan)
    if watching.passed(seen.watch, plan.checks, seen.instances) and seen.now >= seen.over_at and not bad:
        return _done(act, f"{act.step.release} serves again, {weighing.raw(seen.proof)}{_count(seen)} fine", seen)
    if why := watching.given_up(seen.watch, plan.checks, seen.instances, deploy.began_at or seen.now, seen.now):
        return _came(Kind.STEP_FAILED, why, seen)
    if act.late and bad:
        return _came(Kind.STEP_FAILED, f"{act.step.release} serves again, but is bad, too: {bad}", seen)
    return _again(act, plan, seen)


def _done(act: Perform, said: str, seen: Seen) -> Came:
    return _came(Kind.UNDO_STEP_DONE if act.undo else Kind.STEP_DONE, said, seen)


def _again(act: Perform, plan: Plan, seen: Seen) -> Came:
    """Look again when a check is due; beyond probing also at the end of the step, and often at what visitors get."""
    began = seen.over_at - act.step.expected
    times = [watching.next_look(seen.watch, plan.checks, seen.instances, seen.now, began)] if plan.checks else []
    if act.step.kind is not StepKind.PROBE:
        times += [seen.now + weighing.EVERY] if plan.judge or not plan.checks else []
        times += [seen.over_at] if seen.now < seen.over_at else []
    if act.step.kind is StepKind.BAKE and (due := measuring.next_look(seen.proof, plan, seen.now)) is not None:
        times.append(due)
    return Came(Fact(Kind.OBSERVED, "", seen.lines, watch=seen.watch, proof=seen.proof), min(times))


def _came(kind: Kind, said: str, seen: Seen) -> Came:
    asks: Asks = "inconclusive" if kind is Kind.PAUSED else ""
    return Came(Fact(kind, said, seen.lines, watch=seen.watch, proof=seen.proof, asks=asks))


def _count(seen: Seen) -> str:
    return f"{len(seen.instances)} instance{'s' if len(seen.instances) > 1 else ''}"


def _env(plan: Plan, step: Step, instance: Instance) -> Mapping[str, str]:
    ref = plan.base if plan.base is not None and plan.base.number == step.release else plan.release
    return {
        "PORT": str(instance.port),
        "HOST": instance.host,
        "REVISION": ref.revision,
        "SERVICE": plan.service,
        "ENVIRONMENT": plan.environment,
    }
