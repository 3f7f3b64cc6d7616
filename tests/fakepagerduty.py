"""A small real HTTP server that answers as PagerDuty does, strictly, or misbehaves in one of the ways that matter.

Strict means: what the official client never sends (tests/cases/paging/client_requests.json) is answered with an error
and kept in `wrong`. Events have PagerDuty's own semantics: a trigger joins the open alert of its key.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.serving import Server, serving

ROUTING_KEY = "R0123456789abcdef0123456789abcdef"[:32]
API_KEY = "u+abcdefghijklmnop123456"
BIGGEST = 512 * 1024
AGENT = re.compile(r"python-pagerduty/7\.\d+\.\d+ httpx2/\d+\.\d+\.\d+ Python/3\.\d+")
ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")

Misbehaves = Callable[["Handler"], None]


@dataclass
class Alert:
    key: str
    state: str = "triggered"
    events: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class FakePagerDuty:
    """Its state. `troubles` are done first, one per request; `always` is done to every request."""

    url: str = ""
    keys: tuple[str, ...] = (ROUTING_KEY,)
    alerts: list[Alert] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)  # as the recorded requests are written
    wrong: list[str] = field(default_factory=list)
    troubles: list[Misbehaves] = field(default_factory=list)
    always: Misbehaves | None = None
    entities: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # "/schedules": [{"id": …}]
    stopped: threading.Event = field(default_factory=threading.Event)
    gave_up: bool = False  # it has held somebody for as long as it can

    def open(self, key: str) -> Alert | None:
        return next((one for one in self.alerts if one.key == key and one.state != "resolved"), None)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def fake(self) -> FakePagerDuty:
        made: FakePagerDuty = self.server.fake  # type: ignore[attr-defined]
        return made

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._kept(body)
        if self._misbehaved():
            return
        path = urlsplit(self.path).path
        if path not in ("/v2/enqueue", "/v2/change/enqueue"):
            self.refuse(404, f"POST {path}: only reading is allowed with this key")
        elif said := self._strictly(body):
            self.refuse(400, said)
        else:
            self._enqueue(json.loads(body), path)

    def do_GET(self) -> None:
        self._kept(b"")
        if self._misbehaved():
            return
        if self.headers.get("Authorization") != f"Token token={API_KEY}":
            self.send({"error": {"message": "Unauthorized", "code": 2006}}, 401)
        elif self.headers.get("Accept") != "application/vnd.pagerduty+json;version=2":
            self.refuse(406, "Accept is not PagerDuty's")
        else:
            self._read()

    def do_PUT(self) -> None:
        self.refuse(403, f"PUT {self.path}: only reading is allowed with this key")

    do_DELETE = do_PATCH = do_PUT

    def _kept(self, body: bytes) -> None:
        try:
            said = json.loads(body) if body else None
        except ValueError:
            said = None
        headers = {name: value for name, value in self.headers.items() if name != "Host"}
        self.fake.asked.append({"method": self.command, "path": self.path, "headers": headers, "body": said})

    def _misbehaved(self) -> bool:
        act = self.fake.troubles.pop(0) if self.fake.troubles else self.fake.always
        if act is not None:
            act(self)
        return act is not None

    def _strictly(self, body: bytes) -> str:
        """What no official client would send."""
        if not AGENT.fullmatch(self.headers.get("User-Agent", "")):
            return f"User-Agent is {self.headers.get('User-Agent')}"
        if self.headers.get("Content-Type") != "application/json" or self.headers.get("Accept") != "*/*":
            return "Content-Type or Accept is another"
        if len(body) > BIGGEST:
            return "Event is too big"
        try:
            event = json.loads(body)
        except ValueError:
            return "Event is no JSON"
        if event.get("routing_key") not in self.fake.keys:
            return "Event object is invalid: 'routing_key' is invalid"
        checked = _change_faults if self.path.startswith("/v2/change") else _event_faults
        return "; ".join(checked(event))

    def _enqueue(self, event: dict[str, Any], path: str) -> None:
        if path == "/v2/change/enqueue":
            self.fake.changes.append(event)
            self.send({"status": "success", "message": "Change event processed"}, 202)
            return
        key = event.get("dedup_key") or f"made-{len(self.fake.alerts)}"
        alert = self.fake.open(key)
        if event["event_action"] == "trigger":
            if alert is None:
                self.fake.alerts.append(alert := Alert(key))
            alert.events.append(event)
        elif alert is not None:  # without an open alert it is dropped, and still answered with 202
            alert.state = event["event_action"] + ("d" if event["event_action"].endswith("e") else "")
            alert.events.append(event)
        self.send({"status": "success", "message": "Event processed", "dedup_key": key}, 202)

    def _read(self) -> None:
        parts = urlsplit(self.path)
        query = {name: value[0] for name, value in parse_qs(parts.query).items()}
        index = self.fake.entities.get(parts.path)
        if index is not None:
            limit, offset = int(query.get("limit", 100)), int(query.get("offset", 0))
            short = parts.path == "/schedules"  # only the schedule itself has its layers
            page = [{"id": one["id"]} if short else one for one in index[offset : offset + limit]]
            name = parts.path.rpartition("/")[2]
            self.send({name: page, "limit": limit, "offset": offset, "more": offset + limit < len(index)})
            return
        path, _, wanted = parts.path.rpartition("/")
        for one in self.fake.entities.get(path, []):
            if one["id"] == wanted:
                self.send({"schedule": one})
                return
        self.send({"error": {"message": "Not Found", "code": 2100}}, 404)

    def refuse(self, status: int, said: str) -> None:
        self.fake.wrong.append(said)
        self.send({"status": "invalid event", "message": "Event object is invalid", "errors": [said]}, status)

    def send(self, said: Any, status: int = 200, **headers: str) -> None:
        self.send_bytes(json.dumps(said).encode(), status, **headers)

    def send_bytes(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def _event_faults(event: dict[str, Any]) -> Iterator[str]:
    known = {"routing_key", "event_action", "dedup_key", "payload", "images", "links", "client", "client_url"}
    action, payload = event.get("event_action"), event.get("payload", {})
    if unknown := set(event) - known:
        yield f"unknown: {unknown}"
    if action not in ACTIONS:
        yield "'event_action' is missing"
    if not isinstance(event.get("dedup_key", ""), str) or len(event.get("dedup_key", "")) > 255:
        yield "'dedup_key' is too long"
    if action != "trigger":
        if not event.get("dedup_key"):
            yield "'dedup_key' is missing"
        return
    if not 0 < len(payload.get("summary", "")) <= 1024:
        yield "'payload.summary' is missing or too long"
    if not payload.get("source"):
        yield "'payload.source' is missing"
    if payload.get("severity") not in SEVERITIES:
        yield "'payload.severity' is invalid"
    for link in event.get("links", []):
        if set(link) != {"href", "text"}:
            yield "a link has href and text"


def _change_faults(event: dict[str, Any]) -> Iterator[str]:
    payload = event.get("payload", {})
    if unknown := set(event) - {"routing_key", "payload", "links", "images"}:
        yield f"unknown: {unknown}"
    if not payload.get("summary"):
        yield "'payload.summary' is missing"
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", payload.get("timestamp", "")):
        yield "'payload.timestamp' is no moment"


def hangs(handler: Handler) -> None:
    """Never says a word."""
    handler.fake.gave_up = not handler.fake.stopped.wait(30)
    handler.close_connection = True


def half(handler: Handler) -> None:
    """Promises more than it sends."""
    handler.send_response(202)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"status": "succ')
    handler.close_connection = True


def cut(handler: Handler) -> None:
    handler.close_connection = True


def trickles(handler: Handler) -> None:
    """Headers that come one by one and never end."""
    handler.wfile.write(b"HTTP/1.1 202 Accepted\r\n")
    for _ in range(1500):
        handler.wfile.write(b"X-More: yes\r\n")
        if handler.fake.stopped.wait(0.02):
            return
    handler.fake.gave_up = True


def status(code: int, said: Any = None, **headers: str) -> Misbehaves:
    body = b"<html>oops</html>" if said is None else json.dumps(said).encode()
    return lambda handler: handler.send_bytes(body, code, **headers)


@contextmanager
def fake_pagerduty(handler: type[BaseHTTPRequestHandler] = Handler) -> Iterator[FakePagerDuty]:
    """Run one while the block lasts."""
    server = Server(("127.0.0.1", 0), handler)
    fake = FakePagerDuty(f"http://127.0.0.1:{server.server_port}")
    server.fake = fake  # type: ignore[attr-defined]
    with serving(server, fake.stopped):
        yield fake
