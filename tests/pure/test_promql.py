"""The words of a PromQL query: which metrics it names, and what a text put into it can do (nothing)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from production.promql import filled, names, near, quoted


@pytest.mark.parametrize(
    ("promql", "named"),
    [
        ("up", ["up"]),
        ("up + up", ["up"]),
        ('up{job="down", x=~"other"}', ["up"]),
        ("rate(a_total[5m])", ["a_total"]),
        ("sum by (job, le) (a)", ["a"]),
        ("sum(a) by (job)", ["a"]),
        ("sum without(job)(a)", ["a"]),
        ("SUM BY (job) (a) AND b", ["a", "b"]),
        ("a / on (job) group_left (x) b", ["a", "b"]),
        ("a * ignoring (job) group_right b", ["a", "b"]),
        ("a > bool 0.5 or vector(0)", ["a"]),
        ("a unless b offset 5m", ["a", "b"]),
        ("a @ start() - a @ 1609746000", ["a"]),
        ("max_over_time(rate(a[5m])[1h30m:1m] offset -1d)", ["a"]),
        ("count_values('version', build_info)", ["build_info"]),
        ("ns:requests:rate5m ^ 2", ["ns:requests:rate5m"]),
        ("0x1F + 1e3 + .5 - Inf + NaN", []),
        ('{__name__="a", job="b"}', ["a"]),
        ('{__name__=~"a|b"}', []),  # a pattern names nobody
        ('{"a.metric", "a.label"="x"}', ["a.metric"]),
        ("a # b\n+ c", ["a", "c"]),
        ("`up` + \"up\" + 'up'", []),
        ("", []),
        ('up{job="unfinished', ["up"]),
    ],
)
def test_the_metrics_of_a_query_are_named(promql: str, named: list[str]) -> None:
    assert list(names(promql)) == named


@given(st.text(alphabet="ab_:{}()[]\"'`\\#\n 5m=~,by", max_size=80) | st.text(max_size=80))
def test_hostile_queries_are_cut_into_words_all_the_same(promql: str) -> None:
    assert len(set(names(promql))) == len(names(promql))


def unquoted(text: str) -> str:
    """Read a Go string as Prometheus does, by a second implementation; raise where Go would."""
    assert text[0] == text[-1] == '"'
    parts = re.findall(r'\\U([0-9a-f]{8})|\\([\\"n])|([^\\"\n])', text[1:-1])
    read = "".join(
        chr(int(number, 16)) if number else {"n": "\n"}.get(special, special) or plain
        for number, special, plain in parts
    )
    assert "".join(f"\\U{a}" if a else f"\\{b}" if b else c for a, b, c in parts) == text[1:-1]
    return read


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_quoted_text_is_one_string_and_reads_back(text: str) -> None:
    assert unquoted(quoted(text)) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_value_cannot_leave_the_string_that_it_is_put_into(text: str) -> None:
    query = filled('up{service="{{service}}"}', {"service": text})

    assert unquoted(query.removeprefix("up{service=").removesuffix("}")) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_after_a_pattern_sign_a_value_is_no_pattern(text: str) -> None:
    query = filled('up{service=~"{{service}}"}', {"service": text})
    pattern = unquoted(query.removeprefix("up{service=~").removesuffix("}"))

    assert re.fullmatch(pattern, text)
    assert not re.fullmatch(pattern, f"{text}x")


@pytest.mark.parametrize(
    ("promql", "said"),
    [
        ("up{service={{service}}}", 'must stand in quotes, as in {service="{{service}}"}'),
        ('up{a="{{service}}"} + {{service}}', "must stand in quotes"),
        ('up{a="{{ args.service }}"}', "nothing is known for {{ args.service }}; there are: release, service"),
        ("up{a=`{{service}}`}", "write double quotes around `{{service}}`"),
    ],
)
def test_a_place_that_cannot_be_filled_safely_is_refused(promql: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        filled(promql, {"service": "checkout", "release": "231"})


def test_several_places_are_filled_and_the_rest_is_untouched() -> None:
    promql = 'a{x=\'{{ service }}-{{release}}\', y!~"v{{release}}.*"} / b{z="{1}"}'

    assert filled(promql, {"service": "it's", "release": "2.1"}) == (
        'a{x=\'it\\\'s-2.1\', y!~"v2\\\\.1.*"} / b{z="{1}"}'
    )


def test_a_near_miss_is_found_among_very_many() -> None:
    known = [f"metric_{n}_seconds" for n in range(10_000)] + ["http_requests_total"]

    assert near("http_request_total", known) == ("http_requests_total",)
    assert near("nothing_like_it", known) == ()
    assert near("up", []) == ()
