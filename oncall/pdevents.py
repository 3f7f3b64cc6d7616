"""An event of PagerDuty's newer schedules (v3) as a rotation of our file. Pure.

An event is a shift that recurs by a rule, and its members take it in turn. Ours is a rotation that hands over by the
same rule, open only as long as the shift is.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from catalog.places import quoted
from oncall import rrule, zones
from oncall.pdnames import Given, Losses, People, exact, label, moment, wall
from oncall.scheduletext import WEEKDAYS
from oncall.terms import PRIMARY

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_SHORT = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def rotation(
    event: Given, shown: str, outer: ZoneInfo, people: People, taken: set[str], at: datetime, losses: Losses
) -> dict[str, Any] | None:
    """Return the rotation, or None where a loss says why there is none. ValueError and such: the event is broken."""
    zone = zones.zone(str(event["start_time"].get("time_zone") or outer.key))
    starts, ends = moment(event["start_time"]["date_time"]), moment(event["end_time"]["date_time"])
    over = moment(event["effective_until"]) if event.get("effective_until") else None
    if over is not None and over <= at:
        losses.append(f"an event of {quoted(shown)} ended on {over.date()}; left out")
        return None
    order, roles = _members(event.get("assignment_strategy") or {}, shown, people, losses)
    rules = [str(one) for one in event.get("recurrence") or () if "RRULE" in str(one).upper() or "FREQ" in str(one)]
    if len(rules) != 1 or len(event.get("recurrence") or ()) != 1:
        losses.append(f"an event of {quoted(shown)} does not recur by one rule; left out, enter it as an override")
        return None
    rule, last = _rule(rules[0], zone)
    length = ends.astimezone(zone).replace(tzinfo=None) - starts.astimezone(zone).replace(tzinfo=None)
    windows = _windows(rule, starts.astimezone(zone).replace(tzinfo=None), length)
    if windows is None:
        losses.append(f"{quoted(rules[0])} of {quoted(shown)} opens for only a part of its turns; left out")
        return None
    made: dict[str, Any] = {"name": label(shown, "rotation", taken), "order": order, "every": rule}
    made |= {"starts": wall(starts, zone), "roles": roles}
    made |= {"timezone": zone.key} if zone.key != outer.key else {}
    made |= {"restrictions": windows} if windows else {}
    if event.get("effective_since"):
        made["from"] = exact(moment(event["effective_since"]), zone)
    if over is not None or last is not None:
        made["to"] = exact(min(one for one in (over, last) if one is not None), zone)
    return made


def _members(strategy: Given, shown: str, people: People, losses: Losses) -> tuple[list[str], dict[str, int]]:
    """The order, where somebody stands as often as they have shifts in a row, and the roles."""
    members = [one for one in strategy.get("members") or () if one.get("type") != "empty_member"]
    if len(members) < len(strategy.get("members") or ()):
        losses.append(f"{quoted(shown)} leaves some turns to nobody; here the others take them")
    order = [people.ref({"id": one.get("user_id"), "name": one.get("name")}, losses) for one in members]
    if strategy.get("type") == "every_member_assignment_strategy":
        if len(order) > 1:
            losses.append(f"all of {quoted(shown)} are on call at once; here each has a role, and all roles are paged")
        return order, {PRIMARY if not at else f"{PRIMARY}-{at + 1}": at for at in range(max(len(order), 1))}
    repeat = int(strategy.get("shifts_per_member") or 1)
    return [one for one in order for _ in range(min(repeat, 100))], {PRIMARY: 0}


def _rule(said: str, zone: ZoneInfo) -> tuple[str, datetime | None]:
    """The rule as our file has it, and the moment after which it does not come any more."""
    text = said.strip().upper().removeprefix("RRULE:")
    until = re.search(r"(?:^|;)UNTIL=(\d{8})(?:T(\d{6})(Z?))?", text)
    parts = [part for part in text.split(";") if part and not part.startswith(("UNTIL=", "WKST=MO"))]
    rule = ";".join(parts)
    rrule.rule(rule)
    if until is None:
        return rule, None
    local = datetime.fromisoformat(f"{until[1]}T{until[2] or '235959'}")
    return rule, local.replace(tzinfo=zones.zone("UTC")) if until[3] else zones.last(local, zone)


def _windows(rule: str, starts: datetime, length: timedelta) -> list[dict[str, Any]] | None:
    """When it is open: [] for all the time, None when a week's windows cannot say it."""
    parts = dict(part.split("=", 1) for part in rule.split(";"))
    every = int(parts.get("INTERVAL", 1))
    days = [part for part in parts.get("BYDAY", "").split(",") if part]
    if set(parts) - {"FREQ", "INTERVAL", "BYDAY"} or any(day not in _SHORT for day in days):
        return None
    if parts["FREQ"] == "DAILY" and not days:
        weekdays: Sequence[int] = range(7)
        if length >= every * _DAY:
            return []
    elif parts["FREQ"] == "WEEKLY":
        weekdays = sorted(_SHORT.index(day) for day in days) or [starts.weekday()]
        if _fills(weekdays, length, every):
            return []
    else:
        return None
    if every > 1 or length >= _WEEK or length <= timedelta(0):
        return None  # a window opens every week
    if length < _DAY:
        closes = starts + length
        names = [WEEKDAYS[day][:3] for day in weekdays]
        return [({"days": names} if len(names) < 7 else {}) | {"from": _clock(starts), "to": _clock(closes)}]
    return [_from_day(day, starts, length) for day in weekdays]


def _fills(weekdays: Sequence[int], length: timedelta, every: int) -> bool:
    """Does each shift go on until the next one begins?"""
    turned = [*weekdays[1:], weekdays[0] + 7 * every]
    return all(length >= (after - day) * _DAY for day, after in zip(weekdays, turned, strict=True))


def _from_day(day: int, starts: datetime, length: timedelta) -> dict[str, Any]:
    closes = starts + length
    last = (day + (closes.date() - starts.date()).days) % 7
    return {"from": f"{WEEKDAYS[day][:3]} {_clock(starts)}", "to": f"{WEEKDAYS[last][:3]} {_clock(closes)}"}


def _clock(at: datetime) -> str:
    return at.strftime("%H:%M")
