"""A small real mail server that keeps what it gets, and bounces what it does not know, or misbehaves as told."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from tests.serving import serving

Misbehaves = Callable[["Session"], None]


@dataclass
class FakeMail:
    """Its state. Mail for somebody whose name begins with `nobody` is refused for good."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, ...]] = field(default_factory=list)
    always: Misbehaves | None = None
    stopped: threading.Event = field(default_factory=threading.Event)
    gave_up: bool = False  # it has held somebody for as long as it can


class Session(socketserver.StreamRequestHandler):
    @property
    def fake(self) -> FakeMail:
        made: FakeMail = self.server.fake  # type: ignore[attr-defined]
        return made

    def handle(self) -> None:
        if self.fake.always is not None:
            self.fake.always(self)
            return
        self.serve()

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def serve(self, at_rcpt: str = "250 fine", at_end: str = "250 kept") -> None:
        """Take mails; `at_rcpt` and `at_end` are its words to a recipient and to a whole mail, empty: it hangs up."""
        to: list[str] = []
        self.say("220 mail.test ESMTP")
        while line := self.rfile.readline().decode().strip():
            verb = line.upper().split(":")[0].split()[0]
            if verb == "RCPT":
                unknown = "<NOBODY" in line.upper()
                self.say("550 5.1.1 no such person" if unknown else at_rcpt)
                to += [] if unknown else [line.partition("<")[2].partition(">")[0]]
            elif verb == "DATA":
                self.say("354 go on")
                self._keep(to)
                if not at_end:
                    return
                self.say(at_end)
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 fine")

    def _keep(self, to: list[str]) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line)
        made = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(made, EmailMessage)
        self.fake.mails.append(made)
        self.fake.envelopes.append(tuple(to))


def hangs(session: Session) -> None:
    session.fake.gave_up = not session.fake.stopped.wait(30)


def trickles(session: Session) -> None:
    """A greeting of many lines that never ends."""
    for _ in range(1500):
        session.say("220-wait")
        if session.fake.stopped.wait(0.02):
            return
    session.fake.gave_up = True


def cut(_session: Session) -> None:
    pass


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None:
        """Whoever cuts the connection does no wrong here."""


@contextmanager
def fake_mail() -> Iterator[FakeMail]:
    """Run one while the block lasts."""
    server = _Server(("127.0.0.1", 0), Session)
    fake = FakeMail(server.server_address[1])
    server.fake = fake  # type: ignore[attr-defined]
    with serving(server, fake.stopped):
        yield fake
