"""What must have been said of a change before it may go: by CI, an earlier environment, others, a list. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from pipelines import ci
from pipelines.situation import Gate, Situation, Stretch, counted, span


def signoffs(of: Situation) -> Iterator[Gate]:
    """Yield the gates of what others say. Going back asks nobody."""
    if of.rollback:
        return
    yield tests(of)
    for environment, need in of.settings.soak.items():
        yield soak(of, environment, need)
    if of.settings.approvals:
        yield approval(of)
    if of.settings.checklist:
        yield checklist(of)
    if of.quarantine:
        yield quarantine(of)


def tests(of: Situation) -> Gate:
    """Say what CI says of the very revision, and of what goes out with it."""
    rules, said = of.settings.ci, of.ci.get(of.release.revision, {})
    standing = ci.standing(said, rules)
    reasons = [] if standing.word == "green" else [_since(standing, of.now)]
    barred = [
        f"{why} at {sha[:7]}"
        for sha in _going_out(of)
        if sha != of.release.revision and (why := ci.barring(of.ci.get(sha, {}), rules))
    ]
    why = "; ".join([*reasons, *barred])
    if standing.word == "red" or barred:
        return Gate("bad", "CI is not green", why, "ci", hint="a newer commit that passes, or the check run again")
    if standing.word == "green":
        return Gate("good", "CI is green", f"{standing.why} at {of.release.revision[:7]}", "ci")
    waits = [name for name in rules.require if name not in said or said[name].state is ci.State.PENDING]
    if waits:
        return Gate("bad", "CI is not through", why, "ci", hint="it goes when they have passed")
    if standing.word == "running":
        return Gate("warn", "CI is not through", why, "ci")
    return Gate("off", "No CI has said anything", "and none is required; spec.deploy can name what is", "ci")


def _since(standing: ci.Standing, now: datetime) -> str:
    if standing.since is None or standing.word != "running":
        return standing.why
    return f"{standing.why}, still, since {span(now - standing.since)}"


def _going_out(of: Situation) -> tuple[str, ...]:
    return () if of.change.back else tuple(commit.sha for commit in of.change.commits)


def soak(of: Situation, environment: str, need: timedelta) -> Gate:
    """Say whether the very revision was healthy in an earlier environment for long enough."""
    found = of.soaked.get(environment, ())
    if not found:
        why = f"release {of.release.number} has never been healthy there; it needs {span(need)}"
        return Gate("bad", f"Not in {environment} yet", why, "soak", hint=f"deploy it to {environment} first")
    best = max(found, key=lambda one: one.lasted(of.now))
    if best.lasted(of.now) >= need:
        return Gate("good", f"In {environment} for {span(best.lasted(of.now))}", f"needs {span(need)}", "soak")
    serving = next((one for one in found if one.until is None), None)
    return _too_short(environment, need, serving or best, of.now)


def _too_short(environment: str, need: timedelta, last: Stretch, now: datetime) -> Gate:
    title, why = f"Not long enough in {environment}", f"needs {span(need)}, has {span(last.lasted(now))}"
    if last.until is None:
        return Gate("bad", title, why, "soak", until=last.since + need)
    return Gate("bad", title, f"{why}, then it was replaced", "soak", hint=f"deploy it to {environment} again")


def approval(of: Situation) -> Gate:
    """Say who has approved of it, whose approval does not count and why, and how many are missing."""
    asked = of.settings.approvals
    need = asked - 1 if of.terms.hotfix else asked
    counts = [one for one in of.approvals if not why_not(one.actor, of)]
    others = [f"{one.name}'s does not count: {why}" for one in of.approvals if (why := why_not(one.actor, of))]
    names = ", ".join(one.name for one in counts)
    hotfix = f", one fewer than the usual {asked} for a hotfix" if of.terms.hotfix else ""
    if len(counts) >= need:
        title = f"Approved by {names}" if names else "No approval is needed"
        return Gate("good", title, "; ".join([f"needs {need}{hotfix}", *others]), "approval")
    why = f"needs {counted(need, 'approval')} of somebody else{hotfix}, has {len(counts)}"
    why = "; ".join([why + (f": {names}" if names else ""), *others])
    missing = counted(need - len(counts), "approval")
    return Gate("bad", f"{missing} missing", why, "approval", hint="a second person opens this plan and approves")


def why_not(actor: str, of: Situation) -> str:
    """Return why the approval of that person does not count, empty when it does."""
    if actor == of.asker:
        return "whoever asks cannot approve, too"
    if of.authors == {actor}:
        return "nobody else wrote any of this change"
    return ""


def checklist(of: Situation) -> Gate:
    """Say what of the list has not been ticked."""
    asked = of.settings.checklist
    missing = [point for point in asked if point not in of.terms.ticks]
    if not missing:
        return Gate("good", "The checklist is done", counted(len(asked), "point"), "checklist")
    title = f"{len(missing)} of {counted(len(asked), 'point')} to tick"
    return Gate("bad", title, "; ".join(missing), "checklist", hint="tick them when you deploy")


def quarantine(of: Situation) -> Gate:
    """A revision that was bad does not go by itself; a person may know better."""
    verdict, more = ("bad", "") if of.terms.continuous else ("warn", "; you may know better")
    return Gate(verdict, "It is in quarantine", of.quarantine + more, "quarantine")  # type: ignore[arg-type]
