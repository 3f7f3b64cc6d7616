"""`fullcycle schedule`: who is on call by a schedule file; no portal is needed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from catalog.places import did_you_mean, quoted
from ledger import clock
from oncall import coverage, schedulefile, scheduletext
from oncall import schedule as schedules
from oncall.schedulefile import ScheduleFile
from oncall.terms import Shift
from portal.cli import files
from portal.cli.trials import table
from portal.client import printable

DOUBLES = 5  # that are told
LONGEST = timedelta(days=20 * 366)
AHEAD = timedelta(weeks=2)


class Moment(click.ParamType[datetime]):
    """A local time of the schedule, or one with an offset."""

    name = "T"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return scheduletext.moment(value)
        except ValueError as error:
            self.fail(printable(str(error)), param, ctx)


@click.group()
def schedule() -> None:
    """Who is on call by a schedule file, and what such a file may say."""


@schedule.command("render")
@click.argument("file")
@click.option(
    "--from", "since", type=Moment(), help="local time of the schedule or with an offset; a date is enough [now]"
)
@click.option("--until", type=Moment(), help="the same; it does not belong to the answer [two weeks later]")
@click.option("--role", "roles", multiple=True, help="only this role; may be said several times")
@click.option("--whole", is_flag=True, help="shifts with their own ends, not cut at the bounds")
@click.option("--json", "as_json", is_flag=True, help="for programs")
def render(
    file: str, since: datetime | None, until: datetime | None, roles: Sequence[str], whole: bool, as_json: bool
) -> None:
    """List who is on call, from when to when and why, by FILE; - reads standard input.

    docs/schedules.md says what the file may say, and examples/schedule.yaml has every key. Exit 0 for an answer, 1 when
    the file has faults, 2 when the call is wrong.
    """
    text = files.text(file)
    read, problems = schedulefile.parse(text, file)
    if read is None:
        files.complain(problems, as_json, 1)
    assert read is not None
    asked = read.schedule()
    _know(roles, asked.roles)
    start, end = _bounds(since, until, asked.zone)
    shifts = (schedules.whole if whole else schedules.render)(asked, start, end, roles=roles or None)
    spelling = schedulefile.spelled(text, file)
    told = [_told(shift, asked.zone, spelling) for shift in shifts]
    if as_json:
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(_lines(told, shifts, asked.zone)))
    for finding in (*schedules.findings(asked), *_doubles(shifts, asked.zone, spelling)):
        click.echo(f"note: {printable(finding)}", err=True)


@schedule.command("schema")
def schema() -> None:
    """Print the JSON Schema of a schedule file, for editors."""
    click.echo(json.dumps(ScheduleFile.model_json_schema(), indent=2, ensure_ascii=False))


def _know(roles: Sequence[str], known: Sequence[str]) -> None:
    for role in roles:
        if role not in known:
            hint = did_you_mean(role, known) or f"there are {', '.join(known) or 'none'}"
            raise click.UsageError(printable(f"--role: there is no role {quoted(role)}; {hint}"))


def _bounds(since: datetime | None, until: datetime | None, zone: ZoneInfo) -> tuple[datetime, datetime]:
    start = scheduletext.begins(since, zone) if since else clock.now().replace(second=0, microsecond=0)
    end = scheduletext.ends(until, zone) if until else start + AHEAD
    if end <= start:
        times = [f"{at.astimezone(zone).isoformat(sep=' ', timespec='minutes')}" for at in (end, start)]
        raise click.UsageError(
            f"--until is not after --from: {times[0]} and {times[1]}{'' if since else ', which is now'}"
        )
    if end - start > LONGEST:
        raise click.UsageError(f"at most {LONGEST.days // 366} years are listed at a time")
    return start, end


def _doubles(shifts: Sequence[Shift], zone: ZoneInfo, spelling: Mapping[str, str]) -> Iterator[str]:
    """Yield who has two roles at once, which only overrides and a second rotation can bring about."""
    found = coverage.in_order(coverage.doubles(shifts, zone, spelling))
    yield from (one.sentence for one in found[:DOUBLES])
    if len(found) > DOUBLES:
        yield f"and {len(found) - DOUBLES:,} more double bookings"


def _told(shift: Shift, zone: ZoneInfo, spelling: Mapping[str, str]) -> dict[str, str]:
    return {
        "start": shift.start.astimezone(zone).isoformat(),
        "end": shift.end.astimezone(zone).isoformat(),
        "role": shift.role,
        "person": spelling.get(shift.person, shift.person),
        "source": str(shift.source),
    }


def _lines(told: Sequence[Mapping[str, str]], shifts: Sequence[Shift], zone: ZoneInfo) -> Iterator[str]:
    """What people read: local times with the offset, since the same hour comes twice in autumn."""
    if not told:
        yield "nobody"
        return
    rows: list[tuple[str, ...]] = [("FROM", "UNTIL", "ROLE", "PERSON", "WHY")]
    for one, shift in zip(told, shifts, strict=True):
        times = [f"{at.astimezone(zone):%a %Y-%m-%d %H:%M %z}" for at in (shift.start, shift.end)]
        why = f"{one['source']}: {shift.source.reason}" if shift.source.reason else one["source"]
        rows.append((*times, one["role"], printable(one["person"]), printable(why)[:80]))
    yield from table(rows)
    yield f"times of {zone.key}"


COMMANDS = {"schedule": schedule}
