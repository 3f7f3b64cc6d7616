"""Schedules with what must come out of them: one file in tests/cases/schedules is one test."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from ledger.errors import Error
from oncall import lineups, overrides, schedulefile, scheduletext
from oncall.lineups import RollOut
from oncall.schedule import Schedule, findings, render, whole
from oncall.terms import Shift

CASES = sorted((Path(__file__).parents[1] / "cases" / "schedules").glob("*.yaml"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_schedule_says_what_its_case_says(path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    schedule = schedulefile.read(case["schedule"], path.name)
    for step in case["steps"]:
        if "shifts" in step:
            assert list(told(schedule, step)) == step["shifts"], case["why"]
            assert findings(schedule) == step.get("findings", [])
        elif "refused" in step:
            with pytest.raises(Error, match=step["refused"]):
                changed(schedule, step)
        else:
            schedule = changed(schedule, step)


def told(schedule: Schedule, step: Mapping[str, Any]) -> Iterator[str]:
    asked: Callable[..., list[Shift]] = render if "render" in step else whole
    since, until = (moment(schedule, str(said)) for said in step.get("render") or step["whole"])
    for shift in asked(schedule, since, until, roles=[step["role"]] if "role" in step else None):
        start, end = (f"{at.astimezone(schedule.zone):%Y-%m-%d %H:%M %z}" for at in (shift.start, shift.end))
        person = shift.person.replace("user:default/", "user:")
        yield f"{start} to {end} {shift.role} {person} {shift.source}"


def changed(schedule: Schedule, step: Mapping[str, Any]) -> Schedule:
    at = moment(schedule, step["at"])
    if "delete" in step:
        gone = next(one for one in schedule.overrides if one.number == step["delete"])
        kept = {one.number: one for one in schedule.overrides} | {gone.number: overrides.deleted(gone, at)}
        return replace(schedule, overrides=tuple(one for one in kept.values() if one is not None))
    rotation, when = schedule.rotations[0], RollOut(step["when"])
    if "add" in step:
        rotation = lineups.added(rotation, scheduletext.person(step["add"]), at, when, step.get("position"))
    else:
        rotation = lineups.removed(rotation, scheduletext.person(step["remove"]), at, when)
    return schedule.with_lineups(rotation.name, rotation.lineups)


def moment(schedule: Schedule, said: str) -> datetime:
    return scheduletext.begins(scheduletext.moment(said), schedule.zone)
