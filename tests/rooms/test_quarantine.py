"""A revision that was bad somewhere stays where it is until somebody lifts it."""

from datetime import timedelta

import pytest

from ledger import events
from ledger.db import Database
from ledger.errors import Code, Error
from pipelines import quarantine
from pipelines.quarantine import Quarantined
from tests.conftest import NOON

CHECKOUT, PRODUCTION, ALICE = "component:default/checkout", "production", "user:default/alice"
BAD, OTHER = "bad0000" + "0" * 33, "bad0000" + "1" * 33
HOUR = timedelta(hours=1)


def put(
    database: Database, revision: str = BAD, deploy: int = 7, environment: str = PRODUCTION, hours: int = 0
) -> bool:
    with database.write() as session:
        return quarantine.quarantine(session, CHECKOUT, environment, revision, "5xx", deploy, NOON + hours * HOUR)


def lift(database: Database, revision: str = BAD, environment: str = PRODUCTION) -> Quarantined:
    with database.write() as session:
        return quarantine.lift(session, CHECKOUT, environment, revision, ALICE, NOON + HOUR)


def active(database: Database, environment: str | None = PRODUCTION) -> list[tuple[str, str]]:
    with database.read() as session:
        return [(one.environment, one.revision) for one in quarantine.active(session, CHECKOUT, environment)]


def facts(database: Database) -> list[tuple[str, str]]:
    with database.read() as session:
        return [(one.kind, one.actor) for one in reversed(events.latest(session, service=CHECKOUT))]


def test_it_is_kept_with_its_reason_and_is_a_fact(each_database: Database) -> None:
    assert put(each_database)

    with each_database.read() as session:
        (one,) = quarantine.active(session, CHECKOUT, PRODUCTION)
        assert quarantine.active(session, "component:default/ledger") == []
    assert one == Quarantined(CHECKOUT, PRODUCTION, BAD, "5xx", 7, NOON)
    assert one.why == "it was bad in production, in deploy #7: 5xx"
    assert facts(each_database) == [("revision.quarantined", "worker")]


def test_the_same_deploy_quarantines_once(each_database: Database) -> None:
    put(each_database)

    assert not put(each_database)
    assert len(facts(each_database)) == 1


def test_a_person_lifts_it_by_its_first_digits(each_database: Database) -> None:
    put(each_database)

    assert lift(each_database, " BAD0000 ").revision == BAD
    assert active(each_database) == []
    assert facts(each_database)[-1] == ("quarantine.lifted", ALICE)
    with each_database.read() as session:
        assert quarantine.lifted(session, CHECKOUT, PRODUCTION) == {BAD: NOON + HOUR}


def test_what_was_lifted_and_is_bad_again_is_quarantined_again(each_database: Database) -> None:
    put(each_database)
    lift(each_database)

    assert put(each_database, deploy=8, hours=2)
    assert active(each_database) == [(PRODUCTION, BAD)]
    with each_database.read() as session:
        assert quarantine.lifted(session, CHECKOUT, PRODUCTION) == {}


def test_a_late_word_of_the_deploy_does_not_undo_the_lifting(database: Database) -> None:
    put(database)
    lift(database)

    assert not put(database)
    assert active(database) == []


def test_environments_are_told_apart_and_asked_together(database: Database) -> None:
    put(database)
    put(database, environment="staging", hours=1)

    assert active(database) == [(PRODUCTION, BAD)]
    assert active(database, None) == [("staging", BAD), (PRODUCTION, BAD)]
    lift(database, environment="staging")
    assert active(database, None) == [(PRODUCTION, BAD)]


@pytest.mark.parametrize("text", ["", "bad", "feed000", BAD + "0", "%", "_" * 7])
def test_what_is_not_in_quarantine_cannot_be_lifted(database: Database, text: str) -> None:
    put(database)

    with pytest.raises(Error, match="is not in quarantine in production") as refused:
        lift(database, text)
    assert refused.value.code is Code.NOT_FOUND


def test_what_is_lifted_twice_is_not_there_any_more(database: Database) -> None:
    put(database)
    lift(database)

    with pytest.raises(Error, match="is not in quarantine"):
        lift(database)
    assert [kind for kind, _ in facts(database)].count("quarantine.lifted") == 1


def test_two_that_begin_alike_need_more_digits(database: Database) -> None:
    put(database)
    put(database, OTHER)

    with pytest.raises(Error, match="2 revisions in quarantine begin with bad0000"):
        lift(database, "bad0000")
    assert lift(database, OTHER[:8]).revision == OTHER
