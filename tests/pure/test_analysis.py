"""What measurements of metrics mean: each row of tests/cases/analysis, and every short history by brute force."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import product
from math import nan
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from catalog.wording import problems_of
from catalog.yamlfile import read
from pipelines.analysis import (
    KEPT,
    MetricRun,
    Phase,
    assess,
    began,
    decides,
    due,
    meant,
    measured,
    measurement,
    next_look,
    outcome,
)
from pipelines.analysistold import sentence
from pipelines.metricsettings import PLACES, MetricSettings
from production.metricsport import Answer, NoData, Sample, Trouble, Values
from tests.conftest import NOON

SECOND = timedelta(seconds=1)
OUTCOMES = yaml.safe_load((Path(__file__).parents[1] / "cases" / "analysis" / "outcomes.yaml").read_text())
GOOD, BAD, BETWEEN = 0.001, 0.9, 0.05


def number(*values: float) -> Values:
    return Values(tuple(Sample(value) for value in values))


ANSWERS: Mapping[str, Answer] = {
    "s": number(GOOD),
    "f": number(BAD),
    "i": number(BETWEEN),
    "e": Trouble("prometheus did not answer within 5s"),
}


def metric(**said: Any) -> MetricSettings:
    both = {"successCondition": "result < 0.01", "failureCondition": "result > 0.1"}
    interval = {"interval": "30s"} if said.get("count", 1) > 1 else {}
    return MetricSettings.model_validate({"name": "errors", "query": "up", **both, **interval, **said})


def run_of(settings: MetricSettings, seen: str) -> tuple[MetricRun, int]:
    """Take the measurements one after another; return how many were taken, too."""
    run, looked = began(settings, NOON), 0
    for number, kind in enumerate(seen, start=1):
        looked += run.ended is None
        run = measured(run, settings, ANSWERS[kind], NOON + number * SECOND)
    return run, looked


@pytest.mark.parametrize("case", OUTCOMES, ids=lambda case: case["says"])
def test_a_metric_ends_as_told(case: Mapping[str, Any]) -> None:
    settings, stopping = metric(**case["limits"]), case.get("stopping", False)

    run, looked = run_of(settings, case["seen"])

    assert assess(run, settings, stopping) == case["phase"]
    assert outcome(run, settings, stopping) == case.get("goes", case["phase"])
    assert looked == case.get("looked", len(case["seen"]))


def test_there_are_enough_rows() -> None:
    assert len(OUTCOMES) >= 40
    assert len({case["says"] for case in OUTCOMES}) == len(OUTCOMES)


def by_the_book(settings: MetricSettings, seen: str, stopping: bool) -> str:
    """The same rules once more, from the whole history each time and in as few words as possible."""
    if not seen:
        return "successful" if stopping else "pending"
    for end in range(1, len(seen) + 1):
        past = seen[:end]
        said = ""
        if settings.failure_limit != -1 and past.count("f") > settings.failure_limit:
            said = "failed"
        if past.count("i") > settings.inconclusive_limit:
            said = "inconclusive"
        if len(past) - len(past.rstrip("e")) > settings.consecutive_error_limit:
            said = "error"
        if said:
            return said
        row = settings.consecutive_success_limit
        if row and past.endswith("s" * row):
            return "successful"
        if settings.times is not None and len(past.replace("e", "")) >= settings.times:
            if not row:
                return "successful"
            return "failed" if settings.failure_limit == -1 else "inconclusive"
    return "successful" if stopping else "running"


LIMITS: list[dict[str, Any]] = [
    {},
    {"count": 4, "failureLimit": 1, "inconclusiveLimit": 1, "consecutiveErrorLimit": 1},
    {"count": 5, "failureLimit": -1, "inconclusiveLimit": 2, "consecutiveSuccessLimit": 2, "consecutiveErrorLimit": 0},
    {"count": 3, "failureLimit": 2, "inconclusiveLimit": 3, "consecutiveSuccessLimit": 3, "consecutiveErrorLimit": 2},
    {"interval": "1s", "failureLimit": 0, "inconclusiveLimit": 4, "consecutiveErrorLimit": 2},
    {"interval": "1s", "failureLimit": 3, "consecutiveSuccessLimit": 2, "consecutiveErrorLimit": 1},
]


@pytest.mark.parametrize("limits", LIMITS, ids=str)
def test_every_history_of_up_to_six_ends_as_a_second_implementation_says(limits: Mapping[str, Any]) -> None:
    settings = metric(**limits)
    for length in range(7):
        for seen in map("".join, product("sfie", repeat=length)):
            run, _ = run_of(settings, seen)
            for stopping in (False, True):
                assert assess(run, settings, stopping) == by_the_book(settings, seen, stopping), (seen, stopping)


@given(st.text("sfie", max_size=12), st.sampled_from(LIMITS), st.booleans())
def test_a_success_has_had_a_number_and_no_limit_is_behind_it(seen: str, limits: Any, stopping: bool) -> None:
    settings = metric(**limits)
    run, looked = run_of(settings, seen)
    taken = seen[:looked]

    if outcome(run, settings, stopping) is Phase.SUCCESSFUL:
        assert "s" in taken or "f" in taken
        assert settings.failure_limit < 0 or taken.count("f") <= settings.failure_limit


def test_a_metric_past_both_limits_is_failed_for_a_deploy_whatever_the_oracle_says() -> None:
    settings = metric(count=5, failureLimit=0, inconclusiveLimit=0)
    run = MetricRun(
        "errors", NOON, NOON, failed=1, inconclusive=1, measurements=(measurement(settings, ANSWERS["i"], NOON),)
    )

    assert assess(run, settings) is Phase.INCONCLUSIVE
    assert outcome(run, settings) is Phase.FAILED


GIVEN: Mapping[str, dict[str, Any]] = {
    "both": {"successCondition": "result < 0.01", "failureCondition": "result > 0.1"},
    "success": {"successCondition": "result < 0.01", "failureCondition": None},
    "failure": {"successCondition": None, "failureCondition": "result > 0.1"},
}


@pytest.mark.parametrize(
    ("conditions", "answer", "phase", "said"),
    [
        ("both", number(0.001), "successful", "0.001 < 0.01"),
        ("both", number(0.9), "failed", "0.9 > 0.1"),
        ("both", number(0.05), "inconclusive", "0.05 is neither a success nor a failure"),
        ("success", number(0.001), "successful", "0.001 < 0.01"),
        ("success", number(0.05), "failed", "0.05 ≥ 0.01"),
        ("failure", number(0.05), "successful", "0.05 ≤ 0.1"),
        ("failure", number(0.9), "failed", "0.9 > 0.1"),
        *[
            (conditions, answer, phase, said)
            for conditions in GIVEN
            for answer, phase, said in [
                (number(nan), "inconclusive", "no data: the result is NaN"),
                (NoData("the query finds no series"), "inconclusive", "no data: the query finds no series"),
                (NoData("eu-1 is missing", partial=True), "inconclusive", "no data: eu-1 is missing"),
                (Trouble("prometheus answered 500"), "error", "prometheus answered 500"),
                (number(1, 2), "error", "the query gives 2 values and the condition needs one"),
            ]
        ],
    ],
)
def test_a_measurement_means(conditions: str, answer: Answer, phase: str, said: str) -> None:
    one = measurement(metric(**GIVEN[conditions]), answer, NOON)

    assert (one.phase, one.at) == (phase, NOON)
    assert one.said.startswith(said)


def test_a_condition_that_says_what_no_data_means_is_followed() -> None:
    settings = metric(successCondition="default(result, 0) < 1", failureCondition=None)

    assert measurement(settings, NoData("the query finds no series"), NOON).phase is Phase.SUCCESSFUL
    assert measurement(settings, number(nan), NOON).phase is Phase.SUCCESSFUL


def test_a_partial_answer_is_no_data_whatever_the_condition_says() -> None:
    settings = metric(successCondition="default(result, 0) < 1", failureCondition=None)

    assert measurement(settings, NoData("eu-1 is missing", partial=True), NOON).phase is Phase.INCONCLUSIVE


def test_a_success_whose_failure_nobody_knows_is_no_success() -> None:
    settings = metric(successCondition="len(result) < 9", failureCondition="any(result, # > 1)")

    assert measurement(settings, number(nan), NOON).phase is Phase.INCONCLUSIVE
    assert measurement(settings, number(nan, 2), NOON).phase is Phase.FAILED


def test_a_division_by_zero_is_an_error() -> None:
    settings = metric(successCondition="1 / result < 1", failureCondition=None)

    assert measurement(settings, number(0), NOON).phase is Phase.ERROR


def test_measurements_begin_after_the_delay_and_follow_the_interval() -> None:
    settings = metric(count=3, interval="30s", initialDelay="1m")
    run = began(settings, NOON)

    assert run.next_at == NOON + 60 * SECOND
    assert not due(run, settings, NOON + 59 * SECOND)
    assert due(run, settings, NOON + 60 * SECOND)
    run = measured(run, settings, ANSWERS["s"], NOON + 61 * SECOND)
    assert run.next_at == NOON + 91 * SECOND


def test_an_error_is_tried_again_after_ten_seconds() -> None:
    settings = metric(count=3, interval="5m")

    run = measured(began(settings, NOON), settings, ANSWERS["e"], NOON)

    assert run.next_at == NOON + 10 * SECOND


def test_what_ended_is_never_due() -> None:
    settings = metric()
    run, _ = run_of(settings, "s")

    assert not due(run, settings, NOON + timedelta(days=1))
    assert next_look([run], [settings], NOON) is None


def test_a_clock_that_is_set_back_does_not_hold_a_metric_up() -> None:
    settings = metric(count=3)
    run, _ = run_of(settings, "s")
    back = NOON - timedelta(hours=1)

    assert due(run, settings, back)
    assert next_look([run], [settings], back) == back


def test_the_next_look_is_the_earliest_of_all_and_never_past() -> None:
    early, late = metric(name="early", count=2, interval="10s"), metric(name="late", count=2, interval="30s")
    runs = [measured(began(one, NOON), one, ANSWERS["s"], NOON) for one in (late, early)]

    assert next_look(runs, [early, late], NOON) == NOON + 10 * SECOND
    assert next_look(runs, [early, late], NOON + 15 * SECOND) == NOON + 15 * SECOND


@pytest.mark.parametrize(
    ("seen", "phase"),
    [
        (("s", "s"), "successful"),
        (("s", ""), "pending"),
        (("s", "e"), "running"),
        (("i", "e"), "inconclusive"),
        (("i", "eeeee"), "error"),
        (("f", "eeeee"), "failed"),
        (("f", ""), "failed"),
    ],
)
def test_all_metrics_together_mean_the_worst(seen: Sequence[str], phase: str) -> None:
    settings = [metric(name=name) for name in ("one", "two")]
    runs = [run_of(one, history)[0] for one, history in zip(settings, seen, strict=True)]

    assert meant(runs, settings) == phase
    assert meant(runs[::-1], settings) == phase


def test_no_metric_means_no_objection() -> None:
    assert meant([], []) is Phase.SUCCESSFUL


def test_a_dry_run_decides_nothing_and_says_so() -> None:
    settings = metric(dryRun=True)
    run, _ = run_of(settings, "f")

    assert meant([run], [settings]) is Phase.SUCCESSFUL
    assert sentence(run, settings).endswith("; this is a dry run and decides nothing")


def test_what_failed_before_the_deploy_only_warns() -> None:
    settings = metric(before="ignore")
    failing = began(settings, NOON, measurement(settings, number(0.5), NOON))
    run = measured(failing, settings, ANSWERS["f"], NOON)

    assert not decides(run, settings)
    assert meant([run], [settings]) is Phase.SUCCESSFUL
    assert sentence(run, settings) == (
        "errors = 0.9 > 0.1 in 1 of 1 measurement, the limit is 0; "
        "it was so before the deploy (0.5 > 0.1), so it only warns"
    )


@pytest.mark.parametrize("before", ["s", "i", "e"])
def test_what_did_not_fail_before_decides(before: str) -> None:
    settings = metric(before="ignore")

    run = began(settings, NOON, measurement(settings, ANSWERS[before], NOON))

    assert decides(run, settings)


@pytest.mark.parametrize(
    ("limits", "answers", "stopping", "said"),
    [
        ({"count": 3, "failureLimit": 1, "successCondition": None, "failureCondition": "result > 0.01"},
         [number(0.02), number(0.001), number(0.031)], False,
         "errors = 0.031 > 0.01 in 2 of 3 measurements, the limit is 1"),
        ({}, [number(0.001)], False, "errors = 0.001 < 0.01; good in 1 of 1 measurement"),
        ({"count": 3}, [number(0.001)] * 2, False, "errors = 0.001 < 0.01; 2 of 3 measurements so far"),
        ({"count": 3, "failureLimit": 1}, [number(0.9), number(0.001)], False,
         "errors = 0.001 < 0.01; 2 of 3 measurements so far, 1 failed, the limit is 1"),
        ({"interval": "5s"}, [number(0.001)], False, "errors = 0.001 < 0.01; 1 measurement so far"),
        ({}, [], False, "errors is not measured yet"),
        ({}, [], True, "errors was never measured, so nothing is known"),
        ({}, [NoData("the query finds no series")], False,
         "errors: no data: the query finds no series in 1 of 1 measurement, the limit is 0"),
        ({"count": 2, "inconclusiveLimit": 2}, [number(nan)] * 2, False,
         "errors: no data: the result is NaN, so nothing is known"),
        ({}, [Trouble("prometheus did not answer within 5s")] * 5, False,
         "errors could not be measured 5 times in a row, the limit is 4: prometheus did not answer within 5s"),
        ({"count": 3, "consecutiveSuccessLimit": 2, "failureLimit": 1},
         [number(0.001), number(0.9), number(0.001)], False,
         "errors passed 2 of 3 measurements and ended with 1 in a row, 2 are needed"),
        ({"successCondition": "all(result, # < 1)"}, [number(0.05, 3)], False,
         "errors = 3 > 0.1 in 1 of 1 measurement, the limit is 0"),
    ],
)  # fmt: skip
def test_the_sentence_carries_the_numbers(
    limits: dict[str, Any], answers: Sequence[Answer], stopping: bool, said: str
) -> None:
    settings = (
        metric(**limits) if "all(" not in str(limits) else metric(**limits, failureCondition="any(result, # > 0.1)")
    )
    run = began(settings, NOON)
    for number_, answer in enumerate(answers):
        run = measured(run, settings, answer, NOON + number_ * SECOND)

    assert sentence(run, settings, stopping) == said


def test_only_the_last_measurements_are_kept_and_all_are_counted() -> None:
    settings = metric(count=50)
    run, _ = run_of(settings, "s" * 25)

    assert (len(run.measurements), run.count) == (KEPT, 25)
    assert run.last is not None
    assert run.last.at == NOON + 25 * SECOND


@given(st.text("sfie", max_size=15))
def test_a_run_travels_as_json(seen: str) -> None:
    run, _ = run_of(metric(count=10, failureLimit=5, inconclusiveLimit=5), seen)
    travels = TypeAdapter(MetricRun)

    assert travels.validate_json(travels.dump_json(run)) == run


def test_settings_travel_as_json_and_come_back_the_same() -> None:
    settings = metric(count=3, initialDelay="1m30s", dryRun=True, before="ignore", source="thanos")

    assert MetricSettings.model_validate_json(settings.model_dump_json()) == settings
    assert MetricSettings.model_validate_json(settings.model_dump_json(by_alias=True)) == settings


FINE = {"name": "errors", "query": "up", "successCondition": "result < 1"}


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"successCondition": "resutl < 1"}, "column 1: there is no 'resutl'; did you mean \"result\"?"),
        ({"failureCondition": "result <"}, "column 9: a value is needed here, and the condition ends"),
        ({"successCondition": "result"}, "column 1: this is the result and no condition"),
        ({"successCondition": None}, "errors needs a successCondition or a failureCondition"),
        ({"query": None}, "errors needs exactly one of query and log"),
        ({"query": "up{a={{service}}}"}, "must stand in quotes"),
        ({"query": 'up{a="{{args.service}}"}'}, "nothing is known for {{args.service}}"),
        ({"query": ""}, ""),
        ({"count": 3}, "errors is measured 3 times, so it needs an interval, like 30s"),
        ({"count": 0, "interval": "1s"}, ""),
        ({"interval": "100ms"}, "errors is measured too often; its interval must be 1s or more"),
        ({"interval": 30}, "a duration with its unit is needed"),
        ({"failureLimit": 2}, "failureLimit of errors is 2, but there are only 1 measurements"),
        ({"failureLimit": -2}, ""),
        ({"inconclusiveLimit": 4, "count": 3, "interval": "1s"}, "inconclusiveLimit of errors is 4"),
        ({"inconclusiveLimit": -1}, ""),
        ({"consecutiveSuccessLimit": 4, "count": 3, "interval": "1s"}, "errors can never pass 4 times in a row"),
        ({"consecutiveErrorLimit": -1}, ""),
        ({"before": "warn"}, ""),
        ({"name": "a/b"}, ""),
        ({"sucessCondition": "result < 1"}, ""),
        ({"provider": {"prometheus": {}}}, ""),
    ],
)
def test_settings_that_make_no_sense_are_refused(said: Mapping[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError) as raised:
        MetricSettings.model_validate({**FINE, **said})

    assert problem in str(raised.value)
    assert raised.value.error_count() == 1


def test_in_a_file_a_problem_has_its_place_and_a_hint() -> None:
    text = "analysis:\n- name: errors\n  query: up\n  sucessCondition: result < 1\n  failureCondition: resutl > 1\n"
    [document], _ = read(text, "catalog-info.yaml")
    with pytest.raises(ValidationError) as raised:
        MetricSettings.model_validate(document.value(("analysis", 0)))

    said = problems_of(raised.value, document, ("analysis", 0), model=MetricSettings)

    assert sorted(map(str, said)) == [
        'catalog-info.yaml:4:3 analysis[0]: unknown key "sucessCondition"; did you mean "successCondition"?',
        "catalog-info.yaml:5:3 failureCondition: column 1: there is no 'resutl'; did you mean \"result\"?",
    ]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"log": "ERROR"}, "errors needs exactly one of query and log"),
        ({"query": None, "log": "ERROR", "source": "prometheus"}, "neither source nor before goes with log"),
        ({"query": None, "log": "ERROR", "before": "ignore"}, "neither source nor before goes with log"),
        ({"query": None, "log": "ERROR ["}, "column 7: missing ] '['"),
    ],
)
def test_settings_of_a_log_that_make_no_sense_are_refused(said: Mapping[str, Any], problem: str) -> None:
    pytest.importorskip("re2", reason="google-re2 has no wheel for this machine")

    with pytest.raises(ValidationError) as raised:
        MetricSettings.model_validate({**FINE, **said})

    assert problem in str(raised.value)


def test_lines_of_a_log_are_judged_like_any_number() -> None:
    pytest.importorskip("re2", reason="google-re2 has no wheel for this machine")
    settings = MetricSettings.model_validate({**FINE, "query": None, "log": "ERROR", "successCondition": "result < 5"})

    assert measurement(settings, number(12), NOON).said == "12 ≥ 5"


def test_the_examples_of_the_page_are_settings() -> None:
    pytest.importorskip("re2", reason="google-re2 has no wheel for this machine")
    page = (Path(__file__).parents[2] / "docs" / "analysis.md").read_text()
    [block] = re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)

    errors, refused, slow = [MetricSettings.model_validate(said) for said in yaml.safe_load(block)]

    assert (errors.asked, errors.count, errors.before) == ("prometheus", 10, "ignore")
    assert refused.times is None
    assert (slow.dry_run, slow.consecutive_success_limit) == (True, 2)
    documented = set(re.findall(r"^(?:- |  )(\w+): ", block, re.MULTILINE))
    assert documented == {field.alias or name for name, field in MetricSettings.model_fields.items()}


def test_a_query_is_filled_with_what_it_is_about() -> None:
    settings = metric(query='up{service="{{service}}", release="{{release}}"}')
    values = dict.fromkeys(PLACES, "") | {"service": 'a"b', "release": "231"}

    assert settings.promql(values) == 'up{service="a\\"b", release="231"}'
