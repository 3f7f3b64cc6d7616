"""A layer of PagerDuty's older schedules (v2) as a rotation of our file. Pure.

The turn that somebody has is counted from the virtual start, also through what restrictions close (`turns: all`).
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from catalog.places import quoted
from oncall.pdnames import Given, Losses, People, exact, label, length, moment, span, title, wall
from oncall.scheduletext import WEEKDAYS

_DAY = 86_400
_WEEK = 7 * _DAY


def rotation(
    layer: Given, zone: ZoneInfo, people: People, taken: set[str], at: datetime, losses: Losses
) -> dict[str, Any] | None:
    """Return the rotation, or None where a loss says why there is none. ValueError and such: the layer is broken."""
    shown = title(layer, "layer")
    until = moment(layer["end"]) if layer.get("end") else None
    if until is not None and until <= at:
        losses.append(f"layer {quoted(shown)} ended on {until.date()}; left out")
        return None
    seconds = int(layer["rotation_turn_length_seconds"])
    every = span(seconds)
    if every is None:
        losses.append(f"layer {quoted(shown)} has turns of {length(seconds)}, here they are whole hours; left out")
        return None
    users = [one.get("user") or one for one in layer.get("users") or ()]
    if not users:
        losses.append(f"layer {quoted(shown)} has nobody in it; carried over as nobody")
    made: dict[str, Any] = {
        "name": label(shown, "layer", taken),
        "order": [people.ref(user, losses) for user in users],
        "every": every,
        "starts": wall(moment(layer["rotation_virtual_start"]), zone),
    }
    restrictions = [_window(one, shown, losses) for one in layer.get("restrictions") or ()]
    if restrictions and all(restrictions):  # one that never closes makes the others idle
        made |= {"restrictions": restrictions, "turns": "all"}
    made["from"] = exact(moment(layer["start"]), zone)
    if until is not None:
        made["to"] = exact(until, zone)
    return made


def _window(one: Given, layer: str, losses: Losses) -> dict[str, Any]:
    """One window of the week; an empty one is open all the time."""
    weekly = one.get("type") == "weekly_restriction"
    hours, minutes, seconds = (int(part) for part in str(one["start_time_of_day"]).split(":"))
    lasts = int(one["duration_seconds"])
    if lasts >= (_WEEK if weekly else _DAY):
        return {}
    if seconds or lasts % 60:
        losses.append(f"a restriction of layer {quoted(layer)} is cut to whole minutes")
    day = int(one["start_day_of_week"]) - 1 if weekly else 0
    starts = day * _DAY + hours * 3600 + minutes * 60
    ends = starts + lasts - lasts % 60
    if not weekly:
        return {"from": _clock(starts), "to": _clock(ends)}
    return {"from": f"{_day(starts)} {_clock(starts)}", "to": f"{_day(ends)} {_clock(ends)}"}


def _clock(seconds: int) -> str:
    return f"{seconds % _DAY // 3600:02}:{seconds % 3600 // 60:02}"


def _day(seconds: int) -> str:
    return WEEKDAYS[seconds // _DAY % 7][:3]
