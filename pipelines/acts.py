"""Touching the world: one act of a deploy is made true by its target and its checks, and comes back as a fact.

Nothing here writes to the database. Every act may be done again by another worker, so every call is declarative.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ledger.errors import Code, Error
from pipelines import looking, measuring
from pipelines.deciding import Perform, failed, in_time
from pipelines.deploy import LOOKING, Deploy, Fact, Kind
from pipelines.plan import Plan, Step, StepKind
from pipelines.world import Came, Ports
from production.ports import Done, Failed, Pending, Progress, Release, Site, Target

LOG_LINES = 20
PAUSE = timedelta(seconds=2)  # before a step of the way back is tried again; twice as long before the last time


def perform(act: Perform, deploy: Deploy, plan: Plan, source: str, fence: int, ports: Ports) -> Came:
    """Do one step, or look how far it is."""
    came = _performed(act, deploy, plan, source, fence, ports)
    fact = in_time(act, deploy, came.fact)
    return came if fact is came.fact else Came(fact)


def _performed(act: Perform, deploy: Deploy, plan: Plan, source: str, fence: int, ports: Ports) -> Came:
    target = ports.targets[str(plan.target["kind"])]
    if act.step.kind is StepKind.MEASURE:
        return _meant(deploy, measuring.before(deploy, plan, ports), ports.clock())
    site = Site(plan.service, plan.environment, _settings(plan, act))
    if act.step.kind in LOOKING:
        return _meant(deploy, looking.look(act, deploy, plan, site, target, ports), ports.clock())
    try:
        progress = _ask(target, site, act.step, plan, source, fence)
    except Error as error:
        if error.code is Code.CONFLICT:  # our fence is old: somebody else has the lane
            raise
        progress = Failed(error.message, permanent=error.permanent)
    return _told(progress, act, deploy, ports.clock())


def _settings(plan: Plan, act: Perform) -> Mapping[str, Any]:
    """The settings that the step is about: on the way back those with which the base was healthy."""
    return plan.base_target if act.undo and plan.base_target is not None else plan.target


def _ask(target: Target, site: Site, step: Step, plan: Plan, source: str, fence: int) -> Progress:
    release = _release(plan, step.release, source)
    match step.kind:
        case StepKind.TIDY:
            base = plan.base.number if plan.base else None
            if step.wave:  # it has all the traffic by now
                return target.stop(site, step.release, fence, warm=base)
            return tidied(target, site, base or step.release, fence)
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


def tidied(target: Target, site: Site, keep: int, fence: int) -> Progress:
    """End what only stays warm. Where a deploy was stuck something else may serve, and that is not ended."""
    if serving := [share.release for share in target.shares(site) if share.percent and share.release != keep]:
        return Done(f"{serving[0]} still has traffic, so nothing was ended")
    return target.stop(site, keep, fence)


def _release(plan: Plan, number: int, source: str) -> Release:
    """The step's release: the new one, or, on the way back, the base."""
    ref = plan.base if plan.base is not None and plan.base.number == number else plan.release
    build = plan.base_build if ref is plan.base and plan.base_target is not None else plan.build
    return Release(ref.number, ref.revision, source, build)


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
            return _meant(deploy, Came(Fact(Kind.STEP_FAILED, reason, lines=log[-LOG_LINES:])), now)


def _meant(deploy: Deploy, came: Came, now: datetime) -> Came:
    """Say what a failure means here: going back, trying the way back again, asking a person, or giving up."""
    if came.fact.kind is not Kind.STEP_FAILED:
        return came
    meant = failed(deploy, came.fact)
    return Came(meant, now + PAUSE * (deploy.tries + 1) if meant.kind is Kind.UNDO_RETRIED else None)
