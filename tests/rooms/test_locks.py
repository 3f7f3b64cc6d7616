"""Locks: which of them count where and when, and what is written down of them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ledger import events
from ledger.db import Database
from ledger.errors import Code, Error
from pipelines import locks
from pipelines.locks import Lock
from tests.conftest import NOON

ALICE, BOB = "user:default/alice", "user:default/bob"
CHECKOUT, LEDGER = "component:default/checkout", "component:default/ledger"
HOUR = timedelta(hours=1)


def locked(database: Database, service: str | None = CHECKOUT, environment: str | None = None, **more: Any) -> Lock:
    reason = more.pop("reason", "inventory")
    with database.write() as session:
        return locks.lock(session, service, environment, reason, ALICE, NOON, **more)


def counting(database: Database, service: str, environment: str, at: Any = NOON) -> list[int]:
    with database.read() as session:
        return [lock.id for lock in locks.active(session, service, environment, at)]


def refused(act: Callable[[], object]) -> Error:
    with pytest.raises(Error) as found:
        act()
    return found.value


@pytest.mark.parametrize(
    ("service", "environment", "scope", "stops"),
    [
        (CHECKOUT, "production", "checkout in production", {(CHECKOUT, "production")}),
        (CHECKOUT, None, "checkout", {(CHECKOUT, "production"), (CHECKOUT, "staging")}),
        (None, "production", "all of production", {(CHECKOUT, "production"), (LEDGER, "production")}),
        (
            None,
            None,
            "everything",
            {(CHECKOUT, "production"), (CHECKOUT, "staging"), (LEDGER, "production"), (LEDGER, "staging")},
        ),
    ],
)
def test_a_lock_counts_where_it_says(
    each_database: Database, service: str | None, environment: str | None, scope: str, stops: set[tuple[str, str]]
) -> None:
    made = locked(each_database, service, environment)

    assert made.scope == scope
    places = [(one, place) for one in (CHECKOUT, LEDGER) for place in ("production", "staging")]
    assert {place for place in places if counting(each_database, *place)} == stops


def test_what_has_lapsed_no_longer_counts_and_is_among_what_is_over(each_database: Database) -> None:
    made = locked(each_database, expires_at=NOON + HOUR)

    assert counting(each_database, CHECKOUT, "production", NOON + HOUR - timedelta(seconds=1)) == [made.id]
    assert counting(each_database, CHECKOUT, "production", NOON + HOUR) == []
    with each_database.read() as session:
        assert [lock.id for lock in locks.over(session, NOON + HOUR)] == [made.id]
        assert locks.over(session, NOON) == []


def test_several_locks_all_count_the_oldest_first(database: Database) -> None:
    first, second = locked(database, None, "production"), locked(database, CHECKOUT, hard=False)

    assert counting(database, CHECKOUT, "production") == [first.id, second.id]
    with database.write() as session:
        locks.lift(session, first.id, BOB, NOON)
    assert counting(database, CHECKOUT, "production") == [second.id]


def test_setting_and_lifting_are_facts(database: Database) -> None:
    made = locked(database, CHECKOUT, "production", expires_at=NOON + HOUR)
    with database.write() as session:
        lifted = locks.lift(session, made.id, BOB, NOON + HOUR / 2)

    assert (lifted.lifted_by, lifted.lifted_at) == (BOB, NOON + HOUR / 2)
    with database.read() as session:
        told = [(one.kind, one.actor, one.subject, one.service) for one in events.latest(session)]
        set_ = events.latest(session, kinds=["lock.set"])[0].data
    assert told == [("lock.lifted", BOB, "lock:1", CHECKOUT), ("lock.set", ALICE, "lock:1", CHECKOUT)]
    assert (set_["reason"], set_["hard"], set_["until"]) == ("inventory", True, (NOON + HOUR).isoformat())


def test_a_lock_that_is_rolled_back_leaves_no_fact(database: Database) -> None:
    def lock_and_fall() -> None:
        with database.write() as session:
            locks.lock(session, CHECKOUT, None, "inventory", ALICE, NOON)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        lock_and_fall()

    with database.read() as session:
        assert (locks.standing(session, NOON), events.latest(session)) == ([], [])


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"reason": "  "}, "A lock needs a reason"),
        ({"reason": "x" * 301}, "at most 300 characters"),
        ({"expires_at": NOON}, "would be over already"),
    ],
)
def test_what_is_no_lock_is_refused(database: Database, more: Any, words: str) -> None:
    error = refused(lambda: locked(database, **more))

    assert error.code is Code.INVALID
    assert words in error.message


def test_what_does_not_count_any_more_is_not_lifted(database: Database) -> None:
    made = locked(database, expires_at=NOON + HOUR)

    def lift(lock_id: int, at: Any) -> None:
        with database.write() as session:
            locks.lift(session, lock_id, BOB, at)

    assert refused(lambda: lift(made.id, NOON + HOUR)).message == "Lock 1 has lapsed already, at 2026-03-02 13:00 UTC."
    assert refused(lambda: lift(99, NOON)).code is Code.NOT_FOUND
    lift(made.id, NOON)
    assert refused(lambda: lift(made.id, NOON)).code is Code.CONFLICT
