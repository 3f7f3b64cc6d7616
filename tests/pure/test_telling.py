"""A plan and a deploy, told for people."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from pipelines.change import Change
from pipelines.deploy import Deploy, Fact, Kind, State
from pipelines.machine import apply
from pipelines.metricsettings import MetricSettings
from pipelines.plan import Plan, ReleaseRef, StepKind, plan
from pipelines.proof import Proof
from pipelines.spec import DeploySpec
from pipelines.watch import Look
from portal import checking, plantelling, telling

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
MINUTES = timedelta(minutes=5)
SPEC = {
    "environments": {
        "production": {
            "target": {"kind": "memory", "instances": 4},
            "strategy": {"canary": [10, 50, 100], "bake": "5m"},
            "checks": [{"http": "/healthz"}],
        }
    }
}


BASE = ReleaseRef(230, "b" * 40)


def planned(base: ReleaseRef | None = BASE) -> Plan:
    spec = DeploySpec.model_validate(SPEC)
    return plan("component:default/ledger", "production", spec, ReleaseRef(231, "a" * 40), base, Change())


def after(*facts: Kind) -> Deploy:
    deploy, at = Deploy(1), NOON
    for kind in facts:
        deploy = apply(deploy, Fact(kind, plan=planned() if kind is Kind.BOUND else None), at)
        at += timedelta(seconds=10)
    return deploy


def test_a_plan_is_told_wave_by_wave() -> None:
    stages = [stage.title.replace("\u202f", " ") for stage in plantelling.stages(planned())]

    assert stages == [
        "Check out release 231",
        "10 % of traffic, on 1 instance of 231",
        "50 % of traffic, on 2 instances of 231",
        "100 % of traffic, on 4 instances of 231",
        "Release 230 leaves",
    ]


def test_the_stages_take_as_long_as_the_plan() -> None:
    told = plantelling.stages(planned())

    assert sum((stage.expected for stage in told), timedelta(0)) == planned().expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), "When a check fails, when errors are worse than before, or it takes longer than 30 min in all."),
        (("answer time",), "before, when answer time says so, or it"),
        (("answer time", "error rate"), "before, when answer time or error rate says so, or it"),
        (("a", "b", "c"), "before, when a, b or c says so, or it"),
    ],
)
def test_what_puts_it_back_by_itself(names: tuple[str, ...], expected: str) -> None:
    settings = [{"name": name, "log": "panic", "successCondition": "result < 1"} for name in names]
    shown_only = {"name": "curious", "log": "panic", "successCondition": "result < 1", "dryRun": True}
    metrics = tuple(MetricSettings.model_validate(one) for one in (*settings, shown_only))

    told = plantelling.by_itself(replace(planned(), metrics=metrics))

    assert expected in told.replace("\u202f", " ")


def test_a_first_release_has_one_wave_and_nothing_that_leaves() -> None:
    assert len(plantelling.stages(planned(base=None))) == 2


def test_spans_join_what_was_to_what_shall_be() -> None:
    deploy = after(Kind.BOUND, Kind.ATTEMPTED, Kind.STEP_DONE, Kind.ATTEMPTED)
    now = NOON + timedelta(seconds=90)

    told = telling.spans(planned(), deploy.story, NOON, now)

    assert (told[0].begin, told[0].end) == (10, 20)
    assert told[1].begin == 30
    assert told[1].end == 90  # it takes longer than expected, so its end is now
    assert all(before.end == behind.begin for before, behind in pairwise(told[1:]))


def test_the_story_tells_what_was_what_is_and_what_comes() -> None:
    chapters = telling.story(after(Kind.BOUND, Kind.ATTEMPTED, Kind.STEP_DONE, Kind.ATTEMPTED))

    assert [chapter.icon for chapter in chapters[:3]] == ["ok", "run", "ring"]
    assert chapters[0].took == timedelta(seconds=10)
    assert all(chapter.planned for chapter in chapters[2:])


def test_an_aborted_deploy_tells_where_it_was_stopped_and_its_way_back() -> None:
    facts = (Kind.BOUND, Kind.ATTEMPTED, Kind.STEP_DONE, Kind.ATTEMPTED, Kind.ABORTED, Kind.UNDO_ATTEMPTED)
    chapters = telling.story(after(*facts))

    assert [chapter.icon for chapter in chapters] == ["ok", "undo", "undo"]
    assert chapters[1].text == "Stopped by a person."


ONE_STEP = (Kind.ATTEMPTED, Kind.STEP_DONE)


def test_a_picture_of_a_deploy_that_went_back_ends_with_the_way_back() -> None:
    deploy = after(Kind.BOUND, *ONE_STEP * 5, Kind.ABORTED)  # prepared, started, probed, weighed, watched
    picture = telling.stairs(deploy, NOON + timedelta(minutes=5), UTC_ZONE)

    assert deploy.state is State.UNDOING
    assert "back" in picture
    assert "50" not in picture.partition("<text")[2]  # the waves that never came


def test_a_deploy_that_never_had_traffic_has_no_picture_of_it() -> None:
    deploy = after(Kind.BOUND, *ONE_STEP, Kind.ATTEMPTED, Kind.STEP_FAILED)

    assert telling.stairs(deploy, NOON + timedelta(minutes=5), UTC_ZONE) == ""


def test_nobody_can_say_how_long_a_queued_deploy_takes() -> None:
    assert telling.left(Deploy(1), NOON) is None
    assert telling.left(after(Kind.BOUND), NOON) == planned().expected


def looked(passes: int, fails: int) -> Look:
    return Look("/healthz", "ledger-231-1", passes, fails, "answered", timedelta(0), NOON, NOON, passes + fails)


def test_a_check_is_passing_only_when_it_has_passed_as_often_as_it_asks() -> None:
    deploy = after(Kind.BOUND, Kind.ATTEMPTED)

    def state(*looks: Look) -> str:
        return checking.checks(replace(deploy, watch=looks))[0].state

    assert state() == "waiting"
    assert state(looked(1, 0)) == "watching"
    assert state(looked(3, 0)) == "passing"
    assert state(looked(0, 1)) == "failing"


def went_back(*facts: Fact) -> Deploy:
    """Return a deploy that failed while it was watched at 10 %, and whose way back was looked at."""
    deploy = after(Kind.BOUND, *ONE_STEP * 4, Kind.ATTEMPTED)
    for fact in (Fact(Kind.STEP_FAILED, "answered", watch=(looked(0, 3),)), *facts):
        deploy = apply(deploy, fact, NOON + MINUTES)
    return deploy


def test_a_deploy_that_went_back_tells_what_was_seen_of_its_own_release() -> None:
    served = replace(looked(4, 0), instance="ledger-230-1", said="passed")
    step = (Fact(Kind.UNDO_ATTEMPTED), Fact(Kind.UNDO_STEP_DONE))
    verified = went_back(*step * 3, Fact(Kind.UNDO_ATTEMPTED), Fact(Kind.OBSERVED, watch=(served,)))
    back = apply(apply(verified, Fact(Kind.UNDO_STEP_DONE), NOON + MINUTES), Fact(Kind.RESTORED), NOON + MINUTES)
    aborted = apply(after(Kind.BOUND, *ONE_STEP * 2, Kind.ATTEMPTED), Fact(Kind.ABORTED), NOON)

    failing = checking.Checked("/healthz", "failing", 0, 1, "ledger-231-1: answered, 3 times in a row.")
    assert verified.watch == (served,)
    for deploy in (went_back(), verified, back):
        assert checking.checks(deploy)[-1] == failing
    assert checking.checks(replace(verified, fell=None))[-1].state == "skipped"  # an old one, which has forgotten
    assert checking.checks(replace(went_back(), fell=None))[-1] == failing  # and one that has not
    assert checking.checks(aborted)[-1].state == "skipped"


def test_what_is_counted_stands_beside_the_errors_before_it_can_be_weighed() -> None:
    proof = Proof(pending=(3, 0), pending_old=(4, 1), verdict="inconclusive", said="not enough data: 0 errors in 3")

    row = checking.checks(replace(went_back(), proof=proof))[0]

    assert (row.name, row.new, row.old) == ("Errors", "0\u202f%", "25\u202f%")


ASKS = [Kind.BOUND, *[Kind.ATTEMPTED, Kind.STEP_DONE] * 4, Kind.ATTEMPTED]


def asked(ends: Fact) -> list[tuple[str, str]]:
    """Return the title and words of the steps when a canary has paused after its first look, and that has ended so."""
    paused = apply(after(*ASKS), Fact(Kind.PAUSED, "38 requests are not enough", asks="inconclusive"), NOON + MINUTES)
    deploy = apply(paused, ends, NOON + 2 * MINUTES)
    told = telling.story(deploy, UTC_ZONE, lambda who: "Alice Moreau" if who else "")
    assert [chapter.at for chapter in told if chapter.at] == sorted(chapter.at for chapter in told if chapter.at)
    return [(chapter.title, chapter.text) for chapter in told if not chapter.planned]


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (Fact(Kind.RESUMED, actor="user:default/alice"), "Alice Moreau let it go on at 12:10:00."),
        (Fact(Kind.LOOKED_AGAIN, actor="user:default/alice"), "Alice Moreau asked for it once more at 12:10:00."),
        (Fact(Kind.ABORTED, actor="user:default/alice"), "Alice Moreau sent it back at 12:10:00."),
        (Fact(Kind.STEP_FAILED, "nobody said"), "Nobody answered; it went back at 12:10:00."),
    ],
)
def test_a_pause_that_is_over_stays_with_who_ended_it_and_when(ends: Fact, words: str) -> None:
    assert asked(ends)[-1] == ("A person was asked", f"38 requests are not enough. {words}")


def test_a_pause_that_the_strategy_asks_for_is_not_told_as_still_to_come_once_it_is_over() -> None:
    strategy = {"canary": [{"weight": 20, "pause": True}, 100], "bake": "0s"}
    settings = {**SPEC["environments"]["production"], "strategy": strategy}
    spec = DeploySpec.model_validate({"environments": {"production": settings}})
    made = plan("component:default/ledger", "production", spec, ReleaseRef(231, "a" * 40), BASE, Change())
    deploy = apply(Deploy(1), Fact(Kind.BOUND, plan=made), NOON)
    while made.steps[deploy.step].kind is not StepKind.PAUSE:
        deploy = apply(apply(deploy, Fact(Kind.ATTEMPTED), NOON), Fact(Kind.STEP_DONE), NOON)
    paused = apply(deploy, Fact(Kind.PAUSED, "the strategy says so after 20 %", asks="strategy"), NOON)
    gone_on = apply(paused, Fact(Kind.RESUMED, actor="user:default/alice"), NOON + MINUTES)

    for one in (paused, gone_on):
        assert "A person says when it goes on" not in [chapter.title for chapter in telling.story(one)]
    assert "Paused, as planned" in [chapter.title for chapter in telling.story(gone_on)]
