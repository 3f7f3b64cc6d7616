"""Overrides and custom shifts of PagerDuty's newer schedules (v3) as overrides of our file. Pure.

An override there names whom it replaces and in which rotation; ours does, too. A custom shift is on call beside the
rotations: it becomes an override where nobody else would have the role, and a loss elsewhere, for ours would hide them.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from oncall.pdnames import Given, Losses, People, exact, moment
from oncall.terms import PRIMARY

EMPTY = "empty_member"


def overrides(
    given: Given,
    zone: ZoneInfo,
    roles: Mapping[str, Sequence[str]],
    is_held: Callable[[datetime, datetime], bool],
    people: People,
    at: datetime,
    losses: Losses,
) -> list[dict[str, Any]]:
    """Return those that are not over, custom shifts first. `roles` by rotation; `is_held`: is somebody primary?"""
    made, kept = [], set[str]()
    for one in given.get("custom_shifts") or ():
        start, end = _when(one["start_time"]), _when(one["end_time"])
        members = [said.get("member") or {} for said in one.get("assignments") or ()]
        named = [member for member in members if member.get("type") != EMPTY]
        if end <= at or not named:
            continue
        if is_held(start, end) or len(named) > 1:
            losses.append(
                f"a custom shift on {exact(start, zone)} is beside somebody else's; enter it where it belongs"
            )
            continue
        made.append(_span(start, end, zone) | {"role": PRIMARY, "person": _person(named[0], people, losses)})
        kept.add(str(one.get("id")))
    for one in given.get("overrides") or ():
        start, end = _when(one["start_time"]), _when(one["end_time"])
        if end <= at:
            continue
        rotation, shift = one.get("rotation_id"), one.get("custom_shift_id")
        theirs = roles.get(str(rotation), ()) if rotation else (PRIMARY,) if str(shift) in kept else ()
        person, replaced = one.get("overriding_member") or {}, one.get("overridden_member") or {}
        if not theirs or not person.get("user_id"):
            why = "leaves it to nobody" if theirs else "belongs to what was left out"
            losses.append(f"an override on {exact(start, zone)} {why}; it is not carried over")
            continue
        only = {"replaces": _person(replaced, people, losses)} if replaced.get("user_id") else {}
        if len(theirs) > 1 and not only:
            losses.append(f"an override on {exact(start, zone)} does not say whom it replaces; it is not carried over")
            continue
        new = _span(start, end, zone) | {"person": _person(person, people, losses)} | only
        made += [new | {"role": role} for role in theirs]
    return made


def _person(member: Given, people: People, losses: Losses) -> str:
    return people.ref({"id": member.get("user_id"), "name": member.get("name")}, losses)


def _span(start: datetime, end: datetime, zone: ZoneInfo) -> dict[str, Any]:
    return {"from": exact(start, zone), "to": exact(end, zone)}


def _when(said: Any) -> datetime:
    return moment(said["date_time"] if isinstance(said, Mapping) else said)
