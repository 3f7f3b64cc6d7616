"""`fullcycle oncall`: who is on call, the shifts to come and what is wrong with them; take, swap and write them.

Exit codes: 0 fine, 1 nobody is on call or something is wrong with the shifts, 2 a wrong call, 3 no answer.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import click

from ledger import clock
from ledger.errors import Code, Error
from oncall.zones import zone as zone_of
from portal.chat import when
from portal.cli import files, oncallimport, oncallteams
from portal.cli.deploys import connect, json_option, reason_option, say, slug
from portal.cli.trials import table
from portal.cli.wording import plain
from portal.client import Client, Told, printable
from portal.render import short_ref

UTC_ZONE = ZoneInfo("UTC")
SCHEDULE, ESCALATION = "schedule", "escalation"
role_option = click.option("--role", default="primary", show_default=True)
dry_option = click.option("--dry-run", "dry", is_flag=True, help="only say what it would do")


@click.group()
def oncall() -> None:
    """Who is on call, and how that changes. Times: now, tomorrow 09:00, fri, 2026-03-29 12:00 or with an offset."""


@oncall.command()
@click.argument("what", required=False, metavar="[SERVICE|TEAM|SCHEDULE]")
@click.option("--at", "then", default="", metavar="TIME", help="then; of this machine's zone unless it has one")
@json_option
def who(what: str | None, then: str, as_json: bool) -> None:
    """Say who is on call, for everything or for one; exit 1 when that is nobody whom a page reaches."""
    portal = connect()
    at = here(then).isoformat() if then else None
    told = _asked(portal, what, at) if what else portal.get("/oncall", at=at)
    say(told, as_json, *_who(told))
    sys.exit(0 if _somebody(told) else 1)


def _asked(portal: Client, what: str, at: str | None) -> Told:
    """Ask for a service of that name, else a team, else a schedule."""
    asked: Sequence[tuple[str, str]] = (("service", slug(what, quoted=False)), ("team", what), ("schedule", what))
    if what.startswith("group:"):
        asked = (("team", what),)
    for number, (kind, name) in enumerate(asked):
        try:
            narrow: dict[str, Any] = {kind: name}
            return portal.get("/oncall", at=at, **narrow)
        except Error as error:
            if error.code not in (Code.NOT_FOUND, Code.INVALID) or number == len(asked) - 1:
                raise
    raise AssertionError("the last one answers or raises")


def _somebody(told: Told) -> bool:
    if told["answer"]:
        return any(one["reached_at"] for level in told["answer"]["levels"] for one in level["people"])
    return any(duty["roles"] for duty in told["schedules"])


def _who(told: Told) -> Iterator[str]:
    answer = told["answer"]
    if answer:
        who_answers = short_ref(answer["team"]) if answer["team"] else "nobody"
        yield f"{short_ref(answer['about'])}: {who_answers} ({plain(answer['why'])}), by {answer['escalation']}"
        for level in answer["levels"]:
            people = [_reached(one) for one in level["people"]]
            yield f"  {level['level']}  {', '.join(people) or 'nobody is on call'}"
    rows: list[tuple[str, ...]] = [("SCHEDULE", "ROLE", "WHO", "UNTIL", "WHY")]
    for duty in told["schedules"]:
        zone = zone_of(duty["zone"])
        for one in duty["roles"]:
            until = f"{datetime.fromisoformat(one['end']).astimezone(zone):%a %d %b %H:%M %Z}"
            rows.append((duty["schedule"], one["role"], plain(one["name"]), until, _why(one)))
        if not duty["roles"]:
            rows.append((duty["schedule"], "", "nobody", "", ""))
    yield from table(rows) if len(rows) > 1 else () if answer else ["There is no schedule yet."]


def _reached(one: Told) -> str:
    said = f"{plain(one['name'])} ({one['through']})"
    return said if one["reached_at"] else f"{said}, who cannot be reached: {plain(one['why'])}"


def _why(one: Told) -> str:
    return plain(f"{one['source']}: {one['reason']}" if one["reason"] else one["source"])[:60]


@oncall.command()
@click.argument("name")
@click.option("--from", "since", default="", metavar="TIME", help="[now]")
@click.option("--until", default="", metavar="TIME", help="[two weeks later]")
@click.option("--role", help="only this role")
@json_option
def schedule(name: str, since: str, until: str, role: str | None, as_json: bool) -> None:
    """List the shifts of a schedule; times are those of the schedule."""
    portal = connect()
    asked: dict[str, Any] = {"from": _in(portal, name, since), "until": _in(portal, name, until), "role": role}
    told = portal.get(f"{_path(name)}/shifts", **asked)
    zone = zone_of(told["zone"])
    rows: list[tuple[str, ...]] = [("FROM", "UNTIL", "ROLE", "WHO", "WHY")]
    for one in told["shifts"]:
        start, end = (datetime.fromisoformat(one[edge]).astimezone(zone) for edge in ("start", "end"))
        times = (f"{start:%a %Y-%m-%d %H:%M %z}", f"{end:%a %Y-%m-%d %H:%M %z}")
        rows.append((*times, one["role"], plain(one["name"]), _why(one)))
    found = [*table(rows), f"times of {zone.key}"] if told["shifts"] else ["nobody"]
    say(told, as_json, *found)
    sys.exit(0 if told["shifts"] else 1)


@oncall.command()
@click.argument("name", required=False, metavar="[SCHEDULE]")
@click.option("--days", type=click.IntRange(1, 366), default=28, show_default=True)
@json_option
def gaps(name: str | None, days: int, as_json: bool) -> None:
    """List gaps, double bookings, and people who are away or whom no page would reach; exit 1 when there are any."""
    told = connect().get("/oncall/gaps", schedule=name, days=days)
    found = [f"{one['schedule']}: {plain(one['sentence'])}" for one in told["findings"]]
    say(told, as_json, *(found or [f"Somebody is on call all the time, for the next {days} days."]))
    sys.exit(1 if found else 0)


# --- changes ----------------------------------------------------------------------------------------------------------


@oncall.command()
@click.argument("name", metavar="SCHEDULE")
@click.option("--person", default="me", show_default=True, help="ada, user:ada or me")
@role_option
@click.option("--from", "since", default="now", show_default=True, metavar="TIME")
@click.option("--until", required=True, metavar="TIME")
@reason_option
@dry_option
@json_option
def override(name: str, person: str, role: str, since: str, until: str, reason: str, dry: bool, as_json: bool) -> None:
    """Have somebody hold a role for a while, whatever the rotation says."""
    portal = connect()
    span = {"from": _in(portal, name, since), "until": _in(portal, name, until)}
    body = {"person": person, "role": role, **span, "reason": reason}
    _done(portal.post(f"{_path(name)}/overrides{_dry(dry)}", body), as_json)


@oncall.command()
@click.argument("name", metavar="SCHEDULE")
@click.option("--at", "then", default="now", show_default=True, metavar="TIME", help="a moment in the shift")
@click.option("--person", default="me", show_default=True, help="who takes it")
@role_option
@click.option("--from", "since", default="", metavar="TIME", help="only a part of it")
@click.option("--until", default="", metavar="TIME")
@reason_option
@dry_option
@json_option
def cover(
    name: str, then: str, person: str, role: str, since: str, until: str, reason: str, dry: bool, as_json: bool
) -> None:
    """Take the shift that a moment is in, or a part of it."""
    portal = connect()
    times = {"at": _in(portal, name, then), "from": _in(portal, name, since), "until": _in(portal, name, until)}
    said = {key: value for key, value in times.items() if value is not None}
    body = {"person": person, "role": role, "reason": reason, **said}
    _done(portal.post(f"{_path(name)}/cover{_dry(dry)}", body), as_json)


@oncall.command()
@click.argument("name", metavar="SCHEDULE")
@click.option("--mine", required=True, metavar="TIME", help="a moment in the one shift")
@click.option("--with", "other", required=True, metavar="TIME", help="a moment in the other")
@role_option
@reason_option
@dry_option
@json_option
def swap(name: str, mine: str, other: str, role: str, reason: str, dry: bool, as_json: bool) -> None:
    """Exchange two shifts."""
    portal = connect()
    times = {"mine": _in(portal, name, mine), "with": _in(portal, name, other)}
    _done(portal.post(f"{_path(name)}/swap{_dry(dry)}", {**times, "role": role, "reason": reason}), as_json)


@oncall.command("give-back")
@click.argument("override_id", metavar="ID", type=click.IntRange(1))
@dry_option
@json_option
def give_back(override_id: int, dry: bool, as_json: bool) -> None:
    """Take an override away; what is over of it stays, and a swap goes as a whole."""
    _done(connect().delete(f"/oncall/overrides/{override_id}{_dry(dry)}"), as_json)


@oncall.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", default="", help="as what it is kept; else as the file is called")
@click.option("--team", default="", help="whose it is, like group:payments; else whose it was")
@click.option("--why", default="", help="for the others and the history")
@click.option("--yes", is_flag=True, help="without asking")
@json_option
def apply(file: Path, name: str, team: str, why: str, yes: bool, as_json: bool) -> None:
    """Write a schedule or an escalation from FILE; what it changes is shown first."""
    text, portal = _text(file), connect()
    kind = ESCALATION if any(line.startswith("levels:") for line in text.splitlines()) else SCHEDULE
    path = f"/oncall/{kind}s/{quote(name or file.stem, safe='')}"
    body = {"text": text, "team": team, "why": why}
    shown = portal.put(path, body, dry_run=True)
    if not as_json:
        click.echo(printable("\n".join(effects(shown) if kind == SCHEDULE else _escalation(shown))))
    if not yes and not sys.stdin.isatty():
        raise Error(Code.INVALID, "Nothing is written yet; say --yes to write it.")
    if not yes and not click.confirm("Write it?"):
        sys.exit(1)
    told = portal.put(path, body)
    say(told, as_json, f"{kind} {name or file.stem} is written")


def _escalation(told: Told) -> Iterator[str]:
    yield f"{told['name']}: {told['levels']} levels, gone through {told['rounds']} times"


def effects(told: Told) -> Iterator[str]:
    """What a change does, or would, person by person, and what is wrong afterwards."""
    if told["empty"]:
        yield "nobody's shifts change"
    yield from (f"  {plain(one)}" for one in told["sentences"])
    if told["changes_now"]:
        yield "  somebody else is on call at once"
    for key in ("opened", "doubles", "absent"):
        yield from (f"  ! {plain(one)}" for one in told[key])


def _done(told: Told, as_json: bool) -> None:
    say(told, as_json, f"{told['schedule']} {'is' if told['saved'] else 'would be'} changed", *effects(told))


def _dry(dry: bool) -> str:
    return "?dry_run=true" if dry else ""


# --- what is said -----------------------------------------------------------------------------------------------------


def _path(name: str) -> str:
    return f"/oncall/schedules/{quote(name, safe='')}"


def _in(portal: Client, name: str, said: str) -> str | None:
    """Return a time as it is meant in a schedule's zone; nothing for nothing."""
    if not said:
        return None
    told = portal.get("/oncall", schedule=name)
    return _read(said, clock.now(), zone_of(told["schedules"][0]["zone"])).isoformat()


def here(said: str) -> datetime:
    """Return a time as it is meant on this machine."""
    now = clock.now()
    if said.strip().lower().startswith(("now", "in ")) or _has_offset(said):
        return _read(said, now, UTC_ZONE)
    wall = now.astimezone().replace(tzinfo=UTC)
    return _read(said, wall, UTC_ZONE).replace(tzinfo=None).astimezone()


def _has_offset(said: str) -> bool:
    try:
        return datetime.fromisoformat(said.strip()).tzinfo is not None
    except ValueError:
        return False


def _read(said: str, now: datetime, zone: ZoneInfo) -> datetime:
    try:
        return when.at(said, now, zone)
    except (ValueError, OverflowError) as error:
        raise Error(Code.INVALID, str(error)) from None


def _text(file: Path) -> str:
    try:
        return files.text(str(file)).decode()
    except UnicodeDecodeError:
        raise Error(Code.NOT_FOUND, f"{printable(str(file))} cannot be read (it is not text in UTF-8).") from None


oncall.add_command(oncallimport.group)
oncall.add_command(oncallteams.pager)
oncall.add_command(oncallteams.holidays)
COMMANDS: Mapping[str, click.Command] = {"oncall": oncall}
