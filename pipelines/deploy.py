"""A deploy as a value: its states, the facts that move it, what it has come to, and what people order. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pipelines.plan import Plan, Step, StepKind
from pipelines.proof import NO_PROOF, Proof
from pipelines.watch import Watch

LOOKING = (StepKind.PROBE, StepKind.BAKE, StepKind.VERIFY)

Asks = Literal["", "inconclusive", "irreversible", "strategy", "person"]
Said = Literal["on", "again", "back"]


class State(StrEnum):
    QUEUED = "queued"  # waits for its turn; nothing has happened
    GOING = "going"  # between two steps
    ACTING = "acting"  # a step has been attempted
    PAUSED = "paused"  # a person is asked: on, look again, or back
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
    PAUSED = "paused"  # nobody can tell, or it cannot be taken back, or it was asked for
    RESUMED = "resumed"  # by a person
    LOOKED_AGAIN = "looked_again"  # a person wants the same step once more
    TRIED = "tried"  # a trial has seen its first wave pass
    ABORTED = "aborted"  # by a person
    COMPLETED = "completed"
    UNDO_ATTEMPTED = "undo_attempted"
    UNDO_STEP_DONE = "undo_step_done"
    UNDO_RETRIED = "undo_retried"
    RESTORED = "restored"
    GAVE_UP = "gave_up"


@dataclass(frozen=True)
class Fact:
    """What happened, and what it brought: `reason` for people, `lines` for the log, and new values of the deploy."""

    kind: Kind
    reason: str = ""
    lines: tuple[str, ...] = ()
    actor: str = "worker"
    plan: Plan | None = None
    watch: Watch | None = None
    proof: Proof | None = None
    asks: Asks = ""  # of PAUSED: what it is about
    order: int = 0  # the person's order that this follows


@dataclass(frozen=True)
class Pause:
    """Why a person is asked, since when. `step`: the step is done when it goes on."""

    asks: Asks
    why: str
    at: datetime
    step: bool


@dataclass(frozen=True)
class Answered:
    """A pause that is over: what came of it, when, and by whose word. Nobody's: `actor` is empty, and it went back."""

    pause: Pause
    at: datetime
    said: Said
    actor: str = ""


@dataclass(frozen=True)
class Took:
    """When a step began and ended, for the story on the page and for the next estimate."""

    kind: str
    wave: int
    began: datetime
    ended: datetime | None = None
    said: str = ""
    undo: bool = False
    step: int | None = None  # its place in the plan; unknown of old deploys


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
    fell: Watch | None = None  # `watch` when it turned back; None: it has not, or an old deploy did not keep it
    proof: Proof = NO_PROOF
    pause: Pause | None = None
    answered: tuple[Answered, ...] = ()  # the pauses that are over
    paused: timedelta = timedelta(0)  # in all, until the last pause ended
    heard: int = 0  # the newest order that has been followed, except aborts
    reason: str = ""
    ending: str = ""  # how it ended, for people: aborted, refused, failed, healthy, stuck; good or bad for a trial
    version: int = 0

    @property
    def looks(self) -> Watch:
        """What was seen last of its own release, whatever is looked at on the way back."""
        if self.fell is not None:
            return self.fell
        is_of_base = any(took.undo and took.kind in LOOKING for took in self.story)
        return () if is_of_base else self.watch

    @property
    def percent(self) -> int:
        """The share of the traffic that its release has, as far as is known."""
        if self.plan is None or self.state in (State.UNDONE, State.QUEUED):
            return 0
        if self.state is State.HEALTHY:
            return 100
        if any(step.kind is StepKind.WEIGH for step in self.way_back[: self.undo_step]):
            return 0
        done = self.plan.steps[: self.step + (self.state in (State.ACTING, State.PAUSED))]
        return max((step.percent for step in done if step.kind == "weigh"), default=0)


@dataclass(frozen=True)
class Order:
    """A person's order, written by a door and read by the loop. `kind`: abort, pause, resume or look."""

    kind: str
    actor: str
    at: datetime
    reason: str = ""
    id: int = 0


Orders = Sequence[Order]
