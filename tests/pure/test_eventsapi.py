"""The Events API v2 as PagerDuty has it: every limit, every answer, and no body that brings it down."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from oncall import eventsapi
from oncall.eventsapi import Accepted, Refused
from oncall.signal import Action, Image, Link, from_json, to_json
from oncall.terms import Severity
from tests.conftest import NOON
from tests.hostile import DEEP, HOSTILE, TEXTS, VALUES, body, some

FRESH = "11111111-2222-4333-8444-555555555555"
KEY = "0123456789abcdef0123456789abcdef"
CHECKOUT = "component:default/checkout"
CASES = yaml.safe_load(Path("tests/cases/intake/eventsapi.yaml").read_text())
PAYLOADS = Path("tests/cases/payloads")


def event(changes: Mapping[str, Any]) -> dict[str, Any]:
    """A good event with some fields changed; `payload.x` is within, null takes away."""
    made: dict[str, Any] = {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": "disk/db-1",
        "payload": {"summary": "disk full", "source": "db-1", "severity": "critical"},
    }
    for name, value in changes.items():
        within, _, last = name.rpartition(".")
        place = made[within] if within else made
        place[last] = "x" * value["long"] if isinstance(value, dict) and "long" in value else value
        if value is None:
            del place[last]
    return made


def taken(answer: Accepted | Refused) -> Accepted:
    assert isinstance(answer, Accepted), answer
    return answer


def refused(answer: Accepted | Refused) -> Refused:
    assert isinstance(answer, Refused), answer
    return answer


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_an_event_is_answered_as_pagerduty_answers_it(case: dict[str, Any]) -> None:
    read = eventsapi.read_change if case.get("change") else eventsapi.read

    answer = read(body(event(case["with"])), FRESH)

    assert answer.status == case["status"]
    if isinstance(answer, Refused):
        assert answer.answer == {
            "status": "invalid event",
            "message": "Event object is invalid",
            "errors": case["errors"],
        }
    elif not case.get("change"):
        sent = event(case["with"]).get("dedup_key")
        key = case.get("key", sent)
        assert answer.answer == {"status": "success", "message": "Event processed", "dedup_key": key}


def test_a_change_is_answered_without_a_key() -> None:
    answer = taken(eventsapi.read_change(body({"routing_key": KEY, "payload": {"summary": "deployed"}}), FRESH))

    assert answer.answer == {"status": "success", "message": "Change event processed"}


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"routing_key=x", b"[]", b"7", b"null", b"\xff\xfe\xfd", b'{"a": NaN}', *DEEP]
)
def test_what_is_no_object_of_json_is_not_recognised(raw: bytes) -> None:
    answer = refused(eventsapi.read(raw, FRESH))

    assert answer.status == 400
    assert answer.answer == {
        "status": "Unrecognized object",
        "message": "Event object format is unrecognized",
        "errors": ["JSON parse error"],
    }


@pytest.mark.parametrize(("size", "status"), [(512 * 1024, 202), (512 * 1024 + 1, 413)])
def test_a_body_has_at_most_512_kilobytes(size: int, status: int) -> None:
    raw = body(event({}))

    assert eventsapi.read(raw + b" " * (size - len(raw)), FRESH).status == status


def test_a_huge_body_is_refused_before_it_is_parsed() -> None:
    assert eventsapi.read(b"[" * 50_000_000, FRESH) == eventsapi.too_large()


def test_too_many_events_are_told_when_to_try_again() -> None:
    answer = eventsapi.too_many(timedelta(seconds=30))

    assert (answer.status, answer.retry_after) == (429, timedelta(seconds=30))
    assert answer.answer["status"] == "throttle exceeded"


def test_no_answer_repeats_the_key_which_is_a_secret() -> None:
    answers = [
        eventsapi.unknown_key().answer,
        refused(eventsapi.read(body(event({"payload": None})), FRESH)).answer,
        refused(eventsapi.read_change(body(event({"routing_key": "R" + KEY[1:], "payload": None})), FRESH)).answer,
    ]

    assert KEY[1:] not in json.dumps(answers)


def test_a_signal_holds_all_that_the_event_said_and_not_its_routing_key() -> None:
    sent = event(
        {
            "payload.component": "postgres",
            "payload.group": "shop",
            "payload.class": "disk",
            "payload.timestamp": "2026-03-02T11:59:00.500+0000",
            "payload.custom_details": {"free": "1 %", "load": 0.75},
            "links": [{"href": "https://shop.test/", "text": "the shop"}],
            "images": [{"src": "https://shop.test/a.png", "href": "https://shop.test/", "alt": "a graph"}],
            "client": "Nagios",
            "client_url": "https://nagios.test",
        }
    )

    said = eventsapi.understood(taken(eventsapi.read(body(sent), FRESH)), "events:1", CHECKOUT, NOON)

    assert (said.source, said.key, said.action, said.service) == ("events:1", "disk/db-1", Action.TRIGGER, CHECKOUT)
    assert (said.title, said.host, said.severity) == ("disk full", "db-1", Severity.CRITICAL)
    assert (said.component, said.group, said.class_) == ("postgres", "shop", "disk")
    assert NOON - said.at == timedelta(seconds=59, milliseconds=500)
    assert said.details == {"free": "1 %", "load": 0.75}
    assert said.links == (Link("https://shop.test/", "the shop"),)
    assert said.images == (Image("https://shop.test/a.png", "https://shop.test/", "a graph"),)
    assert (said.client, said.client_url, said.notes) == ("Nagios", "https://nagios.test", ())
    assert KEY not in repr(said)


@pytest.mark.parametrize(
    ("said", "at", "note"),
    [
        ("2026-03-02T11:00:00Z", "11:00", ""),
        ("2026-03-02T12:00:00", "12:00", ""),
        ("2026-03-02T13:30:00+02:00", "11:30", ""),
        ("2026-03-03T12:00:00Z", "12:00", "to come"),  # a day ahead
        ("2026-03-01T12:00:00Z", "12:00", "long before"),  # a day behind
        ("0001-01-01T00:00:00Z", "12:00", "long before"),
        ("9999-12-31T23:59:59-23:59", "12:00", "cannot be read"),  # beyond the last year in UTC
        ("soon", "12:00", "cannot be read"),
        ("2026-03-02T11:00:00+00:00Z", "12:00", "cannot be read"),  # as a broken client writes it
        (1772452800, "12:00", "cannot be read"),
    ],
)
def test_a_clock_that_is_wrong_by_a_day_is_noted_and_not_believed(said: Any, at: str, note: str) -> None:
    sent = body(event({"payload.timestamp": said}))

    read = eventsapi.understood(taken(eventsapi.read(sent, FRESH)), "events:1", CHECKOUT, NOON)

    assert (f"{read.at:%Y-%m-%d %H:%M}", len(read.notes)) == (f"2026-03-02 {at}", 1 if note else 0)
    assert note in " ".join(read.notes)


def test_a_link_leads_to_the_web_and_an_image_is_served_by_https_or_they_are_left_out_and_noted() -> None:
    odd = {
        "links": [{"href": "javascript:alert(1)"}, {"text": "no address"}, {"href": "http://shop.test"}, 7],
        "images": [{"src": "http://shop.test/a.png"}],
    }

    read = eventsapi.understood(taken(eventsapi.read(body(event(odd)), FRESH)), "events:1", CHECKOUT, NOON)

    assert read.links == (Link("http://shop.test"),)
    assert read.images == ()
    assert read.notes == (
        "3 of 4 links cannot be shown and are left out.",
        "1 of 1 images cannot be shown and are left out.",
    )


@pytest.mark.parametrize("name", ["trigger", "resolve", "group_mixed"])
def test_what_alertmanagers_pagerduty_receiver_sends_is_taken(name: str) -> None:
    path = PAYLOADS / (f"alertmanager_pagerduty_v2_{name}.json")
    sent = json.loads(path.read_bytes()) | {"routing_key": KEY}  # the recorded stand-in has 33 signs

    read = eventsapi.understood(taken(eventsapi.read(body(sent), FRESH)), "events:1", CHECKOUT, NOON)

    assert read.key == sent["dedup_key"]
    assert (read.action, read.client) == (Action(sent["event_action"]), "Alertmanager")
    assert read.details["num_firing"] == sent["payload"]["custom_details"]["num_firing"]


NAMES = ["routing_key", "event_action", "dedup_key", "payload", "links", "images", "client", "client_url"]
PARTS = ["summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"]


@HOSTILE
@given(st.binary(max_size=200) | VALUES.map(body) | some(NAMES).map(body))
def test_no_body_brings_it_down(raw: bytes) -> None:
    for read in (eventsapi.read, eventsapi.read_change):
        answer = read(raw, FRESH)
        assert answer.status in (202, 400)
        json.dumps(answer.answer).encode()


@HOSTILE
@given(some(NAMES[2:]), some(PARTS[3:]), st.sampled_from(["trigger", "acknowledge", "resolve"]), TEXTS)
def test_whatever_is_taken_is_understood_stored_and_read_back(
    event: dict[str, Any], payload: dict[str, Any], action: str, summary: str
) -> None:
    good = {"summary": summary, "source": "db-1", "severity": "info"}
    sent = event | {"routing_key": KEY, "event_action": action, "payload": payload | good}

    answer = eventsapi.read(body(sent), FRESH)

    if isinstance(answer, Accepted):
        read = eventsapi.understood(answer, "events:1", CHECKOUT, NOON)
        stored = json.dumps(to_json(read), allow_nan=False, ensure_ascii=False)
        stored.encode()  # no half pairs
        assert "\\u0000" not in stored
        assert len(stored) < 400_000
        assert read.title.isprintable()
        assert from_json(json.loads(stored)) == read
