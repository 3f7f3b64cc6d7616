"""Which commit was it? Suspects lie between what is good and what was bad; trials of halves find the one. Pure.

A trial gives a commit the first wave of its traffic and takes it back. `decide` names the next commit to try. A culprit
is named only when it was bad itself in a trial and the commit before it was good: the deploy that was bad may have
failed for another reason, or only with all of the traffic. A trial that fails in another way than that deploy did says
nothing about what is looked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pipelines.deploy import Deploy
from pipelines.plan import Plan, StepKind

GOOD, BAD, SKIPPED = "good", "bad", "skipped"
MOST_SUSPECTS = 200
TRIALS = 3  # of one commit, while they say nothing


@dataclass(frozen=True)
class Suspect:
    """A commit. `verdict` is empty while it has not been tried; `going` while its trial is under way."""

    revision: str
    subject: str
    author: str
    mail: str = ""
    files: int = 0
    plus: int = 0
    minus: int = 0
    verdict: str = ""
    going: bool = False
    deploy: int | None = None
    release: int | None = None
    why: str = ""
    again: int = 0  # trials that said nothing


@dataclass(frozen=True)
class Hunt:
    """All suspects, oldest first; the last is what was bad, and `base` is good.

    A trial gets `percent` of the traffic and should take `each`. `waits`: why the next one may not go now. `symptom`:
    how that deploy failed; empty where any failure counts.
    """

    suspects: tuple[Suspect, ...]
    base: str
    deploy: int  # which was bad
    percent: int = 0
    each: timedelta = timedelta(0)
    waits: tuple[str, ...] = ()
    symptom: str = ""

    @property
    def verdicts(self) -> Mapping[int, str]:
        return {at: one.verdict for at, one in enumerate(self.suspects) if one.verdict}

    @property
    def going(self) -> Suspect | None:
        return next((one for one in self.suspects if one.going), None)

    @property
    def tries(self) -> int:
        """Trials that have been asked for; a commit that was left out from the start is none."""
        return sum((one.deploy is not None) + (0 if one.again == TRIALS else one.again) for one in self.suspects)


@dataclass(frozen=True)
class Try:
    """Give that commit a trial."""

    index: int


@dataclass(frozen=True)
class Found:
    index: int


@dataclass(frozen=True)
class Unclear:
    """It cannot be said which one; `between` are the first and the last of those that it may be."""

    why: str
    between: tuple[int, int]


def most(suspects: int) -> int:
    """Return how many trials it takes at most, when every commit can be tried.

    >>> [most(count) for count in (2, 3, 4, 8, 9, 100)]
    [2, 3, 3, 4, 5, 8]
    """
    return (suspects - 1).bit_length() + 1


def decide(suspects: int, verdicts: Mapping[int, str]) -> Try | Found | Unclear:
    """Name the next commit to try, by its place from 0, or the culprit."""
    good = max((at for at, verdict in verdicts.items() if verdict == GOOD), default=-1)
    bad = min((at for at, verdict in verdicts.items() if verdict == BAD), default=suspects)
    if good > bad:
        return Unclear(
            "an older commit was bad and a newer one was good: what fails does not fail each time", (0, good)
        )
    if good == suspects - 1:
        why = "every commit tried was good, the last one too: what failed does not show in a trial"
        return Unclear(why, (0, suspects - 1))
    first, last = good + 1, min(bad, suspects - 1)
    if first == last and bad == last:
        return Found(last)
    if first == last:  # it was bad with all that came before it; was it bad by itself?
        return Unclear("it could not be tried", (last, last)) if last in verdicts else Try(last)
    untried = [at for at in range(first, last) if at not in verdicts]
    if not untried:
        return Unclear("those between could not be tried", (first, last))
    middle = (good + last) // 2  # of two equally near the newer, for what is newer may take one trial more
    return Try(min(untried, key=lambda at: (abs(at - middle), -at)))


def asked(hunt: Hunt, index: int, deploy: int, release: int) -> Hunt:
    """Return the hunt with that trial under way."""
    return _with(hunt, index, going=True, deploy=deploy, release=release)


def judged(hunt: Hunt, index: int, verdict: str, why: str = "") -> Hunt:
    """Return the hunt with one more verdict."""
    return _with(hunt, index, going=False, verdict=verdict, why=why)


def said_nothing(hunt: Hunt, index: int, why: str) -> Hunt:
    """Return the hunt whose trial ended without a verdict: it goes again, a few times, and then is left out."""
    again = hunt.suspects[index].again + 1
    if again < TRIALS:
        return _with(hunt, index, going=False, deploy=None, again=again)
    return _with(hunt, index, going=False, verdict=SKIPPED, why=why, again=again)


def symptom(deploy: Deploy) -> str:
    """Return how it showed that a deploy was bad: it did not become ready, or it was worse while it was watched.

    Empty when it went back from anything else.
    """
    step = failed_in(deploy)
    return step if step in (StepKind.PROBE, StepKind.BAKE) else ""


def failed_in(deploy: Deploy) -> str:
    """Return the kind of the step from which it went back; empty when nothing had been begun."""
    return next((took.kind for took in reversed(deploy.story) if not took.undo), "")


def tried(hunt: Hunt, index: int, trial: Deploy) -> Hunt:
    """Return the hunt after a trial that was bad; one that was bad in another way is no verdict."""
    shown = symptom(trial)
    if hunt.symptom and shown and shown != hunt.symptom:
        return said_nothing(hunt, index, f"it failed in another way than deploy {hunt.deploy}: {trial.reason}")
    return judged(hunt, index, BAD, trial.reason)


def put_off(hunt: Hunt, why: str) -> Hunt:
    """Return the hunt whose trial never began and may go later."""
    again = tuple(replace(one, going=False, deploy=None) if one.going else one for one in hunt.suspects)
    return replace(hunt, suspects=again, waits=(why,))


def _with(hunt: Hunt, index: int, **values: Any) -> Hunt:
    changed = [replace(one, **values) if at == index else one for at, one in enumerate(hunt.suspects)]
    return replace(hunt, suspects=tuple(changed), waits=())


def trial(plan: Plan) -> tuple[int, timedelta]:
    """Return the share of the traffic that a trial by this plan gets, and how long it takes until all is back."""
    first = plan.waves[0]
    steps = [step for step in plan.steps if step.wave <= first.number and step.kind not in _LAST]
    return first.percent, sum((step.expected for step in steps), timedelta(0)) + plan.back


_LAST = (StepKind.DRAIN, StepKind.STOP)
