"""On-call at the demo's company: rotas that fit any day, an alert that fires, goes on and ends, and a key for each."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from oncall import alertmanager, coverage, policyfile, schedulefile
from oncall.alertmanager import Door
from oncall.coverage import Trouble
from oncall.schedule import render, who
from oncall.signal import Action
from portal.demo import alerting, ground, nights, people, rotas, story, webhooks
from portal.demo.alerting import Rule, Watch
from portal.demo.webhooks import Alert
from tests.conftest import NOON

DAYS = [
    NOON,
    datetime(2026, 3, 2, 7, 59, tzinfo=UTC),  # a Monday, a minute before the hand-off in Berlin
    datetime(2026, 3, 2, 8, 0, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 30, tzinfo=UTC),  # clocks were set forward half an hour ago
    datetime(2026, 10, 25, 23, 30, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 59, tzinfo=UTC),
]
RULE = Rule(limit=0.05, hold=timedelta(seconds=10), rest=timedelta(seconds=5))


@pytest.mark.parametrize("now", DAYS)
def test_the_first_of_each_rota_has_this_week_and_the_second_comes_next(now: datetime) -> None:
    for written, first, second in zip(rotas.schedules(now), ("mara", "jonas"), ("lin", "ebba"), strict=True):
        schedule = schedulefile.read(written.text, written.name)

        held = {role: shift.person for role, shift in who(schedule, now).items()}

        assert held == {"primary": f"user:default/{first}", "secondary": f"user:default/{second}"}


@pytest.mark.parametrize("now", DAYS)
def test_one_day_of_next_week_is_nobodys_and_one_person_is_out_of_reach(now: datetime) -> None:
    payments, storefront = (schedulefile.read(one.text, one.name) for one in rotas.schedules(now))
    until = now + timedelta(days=28)
    reachable = [one.ref for one in people.EMPLOYEES if one.login not in rotas.NO_CODE_CAME_BACK]
    known = [one.ref for one in people.EMPLOYEES]

    def found(schedule: Any) -> list[coverage.Finding]:
        shifts = render(schedule, now, until)
        return list(coverage.findings(shifts, schedule.roles, now, until, reachable, known, zone=schedule.zone))

    assert found(payments) == []
    gaps = [one for one in found(storefront) if one.kind is Trouble.GAP]
    assert {one.role for one in gaps} == {"primary", "secondary"}
    assert all(timedelta(0) < one.start - now < timedelta(days=14) for one in gaps)
    assert {one.people for one in found(storefront) if one not in gaps} == {("user:default/tomas",)}


def test_every_escalation_can_be_read_and_names_what_there_is() -> None:
    roles = [f"{one.name}/{role}" for one in rotas.schedules(NOON) for role in ("primary", "secondary")]
    known = policyfile.Known(
        [one.ref for one in people.EMPLOYEES], [f"group:default/{one}" for one in people.TEAMS], roles
    )

    for written in rotas.ESCALATIONS:
        policy, problems = policyfile.read(written.text, written.name, known)
        assert (policy is not None and policy.name, list(problems)) == (written.name, [])


def test_what_woke_people_came_after_the_services_first_release_and_is_over() -> None:
    first = {
        name: next(one.ago for one in story.life(name, story.FOR_PEOPLE) if one.deployed) for name in story.services()
    }
    for night in nights.NIGHTS:
        assert timedelta(0) < night.taken < night.over
        for now in DAYS:
            assert now - first[night.service] < night.began(now) < night.began(now) + night.over < now


def test_our_own_reader_understands_what_is_posted() -> None:
    alert = Alert(
        "ErrorsForVisitors", "checkout", "Visitors of checkout get errors", NOON, query="http://127.0.0.1:9290/"
    )
    door = Door("alertmanager:1", "component:default/checkout")

    (begins,) = alertmanager.read(json.dumps(webhooks.body(alert)).encode(), door, NOON).signals
    over = NOON + timedelta(minutes=1)
    (ends,) = alertmanager.read(json.dumps(webhooks.body(alert, over)).encode(), door, over).signals

    assert (begins.action, begins.title, begins.since) == (Action.TRIGGER, alert.summary, NOON)
    assert (ends.action, ends.key, ends.over) == (Action.RESOLVE, begins.key, over)


class Scene:
    """A service whose share of errors is set, and what was posted of it."""

    def __init__(self, path: Path) -> None:
        self.share: float | None = 0.0
        self.answers, self.at, self.path = True, NOON, path
        self.posted: list[str] = []
        self.open()

    def open(self) -> None:
        self.watch = Watch(self._shares, self._post, RULE, self.path, now=self.at)

    def _shares(self) -> Mapping[str, float]:
        return {} if self.share is None else {"checkout": self.share}

    def _post(self, service: str, body: Mapping[str, Any]) -> bool:
        if self.answers:
            self.posted.append(f"{service} {body['status']} {body['alerts'][0]['startsAt']}")
        return self.answers

    def go_on(self, seconds: int, share: float | None) -> "Scene":
        self.share = share
        for _ in range(seconds):
            self.at += timedelta(seconds=1)
            self.watch.look(self.at)
        return self


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / alerting.FIRING)


BEGAN = "2026-03-02T12:00:11.000Z"  # ten seconds after the first look that found errors


def test_errors_that_last_are_posted_once_a_minute_and_their_end_once(scene: Scene) -> None:
    scene.go_on(10, 0.3)
    assert scene.posted == []
    scene.go_on(55, 0.3)
    assert scene.posted == [f"checkout firing {BEGAN}"]
    scene.go_on(10, 0.3).go_on(5, 0.0)
    assert scene.posted == [f"checkout firing {BEGAN}"] * 2
    scene.go_on(30, None)
    assert scene.posted == [*[f"checkout firing {BEGAN}"] * 2, f"checkout resolved {BEGAN}"]


def test_errors_that_do_not_last_or_are_few_are_nobodys_business(scene: Scene) -> None:
    for _ in range(5):
        scene.go_on(9, 0.9).go_on(1, 0.0)
    scene.go_on(30, 0.05)

    assert scene.posted == []


def test_a_moment_without_errors_ends_nothing(scene: Scene) -> None:
    scene.go_on(11, 0.3).go_on(4, 0.0).go_on(3, 0.3).go_on(4, 0.0)

    assert scene.posted == [f"checkout firing {BEGAN}"]


def test_a_portal_that_does_not_answer_hears_of_it_when_it_does(scene: Scene) -> None:
    scene.answers = False
    scene.go_on(20, 0.3)
    scene.answers = True
    scene.go_on(3, 0.3)
    assert scene.posted == [f"checkout firing {BEGAN}"]

    scene.answers = False
    scene.go_on(20, 0.0)
    scene.answers = True
    scene.go_on(3, 0.0)
    assert scene.posted[1:] == [f"checkout resolved {BEGAN}"]


def test_what_fired_when_the_demo_was_stopped_ends_after_it_has_begun_again(scene: Scene) -> None:
    scene.go_on(11, 0.3)
    scene.open()
    scene.go_on(10, 0.0)
    assert scene.posted == [f"checkout firing {BEGAN}", f"checkout resolved {BEGAN}"]

    scene.open()
    scene.go_on(10, 0.0)
    assert len(scene.posted) == 2


def test_the_folder_of_a_demo_gets_phones_and_a_fallback_once_and_somebodys_own_stay(tmp_path: Path) -> None:
    ground.configure(tmp_path)
    ground.configure(tmp_path)
    written = (tmp_path / ground.CONFIG).read_text()
    assert written.count("[oncall]") == 1
    assert "phones = true" in written

    own = '[oncall]\nfallback = "group:payments"\n'
    (tmp_path / ground.CONFIG).write_text(own)
    ground.configure(tmp_path)
    assert (tmp_path / ground.CONFIG).read_text() == own
