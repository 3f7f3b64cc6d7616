"""Live pages: one thread per process notices what happened and tells every open page that it is no longer true.

A stream carries no content, only positions: “facts about this were sealed, the last is 412”. The page then fetches
itself and is morphed. A browser that comes back says the last position it saw and misses nothing. Streams end after
55 seconds, so that a restart never waits for them; the browser simply opens the next one.
"""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
import structlog
from flask import Blueprint, Response, current_app, request
from sqlalchemy.exc import SQLAlchemyError

from ledger import events
from ledger.db import Changes, Database
from ledger.errors import Code, Error
from portal.auth import services

log = structlog.get_logger()

LIFE = 55.0  # seconds
HEARTBEAT = 10.0  # seconds; proxies close what is silent for long
GAP = 0.25  # seconds between two messages to one page; what happens meanwhile is told together
LOOK = 1.0  # seconds; how long the tail waits for a commit before it looks whether it shall end
RETRY = 2.0  # seconds until a database that did not answer is asked again

bp = Blueprint("live", __name__)


@dataclass(frozen=True)
class Topic:
    """What a page is about; nothing said means everything."""

    subject: str | None = None
    service: str | None = None

    def matches(self, event: events.Event) -> bool:
        return self.subject in (None, event.subject) and self.service in (None, event.service)


@dataclass(eq=False)  # two pages about the same thing are two
class Listener:
    """One open page. Only the newest position is kept, so a slow browser costs nothing."""

    topic: Topic
    position: int
    news: threading.Event = field(default_factory=threading.Event)

    def tell(self, position: int) -> None:
        self.position = position
        self.news.set()


class Hub:
    """All open pages of this process, and the one thread that watches the database for them."""

    def __init__(self, database: Database, most: int) -> None:
        self._database = database
        self._most = most
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()
        self._tail: threading.Thread | None = None
        self._ended = threading.Event()
        self._position = 0  # up to which everybody has been told

    def __len__(self) -> int:
        return len(self._listeners)

    def join(self, topic: Topic, after: int) -> Listener:
        """Begin to listen; what happened after that position is told at once."""
        listener = Listener(topic, after)
        with self._lock:
            if len(self._listeners) >= self._most:
                raise Error(
                    Code.UNAVAILABLE, "Too many live pages are open; this one shows what was true when it loaded."
                )
            self._listeners.add(listener)
            if self._tail is None:  # begun by the first page, so that a forked server has it in the right process
                self._position = self._head()
                self._tail = threading.Thread(target=self._watch, name="live-tail", daemon=True)
                self._tail.start()
        with self._database.read() as session:
            missed = events.since(session, after, subject=topic.subject, service=topic.service, limit=1)
            head = events.head(session)
        if missed or after > head:
            listener.tell(head)
        return listener

    def _head(self) -> int:
        with self._database.read() as session:
            return events.head(session)

    def leave(self, listener: Listener) -> None:
        with self._lock:
            self._listeners.discard(listener)

    def close(self) -> None:
        self._ended.set()
        for listener in list(self._listeners):
            listener.news.set()
        if self._tail is not None:
            self._tail.join(5 * LOOK)

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    def _watch(self) -> None:
        while not self._ended.is_set():
            try:
                with contextlib.closing(self._database.changes()) as changes:
                    self._follow(changes)
            except (SQLAlchemyError, psycopg.Error, OSError) as error:
                log.warning("live pages wait for the database", error=str(error))
                self._ended.wait(RETRY)

    def _follow(self, changes: Changes) -> None:
        self._catch_up()  # with what happened while nobody watched
        while not self._ended.is_set():
            if changes.wait(LOOK):
                self._catch_up()

    def _catch_up(self) -> None:
        events.seal(self._database)
        while news := self._news():
            self._position = news[-1].position or self._position
            self._broadcast(news, self._position)

    def _news(self) -> list[events.Event]:
        with self._database.read() as session:
            return list(events.since(session, self._position))

    def _broadcast(self, news: list[events.Event], position: int) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            if position > listener.position and any(listener.topic.matches(event) for event in news):
                listener.tell(position)


def messages(hub: Hub, listener: Listener, life: float = LIFE) -> Iterator[str]:
    """Yield what goes down one stream until its life is over."""
    until = time.monotonic() + life
    try:
        yield f"retry: 1000\nid: {listener.position}\n\n"
        while (left := until - time.monotonic()) > 0 and not hub.has_ended:
            if listener.news.wait(min(HEARTBEAT, left)):
                listener.news.clear()
                told = json.dumps({"position": listener.position})
                yield f"event: changed\nid: {listener.position}\ndata: {told}\n\n"
                time.sleep(min(GAP, max(left, 0)))
            else:
                yield ": still here\n\n"
    finally:
        hub.leave(listener)


@bp.get("/live")
def stream() -> Response:
    """Server-sent events for one page: `subject` and `service` say what it is about, `after` what it has seen."""
    hub = current_hub()
    topic = Topic(request.args.get("subject") or None, request.args.get("service") or None)
    listener = hub.join(topic, _after())
    answer = Response(messages(hub, listener), mimetype="text/event-stream")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    # A browser that goes away before the first byte never starts the generator, so its `finally` would not run.
    answer.call_on_close(lambda: hub.leave(listener))
    return answer


def _after() -> int:
    for told in (request.headers.get("Last-Event-ID"), request.args.get("after")):
        if told and told.isdigit() and len(told) < 19:
            return int(told)
    with services().database.read() as session:
        return events.head(session)


def current_hub() -> Hub:
    hub: Hub = current_app.extensions["fullcycle-live"]
    return hub
