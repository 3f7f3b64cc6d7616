"""The checks of the scorecard that installed packages add by entry points, beside ours.

A package whose check cannot be loaded, or breaks, is a sentence on the page and fails nobody.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from catalog.scorecard import CHECKS, GROUP, MUST, SHOULD, Check, Facts, Failed, NotApplicable, Outcome, Passed

LONGEST_ID = 80


@dataclass(frozen=True)
class Loaded:
    """Every check that is made, and what is wrong with those that are not, as sentences."""

    checks: tuple[Check, ...]
    problems: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def loaded() -> Loaded:
    """Return our checks and those of the packages that are installed; looked for once."""
    return load(entry_points(group=GROUP))


def load(points: Iterable[EntryPoint]) -> Loaded:
    """Add to our checks what those entry points name: a Check, or several. A package's pyproject.toml says so by

    [project.entry-points."fullcycle.scorecard"]
    tea = "theirs.checks:TEA"
    """
    checks, problems = list(CHECKS), []
    for point in sorted(points, key=lambda one: one.name):
        try:
            named = point.load()
        except Exception as error:  # noqa: BLE001 another package's code may raise anything
            problems.append(f"the check {point.name} cannot be loaded from {point.value}: {_told(error)}")
            continue
        for check in named if isinstance(named, list | tuple) else (named,):
            wrong = _wrong(check, {one.id for one in checks})
            if wrong:
                problems.append(f"the check {point.name} of {point.value} {wrong}")
            else:
                checks.append(replace(check, judge=_guarded(check)))
    return Loaded(tuple(checks), tuple(problems))


def _wrong(check: Any, taken: set[str]) -> str:
    if not isinstance(check, Check):
        return f"is a {type(check).__name__} and no catalog.scorecard.Check"
    if not 1 <= len(check.id) <= LONGEST_ID or check.id in taken:
        return f"has the id {check.id[:LONGEST_ID]!r}, which is taken, empty or too long"
    return "" if check.weight in (MUST, SHOULD) else f"has the weight {check.weight!r}; there are {MUST} and {SHOULD}"


def _guarded(check: Check) -> Callable[[Facts, datetime], Outcome]:
    """A check of others that breaks says so, and fails nobody."""

    def judge(facts: Facts, now: datetime) -> Outcome:
        try:
            outcome = check.judge(facts, now)
        except Exception as error:  # noqa: BLE001 another package's code may raise anything
            return NotApplicable(f"the check itself broke: {_told(error)}")
        known = isinstance(outcome, Passed | Failed | NotApplicable)
        return outcome if known else NotApplicable("the check itself broke: it answered nothing that is known here")

    return judge


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
