"""The one form of whatever comes in: its bounds, what it says of what it left out, and the way into a table."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oncall import bounds
from oncall.signal import Action, Image, Link, Signal, from_json, signal, to_json
from oncall.terms import Severity
from tests.conftest import NOON
from tests.hostile import HOSTILE, TEXTS, VALUES


def said(**parts: Any) -> Signal:
    return signal("generic:1", "k", Action.TRIGGER, NOON, **parts)


def nested(value: Any, levels: int) -> Any:
    for _ in range(levels):
        value = {"a": value}
    return value


def test_a_long_title_is_cut_and_says_so() -> None:
    one = said(title="x" * 5000)

    assert len(one.title) == 1024
    assert one.title.endswith("…")
    assert one.notes == ("The title had 5000 characters; 1024 are kept.",)


def test_many_labels_are_cut_and_say_so() -> None:
    one = said(title="x", labels={f"l{at}": at for at in range(101)})

    assert (len(one.labels), one.labels["l7"]) == (100, "7")
    assert one.notes == ("It had 101 labels; 100 are kept.",)


@pytest.mark.parametrize(
    ("details", "kept"),
    [
        ({"a": [1, 2.5, True, None, "x"]}, {"a": [1, 2.5, True, None, "x"]}),
        (float("nan"), "nan"),
        (1 << 64, str(1 << 64)),
        ("a\x00b\ud800", "ab?"),
        (nested("x", 9), nested("…", 8)),
        (["x"] * 201, [*["x"] * 200, "…"]),
        (["x" * 8000] * 5, ["x" * 8000, "x" * 8000, "x" * 8000, "x" * 8000, "x" * 762 + "…"]),
    ],
)
def test_free_form_details_are_cut_where_they_are_too_deep_too_many_or_too_long(details: Any, kept: Any) -> None:
    assert said(details=details).details == kept


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("disk\r\nBcc: all@shop.test", "disk Bcc: all@shop.test"),
        ("a\u202egnp.exe", "a gnp.exe"),  # it would turn the text around
        ("  a \t b  ", "a b"),
        ("Größe 大", "Größe 大"),
        ({"a": 1}, '{"a": 1}'),
        (None, "(no title)"),
        ("\u200b", "(no title)"),
    ],
)
def test_a_title_is_one_line_that_nothing_turns(value: Any, line: str) -> None:
    assert said(title=value).title == line


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//shop.test",
        "http://",
        "http://[",
        "https://shop.test/\n",
        "https://shop.test/ x",
        'https://shop.test/"onclick=x',
        "https://shop.test/" + "x" * 2048,
        7,
        ["https://shop.test"],
    ],
)
def test_an_address_that_nobody_should_follow_is_no_link(address: Any) -> None:
    one = said(title="x", runbook=address, links=[{"href": address}])

    assert (one.runbook, one.links, len(one.notes)) == ("", (), 2)


def test_it_goes_into_a_table_and_comes_back_the_same() -> None:
    one = said(
        title="disk full",
        severity=Severity.WARNING,
        service="component:default/checkout",
        happened=NOON,
        class_="disk",
        labels={"a": "b"},
        details={"a": [1]},
        links=[{"href": "https://shop.test", "text": "shop"}],
        images=[{"src": "https://shop.test/a.png"}],
        since=NOON,
        notes=["noted"],
    )

    assert from_json(json.loads(json.dumps(to_json(one)))) == one
    assert (one.links, one.images) == ((Link("https://shop.test", "shop"),), (Image("https://shop.test/a.png"),))


PARTS = ["title", "service", "happened", "host", "component", "labels", "details", "links", "images", "runbook"]


@HOSTILE
@given(st.dictionaries(st.sampled_from(PARTS), VALUES), TEXTS)
def test_nothing_that_is_sent_breaks_a_bound_or_a_database(parts: dict[str, Any], key: str) -> None:
    one = signal("s", key, Action.TRIGGER, NOON, **parts)
    stored = json.dumps(to_json(one), allow_nan=False, ensure_ascii=False)

    stored.encode()
    assert "\\u0000" not in stored
    assert "\x00" not in one.key
    assert max(map(len, (one.key, one.host, one.component, one.service, one.client))) <= 255
    assert all(text.isprintable() for text in (one.title, one.host, *one.labels, *one.labels.values()))
    assert len(json.dumps(one.details)) < 4 * bounds.DETAILS + 10_000
    assert from_json(json.loads(stored)) == one


@settings(deadline=None)
@given(st.text(max_size=600), st.text(max_size=600))
def test_two_keys_are_the_same_only_when_they_were_sent_the_same(one: str, other: str) -> None:
    assert (bounds.key(one) == bounds.key(other)) == (one == other)
