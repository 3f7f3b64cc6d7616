"""The deploy as a machine: which fact moves it from which state to which. Pure.

`apply` is the only way a state changes; a pair that is not in TRANSITIONS cannot happen. An attempt is recorded before
its act, so that the way back knows of an act whose end was never recorded.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ledger.errors import Code, Error
from pipelines.deploy import ENDED, LOOKING, Answered, Deploy, Fact, Kind, Pause, Said, State, Took
from pipelines.plan import StepKind
from pipelines.rollback import way_back

# In this state, after this fact, that state.
TRANSITIONS = {
    (State.QUEUED, Kind.BOUND): State.GOING,
    (State.QUEUED, Kind.REFUSED): State.UNDONE,
    (State.QUEUED, Kind.ABORTED): State.UNDONE,
    (State.GOING, Kind.ATTEMPTED): State.ACTING,
    (State.GOING, Kind.ABORTED): State.UNDOING,
    (State.GOING, Kind.STEP_FAILED): State.UNDOING,  # the whole deploy is overdue
    (State.GOING, Kind.COMPLETED): State.HEALTHY,
    (State.GOING, Kind.PAUSED): State.PAUSED,  # the strategy says so, or a person
    (State.GOING, Kind.TRIED): State.UNDOING,
    (State.ACTING, Kind.OBSERVED): State.ACTING,
    (State.ACTING, Kind.STEP_DONE): State.GOING,
    (State.ACTING, Kind.STEP_FAILED): State.UNDOING,
    (State.ACTING, Kind.ABORTED): State.UNDOING,
    (State.ACTING, Kind.PAUSED): State.PAUSED,  # inconclusive, or failed with no way back
    (State.PAUSED, Kind.RESUMED): State.GOING,
    (State.PAUSED, Kind.LOOKED_AGAIN): State.GOING,
    (State.PAUSED, Kind.ABORTED): State.UNDOING,
    (State.PAUSED, Kind.STEP_FAILED): State.UNDOING,  # nobody came
    (State.UNDOING, Kind.UNDO_ATTEMPTED): State.UNDOING,
    (State.UNDOING, Kind.OBSERVED): State.UNDOING,
    (State.UNDOING, Kind.UNDO_STEP_DONE): State.UNDOING,
    (State.UNDOING, Kind.UNDO_RETRIED): State.UNDOING,
    (State.UNDOING, Kind.RESTORED): State.UNDONE,
    (State.UNDOING, Kind.GAVE_UP): State.STUCK,  # a banner and a fact; it pages once on-call exists
}


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
    attempted = before.step + (before.state in (State.ACTING, State.PAUSED))
    steps = way_back(before.plan, attempted) if before.plan else ()
    ending = _turn(before, fact)
    story = _closed(before.story, at, fact.reason) if before.state is State.ACTING else before.story
    reason = fact.reason or ("stopped by a person" if fact.kind is Kind.ABORTED else "")
    if before.pause is not None and fact.kind is Kind.ABORTED and before.pause.why:
        reason = f"{reason}; {before.pause.why}"  # why it had asked
    turned = replace(after, way_back=steps, undo_step=0, attempted=False, tries=0, reason=reason, pause=None)
    return replace(turned, ending=ending, story=story, fell=after.watch, answered=_answered(before, fact, at))


def _turn(before: Deploy, fact: Fact) -> str:
    """Return how it will have ended once it is back. Of a trial: what it says about the commit."""
    if fact.kind in (Kind.ABORTED, Kind.TRIED):
        return "aborted" if fact.kind is Kind.ABORTED else "good"
    if before.plan is None or not before.plan.trial or before.state is not State.ACTING:
        return "failed"
    return "bad" if _accuses(before.plan.steps[before.step].kind, fact) else "failed"


def _accuses(kind: StepKind, fact: Fact) -> bool:
    """Was something bad seen of the commit? A time that ran out while no worker looked says nothing about it."""
    if kind is StepKind.PROBE:
        return any(look.fails for look in fact.watch or ())
    return kind is StepKind.BAKE and fact.watch is not None


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
    return {"began_at": at, "watch": watch, "story": (*deploy.story, Took(step.kind, step.wave, at, step=deploy.step))}


def _undo_attempted(deploy: Deploy, fact: Fact, at: datetime) -> dict[str, Any]:
    step = deploy.way_back[deploy.undo_step]
    story = deploy.story if deploy.tries else (*deploy.story, Took(step.kind, step.wave, at, undo=True))
    watch = () if step.kind in LOOKING else deploy.watch
    return {"began_at": at, "watch": watch, "attempted": True, "story": story}


def _observed(deploy: Deploy, fact: Fact, at: datetime) -> dict[str, Any]:
    return {
        "watch": deploy.watch if fact.watch is None else fact.watch,
        "proof": deploy.proof if fact.proof is None else fact.proof,
    }


def _paused(deploy: Deploy, fact: Fact, at: datetime) -> dict[str, Any]:
    acting = deploy.state is State.ACTING
    looked = acting and deploy.plan is not None and deploy.plan.steps[deploy.step].kind in LOOKING
    story = _closed(deploy.story, at, fact.reason) if acting else deploy.story
    pause = Pause(fact.asks, fact.reason, at, step=looked or fact.asks == "strategy")
    heard = max(deploy.heard, fact.order)
    return {"pause": pause, "story": story, "heard": heard, "reason": fact.reason} | _observed(deploy, fact, at)


def _resumed(deploy: Deploy, fact: Fact, at: datetime) -> dict[str, Any]:
    """Go on with the next step, or, where the step itself did not work, with the same one."""
    done = deploy.pause is not None and deploy.pause.step
    return _looked_again(deploy, fact, at) | {"step": deploy.step + done}


def _looked_again(deploy: Deploy, fact: Fact, at: datetime) -> dict[str, Any]:
    paused = deploy.paused + (at - deploy.pause.at if deploy.pause else timedelta(0))
    if deploy.pause is not None and deploy.pause.asks == "irreversible" and deploy.started_at is not None:
        paused = at - deploy.started_at  # its whole time once more, or what was overdue would ask again at once
    return {"pause": None, "paused": paused, "heard": fact.order, "reason": "", "answered": _answered(deploy, fact, at)}


def _answered(deploy: Deploy, fact: Fact, at: datetime) -> tuple[Answered, ...]:
    """Return the pauses that are over, with the one that ends by this fact."""
    if deploy.pause is None:
        return deploy.answered
    said: Said = _SAID.get(fact.kind, "back")
    actor = "" if fact.kind is Kind.STEP_FAILED else fact.actor  # nobody came
    return (*deploy.answered, Answered(deploy.pause, at, said, actor))


_SAID: dict[Kind, Said] = {Kind.RESUMED: "on", Kind.LOOKED_AGAIN: "again"}


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
    Kind.PAUSED: _paused,
    Kind.RESUMED: _resumed,
    Kind.LOOKED_AGAIN: _looked_again,
    Kind.UNDO_ATTEMPTED: _undo_attempted,
    Kind.UNDO_STEP_DONE: _undo_step_done,
    Kind.UNDO_RETRIED: _undo_retried,
}
