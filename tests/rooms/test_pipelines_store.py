"""Deploys in their tables: numbers, the trip there and back, and compare-and-set; on both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from ledger.db import Database
from ledger.errors import Code, Error
from pipelines import store
from pipelines.change import Change, Commit
from pipelines.deploy import Deploy, Fact, Kind, State
from pipelines.machine import apply
from pipelines.plan import Plan, ReleaseRef, StepKind, plan
from pipelines.store import Asked
from pipelines.tables import DeployRow
from pipelines.watch import seen
from production.ports import Answer, Instance
from tests.conftest import NOON
from tests.pure.deploys import CHECKOUT, NEW, OLD, SECOND, STRATEGIES, spec_of

ASKED = Asked(CHECKOUT, "production", 3, NEW, spec_of(STRATEGIES["canary"]), "user:default/alice", note="why not")


def frozen() -> Plan:
    commit = Commit("c" * 40, "Say hello", "Zoë", "zoe@example.org", NOON, 2, 3, 1, ("config",))
    return plan(CHECKOUT, "production", ASKED.spec, NEW, OLD, Change((commit,), 2, 3, 1, ("config",)))


def added(database: Database, asked: Asked = ASKED) -> int:
    with database.write() as session:
        return store.add(session, asked, NOON)


def loaded(database: Database, deploy_id: int) -> Deploy:
    with database.read() as session:
        return store.load(session, deploy_id)[1]


def told(database: Database, deploy_id: int, *facts: Fact) -> Deploy:
    """Apply and save facts, one transaction each; return what is then in the table."""
    for number, fact in enumerate(facts):
        before = loaded(database, deploy_id)
        with database.write() as session:
            store.save(session, before, apply(before, fact, NOON + number * SECOND))
    return loaded(database, deploy_id)


def test_what_the_click_froze_comes_back_the_same(each_database: Database) -> None:
    deploy_id = added(each_database)

    with each_database.read() as session:
        asked, deploy, orders = store.load(session, deploy_id)

    assert asked == ASKED
    assert deploy == Deploy(deploy_id)
    assert orders == []


def test_a_deploy_comes_back_the_same_at_every_turn(each_database: Database) -> None:
    deploy_id = added(each_database)
    one = Instance("checkout-2-1", 2, "127.0.0.1", 30_001, "up")
    watch = seen((), frozen().checks[0], one, Answer(False, "answered 503", timedelta(milliseconds=12)), NOON)
    facts = [
        Fact(Kind.BOUND, plan=frozen()),
        *[Fact(Kind.ATTEMPTED), Fact(Kind.STEP_DONE, "done")] * 2,
        Fact(Kind.ATTEMPTED),
        Fact(Kind.OBSERVED, watch=watch),
        Fact(Kind.STEP_FAILED, "answered 503", watch=watch),
        Fact(Kind.UNDO_ATTEMPTED),
        Fact(Kind.UNDO_RETRIED, "not yet"),
        Fact(Kind.UNDO_ATTEMPTED),
        Fact(Kind.UNDO_STEP_DONE),
        Fact(Kind.RESTORED),
    ]
    expected = Deploy(deploy_id)
    for number, fact in enumerate(facts):
        expected = apply(expected, fact, NOON + number * SECOND)

    found = told(each_database, deploy_id, *facts)

    assert found.version == len(facts)
    assert found == Deploy(**{**expected.__dict__, "version": found.version})
    assert found.state is State.UNDONE


def test_a_deploy_from_before_something_was_kept_is_read_without_it(database: Database) -> None:
    deploy_id = added(database)
    was = told(database, deploy_id, Fact(Kind.BOUND, plan=frozen()), Fact(Kind.ATTEMPTED), Fact(Kind.STEP_FAILED))
    with database.write() as session:
        row = session.get_one(DeployRow, deploy_id)
        row.progress = {name: kept for name, kept in row.progress.items() if name not in ("fell", "answered", "heard")}

    assert was.fell == ()
    assert loaded(database, deploy_id) == replace(was, fell=None)


def test_who_writes_second_writes_nothing(each_database: Database) -> None:
    deploy_id = added(each_database)
    both_read = loaded(each_database, deploy_id)
    told(each_database, deploy_id, Fact(Kind.BOUND, plan=frozen()))

    with pytest.raises(Error) as refused, each_database.write() as session:
        store.save(session, both_read, apply(both_read, Fact(Kind.ABORTED), NOON))

    assert refused.value.code is Code.CONFLICT
    assert loaded(each_database, deploy_id).state is State.GOING


@pytest.mark.parametrize(
    ("steps", "doing", "wave"),
    [(1, "prepare", 0), (2, "start", 1), (5, "bake", 1), (6, "start", 2), (15, "stop", 3)],
)
def test_the_list_s_columns_follow_the_steps(database: Database, steps: int, doing: str, wave: int) -> None:
    deploy_id = added(database)
    done = [Fact(Kind.ATTEMPTED), Fact(Kind.STEP_DONE)] * (steps - 1)
    told(database, deploy_id, Fact(Kind.BOUND, plan=frozen()), *done, Fact(Kind.ATTEMPTED))

    with database.read() as session:
        row = session.get_one(DeployRow, deploy_id)

    assert (row.doing, row.wave, row.waves, row.base, row.commits) == (doing, wave, 3, 1, 1)


def numbered(session: Session, revision: str, service: str = CHECKOUT) -> int:
    store.lock_service(session, service)
    return store.number(session, service, revision, "a change", NOON).number


def test_releases_count_per_service_and_a_revision_has_one_number(each_database: Database) -> None:
    with each_database.write() as session:
        numbers = [numbered(session, revision) for revision in "abcab"]
        other = numbered(session, "a", "component:default/basket")

    assert numbers == [1, 2, 3, 1, 2]
    assert other == 1
    with each_database.read() as session:
        assert store.next_number(session, CHECKOUT, "b") == 2
        assert store.next_number(session, CHECKOUT, "new") == 4
        assert store.release(session, CHECKOUT, 3) == ReleaseRef(3, "c", "a change")
        assert store.release(session, CHECKOUT, 9) is None


def test_what_people_order_comes_back_in_the_order_in_which_they_said_it(database: Database) -> None:
    deploy_id = added(database)
    with database.write() as session:
        store.order(session, deploy_id, "abort", "user:default/alice", NOON, "wrong branch")
        store.order(session, deploy_id, "abort", "user:default/bob", NOON + SECOND, "me too")

    with database.read() as session:
        orders = store.load(session, deploy_id)[2]

    assert [(one.kind, one.actor, one.reason, one.at) for one in orders] == [
        ("abort", "user:default/alice", "wrong branch", NOON),
        ("abort", "user:default/bob", "me too", NOON + SECOND),
    ]


def test_there_is_no_such_deploy(database: Database) -> None:
    with pytest.raises(Error) as refused, database.read() as session:
        store.load(session, 4711)

    assert refused.value.code is Code.NOT_FOUND


def test_what_serves_is_the_last_that_became_healthy(each_database: Database) -> None:
    with each_database.write() as session:
        store.set_live(session, ASKED, 7, NOON)
        store.set_live(session, Asked(CHECKOUT, "production", 3, OLD, ASKED.spec, "alice"), 8, NOON + SECOND)

    with each_database.read() as session:
        assert store.live(session, CHECKOUT, "production") == OLD
        assert store.live(session, CHECKOUT, "staging") is None


def test_steps_are_expected_to_take_the_median_of_the_last_five(database: Database) -> None:
    for took in (1, 2, 3, 4, 50, 60, 70):  # seconds for making ready; the first two are too old to count
        deploy_id = added(database)
        walked = apply(Deploy(deploy_id), Fact(Kind.BOUND, plan=frozen()), NOON)
        at = NOON
        for step in frozen().steps:
            walked = apply(walked, Fact(Kind.ATTEMPTED), at)
            at += took * SECOND if step.kind is StepKind.PREPARE else SECOND
            walked = apply(walked, Fact(Kind.STEP_DONE), at)
        with database.write() as session:
            store.save(session, Deploy(deploy_id), apply(walked, Fact(Kind.COMPLETED), at))

    with database.read() as session:
        past = store.past(session, CHECKOUT, "production")
        assert store.past(session, CHECKOUT, "staging") == {}

    assert past[StepKind.PREPARE] == 50 * SECOND
    assert past[StepKind.WEIGH] == SECOND


def test_only_what_has_not_ended_is_open(database: Database) -> None:
    waiting, ended = added(database), added(database)
    told(database, ended, Fact(Kind.ABORTED))

    with database.read() as session:
        assert store.unfinished(session, [waiting, ended]) == [waiting]
        assert store.open_deploy(session, CHECKOUT, "production", NEW.revision) == waiting
        assert store.open_deploy(session, CHECKOUT, "production", NEW.revision, rollback=True) is None
        assert store.open_deploy(session, CHECKOUT, "staging", NEW.revision) is None
