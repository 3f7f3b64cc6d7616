"""Delivery figures: what fails, what mends it, and the maths, against a model that goes through everything by force."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pipelines import benchmarks, dora, outcomes, tallies
from pipelines.benchmarks import Band
from pipelines.dora import FAILURES, MINUTE, Deployed, Figures, Pace, Stretch
from pipelines.outcomes import Lane, Told
from pipelines.tallies import LEAD_EDGES, RECOVERY_EDGES
from tests.conftest import NOON
from tests.rooms.delivering import HOUR, Log, ago

DAY = timedelta(days=1)


def told(facts: Iterable[Told]) -> Mapping[int, Deployed]:
    """Have the log told, and return every deploy with what became of it."""
    known: dict[int, Deployed] = {}
    lanes: dict[tuple[str, str], Lane] = {}
    for fact in facts:
        place = (fact.service, fact.environment)
        lanes[place], changed = outcomes.after(fact, lanes.get(place, Lane()), known.get)
        known |= {one.id: one for one in changed}
    return known


# --- what counts, what fails, what is mended --------------------------------------------------------------------------


def test_a_healthy_deploy_counts_on_the_day_it_became_healthy_with_the_lead_time_of_each_commit() -> None:
    log = Log()
    one = log.deploy(NOON, committed=[NOON - 2 * HOUR, NOON - HOUR])

    deploy = told(log.facts)[one]

    assert (deploy.counts, deploy.day, deploy.failed) == (True, NOON.date(), "")
    assert deploy.leads == (HOUR * 2 + HOUR / 6, HOUR + HOUR / 6)


def test_what_is_put_back_after_it_had_traffic_failed_and_was_mended_when_it_was_back() -> None:
    log = Log()
    one = log.deploy(NOON, "undone", percent=10)

    deploy = told(log.facts)[one]

    assert (deploy.counts, deploy.failed) == (True, "put back")
    assert deploy.recovery == HOUR / 6 - HOUR / 12  # from its first traffic, 5 min in, to its end, 10 min in


def test_what_is_put_back_before_anybody_had_it_neither_counts_nor_fails() -> None:
    log = Log()
    one = log.deploy(NOON, "undone", percent=0)

    deploy = told(log.facts)[one]

    assert (deploy.counts, deploy.failed, deploy.day) == (False, "", None)


def test_what_a_person_stops_after_it_had_traffic_failed() -> None:
    log = Log()
    one = log.begin(NOON, percent=50)
    log.tell(outcomes.ABORTED, one, NOON + HOUR / 8)
    log.tell(outcomes.UNDONE, one, NOON + HOUR / 6)

    assert told(log.facts)[one].failed == "stopped"


def test_what_is_rolled_back_later_failed_on_its_own_day_and_until_the_rollback_was_healthy() -> None:
    log = Log()
    log.deploy(NOON - 3 * DAY, release=6)
    bad = log.deploy(NOON - DAY, release=7)
    back = log.deploy(NOON, release=6, rollback=True)

    deploys = told(log.facts)

    assert (deploys[bad].failed, deploys[bad].failed_by) == ("rolled back", back)
    assert deploys[bad].day == (NOON - DAY).date()
    assert deploys[bad].recovery == DAY + HOUR / 6 - HOUR / 12
    assert not deploys[back].counts


def test_going_back_to_what_serves_anyway_makes_nothing_fail() -> None:
    log = Log()
    good = log.deploy(NOON - DAY, release=6)
    log.deploy(NOON, release=6, rollback=True)

    assert told(log.facts)[good].failed == ""


def test_a_stuck_deploy_is_not_mended_until_something_is_healthy_there() -> None:
    log = Log()
    stuck = log.deploy(NOON, "stuck")
    assert told(log.facts)[stuck].recovery is None
    log.deploy(NOON + HOUR, service="component:default/other")
    assert told(log.facts)[stuck].recovery is None

    log.deploy(NOON + 2 * HOUR)

    assert told(log.facts)[stuck].recovery == 2 * HOUR + HOUR / 6 - HOUR / 12


def test_another_environment_is_another_lane() -> None:
    log = Log()
    log.deploy(NOON - DAY, release=6)
    staged = log.deploy(NOON - DAY, release=7, environment="staging")
    log.deploy(NOON, release=5, rollback=True)

    assert told(log.facts)[staged].failed == ""


@pytest.mark.parametrize(
    ("later", "rework"),
    [
        (timedelta(minutes=30), "after a failure"),
        (timedelta(hours=24), "after a failure"),  # a day after it was put back, 10 min after NOON
        (timedelta(hours=25), ""),
    ],
)
def test_a_deploy_soon_after_a_failure_is_rework(later: timedelta, rework: str) -> None:
    log = Log()
    log.deploy(NOON, "undone")
    mend = log.deploy(NOON + later)

    assert told(log.facts)[mend].rework == rework


def test_only_up_to_the_first_that_became_healthy_are_deploys_rework() -> None:
    log = Log()
    log.deploy(NOON, "undone")
    tries = [log.deploy(NOON + HOUR, "undone"), log.deploy(NOON + 2 * HOUR), log.deploy(NOON + 3 * HOUR)]

    deploys = told(log.facts)

    assert [deploys[one].rework for one in tries] == ["after a failure", "after a failure", ""]


def test_a_deploy_that_was_asked_for_before_the_failure_mends_nothing() -> None:
    log = Log()
    waits = log.begin(NOON - HOUR)
    log.deploy(NOON, "undone")
    log.tell(outcomes.HEALTHY, waits, NOON + HOUR)
    mend = log.deploy(NOON + 2 * HOUR)

    deploys = told(log.facts)

    assert (deploys[waits].rework, deploys[mend].rework) == ("", "after a failure")


def test_a_hotfix_is_rework_whatever_was_before() -> None:
    log = Log()
    one = log.deploy(NOON, hotfix=True)

    assert told(log.facts)[one].rework == "hotfix"


def test_a_trial_of_a_bisect_delivers_nothing() -> None:
    log = Log()
    one = log.deploy(NOON, "undone", trial=True)

    assert not told(log.facts)[one].counts


def test_facts_that_miss_everything_are_taken_as_far_as_they_go() -> None:
    hostile: list[dict[str, Any]] = [
        {},
        {"committed": "yesterday", "release": "7", "rollback": "yes"},
        {"committed": [None, 3, "nonsense", "2026-03-02", "2026-03-02T11:00:00"], "percent": "all", "step": "weigh"},
    ]
    facts = [Told(NOON, kind, 1, "component:default/x", data) for data in hostile for kind in outcomes.KINDS[:4]]
    end = Told(NOON + HOUR, outcomes.HEALTHY, 1, "component:default/x", {})

    deploy = told([*facts, end])[1]

    assert (deploy.ending, deploy.release, deploy.rollback, deploy.out_at) == ("healthy", 0, False, NOON + HOUR)
    assert deploy.leads == (13 * HOUR, 2 * HOUR)  # a day without an hour is its beginning, and without a zone it is UTC


# --- the figures, against brute force ---------------------------------------------------------------------------------

moments = some.datetimes(datetime(2026, 2, 1), datetime(2026, 3, 3)).map(lambda at: at.replace(tzinfo=UTC))


@some.composite
def deploys(draw: some.DrawFn) -> Deployed:
    ended = draw(moments)
    ending = draw(some.sampled_from(["healthy", "undone", "stuck", ""]))
    failed = "" if not ending else draw(some.sampled_from(["", *FAILURES]))
    out = draw(some.none() | some.just(ended - timedelta(minutes=3)))
    committed = draw(
        some.lists(some.integers(-100, 10_000).map(lambda count: ended - timedelta(minutes=count)), max_size=4)
    )
    return Deployed(
        draw(some.integers(1, 10**6)),
        "component:default/" + draw(some.sampled_from("abc")),
        "production",
        draw(some.integers(1, 9)),
        ended - HOUR,
        rollback=draw(some.booleans()),
        trial=draw(some.booleans()),
        out_at=out,
        ended_at=ended if ending else None,
        ending=ending,
        committed=tuple(committed),
        failed=failed,
        recovered_at=draw(some.none() | some.just(ended + HOUR)) if failed else None,
        rework=draw(some.sampled_from(["", "hotfix"])),
    )


def halfway(values: Sequence[timedelta]) -> timedelta | None:
    """Half of all are at most so long, by counting."""
    ordered = sorted(values)
    if not ordered:
        return None
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def by_force(all_of_them: Sequence[Deployed], within: Stretch) -> dict[str, Any]:
    """Go through every day and every deploy."""
    counted = []
    days = [within.first + number * DAY for number in range(within.days)]
    for day in days:
        for one in all_of_them:
            delivered = one.ending == "healthy" or one.failed != ""
            if delivered and not one.rollback and not one.trial and one.ended_at and one.ended_at.date() == day:
                counted.append(one)
    good = [one for one in counted if one.ending == "healthy"]
    spans = []
    for one in good:
        for at in one.committed:
            if one.ended_at is not None and (one.ended_at - at).total_seconds() >= 60:
                spans.append(one.ended_at - at)
    back, weeks = [*reversed(days)], []
    for start in range(0, max(len(days) // 7 * 7, 1), 7):
        week = back[start : start + 7]
        weeks.append(sum(any(one.ended_at and one.ended_at.date() == day for one in good) for day in week) * DAY)
    middle_week = halfway(weeks)
    broken = [one for one in counted if one.failed]
    return {
        "healthy": len(good),
        "out": len(counted),
        "failed": len(broken),
        "unmended": len([one for one in broken if not one.recovered_at]),
        "rework": len([one for one in counted if one.rework]),
        "commits": len(spans),
        "lead": halfway(spans),
        "recovery": halfway([one.recovered_at - one.out_at for one in broken if one.recovered_at and one.out_at]),
        "deploy_days": middle_week / DAY if middle_week is not None else 0,
    }


@given(some.lists(deploys(), max_size=25), some.sampled_from([1, 5, 7, 8, 14, 30]))
def test_the_figures_are_those_of_a_model_that_goes_through_everything(made: list[Deployed], days: int) -> None:
    within = dora.stretch(days, NOON)

    figures = dora.figures(made, within)

    assert {name: getattr(figures, name) for name in by_force([], within)} == by_force(made, within)


@given(some.lists(deploys(), max_size=12), some.integers())
def test_the_order_does_not_matter_and_nothing_divides_by_zero(made: list[Deployed], seed: int) -> None:
    within = dora.stretch(30, NOON)
    figures = dora.figures(made, within)
    shuffled = random.Random(seed).sample(made, len(made))

    assert dora.figures(shuffled, within) == figures
    assert figures.failure_rate is None or 0 <= figures.failure_rate <= 1
    assert figures.rework_rate is None or 0 <= figures.rework_rate <= 1
    assert figures.per_day >= 0
    for year in benchmarks.YEARS:
        for judged in (benchmarks.frequency, benchmarks.lead, benchmarks.failure, benchmarks.recovery):
            band = judged(figures, year)
            assert band is None or band.year == year


@given(some.lists(deploys(), max_size=25))
def test_sums_of_days_say_what_all_deploys_together_say(made: list[Deployed]) -> None:
    within = Stretch(date(2026, 2, 1), date(2026, 3, 3))
    days = {one.day for one in made if one.day}
    figures = dora.figures(made, within)

    sums = tallies.together(tallies.tally([one for one in made if one.day == day]) for day in days)
    added = tallies.added(within, sums, [one.day for one in made if one.day and one.ending == "healthy"])

    assert sums == tallies.tally(made)
    assert replace(added, lead=None, recovery=None) == replace(figures, lead=None, recovery=None)
    assert (added.lead is None, added.recovery is None) == (figures.lead is None, figures.recovery is None)


@pytest.mark.parametrize("edges", [tallies.LEAD_EDGES, tallies.RECOVERY_EDGES], ids=["lead", "recovery"])
@given(seconds=some.lists(some.integers(60, 182 * 86400), min_size=1, max_size=60))
def test_a_histogram_s_median_lies_where_the_true_one_does(edges: Sequence[timedelta], seconds: list[int]) -> None:
    spans = [timedelta(seconds=count) for count in seconds]
    cells = [0] * (len(edges) + 1)
    for span in spans:
        cells[tallies.cell(span, edges)] += 1
    ordered = sorted(spans)
    low, high = (tallies.cell(ordered[at], edges) for at in ((len(ordered) - 1) // 2, len(ordered) // 2))

    read = tallies.middle_of(cells, edges)

    assert read is not None
    assert (edges[low - 1] if low else timedelta(0)) <= read
    assert read <= (edges[high] if high < len(edges) else 2 * edges[-1])


def test_nothing_is_none_and_never_zero() -> None:
    figures = dora.figures([], dora.stretch(30, NOON))

    assert (figures.failure_rate, figures.rework_rate, figures.lead, figures.recovery, figures.pace) == (None,) * 5
    assert (figures.per_day, tallies.middle_of([0] * len(LEAD_EDGES), LEAD_EDGES)) == (0, None)


def test_days_before_the_log_begins_are_not_counted_as_days_without_a_deploy() -> None:
    assert dora.stretch(90, NOON, ago(9).date()).days == 10
    assert dora.stretch(7, NOON, ago(9).date()).days == 7
    assert dora.stretch(7, NOON, (NOON + DAY).date()).days == 1  # a clock that was set back


# --- levels, each with its year ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("healthy", "days_a_week", "pace"),
    [
        (40, 3.0, Pace.DAILY),  # three days of the middle week: Four Keys
        (40, 2.5, Pace.WEEKLY),
        (1, 0.5, Pace.MONTHLY),  # in fewer than half of the weeks
        (0, 0.0, None),
    ],
)
def test_how_often_is_said_in_steps(healthy: int, days_a_week: float, pace: Pace | None) -> None:
    assert Figures(30, healthy=healthy, out=healthy, deploy_days=days_a_week).pace == pace


def test_one_deploy_in_ninety_days_is_less_than_monthly() -> None:
    assert Figures(90, healthy=1, out=1).pace is Pace.HALF_YEARLY


@pytest.mark.parametrize(
    ("year", "lead", "name"),
    [
        (2021, HOUR, "elite"),
        (2021, HOUR + MINUTE, "high"),
        (2022, HOUR, "high"),  # no elite that year
        (2023, DAY, "elite"),
        (2024, 8 * DAY, "medium"),
        (2024, 200 * DAY, ""),
        (2021, 200 * DAY, "low"),
    ],
)
def test_a_lead_time_has_the_level_of_the_year(year: int, lead: timedelta, name: str) -> None:
    assert benchmarks.lead(Figures(30, lead=lead), year) == Band(year, name)


@pytest.mark.parametrize(
    ("year", "failed", "name"),
    [
        (2021, 15, "elite"),
        (2021, 16, "high"),
        (2023, 15, "medium"),
        (2024, 5, "elite"),
        (2024, 10, "high"),
        (2024, 41, ""),
    ],
)
def test_a_failure_rate_has_the_level_of_the_year(year: int, failed: int, name: str) -> None:
    assert benchmarks.failure(Figures(30, out=100, failed=failed), year) == Band(year, name)


@pytest.mark.parametrize(("year", "name"), [(2021, "medium"), (2023, "medium"), (2024, "low")])
def test_two_days_to_recover_have_the_level_of_the_year(year: int, name: str) -> None:
    assert benchmarks.recovery(Figures(30, recovery=2 * DAY), year) == Band(year, name)


def test_the_year_without_levels_gives_none() -> None:
    figures = Figures(30, healthy=9, out=9, failed=1, lead=HOUR, recovery=HOUR, deploy_days=7)

    assert [judged(figures, 2025) for judged in (benchmarks.frequency, benchmarks.lead, benchmarks.failure)] == [
        None
    ] * 3
    assert benchmarks.frequency(figures, 2024) == Band(2024, "elite")


def test_every_published_end_is_an_edge_of_its_histogram() -> None:
    levels = [level for year in benchmarks.YEARS.values() for level in year.levels]

    assert {level.lead for level in levels if level.lead} <= set(LEAD_EDGES)
    assert {level.recovery for level in levels if level.recovery} <= set(RECOVERY_EDGES)
    assert [one.year for one in benchmarks.YEARS.values()] == [2021, 2022, 2023, 2024, 2025]


def test_a_rate_is_whole_when_all_failed() -> None:
    figures = Figures(7, out=3, failed=3, rework=1)

    assert figures.failure_rate == 1
    assert figures.rework_rate == pytest.approx(float(Fraction(1, 3)))
