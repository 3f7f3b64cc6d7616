"""A small real HTTP server that answers as Prometheus does, or misbehaves in one of the ways that matter.

What a query gets is told per query text: a JSON value for `data`, a whole payload, bytes, or a way of misbehaving.
"""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.serving import Server, serving

Misbehaves = Callable[["Handler"], None]


@dataclass
class FakePrometheus:
    """Its state; `asked` holds (method, path, parameters, headers) of each request."""

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    known: list[str] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, list[str]], dict[str, str]]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)


def vector(*values: str, **labels: str) -> dict[str, Any]:
    """`data` of an instant query; each series has its number as a label."""
    series: list[Any] = [
        {"metric": {"n": str(n)} | labels, "value": [1795180621.807, one]} for n, one in enumerate(values)
    ]
    return {"resultType": "vector", "result": series}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def fake(self) -> FakePrometheus:
        made: FakePrometheus = self.server.fake  # type: ignore[attr-defined]
        return made

    def do_GET(self) -> None:
        self.answer("")

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    def answer(self, body: str) -> None:
        parts = urlsplit(self.path)
        given = parse_qs(parts.query or body)
        self.fake.asked.append((self.command, parts.path, given, dict(self.headers)))
        if parts.path == "/api/v1/label/__name__/values":
            wanted = [one.partition('"')[2].rpartition('"')[0] for one in given.get("match[]", [])]
            self.send({"status": "success", "data": [n for n in self.fake.known if not wanted or n in wanted]})
            return
        self.say(self.fake.answers.get(given.get("query", [""])[0], vector()))

    def say(self, said: Any) -> None:
        if callable(said):
            said(self)
        elif isinstance(said, bytes):
            self.send_bytes(said)
        else:
            self.send(said if "status" in said else {"status": "success", "data": said})

    def send(self, said: Any, status: int = 200) -> None:
        self.send_bytes(json.dumps(said).encode(), status)

    def send_bytes(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def hangs(handler: Handler) -> None:
    """Never says a word."""
    handler.fake.stopped.wait(30)
    handler.close_connection = True


def trickles_headers(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not handler.fake.stopped.wait(0.02):
        handler.wfile.write(b"X-More: yes\r\n")


def trickles(handler: Handler) -> None:
    """A body that comes byte by byte and never ends."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while not handler.fake.stopped.wait(0.02):
        handler.wfile.write(b" ")


def half(handler: Handler) -> None:
    """Promises more than it sends."""
    body = json.dumps({"status": "success", "data": vector("1")}).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body) * 2))
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = True


def cut(handler: Handler) -> None:
    handler.close_connection = True


def floods(handler: Handler) -> None:
    """More than anybody wants, in chunks."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    piece = b" " * (1 << 20)
    for _ in range(20):
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    handler.wfile.write(b"0\r\n\r\n")


def status(code: int, said: Any = None, **headers: str) -> Misbehaves:
    body = b"<html>oops</html>" if said is None else json.dumps(said).encode()
    return lambda handler: handler.send_bytes(body, code, **headers)


@contextmanager
def fake_prometheus(certificate: Path | None = None) -> Iterator[FakePrometheus]:
    """Run one while the block lasts; with a certificate (and key.pem beside it) over TLS."""
    server = Server(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_name("key.pem"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
    fake = FakePrometheus(f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}")
    server.fake = fake  # type: ignore[attr-defined]
    with serving(server, fake.stopped):
        yield fake
