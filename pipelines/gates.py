"""Before it may go: every gate with its verdict and its reason, all at once. Pure."""

from dataclasses import dataclass
from typing import Literal

from pipelines.change import Change
from pipelines.plan import ReleaseRef

Verdict = Literal["good", "warn", "bad"]


@dataclass(frozen=True)
class Gate:
    """One thing that was looked at. `bad` blocks, `warn` is said and does not."""

    verdict: Verdict
    title: str
    why: str


@dataclass(frozen=True)
class Situation:
    """What the gates look at. `base` is what serves now; `ahead`: the revision contains all of the base."""

    release: ReleaseRef
    base: ReleaseRef | None
    change: Change
    rollback: bool
    ahead: bool = True
    was_healthy: bool = True  # of a rollback's release: it has been healthy in this environment
    target_known: bool = True
    target_kind: str = "local"
    stuck: bool = False  # the last deploy there ended stuck: nobody knows what serves
    held: str = ""  # why the lane is held, empty when it is not
    problems: int = 0  # of the catalog file at this revision, errors only


def gates(of: Situation) -> tuple[Gate, ...]:
    """Return every gate, those in trouble first."""
    found = [_not_live(of), _target(of), _catalog(of), _direction(of), _size(of), _touches(of), _lane(of)]
    order = {"bad": 0, "warn": 1, "good": 2}
    return tuple(sorted((gate for gate in found if gate), key=lambda gate: order[gate.verdict]))


def blocked(found: tuple[Gate, ...]) -> tuple[str, ...]:
    """Return every reason why it may not go."""
    return tuple(f"{gate.title}: {gate.why}" for gate in found if gate.verdict == "bad")


def _not_live(of: Situation) -> Gate:
    if of.stuck:
        return Gate("good", "There is something to do", "the last deploy is stuck, between two releases")
    if of.base is not None and of.base.revision == of.release.revision:
        return Gate("bad", "Nothing to do", f"release {of.release.number} serves already")
    return Gate("good", "There is something to do", f"{of.base.number} serves now" if of.base else "nothing serves yet")


def _target(of: Situation) -> Gate:
    if not of.target_known:
        return Gate("bad", "No such target here", f"this portal has no target of kind {of.target_kind}")
    return Gate("good", "The target is known", of.target_kind)


def _catalog(of: Situation) -> Gate | None:
    if of.problems:
        return Gate("warn", "The catalog file has problems", f"{of.problems} in this revision; spec.deploy is fine")
    return Gate("good", "The catalog file is fine", "read at this very revision")


def _direction(of: Situation) -> Gate:
    if of.rollback and not of.was_healthy:
        return Gate(
            "bad",
            "It has never been healthy here",
            f"release {of.release.number} did not become healthy; choose one that did",
        )
    if of.rollback:
        return Gate("good", "It has been healthy here", f"release {of.release.number} has served before")
    if not of.ahead:
        return Gate("warn", "This goes back or sideways", "what serves now has commits that this revision has not")
    return Gate("good", "Goes forward", "this revision contains all that serves now")


def _size(of: Situation) -> Gate:
    if of.change.small:
        lines = of.change.plus + of.change.minus
        return Gate("good", "Small", f"{counted(of.change.files, 'file')}, {counted(lines, 'changed line')}")
    return Gate("warn", "Not small", "; ".join(of.change.large))


def counted(number: int, what: str) -> str:
    """Write a number with its word.

    >>> counted(1, "file"), counted(3, "file")
    ('1 file', '3 files')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"


def _touches(of: Situation) -> Gate | None:
    if "migration" in of.change.touches:
        return Gate("warn", "Touches a migration", "going back does not take a migration back; see that both fit")
    return None


def _lane(of: Situation) -> Gate:
    if of.held:
        return Gate("warn", "The lane is held", f"{of.held}; it waits until somebody lets the lane go on")
    return Gate("good", "Nobody holds the lane", "it goes when its turn comes")
