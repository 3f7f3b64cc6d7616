"""What services answered minute by minute: counted once, without what nobody knows, and forgotten in time."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from ledger.db import Database
from pipelines import traffic
from pipelines.proof import Before
from production.ports import Share
from tests.conftest import NOON

CHECKOUT, PRODUCTION = "component:default/checkout", "production"
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)

# Moments in minutes after noon, with what each release has answered by then: requests and errors.
Counts = Sequence[tuple[float, dict[int, tuple[int, int]]]]


def counted(database: Database, counts: Counts, service: str = CHECKOUT) -> None:
    for minute, totals in counts:
        shares = [Share(release, 0.0, 0, *told) for release, told in totals.items()]
        with database.write() as session:
            traffic.counted(session, service, PRODUCTION, shares, NOON + minute * MINUTE)


def known(database: Database, minute: float = 30, service: str = CHECKOUT) -> list[tuple[int, int]]:
    """Return requests and errors of each minute that is known then."""
    with database.read() as session:
        told = traffic.before(session, service, PRODUCTION, NOON + minute * MINUTE)
    return list(zip(told.requests, told.errors, strict=True))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], []),
        ([(0, {1: (500, 7)})], []),  # whatever was before the first count was not in one minute
        ([(0, {1: (500, 7)}), (1, {1: (620, 8)}), (2, {1: (700, 8)})], [(120, 1), (80, 0)]),
        ([(0, {1: (500, 7)}), (1, {1: (600, 7)}), (1.5, {1: (650, 9)}), (2, {1: (700, 9)})], [(100, 0), (100, 2)]),
        ([(0, {1: (500, 7)}), (1, {1: (30, 2)}), (2, {1: (60, 2)})], [(30, 2), (30, 0)]),  # the proxy began anew
        ([(0, {1: (500, 7)}), (1, {1: (510, 3)})], [(510, 3)]),  # fewer errors in all: it has begun anew, too
        ([(0, {1: (500, 7)}), (1, {1: (550, 7), 2: (50, 4)}), (2, {2: (150, 4)})], [(100, 4), (100, 0)]),
        ([(0, {1: (500, 7)}), (2, {1: (700, 9)})], [(200, 2)]),  # a minute late
        ([(0, {1: (0, 0)}), (10, {1: (900, 9)}), (11, {1: (990, 9)})], [(90, 0)]),  # nobody knows when the 900 came
        ([(0, {1: (10, 0)}), (1, {1: (10, 0)}), (2, {1: (10, 0)})], [(0, 0), (0, 0)]),  # nobody came, and that is known
    ],
)
def test_what_is_new_in_a_minute_counts(
    each_database: Database, counts: Counts, expected: Sequence[tuple[int, int]]
) -> None:
    counted(each_database, counts)

    assert known(each_database) == expected


def test_the_last_hour_is_known_oldest_first(database: Database) -> None:
    counted(database, [(minute, {1: (minute**2, 0)}) for minute in range(100)])

    told = known(database, minute=99)

    assert told == [(minute**2 - (minute - 1) ** 2, 0) for minute in range(40, 100)]


def test_a_clock_that_was_set_back_does_not_end_the_counting(database: Database) -> None:
    counted(database, [(0, {1: (0, 0)}), (1, {1: (100, 0)}), (5000, {1: (150, 0)}), (5001, {1: (180, 0)})])

    counted(database, [(2, {1: (300, 2)}), (3, {1: (400, 3)})])

    assert known(database) == [(100, 0), (200, 2), (100, 1)]


def test_services_are_told_apart(database: Database) -> None:
    counted(database, [(0, {1: (0, 0)}), (1, {1: (10, 1)})])
    counted(database, [(0, {1: (0, 0)}), (1, {1: (99, 9)})], service="component:default/greeter")

    assert known(database) == [(10, 1)]
    assert known(database, service="component:default/greeter") == [(99, 9)]


def test_what_is_old_is_forgotten_and_the_last_hour_is_not(database: Database) -> None:
    counted(database, [(minute, {1: (10 * minute, 0)}) for minute in range(300)])
    at = NOON + 299 * MINUTE

    with database.write() as session:
        traffic.forget(session, at)

    assert len(known(database, minute=299)) == 60
    with database.read() as session:
        assert traffic.before(session, CHECKOUT, PRODUCTION, at - traffic.KEPT - SECOND) == Before()
