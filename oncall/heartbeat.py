"""A dead man's switch: something must be heard of in time, and the silence is the alert. Pure.

Expected each so often, or by a cron expression in a time zone; late when the grace has passed, too. Days on which
clocks change go as in Debian's cron: what would begin in the hour that is left out begins right after it, and what
begins in the hour that comes twice begins once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from catalog.places import did_you_mean
from ledger.errors import Code, Error
from oncall.signal import Action, Signal, signal
from oncall.terms import Severity

EARLY = timedelta(minutes=1)  # a sign this much before its time is the one for that time: clocks are never equal
LONGEST = timedelta(days=366)
FIELDS = 5  # minute, hour, day of the month, month, day of the week
_SHIFT = timedelta(hours=3)  # more than any clock is ever put forward or back


@dataclass(frozen=True)
class Expected:
    """How often something must be heard of: either `period` or `cron`, never both."""

    name: str
    grace: timedelta
    period: timedelta | None = None
    cron: str = ""
    zone: str = "UTC"


@dataclass(frozen=True)
class Fine:
    """Nothing is wrong. The next sign is due at `due`; look again at `until`, when it would be late."""

    due: datetime
    until: datetime


@dataclass(frozen=True)
class Late:
    """It should have been heard of at `due`, and has not been since `last`."""

    due: datetime
    last: datetime | None
    since: datetime  # the end of the grace

    @property
    def sentence(self) -> str:
        heard = f"last heard of {self.last:%Y-%m-%d %H:%M} UTC" if self.last else "never heard of"
        return f"expected by {self.due:%Y-%m-%d %H:%M} UTC, {heard}"


def of(name: str, settings: Mapping[str, Any]) -> Expected:
    """Return what an integration's settings expect: `period` and `grace` in seconds, or `cron` and `zone`."""
    period = timedelta(seconds=settings["period"]) if settings.get("period") else None
    grace = timedelta(seconds=settings.get("grace", 60))
    return Expected(name, grace, period, str(settings.get("cron", "")), str(settings.get("zone", "UTC")))


def checked(expected: Expected) -> Expected:
    """Return it when it can be used; raise Error with every problem."""
    faults = []
    if (expected.period is None) == (not expected.cron):
        faults.append("say either how long apart the signs are, or a cron expression")
    if expected.period is not None and not timedelta(seconds=10) <= expected.period <= LONGEST:
        faults.append("the period must be from 10 seconds to a year")
    if not timedelta(0) <= expected.grace <= LONGEST:
        faults.append("the grace must be from nothing to a year")
    try:
        ZoneInfo(expected.zone)
    except (KeyError, ValueError, OSError):
        hint = did_you_mean(expected.zone, available_timezones())
        faults.append(f'there is no time zone "{expected.zone}"' + (f"; {hint}" if hint else ""))
    if expected.cron:
        faults += _cron_faults(expected.cron)
    if faults:
        raise Error(Code.INVALID, f"The heartbeat {expected.name} cannot be used", reasons=faults)
    return expected


def _cron_faults(cron: str) -> list[str]:
    if len(cron.split()) != FIELDS:
        return ["a cron expression has five fields: minute, hour, day of month, month, day of week"]
    try:
        next(CronSim(cron, datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        return [f'"{cron}" is no cron expression: {str(error)[:1].lower()}{str(error)[1:]}']
    except StopIteration:
        return [f'"{cron}" never comes']
    return []


def standing(expected: Expected, last: datetime | None, since: datetime, now: datetime) -> Fine | Late:
    """Return whether it is late. `last` is when it was last heard of, `since` when somebody began to listen.

    >>> backup = Expected("backup", timedelta(minutes=30), cron="0 3 * * *", zone="Europe/Berlin")
    >>> heard = datetime(2026, 3, 28, 2, tzinfo=UTC)  # 03:00 in Berlin; clocks go forward the night after
    >>> standing(backup, heard, heard, heard).until.isoformat()
    '2026-03-29T01:30:00+00:00'
    """
    heard = min(last, now) if last is not None else None
    due = _due(expected, heard if heard is not None else since)
    late = due + expected.grace
    return Late(due, heard, late) if now >= late else Fine(due, late)


def _due(expected: Expected, after: datetime) -> datetime:
    if expected.period is not None:
        return after + expected.period
    return _next(expected.cron, expected.zone, after + min(EARLY, expected.grace))


def _next(cron: str, zone: str, after: datetime) -> datetime:
    """The walk begins earlier than asked for, since the clocks on the wall are no order when they change."""
    begin = (after - _SHIFT).astimezone(ZoneInfo(zone))
    for found in CronSim(cron, begin):
        at = found.astimezone(UTC)
        if at > after:
            return at
    raise Error(Code.INVALID, f'"{cron}" never comes again')


def late_signal(expected: Expected, late: Late, source: str, service: str, now: datetime) -> Signal:
    """The alert that the silence is."""
    return signal(
        source,
        expected.name,
        Action.TRIGGER,
        now,
        title=f"{expected.name} is silent: {late.sentence}",
        severity=Severity.ERROR,
        service=service,
        class_="heartbeat",
        component=expected.name,
        since=late.due,
    )


def back_signal(expected: Expected, heard: datetime, source: str, service: str) -> Signal:
    """The end of the alert: it has been heard of again."""
    title = f"{expected.name} has been heard of again"
    return signal(source, expected.name, Action.RESOLVE, heard, title=title, service=service, over=heard)
