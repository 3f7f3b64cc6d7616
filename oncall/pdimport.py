"""PagerDuty's schedules and escalation policies as files of ours, and what could not be carried over. Pure.

Which layer hides which is not taken from the order of PagerDuty's list, which has been served both ways round, but from
what PagerDuty itself renders: the order that gives the same shifts is the right one. Nothing here fetches anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from catalog.places import quoted
from ledger.errors import Error
from oncall import pdevents, pdlayers, pdoverrides, pdpolicies, schedulefile, zones
from oncall.pdnames import Given, Losses, People, exact, label, moment, slug, title, wall
from oncall.schedule import Schedule, render
from oncall.terms import PRIMARY

BROKEN = (ValueError, KeyError, TypeError, AttributeError, OverflowError)
_LOOK = timedelta(days=28)  # how far rotations of a newer schedule are compared with one another


@dataclass(frozen=True)
class Everything:
    """What PagerDuty's REST API shows of who answers when, as it came; `skipped` says what could not be read."""

    users: tuple[Given, ...] = ()
    schedules: tuple[Given, ...] = ()  # with `final_schedule` and `overrides` of the days ahead
    schedules_v3: tuple[Given, ...] = ()  # with `rotations`, those with `events`
    policies: tuple[Given, ...] = ()
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Imported:
    """One file of ours. An empty `text` means that nothing of it could be carried over; `losses` say why."""

    kind: str  # schedule or escalation
    name: str  # payments-primary: for the file's name, and for references to it
    title: str  # as PagerDuty calls it
    text: str
    losses: tuple[str, ...] = ()
    roles: tuple[str, ...] = field(default=(PRIMARY,))


def imported(given: Everything, known: Mapping[str, str], at: datetime) -> Sequence[Imported]:
    """Return all files. `known` are the catalog's people by mail address, `at` is the moment of the import."""
    people, names = People(given.users, known), set[str]()
    made = [(one, _named(older(one, people, at), names)) for one in given.schedules]
    made += [(one, _named(newer(one, people, at), names)) for one in given.schedules_v3]
    roles = {str(one["id"]): [f"{file.name}/{role}" for role in file.roles] for one, file in made if one.get("id")}
    files = [file for _, file in made]
    policies = set[str]()
    for one in given.policies:
        text, losses = pdpolicies.policy(one, roles, people)
        shown = title(one, "policy")
        files.append(_named(Imported("escalation", slug(shown, "policy"), shown, text, losses, ()), policies))
    return files


def older(given: Given, people: People, at: datetime) -> Imported:
    """Return a schedule of layers (v2) as a file."""
    losses: Losses = []
    shown = title(given, "schedule")
    try:
        zone = zones.zone(str(given.get("time_zone")))
        layers = list(given.get("schedule_layers") or ())
        overrides = _overrides(given.get("overrides") or (), zone, people, at, losses)
        theirs = _rendered(given, people)
        taken = set[str]()
        rotations = [pdlayers.rotation(one, zone, people, taken, at, losses) for one in layers]
        kept = [one for one in rotations if one is not None]
        listed, turned = [_document(zone, order, overrides) for order in (kept, kept[::-1])]
        document, wrong = min(((one, _first_difference(one, theirs)) for one in (listed, turned)), key=_agrees)
    except BROKEN as error:
        return _nothing(shown, losses, error)
    if wrong is not None:
        losses.append(f"from {wrong.isoformat(timespec='minutes')} on PagerDuty shows somebody else; compare the two")
    elif len(kept) > 1 and not theirs:
        losses.append("PagerDuty gave no rendered shifts; look whether the right rotation hides the other")
    return _file(shown, document, losses)


def newer(given: Given, people: People, at: datetime) -> Imported:
    """Return a schedule of rotations and events (v3) as a file."""
    losses: Losses = []
    shown = title(given, "schedule")
    try:
        zone = zones.zone(str(given.get("time_zone")))
        taken = set[str]()
        made: list[dict[str, Any]] = []
        roles: dict[str, Sequence[str]] = {}
        for number, one in enumerate(given.get("rotations") or (), start=1):
            name = title(one, f"rotation {number}")
            found = [pdevents.rotation(each, name, zone, people, taken, at, losses) for each in one.get("events") or ()]
            kept = [each for each in found if each is not None]
            _beside(made, kept, zone, at, losses)
            roles[str(one.get("id"))] = list(dict.fromkeys(role for each in kept for role in each["roles"]))
        schedule = _read(_document(zone, made, []))
        changes = pdoverrides.overrides(given, zone, roles, partial(_has_primary, schedule), people, at, losses)
        if changes and PRIMARY not in schedule.roles:  # only custom shifts: their role is one of nobody's rotation
            nobody = {"name": label("custom shifts", "", taken), "order": [], "every": "1 week"}
            made.append(nobody | {"starts": wall(at, zone)})
        return _file(shown, _document(zone, made, changes), losses)
    except BROKEN as error:
        return _nothing(shown, losses, error)


def _has_primary(schedule: Schedule, start: datetime, end: datetime) -> bool:
    return bool(render(schedule, start, end, roles=[PRIMARY]))


def _beside(
    made: list[dict[str, Any]], found: list[dict[str, Any]], zone: ZoneInfo, at: datetime, losses: Losses
) -> None:
    """Add rotations. Where two have somebody at once, PagerDuty has both on call; here one would hide the other."""
    before = _shifts(_document(zone, made, []), at)
    ours = _shifts(_document(zone, found, []), at)
    used = {role for one in made for role in one["roles"]}
    if any(one.start < other.end and other.start < one.end for one in before for other in ours):
        number = len(used) + 1
        for one in found:
            one["roles"] = {f"{PRIMARY}-{number + offset}": offset for offset in one["roles"].values()}
        losses.append(f"{quoted(found[0]['name'])} is on call beside another rotation; here it has a role of its own")
    made.extend(found)


def _shifts(document: Mapping[str, Any], at: datetime) -> Sequence[Any]:
    return render(_read(document), at, at + _LOOK)


def _overrides(
    given: Sequence[Given], zone: ZoneInfo, people: People, at: datetime, losses: Losses
) -> list[dict[str, Any]]:
    """Those that are not over, in the order in which they win: the last one created."""
    coming = [one for one in given if moment(one["end"]) > at]
    return [
        {
            "person": people.ref(one["user"], losses),
            "from": exact(moment(one["start"]), zone),
            "to": exact(moment(one["end"]), zone),
        }
        for one in coming
    ]


def _rendered(given: Given, people: People) -> list[tuple[datetime, datetime, str]]:
    """The shifts that PagerDuty itself shows, for the days that were asked for."""
    final = given.get("final_schedule") or {}
    entries = final.get("rendered_schedule_entries") or ()
    return [(moment(one["start"]), moment(one["end"]), people.ref(one["user"], [])) for one in entries]


def _first_difference(document: Mapping[str, Any], theirs: Sequence[tuple[datetime, datetime, str]]) -> datetime | None:
    """The first moment at which the two have different people, between the first and the last of theirs."""
    if not theirs:
        return None
    since, until = min(start for start, _, _ in theirs), max(end for _, end, _ in theirs)
    ours = [(one.start, one.end, one.person) for one in render(_read(document), since, until, roles=[PRIMARY])]
    edges = {since, *(at for start, end, _ in (*ours, *theirs) for at in (start, end))}
    for at in sorted(edge for edge in edges if since <= edge < until):
        if _holder(ours, at) != _holder(theirs, at):
            return at
    return None


def _holder(shifts: Sequence[tuple[datetime, datetime, str]], at: datetime) -> str:
    return next((person for start, end, person in shifts if start <= at < end), "")


def _agrees(candidate: tuple[Mapping[str, Any], datetime | None]) -> tuple[bool, float]:
    """The one that agrees comes first, then the one that agrees the longest."""
    wrong = candidate[1]
    return wrong is not None, -wrong.timestamp() if wrong else 0


def _document(zone: ZoneInfo, rotations: Sequence[Mapping[str, Any]], overrides: Sequence[Given]) -> dict[str, Any]:
    return {"timezone": zone.key, "rotations": list(rotations)} | ({"overrides": list(overrides)} if overrides else {})


def _read(document: Mapping[str, Any]) -> Schedule:
    try:
        return schedulefile.read(_text(document), "imported")
    except Error as error:
        raise ValueError(str(error)) from None


def _text(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)


def _file(shown: str, document: Mapping[str, Any], losses: Losses) -> Imported:
    roles = tuple(_read(document).roles) or (PRIMARY,)
    return Imported("schedule", slug(shown, "schedule"), shown, _text(document), tuple(losses), roles)


def _nothing(shown: str, losses: Losses, error: Exception) -> Imported:
    why = str(error) if isinstance(error, ValueError) else "PagerDuty sent it in a form that is not known here"
    said = (*losses, f"nothing was carried over: {why}")
    return Imported("schedule", slug(shown, "schedule"), shown, "", said, ())


def _named(one: Imported, taken: set[str]) -> Imported:
    """Two may not have one name: the second gets a number."""
    name, number = one.name, 2
    while name in taken:
        name, number = f"{one.name}-{number}", number + 1
    taken.add(name)
    if name == one.name:
        return one
    text = one.text.replace(f"name: {one.name}\n", f"name: {name}\n", 1) if one.kind == "escalation" else one.text
    return Imported(one.kind, name, one.title, text, one.losses, one.roles)
