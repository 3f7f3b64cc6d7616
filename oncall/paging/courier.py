"""A process of its own that hands pages to apprise: one line of JSON in, one line out, until its input ends.

Apprise and its services are many and trust their addresses, so the process is caged: it connects only where the page
may go, writes no file, reads none outside Python's, starts nothing, and ends by itself when a page takes too long.
What it answers are numbers, never what a service wrote, for that may hold a secret.
"""

import contextlib
import importlib
import json
import os
import resource
import signal
import smtplib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import requests
import requests.adapters
from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
from apprise.plugins.base import NotifyBase
from urllib3.exceptions import NewConnectionError

from oncall.paging.networks import Network, networks, reachable
from oncall.paging.wording import Message, fitted

MEMORY = 1 << 30  # bytes; an answer of a service is read whole
SPARE = 2  # seconds beyond a page's own limit, in which the portal ends this process; then it ends itself
READABLE = (
    "/etc/ssl",
    "/etc/pki",
    "/usr/share/ca-certificates",
    "/usr/share/zoneinfo",
    "/usr/local/share/ca-certificates",
)
FILES = ("/dev/null", "/dev/urandom", "/etc/mime.types", "/etc/localtime", "/etc/ssl/openssl.cnf")
FORBIDDEN = ("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.", "os.startfile")
_GO_AHEAD = 354  # of a mail server: now comes the message
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


class Cage:
    """What the process may do. Once shut it stays shut: Python takes no audit hook away."""

    def __init__(self, readable: Sequence[str]) -> None:
        roots = {os.path.realpath(path) for path in (*sys.path, sys.prefix, sys.base_prefix, *READABLE) if path}
        self._roots = tuple(f"{root}/" for root in roots if root != "/")
        self._files = {*FILES, *readable}
        self.allowed: Sequence[Network] | None = ()  # None: the server is the configuration's, go anywhere
        self.refused = False  # since the last page

    def shut(self) -> None:
        sys.addaudithook(self._heard)

    def _heard(self, event: str, given: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            self._connecting(given[1])
        elif event == "open":
            self._opening(given[0], given[2])
        elif event.startswith(FORBIDDEN):
            raise PermissionError(f"{event} is not for a courier")

    def _connecting(self, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) and address else ""
        if not isinstance(host, str) or not host or not (self.allowed is None or reachable(host, self.allowed)):
            self.refused = True
            raise PermissionError("that address is not allowed")

    def _opening(self, path: Any, flags: Any) -> None:
        if isinstance(path, int):
            return
        name = os.fsdecode(path)
        if isinstance(flags, int) and flags & _WRITING and name != "/dev/null":
            raise PermissionError("a courier writes no file")
        whole = os.path.realpath(name)
        if name not in self._files and whole not in self._files and not whole.startswith(self._roots):
            raise PermissionError("a courier reads no such file")


class Ears:
    """Hears which numbers the services answered with, for apprise only says that it did not work.

    `sent` says that a service may have the page although it did not answer.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.status: int | None = None
        self.after = ""
        self.smtp: int | None = None
        self.sent = False

    def listen(self) -> None:
        send: Any = requests.adapters.HTTPAdapter.send
        reply: Any = smtplib.SMTP.getreply

        def heard_send(adapter: Any, request: Any, *args: Any, **given: Any) -> Any:
            try:
                answer = send(adapter, request, *args, **given)
            except requests.RequestException as error:
                self.sent = self.sent or not _is_unconnected(error)
                raise
            self.status = answer.status_code
            self.after = str(answer.headers.get("Retry-After", ""))[:40]
            return answer

        def heard_reply(session: Any) -> Any:
            code, said = reply(session)
            self.sent = self.sent or code == _GO_AHEAD
            if code >= 400:
                self.smtp = code
            return code, said

        setattr(requests.adapters.HTTPAdapter, "send", heard_send)  # noqa: B010 - a method, to mypy
        setattr(smtplib.SMTP, "getreply", heard_reply)  # noqa: B010


def _is_unconnected(error: requests.RequestException) -> bool:
    if isinstance(error, requests.ConnectTimeout):
        return True
    return bool(error.args) and isinstance(getattr(error.args[0], "reason", None), NewConnectionError)


def plugin(task: Mapping[str, Any]) -> NotifyBase:
    """Return apprise's service for the address; raise TypeError or ValueError for an address that it cannot read."""
    made: type[NotifyBase] = getattr(importlib.import_module(f"apprise.plugins.{task['module']}"), task["made"])
    parsed = made.parse_url(task["url"])
    if not parsed:
        raise ValueError("unreadable")
    asset = AppriseAsset(
        async_mode=False,
        secure_logging=True,
        app_id="fullcycle",
        app_desc="pages",
        app_url="",
        image_url_mask="",
        image_url_logo="",
    )
    service = made(**parsed, asset=asset)
    service.socket_connect_timeout = service.socket_read_timeout = float(task["seconds"])
    service.redirects = False
    return service


def delivered(task: Mapping[str, Any], cage: Cage, ears: Ears) -> dict[str, Any]:
    """Hand one page over and return what happened, in numbers."""
    ears.forget()
    cage.refused = False
    cage.allowed = None if task["allowed"] is None else networks(task["allowed"])
    try:
        service = plugin(task)
    except (TypeError, ValueError, AttributeError):
        return {"readable": False}
    title, body = fitted(
        Message(task["title"], task["sentence"], tuple(task["links"])), service.title_maxlen, service.body_maxlen
    )
    kind = NotifyType.FAILURE if task["urgent"] else NotifyType.INFO
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError, KeyError, RuntimeError):
        sender = Apprise()
        sender.add(service)
        done = sender.notify(body=body, title=title, notify_type=kind, body_format=NotifyFormat.TEXT)
        return {"readable": True, "done": bool(done), **_heard(cage, ears)}
    return {"readable": True, "done": False, **_heard(cage, ears)}


def _heard(cage: Cage, ears: Ears) -> dict[str, Any]:
    return {
        "refused": cage.refused,
        "status": ears.status,
        "after": ears.after,
        "smtp": ears.smtp,
        "sent": ears.sent,
    }


def serve(lines: Any, say: Callable[[str], Any], readable: Sequence[str]) -> None:
    """Do one page after the other."""
    cage, ears = Cage(readable), Ears()
    ears.listen()
    cage.shut()
    for line in lines:
        task = json.loads(line)
        if "url" not in task:
            say("{}\n")  # it was only asked whether somebody is there
            continue
        signal.alarm(int(task["seconds"]) + SPARE)
        answer = delivered(task, cage, ears)
        signal.alarm(0)
        say(json.dumps(answer) + "\n")


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    said = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a service prints is not an answer
    serve(sys.stdin, said.write, sys.argv[1:])


if __name__ == "__main__":
    main()
