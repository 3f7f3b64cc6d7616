"""What around a deploy may stop it: locks, hours, open incidents, an error budget, nobody who answers. Pure.

Going back is always allowed: what stops others is only said then.
"""

from collections.abc import Iterator
from dataclasses import replace

from pipelines.gatesettings import Effect
from pipelines.situation import Gate, LockedBy, Situation, Verdict
from pipelines.windows import Closed

BACK = "going back is allowed all the same"


def surroundings(of: Situation) -> Iterator[Gate]:
    """Yield these gates. Nobody's budget, incident or absence keeps anybody from going back."""
    yield from (_for_the_way_back(gate) if of.rollback else gate for gate in (*locks(of), hours(of)))
    if of.rollback:
        return
    if of.settings.incidents != "ignore":
        yield incidents(of, of.settings.incidents)
    if of.settings.reachable != "ignore":
        yield reachable(of, of.settings.reachable)
    if of.settings.error_budget is not None:
        yield budget(of, of.settings.error_budget)


def _for_the_way_back(gate: Gate) -> Gate:
    if gate.verdict != "bad":
        return gate
    return replace(gate, verdict="warn", why=f"{gate.why}; {BACK}")


def locks(of: Situation) -> Iterator[Gate]:
    """Every lock that counts is a gate of its own."""
    for lock in of.locks:
        yield _lock(lock)
    if not of.locks:
        yield Gate("good", "Nobody holds a lock", "neither on it nor on everything", "lock")


def _lock(lock: LockedBy) -> Gate:
    title = f"{lock.scope[:1].upper()}{lock.scope[1:]} {'is locked' if lock.hard else 'has a warning'}"
    who = f"{lock.reason} ({lock.owner})"
    hint = f"{lock.owner}, the owning team or an admin can lift it: lock {lock.id}"
    return Gate("bad" if lock.hard else "warn", title, who, "lock", until=lock.until, hint=hint)


def hours(of: Situation) -> Gate:
    """Say whether it is open, and until when."""
    if isinstance(of.hours, Closed):
        never = "" if of.hours.until else "; no time at which it may is in sight"
        return Gate("bad", "Closed now", of.hours.why + never, "hours", until=of.hours.until)
    if not of.hours.restricted:
        return Gate("good", "Hours open", "always, Fridays too", "hours")
    said = "its windows leave it open" if of.hours.until else "no closing is in sight"
    return Gate("good", "Hours open", said, "hours", until=of.hours.until)


def incidents(of: Situation, effect: Effect) -> Gate:
    """Say what is broken here or in what this needs."""
    if of.incidents is None:
        return Gate("off", "Incidents: not connected", "nobody tells which are open", "incidents")
    if not of.incidents:
        return Gate("good", "No incident is open", "neither here nor in what it needs", "incidents")
    said = [f"{one.number} in {one.service.rpartition('/')[2]}: {one.title}" for one in of.incidents]
    title = "An incident is open" if len(said) == 1 else f"{len(said)} incidents are open"
    hint = "this warns, it does not block" if effect == "warn" else ""
    return Gate(_effect(effect), title, "; ".join(said), "incidents", hint=hint)


def reachable(of: Situation, effect: Effect) -> Gate:
    """Say who answers if it goes wrong."""
    found = of.answering
    if found is None:
        return Gate("off", "Who answers: not connected", "nobody tells who is on call", "reachable")
    if not found.name:
        return Gate(_effect(effect), "Nobody is on call", found.why or "no schedule has anybody now", "reachable")
    if not found.reachable:
        return Gate(_effect(effect), f"{found.name} may not be reached", found.why, "reachable")
    return Gate("good", f"{found.name} is on call and reachable", found.why, "reachable")


def budget(of: Situation, least: float) -> Gate:
    """Say what is left of the error budget."""
    if of.budget is None:
        return Gate("off", "Error budget: not connected", f"it would stop below {least:g} %", "budget")
    title, name = f"Error budget {of.budget.left:g} % left", of.budget.objective
    why = f"stops below {least:g} %" + (f", objective {name}" if name else "")
    return Gate("bad" if of.budget.left < least else "good", title, why, "budget")


def _effect(effect: Effect) -> Verdict:
    return "bad" if effect == "block" else "warn"
