"""The demo's own source of metrics: what its HAProxy counts, asked each second, and answered as a Prometheus would.

It is no Prometheus: it knows a few functions, two metrics and five minutes. What it tells is really counted, and
where nothing was counted it has no series. Bound to this machine only; begins and ends with the demo.
"""

import contextlib
import json
import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ledger import clock as clocks
from ledger.errors import Code, Error
from portal.demo.ground import CONFIG
from portal.demo.metricseries import NAMES, Kept, samples
from portal.demo.smallpromql import KNOWS, Labels, Points, Unknown, Vector, evaluated
from production.haproxy import Proxy
from production.rundir import short_folder
from production.supervise import Supervisor

HOST = "127.0.0.1"
FIRST_PORT, PORTS = 9290, 100
EVERY = timedelta(seconds=1)
LONGEST_BODY = 20_000  # bytes of a question
MOST_STEPS = 1_000  # of a range
_OURS = re.compile(r'(\[metrics\.prometheus\][^\[]*?url = "http://127\.0\.0\.1:)(\d+)')
_SECTION = """\
# What the demo's HAProxy counts, for metrics in catalog-info.yaml. The demo writes the port when it starts.
[metrics.prometheus]
url = "http://127.0.0.1:{port}"
"""

Stats = Callable[[], Sequence[Mapping[str, str]]]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    kept: Kept

    def handle_error(self, *_: object) -> None:
        """Whoever cuts the connection does no wrong here."""


class _Asked(BaseHTTPRequestHandler):
    """One question."""

    protocol_version = "HTTP/1.1"
    timeout = 10
    server: _Server

    def do_GET(self) -> None:
        self._answer(urlsplit(self.path).query)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LONGEST_BODY:
            self.close_connection = True
            self._send(413, _wrong("bad_data", f"a question has at most {LONGEST_BODY} bytes"))
            return
        self._answer(self.rfile.read(int(length)).decode(errors="replace"))

    def _answer(self, asked: str) -> None:
        path, given = urlsplit(self.path).path, parse_qs(asked)
        one = {name: values[0] for name, values in given.items()}
        try:
            if path in ("/-/ready", "/-/healthy"):
                self._send(200, "ready\n")
            elif path == "/api/v1/query":
                self._send(200, _right(_instant(self.server.kept.all(), one)))
            elif path == "/api/v1/query_range":
                self._send(200, _right(_range(self.server.kept.all(), one)))
            elif path == "/api/v1/label/__name__/values":
                self._send(200, _right(_known(given.get("match[]", ()))))
            elif path in ("/", "/metrics"):
                self._send(200, _shown(self.server.kept.all()))
            else:
                self._send(404, _wrong("not_found", f"{path[:60]} is not here; ask /api/v1/query, or look at /"))
        except (Unknown, ValueError) as error:
            self._send(400, _wrong("bad_data", str(error)))

    def _send(self, status: int, said: Any) -> None:
        is_text = isinstance(said, str)
        body = (said if is_text else json.dumps(said)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8" if is_text else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _right(data: Any) -> Mapping[str, Any]:
    return {"status": "success", "data": data}


def _wrong(kind: str, said: str) -> Mapping[str, Any]:
    return {"status": "error", "errorType": kind, "error": said}


def _instant(series: Mapping[Labels, Points], asked: Mapping[str, str]) -> Mapping[str, Any]:
    at = float(asked["time"]) if "time" in asked else clocks.now().timestamp()
    if not math.isfinite(at):
        raise Unknown("time must be in seconds")
    value = evaluated(asked.get("query", ""), series, at)
    if not isinstance(value, dict):
        return {"resultType": "scalar", "result": [at, _number(value)]}
    result = [{"metric": dict(labels), "value": [at, _number(one)]} for labels, one in value.items()]
    return {"resultType": "vector", "result": result}


def _range(series: Mapping[Labels, Points], asked: Mapping[str, str]) -> Mapping[str, Any]:
    start, end, step = (float(asked.get(name, "nan")) for name in ("start", "end", "step"))
    if not (step > 0 and 0 <= (end - start) / step <= MOST_STEPS):
        raise Unknown(f"start, end and step in seconds are needed, and at most {MOST_STEPS} steps")
    lines: dict[Labels, list[tuple[float, str]]] = {}
    for number in range(int((end - start) / step) + 1):
        at = start + number * step
        value = evaluated(asked.get("query", ""), series, at)
        values: Vector = value if isinstance(value, dict) else {(): value}
        for labels, one in values.items():
            lines.setdefault(labels, []).append((at, _number(one)))
    return {"resultType": "matrix", "result": [{"metric": dict(of), "values": line} for of, line in lines.items()]}


def _number(value: float) -> str:
    """Write a number as Prometheus does."""
    return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}.get(repr(value), repr(value))


def _known(matches: Sequence[str]) -> Sequence[str]:
    """Return the metrics that there are, of those that were asked for: each as {__name__="…"}."""
    wanted = [match.partition('"')[2].rpartition('"')[0] for match in matches]
    return [name for name in NAMES if not wanted or name in wanted]


def _shown(series: Mapping[Labels, Points]) -> str:
    """Write what there is now as text, in the format that Prometheus reads."""
    lines = [f"# The demo's own source of metrics. It knows {KNOWS}."]
    for name, said in NAMES.items():
        lines.append(f"# HELP {name} {said}")
        for labels, points in sorted(series.items()):
            if dict(labels)["__name__"] == name:
                told = ",".join(f"{label}={json.dumps(text)}" for label, text in labels if label != "__name__")
                lines.append(f"{name}{{{told}}} {_number(points[-1][1])}")
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def serving(server: _Server, stats: Stats) -> Iterator[Kept]:
    """Ask again and again what is counted, and answer, while the block lasts."""
    server.kept, over = Kept(), threading.Event()

    def look() -> None:
        while not over.wait(EVERY.total_seconds()):
            with contextlib.suppress(Error, OSError):
                server.kept.add(samples(stats()), clocks.now().timestamp())

    threads = [
        threading.Thread(target=look, name="metrics", daemon=True),
        threading.Thread(target=server.serve_forever, args=(0.1,), name="metrics source", daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        yield server.kept
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        for thread in threads:
            thread.join()


@contextlib.contextmanager
def opened(data: Path) -> Iterator[str]:
    """Have the source while the block lasts, named in the folder's fullcycle.toml; yield its address.

    Somebody's own [metrics.prometheus] there stays as it is.
    """
    path = data / CONFIG
    written = path.read_text() if path.exists() else ""
    before = _OURS.search(written)
    server = bound(int(before.group(2)) if before else FIRST_PORT)
    port = server.server_port
    if before:
        path.write_text(_OURS.sub(rf"\g<1>{port}", written))
    elif "metrics.prometheus" not in written:
        path.write_text(f"{written}\n{_SECTION.format(port=port)}".lstrip())
    folder = data / "local"
    run = short_folder(folder)
    with serving(server, Proxy(folder, run, HOST, Supervisor(folder, run)).stats):
        yield f"http://{HOST}:{port}"


def bound(first: int) -> _Server:
    """Return a server on that port, or on the first one from 9290 on that is free."""
    for port in (first, *range(FIRST_PORT, FIRST_PORT + PORTS)):
        with contextlib.suppress(OSError, OverflowError):
            return _Server((HOST, port), _Asked)
    raise Error(Code.UNAVAILABLE, f"No port from {FIRST_PORT} on is free for the demo's metrics; stop another program.")
