"""Prometheus against a small real server that misbehaves in each way: no hang, no second try, no partial answer."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.errors import Code, Error
from production.metrics import PrometheusMetrics, Source
from production.metricsport import Answer, NoData, Sample, Trouble, Values
from tests import fakeprometheus as fake
from tests.conftest import NOON
from tests.fakeprometheus import FakePrometheus, vector

LIMIT = timedelta(milliseconds=300)  # for who does not answer
PATIENCE = timedelta(seconds=30)  # for who does, on a machine that is slow
RECORDED = Path(__file__).parents[1] / "cases" / "metrics"


@pytest.fixture(scope="module")
def running() -> Iterator[FakePrometheus]:
    with fake.fake_prometheus() as made:
        yield made


@pytest.fixture
def server(running: FakePrometheus) -> FakePrometheus:
    running.answers, running.known = {}, []
    running.asked.clear()
    return running


def metrics(server: FakePrometheus, **how: Any) -> PrometheusMetrics:
    return PrometheusMetrics({"prometheus": Source(server.url, timeout=how.pop("timeout", PATIENCE), **how)})


def answer(server: FakePrometheus, said: Any, **how: Any) -> Answer:
    server.answers["up"] = said
    return metrics(server, **how).query("prometheus", "up", NOON)


def test_a_recorded_vector_is_read_with_its_labels(server: FakePrometheus) -> None:
    said = answer(server, (RECORDED / "vector.json").read_bytes())

    assert said == Values((Sample(0.0, {"__name__": "service:error_ratio:rate10s", "service": "shop"}),))


def test_a_recorded_range_is_no_answer_and_says_what_to_write(server: FakePrometheus) -> None:
    said = answer(server, (RECORDED / "matrix.json").read_bytes())

    assert isinstance(said, Trouble)
    assert said.permanent
    assert "put rate(…)" in said.why


def test_a_scalar_is_a_value(server: FakePrometheus) -> None:
    said = answer(server, {"resultType": "scalar", "result": [1795180621.8, "+Inf"]})

    assert said == Values((Sample(float("inf")),))


def test_warnings_make_an_answer_no_data(server: FakePrometheus) -> None:
    said = answer(server, {"status": "success", "data": vector("0"), "warnings": ["remote read of eu-1 failed"]})

    assert said == NoData("prometheus says that its answer is not whole: remote read of eu-1 failed", partial=True)


def test_infos_are_no_warnings(server: FakePrometheus) -> None:
    said = answer(server, {"status": "success", "data": vector("0"), "infos": ["metric might not be a counter"]})

    assert isinstance(said, Values)


@pytest.mark.parametrize(
    ("said", "why", "permanent"),
    [
        (fake.hangs, "did not answer within 300ms", False),
        (fake.trickles, "did not answer within 300ms", False),
        (fake.trickles_headers, "did not answer within 300ms", False),
        (fake.half, "cannot be reached, or cut the connection", False),
        (fake.cut, "cannot be reached, or cut the connection", False),
        (fake.status(500), "answered 500", False),
        (fake.status(503, {"status": "error", "error": "TSDB not ready"}), "answered 503: TSDB not ready", False),
        (fake.status(429), "answered 429", False),
        (fake.status(404), "answered 404; is its url right?", True),
        (fake.status(401), "refuses us (401); check its token_file", True),
        (fake.status(403), "refuses us (403)", True),
        (fake.status(302, Location="/login"), "sends us elsewhere (302)", True),
        (
            fake.status(400, {"status": "error", "error": "parse error: unexpected <EOF>"}),
            "refuses the query: parse",
            True,
        ),
        (fake.status(422, {"status": "error", "error": "many-to-many matching"}), "refuses the query: many-to", True),
        (fake.status(200, {"status": "error", "error": "query timed out"}), "failed: query timed out", False),
        (fake.status(200, {}, Content_Encoding="gzip"), "in a coding that was not asked for", False),
        (b"<html>", "something that is not Prometheus’s", False),
        (b"", "something that is not Prometheus’s", False),
        (b"[1]", "something that is not Prometheus’s", False),
        (b'"success"', "something that is not Prometheus’s", False),
        (b"[" * 100_000, "something that is not Prometheus’s", False),
        (b'{"status": "success"}', "something that is not Prometheus’s", False),
        (b'{"status": "success", "data": [1]}', "something that is not Prometheus’s", False),
        ({"resultType": "vector", "result": None}, "something that is not Prometheus’s", False),
        ({"resultType": "vector", "result": [{"value": [1, "1"]}]}, "something that is not Prometheus’s", False),
        ({"resultType": "vector", "result": [{"metric": {}}]}, "something that is not Prometheus’s", False),
        (vector("0.1", "half an answ"), "something that is not Prometheus’s", False),
        (vector("1_0"), "something that is not Prometheus’s", False),  # Python would read ten
        ({"resultType": "vector", "result": [{"metric": {}, "value": [1, 1]}]}, "something that is not", False),
        ({"resultType": "string", "result": [1, "up"]}, "gives a text", True),
        ({"resultType": "stranger", "result": []}, "something that is not Prometheus’s", False),
        ({"resultType": "vector", "result": [{"metric": {}, "histogram": [1, {}]}]}, "histogram_quantile", True),
        (vector(*["1"] * 1001), "gives 1001 values; at most 1000", True),
    ],
)
def test_what_misbehaves_is_trouble_that_says_what_it_is(
    server: FakePrometheus, said: Any, why: str, permanent: bool
) -> None:
    got = answer(server, said, timeout=LIMIT if "within" in why else PATIENCE)

    assert isinstance(got, Trouble)
    assert why in got.why
    assert got.permanent is permanent
    assert len(server.asked) == 1  # no second try: the analysis has its own rhythm


def test_a_flood_is_cut_off(server: FakePrometheus) -> None:
    got = answer(server, fake.floods, timeout=timedelta(seconds=20))

    assert got == Trouble("prometheus answers more than 8 MB; ask for less", permanent=True)


def test_nobody_there_is_trouble_that_may_pass() -> None:
    nobody = PrometheusMetrics({"prometheus": Source("http://127.0.0.1:9", timeout=PATIENCE)})

    assert nobody.query("prometheus", "up", NOON) == Trouble("prometheus cannot be reached, or cut the connection")


def test_what_was_left_behind_ends_by_itself(server: FakePrometheus) -> None:
    answer(server, fake.trickles, timeout=LIMIT)

    for thread in [one for one in threading.enumerate() if one.name == "metrics"]:
        thread.join(60)  # its connection was cut, or it would read for ever
        assert not thread.is_alive()


def test_a_short_query_is_a_get_at_the_moment_asked_for(server: FakePrometheus) -> None:
    answer(server, vector("1"), timeout=timedelta(seconds=20))

    method, path, given, _ = server.asked[0]
    assert (method, path) == ("GET", "/api/v1/query")
    assert given == {"query": ["up"], "time": [f"{NOON.timestamp():.3f}"], "timeout": ["20s"]}


def test_a_long_query_travels_in_the_body_of_a_post(server: FakePrometheus) -> None:
    promql = " + ".join(["up"] * 1000)
    server.answers[promql] = vector("1000")

    assert metrics(server).query("prometheus", promql, NOON) == Values((Sample(1000.0, {"n": "0"}),))
    assert server.asked[0][0] == "POST"
    assert server.asked[0][2]["query"] == [promql]


def test_user_text_is_one_parameter_whatever_is_in_it(server: FakePrometheus) -> None:
    promql = 'up{a="&time=0#?\r\nX-Evil: 1"}'
    server.answers[promql] = vector("1")

    assert isinstance(metrics(server).query("prometheus", promql, NOON), Values)
    assert "X-Evil" not in server.asked[0][3]


def test_the_proxies_of_the_environment_are_not_asked(server: FakePrometheus, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")

    assert isinstance(answer(server, vector("1")), Values)


def test_a_token_is_sent_and_read_anew_each_time(server: FakePrometheus, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    asking = metrics(server, token_file=token)
    asking.query("prometheus", "up", NOON)
    token.write_text("newer")
    asking.query("prometheus", "up", NOON)

    assert [asked[3]["Authorization"] for asked in server.asked] == ["Bearer s3cret", "Bearer newer"]


def test_with_a_user_the_token_is_a_password(server: FakePrometheus, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("pass:word")

    answer(server, vector("1"), token_file=token, user="alice")

    assert server.asked[0][3]["Authorization"] == "Basic YWxpY2U6cGFzczp3b3Jk"  # alice:pass:word


def test_a_token_that_comes_back_in_an_error_is_not_shown(server: FakePrometheus, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret")

    got = answer(server, fake.status(500, {"error": "bad header: Bearer s3cret\x1b[31m"}), token_file=token)

    assert got == Trouble("prometheus answered 500: bad header: Bearer … [31m")


@pytest.mark.parametrize(("text", "permanent"), [(None, False), ("", True), ("two\nlines", True), ("schlüssel", True)])
def test_a_bad_token_file_is_said_and_nobody_is_asked(
    server: FakePrometheus, tmp_path: Path, text: str | None, permanent: bool
) -> None:
    token = tmp_path / "token"
    if text is not None:
        token.write_text(text)

    got = answer(server, vector("1"), token_file=token)

    assert isinstance(got, Trouble)
    assert "token file" in got.why
    assert (got.permanent, server.asked) == (permanent, [])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (Source("prometheus:9090"), "its url must be like http://prometheus:9090"),
        (Source("file:///etc/passwd"), "its url must be like"),
        (Source("http://alice:pw@prometheus"), "write no password into its url"),
        (Source("http://prometheus", user="alice"), "a user needs a token_file"),
        (Source("http://prometheus", timeout=timedelta(0)), "its timeout must be"),
    ],
)
def test_a_source_that_can_never_be_asked_is_refused_at_the_start(source: Source, said: str) -> None:
    with pytest.raises(Error) as raised:
        PrometheusMetrics({"eu": source})

    assert raised.value.code is Code.INVALID
    assert raised.value.message.startswith("metrics source “eu”: " + said)
    assert "pw" not in raised.value.message


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    certificate = tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += [
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        str(tmp_path / "key.pem"),
        "-out",
        str(certificate),
    ]
    subprocess.run(command, check=True, capture_output=True)
    with fake.fake_prometheus(certificate) as server:
        strange = answer(server, vector("1"))
        trusted = answer(server, vector("1"), ca_file=certificate)

    assert strange == Trouble("the certificate of prometheus is not trusted; set its ca_file", permanent=True)
    assert isinstance(trusted, Values)


def test_a_name_is_missing_even_where_the_list_of_names_is_too_long_for_a_hint(server: FakePrometheus) -> None:
    server.known = [f"some_metric_with_a_long_name_{n:0200}" for n in range(50_000)]

    unknown = metrics(server, timeout=timedelta(seconds=20)).unknown("prometheus", "up")

    assert not isinstance(unknown, Trouble)
    assert [one.said for one in unknown] == ["there is no metric “up”"]


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["1", "NaN", "vector", "up", ""])
KEYS = st.sampled_from(["status", "data", "resultType", "result", "metric", "value", "warnings", "error"])
JSON = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))
ENVELOPE = st.fixed_dictionaries(
    {
        "status": st.just("success") | JSON,
        "data": st.fixed_dictionaries({"resultType": st.just("vector"), "result": JSON}),
    },
    optional={"warnings": JSON, "error": JSON},
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given((JSON | ENVELOPE).map(lambda said: json.dumps(said).encode()) | st.binary(max_size=50))
def test_whatever_comes_back_is_an_answer(server: FakePrometheus, said: bytes) -> None:
    asking = metrics(server, timeout=timedelta(seconds=20))
    server.answers["up"] = said

    assert isinstance(asking.query("prometheus", "up", NOON), Values | NoData | Trouble)
