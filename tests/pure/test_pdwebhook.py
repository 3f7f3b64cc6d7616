"""What PagerDuty's webhooks say: the signature first, then whether it is a repeat, then what has happened."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncall.pdwebhook import BIGGEST, Heard, Rejected, Repeat, What, judged, signed

EVENTS: dict[str, Any] = json.loads((Path(__file__).parent.parent / "cases/paging/webhooks/events.json").read_text())
OLD, NEW, FOREIGN = "the old secret", "the new secret", "somebody else's"
BODY = json.dumps(EVENTS["acknowledged"]).encode()


def v1(body: bytes, *secrets: str) -> str:
    return ",".join(f"v1={hmac.new(one.encode(), body, hashlib.sha256).hexdigest()}" for one in secrets)


def headers(body: bytes, *secrets: str, delivery: str = "delivery-1") -> dict[str, str]:
    return {"X-PagerDuty-Signature": v1(body, *secrets), "X-Webhook-Id": delivery}


def heard(name: str) -> Heard:
    body = json.dumps(EVENTS[name]).encode()
    verdict = judged(body, headers(body, NEW), [NEW], ())
    assert isinstance(verdict, Heard)
    return verdict


@pytest.mark.parametrize(
    ("why", "body", "signature", "accepted"),
    [
        ("one signature that fits", BODY, v1(BODY, NEW), True),
        ("two signatures, the second fits", BODY, v1(BODY, FOREIGN, NEW), True),
        ("two signatures, the first fits", BODY, v1(BODY, OLD, FOREIGN), True),
        ("spaces between them", BODY, v1(BODY, FOREIGN, NEW).replace(",", " , "), True),
        ("another version beside it", BODY, "v2=abc," + v1(BODY, NEW), True),
        ("the body altered by one byte", BODY[:-1] + b" ", v1(BODY, NEW), False),
        ("no signature that fits", BODY, v1(BODY, FOREIGN, FOREIGN), False),
        ("another version only", BODY, v1(BODY, NEW).replace("v1", "v2"), False),
        ("half a signature", BODY, v1(BODY, NEW)[:40], False),
        ("letters that no signature has", BODY, "v1=ü", False),
        ("no signature at all", BODY, "", False),
        ("an empty one", BODY, "v1=", False),
    ],
)
def test_one_signature_of_several_must_fit_the_body(why: str, body: bytes, signature: str, accepted: bool) -> None:
    verdict = judged(body, {"x-pagerduty-signature": signature, "X-Webhook-ID": "d"}, [OLD, NEW], ())

    assert isinstance(verdict, Heard) is accepted, why
    assert isinstance(verdict, Rejected) is not accepted
    if isinstance(verdict, Rejected):
        assert verdict.forged


def test_without_a_secret_nothing_is_accepted() -> None:
    assert not signed(BODY, v1(BODY, ""), [""])
    assert not signed(BODY, v1(BODY, NEW), [])


def test_a_delivery_that_was_heard_before_is_a_repeat() -> None:
    first = judged(BODY, headers(BODY, NEW), [NEW], ())
    assert isinstance(first, Heard)

    assert judged(BODY, headers(BODY, NEW), [NEW], first.ids) == Repeat("delivery-1")


def test_a_replay_under_another_delivery_id_is_a_repeat_too_for_that_header_is_not_signed() -> None:
    first = judged(BODY, headers(BODY, NEW), [NEW], ())
    assert isinstance(first, Heard)

    again = judged(BODY, headers(BODY, NEW, delivery="made up"), [NEW], first.ids)

    assert again == Repeat("event 5ac64822-4adc-4fda-ade0-410becf0de4f")


def test_a_forged_repeat_is_forged_and_no_repeat() -> None:
    verdict = judged(BODY, headers(BODY, FOREIGN), [NEW], ["delivery-1"])

    assert isinstance(verdict, Rejected)
    assert verdict.forged


@pytest.mark.parametrize(
    ("name", "what", "incident", "who", "assigned"),
    [
        ("acknowledged", What.ACKNOWLEDGED, 31, "Ada Lovelace", ("Ada Lovelace",)),
        ("resolved", What.RESOLVED, 31, "checkout", ()),
        ("reassigned", What.REASSIGNED, 31, "Ada Lovelace", ("Ben Bitdiddle",)),
        ("escalated", What.ESCALATED, 31, "", ("Ada Lovelace",)),
        ("annotated", What.ANNOTATED, None, "Ada Lovelace", ()),
        ("responder-added", What.RESPONDER_ADDED, None, "Ada Lovelace", ()),
        ("foreign", What.TRIGGERED, None, "", ("Ada Lovelace",)),
        ("ping", What.OTHER, None, "", ()),
    ],
)
def test_an_event_says_what_happened_to_which_incident(
    name: str, what: What, incident: int | None, who: str, assigned: tuple[str, ...]
) -> None:
    event = heard(name)

    assert (event.what, event.incident, event.who, event.assigned) == (what, incident, who, assigned)


def test_a_note_comes_with_its_words_on_one_line_and_the_incident_it_is_on() -> None:
    note = heard("annotated")

    assert note.their_id == "PGR0VU2"
    assert note.note == "payments is down, too looking"
    assert note.title == "checkout: 8 % of orders fail"
    assert note.url == "https://shop.pagerduty.com/incidents/PGR0VU2"
    assert note.at == datetime(2026, 3, 2, 12, 0, 1, 314000, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"event": []}',
        b'{"event": {"id": "1"}}',
        b"[" * 100_000,
        b"\xff",
        b'{"event": null}',
    ],
)
def test_a_signed_body_that_is_no_event_is_rejected(body: bytes) -> None:
    verdict = judged(body, headers(body, NEW), [NEW], ())

    assert isinstance(verdict, Rejected)
    assert not verdict.forged


def test_a_body_of_fifty_megabytes_is_not_even_hashed() -> None:
    verdict = judged(b" " * (BIGGEST + 1), {}, [NEW], ())

    assert isinstance(verdict, Rejected)
    assert "256 KB" in verdict.why


words = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=10,
)
parts = st.fixed_dictionaries(
    {},
    optional={
        "id": values,
        "event_type": values | st.sampled_from([f"incident.{one}" for one in What]),
        "occurred_at": values | st.just("2026-03-02T12:00:00Z"),
        "agent": values,
        "data": values
        | st.fixed_dictionaries({"type": st.just("incident"), "incident_key": values, "assignees": values}),
    },
)


@given(parts | values)
def test_whatever_is_signed_gives_a_verdict(event: Any) -> None:
    body = json.dumps({"event": event}).encode()

    verdict = judged(body, headers(body, NEW), [NEW], ())

    assert isinstance(verdict, Heard | Rejected)
    if isinstance(verdict, Heard):
        assert verdict.title.isprintable()
        assert verdict.url == "" or verdict.url.startswith("https://")
