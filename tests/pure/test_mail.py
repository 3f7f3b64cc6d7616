"""Mails as alerts: what real ones say, and nothing that a stranger sends raises."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import Error
from oncall import mail
from oncall.mail import Rules
from oncall.signal import Reading, Signal, from_json, to_json
from tests.conftest import NOON

pytest.importorskip("re2", reason="google-re2 has no wheel for this machine")

CASES = yaml.safe_load(Path("tests/cases/intake/mails.yaml").read_text())


def read(raw: bytes, **rules: Any) -> Reading:
    return mail.read(raw, "mail:1", "component:default/checkout", NOON, Rules(**rules))


def only(raw: bytes) -> Signal:
    (said,) = read(raw).signals
    return said


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_a_mail_is_read(case: dict[str, Any]) -> None:
    found = read(case["mail"].encode(), **case.get("rules", {}))

    if "none" in case:
        assert (found.signals, found.notes) == ((), (case["none"],))
    else:
        plain = json.loads(json.dumps(to_json(found.signals[0])))
        assert {name: plain[name] for name in case["gives"]} == case["gives"]
        assert plain["details"]["text"] == case.get("text", plain["details"]["text"])


def test_begin_and_end_of_one_trouble_find_each_other() -> None:
    subjects = (
        "disk full on db-1",
        "PROBLEM disk full on db-1",
        "[RESOLVED] Disk full on db-1",
        "Fwd: RE: OK: disk full on db-1",
    )

    keys = {only(f"From: a@b.test\nSubject: {subject}\n\n.".encode()).key for subject in subjects}

    assert keys == {"disk full on db 1"}


def test_a_subject_cannot_bring_a_line_of_its_own() -> None:
    said = only(b"From: a@b.test\nSubject: =?utf-8?q?disk=0D=0ABcc:_all@shop.test?=\n\n.")

    assert said.title == "disk Bcc: all@shop.test"


def test_a_huge_mail_is_read_from_its_beginning_and_says_so() -> None:
    said = only(b"From: a@b.test\nSubject: disk\n\n" + b"line\n" * 300_000)

    assert said.title == "disk"
    assert said.notes == ("The mail has 1,500,030 bytes; 1,048,576 are read.",)
    assert len(said.details["text"]) == mail.LONGEST_TEXT


def nested(levels: int) -> bytes:
    parts = [f"Content-Type: multipart/mixed; boundary=B{at}\n\n--B{at}\n" for at in range(levels)]
    return ("From: a@b.test\nSubject: disk\n" + "".join(parts) + "\n\nhello").encode()


@pytest.mark.parametrize(
    "raw",
    [
        nested(50),
        nested(5000),
        b"From: a@b.test\nSubject: disk\nContent-Type: multipart/mixed\n\nno boundary",
        b'From: a@b.test\nSubject: disk\nContent-Type: text/plain; charset="\xff\xfe"\n\nhello',
        b"From: a@b.test\nSubject: disk\nContent-Type: text/plain; charset*0*=''%\n\nhello",
        b'From: a@b.test\nSubject: disk\nContent-Type: text/plain; charset="a\x00"\n\n\xff',  # Python raises on it
        b"From: a@b.test\nSubject: disk\nContent-Transfer-Encoding: base64\n\n====%%%",
        b"From: a@b.test\nSubject: disk\nContent-Transfer-Encoding: uuencode\n\nbegin 666 \xff\n###",
        b"From: " + b"<" * 50_000 + b"\nSubject: disk\n\n.",
        b"From: a@b.test\nSubject: disk\nDate: Mon, 99 Foo 99999999999999999999 99:99:99 +99999999\n\n.",
        b"From: a@b.test\nSubject: disk\nContent-Type: text/html\n\n" + b"<script" * 30_000,
        b"From: a@b.test\nSubject: disk\nContent-Type: text/html\n\n" + b"<" * 100_000,
        b"From: a@b.test\nSubject: disk\nContent-Type: text/plain; charset=punycode\n\n" + b"-a" * 500_000,
        b"From: a@b.test\nSubject: disk\nContent-Type: text/plain; charset*=punycode''" + b"-a" * 500_000 + b"\n\n.",
    ],
)
def test_a_mail_that_means_harm_is_an_alert_like_any_other(raw: bytes) -> None:
    assert only(raw).title == "disk"


HEADERS = st.sampled_from(
    ["From", "Subject", "Date", "Content-Type", "Content-Transfer-Encoding", "Auto-Submitted", "X-Severity"]
)
VALUES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"multipart/mixed; boundary=B",
            b"text/html; charset=\x80",
            b"message/rfc822",
            b"=?utf-8?b?!!!?=",
            b"=?utf-7?q?+AAA-?=",
            b"=?hex?q?zz?=",
            b"base64",
            b"quoted-printable",
            b"text/plain; charset=idna",
            b"text/plain; charset=rot13",
            b"text/plain; charset=undefined",
        ]
    ),
)


@settings(deadline=None)
@given(st.lists(st.tuples(HEADERS, VALUES), max_size=6), st.binary(max_size=100) | st.just(b"--B\n\nx\n--B--"))
def test_no_mail_brings_it_down(headers: list[tuple[str, bytes]], text: bytes) -> None:
    raw = b"".join(name.encode() + b": " + value + b"\n" for name, value in headers) + b"\n" + text

    for one in (raw, text):
        for said in read(one).signals:
            stored = json.dumps(to_json(said), allow_nan=False, ensure_ascii=False)
            stored.encode()
            assert said.title.isprintable()
            assert from_json(json.loads(stored)) == said


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        ({"resolve": "("}, "resolve: '(' is no pattern of RE2: missing )"),
        ({"key": "(?=x)"}, "key: '(?=x)' is no pattern of RE2"),
        ({"resolve": ".*"}, "resolve: the pattern '.*' matches every subject"),
        ({"key": "x" * 1001}, "key: a pattern has at most 1000 characters"),
        ({"senders": ("ops",)}, "senders: 'ops' is no address and no @domain"),
    ],
)
def test_rules_that_cannot_be_used_are_refused(rules: dict[str, Any], fault: str) -> None:
    with pytest.raises(Error) as raised:
        mail.checked(Rules(**rules))

    assert any(one.startswith(fault) for one in raised.value.reasons)


def test_the_usual_rules_can_be_used() -> None:
    assert mail.checked(Rules()) == Rules()
