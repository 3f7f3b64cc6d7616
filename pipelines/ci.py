"""What CI says about a commit, and whether that is good enough to go out. Pure.

A verdict is green, red, running or unknown, always with its reason. Nobody's silence is ever taken for a yes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol


class State(StrEnum):
    PENDING = "pending"  # asked for, queued or running
    SKIPPED = "skipped"  # there was nothing to look at, or it takes no side
    SUCCESS = "success"
    FAILURE = "failure"  # also: stopped, timed out, or it could not run


ORDER = tuple(State)
"""Of two words of one moment the one that stands later here counts, in whichever order they came."""


@dataclass(frozen=True)
class Status:
    """The last word of one context, which is the name of a check: `tests`, `ci/build`."""

    state: State
    said: str
    url: str
    at: datetime


class Rules(Protocol):
    """Which contexts count. All are names of contexts."""

    @property
    def require(self) -> Sequence[str]:
        """Those that must be good; while they say nothing, it does not go."""

    @property
    def blocking(self) -> Sequence[str]:
        """Those of which no failure may be among all commits that go out, not only at the newest."""

    @property
    def allow_failures(self) -> Sequence[str]:
        """Those whose failure is shown and does not count."""

    @property
    def hide(self) -> Sequence[str]:
        """Those that are not looked at."""


@dataclass(frozen=True)
class NoRules:
    """Everything that is said counts, and something must be said."""

    require: Sequence[str] = ()
    blocking: Sequence[str] = ()
    allow_failures: Sequence[str] = ()
    hide: Sequence[str] = ()


NO_RULES = NoRules()
Word = Literal["green", "red", "running", "unknown"]


@dataclass(frozen=True)
class Standing:
    """The verdict. `since`: when what it names began to be so."""

    word: Word
    why: str
    since: datetime | None = None


def standing(statuses: Mapping[str, Status], rules: Rules = NO_RULES) -> Standing:
    """Return what all contexts of one commit say together.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    >>> standing({"tests": Status(State.PENDING, "", "", noon)}).why
    'tests is running'
    """
    hidden = set(rules.hide) - {*rules.require, *rules.blocking}
    seen = {name: statuses[name] for name in sorted(statuses) if name not in hidden}
    free = set(rules.allow_failures) - {*rules.require, *rules.blocking}
    counted = {name: status for name, status in seen.items() if name not in free}
    if failed := _in(counted, State.FAILURE):
        return Standing("red", f"{listed(failed)} failed", _first(failed, counted))
    if running := _in(counted, State.PENDING):
        return Standing("running", f"{listed(running)} {_are(running)} running", _first(running, counted))
    if missing := [name for name in rules.require if name not in seen]:
        return Standing("unknown", f"nothing has been said by {listed(missing)}")
    if not counted:
        return Standing("unknown", "no CI has said anything that counts" if seen else "no CI has said anything")
    since = max(status.at for status in counted.values())
    skipped, good = _in(counted, State.SKIPPED), _in(counted, State.SUCCESS)
    if not good:
        return Standing("green", f"{listed(skipped)} had nothing to do", since)
    lost = [name for name in _in(seen, State.FAILURE) if name in free]
    return Standing("green", f"{listed(good)} passed" + (f"; {listed(lost)} may fail, and did" if lost else ""), since)


def barring(statuses: Mapping[str, Status], rules: Rules) -> str:
    """Return why this commit keeps itself, and all that is built upon it, from going out; empty when it does not."""
    bad = [name for name in rules.blocking if name in statuses and statuses[name].state is State.FAILURE]
    return f"{listed(bad)} failed" if bad else ""


def _in(statuses: Mapping[str, Status], state: State) -> list[str]:
    return [name for name, status in statuses.items() if status.state is state]


def _first(names: Sequence[str], statuses: Mapping[str, Status]) -> datetime:
    return min(statuses[name].at for name in names)


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def listed(names: Sequence[str], most: int = 3) -> str:
    """Join names as people do.

    >>> listed(["lint", "tests"]), listed(["a", "b", "c", "d", "e"])
    ('lint and tests', 'a, b, c and 2 more')
    """
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]
