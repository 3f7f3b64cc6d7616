"""Which act comes next. Pure.

`decide` names one act and, asked twice, names it twice: that is what lets another worker take over at any point.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipelines import weighing
from pipelines.deploy import ENDED, Deploy, Fact, Kind, Order, Orders, State
from pipelines.plan import Plan, Step, StepKind

TRIES = 3  # for a step of the way back, before a person is needed
LONG = timedelta(days=1)  # between two looks at what only a person can end


@dataclass(frozen=True)
class Bind:
    """Find the base, check again, and make the plan."""


@dataclass(frozen=True)
class Perform:
    """Make this step true. `late` says why this is its last chance, when its time is over."""

    step: Step
    undo: bool = False
    late: str = ""


@dataclass(frozen=True)
class Record:
    """Nothing to do in the world; the fact is enough."""

    fact: Fact


@dataclass(frozen=True)
class Wait:
    """For a person; look again at `until` at the latest."""

    until: datetime


@dataclass(frozen=True)
class Nothing:
    """It has ended."""


Act = Bind | Perform | Record | Wait | Nothing


def decide(deploy: Deploy, orders: Orders, now: datetime) -> Act:
    """Name the one next act."""
    if deploy.state in ENDED:
        return Nothing()
    if deploy.state is State.UNDOING:
        return _decide_undoing(deploy, now)
    if (abort := next((one for one in orders if one.kind == "abort"), None)) is not None:
        return Record(Fact(Kind.ABORTED, abort.reason, actor=abort.actor))
    if deploy.state is State.QUEUED or deploy.plan is None:
        return Bind()
    if deploy.state is State.PAUSED:
        return _decide_paused(deploy, deploy.plan, orders, now)
    if deploy.step >= len(deploy.plan.steps):
        told = Fact(Kind.TRIED, _tried(deploy, deploy.plan)) if deploy.plan.trial else None
        return Record(told or Fact(Kind.COMPLETED, deploy.proof.said))
    if deploy.started_at is not None and now > deploy.started_at + deploy.plan.deadline + deploy.paused:
        minutes = deploy.plan.deadline.total_seconds() / 60
        return Record(
            halted(
                deploy, Fact(Kind.STEP_FAILED, f"it was not through within {minutes:g} min, the deadline of the deploy")
            )
        )
    if deploy.state is State.GOING:
        return Record(_next(deploy, deploy.plan.steps[deploy.step], orders))
    return _perform(deploy.plan.steps[deploy.step], deploy, now)


def _tried(deploy: Deploy, plan: Plan) -> str:
    """Say what a good trial rests on; where nobody could weigh its visitors, that it is its checks alone."""
    if deploy.proof.said:
        return deploy.proof.said
    if plan.judge is None:
        return "its checks passed; errors are not weighed here"
    numbers = weighing.counts(deploy.proof) or "0 requests"
    return f"{numbers}: not enough data to say more than its checks do, which passed"


def _next(deploy: Deploy, step: Step, orders: Orders) -> Fact:
    """Begin the next step, unless a person shall be asked first."""
    if (pause := _order(deploy, orders, "pause")) is not None:
        return Fact(Kind.PAUSED, pause.reason, actor=pause.actor, asks="person", order=pause.id)
    if step.kind is StepKind.PAUSE:
        return Fact(Kind.PAUSED, f"the strategy says so after {step.percent} %", asks="strategy")
    return Fact(Kind.ATTEMPTED)


def _decide_paused(deploy: Deploy, plan: Plan, orders: Orders, now: datetime) -> Act:
    for kind, what in (("resume", Kind.RESUMED), ("look", Kind.LOOKED_AGAIN)):
        if (order := _order(deploy, orders, kind)) is not None:
            return Record(Fact(what, order.reason, actor=order.actor, order=order.id))
    pause = deploy.pause
    if pause is None or pause.asks == "irreversible":  # it never goes back by itself
        return Wait(now + LONG)
    if now < pause.at + plan.patience:
        return Wait(pause.at + plan.patience)
    hours = plan.patience.total_seconds() / 3600
    return Record(Fact(Kind.STEP_FAILED, f"nobody said within {hours:g} h whether it should go on: {pause.why}"))


def _order(deploy: Deploy, orders: Orders, kind: str) -> Order | None:
    return next((one for one in orders if one.kind == kind and one.id > deploy.heard), None)


def _decide_undoing(deploy: Deploy, now: datetime) -> Act:
    if deploy.undo_step >= len(deploy.way_back):
        return Record(Fact(Kind.RESTORED))
    if not deploy.attempted:
        return Record(Fact(Kind.UNDO_ATTEMPTED))
    return _perform(deploy.way_back[deploy.undo_step], deploy, now, undo=True)


def _perform(step: Step, deploy: Deploy, now: datetime, *, undo: bool = False) -> Act:
    if deploy.began_at is None or now <= deploy.began_at + step.deadline:
        return Perform(step, undo)
    return Perform(step, undo, late=f"{step.kind} was not done within {step.deadline.total_seconds():g} s")


def in_time(act: Perform, deploy: Deploy, fact: Fact) -> Fact:
    """A late step gets one look more, for perhaps no worker was there; if it still goes on then, it has failed.

    It says what it still waited for. What a watch has seen does not come with it: time that ran out accuses nobody.
    """
    if not act.late or fact.kind is not Kind.OBSERVED:
        return fact
    why = f"{act.late}: {fact.reason}" if fact.reason and fact.watch is None else act.late
    return failed(deploy, replace(fact, kind=Kind.STEP_FAILED, reason=why, watch=None))


def failed(deploy: Deploy, fact: Fact) -> Fact:
    """Turn a failed step into what it means here: going back, trying the way back again, or giving up."""
    if deploy.state is not State.UNDOING:
        return halted(deploy, fact)
    enough = deploy.tries + 1 >= TRIES
    return replace(fact, kind=Kind.GAVE_UP if enough else Kind.UNDO_RETRIED)


def halted(deploy: Deploy, fact: Fact) -> Fact:
    """What cannot be taken back does not go back by itself: a person is asked, once something has been started."""
    if fact.kind is not Kind.STEP_FAILED or deploy.plan is None or not deploy.plan.irreversible:
        return fact
    attempted = deploy.plan.steps[: deploy.step + (deploy.state is State.ACTING)]
    if not any(step.kind is StepKind.START for step in attempted):
        return fact
    return replace(fact, kind=Kind.PAUSED, asks="irreversible")
