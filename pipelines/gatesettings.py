"""What `gates` of an environment may say: what must hold before a deploy may go there. Pure.

Only the form is here; what comes of it for one deploy is in pipelines/gates.py. Everything that is wrong is said at
once, with its place.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field, model_validator

from catalog.places import did_you_mean
from pipelines.windows import Who, Window
from production.settings import Duration, Settings

MOST_APPROVALS = 6
FIELDS = 5  # of a cron expression: minute, hour, day of the month, month, day of the week
LONGEST = timedelta(days=366)

Effect = Literal["warn", "block", "ignore"]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = did_you_mean(name, available_timezones())
        raise ValueError(f'there is no time zone "{name}"' + (f"; {hint}" if hint else "")) from None
    return name


def _cron(text: str) -> str:
    if len(text.split()) != FIELDS:
        raise ValueError("a cron expression has five fields: minute, hour, day of month, month, day of week")
    try:
        next(CronSim(text, datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise ValueError(f'"{text}" is no cron expression: {str(error)[:1].lower()}{str(error)[1:]}') from None
    except StopIteration:
        raise ValueError(f'"{text}" never comes') from None
    return " ".join(text.split())


def _lasts(span: timedelta) -> timedelta:
    if span <= timedelta(0):
        raise ValueError("must be longer than nothing")
    if span > LONGEST:
        raise ValueError("must not be longer than a year; lock the environment instead")
    return span


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f'"{twice}" stands here twice; keep one of them')
    return names


Zone = Annotated[str, AfterValidator(_zone)]
Cron = Annotated[str, Field(max_length=200), AfterValidator(_cron)]
Context = Annotated[str, Field(min_length=1, max_length=200)]
Contexts = Annotated[tuple[Context, ...], Field(max_length=50), AfterValidator(_each_once)]
Point = Annotated[str, Field(min_length=1, max_length=200)]
Span = Annotated[Duration, AfterValidator(_lasts)]


class Ci(Settings):
    """Which of the names under which a CI reports count, and how."""

    require: Contexts = Field((), description="must be success at the very revision")
    blocking: Contexts = Field((), description="must not have failed at any commit that goes out")
    allow_failures: Contexts = Field((), description="may fail; it is said")
    hide: Contexts = Field((), description="not looked at")

    @model_validator(mode="after")
    def _does_not_contradict_itself(self) -> Self:
        asked = {*self.require, *self.blocking}
        for names, what in ((self.allow_failures, "may fail"), (self.hide, "is hidden")):
            if both := sorted(asked.intersection(names)):
                raise ValueError(f'"{both[0]}" is asked for and {what}; choose one')
        return self


class WindowSettings(Settings):
    """A span that comes again and again: `deny` closes, `allow` opens and closes everything outside."""

    deny: Cron | None = None
    allow: Cron | None = None
    lasts: Span = Field(alias="for", description="whole days go by the calendar of the zone, the rest is exact")
    zone: Zone = "UTC"
    overrun: bool = Field(False, description="what has begun in time may be under way when it closes")
    who: tuple[Who, ...] = Field(("people", "continuous"), min_length=1, description="whom it concerns")
    reason: str = Field("", max_length=300)

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.deny is None) == (self.allow is None):
            raise ValueError("a window is exactly one of deny and allow")
        return self

    def window(self) -> Window:
        """Return the same as a value."""
        cron = self.deny or self.allow or ""
        kind: Literal["deny", "allow"] = "deny" if self.deny else "allow"
        return Window(kind, cron, self.lasts, self.zone, self.overrun, frozenset(self.who), self.reason)


class Gates(Settings):
    """The block. What it does not say is not asked for; locks, open incidents and who answers are always looked at."""

    ci: Ci = Ci()
    soak: dict[str, Span] = Field(default_factory=dict, description="environment -> how long it was healthy there")
    approvals: int = Field(0, ge=0, le=MOST_APPROVALS, description="of other people than the one who asks")
    checklist: Annotated[tuple[Point, ...], AfterValidator(_each_once)] = Field((), max_length=20)
    windows: tuple[WindowSettings, ...] = Field((), max_length=20)
    error_budget: float | None = Field(None, ge=0, le=100, description="percent; with less left it stops")
    incidents: Effect = "warn"
    reachable: Effect = Field("warn", description="when nobody who answers for it can be reached")


Unsound = tuple[tuple[str | int, ...], str, str]
"""The path below `environments`, the message and a hint."""


def unsound(environments: Mapping[str, Gates]) -> Iterator[Unsound]:
    """Yield what is wrong between environments: a soak in itself, in none that there is, or round in a circle."""
    for name, gates in environments.items():
        for soaked in gates.soak:
            path = (name, "gates", "soak", soaked)
            if soaked == name:
                yield path, f"{name} cannot wait until it was healthy in itself", "name the environment before it"
            elif soaked not in environments:
                there = [other for other in environments if other != name]
                hint = did_you_mean(soaked, there) or (f"there are {', '.join(there)}" if there else "")
                yield path, f'there is no environment "{soaked}"', hint
            elif name in _before(soaked, environments):
                yield path, f"{name} and {soaked} wait for one another", "take one of the soaks out"


def _before(name: str, environments: Mapping[str, Gates]) -> frozenset[str]:
    """Return every environment that must have been healthy before that one, through others, too."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        gates = environments.get(waiting.pop())
        more = set(gates.soak if gates else ()) - seen
        seen |= more
        waiting += more
    return frozenset(seen)
