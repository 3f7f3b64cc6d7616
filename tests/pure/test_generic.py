"""Any JSON by a mapping: what a mapping may say, what it makes of a body, and bodies that mean harm."""

import json
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Error
from oncall import generic
from oncall.mapping import Mapped, mapping
from oncall.signal import Reading, from_json, to_json
from tests.conftest import NOON
from tests.hostile import DEEP, HOSTILE, TEXTS, VALUES, body

CASES = yaml.safe_load(Path("tests/cases/intake/generic.yaml").read_text())
PLAIN = {"title": "$.title", "key": "$.id"}


def read(raw: bytes, mapped: Mapped, service: str = "") -> Reading:
    return generic.read(raw, mapped, "generic:1", service, NOON)


def faults(said: Any) -> tuple[str, ...]:
    with pytest.raises(Error) as raised:
        mapping(said)
    return raised.value.reasons


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_a_body_is_read_by_its_mapping(case: dict[str, Any]) -> None:
    found = read(body(case["body"]), mapping(case["mapping"]))

    plain = [json.loads(json.dumps(to_json(said))) for said in found.signals]
    assert [{name: one[name] for name in wanted} for one, wanted in zip(plain, case["gives"], strict=True)] == case[
        "gives"
    ]
    assert list(found.problems) == case.get("problems", [])


def test_the_service_of_the_integration_goes_before_what_a_body_says() -> None:
    (said,) = read(b'{"s": "other"}', mapping(PLAIN | {"service": "$.s"}), "component:default/checkout").signals

    assert said.service == "component:default/checkout"


def test_the_whole_body_is_kept_as_details_unless_the_mapping_says_otherwise() -> None:
    (whole,) = read(b'{"title": "x", "id": 1}', mapping(PLAIN)).signals
    (part,) = read(b'{"title": "x", "id": 1}', mapping(PLAIN | {"details": "$.id"})).signals

    assert (whole.details, part.details) == ({"title": "x", "id": 1}, 1)


def test_without_a_key_the_same_title_from_the_same_host_is_the_same_alert() -> None:
    mapped = mapping({"title": "$.title", "host": "$.host"})

    keys = [
        read(body({"title": title, "host": host}), mapped).signals[0].key for title, host in ("ax", "ax", "bx", "ay")
    ]

    assert len(set(keys)) == 3
    assert keys[0] == keys[1]


def test_all_that_is_wrong_with_a_mapping_is_said_at_once() -> None:
    said = {
        "titel": "$.name",
        "host": "$.tags[x]",
        "component": [],
        "severity": {"from": "$.level", "values": {"P1": "critcal"}, "else": "bad", "default": "x"},
        "action": "explode",
        "each": "alerts",
    }

    assert faults(said) == (
        'titel: is not known; did you mean "title"?',
        "title: is missing; say where the text stands that a person reads first",
        "host: column 7: '[x]' is no step of a path; steps are .name, [0] and ['a name']",
        "component: needs a path like $.alert.name, or a fixed text",
        "action: 'explode' means nothing here; one of trigger, acknowledge, resolve, change",
        "severity.default: is not known; known: from, values, else",
        "severity.values.P1: 'critcal' means nothing here; did you mean \"critical\"?",
        "severity.else: 'bad' means nothing here; one of critical, error, warning, info",
        "each: needs a path to a list, like $.alerts",
    )


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"severity": {"values": {}}}, "severity.from: needs a path like $.alert.name, or a fixed text"),
        ({"severity": {"from": "$.a", "values": []}}, "severity.values: needs words and what they mean"),
        ({"key": ["$.a"] * 21}, "key: has 21 parts; at most 20 are read"),
        ({"labels": [1]}, "labels: needs at most 20 names"),
        ({"links": "$.a"}, "links: needs at most 20 names"),
        ({"title": "$a"}, "title: column 2: 'a' is no step of a path"),
        ({"title": "$." + "a" * 500}, "title: column 1: a path begins with $ and has at most 500 characters"),
        ({7: "x"}, "7: is not known"),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_place(said: dict[Any, Any], fault: str) -> None:
    assert any(one.startswith(fault) for one in faults(PLAIN | said))


@pytest.mark.parametrize("said", [None, [], "title", 7])
def test_a_mapping_is_an_object(said: Any) -> None:
    with pytest.raises(Error, match="says for each field"):
        mapping(said)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'{"a": Infinity}', *DEEP[:2]])
def test_a_body_that_is_no_json_is_a_problem(raw: bytes) -> None:
    found = read(raw, mapping(PLAIN))

    assert (len(found.problems), found.signals) == (1, ())


def test_a_long_list_is_read_up_to_a_limit_and_says_so() -> None:
    found = read(body([{"title": str(at)} for at in range(501)]), mapping({"title": "$.title", "each": "$"}))

    assert (len(found.signals), found.problems) == (500, ("It holds 501 entries; 500 are read.",))


PATHS = st.sampled_from(["$", "$.a", "$.a.b", "$[0]", "$.a[1]['x']", "fixed", "$.b"])
BODIES = st.dictionaries(st.sampled_from(["a", "b"]), VALUES, max_size=2) | VALUES


def test_the_mapping_of_the_manual_can_be_used() -> None:
    manual = Path("docs/intake.md").read_text().split("any other text is meant as it is:\n\n")[1].split("\n\nAlso:")[0]

    mapped = mapping(yaml.safe_load(textwrap.dedent(manual)))

    assert mapped.choices["severity"].values == {"p1": "critical", "p2": "error"}
    assert (mapped.words["runbook"].path, mapped.each and mapped.each.path) == (("links", "run book"), ("alerts",))


@HOSTILE
@given(
    st.dictionaries(st.sampled_from(["title", "key", "host", "severity", "action", "happened", "runbook"]), PATHS),
    BODIES,
)
def test_no_body_brings_a_good_mapping_down_and_all_that_is_read_can_be_stored(said: dict[str, str], sent: Any) -> None:
    try:
        mapped = mapping({"title": "$", "labels": "$.a", "links": {"x": "$.a"}} | said)
    except Error:
        return  # a fixed word that means nothing
    for one in (mapped, replace(mapped, each=mapping({"title": "x", "each": "$.a"}).each)):
        for signal in read(body(sent), one, "").signals:
            stored = json.dumps(to_json(signal), allow_nan=False, ensure_ascii=False)
            stored.encode()
            assert from_json(json.loads(stored)) == signal


@HOSTILE
@given(
    VALUES | st.dictionaries(st.sampled_from(["title", "key", "severity", "labels", "each", "links"]), VALUES | TEXTS)
)
def test_no_mapping_fails_without_saying_why(said: Any) -> None:
    try:
        made: Any = mapping(said)
    except Error as error:
        made = error.reasons

    assert made or not isinstance(said, dict)
