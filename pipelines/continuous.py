"""Continuous delivery decides: which green commit goes out by itself, what it replaces, and why it waits. Pure.

Only the newest green commit that contains what serves goes, never one that was bad, nor anything older than that. Each
revision has one automatic attempt. What a person asked for is never taken out of the queue. Asked twice about the same
situation, the answer is the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pipelines.ci import Standing, listed

CONSIDER = "pipelines.continuous"  # the kind of the job that looks; its key is `service@environment`
SUPERSEDED = "superseded by #"
WITHDRAWN = "taken out of the queue: "
ON_ITS_WAY = "the newest commit is on its way"
TRIED = "tried"  # by a bisect: it was never meant to stay
REFUSALS = 3  # at the head of the queue, before a revision is left to a person


@dataclass(frozen=True)
class Candidate:
    """A commit of the default branch that does not serve. `contains`: it is built upon what serves.

    `bars`: why nothing that contains it may go; `lacks`: what must have happened to this one before.
    """

    revision: str
    standing: Standing
    contains: bool = True
    bars: str = ""
    lacks: str = ""


@dataclass(frozen=True)
class OpenDeploy:
    """A deploy that waits or is under way (`begun`)."""

    id: int
    revision: str
    begun: bool = False
    continuous: bool = False
    rollback: bool = False


@dataclass(frozen=True)
class Refusal:
    """What the gates said of a revision, and when it is worth asking again; None: nobody knows."""

    reasons: tuple[str, ...]
    until: datetime | None = None


@dataclass(frozen=True)
class Situation:
    """All that is looked at. `quarantined` and `spent`: revision to why it does not go by itself (any more)."""

    continuous: bool
    commits: tuple[Candidate, ...] = ()  # newest first
    open: tuple[OpenDeploy, ...] = ()
    quarantined: Mapping[str, str] = field(default_factory=dict)
    spent: Mapping[str, str] = field(default_factory=dict)
    held: str = ""  # why the lane is held, by a person
    busy: str = ""  # what else has the environment: a train, a bisect, or a deploy that is stuck
    refused: Mapping[str, Refusal] = field(default_factory=dict)  # revision -> what the gates have just said


@dataclass(frozen=True)
class Deploy:
    """Order this one; the gates have their say when it is ordered."""

    revision: str
    why: str


@dataclass(frozen=True)
class Supersede:
    """Take these out of the queue, for `by` has all of theirs and more."""

    deploys: tuple[int, ...]
    by: int

    @property
    def why(self) -> str:
        return f"{SUPERSEDED}{self.by}"


@dataclass(frozen=True)
class Withdraw:
    """Take it out of the queue: it should not go any more."""

    deploy: int
    reason: str

    @property
    def why(self) -> str:
        return WITHDRAWN + self.reason


@dataclass(frozen=True)
class Wait:
    """Not now: every reason. `since`: when it began to be so; `until`: when it is worth looking again."""

    why: tuple[str, ...]
    revision: str = ""  # which it is about
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Nothing:
    """There is nothing to do."""

    why: str = ""


Decision = Deploy | Supersede | Withdraw | Wait | Nothing


def decide(of: Situation) -> Decision:
    """Name the one next act. While it names one that can be done, do it and ask again."""
    if not of.continuous:
        return Nothing("nobody asked for continuous delivery")
    places = {commit.revision: index for index, commit in enumerate(of.commits)}
    if tidied := _withdraw(of, places) or _supersede(of, places):
        return tidied
    for why in (of.held, of.busy, _elsewhere(of, places)):
        if why:
            return Wait((why,))
    if not of.commits:
        return Nothing("the newest commit serves")
    going = min((places[one.revision] for one in of.open), default=len(of.commits))
    bad = _newest_bad(of)
    fresh = of.commits[: min(going, bad)]
    for index, commit in enumerate(fresh):
        if commit.revision not in of.refused and not _why_not(of, index):
            return Deploy(commit.revision, _because(commit, min(going, len(of.commits)) - index - 1))
    if going == 0:
        return Nothing(ON_ITS_WAY)
    return _wait(of, fresh)


def _withdraw(of: Situation, places: Mapping[str, int]) -> Withdraw | None:
    """Return the first of our own that waits in the queue and should not go any more."""
    bad = _newest_quarantined(of)
    for one in _ours_that_wait(of):
        place = places.get(one.revision)
        if place is None:
            return Withdraw(one.id, "it is not among what waits to go out any more")
        if place >= bad:
            return Withdraw(one.id, f"{_short(of.commits[bad].revision)} was bad, and this is no newer")
        if of.commits[place].standing.word == "red":
            return Withdraw(one.id, of.commits[place].standing.why)
    return None


def _supersede(of: Situation, places: Mapping[str, int]) -> Supersede | None:
    """Return those of our own that wait although something newer waits or goes, too."""
    known = [one for one in of.open if one.revision in places and not one.rollback]
    if not known:
        return None
    newest = min(known, key=lambda one: (places[one.revision], one.id))
    older = tuple(one.id for one in _ours_that_wait(of) if places[one.revision] > places[newest.revision])
    return Supersede(older, newest.id) if older else None


def _ours_that_wait(of: Situation) -> Sequence[OpenDeploy]:
    return [one for one in of.open if one.continuous and not one.begun and not one.rollback]


def _elsewhere(of: Situation, places: Mapping[str, int]) -> str:
    """What is on its way and stands not in the line of commits must end before anybody can say what follows."""
    for one in of.open:
        if one.rollback:
            return f"deploy #{one.id} goes back to an earlier release"
        if one.revision not in places:
            return f"deploy #{one.id} is on its way, of {_short(one.revision)}, which is none of the commits that wait"
    return ""


def _newest_quarantined(of: Situation) -> int:
    return next((at for at, one in enumerate(of.commits) if one.revision in of.quarantined), len(of.commits))


def _newest_bad(of: Situation) -> int:
    """Return the place of the newest commit that has had its chance; nothing from there on goes by itself."""
    had = {*of.quarantined, *of.spent}
    return next((at for at, one in enumerate(of.commits) if one.revision in had), len(of.commits))


def _why_not(of: Situation, index: int) -> str:
    commit = of.commits[index]
    if commit.standing.word != "green":
        return commit.standing.why
    if not commit.contains:
        return "it does not contain what serves now"
    if barred := next((one for one in of.commits[index:] if one.bars), None):
        return f"{_short(barred.revision)} is in it, and there {barred.bars}"
    return commit.lacks


def _wait(of: Situation, fresh: Sequence[Candidate]) -> Wait:
    """Say why nothing goes: what the gates say, else what keeps the newest commit, else what was bad."""
    if refused := [commit for commit in fresh if commit.revision in of.refused]:
        told = of.refused[refused[0].revision]
        times = [until for commit in refused if (until := of.refused[commit.revision].until)]
        return Wait(told.reasons, refused[0].revision, until=min(times, default=None))
    if fresh:
        newest = fresh[0]
        since = newest.standing.since if newest.standing.word != "green" else None
        return Wait((f"{_short(newest.revision)}: {_why_not(of, 0)}",), newest.revision, since)
    revision = of.commits[0].revision
    why = of.quarantined.get(revision) or of.spent.get(revision, "")
    return Wait((f"{_short(revision)}: {why}", "it waits for a newer green commit, or for a person"), revision)


def _because(commit: Candidate, others: int) -> str:
    along = f"; takes {others} earlier commit{'s' if others > 1 else ''} along" if others > 0 else ""
    return f"{commit.standing.why}{along}"


def _short(revision: str) -> str:
    return revision[:7]


@dataclass(frozen=True)
class Attempt:
    """A deploy of a revision that has ended there, whoever asked for it. `word` is one of pipelines.rows.WORDS."""

    id: int
    revision: str
    word: str
    reason: str
    begun: bool
    at: datetime  # when it was asked for


def spent(attempts: Sequence[Attempt], lifted: Mapping[str, datetime]) -> Mapping[str, str]:
    """Return which revisions have had their attempt, and how it ended. `attempts`: newest first.

    A quarantine that a person lifted gives its revision another one.
    """
    found: dict[str, str] = {}
    refusals: dict[str, list[str]] = {}
    for one in attempts:
        if one.word == TRIED or (one.revision in lifted and one.at < lifted[one.revision]):
            continue
        if one.begun:
            found.setdefault(one.revision, _ended(one))
        elif one.word == "aborted" and not one.reason.startswith((SUPERSEDED, WITHDRAWN)):
            found.setdefault(one.revision, f"somebody took deploy #{one.id} of it out of the queue")
        elif one.word == "undone":
            refusals.setdefault(one.revision, []).append(one.reason)
    for revision, reasons in refusals.items():
        if len(reasons) >= REFUSALS:
            found.setdefault(revision, f"it was refused {len(reasons)} times, last because of: {reasons[0]}")
    return found


def _ended(one: Attempt) -> str:
    if one.word in ("healthy", "replaced"):
        return f"it served since deploy #{one.id}, and was rolled back"
    why = f": {one.reason}" if one.reason else ""
    return f"deploy #{one.id} of it ended {one.word}{why}"


def has_been(there: Mapping[str, frozenset[str]], revision: str) -> str:
    """Return where that revision must have been healthy before, and was not; `there`: environment -> revisions.

    >>> has_been({"staging": frozenset({"a"})}, "b")
    'it has not been healthy in staging yet'
    """
    missing = [environment for environment, revisions in there.items() if revision not in revisions]
    return f"it has not been healthy in {listed(missing)} yet" if missing else ""
