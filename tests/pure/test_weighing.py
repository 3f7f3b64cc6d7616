"""What visitors get from the new release against what they get from the old one: folded look by look, then judged."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import evidence, weighing
from pipelines.evidence import Evidence, Verdict
from pipelines.plan import Plan, Step, StepKind
from pipelines.proof import NO_PROOF, Before, Point, Proof
from production.ports import Share
from tests.conftest import NOON
from tests.pure.deploys import OLD, SECOND, plan_of

CANARY = {"canary": [10, 50, 100], "bake": "60s"}
Counts = tuple[int, int]  # requests and errors


def plan(
    strategy: object = CANARY, before: Sequence[Counts] = (), judge: dict[str, object] | None = None, bake: str = "60s"
) -> Plan:
    made = plan_of(strategy, bake=bake, judge=judge or {"tolerance": 1})
    return replace(made, before=Before(tuple(one[0] for one in before), tuple(one[1] for one in before)))


def bake(made: Plan, wave: int = 1) -> Step:
    return next(step for step in made.steps if step.kind is StepKind.BAKE and step.wave == wave)


class Watching:
    """A release that is watched: what both have answered grows, and is looked at."""

    def __init__(self, made: Plan, wave: int = 1, proof: Proof = NO_PROOF, at: datetime = NOON) -> None:
        self.plan, self.step, self.proof, self.now = made, bake(made, wave), weighing.begun(proof, made), at
        self.over_at = at + self.step.expected
        self.new, self.old = (0, 0), (50_000, 20)  # the old one has served for long
        self.look()

    def look(self, new: Counts = (0, 0), old: Counts = (0, 0), after: timedelta = SECOND) -> "Watching":
        """So much more has been answered when it is looked at the next time."""
        self.now += after
        self.new = (self.new[0] + new[0], self.new[1] + new[1])
        self.old = (self.old[0] + old[0], self.old[1] + old[1])
        return self.told(Share(1, 90, 0, *self.old), Share(2, 10, 0, *self.new))

    def told(self, *shares: Share) -> "Watching":
        self.proof = weighing.seen(self.proof, self.plan, self.step, shares, self.now, self.over_at)
        return self

    @property
    def counted(self) -> Evidence:
        return self.proof.evidence

    @property
    def verdict(self) -> Verdict:
        found = weighing.verdict(self.proof, self.plan)
        assert found is not None
        return found


# Beside each other.


def test_what_was_answered_before_it_was_watched_does_not_count() -> None:
    watching = Watching(plan())

    watching.look(new=(100, 2), old=(900, 3))

    told = watching.counted
    assert (told.canary_requests, told.canary_errors) == (100, 2)
    assert (told.baseline_requests, told.baseline_errors) == (900, 3)


def test_errors_of_the_new_one_put_it_back_with_the_numbers() -> None:
    watching = Watching(plan())

    once = watching.look(new=(590, 2), old=(5_300, 2)).look(new=(590, 12), old=(5_300, 1)).verdict
    assert once.kind == "inconclusive"  # nobody knows how errors vary here, so two looks in a row decide
    watching.look(new=(10, 0), old=(90, 0))

    assert watching.verdict.kind == "fail"
    assert watching.verdict.sentence.startswith("14 errors in 1,190 requests against 3 in 10,690, e = ")
    assert watching.verdict.sentence.endswith(" ≥ 100")


def test_a_release_as_good_as_the_old_one_passes_with_the_numbers() -> None:
    watching = Watching(plan())

    watching.look(new=(1_000, 3), old=(9_000, 30))

    assert watching.verdict.kind == "pass"
    assert watching.verdict.sentence.startswith("3 errors in 1,000 requests against 30 in 9,000, e = ")
    assert watching.verdict.sentence.endswith(" < 100")


def test_with_little_traffic_it_says_how_much_is_missing() -> None:
    watching = Watching(plan())

    watching.look(new=(12, 0), old=(108, 0))

    assert watching.verdict.kind == "inconclusive"
    assert watching.verdict.sentence.startswith("not enough data: 12 of about ")


def test_the_evidence_is_the_product_over_the_waves_each_with_its_own_share() -> None:
    made = plan()
    first = Watching(made).look(new=(100, 4), old=(900, 3)).look(new=(100, 3), old=(900, 2))
    second = Watching(made, wave=2, proof=first.proof, at=first.now)
    second.look(new=(500, 9), old=(500, 2))

    counted = Evidence()
    for share, new, old in ((0.1, 4, 3), (0.1, 3, 2), (0.5, 9, 2)):
        counted = evidence.taken(counted, share, new, old)
    assert second.counted.logs == pytest.approx(counted.logs)
    assert (second.counted.canary_errors, second.counted.baseline_errors) == (16, 7)
    assert first.verdict.kind != "fail"
    assert second.look(new=(10, 0), old=(10, 0)).verdict.kind == "fail"


def test_what_was_answered_between_two_waves_is_nobodys() -> None:
    made = plan()
    first = Watching(made).look(new=(100, 0), old=(900, 0))
    second = Watching(made, wave=2, proof=first.proof, at=first.now)
    second.new, second.old = (500, 400), (9_000, 800)
    second.proof = weighing.begun(second.proof, made)

    second.look().look(new=(100, 1), old=(100, 1))

    assert (second.counted.canary_errors, second.counted.baseline_errors) == (1, 1)


def test_single_requests_are_put_together_until_there_is_something_to_compare() -> None:
    watching = Watching(plan({"canary": [50, 100], "bake": "10m"}))

    for _ in range(150):  # twenty a minute, in turn; each look sees one request at the most
        watching.look(new=(1, 1), after=3 * SECOND).look(old=(1, 0), after=3 * SECOND)
        if watching.verdict.kind == "fail":
            break

    assert watching.verdict.kind == "fail"
    assert watching.counted.canary_requests <= 30


def test_what_is_put_together_counts_at_the_end_however_little() -> None:
    watching = Watching(plan())

    watching.look(new=(3, 1), old=(27, 0))
    assert watching.counted.looks == 0
    watching.look(after=timedelta(minutes=1))

    assert (watching.counted.canary_requests, watching.counted.baseline_requests) == (3, 27)


def test_when_an_interval_ends_depends_on_requests_alone() -> None:
    """Or errors could choose when they are counted, and e would promise nothing."""
    chance = random.Random(4)
    looks = [((chance.randrange(4), 0), (chance.randrange(30), 0)) for _ in range(50)]
    good, bad = Watching(plan()), Watching(plan())
    ended = []
    for new, old in looks:
        good.look(new, old)
        bad.look((new[0], new[0]), (old[0], old[0] // 2))
        ended.append((good.counted.looks, bad.counted.looks))

    assert all(one == other for one, other in ended)
    assert ended[-1][0] > 3


@pytest.mark.long
def test_false_alarms_stay_as_rare_as_promised_however_often_one_looks() -> None:
    """Without a difference, of 120 deploys looked at each second about one may be put back."""
    chance, made, alarms = random.Random(1), plan({"canary": [20, 100], "bake": "90s"}), 0

    for _ in range(120):
        watching = Watching(made)
        for _ in range(90):
            new, old = (chance.random() < 0.4, chance.random() < 0.9), (chance.random() < 0.9, chance.random() < 0.8)
            watching.look(
                (sum(new), sum(one and chance.random() < 0.02 for one in new)),
                (sum(old), sum(one and chance.random() < 0.02 for one in old)),
            )
        alarms += watching.verdict.kind == "fail"

    assert alarms <= 5  # more would happen once in 400 such tests, were it exactly one in a hundred


# What counts begins anew, or is not told.


def test_a_proxy_that_began_anew_takes_nothing_away() -> None:
    watching = Watching(plan()).look(new=(100, 1), old=(900, 3))

    watching.told(Share(1, 90, 0, 40, 1), Share(2, 10, 0, 20, 2))

    told = watching.counted
    assert (told.canary_requests, told.canary_errors) == (120, 3)
    assert (told.baseline_requests, told.baseline_errors) == (940, 4)


def test_a_release_that_is_not_told_of_once_does_not_count_from_the_beginning_afterwards() -> None:
    watching = Watching(plan()).look(new=(100, 1), old=(900, 3))

    watching.told(Share(2, 10, 0, *watching.new)).look(new=(100, 0), old=(900, 0))

    assert watching.counted.baseline_requests == 1_800


def test_what_is_too_little_to_be_weighed_is_said_with_its_numbers() -> None:
    watching = Watching(plan())
    assert watching.verdict.sentence == "not enough data: nothing was counted yet"

    watching.look(new=(3, 0), old=(20, 1))

    assert watching.counted == Evidence()
    assert watching.verdict.sentence == "not enough data: 0 errors in 3 requests against 1 in 20"


def test_a_target_that_counts_nothing_gives_no_verdict() -> None:
    watching = Watching(plan())
    watching.proof = NO_PROOF

    assert watching.told().proof == NO_PROOF
    assert weighing.verdict(watching.proof, watching.plan) is None


def test_where_nobody_shall_judge_nothing_is_weighed() -> None:
    made = replace(plan(), judge=None)

    watching = Watching(made).look(new=(100, 90), old=(900, 0))

    assert watching.proof == NO_PROOF
    assert weighing.verdict(watching.proof, made) is None


def test_a_clock_that_was_set_back_does_not_begin_the_step_anew() -> None:
    watching = Watching(plan())

    watching.look(new=(100, 2), old=(900, 0), after=-timedelta(hours=1))

    assert watching.proof.since is not None
    assert watching.proof.since >= NOON
    assert watching.counted.canary_errors == 2


# Alone, against the time before.

HOUR = [(600, 2)] * 60


def test_alone_it_is_weighed_against_the_time_before_and_says_so() -> None:
    watching = Watching(plan("all-at-once", HOUR))

    watching.look(new=(600, 40), after=timedelta(minutes=1))

    assert watching.verdict.kind == "fail"
    assert watching.verdict.sentence.startswith("40 errors in 600 requests against 120 in 36,000, e = ")
    assert watching.verdict.sentence.endswith(" ≥ 100; at 100 % against the time before the deploy")


def test_alone_a_release_as_good_as_before_passes() -> None:
    watching = Watching(plan("all-at-once", HOUR))

    watching.look(new=(600, 2), after=timedelta(minutes=1))

    assert watching.verdict.kind == "pass"
    assert watching.verdict.sentence.startswith("2 errors in 600 requests against 120 in 36,000, e = ")


def test_no_minute_of_the_time_before_is_used_twice() -> None:
    watching = Watching(plan("all-at-once", [(600, minute) for minute in range(60)], bake="3m"))

    seen = []
    for _ in range(5):
        watching.look(new=(600, 1), after=timedelta(minutes=1))
        seen.append((watching.counted.baseline_requests, watching.counted.baseline_errors))

    assert seen == [(12_000, 190), (24_000, 780), (36_000, 1_770), (36_000, 1_770), (36_000, 1_770)]
    assert watching.counted.canary_requests == 3_000


def test_the_last_interval_counts_also_when_it_is_a_moment_shorter() -> None:
    watching = Watching(plan("all-at-once", HOUR, bake="10s"))  # looked at for the first time after a second

    watching.look(new=(100, 1), after=9 * SECOND)

    assert (watching.counted.canary_requests, watching.counted.baseline_requests) == (100, 36_000)


@pytest.mark.parametrize("before", [[], [(600, 2)], [(0, 0)] * 60])
def test_alone_without_a_time_before_nobody_can_tell(before: list[Counts]) -> None:
    watching = Watching(plan("all-at-once", before, bake="2m"))

    watching.look(new=(600, 3), after=timedelta(minutes=1)).look(new=(600, 3), after=timedelta(minutes=1))

    assert watching.verdict.kind == "inconclusive"
    assert watching.verdict.sentence == "not enough data: no requests of the baseline"


def test_errors_that_come_in_bursts_are_no_proof_and_that_is_said() -> None:
    bursty = [(600, 60 if minute % 10 == 0 else 0) for minute in range(60)]
    watching = Watching(plan(before=bursty))

    watching.look(new=(500, 20), old=(4_500, 40)).look(new=(500, 0), old=(4_500, 0))

    assert watching.verdict.kind == "inconclusive"
    assert "errors come in bursts here" in watching.verdict.sentence
    assert watching.proof.points[-1].e < 100  # the plot says what the verdict says


def test_a_few_minutes_say_nothing_about_bursts() -> None:
    few = [(600, 60), *[(600, 0)] * (weighing.HISTORY - 2)]
    watching = Watching(plan(before=few))

    watching.look(new=(500, 20), old=(4_500, 40)).look(new=(500, 1), old=(4_500, 1))

    assert watching.verdict.kind == "fail"


def test_a_preview_has_no_visitors() -> None:
    made = plan({"blue-green": {"preview": "10s"}}, HOUR)
    watching = Watching(made)
    watching.step = next(step for step in made.steps if step.kind is StepKind.BAKE)
    assert watching.step.percent == 0

    watching.look(old=(5_000, 9))

    assert watching.counted == Evidence()
    assert watching.proof.points == ()


# Too much in any case.


@pytest.mark.parametrize(
    ("new", "old", "kind"),
    [
        ((19, 19), (9_000, 9_000), "inconclusive"),  # too few to say anything
        ((20, 2), (180, 4), "inconclusive"),  # 10 %, but of twenty requests two fail by bad luck
        ((400, 40), (3_600, 72), "fail"),  # 10 % against 2 %
        ((400, 40), (3_600, 324), "pass"),  # 10 % against 9 %: it was as bad before
        ((400, 19), (3_600, 72), "inconclusive"),  # not 5 %
    ],
)
def test_a_share_that_is_too_much_in_any_case(new: Counts, old: Counts, kind: str) -> None:
    watching = Watching(plan(judge={"tolerance": 10, "alpha": 1e-9}))  # so that e never has a say

    watching.look(new=new, old=old)

    assert (watching.verdict.kind == "fail") == (kind == "fail")
    if kind == "fail":
        assert watching.verdict.sentence == ("40 errors in 400 requests against 72 in 3,600, 10.0 % is more than 5 %")


def test_what_is_too_much_is_the_teams_to_say() -> None:
    watching = Watching(plan(judge={"tolerance": 10, "alpha": 1e-9, "worst": 20}))

    before = watching.look(new=(400, 40), old=(3_600, 72)).verdict
    after = watching.look(new=(400, 300), old=(3_600, 72)).verdict

    assert (before.kind == "fail", after.kind == "fail") == (False, True)


def test_where_nothing_is_known_of_before_too_much_is_too_much() -> None:
    watching = Watching(plan("all-at-once"))

    watching.look(new=(200, 22))

    assert watching.verdict.sentence == "22 errors in 200 requests, 11.0 % is more than 5 %"


def test_alone_and_as_bad_as_before_is_not_too_much() -> None:
    watching = Watching(plan("all-at-once", [(600, 60)] * 60))

    watching.look(new=(200, 22))

    assert watching.verdict.kind == "inconclusive"


# What serves again.


def verified(new: Counts, proof: Proof = NO_PROOF, before: Sequence[Counts] = ()) -> str:
    made = plan(before=before)
    step = Step(StepKind.VERIFY, OLD.number, expected=5 * SECOND)
    proof = weighing.begun(proof, made)
    for counts in ((1_000, 10), (1_000 + new[0], 10 + new[1])):
        proof = weighing.seen(proof, made, step, [Share(OLD.number, 100, 0, *counts)], NOON, NOON + step.expected)
    assert proof.again == new
    return weighing.still_bad(proof, made)


def test_what_serves_again_and_fails_its_visitors_is_still_bad() -> None:
    assert verified((100, 40)) == "40 errors in 100 requests, 40.0 % is more than 5 %"


@pytest.mark.parametrize("new", [(0, 0), (19, 19), (100, 0), (100, 5), (20, 2)])
def test_what_serves_again_and_fails_nobody_or_hardly_anybody_is_fine(new: Counts) -> None:
    assert verified(new) == ""


def test_what_serves_again_need_not_be_better_than_before() -> None:
    beside = Proof(evidence=Evidence(baseline_requests=1_000, baseline_errors=250))

    assert verified((100, 40), beside) == ""
    assert verified((100, 40), before=[(100, 25)] * 20) == ""
    assert verified((100, 90), beside) != ""


def test_a_second_try_counts_for_itself() -> None:
    bad = Proof(again=(500, 500))

    assert verified((100, 0), bad) == ""


# For the plot.


def test_the_plot_keeps_the_first_moment_and_the_last_and_no_more_than_it_can_show() -> None:
    watching = Watching(plan({"canary": [10, 100], "bake": "10m"}))

    for _ in range(500):
        watching.look(new=(10, 0), old=(90, 1))

    points = watching.proof.points
    assert len(points) <= weighing.POINTS
    assert points[0].at == NOON + 2 * SECOND
    assert points[-1] == Point(watching.now, 10, 5_000, 0, 45_000, 500, points[-1].e)
    assert [point.at for point in points] == sorted({point.at for point in points})


counts = st.tuples(st.integers(0, 3_000), st.integers(0, 3_000)).map(lambda told: (max(told), min(told)))


@pytest.mark.long
@given(st.lists(st.tuples(st.one_of(st.none(), counts), st.one_of(st.none(), counts), st.integers(0, 90)), max_size=30))
def test_whatever_a_target_says_it_is_counted_and_judged(
    looks: list[tuple[Counts | None, Counts | None, int]],
) -> None:
    """Counts that go up, down, or are not told at all, at any moment."""
    for strategy in (CANARY, "all-at-once"):
        watching = Watching(plan(strategy, HOUR))
        for old, new, after in looks:
            watching.now += after * SECOND
            told = [Share(number, 50, 0, *one) for number, one in ((1, old), (2, new)) if one is not None]
            watching.told(*told)
            assert watching.verdict.sentence
        last = watching.counted
        assert 0 <= last.canary_errors <= last.canary_requests
        assert 0 <= last.baseline_errors <= last.baseline_requests
