"""Alertmanager's webhook and its own list: recorded bodies, the same alert from both, and hostile ones."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncall import alertmanager
from oncall.alertmanager import Door, Open
from oncall.severities import severity
from oncall.signal import Action, Link, Signal, from_json, to_json
from oncall.terms import Severity
from tests.conftest import NOON
from tests.hostile import DEEP, HOSTILE, TEXTS, VALUES, body, some

PAYLOADS = Path("tests/cases/payloads")
PROMETHEUS = Door("alertmanager:1")
LONG = NOON - timedelta(days=7)
RECORDED = datetime.fromisoformat("2026-11-20T13:20:00+00:00")


def recorded(name: str) -> bytes:
    return (PAYLOADS / f"alertmanager_{name}.json").read_bytes()


def webhook(**alert: Any) -> bytes:
    return body({"version": "4", "alerts": [{"status": "firing", "fingerprint": "f1", "labels": {"a": "b"}} | alert]})


def only(raw: bytes, door: Door = PROMETHEUS) -> Signal:
    (said,) = alertmanager.read(raw, door, NOON).signals
    return said


def test_a_recorded_webhook_is_one_signal_with_everything_that_a_person_needs() -> None:
    read = alertmanager.read(recorded("webhook_firing"), PROMETHEUS, RECORDED)

    (said,) = read.signals
    assert (read.problems, read.notes, said.notes) == ((), (), ())
    assert (said.key, said.action, said.severity) == ("f0cd76a09044bf06", Action.TRIGGER, Severity.CRITICAL)
    assert said.title == "High error budget burn for shop"
    assert (said.service, said.class_) == ("component:default/shop", "ErrorBudgetBurn")
    assert said.runbook == "http://127.0.0.1:5000/runbooks/shop-availability"
    assert said.labels["slo"] == "shop-availability"
    assert said.details["description"] == "Error ratio 13.79% (10s) burns 14.4x"
    assert said.links[0].text == "The query in Prometheus"
    assert said.at == said.since == datetime.fromisoformat("2026-11-20T13:12:02.957+00:00")
    assert said.over is None


def test_the_recorded_resolve_has_the_key_of_its_trigger_and_says_when_it_was_over() -> None:
    (begun,) = alertmanager.read(recorded("webhook_firing"), PROMETHEUS, RECORDED).signals
    (ended,) = alertmanager.read(recorded("webhook_resolved"), PROMETHEUS, RECORDED).signals

    assert (ended.key, ended.since, ended.action) == (begun.key, begun.since, Action.RESOLVE)
    assert ended.over == ended.at == datetime.fromisoformat("2026-11-20T13:12:21.957+00:00")


@pytest.mark.parametrize("name", ["webhook_group_3_firing", "webhook_group_mixed_firing_resolved"])
def test_each_alert_of_a_group_is_a_signal_of_its_own(name: str) -> None:
    read = alertmanager.read(recorded(name), PROMETHEUS, RECORDED)

    assert [(said.host, said.action.value) for said in read.signals] == [
        ("i-1", "resolve"),
        ("i-2", "trigger"),
        ("i-3", "trigger"),
    ]
    assert len({said.key for said in read.signals}) == 3


def test_a_recorded_poll_finds_seven_alerts() -> None:
    read = alertmanager.polled(recorded("api_v2_alerts"), PROMETHEUS, RECORDED)

    assert sorted(said.title for said in read.signals) == [f"Retry{at} on x{at}" for at in range(7)]
    assert {said.key for said in read.signals} == read.there
    assert all(said.over is None for said in read.signals)  # endsAt of the list is only when it would expire


def test_what_the_webhook_and_the_poll_say_of_one_alert_is_the_same_signal() -> None:
    (pushed,) = alertmanager.read(recorded("webhook_firing"), PROMETHEUS, RECORDED).signals
    alert = json.loads(recorded("webhook_firing"))["alerts"][0]
    listed = alert | {"startsAt": "2026-11-20T13:12:02.957Z", "status": {"state": "active"}, "receivers": []}

    (found,) = alertmanager.polled(body([listed]), PROMETHEUS, RECORDED).signals

    assert found == pushed


def test_the_list_cuts_microseconds_off_and_the_occurrence_stays_the_same() -> None:
    pushed = only(webhook(startsAt="2026-03-02T11:59:00.175999Z"))
    listed = [{"labels": {"a": "b"}, "fingerprint": "f1", "startsAt": "2026-03-02T11:59:00.175Z"}]
    listed[0] |= {"status": {"state": "active"}}  # type: ignore[dict-item]

    (found,) = alertmanager.polled(body(listed), PROMETHEUS, NOON).signals

    assert found.since == pushed.since


@pytest.mark.parametrize("state", ["suppressed", "unprocessed"])
def test_what_alertmanager_itself_keeps_quiet_makes_no_signal_and_is_there_all_the_same(state: str) -> None:
    alert = {"labels": {"alertname": "A"}, "fingerprint": "f1", "status": {"state": state}}

    read = alertmanager.polled(body([alert]), PROMETHEUS, NOON)

    assert (read.signals, read.there) == ((), frozenset({"f1"}))


def test_a_poll_may_be_for_one_receiver_only() -> None:
    door = replace(PROMETHEUS, receiver="pd-v2")
    other = replace(PROMETHEUS, receiver="elsewhere")

    assert len(alertmanager.polled(recorded("api_v2_alerts"), door, RECORDED).signals) == 7
    assert alertmanager.polled(recorded("api_v2_alerts"), other, RECORDED) == alertmanager.Polled()


# What ended while we were away.


def test_what_no_poll_has_found_for_a_while_is_over() -> None:
    poll = alertmanager.polled(recorded("api_v2_alerts"), PROMETHEUS, NOON)
    ago = [Open("0b3ee776ffaf9e7d", NOON - timedelta(hours=1)), Open("gone", NOON - timedelta(minutes=5))]

    (said,) = alertmanager.gone(ago, poll, PROMETHEUS, LONG, NOON)

    assert (said.key, said.action) == ("gone", Action.RESOLVE)
    assert said.notes == ("No poll has found it since 11:55 UTC.",)


@pytest.mark.parametrize(
    ("seen", "answering", "ends"), [(5, 60, True), (4, 60, False), (60, 5, True), (60, 4, False), (60, 0, False)]
)
def test_an_alertmanager_that_has_just_started_ends_nothing(seen: int, answering: int, ends: bool) -> None:
    opened = [Open("f1", NOON - timedelta(minutes=seen))]

    found = alertmanager.gone(opened, alertmanager.Polled(), PROMETHEUS, NOON - timedelta(minutes=answering), NOON)

    assert bool(found) == ends


@pytest.mark.parametrize("answer", [b"", b"{}", b'{"status": "error"}', b'["what"]'])
def test_an_answer_that_cannot_be_read_ends_nothing(answer: bytes) -> None:
    poll = alertmanager.polled(answer, PROMETHEUS, NOON)

    assert poll.problems
    assert alertmanager.gone([Open("f1", NOON - timedelta(days=1))], poll, PROMETHEUS, LONG, NOON) == []


# Whose it is, how bad it is, what it is called.


@pytest.mark.parametrize(
    ("door", "labels", "service", "note"),
    [
        (PROMETHEUS, {"service": "Checkout"}, "component:default/checkout", ""),
        (PROMETHEUS, {"service": "component:shop/checkout"}, "component:shop/checkout", ""),
        (PROMETHEUS, {"job": "checkout"}, "", "no label 'service'"),
        (PROMETHEUS, {"service": "no name!"}, "", "names no service"),
        (replace(PROMETHEUS, service_label="job"), {"job": "checkout"}, "component:default/checkout", ""),
        (replace(PROMETHEUS, service="component:default/shop"), {"service": "other"}, "component:default/shop", ""),
    ],
)
def test_the_service_is_that_of_the_integration_or_of_a_label(
    door: Door, labels: dict[str, str], service: str, note: str
) -> None:
    said = only(webhook(labels=labels | {"severity": "info"}), door)

    assert said.service == service
    assert note in " ".join(said.notes)
    assert bool(said.notes) == bool(note)


@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("critical", Severity.CRITICAL),
        ("PAGE", Severity.CRITICAL),
        ("error", Severity.ERROR),
        ("warning", Severity.WARNING),
        ("ticket", Severity.WARNING),
        ("none", Severity.INFO),
        ("purple", Severity.ERROR),  # nobody knows it: rather wake somebody
        ("", Severity.ERROR),
    ],
)
def test_a_severity_that_nobody_knows_counts_as_an_error(word: str, means: Severity) -> None:
    assert only(webhook(labels={"severity": word})).severity is means
    assert severity(word)[0] is means


def test_a_team_may_have_its_own_words_for_severity() -> None:
    door = replace(PROMETHEUS, severities={"purple": Severity.INFO})

    assert only(webhook(labels={"severity": "purple"}), door).severity is Severity.INFO


@pytest.mark.parametrize(
    ("labels", "annotations", "title"),
    [
        ({"alertname": "Disk", "instance": "db-1"}, {"summary": "full"}, "full"),
        ({"alertname": "Disk", "instance": "db-1"}, {"message": "old style"}, "old style"),
        ({"alertname": "Disk", "instance": "db-1"}, {}, "Disk on db-1"),
        ({"alertname": "Disk"}, {}, "Disk"),
        ({"a": "b"}, {}, "(no title)"),
    ],
)
def test_the_title_is_the_summary_or_the_name_and_where(
    labels: dict[str, str], annotations: dict[str, str], title: str
) -> None:
    assert only(webhook(labels=labels, annotations=annotations)).title == title


def test_alerts_that_alertmanager_left_out_are_told() -> None:
    sent = json.loads(recorded("webhook_firing")) | {"truncatedAlerts": 1200}

    read = alertmanager.read(body(sent), PROMETHEUS, RECORDED)

    assert read.notes == ("Alertmanager left out 1,200 more alerts of this group (max_alerts); a poll finds them.",)


def test_another_version_is_noted_and_read() -> None:
    read = alertmanager.read(body({"version": "5", "alerts": [{"fingerprint": "f1"}]}), PROMETHEUS, NOON)

    assert read.notes == ("Its version is '5'; it is read like version 4.",)
    assert len(read.signals) == 1


def test_one_alert_that_cannot_be_understood_does_not_lose_the_others() -> None:
    read = alertmanager.read(body({"version": "4", "alerts": [7, {}, {"fingerprint": "f1"}]}), PROMETHEUS, NOON)

    assert [said.key for said in read.signals] == ["f1"]
    assert read.problems == (
        "Alert 1 is '7' and no object; it is left out.",
        "Alert 2 has neither labels nor a fingerprint; it is left out.",
    )


def test_an_alert_without_a_fingerprint_is_known_by_its_labels() -> None:
    one = only(webhook(fingerprint=None, labels={"b": "2", "a": "1"}))
    same = only(webhook(fingerprint=None, labels={"a": "1", "b": "2"}))

    assert one.key == same.key == "a=1,b=2"


def test_a_link_to_nowhere_is_left_out() -> None:
    assert only(webhook(generatorURL="https://prometheus.test/graph")).links == (
        Link("https://prometheus.test/graph", "The query in Prometheus"),
    )
    assert only(webhook(generatorURL="javascript:alert(1)")).links == ()


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"{}", b'{"alerts": {}}', *DEEP])
def test_a_body_that_is_no_webhook_is_a_problem(raw: bytes) -> None:
    read = alertmanager.read(raw, PROMETHEUS, NOON)

    assert (len(read.problems), read.signals) == (1, ())


NAMES = ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint", "receivers"]
ALERTS = st.lists(some(NAMES) | some(NAMES, st.dictionaries(TEXTS, TEXTS, max_size=3)) | VALUES, max_size=4)
Read = Callable[[bytes, Door, datetime], alertmanager.Reading]


@HOSTILE
@given(st.binary(max_size=100) | VALUES.map(body), ALERTS)
def test_no_body_brings_it_down_and_all_that_is_read_can_be_stored(raw: bytes, alerts: list[Any]) -> None:
    readers: list[tuple[Read, list[bytes]]] = [
        (alertmanager.read, [raw, body({"version": "4", "alerts": alerts})]),
        (alertmanager.polled, [raw, body(alerts)]),
    ]
    for read, bodies in readers:
        for one in bodies:
            for said in read(one, PROMETHEUS, NOON).signals:
                stored = json.dumps(to_json(said), allow_nan=False, ensure_ascii=False)
                stored.encode()
                assert from_json(json.loads(stored)) == said
