"""What good order means for a component: a table of checks, each a small function of what is known of it.

Pure: `(facts, now) -> Passed | Failed | NotApplicable`, each with a sentence that says why and what to do. A package
adds its own by an entry point of the group `fullcycle.scorecard` that names a `Check`; the portal loads those.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

GROUP = "fullcycle.scorecard"

ENOUGH_PEOPLE = 2  # so that one may be ill, on leave or asleep
FRESH = timedelta(days=30)  # what has not gone out for longer surprises whoever deploys it next
TRIED = timedelta(days=180)  # a way back that nobody has gone for longer is a hope
RUNS = frozenset({"production"})  # lifecycles that people outside the team depend on

MUST, SHOULD = "must", "should"


@dataclass(frozen=True)
class Facts:
    """What is known of one component. `None` means that nobody has looked yet, which fails nothing.

    `unchecked`: environments whose `checks` are empty. `lost`: dependencies that nothing describes. `spec` and
    `annotations` are as written, for the checks of others.
    """

    ref: str
    name: str
    lifecycle: str = ""
    description: str = ""
    owner: str = ""  # as people call it; empty when nobody is named
    people: tuple[str, ...] = ()  # full names of those the owner leads to
    runbook: str | None = ""  # its address, or that it lies in the repository
    readme: bool | None = None
    environments: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    objectives: int = 0
    last_healthy: datetime | None = None
    last_return: datetime | None = None  # when a release was last rolled back, by a person or by itself
    lost: tuple[str, ...] = ()
    problems: int = 0  # errors in its file
    stale_since: datetime | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Passed:
    said: str


@dataclass(frozen=True)
class Failed:
    """`said` is what is so, with its number, and what to do about it."""

    said: str


@dataclass(frozen=True)
class NotApplicable:
    said: str


Outcome = Passed | Failed | NotApplicable


@dataclass(frozen=True)
class Check:
    """One check. `why` is for who asks why it is asked; `weight` is must or should."""

    id: str
    title: str
    why: str
    weight: str
    judge: Callable[[Facts, datetime], Outcome]


@dataclass(frozen=True)
class Mark:
    """How one check came out."""

    check: Check
    outcome: Outcome

    @property
    def passed(self) -> bool | None:
        return passed(self.outcome)


@dataclass(frozen=True)
class Card:
    """All checks of one component, in the order of their table."""

    marks: tuple[Mark, ...]

    @property
    def passed(self) -> int:
        return sum(mark.passed is True for mark in self.marks)

    @property
    def of(self) -> int:
        """How many apply."""
        return sum(mark.passed is not None for mark in self.marks)

    @property
    def level(self) -> str:
        return level((mark.check.weight, mark.passed) for mark in self.marks)

    def __str__(self) -> str:
        return f"{self.passed} of {self.of}"


def card(facts: Facts, now: datetime, checks: Sequence[Check]) -> Card:
    return Card(tuple(Mark(check, check.judge(facts, now)) for check in checks))


def passed(outcome: Outcome) -> bool | None:
    """Return None for what does not apply."""
    return None if isinstance(outcome, NotApplicable) else isinstance(outcome, Passed)


GOOD, FAIR, POOR = "in good order", "nearly in order", "not in order"


def level(marks: Iterable[tuple[str, bool | None]]) -> str:
    """Return the word for a whole card: what must be and is not weighs more than any number of what should.

    >>> level([(MUST, True), (SHOULD, False)])
    'nearly in order'
    """
    failed = {weight for weight, passed in marks if passed is False}
    return POOR if MUST in failed else FAIR if failed else GOOD


# --- the checks -----------------------------------------------------------------------------------------------------


def _owner(facts: Facts, _now: datetime) -> Outcome:
    if not facts.owner:
        return Failed("nobody is named as its owner; write spec.owner, or a line of CODEOWNERS")
    if not facts.people:
        return Failed(f"its owner {facts.owner} leads to nobody; let a User be memberOf it, or name who answers")
    return Passed(f"its owner {facts.owner} answers: {_names(facts.people)}")


def _two_people(facts: Facts, _now: datetime) -> Outcome:
    if not facts.people:
        return NotApplicable("there is nobody to count")
    if len(facts.people) < ENOUGH_PEOPLE:
        return Failed(f"only {facts.people[0]} answers; let a second person be memberOf {facts.owner}")
    return Passed(f"{len(facts.people)} people answer")


def _file(facts: Facts, now: datetime) -> Outcome:
    if facts.stale_since:
        days = _ago(facts.stale_since, now)
        return Failed(f"its catalog file broke {days}, and what is shown is from before; mend it and commit")
    if facts.problems:
        return Failed(f"its catalog file has {_count(facts.problems, 'error')}; its page lists where")
    return Passed("its catalog file has no errors")


def _description(facts: Facts, _now: datetime) -> Outcome:
    if not facts.description.strip():
        return Failed("a stranger cannot tell what it is for; write one sentence as metadata.description")
    return Passed("its description says what it is for")


def _runbook(facts: Facts, _now: datetime) -> Outcome:
    if facts.runbook:
        return Passed("there is a runbook")
    if facts.lifecycle not in RUNS:
        return NotApplicable(f"it is {facts.lifecycle or 'of no lifecycle'}, so nobody is woken for it")
    if facts.runbook is None:
        return NotApplicable("its files have not been looked at yet")
    return Failed(
        "whoever is woken has nothing to read; add a RUNBOOK.md, spec.oncall.runbook or a link of type runbook"
    )


def _readme(facts: Facts, _now: datetime) -> Outcome:
    if facts.readme is None:
        return NotApplicable("its files have not been looked at yet")
    if not facts.readme:
        return Failed("there is no README beside its catalog file or at the root; write how to start and test it")
    return Passed("there is a README")


def _health(facts: Facts, _now: datetime) -> Outcome:
    if not facts.environments:
        return _not_deployed_here()
    if facts.unchecked:
        where = " and ".join(facts.unchecked)
        return Failed(f"nothing asks it how it is in {where}; give spec.deploy there a check, like http: /healthz")
    return Passed(f"it is asked how it is in {_count(len(facts.environments), 'environment')}")


def _way_back(facts: Facts, now: datetime) -> Outcome:
    if not facts.environments:
        return _not_deployed_here()
    if facts.last_healthy is None:
        return NotApplicable("nothing was deployed yet, so there is nothing to go back to")
    if facts.last_return is None:
        return Failed("nobody has gone back lately; roll back once while it is calm, it takes a minute")
    if now - facts.last_return > TRIED:
        return Failed(f"the way back was last tried {_ago(facts.last_return, now)}; try it every {TRIED.days} days")
    return Passed(f"the way back was tried {_ago(facts.last_return, now)}")


def _fresh(facts: Facts, now: datetime) -> Outcome:
    if not facts.environments:
        return _not_deployed_here()
    if facts.lifecycle == "deprecated":
        return NotApplicable("it is deprecated and may rest")
    if facts.last_healthy is None:
        return Failed("it was never deployed from here; deploy it once")
    if now - facts.last_healthy > FRESH:
        return Failed(f"the last healthy deploy was {_ago(facts.last_healthy, now)}; deploy within {FRESH.days} days")
    return Passed(f"the last healthy deploy was {_ago(facts.last_healthy, now)}")


def _objective(facts: Facts, _now: datetime) -> Outcome:
    if facts.objectives:
        return Passed(f"it has {_count(facts.objectives, 'objective')}")
    if facts.lifecycle not in RUNS:
        return NotApplicable(f"it is {facts.lifecycle or 'of no lifecycle'}, so nothing was promised")
    return Failed("nobody has said how well it has to work; write one of spec.objectives, like 99.9 % of requests")


def _dependencies(facts: Facts, _now: datetime) -> Outcome:
    if facts.lost:
        more = f" and {len(facts.lost) - 1} more" if len(facts.lost) > 1 else ""
        return Failed(f"it depends on {facts.lost[0]}{more}, which no file describes; correct the name or describe it")
    return Passed("everything that it names is described")


def _not_deployed_here() -> NotApplicable:
    return NotApplicable("its catalog file has no spec.deploy")


CHECKS: Sequence[Check] = (
    Check("owner", "Owner", "A page to a team without people wakes nobody.", MUST, _owner),
    Check("two-people", "Second person", "One person is ill, on leave or asleep at some time.", SHOULD, _two_people),
    Check("file", "Catalog file", "What is stale or wrong here is wrong everywhere.", MUST, _file),
    Check("description", "Description", "Strangers look here first.", SHOULD, _description),
    Check("runbook", "Runbook", "At three in the morning nobody invents the steps.", MUST, _runbook),
    Check("readme", "README", "Whoever comes next has to start somewhere.", SHOULD, _readme),
    Check("health", "Health check", "A deploy without checks is healthy by decree.", MUST, _health),
    Check("way-back", "Way back", "A way back that was never gone is a hope.", SHOULD, _way_back),
    Check("fresh", "Fresh deploy", "What rests for long surprises whoever deploys it next.", SHOULD, _fresh),
    Check("objective", "Objective", "Without one, nobody can say whether it is too slow.", SHOULD, _objective),
    Check("dependencies", "Dependencies", "Trouble travels along these lines.", SHOULD, _dependencies),
)


def _ago(at: datetime, now: datetime) -> str:
    days = max((now - at).days, 0)
    return f"{_count(days, 'day')} ago" if days else "today"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _names(people: Sequence[str], most: int = 3) -> str:
    rest = len(people) - most
    return ", ".join(people[:most]) + (f" and {rest} more" if rest > 0 else "")
