"""Asks an instance how it is, once: http, tcp, alive or a command. Says what it found in a sentence, never raises.

Nothing here decides whether a release is healthy; how often a check must pass is the caller's matter.
"""

import contextlib
import http.client
import shutil
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from ledger.clock import stopwatch
from production import shell
from production.ports import Answer, Check, Instance, Site
from production.secrets import Masking, unmasked
from production.settings import written

REDIRECTS = (301, 302, 303, 307, 308)
TOLD = ("REVISION", "SERVICE", "ENVIRONMENT")  # what a command learns besides PORT, HOST and PATH

Checkout = Callable[[str, str, int], Path | None]  # service, environment, release -> where its files are
Look = Callable[[], tuple[bool, str]]


class Looker:
    """The real checker. `path_dirs` come first in a command's PATH; it runs in the release's checkout if there is one.

    A PATH in the `env` given to `look` is taken instead. `mask` takes the values of secrets out of what an instance or
    a command has said; no check is given any.
    """

    def __init__(
        self, path_dirs: Sequence[Path] = (), checkout: Checkout | None = None, mask: Masking = unmasked
    ) -> None:
        self._path = shell.search_path(path_dirs)
        self._checkout, self._mask = checkout, mask
        self._kinds = {"http": _http, "tcp": _tcp, "alive": _alive, "command": self._command}

    def look(self, check: Check, instance: Instance, env: Mapping[str, str]) -> Answer:
        took = stopwatch()
        passed, said = self._kinds[check.kind](check, instance, env)
        if not passed:  # else only we have said something
            said = self._mask(Site(env.get("SERVICE", ""), env.get("ENVIRONMENT", ""), {}), said)
        return Answer(passed, said, took())

    def _command(self, check: Check, instance: Instance, env: Mapping[str, str]) -> tuple[bool, str]:
        name, path = check.what[0], env.get("PATH", self._path)
        told = {key: env[key] for key in TOLD if key in env}
        told |= {"PORT": str(instance.port), "HOST": instance.host, "PATH": path}
        cwd = None
        if self._checkout is not None:
            cwd = self._checkout(env.get("SERVICE", ""), env.get("ENVIRONMENT", ""), instance.release)
        if shutil.which(name if "/" not in name else str((cwd or Path("/")) / name), path=path) is None:
            return False, f"there is no program “{name}”; give its path in the check or install it"
        took = stopwatch()
        try:
            ended = shell.run(check.what, told, cwd, check.timeout)
        except OSError as error:
            return False, f"“{name}” could not be started: {error.strerror}"
        if ended.code is None:
            return False, f"“{name}” did not end within {written(check.timeout)} and was killed"
        last = "".join(f": {line}" for line in ended.last(1))
        how = f"was killed by signal {-ended.code}" if ended.code < 0 else f"ended with code {ended.code}"
        return ended.code == 0, f"“{name}” {how} in {_ms(took())}{'' if ended.code == 0 else last}"


def _http(check: Check, instance: Instance, _env: Mapping[str, str]) -> tuple[bool, str]:
    path = check.what[0] if check.what else "/"
    took = stopwatch()

    def ask() -> tuple[bool, str]:
        connection = http.client.HTTPConnection(instance.host, instance.port, timeout=check.timeout.total_seconds())
        with _cut_at(check.timeout, connection) as cut:
            try:
                connection.request("GET", path, headers={"User-Agent": "fullcycle-check", "Connection": "close"})
                answer = connection.getresponse()
            except (OSError, http.client.HTTPException):
                if not cut.is_set():
                    raise
            if cut.is_set():  # an answer that trickles in is none
                raise TimeoutError
            return _judged(check, path, answer.status, answer.getheader("Location"), took())

    return _in_plain_words(ask, path, check, instance)


def _judged(check: Check, path: str, status: int, location: str | None, took: timedelta) -> tuple[bool, str]:
    passed = status in check.status if check.status else 200 <= status <= 299
    if status in REDIRECTS and not passed:
        return False, f"{path} answered {status} to {location or 'nowhere'}, and a redirect is no success"
    return passed, f"{path} answered {status} in {_ms(took)}"


def _tcp(check: Check, instance: Instance, _env: Mapping[str, str]) -> tuple[bool, str]:
    took = stopwatch()

    def ask() -> tuple[bool, str]:
        socket.create_connection((instance.host, instance.port), check.timeout.total_seconds()).close()
        return True, f"port {instance.port} took a connection in {_ms(took())}"

    return _in_plain_words(ask, f"port {instance.port}", check, instance)


def _alive(_check: Check, instance: Instance, _env: Mapping[str, str]) -> tuple[bool, str]:
    if instance.state == "up":
        return True, f"the process is up since {round(instance.uptime.total_seconds())} s"
    if instance.state == "exited":
        return False, "the process exited" + (f" with code {instance.code}" if instance.code is not None else "")
    return False, f"the process is {instance.state}"


def _in_plain_words(ask: Look, what: str, check: Check, instance: Instance) -> tuple[bool, str]:
    """Ask; what goes wrong on the network becomes a sentence."""
    try:
        return ask()
    except TimeoutError:
        said = f"{what} did not answer within {written(check.timeout)}"
    except ConnectionRefusedError:
        said = f"nothing listens on port {instance.port}: connection refused"
    except (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected):
        said = f"{what} was cut off without an answer"
    except http.client.HTTPException:
        said = f"{what} answered something that is not HTTP"
    except (OSError, ValueError) as error:
        said = f"{what} could not be asked: {error}"
    return False, said


@contextlib.contextmanager
def _cut_at(limit: timedelta, connection: http.client.HTTPConnection) -> Iterator[threading.Event]:
    """Cut the connection at the limit: a socket's own time-out begins anew with every byte."""
    cut = threading.Event()

    def cut_off() -> None:
        cut.set()
        with contextlib.suppress(OSError, AttributeError):
            connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(limit.total_seconds(), cut_off)
    timer.daemon = True
    timer.start()
    try:
        yield cut
    finally:
        timer.cancel()
        connection.close()


def _ms(took: timedelta) -> str:
    return f"{round(took.total_seconds() * 1000)} ms"
