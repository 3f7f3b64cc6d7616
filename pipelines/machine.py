"""The deploy as a machine: which states there are, which facts move it, and which act comes next. Pure.

`apply` is the only way a state changes; a pair that is not in TRANSITIONS cannot happen. `decide` names one next act
and, asked twice, names it twice: that is what lets another worker take over at any point. An attempt is recorded before
its act, so that the way back knows of an act whose end was never recorded.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from ledger.errors import Code, Error
from pipelines.plan import Plan, Step, StepKind
from pipelines.rollback import way_back
from pipelines.watch import Watch

LOOKING = (StepKind.PROBE, StepKind.BAKE)
TRIES = 3  # for a step of the way back, before a person is needed


class State(StrEnum):
    QUEUED = "queued"  # waits for its turn; nothing has happened
    GOING = "going"  # between two steps
    ACTING = "acting"  # a step has been attempted
    UNDOING = "undoing"  # on the way back
    HEALTHY = "healthy"  # all steps done: this release serves
    UNDONE = "undone"  # the old release serves, as before
    STUCK = "stuck"  # neither forward nor back worked; a person is needed


ENDED = frozenset({State.HEALTHY, State.UNDONE, State.STUCK})
OPEN = tuple(state for state in State if state not in ENDED)


class Kind(StrEnum):
    BOUND = "bound"  # the head of the lane knows its base and its plan
    REFUSED = "refused"  # checked again at the head of the lane: it may not go any more
    ATTEMPTED = "attempted"
    OBSERVED = "observed"  # something was seen; the step goes on
    STEP_DONE = "step_done"
    STEP_FAILED = "step_failed"
    ABORTED = "aborted"  # by a person
    COMPLETED = "completed"
    UNDO_ATTEMPTED = "undo_attempted"
    UNDO_STEP_DONE = "undo_step_done"
    UNDO_RETRIED = "undo_retried"
    RESTORED = "restored"
    GAVE_UP = "gave_up"


# In this state, after this fact, that state.
TRANSITIONS = {
    (State.QUEUED, Kind.BOUND): State.GOING,
    (State.QUEUED, Kind.REFUSED): State.UNDONE,
    (State.QUEUED, Kind.ABORTED): State.UNDONE,
    (State.GOING, Kind.ATTEMPTED): State.ACTING,
    (State.GOING, Kind.ABORTED): State.UNDOING,
    (State.GOING, Kind.STEP_FAILED): State.UNDOING,  # the whole deploy is overdue
    (State.GOING, Kind.COMPLETED): State.HEALTHY,
    (State.ACTING, Kind.OBSERVED): State.ACTING,
    (State.ACTING, Kind.STEP_DONE): State.GOING,
    (State.ACTING, Kind.STEP_FAILED): State.UNDOING,
    (State.ACTING, Kind.ABORTED): State.UNDOING,
    (State.UNDOING, Kind.UNDO_ATTEMPTED): State.UNDOING,
    (State.UNDOING, Kind.OBSERVED): State.UNDOING,
    (State.UNDOING, Kind.UNDO_STEP_DONE): State.UNDOING,
    (State.UNDOING, Kind.UNDO_RETRIED): State.UNDOING,
    (State.UNDOING, Kind.RESTORED): State.UNDONE,
    (State.UNDOING, Kind.GAVE_UP): State.STUCK,  # a banner and a fact; it pages once on-call exists
}


@dataclass(frozen=True)
class Fact:
    """What happened, and what it brought: `reason` for people, `lines` for the log, and new values of the deploy."""

    kind: Kind
    reason: str = ""
    lines: tuple[str, ...] = ()
    actor: str = "worker"
    plan: Plan | None = None
    watch: Watch | None = None


@dataclass(frozen=True)
class Took:
    """When a step began and ended, for the story on the page and for the next estimate."""

    kind: str
    wave: int
    began: datetime
    ended: datetime | None = None
    said: str = ""
    undo: bool = False


@dataclass(frozen=True)
class Deploy:
    """One deploy. `step` is the index of the current or next step, `undo_step` the same on the way back."""

    id: int
    state: State = State.QUEUED
    plan: Plan | None = None
    step: int = 0
    way_back: tuple[Step, ...] = ()
    undo_step: int = 0
    attempted: bool = False  # the current step of the way back has been attempted
    tries: int = 0
    started_at: datetime | None = None
    began_at: datetime | None = None  # the current step
    ended_at: datetime | None = None
    watch: Watch = ()
    story: tuple[Took, ...] = ()
    reason: str = ""
    ending: str = ""  # how it ended, for people: aborted, refused, failed, healthy, stuck
    version: int = 0

    @property
    def percent(self) -> int:
        """The share of the traffic that its release has, as far as is known."""
        if self.plan is None or self.state in (State.UNDONE, State.QUEUED):
            return 0
        if self.state is State.HEALTHY:
            return 100
        if any(step.kind is StepKind.WEIGH for step in self.way_back[: self.undo_step]):
            return 0
        done = self.plan.steps[: self.step + (self.state is State.ACTING)]
        return max((step.percent for step in done if step.kind == "weigh"), default=0)


@dataclass(frozen=True)
class Abort:
    """A person's order, written by a door and read by the loop."""

    actor: str
    at: datetime
    reason: str = ""


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
class Nothing:
    """It has ended."""


Act = Bind | Perform | Record | Nothing


def decide(deploy: Deploy, abort: Abort | None, now: datetime) -> Act:
    """Name the one next act."""
    if deploy.state in ENDED:
        return Nothing()
    if deploy.state is State.UNDOING:
        return _decide_undoing(deploy, now)
    if abort is not None:
        return Record(Fact(Kind.ABORTED, abort.reason, actor=abort.actor))
    if deploy.state is State.QUEUED or deploy.plan is None:
        return Bind()
    if deploy.step >= len(deploy.plan.steps):
        return Record(Fact(Kind.COMPLETED))
    if deploy.started_at is not None and now > deploy.started_at + deploy.plan.deadline:
        minutes = deploy.plan.deadline.total_seconds() / 60
        return Record(Fact(Kind.STEP_FAILED, f"it was not through within {minutes:g} min, the deadline of the deploy"))
    if deploy.state is State.GOING:
        return Record(Fact(Kind.ATTEMPTED))
    return _perform(deploy.plan.steps[deploy.step], deploy, now)


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
    """A late step gets one look more, for perhaps no worker was there; if it still goes on then, it has failed."""
    if not act.late or fact.kind is not Kind.OBSERVED:
        return fact
    return failed(deploy, replace(fact, kind=Kind.STEP_FAILED, reason=act.late))


def failed(deploy: Deploy, fact: Fact) -> Fact:
    """Turn a failed step into what it means here: going back, trying the way back again, or giving up."""
    if deploy.state is not State.UNDOING:
        return fact
    enough = deploy.tries + 1 >= TRIES
    return replace(fact, kind=Kind.GAVE_UP if enough else Kind.UNDO_RETRIED)


def apply(deploy: Deploy, fact: Fact, at: datetime) -> Deploy:
    """Return the deploy after the fact. Raises Error(CONFLICT) for what cannot happen in its state."""
    state = TRANSITIONS.get((deploy.state, fact.kind))
    if state is None:
        raise Error(Code.CONFLICT, f"a deploy that is {deploy.state} cannot become {fact.kind}")
    after = replace(deploy, **_CHANGES.get(fact.kind, _nothing)(deploy, fact, at), state=state)
    if state in ENDED:
        after = replace(after, ended_at=at, ending=_ending(deploy, fact), reason=fact.reason or deploy.reason)
    if state is State.UNDOING and deploy.state is not State.UNDOING:
        after = _turned(after, deploy, fact, at)
    return after


def _turned(after: Deploy, before: Deploy, fact: Fact, at: datetime) -> Deploy:
    """Begin the way back from all that has been attempted so far."""
    attempted = before.step + (before.state is State.ACTING)
    steps = way_back(before.plan, attempted) if before.plan else ()
    story = _closed(before.story, at, fact.reason) if before.state is State.ACTING else before.story
    reason = fact.reason or ("stopped by a person" if fact.kind is Kind.ABORTED else "")
    ending = "aborted" if fact.kind is Kind.ABORTED else "failed"
    turned = replace(after, way_back=steps, undo_step=0, attempted=False, tries=0, reason=reason)
    return replace(turned, ending=ending, story=story)


def _ending(before: Deploy, fact: Fact) -> str:
    ends = {Kind.COMPLETED: "healthy", Kind.REFUSED: "refused", Kind.ABORTED: "aborted", Kind.GAVE_UP: "stuck"}
    return ends.get(fact.kind, before.ending)


def _nothing(deploy: Deploy, fact: Fact, at: datetime) -> dict[str, Any]:
    return {}


def _bound(deploy: Deploy, fact: Fact, at: datetime) -> dict[str, Any]:
    return {"plan": fact.plan, "started_at": at, "step": 0}


def _attempted(deploy: Deploy, fact: Fact, at: datetime) -> dict[str, Any]:
    assert deploy.plan is not None
    step = deploy.plan.steps[deploy.step]
    watch = () if step.kind in LOOKING else deploy.watch  # what was seen last stays until something new is looked at
    return {"began_at": at, "watch": watch, "story": (*deploy.story, Took(step.kind, step.wave, at))}


def _undo_attempted(deploy: Deploy, fact: Fact, at: datetime) -> dict[str, Any]:
    step = deploy.way_back[deploy.undo_step]
    story = deploy.story if deploy.tries else (*deploy.story, Took(step.kind, step.wave, at, undo=True))
    watch = () if step.kind in LOOKING else deploy.watch
    return {"began_at": at, "watch": watch, "attempted": True, "story": story}


def _observed(deploy: Deploy, fact: Fact, at: datetime) -> dict[str, Any]:
    return {"watch": deploy.watch if fact.watch is None else fact.watch}


def _step_done(deploy: Deploy, fact: Fact, at: datetime) -> dict[str, Any]:
    return {"step": deploy.step + 1, "story": _closed(deploy.story, at, fact.reason)} | _observed(deploy, fact, at)


def _undo_step_done(deploy: Deploy, fact: Fact, at: datetime) -> dict[str, Any]:
    story = _closed(deploy.story, at, fact.reason)
    return {"undo_step": deploy.undo_step + 1, "attempted": False, "tries": 0, "story": story}


def _undo_retried(deploy: Deploy, fact: Fact, at: datetime) -> dict[str, Any]:
    return {"attempted": False, "tries": deploy.tries + 1}


def _closed(story: tuple[Took, ...], at: datetime, said: str) -> tuple[Took, ...]:
    return (*story[:-1], replace(story[-1], ended=at, said=said)) if story else story


_CHANGES = {
    Kind.BOUND: _bound,
    Kind.ATTEMPTED: _attempted,
    Kind.OBSERVED: _observed,
    Kind.STEP_DONE: _step_done,
    Kind.STEP_FAILED: _observed,
    Kind.UNDO_ATTEMPTED: _undo_attempted,
    Kind.UNDO_STEP_DONE: _undo_step_done,
    Kind.UNDO_RETRIED: _undo_retried,
}
