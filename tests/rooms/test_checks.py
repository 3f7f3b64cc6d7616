"""Each kind of check against a real small server: what passes, what does not, and the sentence it says."""

import socket
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from production.checks import Looker
from production.ports import Answer, Check, Instance
from production.supervise import until
from tests.serving import serving

ENV = {"REVISION": "abc1234", "SERVICE": "component:default/checkout", "ENVIRONMENT": "production"}
LIMIT = timedelta(milliseconds=300)  # for who does not answer
PATIENCE = timedelta(seconds=30)  # for who does, on a machine that is slow


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = int(self.path.rpartition("/")[2])
        if status == 999:  # headers that trickle in and never end
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not self.server.stopped.wait(0.05):  # type: ignore[attr-defined]
                self.wfile.write(b"X-More: yes\r\n")
            return
        self.send_response(status)
        if status in (301, 302):
            self.send_header("Location", "/login")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.stopped = threading.Event()  # type: ignore[attr-defined]
    with serving(server, server.stopped):  # type: ignore[attr-defined]
        yield Instance("checkout-231-1", 231, "127.0.0.1", server.server_port, "up", timedelta(seconds=12))


@pytest.fixture
def silent() -> Iterator[Instance]:
    """An instance that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Instance("checkout-231-1", 231, "127.0.0.1", server.getsockname()[1], "up")


def look(check: Check, instance: Instance) -> Answer:
    return Looker([Path(sys.executable).parent]).look(check, instance, ENV)


def http(path: str, *status: int, limit: timedelta = PATIENCE) -> Check:
    return Check("http", (path,), status, timeout=limit)


@pytest.mark.parametrize(
    ("check", "passes", "said"),
    [
        (http("/200"), True, "/200 answered 200 in "),
        (http("/204"), True, "/204 answered 204 in "),
        (http("/503"), False, "/503 answered 503 in "),
        (http("/503", 503), True, "/503 answered 503 in "),
        (http("/200", 503), False, "/200 answered 200 in "),
        (http("/301"), False, "/301 answered 301 to /login, and a redirect is no success"),
        (http("/302", 302), True, "/302 answered 302 in "),
    ],
)
def test_an_answer_passes_when_its_status_is_accepted(
    check: Check, passes: bool, said: str, instance: Instance
) -> None:
    answer = look(check, instance)

    assert (answer.passed, answer.said[: len(said)]) == (passes, said)


def test_silence_is_no_success_and_ends_at_the_time_limit(silent: Instance) -> None:
    answer = look(http("/healthz", limit=LIMIT), silent)

    assert not answer.passed
    assert answer.said == "/healthz did not answer within 300ms"
    assert answer.took < PATIENCE


def test_headers_that_trickle_in_do_not_prolong_the_time_limit(instance: Instance) -> None:
    answer = look(http("/999", limit=LIMIT), instance)

    assert (answer.passed, answer.said) == (False, "/999 did not answer within 300ms")
    assert answer.took < PATIENCE


@pytest.mark.parametrize("check", [http("/healthz"), Check("tcp", timeout=PATIENCE)])
def test_nobody_there_is_said_in_words(check: Check) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    answer = look(check, Instance("checkout-231-1", 231, "127.0.0.1", port, "up"))

    assert (answer.passed, answer.said) == (False, f"nothing listens on port {port}: connection refused")


def test_tcp_passes_when_a_connection_is_taken(silent: Instance) -> None:
    answer = look(Check("tcp", timeout=PATIENCE), silent)

    assert answer.passed
    assert answer.said.startswith(f"port {silent.port} took a connection in ")


def test_alive_asks_the_supervisor_only(instance: Instance) -> None:
    dead = Instance("checkout-231-1", 231, "127.0.0.1", 1, "exited", code=3)

    assert look(Check("alive"), instance).passed
    assert not look(Check("alive"), dead).passed
    assert look(Check("alive"), dead).said == "the process exited with code 3"


def command(*argv: str) -> Check:
    return Check("command", argv, timeout=PATIENCE)


def test_a_command_passes_when_it_ends_with_zero(instance: Instance) -> None:
    assert look(command("true"), instance).passed
    answer = look(command("sh", "-c", "echo out of stock; exit 3"), instance)
    assert not answer.passed
    assert answer.said.startswith("“sh” ended with code 3 in ")
    assert answer.said.endswith(": out of stock")


def test_a_command_gets_what_it_was_promised_and_nothing_else(instance: Instance, tmp_path: Path) -> None:
    seen = tmp_path / "env"

    answer = look(command("sh", "-c", f"env -0 > {seen}"), instance)

    assert answer.passed, answer.said
    env = dict(pair.split("=", 1) for pair in seen.read_text().split("\0") if pair)
    assert set(env) - {"PWD", "SHLVL", "_", "OLDPWD"} == {"PATH", "PORT", "HOST", *ENV}  # the shell adds its own
    assert env["PORT"] == str(instance.port)


def test_a_command_out_of_time_is_killed_with_its_children(instance: Instance, tmp_path: Path) -> None:
    child = tmp_path / "child"
    check = Check("command", ("sh", "-c", f"sleep 60 & echo $! > {child}; wait"), timeout=timedelta(seconds=1))

    answer = look(check, instance)

    assert (answer.passed, answer.said) == (False, "“sh” did not end within 1s and was killed")
    pid = int(child.read_text())
    assert until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, 60)


def test_a_command_that_does_not_exist_is_said_in_words(instance: Instance) -> None:
    answer = look(command("no-such-program"), instance)

    assert (answer.passed, answer.said) == (
        False,
        "there is no program “no-such-program”; give its path in the check or install it",
    )
