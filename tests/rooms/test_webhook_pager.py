"""A page posted to a receiver: signed, the same delivery each time, never redirected, never into a network inside."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest

from ledger.errors import Code, Error
from oncall.paging import wire
from oncall.paging.networks import networks
from oncall.paging.ports import Delivered, Key, Page, Refused
from oncall.paging.signing import verified
from oncall.paging.webhook import Receiver, WebhookPager
from oncall.terms import Severity, Urgency
from tests.conftest import NOON
from tests.serving import serving

OLD, NEW = "the old secret of the pager", "the new secret of the pager"
LIMIT = timedelta(seconds=1)  # for who does not answer
PATIENCE = timedelta(seconds=30)  # for who does, on a machine that is slow
HOME = networks(["127.0.0.0/8"])
KEY = Key(31, 2, 1, "user:default/ada", "hook")
PAGE = Page(KEY, "orders fail", "You are primary.", Severity.CRITICAL, Urgency.HIGH, "user:default/ada")


class Posted(BaseHTTPRequestHandler):
    """Keeps what it gets, as (path, headers, body)."""

    kept: list[tuple[str, dict[str, str], bytes]]
    answer: bytes
    status: int
    extra: dict[str, str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.kept.append((self.path, dict(self.headers), body))
        self.send_response(self.status)
        for name, value in {"Content-Length": str(len(self.answer)), **self.extra}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[tuple[str, type[Posted]]]:
    made = type("Receiver", (Posted,), {"kept": [], "answer": b'{"id": "m-7"}', "status": 202, "extra": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), made)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}", made


def pager(url: str, *secrets: str, **more: Any) -> WebhookPager:
    given: dict[str, Any] = {"allowed": HOME, "limit": PATIENCE} | more
    return WebhookPager(Receiver(url, secrets or (NEW,), **given), lambda: NOON)


def test_the_receiver_can_check_with_either_secret_while_it_is_being_changed(receiver: Any) -> None:
    url, kept = receiver[0], receiver[1].kept

    outcome = pager(f"{url}/pages", NEW, OLD).send(PAGE)

    assert outcome == Delivered(NOON, "m-7")
    path, headers, body = kept[0]
    signed = headers["X-Fullcycle-Signature"]
    assert path == "/pages"
    assert [verified(body, signed, [secret], NOON) for secret in (NEW, OLD, "another secret")] == [True, True, False]
    assert not verified(body.replace(b"critical", b"info"), signed, [NEW], NOON)


def test_the_body_says_what_a_receiver_needs_to_act(receiver: Any) -> None:
    page = replace(PAGE, url="https://p.test/31", ack_url="https://p.test/a/1", attempt=2, repeat=True)

    pager(receiver[0]).send(page)

    said = json.loads(receiver[1].kept[0][2])
    assert {name: said[name] for name in ("version", "incident", "step", "loop", "person", "severity", "urgency")} == {
        "version": 1,
        "incident": 31,
        "step": 2,
        "loop": 1,
        "person": "user:default/ada",
        "severity": "critical",
        "urgency": "high",
    }
    assert (said["acknowledge"], said["attempt"], said["repeat"]) == ("https://p.test/a/1", 2, True)
    assert said["sent"] == "2026-03-02T12:00:00+00:00"


def test_a_second_attempt_is_the_same_delivery(receiver: Any) -> None:
    mine = pager(receiver[0])

    mine.send(PAGE)
    mine.send(replace(PAGE, attempt=2, repeat=True))
    mine.send(replace(PAGE, key=replace(KEY, step=3)))

    first, second, third = (headers["X-Fullcycle-Delivery"] for _, headers, _ in receiver[1].kept)
    assert first == second
    assert first != third


def test_a_redirect_is_not_followed(receiver: Any) -> None:
    receiver[1].status, receiver[1].extra = 307, {"Location": f"{receiver[0]}/elsewhere"}

    outcome = pager(f"{receiver[0]}/pages").send(PAGE)

    assert isinstance(outcome, Refused)
    assert outcome.permanent
    assert [path for path, _, _ in receiver[1].kept] == ["/pages"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::1]"])
def test_an_address_inside_is_not_reached_unless_it_is_allowed(receiver: Any, host: str) -> None:
    url = receiver[0].replace("127.0.0.1", host)

    outcome = pager(url, allowed=()).send(PAGE)

    assert isinstance(outcome, Refused)
    assert outcome.permanent
    assert "may not go to" in outcome.why
    assert receiver[1].kept == []


def test_a_name_with_one_address_inside_is_not_reached_at_all(receiver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    port = int(receiver[0].rpartition(":")[2])
    both = [(2, 1, 6, "", ("9.9.9.9", port)), (2, 1, 6, "", ("127.0.0.1", port))]
    monkeypatch.setattr(wire.socket, "getaddrinfo", lambda *_args, **_given: both)

    outcome = pager(f"http://two.test:{port}", allowed=()).send(PAGE)

    assert isinstance(outcome, Refused)
    assert "may not go to" in outcome.why
    assert receiver[1].kept == []


def test_a_name_that_is_unknown_is_surely_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: Any, **_given: Any) -> Any:
        raise OSError("no such name")

    monkeypatch.setattr(wire.socket, "getaddrinfo", unknown)

    outcome = pager("https://nowhere.test/pages").send(PAGE)

    assert isinstance(outcome, Refused)
    assert (outcome.permanent, outcome.uncertain) == (False, False)


@pytest.mark.long
def test_a_name_server_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(wire.socket, "getaddrinfo", lambda *_args, **_given: release.wait(30) and [])

    outcome = pager("https://slow.test/pages", limit=LIMIT).send(PAGE)
    held = not release.is_set()
    release.set()

    assert isinstance(outcome, Refused)
    assert held


@pytest.mark.parametrize("answer", [b"", b"ok", b"[1]", b'{"id": null}', b"[" * 200_000, b"\xff\xfe", b" " * 2_000_000])
def test_any_answer_is_fine_when_the_status_is(receiver: Any, answer: bytes) -> None:
    receiver[1].answer = answer

    assert pager(receiver[0]).send(PAGE) == Delivered(NOON, "")


def test_an_answer_that_is_packed_is_not_unpacked(receiver: Any) -> None:
    receiver[1].answer, receiver[1].extra = b"\x1f\x8b" + b"\0" * 100, {"Content-Encoding": "gzip"}

    assert pager(receiver[0]).send(PAGE) == Delivered(NOON, "")
    assert receiver[1].kept[0][1]["Accept-Encoding"] == "identity"


def test_an_answer_without_end_is_cut_off_and_leaves_it_open_whether_it_was_taken(
    receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MOST_BYTES", 1000)
    receiver[1].answer = b" " * 200_000

    outcome = pager(receiver[0]).send(PAGE)

    assert isinstance(outcome, Refused)
    assert outcome.uncertain


@pytest.mark.parametrize(
    ("url", "secrets", "said"),
    [
        ("ftp://h/p", (NEW,), "must be like https://"),
        ("https://", (NEW,), "must be like https://"),
        ("https://user:password@h/p", (NEW,), "no password"),
        ("https://h/p", (), "needs a secret"),
        ("https://h/p", ("short",), "needs a secret"),
        ("https://h/p", (NEW, "short"), "needs a secret"),
    ],
)
def test_a_receiver_that_cannot_work_is_refused_without_its_secrets(
    url: str, secrets: tuple[str, ...], said: str
) -> None:
    receiver = Receiver(url, secrets)
    with pytest.raises(Error) as refused:
        WebhookPager(receiver)

    assert refused.value.code is Code.INVALID
    assert said in refused.value.message
    assert not any(secret in f"{refused.value}{receiver!r}" for secret in (*secrets, "password@"))


def test_as_many_calls_as_hang_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_hung", threading.BoundedSemaphore(1))
    release, begun = threading.Event(), threading.Event()

    def hangs() -> None:
        begun.set()
        release.wait(60)

    with pytest.raises(wire.Late):
        wire.in_time(hangs, timedelta(milliseconds=1))
    assert begun.wait(60)
    with pytest.raises(wire.Late, match="too many"):
        wire.in_time(lambda: None, timedelta(seconds=1))
    release.set()


def test_what_a_call_raises_comes_back_to_the_caller() -> None:
    def breaks() -> None:
        raise httpx2.ReadError("broken")

    with pytest.raises(httpx2.ReadError):
        wire.in_time(breaks, PATIENCE)
