"""Touching the world: one act of a deploy is made true by its target and its checks, and comes back as a fact.

Nothing here writes to the database. Every act may be done again by another worker, so every call is declarative.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.clock import Clock
from ledger.errors import Code, Error
from pipelines import watch as watching
from pipelines.machine import Deploy, Fact, Kind, Perform, failed, in_time
from pipelines.plan import Plan, Step, StepKind
from production.ports import Checker, Done, Failed, Instance, Pending, Progress, Release, Site, Target

LOG_LINES = 20
PAUSE = timedelta(seconds=2)  # before a step of the way back is tried again; twice as long before the last time


@dataclass(frozen=True)
class Ports:
    """What the loop touches; targets and their checkers by kind."""

    targets: Mapping[str, Target]
    checkers: Mapping[str, Checker]
    clock: Clock


@dataclass(frozen=True)
class Came:
    """What came of an act; with `again_at`, the same act is due again then."""

    fact: Fact
    again_at: datetime | None = None


def perform(act: Perform, deploy: Deploy, plan: Plan, source: str, fence: int, ports: Ports) -> Came:
    """Do one step, or look how far it is."""
    came = _performed(act, deploy, plan, source, fence, ports)
    fact = in_time(act, deploy, came.fact)
    return came if fact is came.fact else Came(fact)


def _performed(act: Perform, deploy: Deploy, plan: Plan, source: str, fence: int, ports: Ports) -> Came:
    target = ports.targets[str(plan.target["kind"])]
    site = Site(plan.service, plan.environment, plan.target)
    if act.step.kind in (StepKind.PROBE, StepKind.BAKE):
        return _look(act, deploy, plan, site, target, ports)
    try:
        progress = _ask(target, site, act.step, plan, source, fence)
    except Error as error:
        if error.code is Code.CONFLICT:  # our fence is old: somebody else has the lane
            raise
        progress = Failed(error.message, permanent=error.permanent)
    return _told(progress, act, deploy, ports.clock())


def _ask(target: Target, site: Site, step: Step, plan: Plan, source: str, fence: int) -> Progress:
    release = _release(plan, step.release, source)
    match step.kind:
        case StepKind.PREPARE:
            return target.prepare(site, release, fence)
        case StepKind.START:
            return target.start(site, release, step.instances, fence)
        case StepKind.WEIGH:
            return target.weigh(site, _percents(plan, step), fence)
        case StepKind.DRAIN:
            return target.drain(site, step.release, fence)
        case _:
            return target.stop(site, step.release, fence)


def _release(plan: Plan, number: int, source: str) -> Release:
    """The step's release: the new one, or, on the way back, the base."""
    ref = plan.base if plan.base is not None and plan.base.number == number else plan.release
    return Release(ref.number, ref.revision, source, plan.build)


def _percents(plan: Plan, step: Step) -> Mapping[int, float]:
    """Release numbers with their shares; a first release that goes back leaves nobody with any."""
    if step.release == 0:
        return {}
    others = [ref.number for ref in (plan.base, plan.release) if ref is not None and ref.number != step.release]
    rest = {other: 100.0 - step.percent for other in others if step.percent < 100}
    return {step.release: float(step.percent), **rest}


def _told(progress: Progress, act: Perform, deploy: Deploy, now: datetime) -> Came:
    match progress:
        case Done(detail):
            kind = Kind.UNDO_STEP_DONE if act.undo else Kind.STEP_DONE
            return Came(Fact(kind, detail, lines=(detail,) if detail else ()))
        case Pending(detail, again):
            return Came(Fact(Kind.OBSERVED, detail), now + again)
        case Failed(reason, log, permanent=False):
            return Came(Fact(Kind.OBSERVED, reason, lines=log[-LOG_LINES:]), now + timedelta(seconds=1))
        case Failed(reason, log):
            return _failed(deploy, Fact(Kind.STEP_FAILED, reason, lines=log[-LOG_LINES:]), now)


def _failed(deploy: Deploy, fact: Fact, now: datetime) -> Came:
    meant = failed(deploy, fact)
    return Came(meant, now + PAUSE * (deploy.tries + 1) if meant.kind is Kind.UNDO_RETRIED else None)


def _look(act: Perform, deploy: Deploy, plan: Plan, site: Site, target: Target, ports: Ports) -> Came:
    """Ask every instance of the step's release whose next look is due, then judge."""
    now = ports.clock()
    instances = [one for one in target.instances(site) if one.release == act.step.release and one.state != "stopped"]
    if not instances:
        return _failed(deploy, Fact(Kind.STEP_FAILED, f"no instance of {act.step.release} is there to look at"), now)
    seen, lines = deploy.watch, []
    for instance in instances:
        for check in plan.checks:
            if not watching.due(seen, check, instance, now):
                continue
            before = watching.find(seen, check, instance.name)
            answer = ports.checkers[str(plan.target["kind"])].look(check, instance, _env(plan, act.step, instance))
            seen = watching.seen(seen, check, instance, answer, ports.clock())
            look = watching.find(seen, check, instance.name)
            if look is not None and (act.step.kind is StepKind.PROBE or before is None or before.fails or look.fails):
                lines.append(watching.line(look, check))
    return _judged(act, deploy, plan, instances, seen, tuple(lines), ports.clock())


def _judged(
    act: Perform,
    deploy: Deploy,
    plan: Plan,
    instances: Sequence[Instance],
    seen: watching.Watch,
    lines: tuple[str, ...],
    now: datetime,
) -> Came:
    began = deploy.began_at or now
    probing = act.step.kind is StepKind.PROBE
    why = watching.given_up(seen, plan.checks, instances, began, now) if probing else watching.worse(seen)
    over = watching.passed(seen, plan.checks, instances) if probing else now >= began + plan.bake
    if not probing and any(look.fails for look in seen):
        over = False  # the time is over with a bad look; the next ones say whether it is worse
    if over and not why:
        kind = Kind.UNDO_STEP_DONE if act.undo else Kind.STEP_DONE
        return Came(Fact(kind, _all_well(act.step, plan, instances), lines, watch=seen))
    if why:
        return _failed(deploy, Fact(Kind.STEP_FAILED, why, lines, watch=seen), now)
    again = watching.next_look(seen, plan.checks, instances, now)
    if not probing and now < began + plan.bake:
        again = min(again, began + plan.bake) if plan.checks else began + plan.bake
    return Came(Fact(Kind.OBSERVED, "", lines, watch=seen), again)


def _all_well(step: Step, plan: Plan, instances: Sequence[Instance]) -> str:
    count = f"{len(instances)} instance{'s' if len(instances) > 1 else ''}"
    if step.kind is StepKind.PROBE:
        return f"{count} of {step.release} ready"
    return f"watched {plan.bake.total_seconds():g} s at {step.percent} %, every check passed on {count}"


def _env(plan: Plan, step: Step, instance: Instance) -> Mapping[str, str]:
    ref = plan.base if plan.base is not None and plan.base.number == step.release else plan.release
    return {
        "PORT": str(instance.port),
        "HOST": instance.host,
        "REVISION": ref.revision,
        "SERVICE": plan.service,
        "ENVIRONMENT": plan.environment,
    }
