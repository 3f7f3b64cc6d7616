"""The history of the scorecards: what is written, and what it says of now, of since when, and of then."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import event, func, select

from catalog import scorestore
from catalog.scorecard import SHOULD, Check, Failed, Mark, NotApplicable, Outcome, Passed
from catalog.tables import ScoreRow
from ledger.db import Database
from tests.conftest import NOON

HOUR = timedelta(hours=1)
CHECKOUT, LEDGER = "component:default/checkout", "component:default/ledger"


def marks(**outcomes: Outcome) -> Sequence[Mark]:
    return [
        Mark(Check(name, name, "", SHOULD, lambda _facts, _now: Passed("")), told) for name, told in outcomes.items()
    ]


def write(database: Database, at: datetime, cards: Mapping[str, Sequence[Mark]]) -> int:
    with database.write() as session:
        return scorestore.write(session, cards, at)


def rows(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(ScoreRow)) or 0


def test_only_what_has_changed_is_written(each_database: Database) -> None:
    first = {CHECKOUT: marks(runbook=Failed("none"), fresh=Passed("today"), health=NotApplicable("no deploy"))}
    assert write(each_database, NOON, first) == 3

    later = {CHECKOUT: marks(runbook=Failed("still none"), fresh=Passed("1 day ago"), health=Failed("unchecked"))}
    assert write(each_database, NOON + HOUR, later) == 1
    assert write(each_database, NOON + 2 * HOUR, later) == 0
    assert rows(each_database) == 4


def test_an_outcome_says_since_when_it_is_so(each_database: Database) -> None:
    write(each_database, NOON, {CHECKOUT: marks(runbook=Failed("none"), fresh=Passed("today"))})
    write(each_database, NOON + HOUR, {CHECKOUT: marks(runbook=Passed("linked"), fresh=Passed("today"))})

    with each_database.read() as session:
        found = scorestore.latest(session, [CHECKOUT, LEDGER])[CHECKOUT]

    assert (found["runbook"].passed, found["runbook"].at) == (True, NOON + HOUR)
    assert (found["fresh"].passed, found["fresh"].at) == (True, NOON)


def test_the_catalog_can_be_asked_as_of_a_moment(each_database: Database) -> None:
    write(each_database, NOON, {CHECKOUT: marks(runbook=Failed("none")), LEDGER: marks(fresh=Passed("today"))})
    write(each_database, NOON + HOUR, {CHECKOUT: marks(runbook=Passed("linked")), LEDGER: marks(runbook=Failed(""))})

    with each_database.read() as session:
        assert scorestore.outcomes(session) == {CHECKOUT: {"runbook": True}, LEDGER: {"fresh": True, "runbook": False}}
        assert scorestore.passing(session, NOON - HOUR) == {}
        assert scorestore.passing(session, NOON) == {"fresh": 1}
        assert scorestore.passing(session, NOON + HOUR) == {"runbook": 1, "fresh": 1}


def test_the_history_holds_changes_newest_first_and_no_beginnings(each_database: Database) -> None:
    for hour, (checkout, ledger) in enumerate([("a", "a"), ("b", "a"), ("b", "b"), ("a", "b")]):
        said: dict[str, Outcome] = {"a": Failed("none"), "b": Passed("linked")}
        both = {CHECKOUT: marks(runbook=said[checkout]), LEDGER: marks(runbook=said[ledger])}
        write(each_database, NOON + hour * HOUR, both)

    with each_database.read() as session:
        everything = scorestore.history(session)
        one = scorestore.history(session, LEDGER)
        newest = scorestore.history(session, limit=1)

    told = [(change.ref, change.passed, change.at) for change in everything]
    assert told == [
        (CHECKOUT, False, NOON + 3 * HOUR),
        (LEDGER, True, NOON + 2 * HOUR),
        (CHECKOUT, True, NOON + HOUR),
    ]
    assert [(change.said, change.at) for change in one] == [("linked", NOON + 2 * HOUR)]
    assert newest == everything[:1]


def test_a_check_that_is_no_longer_made_keeps_what_it_said(database: Database) -> None:
    write(database, NOON, {CHECKOUT: marks(theirs=Passed("fine"), runbook=Passed("linked"))})
    write(database, NOON + HOUR, {CHECKOUT: marks(runbook=Passed("linked"))})

    with database.read() as session:
        assert scorestore.outcomes(session) == {CHECKOUT: {"theirs": True, "runbook": True}}


def test_writing_asks_as_often_for_many_as_for_few(database: Database) -> None:
    both = {True: Passed(""), False: NotApplicable("")}
    many = {f"component:default/s{number}": marks(runbook=both[number % 2 == 0]) for number in range(600)}

    with counted(database) as few:
        write(database, NOON, {CHECKOUT: marks(runbook=Passed(""))})
    with counted(database) as lots:
        write(database, NOON, many)

    assert len(few) == len(lots)
    assert rows(database) == 601


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if not statement.startswith(("BEGIN", "SAVEPOINT", "RELEASE", "PRAGMA")):
            statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
