"""Before it may go: every gate with its verdict and its reason, all at once. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pipelines.signoffs import signoffs
from pipelines.situation import Gate as Gate
from pipelines.situation import Situation as Situation
from pipelines.situation import Verdict as Verdict
from pipelines.situation import counted
from pipelines.surroundings import surroundings

ORDER: dict[Verdict, int] = {"bad": 0, "warn": 1, "good": 2, "off": 3}


@dataclass(frozen=True)
class Kind:
    """One kind of gate, for the documentation. `back`: what it does to a rollback."""

    name: str
    asks: str
    stops: str
    back: str = "not asked"
    overridable: bool = True


KINDS = (
    Kind("nothing", "is there anything to do?", "the release serves already", "stops", overridable=False),
    Kind("target", "is there a target of that kind here?", "there is none", "stops", overridable=False),
    Kind("past", "of a rollback: was it healthy here?", "it never was", "stops", overridable=False),
    Kind("lock", "has anybody locked it?", "a hard lock; a warning is only said", "is said"),
    Kind("hours", "do `windows` leave it open, until it would be through?", "closed, or it would not be", "is said"),
    Kind("ci", "what does CI say? (`ci`)", "a check failed, or a required one has not passed"),
    Kind("soak", "was it healthy in the environment before for long enough? (`soak`)", "not for so long"),
    Kind("approval", "have enough others approved? (`approvals`)", "not enough"),
    Kind("checklist", "is everything ticked? (`checklist`)", "not everything"),
    Kind("quarantine", "was this revision bad somewhere?", "continuous delivery; people are told"),
    Kind("incidents", "is an incident open here or in what it needs? (`incidents`)", "with `block`; else it is said"),
    Kind("reachable", "is somebody on call who can be reached? (`reachable`)", "with `block`; else it is said"),
    Kind("budget", "is enough of the error budget left? (`error_budget`)", "less than asked for"),
    Kind("catalog", "is the catalog file right?", "never; it is said"),
    Kind("direction", "does it contain all that serves?", "never; it is said"),
    Kind("size", "is it small?", "never; it is said"),
    Kind("touches", "does it touch a migration?", "never; it is said"),
    Kind("lane", "does anybody hold the lane?", "never; it waits in the queue until somebody lets it go on"),
)


def gates(of: Situation) -> tuple[Gate, ...]:
    """Return every gate, those in trouble first."""
    found = [*basics(of), *signoffs(of), *surroundings(of)]
    if of.terms.override:
        found = [_overridden(gate, of.terms.override) for gate in found]
    return tuple(sorted(found, key=lambda gate: ORDER[gate.verdict]))


def _overridden(gate: Gate, reason: str) -> Gate:
    if gate.verdict != "bad" or not gate.overridable:
        return gate
    return replace(gate, verdict="warn", why=f"overridden: {reason} ({gate.why})", overridden=True)


def blocked(found: tuple[Gate, ...]) -> tuple[str, ...]:
    """Return every reason why it may not go, with when that ends where it ends by itself."""
    return tuple(reason(gate) for gate in found if gate.verdict == "bad")


def reason(gate: Gate) -> str:
    when = f" (until {gate.until:%a %d %b %H:%M} UTC)" if gate.until else ""
    return f"{gate.title}: {gate.why}{when}"


def overridden(found: tuple[Gate, ...]) -> tuple[Gate, ...]:
    """Return the gates that would have stopped it."""
    return tuple(gate for gate in found if gate.overridden)


def basics(of: Situation) -> Iterator[Gate]:
    """Yield what is asked of every deploy, whatever its settings say."""
    yield _not_live(of)
    yield _target(of)
    yield _catalog(of)
    yield _direction(of)
    yield _size(of)
    if of.taken_away or "migration" in of.change.touches:
        yield _touches(of)
    yield _lane(of)


def _not_live(of: Situation) -> Gate:
    def gate(verdict: Verdict, title: str, why: str) -> Gate:
        return Gate(verdict, title, why, "nothing", overridable=False)

    if of.stuck:
        return gate("good", "There is something to do", "the last deploy is stuck, between two releases")
    if of.base is not None and of.base.revision == of.release.revision:
        return gate("bad", "Nothing to do", f"release {of.release.number} serves already")
    return gate("good", "There is something to do", f"{of.base.number} serves now" if of.base else "nothing serves yet")


def _target(of: Situation) -> Gate:
    if not of.target_known:
        why = f"this portal has no target of kind {of.target_kind}"
        return Gate("bad", "No such target here", why, "target", overridable=False)
    if of.moved_from not in ("", of.target_kind):
        why = f"what serves runs on {of.moved_from}, and nothing would end it there; use a new environment for it"
        return Gate("bad", f"It would move to {of.target_kind}", why, "target", overridable=False)
    return Gate("good", "The target is known", of.target_kind, "target", overridable=False)


def _catalog(of: Situation) -> Gate:
    if of.problems:
        why = f"{of.problems} in this revision; spec.deploy is fine"
        return Gate("warn", "The catalog file has problems", why, "catalog")
    return Gate("good", "The catalog file is fine", "read at this very revision", "catalog")


def _direction(of: Situation) -> Gate:
    if of.rollback and not of.was_healthy:
        why = f"release {of.release.number} did not become healthy; choose one that did"
        return Gate("bad", "It has never been healthy here", why, "past", overridable=False)
    if of.rollback:
        why = f"release {of.release.number} has served before"
        return Gate("good", "It has been healthy here", why, "past", overridable=False)
    if not of.ahead and of.terms.continuous:
        why = "what serves now has commits that this revision has not, and nothing goes back by itself"
        return Gate("bad", "This would go back or sideways", why, "direction", overridable=False)
    if not of.ahead:
        why = "what serves now has commits that this revision has not"
        return Gate("warn", "This goes back or sideways", why, "direction")
    return Gate("good", "Goes forward", "this revision contains all that serves now", "direction")


def _touches(of: Situation) -> Gate:
    if of.taken_away and of.change.back:
        return Gate("warn", "Going back leaves something behind", f"{of.taken_away}; see that it fits", "touches")
    if of.taken_away:
        why = f"{of.taken_away}; if it goes wrong, it stops and asks instead of going back"
        return Gate("warn", "Cannot be taken back by itself", why, "touches")
    why = "it only adds, as far as its text shows; going back does not take it back, so see that both fit"
    return Gate("warn", "Touches a migration", why, "touches")


def _size(of: Situation) -> Gate:
    if of.change.small:
        lines = of.change.plus + of.change.minus
        return Gate("good", "Small", f"{counted(of.change.files, 'file')}, {counted(lines, 'changed line')}", "size")
    return Gate("warn", "Not small", "; ".join(of.change.large), "size")


def _lane(of: Situation) -> Gate:
    if of.held:
        why = f"{of.held}; it waits until somebody lets the lane go on"
        return Gate("warn", "The lane is held", why, "lane")
    return Gate("good", "Nobody holds the lane", "it goes when its turn comes", "lane")


def table() -> str:
    """Return all kinds of gates as a table for docs/gates.md."""
    lines = ["| kind | asks | stops | a rollback | an override |", "|---|---|---|---|---|"]
    for kind in KINDS:
        over = "lets it pass" if kind.overridable else "does nothing"
        lines.append(f"| `{kind.name}` | {kind.asks} | {kind.stops} | {kind.back} | {over} |")
    return "\n".join(lines)
