"""What the ledger forgets, and what it keeps."""

from datetime import timedelta

from ledger import events, inbox
from ledger.db import Database
from ledger.jobs import SqlJobs
from ledger.retention import Forgotten, Keep, forget
from oncall import intakestore
from tests.conftest import NOON

DAY = timedelta(days=1)


def fill(database: Database) -> SqlJobs:
    """A job done, a delivery and a fact, each once 10 days old and once of today; and a job still open."""
    jobs = SqlJobs(database)
    for at in (NOON - 10 * DAY, NOON):
        with jobs.transaction() as tx:
            jobs.enqueue(tx, "poll", str(at), at)
            inbox.receive(tx, "github", str(at), {}, b"{}", at)
            events.record(tx, "repository.polled", str(at), "worker", at)
        claim = jobs.claim("anna", ["poll"], at)
        assert claim is not None
        with jobs.transaction() as tx:
            jobs.finish(tx, claim, at)
    with jobs.transaction() as tx:
        jobs.enqueue(tx, "poll", "open since long ago", NOON - 100 * DAY)
    events.seal(database)
    return jobs


def test_facts_are_kept_for_ever_unless_somebody_decides_otherwise(each_database: Database) -> None:
    jobs = fill(each_database)

    assert forget(each_database, jobs, NOON + 25 * DAY, Keep()) == Forgotten(jobs=2, deliveries=1, facts=0)
    assert forget(each_database, jobs, NOON + 25 * DAY, Keep()) == Forgotten(0, 0, 0)
    assert jobs.due(["poll"], NOON) == NOON  # what is open is never forgotten


def test_each_kind_is_kept_as_long_as_said(each_database: Database) -> None:
    jobs = fill(each_database)
    keep = Keep(jobs=DAY, deliveries=DAY, facts=DAY)

    assert forget(each_database, jobs, NOON, keep) == Forgotten(1, 1, 1)
    with each_database.read() as session:
        assert events.verify(session).breaks == ()
        assert [fact.subject for fact in events.latest(session)] == [str(NOON)]


def test_what_waits_to_be_understood_is_kept_however_old_it_is(each_database: Database) -> None:
    jobs = fill(each_database)
    with each_database.write() as session:
        inbox.receive(session, "oncall.events", "first", {}, b"{}", NOON - 90 * DAY)
        kept = inbox.receive(session, "oncall.events", "second", {}, b"{}", NOON - 90 * DAY)
        assert kept is not None
        intakestore.waits(session, kept, 1, "events")

    assert forget(each_database, jobs, NOON, Keep(), intakestore.not_understood()).deliveries == 1

    with each_database.read() as session:
        assert inbox.known(session, "oncall.events", ["first", "second"]) == {"second"}
        assert [one.inbox_id for one in intakestore.waiting(session, 10)] == [kept]
