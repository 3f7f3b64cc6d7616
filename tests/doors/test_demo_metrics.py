"""The demo's own source of metrics, asked over HTTP by the very client that asks a Prometheus."""

import http.client
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from catalog import yamlfile
from ledger import clock as clocks
from pipelines import spec
from pipelines.metricsettings import PLACES
from portal import config as configs
from portal.demo import ground, metricsource, story
from portal.demo.metricseries import samples
from portal.demo.repository import FILE
from portal.demo.smallpromql import evaluated
from portal.demo.waiting import until
from production.metrics import PrometheusMetrics, Source
from production.metricsport import NoData, Sample, Trouble, Values
from tests.conftest import NOON

SLOW = 'max(haproxy_server_response_time_average_seconds{service="search", release="5"})'
AWHILE = timedelta(seconds=120)


def row(backend: str, server: str, visits: int, failed: int = 0, milliseconds: int = 0) -> Mapping[str, str]:
    """A line of HAProxy's statistics, as far as it is read."""
    codes = {"hrsp_2xx": str(visits - failed), "hrsp_3xx": "0", "hrsp_4xx": "", "hrsp_5xx": str(failed)}
    return {"pxname": backend, "svname": server, "stot": str(visits), "rtime": str(milliseconds), **codes}


ROWS = [
    row("search:production", "FRONTEND", 90),
    row("search:production", "5-1", 40, failed=4, milliseconds=310),
    row("search:production", "5-2", 0),
    row("search:production", "BACKEND", 90),
]


@dataclass(frozen=True)
class Asked:
    """The source, and what asks it."""

    port: int
    metrics: PrometheusMetrics

    def get(self, path: str, **asked: str) -> tuple[int, str]:
        return self.send("GET", f"{path}?{urlencode(asked)}")

    def send(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection(metricsource.HOST, self.port, timeout=60)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def source() -> Iterator[Asked]:
    def stats() -> Sequence[Mapping[str, str]]:
        return ROWS

    server = metricsource.bound(metricsource.FIRST_PORT)
    with metricsource.serving(server, stats) as kept:
        until(kept.all, AWHILE, "the first look")
        url = f"http://{metricsource.HOST}:{server.server_port}"
        yield Asked(server.server_port, PrometheusMetrics({"prometheus": Source(url)}))


def test_the_client_of_prometheus_gets_the_numbers_that_haproxy_has_counted(source: Asked) -> None:
    answer = source.metrics.query("prometheus", SLOW, clocks.now())

    assert isinstance(answer, Values)
    assert answer.numbers == (0.31,)
    failed = 'sum(haproxy_server_http_responses_total{release="5",code="5xx"})'
    assert source.metrics.query("prometheus", failed, clocks.now()) == Values((Sample(4.0, {}),))


def test_who_had_no_visitor_has_no_series_so_that_nothing_is_never_a_pass(source: Asked) -> None:
    idle = 'haproxy_server_response_time_average_seconds{server="5-2"}'

    assert isinstance(source.metrics.query("prometheus", idle, clocks.now()), NoData)


def test_a_misnamed_metric_is_found_with_the_one_that_was_meant(source: Asked) -> None:
    (unheard,) = source.metrics.unknown("prometheus", "sum(haproxy_server_http_response_total)")  # type: ignore[misc]

    assert unheard.near[0] == "haproxy_server_http_responses_total"
    assert source.metrics.unknown("prometheus", SLOW) == []


def test_what_it_does_not_know_is_refused_for_good_with_what_it_knows(source: Asked) -> None:
    answer = source.metrics.query("prometheus", "histogram_quantile(0.9, x)", clocks.now())

    assert isinstance(answer, Trouble)
    assert answer.permanent
    assert "unknown function histogram_quantile; this source knows rate, increase, sum" in answer.why


def test_the_rest_of_its_doors_answer_as_prometheus_does(source: Asked) -> None:
    now = clocks.now().timestamp()
    asked = {"query": SLOW, "start": f"{now - 2}", "end": f"{now}", "step": "1"}
    status, told = source.get("/api/v1/query_range", **asked)

    assert status == 200
    assert json.loads(told)["data"]["resultType"] == "matrix"
    assert source.get("/-/ready")[0] == 200
    assert (
        json.loads(source.send("POST", "/api/v1/query", urlencode({"query": "1 + 1"}))[1])["data"]["result"][1] == "2.0"
    )
    assert json.loads(source.get("/api/v1/query_range", **asked | {"step": "0"})[1])["errorType"] == "bad_data"
    assert source.get("/api/v1/query", query="1", time="tea")[0] == 400
    assert source.get("/api/v1/query", query="1", time="inf")[0] == 400
    assert source.get("/api/v1/rules")[0] == 404
    assert source.send("POST", "/api/v1/query", "query=" + "1" * metricsource.LONGEST_BODY)[0] == 413
    assert 'code="5xx",environment="production",release="5",server="5-1",service="search"} 4.0' in source.get("/")[1]


def test_the_folder_of_a_demo_names_its_source_also_when_the_port_was_lost(tmp_path: Path) -> None:
    environ = {"FULLCYCLE_DATA": str(tmp_path)}

    with metricsource.opened(tmp_path) as first:
        assert configs.load(environ).metrics["prometheus"].url == first
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / ground.CONFIG).write_text((tmp_path / ground.CONFIG).read_text() + "port = 8123\n")
        with metricsource.opened(tmp_path / "other") as second:
            assert urlsplit(second).port != urlsplit(first).port
            assert second in (tmp_path / "other" / ground.CONFIG).read_text()
    with metricsource.opened(tmp_path):
        assert (tmp_path / ground.CONFIG).read_text().count("[metrics.prometheus]") == 1


def test_somebodys_own_prometheus_is_left_alone(tmp_path: Path) -> None:
    own = '[metrics.prometheus]\nurl = "https://prometheus.example.org"\n'
    (tmp_path / ground.CONFIG).write_text(own)

    with metricsource.opened(tmp_path):
        assert (tmp_path / ground.CONFIG).read_text() == own


def test_the_branch_that_the_demo_measures_asks_for_what_there_is() -> None:
    file = next(one for one in story.life("search", story.FOR_PEOPLE) if one.branch == "better-ranking").files[FILE]
    kept = {labels: [(NOON.timestamp(), value)] for labels, value in samples(ROWS).items()}
    documents, _ = yamlfile.read(file.encode(), FILE)
    found, _ = spec.read(documents[0])
    assert found is not None
    asked = {
        one.name: one.promql(dict.fromkeys(PLACES, "5") | {"service": "search"})
        for one in found.environments["production"].analysis
    }

    assert asked.keys() == {"answer time in s", "error rate"}
    assert evaluated(asked["answer time in s"], kept, NOON.timestamp()) == {(): 0.31}
    assert evaluated(asked["error rate"], kept, NOON.timestamp()) == {}  # one look is no rate
