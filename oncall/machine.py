"""The incident as a machine: which fact moves it from which state to which, and what it remembers of it. Pure.

`apply` is the only way an incident changes; a pair that is not in TRANSITIONS cannot happen. A step is a fact that is
recorded together with its pages, so none is begun twice and none is begun without them.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from ledger.errors import Code, Error
from oncall.incident import ENDED, LIVE, Fact, Incident, Kind, State, Step
from oncall.policy import Strategy
from oncall.terms import Urgency, urgency

Changes = dict[str, Any]

_EVERYWHERE = (Kind.DELIVERED, Kind.REFUSED, Kind.NOTED)  # also after the end: a provider answers late
_LIVE = (Kind.JOINED, Kind.CALLED, Kind.RESPONDER_ADDED, Kind.ROLE_GIVEN, Kind.SEVERITY_CHANGED)

# In this state, after this fact, that state.
TRANSITIONS: dict[tuple[State | None, Kind], State] = {
    (None, Kind.OPENED): State.OPEN,
    (State.OPEN, Kind.PAGED): State.OPEN,
    (State.OPEN, Kind.LEVEL_SKIPPED): State.OPEN,
    (State.OPEN, Kind.EXHAUSTED): State.OPEN,  # it stays open until somebody comes
    (State.OPEN, Kind.RESTARTED): State.OPEN,  # somebody can be reached again
    (State.OPEN, Kind.ONE_ACKNOWLEDGED): State.OPEN,
    (State.OPEN, Kind.ACKNOWLEDGED): State.ACKNOWLEDGED,
    (State.OPEN, Kind.REASSIGNED): State.OPEN,
    (State.OPEN, Kind.SNOOZED): State.SNOOZED,
    (State.OPEN, Kind.MUTED): State.MUTED,
    (State.ACKNOWLEDGED, Kind.REMINDED): State.ACKNOWLEDGED,
    (State.ACKNOWLEDGED, Kind.RESTARTED): State.OPEN,  # nobody answered the reminders
    (State.ACKNOWLEDGED, Kind.ACKNOWLEDGED): State.ACKNOWLEDGED,  # still, or somebody else has it now
    (State.ACKNOWLEDGED, Kind.REASSIGNED): State.OPEN,
    (State.ACKNOWLEDGED, Kind.SNOOZED): State.SNOOZED,
    (State.ACKNOWLEDGED, Kind.MUTED): State.MUTED,
    (State.SNOOZED, Kind.UNSNOOZED): State.OPEN,
    (State.SNOOZED, Kind.ACKNOWLEDGED): State.ACKNOWLEDGED,
    (State.SNOOZED, Kind.REASSIGNED): State.OPEN,
    (State.SNOOZED, Kind.SNOOZED): State.SNOOZED,  # until another moment
    (State.SNOOZED, Kind.MUTED): State.MUTED,
    (State.MUTED, Kind.UNMUTED): State.OPEN,
    (State.MUTED, Kind.ACKNOWLEDGED): State.ACKNOWLEDGED,
    (State.MUTED, Kind.REASSIGNED): State.OPEN,
    (State.MUTED, Kind.MUTED): State.MUTED,  # until another moment
    **{(state, Kind.RESOLVED): State.RESOLVED for state in LIVE},
    **{(state, Kind.MERGED): State.MERGED for state in LIVE},
    (State.RESOLVED, Kind.REOPENED): State.OPEN,  # by a person; a new signal opens a new incident
    (State.RESOLVED, Kind.ROLE_GIVEN): State.RESOLVED,
    (State.RESOLVED, Kind.SEVERITY_CHANGED): State.RESOLVED,
    **{(state, kind): state for state in LIVE for kind in _LIVE},
    **{(state, kind): state for state in State for kind in _EVERYWHERE},
}


def apply(incident: Incident | None, fact: Fact, at: datetime) -> Incident:
    """Return the incident after the fact. Raises Error(CONFLICT) for what cannot happen in its state."""
    before = incident.state if incident else None
    state = TRANSITIONS.get((before, fact.kind))
    if state is None:
        said = f"an incident that is {before}" if before else "an incident that is not open yet"
        raise Error(Code.CONFLICT, f"{said} cannot become {fact.kind}")
    if incident is None:
        return _opened(fact, at)
    _in_order(incident, fact)
    after = replace(incident, **_CHANGES.get(fact.kind, _nothing)(incident, fact, at), state=state)
    if state is not before or fact.kind is Kind.MUTED:  # muted until another moment is muted for another reason
        after = replace(after, reason=fact.reason, ended_at=at if state in ENDED else None)
    return after


def _in_order(incident: Incident, fact: Fact) -> None:
    """The step after the newest, at the level whose turn it is: whoever is second records nothing."""
    if fact.kind in (Kind.PAGED, Kind.CALLED, Kind.REMINDED) and fact.step != incident.steps + 1:
        raise Error(Code.CONFLICT, f"step {fact.step} of incident {incident.number} is not the next one")
    turn = (fact.loop, fact.level)
    if fact.kind in (Kind.PAGED, Kind.LEVEL_SKIPPED) and turn != (incident.loop, incident.level):
        raise Error(Code.CONFLICT, f"it is not the turn of level {fact.level} in round {fact.loop + 1}")


def _opened(fact: Fact, at: datetime) -> Incident:
    new = fact.opening
    if new is None:
        raise Error(Code.INVALID, "an incident opens with a title, a service, a severity and a policy")
    turn = new.number if new.turn is None else new.turn
    return Incident(
        new.number, new.title, new.service, new.severity, new.policy, turn, at, due_at=at, reason=fact.reason
    )


def _nothing(incident: Incident, fact: Fact, at: datetime) -> Changes:
    return {}


def _still() -> Changes:
    """Nothing escalates and nothing reminds."""
    return {"due_at": None, "exhausted_at": None, "reminder_at": None, "reminded": 0, "until": None, "named": ""}


def _again(incident: Incident, fact: Fact, at: datetime) -> Changes:
    """From level 1, as if it had opened now."""
    forgotten = {"step": None, "empty": 0, "acked": (), "assigned": (), "before": incident.steps}
    return _still() | forgotten | {"run": incident.run + 1, "loop": 0, "level": 1, "due_at": at}


def _paged(incident: Incident, fact: Fact, at: datetime) -> Changes:
    """The level's delay counts from when the first of its people is notified."""
    people = tuple(page.person for page in fact.pages)
    due = _heard(fact, at) + incident.policy.level(fact.level).delay
    step = Step(fact.step, fact.loop, fact.level, at, people)
    return _passed(incident, fact, at) | {"steps": fact.step, "step": step, "empty": 0, "due_at": due}


def _heard(fact: Fact, at: datetime) -> datetime:
    return max(at, min((page.at for page in fact.pages), default=at))


def _passed(incident: Incident, fact: Fact, at: datetime) -> Changes:
    """On to the next level at once; after the last one to the next round."""
    last = fact.level == len(incident.policy.levels)
    empty = incident.empty + (fact.level > 0)
    return {"named": "", "empty": empty, "loop": fact.loop + last, "level": 1 if last else fact.level + 1}


def _exhausted(incident: Incident, fact: Fact, at: datetime) -> Changes:
    return {"due_at": None, "exhausted_at": at}


def _called(incident: Incident, fact: Fact, at: datetime) -> Changes:
    return {"steps": fact.step, "called": tuple(one for one in incident.called if one != fact.person)}


def _refused(incident: Incident, fact: Fact, at: datetime) -> Changes:
    """When nobody who is still asked can be reached, the next level does not wait."""
    step = incident.step
    if not fact.last or step is None or fact.step != step.number or fact.person not in step.people:
        return {}
    step = replace(step, unreached=_with(step.unreached, fact.person))
    return {"step": step, "due_at": _due(replace(incident, step=step), at)}


def _due(incident: Incident, at: datetime) -> datetime | None:
    step = incident.step
    if incident.due_at is None or step is None or set(step.people) - set(step.unreached) - set(incident.acked):
        return incident.due_at
    return min(incident.due_at, at)


def _one_acknowledged(incident: Incident, fact: Fact, at: datetime) -> Changes:
    acked = _with(incident.acked, fact.by)
    return {"acked": acked, "due_at": _due(replace(incident, acked=acked), at)}


def _acknowledged(incident: Incident, fact: Fact, at: datetime) -> Changes:
    acked = _with(incident.acked, fact.by) if fact.by else incident.acked
    assigned = acked if incident.state is State.OPEN else (fact.by,)
    return _still() | {"acked": acked, "assigned": assigned, "reminder_at": _reminder(incident, at)}


def _reminder(incident: Incident, at: datetime) -> datetime | None:
    return at + incident.policy.reminder if incident.policy.reminder else None


def _reminded(incident: Incident, fact: Fact, at: datetime) -> Changes:
    next_one = _reminder(incident, _heard(fact, at))
    return {"steps": fact.step, "reminded": incident.reminded + 1, "reminder_at": next_one}


def _quiet(incident: Incident, fact: Fact, at: datetime) -> Changes:
    return _still() | {"until": fact.until, "before": incident.steps}


def _reassigned(incident: Incident, fact: Fact, at: datetime) -> Changes:
    return _again(incident, fact, at) | {"level": 0, "named": fact.person}


def _responder_added(incident: Incident, fact: Fact, at: datetime) -> Changes:
    responders = _with(incident.responders, fact.person)
    return _answered(incident, fact, at) | {"called": _with(incident.called, fact.person), "responders": responders}


def _severity_changed(incident: Incident, fact: Fact, at: datetime) -> Changes:
    """What becomes urgent starts again while nobody has it: who was left to sleep is woken."""
    assert fact.severity is not None
    changed = _answered(incident, fact, at) | {"severity": fact.severity}
    if incident.urgency is not Urgency.LOW or urgency(fact.severity) is not Urgency.HIGH:
        return changed
    if incident.state is State.SNOOZED:
        return changed | {"until": at}
    if incident.state is not State.OPEN:
        return changed
    named = {"level": 0, "named": incident.named} if incident.named else {}
    return _again(incident, fact, at) | named | changed


def _role_given(incident: Incident, fact: Fact, at: datetime) -> Changes:
    others = tuple((role, person) for role, person in incident.roles if role != fact.role)
    given = ((fact.role, fact.person),) if fact.person else ()
    return _answered(incident, fact, at) | {"roles": others + given}


def _answered(incident: Incident, fact: Fact, at: datetime) -> Changes:
    """Whoever has it and does something about it need not be reminded yet."""
    if incident.state is not State.ACKNOWLEDGED or fact.by not in incident.assigned:
        return {}
    return {"reminded": 0, "reminder_at": _reminder(incident, at)}


def _joined(incident: Incident, fact: Fact, at: datetime) -> Changes:
    return {"signals": incident.signals + 1}


def _over(incident: Incident, fact: Fact, at: datetime) -> Changes:
    return _still() | {"called": (), "merged_into": fact.into, "before": incident.steps}


def _with(people: tuple[str, ...], person: str) -> tuple[str, ...]:
    return people if person in people else (*people, person)


def must_acknowledge(incident: Incident) -> tuple[str, ...]:
    """Return whose acknowledgement is still missing, where each one's is needed."""
    step = incident.step
    if incident.state is not State.OPEN or step is None or step.level == 0:
        return ()
    if incident.policy.level(step.level).strategy is not Strategy.ALL_MUST_ACK:
        return ()
    return tuple(person for person in step.people if person not in incident.acked)


def acknowledgement(incident: Incident, by: str, reason: str = "") -> Fact:
    """Return what it means that `by` acknowledges: that she has it now, or that one of those who must has."""
    waits = [person for person in must_acknowledge(incident) if person != by]
    return Fact(Kind.ONE_ACKNOWLEDGED if waits else Kind.ACKNOWLEDGED, by, reason)


_CHANGES: dict[Kind, Callable[[Incident, Fact, datetime], Changes]] = {
    Kind.JOINED: _joined,
    Kind.PAGED: _paged,
    Kind.LEVEL_SKIPPED: _passed,
    Kind.EXHAUSTED: _exhausted,
    Kind.RESTARTED: _again,
    Kind.CALLED: _called,
    Kind.REFUSED: _refused,
    Kind.ONE_ACKNOWLEDGED: _one_acknowledged,
    Kind.ACKNOWLEDGED: _acknowledged,
    Kind.REMINDED: _reminded,
    Kind.SNOOZED: _quiet,
    Kind.UNSNOOZED: _again,
    Kind.MUTED: _quiet,
    Kind.UNMUTED: _again,
    Kind.REASSIGNED: _reassigned,
    Kind.RESPONDER_ADDED: _responder_added,
    Kind.SEVERITY_CHANGED: _severity_changed,
    Kind.ROLE_GIVEN: _role_given,
    Kind.NOTED: _answered,
    Kind.MERGED: _over,
    Kind.RESOLVED: _over,
    Kind.REOPENED: _again,
}


def drawing() -> str:
    """Draw the states as Mermaid does; what leaves a state as it is stands in the tables beside it."""
    arrows = [
        f"    {before or '[*]'} --> {after}: {kind}" for (before, kind), after in TRANSITIONS.items() if before != after
    ]
    ends = [f"    {state} --> [*]" for state in State if state in ENDED]
    return "\n".join(["```mermaid", "stateDiagram-v2", *arrows, *ends, "```"])


def staying() -> str:
    """List what may happen to an incident and leaves it in its state, as a table in Markdown."""
    rows = []
    for state in State:
        kinds = [f"`{kind}`" for kind in Kind if TRANSITIONS.get((state, kind)) is state]
        rows.append(f"| `{state}` | {', '.join(kinds)} |")
    return "\n".join(["| while it is | this may happen, and it stays so |", "|---|---|", *rows])
