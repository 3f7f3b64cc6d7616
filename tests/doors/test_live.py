"""Live pages: told at once, of what they are about only, from where they left off, and never too many."""

import threading
import time
from collections.abc import Iterator

import pytest

from ledger import events
from ledger.db import Database
from ledger.errors import Code, Error
from portal import live
from portal.live import Hub, Listener, Topic, messages
from tests.conftest import NOON
from tests.doors.browsing import browser
from tests.doors.served import Served, portal, until

PATIENCE = 60.0  # seconds, for what takes some hundredths of one
CHECKOUT = "component:default/checkout"


@pytest.fixture
def hub(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(live, "LOOK", 0.05)
    made = Hub(database, most=3)
    yield made
    made.close()


def happen(database: Database, subject: str, service: str | None = None) -> None:
    with database.write() as session:
        events.record(session, "deploy.attempted", subject, "worker", NOON, service=service)


def told(listener: Listener) -> bool:
    return listener.news.wait(PATIENCE)


def test_a_page_is_told_of_a_commit_at_once(hub: Hub, database: Database) -> None:
    listener = hub.join(Topic("deploy:1"), 0)
    begun = time.monotonic()

    happen(database, "deploy:1")

    assert told(listener)
    assert time.monotonic() - begun < 30
    assert listener.position == 1


def test_a_page_is_told_only_of_what_it_is_about(hub: Hub, database: Database) -> None:
    strangers = [hub.join(Topic("deploy:1"), 0), hub.join(Topic(service="component:default/ledger"), 0)]
    meant = hub.join(Topic(service=CHECKOUT), 0)

    happen(database, "deploy:2", CHECKOUT)

    assert told(meant)
    assert not [one for one in strangers if one.news.is_set()]


def test_what_happened_while_a_browser_was_away_is_told_when_it_comes_back(hub: Hub, database: Database) -> None:
    happen(database, "deploy:1")
    events.seal(database)

    assert hub.join(Topic("deploy:1"), 0).news.is_set()
    assert not hub.join(Topic("deploy:1"), 1).news.is_set()
    assert not hub.join(Topic("deploy:2"), 0).news.is_set()


def test_a_browser_that_knows_more_than_there_is_looks_again(hub: Hub) -> None:
    """The database was made anew since; its positions begin at one again."""
    assert hub.join(Topic(), 400).news.is_set()


def test_too_many_streams_are_refused_and_room_is_made_by_leaving(hub: Hub) -> None:
    listeners = [hub.join(Topic(), 0) for _ in range(3)]

    with pytest.raises(Error) as refused:
        hub.join(Topic(), 0)
    assert refused.value.code is Code.UNAVAILABLE

    hub.leave(listeners[0])
    assert hub.join(Topic(), 0)


def test_many_facts_at_once_are_one_message_with_the_last_position(hub: Hub, database: Database) -> None:
    listener = hub.join(Topic(), 0)
    for _ in range(20):
        happen(database, "deploy:1")
    until_position(listener, 20)

    stream = messages(hub, listener, life=0.05)

    assert next(stream).startswith("retry:")
    assert '"position": 20' in next(stream)
    assert "changed" not in next(stream, "")


def until_position(listener: Listener, position: int) -> None:
    end = time.monotonic() + PATIENCE
    while listener.position < position:
        assert time.monotonic() < end, f"waited in vain for position {position}"
        time.sleep(0.01)


def test_a_stream_ends_by_itself_and_leaves(hub: Hub) -> None:
    listener = hub.join(Topic(), 0)

    assert list(messages(hub, listener, life=0.0)) == ["retry: 1000\nid: 0\n\n"]
    assert len(hub) == 0


def test_a_quiet_stream_says_that_it_is_there(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT", 0.01)
    stream = messages(hub, hub.join(Topic(), 0), life=5)
    next(stream)

    assert next(stream).startswith(":")
    stream.close()
    assert len(hub) == 0


def test_ten_pages_are_told_by_one_thread(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK", 0.05)
    hub = Hub(database, most=10)
    before = threading.active_count()
    listeners = [hub.join(Topic(), 0) for _ in range(10)]

    assert threading.active_count() == before + 1
    happen(database, "deploy:1")
    assert all(told(listener) for listener in listeners)
    hub.close()


def test_a_database_that_stops_answering_is_asked_again(
    database: Database, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "RETRY", 0.01)
    broken = threading.Event()
    real = events.since

    def once(*arguments: object, **more: object) -> object:
        if not broken.is_set():
            broken.set()
            raise OSError("gone")
        return real(*arguments, **more)  # type: ignore[arg-type]

    listener = hub.join(Topic("deploy:1"), 0)
    monkeypatch.setattr(events, "since", once)
    happen(database, "deploy:1")

    assert broken.wait(PATIENCE)
    assert told(listener)


# Over HTTP.


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with portal(tmp_path_factory.mktemp("shop")) as made:
        yield made


def test_a_stream_is_one_for_browsers_and_proxies(shop: Served) -> None:
    answer = browser(shop, "carol").get("/live")

    assert answer.mimetype == "text/event-stream"
    assert answer.headers["X-Accel-Buffering"] == "no"
    assert answer.headers["Cache-Control"] == "no-store"
    answer.close()


def test_a_browser_resumes_with_the_last_id_it_saw(shop: Served) -> None:
    carol = browser(shop, "carol")
    events.seal(shop.services.database)

    behind = carol.get("/live?after=999999", headers={"Last-Event-ID": "0"})
    assert b"changed" in first(behind, 2)
    behind.close()


def first(answer: object, count: int) -> bytes:
    told = iter(answer.response)  # type: ignore[attr-defined]
    return b"".join(next(told) for _ in range(count))


def test_no_session_of_the_database_is_held_while_streaming(shop: Served) -> None:
    carol = browser(shop, "carol")
    answers = [carol.get("/live") for _ in range(5)]
    for answer in answers:
        first(answer, 1)

    pool = shop.services.database._reader.pool
    try:  # the one thread that watches takes a session now and then, the streams never
        until(lambda: pool.checkedout() == 0, "no session is held")  # type: ignore[attr-defined]
    finally:
        for answer in answers:
            answer.close()
    assert len(shop.app.extensions["fullcycle-live"]) == 0


def test_beyond_the_cap_the_answer_is_503(shop: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    carol = browser(shop, "carol")
    monkeypatch.setattr(shop.app.extensions["fullcycle-live"], "_most", 1)
    answer = carol.get("/live")

    assert carol.get("/live").status_code == 503
    answer.close()
    again = carol.get("/live")
    assert again.status_code == 200
    again.close()
