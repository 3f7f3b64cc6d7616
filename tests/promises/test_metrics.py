"""What every source of metrics promises, tried on each of them: the memory first, then a Prometheus over HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from math import isnan

import pytest

from production.memorymetrics import MemoryMetrics
from production.metrics import PrometheusMetrics, Source
from production.metricsport import Metrics, NoData, Sample, Trouble, Unheard, Values
from tests.conftest import NOON
from tests.fakeprometheus import fake_prometheus, status, vector

KNOWN = ["up", "http_requests_total", "http_request_duration_seconds_bucket"]


@dataclass(frozen=True)
class Scene:
    """Metrics, and how the world is made to give values, a partial answer or a failure."""

    metrics: Metrics
    gives: Callable[[str, tuple[str, ...]], None]
    warns: Callable[[str], None]
    fails: Callable[[str], None]


def in_memory() -> Scene:
    metrics = MemoryMetrics({"prometheus": KNOWN})

    def gives(promql: str, values: tuple[str, ...]) -> None:
        metrics.tell("prometheus", promql, Values(tuple(Sample(float(v), {"n": str(n)}) for n, v in enumerate(values))))

    return Scene(
        metrics,
        gives,
        lambda promql: metrics.tell("prometheus", promql, NoData("not whole", partial=True)),
        lambda promql: metrics.tell("prometheus", promql, Trouble("prometheus answered 500")),
    )


@pytest.fixture(params=["memory", "prometheus"])
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    if request.param == "memory":
        yield in_memory()
        return
    with fake_prometheus() as server:
        server.known = list(KNOWN)
        yield Scene(
            PrometheusMetrics({"prometheus": Source(server.url, timeout=timedelta(seconds=10))}),
            lambda promql, values: server.answers.update({promql: vector(*values)}),
            lambda promql: server.answers.update(
                {promql: {"status": "success", "data": vector("1"), "warnings": ["not whole"]}}
            ),
            lambda promql: server.answers.update({promql: status(500)}),
        )


def test_values_come_with_their_labels_in_their_order(scene: Scene) -> None:
    scene.gives("up", ("0.031", "7"))

    said = scene.metrics.query("prometheus", "up", NOON)

    assert said == Values((Sample(0.031, {"n": "0"}), Sample(7.0, {"n": "1"})))
    assert said == scene.metrics.query("prometheus", "up", NOON)


def test_nan_and_infinity_are_values(scene: Scene) -> None:
    scene.gives("up", ("NaN", "+Inf", "-Inf"))

    said = scene.metrics.query("prometheus", "up", NOON)

    assert isinstance(said, Values)
    assert isnan(said.numbers[0])
    assert said.numbers[1:] == (float("inf"), -float("inf"))


def test_no_series_is_no_data_and_no_zero(scene: Scene) -> None:
    said = scene.metrics.query("prometheus", "up == 7", NOON)

    assert isinstance(said, NoData)
    assert not said.partial
    assert said.why


def test_a_partial_answer_is_no_data_and_says_so(scene: Scene) -> None:
    scene.warns("up")

    said = scene.metrics.query("prometheus", "up", NOON)

    assert isinstance(said, NoData)
    assert said.partial
    assert "not whole" in said.why


def test_a_failing_source_is_trouble_that_may_pass(scene: Scene) -> None:
    scene.fails("up")

    assert scene.metrics.query("prometheus", "up", NOON) == Trouble("prometheus answered 500")


@pytest.mark.parametrize("promql", ["", "  \n", "u" * 10_001])
def test_what_is_no_query_is_refused_without_asking(scene: Scene, promql: str) -> None:
    for said in (scene.metrics.query("prometheus", promql, NOON), scene.metrics.unknown("prometheus", promql)):
        assert isinstance(said, Trouble)
        assert said.permanent


def test_a_source_that_is_not_set_up_is_named_with_those_that_are(scene: Scene) -> None:
    for said in (scene.metrics.query("thanos", "up", NOON), scene.metrics.unknown("thanos", "up")):
        assert said == Trouble("there is no metrics source “thanos”; there are: prometheus", permanent=True)


@pytest.mark.parametrize("promql", ["up{", '"', "\x00\ufeff\U0001f600", "up\r\nHost: evil", "a" * 9_999])
def test_no_query_makes_it_raise(scene: Scene, promql: str) -> None:
    assert isinstance(scene.metrics.query("prometheus", promql, NOON), NoData)
    assert not isinstance(scene.metrics.unknown("prometheus", promql), Trouble)


def test_a_misnamed_metric_is_found_with_a_near_miss(scene: Scene) -> None:
    promql = 'sum(rate(http_request_total{code=~"5.."}[5m])) by (job) / on (job) up or vector(0) > other'

    assert scene.metrics.unknown("prometheus", promql) == [
        Unheard("http_request_total", ("http_requests_total",)),
        Unheard("other"),
    ]


def test_known_names_are_nothing_to_speak_of(scene: Scene) -> None:
    promql = "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[1m])))"

    assert list(scene.metrics.unknown("prometheus", promql)) == []  # type: ignore[arg-type]
    assert list(scene.metrics.unknown("prometheus", "1 + 2")) == []  # type: ignore[arg-type]
