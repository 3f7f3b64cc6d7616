"""What happened, over the API: the audit by position, and one deploy's facts as they come."""

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request

from ledger import events
from ledger.db import Database
from ledger.events import Event
from portal import auth, live
from portal.api import asking, records, tell
from portal.api.asked import LARGEST_ID, EventsQuery, StreamQuery
from portal.live import Hub, Listener, Topic

bp = APIBlueprint("facts", __name__, tag="Facts")
STREAM: dict[int | str, dict[str, str | dict[str, dict[str, Any]]]] = {
    200: {
        "description": "one message for each fact",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    503: {"description": "Too many streams are open; ask for the deploy itself"},
}


@bp.get("/events")
@bp.input(EventsQuery, location="query")
@bp.output(records.Events)
@bp.doc(responses={404: "That can be no service's name"})
def index(query_data: EventsQuery) -> Any:
    """Every fact, oldest first, by its place in the chain

    Each fact's hash covers the fact and the hash before it, so a change of what once happened shows.
    """
    asked, database = query_data, auth.services().database
    events.seal(database)
    with database.read() as session:
        found = events.since(
            session,
            asked.after,
            subject=asked.subject,
            service=asking.ref(asked.service) if asked.service else None,
            limit=asked.limit,
        )
        head = events.head(session)
    whole = len(found) < asked.limit  # then there is nothing more to find up to the head
    last = max(head, asked.after) if whole or not found else found[-1].position or head
    return records.Events(events=[tell.event(event) for event in found], position=last)


@bp.get("/deploys/<int:deploy_id>/events")
@bp.input(StreamQuery, location="query")
@bp.doc(responses=STREAM)
def stream(deploy_id: int, query_data: StreamQuery) -> Response:
    """One deploy's facts as they happen, as server-sent events

    Each message has the fact's position as its id and the fact as its data. A stream ends after 55 s, and after the
    deploy has ended; who comes back says the last id as `Last-Event-ID` or `after` and misses nothing.
    """
    database = auth.services().database
    with database.read() as session:
        asking.row(session, deploy_id)
    hub, after = live.current_hub(), _after(query_data)
    listener = hub.join(Topic(subject=f"deploy:{deploy_id}"), after)
    answer = Response(_messages(database, hub, listener, deploy_id, after), mimetype="text/event-stream")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(lambda: hub.leave(listener))
    return answer


def _after(asked: StreamQuery) -> int:
    told = request.headers.get("Last-Event-ID", "")
    if told.isascii() and told.isdigit() and int(told) <= LARGEST_ID:
        return int(told)
    return asked.after or 0


def _messages(database: Database, hub: Hub, listener: Listener, deploy_id: int, after: int) -> Iterator[str]:
    until = time.monotonic() + live.LIFE
    try:
        yield "retry: 1000\n\n"
        while (left := until - time.monotonic()) > 0 and not hub.has_ended:
            listener.news.clear()
            news, has_ended = _news(database, deploy_id, after)
            for event in news:
                after = event.position or after
                yield f"id: {after}\nevent: fact\ndata: {json.dumps(tell.event(event).model_dump(mode='json'))}\n\n"
            if has_ended:
                yield "event: end\ndata: {}\n\n"
                return
            if not news and not listener.news.wait(min(live.HEARTBEAT, left)):
                yield ": still here\n\n"
    finally:
        hub.leave(listener)


def _news(database: Database, deploy_id: int, after: int) -> tuple[Sequence[Event], bool]:
    """Return what has happened since, and whether the deploy has ended and nothing more can come."""
    subject = f"deploy:{deploy_id}"
    with database.read() as session:
        ended = asking.row(session, deploy_id).ended  # first of all: what ends it comes with its last facts
        found = events.since(session, after, subject=subject)
        newest = events.latest(session, subject=subject, limit=1)
        told = found[-1].position if found else after
        is_all = not newest or (newest[0].position is not None and newest[0].position <= (told or 0))
        return found, is_all and ended
